import os
import subprocess
import sys

import pytest

from leafscan.cli import main


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_a_missing_library_gets_a_sentence(module: str):
    code = f"import sys; sys.modules[{module!r}] = None\nfrom leafscan.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f'The leafscan command needs {module}, which is not installed; pip install "leafscan[cli]" has it.\n'
    )


def test_what_else_is_missing_is_not_blamed_on_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "leafscan.cli.app", None)
    with pytest.raises(ModuleNotFoundError, match="leafscan"):
        main()


def test_it_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "argv", ["leafscan", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("leafscan ")


def test_the_command_imports_no_framework():
    code = (
        "import sys, leafscan.cli.app\n"
        "print(sorted({'keras', 'jax', 'torch', 'tensorflow', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_letters_that_the_terminal_lacks_do_not_end_it():
    code = (
        "import sys; sys.argv = ['leafscan', '--version']\n"
        "from leafscan.cli import main\n"
        "try: main()\n"
        "except SystemExit: print('C\\xe9r\\xe9monie, La (1995)')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert b"C?r?monie, La (1995)" in done.stdout
