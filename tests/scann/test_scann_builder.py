"""The builder has ScaNN's calls, and its configuration says what ScaNN's says."""

import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscan import scann
from leafscan.scann.config_text import ConfigText
from leafscan.scann.protos import read_text

DIRECTORIES = Path(__file__).parent / "directories"
Builder = Callable[..., scann.ScannBuilder]

NAN = math.nan

# As scann 1.4.2 has them.
SIGNATURES: dict[str, list[tuple[str, Any]]] = {
    "set_n_training_threads": [("threads", inspect.Parameter.empty)],
    "set_builder_lambda": [("builder_lambda", inspect.Parameter.empty)],
    "pca": [
        ("reduction_dim", None),
        ("pca_significance_threshold", 0.8),
        ("pca_truncation_threshold", 0.6),
    ],
    "truncate": [("reduction_dim", inspect.Parameter.empty)],
    "upper_tree": [
        ("num_leaves", inspect.Parameter.empty),
        ("num_leaves_to_search", inspect.Parameter.empty),
        ("avq", NAN),
        ("soar_lambda", None),
        ("overretrieve_factor", None),
        ("scoring_mode", scann.ReorderType.INT8),
        ("anisotropic_quantization_threshold", NAN),
    ],
    "tree": [
        ("num_leaves", inspect.Parameter.empty),
        ("num_leaves_to_search", inspect.Parameter.empty),
        ("training_sample_size", 100_000),
        ("min_partition_size", 50),
        ("training_iterations", 12),
        ("spherical", False),
        ("quantize_centroids", False),
        ("random_init", True),
        ("incremental_threshold", None),
        ("avq", None),
        ("soar_lambda", None),
        ("overretrieve_factor", None),
        ("distance_measure", None),
        ("projection", None),
        ("upper_tree", None),
    ],
    "score_ah": [
        ("dimensions_per_block", inspect.Parameter.empty),
        ("anisotropic_quantization_threshold", NAN),
        ("training_sample_size", 100_000),
        ("min_cluster_size", 100),
        ("hash_type", "lut16"),
        ("training_iterations", 10),
        ("residual_quantization", None),
        ("n_dims", None),
        ("projection", None),
    ],
    "score_brute_force": [("quantize", scann.ReorderType.FLOAT32)],
    "reorder": [
        ("reordering_num_neighbors", inspect.Parameter.empty),
        ("quantize", scann.ReorderType.FLOAT32),
        ("anisotropic_quantization_threshold", NAN),
    ],
    "autopilot": [("mode", scann.IncrementalMode.NONE), ("quantize", scann.ReorderType.FLOAT32)],
    "create_config": [],
}


@pytest.mark.parametrize("method", SIGNATURES)
def test_signatures_are_those_of_1_4_2(method: str) -> None:
    parameters = list(inspect.signature(getattr(scann.ScannBuilder, method)).parameters.values())[1:]
    told = [(parameter.name, parameter.default) for parameter in parameters]
    assert repr(told) == repr(SIGNATURES[method])


def test_enumerations_are_those_of_1_4_2() -> None:
    assert {kind.name: kind.value for kind in scann.ReorderType} == {"FLOAT32": 1, "INT8": 2, "BFLOAT16": 3}
    modes = {mode.name: mode.value for mode in scann.IncrementalMode}
    assert modes == {"NONE": 1, "ONLINE": 2, "ONLINE_INCREMENTAL": 3}


def recorded() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads((DIRECTORIES / "scann" / "configurations.json").read_text())
    return told


def value_of(value: Any) -> Any:
    return (
        scann.ReorderType[value]
        if isinstance(value, str) and value in scann.ReorderType.__members__
        else value
    )


def called(record: dict[str, Any]) -> scann.ScannBuilder:
    builder = scann.ScannBuilder(np.zeros((500, 16), np.float32), 10, record["measure"])
    for method, positional, keywords in record["calls"]:
        values = [value_of(value) for value in positional]
        if method == "autopilot":
            values[0] = scann.IncrementalMode[positional[0]]
        getattr(builder, method)(*values, **{name: value_of(value) for name, value in keywords.items()})
    return builder


@pytest.mark.usefixtures("protobuf")
@pytest.mark.parametrize("record", recorded(), ids=lambda record: "-".join(c[0] for c in record["calls"]))
def test_the_configuration_says_what_scann_says(record: dict[str, Any]) -> None:
    theirs = read_text("ScannConfig", record["text"], "theirs")
    ours = read_text("ScannConfig", str(called(record).create_config()), "ours")
    assert repr(sorted_by_name(ours)) == repr(sorted_by_name(theirs))


@pytest.mark.usefixtures("protobuf")
@pytest.mark.parametrize("record", recorded(), ids=lambda record: "-".join(c[0] for c in record["calls"]))
def test_a_text_reads_as_what_it_remembers(record: dict[str, Any]) -> None:
    text = called(record).create_config()
    assert isinstance(text, ConfigText)
    again = read_text("ScannConfig", str(text), "text")
    assert repr(sorted_by_name(again)) == repr(sorted_by_name(dict(text.settings)))


