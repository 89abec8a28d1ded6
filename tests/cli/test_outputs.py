from pathlib import Path

import pytest

from leafscan.cli.failing import CommandError
from leafscan.cli.outputs import check_output


def test_a_file_that_can_be_written_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_output(tmp_path / "new.leafscan")
    monkeypatch.chdir(tmp_path)
    check_output(Path("new.leafscan"))


def test_a_folder_and_what_lies_in_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is a folder; give a file in it"):
        check_output(tmp_path)
    with pytest.raises(CommandError, match=r"there is no folder .*none; make it first"):
        check_output(tmp_path / "none" / "new.leafscan")
