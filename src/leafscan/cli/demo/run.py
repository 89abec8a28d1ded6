"""The demo from its first line to its last. Importing this imports Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from leafscan.cli.bars import Bars
from leafscan.cli.demo.display import Display
from leafscan.cli.demo.machine import describe_machine
from leafscan.cli.demo.methods import Method
from leafscan.cli.demo.plots import plot_retrieval
from leafscan.cli.demo.quality import compare_quality
from leafscan.cli.demo.recommendations import recommend_movies
from leafscan.cli.demo.report import prepare_folder, write_report
from leafscan.cli.demo.retrieval import Retrieval, compare_retrieval, tuning_users
from leafscan.cli.demo.settings import USERS, PresetName, Settings
from leafscan.cli.demo.towers import Towers, quality_towers, train_towers
from leafscan.recommend import (
    MovieLens,
    TrainingHistory,
    noisy_candidates,
    plot_history,
)

__all__ = ["run"]

_SHOWN_USER = "42"


def run(data: MovieLens, settings: Settings, *, out: Console, err: Console) -> None:
    """Run the demo.

    Parameters
    ----------
    data
        MovieLens.
    settings
        What is asked for; the backend has been chosen.
    out
        Where results are printed.
    err
        Where progress is shown.

    Raises
    ------
    DemoError
        If the output cannot be written.
    """
    show = Display(out)
    machine = describe_machine(backend=settings.backend, threads=settings.threads)
    prepare_folder(settings.output)
    show.heading("From ratings to vectors")
    show.fact("Machine", f"{machine['processor']}; {_count(settings.threads, 'thread')} for every method")
    show.fact("MovieLens", f"{data!r}".removeprefix("MovieLens(").removesuffix(")"))

    towers, methods, retrieval = _retrieve(data, settings, show, err)
    quality = _judge(data, settings, show, err)
    best = _recommend(data, settings, towers, show, err)

    histories = [towers.history] if best is towers else [towers.history, best.history]
    title = (
        f"The best 10 of {methods[0].candidates:,} in one call, {_count(settings.threads, 'thread')}; "
        "speed-ups over the KerasRS layer"
    )
    show.files(
        [
            write_report(
                settings.output / "report.json", retrieval=retrieval, quality=quality, machine=machine
            ),
            plot_retrieval(methods, retrieval, settings.output / "retrieval.png", title=title),
            plot_history(histories, settings.output / "training.png"),
        ]
    )


def _retrieve(
    data: MovieLens, settings: Settings, show: Display, err: Console
) -> tuple[Towers, list[Method], list[Retrieval]]:
    users = _users(data)
    with Bars(err) as bars:
        towers = train_towers(data, settings, progress=bars)
        show.fact("Training", f"{_losses(towers.history)} on {settings.backend}")
        candidates = noisy_candidates(towers.table, seed=settings.seed)
        copies = len(candidates) // len(towers.table) - 1
        show.fact(
            "Candidates",
            f"{len(candidates):,} x {candidates.shape[1]}: the model's {len(towers.table):,} and "
            f"{copies} noisy copies of each",
        )
        methods, results = compare_retrieval(candidates, towers.queries, _rows(data), settings, progress=bars)
    show.heading(f"The best 10 for users {', '.join(users)}, in one call")
    show.retrieval(results)
    tuned_by = len(tuning_users(len(towers.queries), _rows(data)))
    show.fact(
        "",
        f"recall against exact search in float64, over {len(towers.queries) - tuned_by:,} users"
        + (f", tuned by the {tuned_by:,} others" if tuned_by else ""),
    )
    return towers, methods, results


def _judge(data: MovieLens, settings: Settings, show: Display, err: Console) -> list[dict[str, Any]]:
    with Bars(err) as bars:
        report = compare_quality(data, settings, progress=bars)
    show.heading("Which model recommends what a user rates next")
    show.quality(report)
    show.fact(
        "",
        "each user's last rating held out, what was seen taken out of the ranking; "
        f"means of {_count(settings.quality_seeds, 'seed')}",
    )
    if "als" not in [row["model"] for row in report]:
        show.fact("", 'ALS and BPR are left out: they need implicit, which pip install "leafscan[demo]" has')
    return report


def _recommend(data: MovieLens, settings: Settings, towers: Towers, show: Display, err: Console) -> Towers:
    users = _users(data)
    user = _SHOWN_USER if _SHOWN_USER in users else users[0]
    best = towers
    with Bars(err) as bars:
        if settings.preset is not PresetName.quality:
            best = quality_towers(data, epochs=None, seed=settings.seed, progress=bars)
        answer = recommend_movies(data, best, user, threads=settings.threads, progress=bars)
    show.heading(f"{len(data.movies['movie_id']):,} movies, indexed by leafscan for the quality model")
    show.recommendation(answer)
    return best


def _rows(data: MovieLens) -> NDArray[np.int64]:
    """Return the rows of the users that are shown."""
    ids = data.users["user_id"].tolist()
    return np.array([ids.index(user) for user in _users(data)], np.int64)


def _users(data: MovieLens) -> tuple[str, ...]:
    # The tutorial's four, or the first four of a data set that lacks one of them.
    ids = data.users["user_id"].tolist()
    return USERS if set(USERS) <= set(ids) else tuple(ids[: len(USERS)])


def _losses(history: TrainingHistory) -> str:
    return (
        f"{history.name}, {_count(len(history.loss), 'epoch')} in {history.seconds:.1f} s, "
        f"loss {history.loss[0]:.4f} to {history.loss[-1]:.4f}"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
