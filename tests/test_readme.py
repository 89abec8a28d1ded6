import re
from pathlib import Path

import numpy as np


def test_the_example_runs(tmp_path, monkeypatch):
    readme = Path(__file__).resolve().parents[1] / "README.md"
    (example,) = re.findall(
        r"^```python\n(.*?)^```", readme.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    generator = np.random.default_rng(0)
    vectors = generator.standard_normal((2_000, 16), dtype=np.float32)
    names = {
        "vectors": vectors,
        "ids": np.arange(2_000) + 7,
        "queries": vectors[:3],
        "seen": [7, 9],
        "seen_by_each": [[7, 9], [8, -1], [-1, -1]],
        "genres": ["Comedy", "Drama"] * 1_000,
        "years": list(range(2_000)),
    }
    monkeypatch.chdir(tmp_path)
    exec(example, names)
    assert names["result"].ids.shape == (3, 10)
    assert (tmp_path / "movies.leafscan").exists()
    assert (tmp_path / "catalogue").is_dir()
