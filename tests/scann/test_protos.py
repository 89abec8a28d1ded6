"""Protos are read strictly, and what is unknown is named."""

from pathlib import Path

import pytest

from leafscan.scann.protos import read_binary, read_text

DIRECTORIES = Path(__file__).parent / "directories"

pytestmark = pytest.mark.usefixtures("protobuf")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("num_neighbours: 3", 'no field named "num_neighbours"'),
        ("partitioning { num_childs: 3 }", 'no field named "num_childs"'),
        ("num_neighbors: 3 num_neighbors: 4", "multiple"),
        ("num_neighbors: many", "num_neighbors"),
        ("partitioning { partitioning_type: ROUND }", "ROUND"),
        ("partitioning {", "Expected"),
        ("crowding { enabled: true }", 'no field named "crowding"'),
        ("{" * 5000, "ScannConfig"),
    ],
)
def test_texts_that_say_something_else_are_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_text("ScannConfig", text, "scann_config")


def test_a_text_must_be_one() -> None:
    with pytest.raises(TypeError, match="scann_config must be a text proto"):
        read_text("ScannConfig", 3, "scann_config")  # type: ignore[arg-type]


def test_floats_are_what_was_written() -> None:
    told = read_text("ScannConfig", "partitioning { avq: 2.1 min_cluster_size: nan }", "scann_config")
    assert repr(told) == "{'partitioning': {'min_cluster_size': nan, 'avq': 2.1}}"


def test_unknown_fields_of_bytes_are_named() -> None:
    with pytest.raises(ValueError, match="the field 29 of ScannConfig"):
        read_binary("ScannConfig", bytes([29 << 3 & 0x7F | 0x80, 29 << 3 >> 7, 1]), "scann_config.pb")
    with pytest.raises(ValueError, match="a value of Partitioning's partitioning_type"):
        read_binary("ScannConfig", bytes([8 << 3 | 2, 3, 0xB8, 1, 9]), "scann_config.pb")


def test_damaged_bytes_are_refused() -> None:
    whole = (DIRECTORIES / "scann" / "tree-codes" / "serialized_partitioner.pb").read_bytes()
    assert read_binary("Partitioner", whole, "whole")["n_tokens"] == 4
    with pytest.raises(ValueError, match="is not a Partitioner"):
        read_binary("Partitioner", whole[:-3], "cut short")
