"""Text protos that remember what they say."""

import copy
import pickle

from leafscan.scann.config_text import ConfigText

SETTINGS = {
    "num_neighbors": 3,
    "distance_measure": {"distance_measure": "DotProductDistance"},
    "x": ["A", 0.5],
}


def test_it_is_written_as_scann_writes_it() -> None:
    assert ConfigText.write(SETTINGS) == (
        'num_neighbors: 3\ndistance_measure {\n  distance_measure: "DotProductDistance"\n}\nx: A\nx: 0.5\n'
    )


def test_what_stands_beside_is_not_remembered() -> None:
    text = ConfigText.write(SETTINGS, beside={"autopilot": {}})
    assert "autopilot" in text
    assert text.settings == SETTINGS


def test_what_is_made_of_it_is_a_plain_string() -> None:
    text = ConfigText.write(SETTINGS)
    for made in (text + "", text.replace("3", "4"), copy.copy(text), pickle.loads(pickle.dumps(text))):
        assert type(made) is str