def sorted_by_name(told: Any) -> Any:
    if isinstance(told, dict):
        return {name: sorted_by_name(told[name]) for name in sorted(told)}
    if isinstance(told, list):
        return [sorted_by_name(each) for each in told]
    return told


def test_every_call_returns_the_builder(builder: Builder) -> None:
    begun = builder()
    assert begun.tree(10, 5) is begun
    assert begun.upper_tree(3, 2).truncate(8).score_ah(2).reorder(30) is begun
    assert begun.set_n_training_threads(1).set_builder_lambda(lambda *_, **__: 7) is begun
    assert builder().autopilot() is not begun


def test_a_part_is_configured_once(builder: Builder) -> None:
    with pytest.raises(ValueError, match="tree has already been configured"):
        builder().tree(10, 5).tree(10, 5)
    with pytest.raises(ValueError, match="score_brute_force has already been configured"):
        builder().score_brute_force().score_brute_force()


def test_build_hands_on_what_it_is_given(builder: Builder, rows: Any) -> None:
    seen: list[Any] = []

    def remember(db: Any, config: str, threads: int, **kwargs: Any) -> str:
        seen.extend([db, config, threads, kwargs])
        return "a searcher"

    begun = builder().score_brute_force().set_n_training_threads(3).set_builder_lambda(remember)
    assert begun.build(docids=["x"], shared_name="s") == "a searcher"
    assert seen[0] is rows
    assert seen[1] == begun.create_config()
    assert seen[2:] == [3, {"docids": ["x"], "shared_name": "s"}]


def test_a_plain_builder_has_nothing_to_build_with(rows: Any) -> None:
    with pytest.raises(RuntimeError, match="set_builder_lambda"):
        scann.ScannBuilder(rows, 10, "dot_product").score_brute_force().build()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda b: b.tree(0, 1), "tree's num_leaves"),
        (lambda b: b.tree(10, 2.5), "tree's num_leaves_to_search"),
        (lambda b: b.tree(10, 5, spherical="yes"), "tree's spherical"),
        (lambda b: b.tree(10, 5, avq=0.5), "tree's avq"),
        (lambda b: b.tree(10, 5, soar_lambda=-1), "tree's soar_lambda"),
        (lambda b: b.tree(10, 5, incremental_threshold="x"), "tree's incremental_threshold"),
        (lambda b: b.tree(10, 5, projection="x"), "tree's projection is what the builder fills in"),
        (lambda b: b.score_ah(0), "score_ah's dimensions_per_block"),
        (lambda b: b.score_ah(2, math.inf), "score_ah's anisotropic_quantization_threshold"),
        (lambda b: b.score_ah(2, hash_type="lut64"), "score_ah's hash_type"),
        (lambda b: b.score_brute_force("INT8"), "score_brute_force's quantize must be a ReorderType"),
        (lambda b: b.reorder(0), "reorder's reordering_num_neighbors"),
        (lambda b: b.truncate(0), "truncate's reduction_dim"),
        (lambda b: b.pca(None, None), "pca needs reduction_dim"),
        (lambda b: b.pca(None, 1.5), "pca's pca_significance_threshold"),
        (lambda b: b.upper_tree(3, 0), "upper_tree's num_leaves_to_search"),
        (lambda b: b.autopilot("ONLINE"), "autopilot's mode must be an IncrementalMode"),
        (lambda b: b.set_builder_lambda(3), "builder_lambda must be callable"),
        (lambda b: b.set_n_training_threads(-1), "threads must be between 0"),
    ],
)
def test_what_is_wrong_is_named_when_it_is_called(builder: Builder, call: Any, told: str) -> None:
    with pytest.raises((ValueError, TypeError), match=told):
        call(builder())


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        (lambda b: b, "exactly one of score_ah and score_brute_force"),
        (lambda b: b.score_ah(2).score_brute_force(), "exactly one of score_ah and score_brute_force"),
        (lambda b: b.tree(9, 3).pca(4, None).truncate(4).score_ah(2), "at most one of pca and truncate"),
        (lambda b: b.truncate(16).score_ah(2), "truncate's reduction_dim must be less than the 16"),
        (lambda b: b.pca(17, None).score_ah(2), "pca's reduction_dim must be at most the 16"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(builder: Builder, calls: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        calls(builder()).create_config()


def test_the_measure_and_k_are_checked_with_the_configuration(rows: Any) -> None:
    for measure in ("cosine", None, 3):
        begun = scann.scann_ops_pybind.builder(rows, 10, measure).score_brute_force()  # type: ignore[arg-type]
        with pytest.raises(ValueError, match='distance_measure must be "dot_product" or "squared_l2"'):
            begun.create_config()
    for k in (0, -1, None, 2.5, "3", 2**31):
        begun = scann.scann_ops_pybind.builder(rows, k, "dot_product").score_brute_force()  # type: ignore[arg-type]
        with pytest.raises((ValueError, TypeError), match="num_neighbors"):
            begun.create_config()


def test_avq_and_soar_are_for_dot_products(builder: Builder) -> None:
    for options in ({"avq": 2.0}, {"soar_lambda": 1.5}):
        with pytest.raises(ValueError, match='for "dot_product"'):
            builder("squared_l2").tree(10, 5, **options).score_ah(2).create_config()
