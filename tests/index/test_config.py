import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from leafscan import AsymmetricHash, BruteForce, Config, Reorder, SearchParams, Tree

FULL = Config(
    tree=Tree(num_leaves=100, training_sample_size=5_000, training_iterations=3),
    score=AsymmetricHash(
        dimensions_per_block=4,
        anisotropic_quantization_threshold=0.1 + 0.2,
        training_sample_size=1_000,
        training_iterations=2,
    ),
    reorder=Reorder(dtype="float32"),
    search=SearchParams(leaves=30, candidates=150),
)


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config(tree=Tree(num_leaves=3)),
        Config(score=AsymmetricHash()),
        Config(score=AsymmetricHash(), reorder=Reorder()),
        Config(score=BruteForce(dtype="bfloat16")),
        Config(
            score=AsymmetricHash(),
            reorder=Reorder(dtype="int8", anisotropic_quantization_threshold=0.1 + 0.2),
        ),
        Config(
            score=AsymmetricHash(),
            reorder=Reorder(first_dtype="int8", anisotropic_quantization_threshold=0.1),
            search=SearchParams(candidates=100, refined=20),
        ),
        FULL,
    ],
)
def test_goes_through_json_and_back(config: Config) -> None:
    again = Config.from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert hash(again) == hash(config)
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config


