import pytest

from leafscan.cli.demo import quality as module
from leafscan.cli.demo.quality import compare_quality
from leafscan.cli.demo.settings import PresetName, Settings
from leafscan.recommend import synthetic_movielens


@pytest.mark.parametrize(
    ("preset", "epochs", "expected"),
    [
        (PresetName.tutorial, None, (50, 6)),
        (PresetName.tutorial, 3, (3, 6)),
        (PresetName.quality, 3, (50, 3)),
    ],
)
def test_epochs_go_to_the_model_they_were_given_for(
    preset: PresetName, epochs: int | None, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
):
    asked = {}
    monkeypatch.setattr(module, "quality_report", lambda data, **options: asked.update(options) or [])
    settings = Settings(preset=preset, epochs=epochs, seed=7)
    assert compare_quality(synthetic_movielens(), settings, progress=lambda *_: None) == []
    assert list(asked["seeds"]) == [7, 8, 9, 10, 11]
    models = asked["models"]
    assert (models["tutorial"].epochs, models["quality"].settings.epochs) == expected
