import errno
import os
import pickle
import threading
from io import UnsupportedOperation
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import leafscan
from leafscan.index import files
from leafscan.index.catalogue.journal import Journal
from leafscan.index.index import Index

Matrix = NDArray[np.float32]


def _content(index: Index) -> dict[Any, list[float]]:
    ids = index.ids.tolist()
    return dict(zip(ids, index.vectors(ids).tolist(), strict=True))


def test_updates_are_there_when_it_is_opened_again(path: Path, index: Index, points: Matrix) -> None:
    wanted = _content(index)
    with leafscan.open(path, index) as catalogue:
        catalogue.upsert([5, 10], points[:2])
        catalogue.delete([20, 30])
        catalogue.upsert([20], points[2:3])
        assert catalogue.pending == 3
        assert catalogue.pending_bytes == 8 * 5 + 4 * 8 * 3
        here = _content(catalogue)
        order = catalogue.ids.tolist()
    wanted.update({5: points[0].tolist(), 10: points[1].tolist(), 20: points[2].tolist()})
    del wanted[30]
    assert here == wanted
    with leafscan.open(path) as again:
        assert _content(again) == wanted
        assert again.ids.tolist() == order
        assert again.pending == 3
        assert again.search(points[0], k=1).scores.tolist() == [0]
        assert set(again.search(points[0], k=2).ids.tolist()) == {0, 5}


def test_strings_are_kept(path: Path, points: Matrix) -> None:
    index = leafscan.build(points[:3], metric="cosine", ids=["a", "b", "é"])
    with leafscan.open(path, index) as catalogue:
        catalogue.upsert(["ü", "a"], points[3:5])
        catalogue.delete(["é"])
    with leafscan.open(path) as again:
        assert again.ids.tolist() == ["b", "ü", "a"]
        again.checkpoint()
    with leafscan.open(path) as again:
        assert again.ids.tolist() == ["b", "ü", "a"]
        assert again.search(points[3], k=1).ids.tolist() == ["ü"]


def test_the_index_given_stays_apart(path: Path, index: Index, points: Matrix) -> None:
    before = _content(index)
    with leafscan.open(path, index) as catalogue:
        catalogue.delete([0])
        assert len(catalogue) == len(index) - 1
    assert _content(index) == before


def test_a_checkpoint_folds(catalogue: leafscan.Catalogue, path: Path, points: Matrix) -> None:
    catalogue.checkpoint()
    assert [file.name for file in path.glob("snapshot-*")] == ["snapshot-000001.leafscan"]  # Nothing to fold.
    catalogue.upsert([7], points[:1])
    catalogue.checkpoint()
    assert (catalogue.pending, catalogue.pending_bytes) == (0, 0)
    assert [file.name for file in path.glob("snapshot-*")] == ["snapshot-000002.leafscan"]
    catalogue.delete([0])
    assert catalogue.pending == 1
    wanted = _content(catalogue)
    assert _content(leafscan.load(path / "snapshot-000002.leafscan")).keys() == wanted.keys() | {0}
    catalogue.close()
    with leafscan.open(path, verify=True) as again:
        assert _content(again) == wanted


def test_tags_are_kept(path: Path, points: Matrix) -> None:
    index = leafscan.build(
        points[:3], metric="cosine", ids=[1, 2, 3], tags={"genre": ["a", ["a", "b"], None]}
    )
    with leafscan.open(path, index) as catalogue:
        catalogue.upsert([4, 2], points[3:5], tags={"genre": [{"b"}, None], "year": np.array([1994, 1995])})
        catalogue.upsert([1], points[5:6])

        def found(index: Index, where: dict[str, Any]) -> list[int]:
            ids = index.search(points[0], k=4, filter=index.filter(where=where)).ids
            return sorted(ids[ids >= 0].tolist())

        asked: list[dict[str, Any]] = [{"genre": "a"}, {"genre": "b"}, {"year": {"$gte": 1995}}]
        here = [found(catalogue, where) for where in asked]
        with leafscan.open(path, read_only=True) as reader:
            assert [found(reader, where) for where in asked] == here
        catalogue.checkpoint()
    with leafscan.open(path) as again:
        assert [found(again, where) for where in asked] == here
    assert here == [[1], [4], [2]]


