from typer.testing import CliRunner

import leafscan
from leafscan.cli.app import app

RUNNER = CliRunner()


def test_version():
    result = RUNNER.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith(f"leafscan {leafscan.__version__} (Python 3.")


def test_help_names_the_commands_and_their_options():
    assert "demo" in RUNNER.invoke(app, []).output
    said = RUNNER.invoke(app, ["demo", "--help"], env={"COLUMNS": "140", "NO_COLOR": "1"}).output
    for option in ("--dataset", "--backend", "--preset", "--epochs", "--seed", "--output"):
        assert option in said


def test_wrong_options_are_refused():
    for wrong in (["--epochs", "0"], ["--seed", "-1"], ["--backend", "numpy"], ["--preset", "best"]):
        assert RUNNER.invoke(app, ["demo", *wrong]).exit_code == 2
