"""How a long call tells where it stands: a callable of the caller's, or a bar on a terminal."""

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

__all__ = ["Progress", "reporting"]

#: Receives (stage, done, total).
Progress: TypeAlias = Callable[[str, int, int], None]

#: A call that ends within this many seconds shows no bar of its own accord.
PATIENCE = 2.0


@contextmanager
def reporting(progress: Progress | bool | None) -> Iterator[Progress | None]:
    """Give what receives the progress of one call, and tidy up after it.

    Parameters
    ----------
    progress
        A callable is used as it is; True shows a bar on stderr, False nothing, and None a bar if the call
        takes more than two seconds, stderr is a terminal and tqdm is installed.

    Yields
    ------
    Callable or None
        What to call with (stage, done, total).

    Raises
    ------
    ModuleNotFoundError
        If ``progress`` is True and tqdm is not installed.
    TypeError
        If ``progress`` is something else.
    """
    if callable(progress):
        yield progress
    elif progress is False or (progress is None and not _on_terminal()):
        yield None
    elif progress is None or progress is True:
        bar = _Bar(0.0 if progress else PATIENCE, _tqdm(required=bool(progress)))
        try:
            yield bar
        finally:
            bar.close()
    else:
        raise TypeError(
            "progress must be None, True, False or a callable that takes (stage, done, total); "
            f"received {progress!r:.80}."
        )


class _Bar:
    """One bar, begun once the call has taken ``patience`` seconds and begun anew with each stage."""

    def __init__(self, patience: float, tqdm: Callable[..., Any] | None) -> None:
        self._begin = time.monotonic() + patience
        self._tqdm = tqdm
        self._bar: Any = None
        self._stage = ""

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._tqdm is None or (self._bar is None and time.monotonic() < self._begin):
            return
        if self._bar is None:
            self._bar = self._tqdm(desc=stage, total=total, file=sys.stderr, leave=False, unit_scale=True)
        elif stage != self._stage:
            self._bar.reset(total)
            self._bar.set_description_str(stage)
        self._stage = stage
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _on_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


def _tqdm(*, required: bool) -> Callable[..., Any] | None:
    try:
        tqdm: Callable[..., Any] = importlib.import_module("tqdm").tqdm
    except ModuleNotFoundError as error:
        if required:
            raise ModuleNotFoundError(
                'progress=True needs tqdm, which is not installed; pip install "leafscan[progress]" has it, '
                "or give a callable that takes (stage, done, total).",
                name=error.name,
            ) from error
        return None
    return tqdm
