"""What is drawn: the builder's calls and their arguments, mostly legal, and now and then anything."""

import math
from typing import Any

from hypothesis import strategies as st

from leafscan import scann

__all__ = ["COUNT", "ODD", "K", "calls", "mostly"]

ODD = st.sampled_from([0, -1, -2, 2**31, 2**63, 1.5, math.nan, math.inf, "x", None, True, b"x", (), [1]])


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw what is usual, and once in forty times anything."""
    # Not one of the ends, which are drawn more often.
    return st.integers(0, 39).flatmap(lambda turn: ODD if turn == 17 else usual)


COUNT = mostly(st.integers(1, 70))
KIND = mostly(st.sampled_from(list(scann.ReorderType)))
REAL = mostly(st.sampled_from([math.nan, 0.0, 0.2, 1, 1.5, 3.0, 10.0]))
FLAG = mostly(st.booleans())
K = mostly(st.one_of(st.none(), st.just(-1), st.integers(1, 90)))

METHODS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "tree": {
        "num_leaves": mostly(st.integers(1, 20)),
        "num_leaves_to_search": COUNT,
        "training_sample_size": COUNT,
        "min_partition_size": REAL,
        "training_iterations": mostly(st.integers(1, 5)),
        "spherical": FLAG,
        "quantize_centroids": FLAG,
        "random_init": FLAG,
        "incremental_threshold": mostly(st.sampled_from([None, 5, 0.5])),
        "avq": mostly(st.sampled_from([None, None, 1, 2.5])),
        "soar_lambda": mostly(st.sampled_from([None, None, 0, 1.5])),
        "overretrieve_factor": mostly(st.sampled_from([None, 2.0])),
    },
    "upper_tree": {
        "num_leaves": mostly(st.integers(1, 8)),
        "num_leaves_to_search": COUNT,
        "scoring_mode": KIND,
        "soar_lambda": mostly(st.sampled_from([None, 1.5])),
    },
    "pca": {
        "reduction_dim": mostly(st.sampled_from([None, 1, 2, 3])),
        "pca_significance_threshold": mostly(st.sampled_from([None, 0.5, 0.8, 1.0])),
    },
    "truncate": {"reduction_dim": mostly(st.integers(1, 4))},
    "score_ah": {
        "dimensions_per_block": mostly(st.integers(1, 5)),
        "anisotropic_quantization_threshold": REAL,
        "training_sample_size": COUNT,
        "hash_type": mostly(st.sampled_from(["lut16", "lut16", "lut256"])),
        "training_iterations": mostly(st.integers(1, 3)),
    },
    "score_brute_force": {"quantize": KIND},
    "reorder": {
        "reordering_num_neighbors": COUNT,
        "quantize": KIND,
        "anisotropic_quantization_threshold": REAL,
    },
    "autopilot": {
        "mode": mostly(st.sampled_from(list(scann.IncrementalMode))),
        "quantize": KIND,
    },
}

#: Parts that go together, and now and then whatever comes.
SHAPES = st.integers(0, 9).flatmap(
    lambda turn: (
        st.lists(st.sampled_from(sorted(METHODS)), max_size=4)
        if turn == 5
        else st.sampled_from(
            [
                ["score_brute_force"],
                ["tree", "score_brute_force"],
                ["score_ah", "reorder"],
                ["tree", "score_ah"],
                ["tree", "score_ah", "reorder"],
                ["tree", "upper_tree", "score_ah", "reorder"],
                ["tree", "pca", "score_ah", "reorder"],
                ["truncate", "score_ah", "reorder"],
                ["autopilot"],
            ]
        )
    )
)


@st.composite
def calls(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    """Draw calls of the builder: what is needed, and some of what may be left out."""
    drawn = []
    for method in draw(SHAPES):
        needed = {"num_leaves", "num_leaves_to_search", "dimensions_per_block", "reordering_num_neighbors"}
        arguments = {
            name: draw(value)
            for name, value in METHODS[method].items()
            if name in needed or (method == "truncate") or draw(st.integers(0, 3)) == 0
        }
        drawn.append((method, arguments))
    return drawn
