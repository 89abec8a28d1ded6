import random
from pathlib import Path

import numpy as np
import pytest

from leafscan.recommend import (
    HistoryModel,
    MovieLens,
    QualitySettings,
    TrainingHistory,
    leave_last_out,
    plot_history,
    quality_preset,
    train,
    tutorial_preset,
)
from leafscan.recommend.batches import Batches

SMALL = QualitySettings(
    width=8, history_length=6, timescales=(2.0, 6.0), batch_size=64, epochs=4, learning_rate=0.02
)


def trained(data: MovieLens, seed: int) -> tuple[HistoryModel, TrainingHistory]:
    split = leave_last_out(data)
    preset = quality_preset(split.train, validation=split.validation, settings=SMALL, seed=seed)
    return preset.model, train(preset, progress=False)


def test_the_quality_preset_learns_and_keeps_its_history(data: MovieLens):
    _, history = trained(data, 0)
    assert len(history.loss) == len(history.validation_loss) == 4
    assert history.loss[-1] < history.loss[0] - 0.05
    assert history.validation_epochs == [1, 2, 3, 4]
    assert history.seconds > 0
    assert history.to_dict()["name"] == "quality"


def test_a_seed_gives_one_model_and_touches_nothing_global(data: MovieLens):
    np.random.seed(11)  # noqa: NPY002
    random.seed(11)
    first, history = trained(data, 3)
    drawn = np.random.rand(), random.random()  # noqa: NPY002
    np.random.seed(12)  # noqa: NPY002
    random.seed(12)
    second, again = trained(data, 3)
    assert history.loss == again.loss
    assert np.array_equal(first.candidate_embeddings(), second.candidate_embeddings())
    assert trained(data, 4)[1].loss != history.loss
    np.random.seed(11)  # noqa: NPY002
    random.seed(11)
    assert drawn == (np.random.rand(), random.random())  # noqa: NPY002


def test_the_tutorial_preset_is_seeded(data: MovieLens):
    runs = [train(tutorial_preset(data, seed=seed), epochs=3, progress=False).loss for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]


def test_the_validation_predicts_the_held_out_item_from_all_before(data: MovieLens):
    split = leave_last_out(data)
    preset = quality_preset(split.train, validation=split.validation, settings=SMALL)
    inputs, items = preset.validation[0]
    assert inputs["user"].tolist() == split.validation.users.tolist()
    assert items.tolist() == split.validation.items.tolist()
    mine = split.train.items[split.train.users == 5]
    assert inputs["history"][5].tolist() == mine[::-1][:6].tolist()
    some = split.validation.take(split.validation.users % 2 == 1)
    inputs, items = quality_preset(split.train, validation=some, settings=SMALL).validation[0]
    assert (inputs["user"].tolist(), items.tolist()) == (some.users.tolist(), some.items.tolist())
    with pytest.raises(ValueError, match="at most one event of a user"):
        quality_preset(split.train, validation=split.train, settings=SMALL)


def test_progress_is_shown_or_not(data: MovieLens, capsys: pytest.CaptureFixture[str]):
    train(tutorial_preset(data), epochs=5, progress=False)
    assert capsys.readouterr() == ("", "")
    train(tutorial_preset(data), epochs=5)
    said = capsys.readouterr().err
    assert "Training tutorial: 100%" in said
    assert "loss=" in said
    assert "validation=" in said


def test_epochs_are_checked(data: MovieLens):
    with pytest.raises(ValueError, match="epochs must be at least 1, received 0"):
        train(tutorial_preset(data), epochs=0)
    with pytest.raises(ValueError, match="epochs must be at least 1, received 0"):
        train(quality_preset(leave_last_out(data).train, epochs=0))


def test_batches_hold_every_row_once_an_epoch_in_a_new_order():
    batches = Batches({"a": np.arange(10)}, np.arange(10) * 2, batch_size=4, seed=1)
    epochs = []
    for _ in range(2):
        cut = [batches[place] for place in range(len(batches))]
        assert [len(targets) for _, targets in cut] == [4, 4, 2]
        assert all((inputs["a"] * 2 == targets).all() for inputs, targets in cut)
        epochs.append(np.concatenate([inputs["a"] for inputs, _ in cut]).tolist())
        batches.on_epoch_end()
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]


def test_batches_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match=r"one length above 0, received lengths \[2, 3\]"):
        Batches(np.arange(3), np.arange(2), batch_size=1)
    with pytest.raises(ValueError, match=r"received lengths \[0\]"):
        Batches(np.arange(0), np.arange(0), batch_size=1)
    with pytest.raises(ValueError, match="batch_size must be at least 1, received 0"):
        Batches(np.arange(3), np.arange(3), batch_size=0)


@pytest.mark.parametrize("name", ["loss.png", "deep/loss.svg"])
def test_histories_are_plotted(tmp_path: Path, name: str):
    runs = [
        TrainingHistory("one", [3.0, 2.0, 1.0], [2], [2.5], 1.0),
        TrainingHistory("two", [0.5] * 30, [], [], 2.0),
    ]
    written = plot_history(runs, tmp_path / name)
    assert written == tmp_path / name
    head = written.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") or b"<svg" in head or b"<?xml" in head
    small = plot_history(runs[0], tmp_path / "one.png")
    assert small.stat().st_size > 5_000


def test_nothing_to_plot_gets_a_sentence(tmp_path: Path):
    with pytest.raises(ValueError, match="train first"):
        plot_history(TrainingHistory("none"), tmp_path / "x.png")
    with pytest.raises(ValueError, match="train first"):
        plot_history([], tmp_path / "x.png")