def test_what_a_dictionary_leaves_out_takes_its_default() -> None:
    assert Config.from_dict({}) == Config()
    assert Config.from_dict({"score": {"asymmetric_hash": {}}}) == Config(score=AsymmetricHash())
    assert Config.from_dict({"tree": {"num_leaves": 3}, "reorder": None}) == Config(tree=Tree(num_leaves=3))
    assert BruteForce.from_dict(BruteForce().to_dict()) == BruteForce()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Config.from_dict({"trees": None}), "Config has no parameter 'trees'; it has tree, score"),
        (
            lambda: Config.from_dict({"tree": {"leaves": 1}}),
            "Tree has no parameter 'leaves'; it has num_leaves,",
        ),
        (lambda: Config.from_dict({"tree": {}}), "Tree needs the parameter 'num_leaves', which is missing"),
        (lambda: BruteForce.from_dict({"x": 1}), "BruteForce has no parameter 'x'; it has dtype"),
        (lambda: Config.from_dict({"score": {"hash": {}}}), "score must be .*asymmetric_hash"),
        (lambda: Config.from_dict({"score": None}), "score must be .*received None"),
        (lambda: Config.from_dict({"score": {"asymmetric_hash": {}, "brute_force": {}}}), "score must be"),
        (lambda: Tree(num_leaves=0), "Tree's num_leaves must be at least 1; received 0"),
        (lambda: Tree(num_leaves=9, training_sample_size=8), r"at least num_leaves \(9\).*received 8"),
        (lambda: Tree(num_leaves=9, training_iterations=0), "training_iterations must be at least 1"),
        (lambda: AsymmetricHash(dimensions_per_block=-2), "dimensions_per_block must be at least 1"),
        (
            lambda: AsymmetricHash(lookup_bits=16),  # type: ignore[arg-type]
            r"AsymmetricHash's lookup_bits must be 4 \(ScaNN's lut16\) or 8 \(lut256\); received 16",
        ),
        (
            lambda: AsymmetricHash(lookup_bits=8, training_sample_size=255),
            "training_sample_size must be at least 256",
        ),
        (lambda: AsymmetricHash(training_sample_size=15), "training_sample_size must be at least 16"),
        (lambda: AsymmetricHash(training_iterations=0), "training_iterations must be at least 1"),
        (lambda: AsymmetricHash(anisotropic_quantization_threshold=-0.2), "threshold must be finite and at"),
        (lambda: AsymmetricHash(anisotropic_quantization_threshold=float("nan")), "threshold must be finite"),
        (
            lambda: Reorder(dtype="float16"),  # type: ignore[arg-type]
            'Reorder\'s dtype must be "float32", "bfloat16" or "int8"; received \'float16\'',
        ),
        (lambda: BruteForce(dtype="uint8"), "BruteForce's dtype must be"),  # type: ignore[arg-type]
        (
            lambda: Reorder(anisotropic_quantization_threshold=0.2),
            "Reorder's anisotropic_quantization_threshold is for the rounding to bfloat16 or int8",
        ),
        (
            lambda: Reorder(dtype="int8", anisotropic_quantization_threshold=-1.0),
            "Reorder's anisotropic_quantization_threshold must be finite and at least 0; received -1.0",
        ),
        (lambda: Reorder(dtype=np.dtype(np.float32)), "Reorder's dtype must be"),  # type: ignore[arg-type]
        (
            lambda: Reorder(dtype="int8", first_dtype="int8"),
            "Reorder's first_dtype must take fewer bytes than dtype, \"int8\"; received 'int8'",
        ),
        (lambda: Reorder(first_dtype="float32"), "Reorder's first_dtype must take fewer bytes than dtype"),
        (lambda: Reorder(first_dtype="int4"), "Reorder's first_dtype must be"),  # type: ignore[arg-type]
        (lambda: SearchParams(refined=0), "SearchParams's refined must be at least 1"),
        (
            lambda: Config(score=AsymmetricHash(), reorder=Reorder(), search=SearchParams(refined=9)),
            "search.refined is 9, but there is no second stage of reordering; leave it out, or give",
        ),
        (
            lambda: SearchParams(candidates=2**63),
            "SearchParams's candidates must be at most 9223372036854775807",
        ),
        (lambda: Tree(num_leaves=9, soar_lambda=10**400), "soar_lambda must be finite and at least 0"),
        (lambda: SearchParams(leaves=0), "SearchParams's leaves must be at least 1"),
        (lambda: SearchParams(candidates=-1), "SearchParams's candidates must be at least 1"),
        (lambda: Config(reorder=Reorder()), "reorder has nothing to do where score is BruteForce"),
        (lambda: Config(search=SearchParams(leaves=3)), "search.leaves is 3, but there is no tree"),
        (
            lambda: Config(tree=Tree(num_leaves=5), search=SearchParams(leaves=6)),
            "search.leaves must be between 1 and the tree's 5 leaves; received 6",
        ),
        (lambda: Config(search=SearchParams(candidates=9)), "candidates is 9.*BruteForce.* is exact already"),
        (
            lambda: Config(score=AsymmetricHash(), search=SearchParams(candidates=9)),
            r"candidates is 9, but nothing is reordered: leave it out, or give reorder=Reorder\(\)",
        ),
    ],
)
def test_what_cannot_be_gets_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Tree(num_leaves=2.0), "num_leaves must be a whole number"),  # type: ignore[arg-type]
        (lambda: Tree(num_leaves=True), "num_leaves must be a whole number"),
        (lambda: SearchParams(leaves="3"), "leaves must be a whole number"),  # type: ignore[arg-type]
        (lambda: AsymmetricHash(anisotropic_quantization_threshold="x"), "threshold must be a number"),  # type: ignore[arg-type]
        (lambda: Config(tree=5), "tree must be a Tree or None; received 5"),  # type: ignore[arg-type]
        (lambda: Config(score=None), "score must be an AsymmetricHash or a BruteForce; received None"),  # type: ignore[arg-type]
        (lambda: Config(reorder="float32"), "reorder must be a Reorder or None"),  # type: ignore[arg-type]
        (lambda: Config(search=None), "search must be a SearchParams; received None"),  # type: ignore[arg-type]
        (lambda: Config.from_dict([]), "Config.from_dict takes a mapping"),  # type: ignore[arg-type]
        (lambda: Config.from_dict({"tree": 5}), "Tree.from_dict takes a mapping"),
        (lambda: Tree(100), "positional"),  # type: ignore[call-arg]
    ],
)
def test_what_is_of_the_wrong_kind_gets_a_sentence(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(TypeError, match=sentence):
        make()


def test_the_rows_dtype_is_that_of_the_part_that_reads_them() -> None:
    assert Config(score=BruteForce(dtype="bfloat16")).row_dtype == "bfloat16"
    assert Config(score=AsymmetricHash(), reorder=Reorder(dtype="int8")).row_dtype == "int8"
    assert Config(score=AsymmetricHash()).row_dtype is None


def test_parts_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        FULL.search.leaves = 3  # type: ignore[misc]


def test_numpy_numbers_become_plain_ones() -> None:
    tree = Tree(num_leaves=np.int64(7))  # type: ignore[arg-type]
    score = AsymmetricHash(anisotropic_quantization_threshold=np.float32(0.5))  # type: ignore[arg-type]
    params = SearchParams(leaves=np.uint8(3))  # type: ignore[arg-type]
    assert json.loads(json.dumps([tree.to_dict(), score.to_dict(), params.to_dict()]))[0]["num_leaves"] == 7
    assert type(score.anisotropic_quantization_threshold) is float
    assert params == SearchParams(leaves=3)


def test_zero_asks_for_the_plain_error() -> None:
    assert AsymmetricHash(anisotropic_quantization_threshold=0).anisotropic_quantization_threshold == 0.0