def test_updates_go_on_beside_a_checkpoint(
    catalogue: leafscan.Catalogue, path: Path, points: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files.write

    def slowly(*arguments: Any) -> None:
        for update in (lambda: catalogue.upsert([2], points[1:2]), lambda: catalogue.delete([1])):
            other = threading.Thread(target=update)
            other.start()
            other.join(30)
        write(*arguments)

    catalogue.upsert([1], points[:1])
    with monkeypatch.context() as patch:
        patch.setattr(files, "write", slowly)
        catalogue.checkpoint()
    assert catalogue.pending == 2
    wanted = _content(catalogue)
    assert 2 in wanted
    assert 1 not in wanted
    assert 1 in leafscan.load(path / "snapshot-000002.leafscan")
    catalogue.close()
    with leafscan.open(path) as again:
        assert _content(again) == wanted


def test_a_checkpoint_keeps_a_rebalance(path: Path, points: Matrix) -> None:
    plan = leafscan.Config(tree=leafscan.Tree(num_leaves=4))
    with leafscan.open(path, leafscan.build(points, metric="squared_l2", config=plan)) as catalogue:
        finer = leafscan.Config(tree=leafscan.Tree(num_leaves=7))
        catalogue.rebalance(config=finer)
        catalogue.delete([0])
        content, config = _content(catalogue), catalogue.config
        with leafscan.open(path, read_only=True) as reader:
            assert _content(reader) == content
        catalogue.checkpoint()
        catalogue.rebalance()
        catalogue.checkpoint()
        catalogue.checkpoint()
    assert [file.name for file in path.glob("snapshot-*")] == ["snapshot-000003.leafscan"]
    with leafscan.open(path) as again:
        assert _content(again) == content
        assert again.config.tree is not None
        assert config.tree is not None
        assert again.config.tree.num_leaves == config.tree.num_leaves == 7


def test_an_empty_one_goes_on(catalogue: leafscan.Catalogue, path: Path, points: Matrix) -> None:
    catalogue.delete(catalogue.ids)
    with pytest.raises(ValueError, match="an index without any vector cannot be written"):
        catalogue.checkpoint()
    catalogue.close()
    with leafscan.open(path) as again:
        assert len(again) == 0
        again.upsert([1], points[:1])
        again.checkpoint()
    with leafscan.open(path) as again:
        assert again.ids.tolist() == [1]


def test_an_update_that_is_refused_changes_nothing(catalogue: leafscan.Catalogue, points: Matrix) -> None:
    before = _content(catalogue)
    with pytest.raises(ValueError, match="33"):
        catalogue.delete([0, 33])
    with pytest.raises(ValueError, match=r"shape|\(m, d\)|dimensions"):
        catalogue.upsert([1], points[:1, :3])
    assert catalogue.pending == 0
    assert _content(catalogue) == before


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("after", [False, True])
def test_an_update_that_fails_did_not_happen(
    path: Path,
    index: Index,
    points: Matrix,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    after: bool,
) -> None:
    """Ctrl-C may come when the disk has it already: it is taken back."""
    append = Journal.append

    def fail(journal: Journal, update: Any) -> None:
        if after:
            append(journal, update)
        raise error

    with leafscan.open(path, index) as catalogue:
        catalogue.upsert([1], points[:1])
        before = _content(catalogue)
        with monkeypatch.context() as patch:
            patch.setattr(Journal, "append", fail)
            with pytest.raises(type(error)):
                catalogue.upsert([2, 10], points[:2])
            with pytest.raises(type(error)):
                catalogue.delete([0])
        assert catalogue.pending == 1
        assert _content(catalogue) == before
        catalogue.delete([0])
        after_all = _content(catalogue)
    with leafscan.open(path) as again:
        assert _content(again) == after_all


def test_a_checkpoint_that_cannot_be_written_changes_nothing(
    catalogue: leafscan.Catalogue, path: Path, points: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.upsert([1], points[:1])

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    for name in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(OSError, match="full"):
                catalogue.checkpoint()
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "point", full)
        with pytest.raises(OSError, match="full"):
            catalogue.checkpoint()
    assert [file.name for file in path.glob("snapshot-*")] == ["snapshot-000001.leafscan"]
    assert catalogue.pending == 1
    catalogue.checkpoint()
    assert catalogue.pending == 0


def test_ctrl_c_after_a_checkpoints_commit_leaves_what_counts(
    catalogue: leafscan.Catalogue, path: Path, points: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = Journal.point

    def interrupted(*arguments: Any) -> None:
        point(*arguments)
        raise KeyboardInterrupt

    catalogue.upsert([1], points[:1])
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "point", interrupted)
        with pytest.raises(KeyboardInterrupt):
            catalogue.checkpoint()
    assert [file.name for file in path.glob("snapshot-*")] == ["snapshot-000002.leafscan"]
    assert catalogue.pending == 0
    catalogue.close()
    with leafscan.open(path) as again:
        assert 1 in again


def test_a_closed_one_is_searched_and_not_updated(path: Path, index: Index, points: Matrix) -> None:
    catalogue = leafscan.open(path, index)
    catalogue.close()
    catalogue.close()
    assert catalogue.search(points[1], k=1).ids.tolist() == [10]
    for update in (
        lambda: catalogue.upsert([1], points[:1]),
        lambda: catalogue.delete([0]),
        catalogue.checkpoint,
    ):
        with pytest.raises(ValueError, match="was closed; open it again"):
            update()
    leafscan.open(path).close()


def test_a_reader_is_not_updated(catalogue: leafscan.Catalogue, path: Path, points: Matrix) -> None:
    catalogue.upsert([1], points[:1])
    with leafscan.open(path, read_only=True) as reader:
        assert reader.read_only
        assert not catalogue.read_only
        assert 1 in reader
        assert reader.pending == 0
        for update in (lambda: reader.upsert([2], points[:1]), lambda: reader.delete([0]), reader.checkpoint):
            with pytest.raises(UnsupportedOperation, match="was opened with read_only=True"):
                update()
        catalogue.delete([1])
        catalogue.checkpoint()
        assert 1 in reader
        assert reader.search(points[0], k=2).scores.tolist() == [0, 0]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_does_not_write(catalogue: leafscan.Catalogue, path: Path, points: Matrix) -> None:
    catalogue.upsert([1], points[:1])
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = []
            for update in (
                lambda: catalogue.upsert([2], points[:1]),
                lambda: catalogue.delete([0]),
                catalogue.checkpoint,
            ):
                try:
                    update()
                except UnsupportedOperation as error:
                    said.append(str(error))
            catalogue.close()
            os.write(write, "\n".join(said).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    said = os.read(read, 10_000).decode().splitlines()
    assert len(said) == 3
    assert all(
        f"by the process {os.getpid()}, of which this one ({child}) is a fork" in line for line in said
    )
    catalogue.upsert([3], points[:1])
    with pytest.raises(BlockingIOError):
        leafscan.open(path)
    catalogue.close()
    with leafscan.open(path) as again:
        assert [one in again for one in (0, 1, 2, 3)] == [True, True, False, True]


def test_threads_may_write(catalogue: leafscan.Catalogue, path: Path, points: Matrix) -> None:
    def work(thread: int) -> None:
        for step in range(8):
            catalogue.upsert([1001 + 10 * thread + step], points[step : step + 1])
            if step == 4:
                catalogue.checkpoint()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = _content(catalogue)
    assert len(wanted) == 60 + 32
    catalogue.close()
    with leafscan.open(path) as again:
        assert _content(again) == wanted


def test_a_pickle_is_of_the_index_alone(catalogue: leafscan.Catalogue, points: Matrix) -> None:
    catalogue.upsert([1], points[:1])
    copy = pickle.loads(pickle.dumps(catalogue))
    assert type(copy) is Index
    assert _content(copy) == _content(catalogue)
    copy.delete([1])
    assert 1 in catalogue


def test_it_says_what_it_is(catalogue: leafscan.Catalogue, path: Path) -> None:
    assert repr(catalogue).startswith("<leafscan.Catalogue: 60 x 8, squared_l2, exact, ")
    assert catalogue.path == path
    with pytest.raises(TypeError, match=r"open it with leafscan\.open"):
        leafscan.Catalogue()
