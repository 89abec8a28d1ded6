"""Write golden index files of the present format: ``python -m scripts.write_golden``.

Once for each version of the format: tests/index/test_golden_files.py holds that later versions of leafscan
load them and answer the same. What is there already is never written again.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

import leafscan
from leafscan.index.files import FORMAT
from soak.families import FAMILIES, Family

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "index" / "golden"

QUERIES = 4
K = 5


def main() -> None:
    """Write one file of each family of plan that has none yet, and what it answers."""
    folder = GOLDEN / str(FORMAT)
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "answers.json"
    answers = json.loads(told.read_text(encoding="utf-8")) if told.exists() else {}
    for name, family in FAMILIES.items():
        if name in answers:
            continue  # golden files are never written again
        index = family.build()
        index.save(folder / f"{name}.leafscan")
        answers[name] = _answers(family, index)
    told.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _answers(family: Family, index: leafscan.Index) -> dict[str, Any]:
    queries = family.queries(QUERIES)
    allowed = index.ids[: len(index) // 3]
    found = index.search(queries, k=K)
    among = index.search(queries, k=K, filter=index.filter(allow=allowed))
    # A float32 comes back from JSON as it was.
    return {
        "queries": queries.tolist(),
        "ids": found.ids.tolist(),
        "scores": np.asarray(found.scores, np.float64).tolist(),
        "allowed": allowed.tolist(),
        "ids_allowed": among.ids.tolist(),
        "scores_allowed": np.asarray(among.scores, np.float64).tolist(),
        "tags": index.tags(index.ids[:9]),
    }


if __name__ == "__main__":
    main()
