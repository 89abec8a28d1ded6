import zipfile
from pathlib import Path

import pytest

from leafscan.recommend import load_movielens, write_synthetic_movielens
from leafscan.recommend.movielens import files, synthetic_files
from leafscan.recommend.movielens.files import pack, read_files


@pytest.mark.parametrize("form", ["grouplens", "recbole"])
@pytest.mark.parametrize("name", ["ml-100k", "ml-100k.zip", "recbole.whl"])
def test_folders_and_archives_are_read(tmp_path: Path, form: str, name: str):
    path = write_synthetic_movielens(tmp_path / name, users=5, movies=9, ratings_per_user=4, form=form)
    assert read_files(path) == synthetic_files(users=5, movies=9, ratings_per_user=4, form=form)
    assert len(load_movielens(path)) == 20


def test_a_folder_above_is_enough(tmp_path: Path):
    write_synthetic_movielens(tmp_path / "recbole" / "dataset_example" / "ml-100k", form="recbole", users=5)
    assert len(load_movielens(tmp_path).users["user_id"]) == 5


def test_grouplens_files_come_first(tmp_path: Path):
    write_synthetic_movielens(tmp_path, form="recbole", users=5)
    write_synthetic_movielens(tmp_path / "deeper", users=6)
    assert set(read_files(tmp_path)) == {"u.data", "u.item", "u.user"}


def test_files_scattered_over_folders_are_refused(tmp_path: Path):
    contents = synthetic_files()
    for folder, name in zip("abc", contents, strict=True):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(contents[name])
    with pytest.raises(ValueError, match=r"holds no folder with u\.data, u\.item, u\.user"):
        read_files(tmp_path)


def test_a_truncated_archive_is_refused(archive: Path):
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"not a readable zip archive .* cut short"):
        load_movielens(archive)


def test_a_damaged_member_is_refused(archive: Path):
    content = bytearray(archive.read_bytes())
    content[200] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"ml-100k\.zip"):
        load_movielens(archive)


def test_nothing_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"there is nothing at .*missing.zip"):
        load_movielens(tmp_path / "missing.zip")


def test_a_member_that_claims_too_much_is_refused(archive: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(files, "_MOST_BYTES", 100)
    with pytest.raises(ValueError, match="claims more than"):
        read_files(archive)


def test_pack_writes_what_read_files_reads(tmp_path: Path):
    contents = synthetic_files(form="recbole")
    pack(contents, tmp_path / "packed.zip")
    assert read_files(tmp_path / "packed.zip") == contents
    assert zipfile.ZipFile(tmp_path / "packed.zip").testzip() is None
