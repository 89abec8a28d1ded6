import json
from pathlib import Path

import numpy as np
import pytest

import leafscan
from leafscan import Config, FileFormatError, SearchParams, Tree


def test_it_tells_what_the_index_is(tmp_path: Path) -> None:
    config = Config(tree=Tree(num_leaves=3), search=SearchParams(leaves=2))
    vectors = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    index = leafscan.build(vectors, metric="dot_product", config=config, ids=np.arange(50) + 7, seed=5)
    path = tmp_path / "file"
    index.save(path)
    inside = leafscan.inspect(str(path))
    assert (inside.path, inside.nbytes) == (str(path), path.stat().st_size)
    assert (inside.format, inside.library) == (1, leafscan.__version__)
    assert (inside.metric, inside.rows, inside.dim, inside.ids, inside.seed) == (
        "dot_product",
        50,
        4,
        "integers",
        5,
    )
    assert inside.config == index.config
    assert sum(section.nbytes for section in inside.sections) == index.nbytes
    assert json.loads(json.dumps(inside.to_dict()))["config"] == index.config.to_dict()


def test_what_sections_hold_is_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "file"
    leafscan.build(np.eye(3, dtype=np.float32), metric="dot_product").save(path)
    data = bytearray(path.read_bytes())
    data[-64:] = b"\xff" * 64
    path.write_bytes(data)
    assert leafscan.inspect(path).rows == 3
    with pytest.raises(FileFormatError):
        leafscan.load(path)


def test_a_file_that_is_cut_or_missing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    leafscan.build(np.eye(3, dtype=np.float32), metric="dot_product").save(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FileFormatError, match="the section"):
        leafscan.inspect(path)
    with pytest.raises(FileNotFoundError):
        leafscan.inspect(tmp_path / "none")
