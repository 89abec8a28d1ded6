"""ScaNN for NumPy: `builder`, `create_searcher` and `load_searcher`, call for call."""

import os
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscan.index.arrays import as_vectors, read_array
from leafscan.index.numbers import whole_number
from leafscan.index.threads import MAX_THREADS
from leafscan.scann import autopilot, scann_builder, serialized
from leafscan.scann.config_text import ConfigText
from leafscan.scann.docids import Docids, as_docids
from leafscan.scann.errors import as_scann_error
from leafscan.scann.living import Living
from leafscan.scann.plan import plan, settings_of
from leafscan.scann.searcher import ScannSearcher

__all__ = ["ScannBuilder", "ScannSearcher", "builder", "create_searcher", "load_searcher"]


class ScannBuilder(scann_builder.ScannBuilder):
    """A builder whose configuration tells what `autopilot` picked."""

    def create_config(self) -> str:
        """Write ScaNN's text proto; with `autopilot`, the plan that it picks for these rows.

        Returns
        -------
        str
            The configuration.

        Raises
        ------
        TypeError, ValueError
            If something is wrong with it, or with the rows.
        """
        settings = self._settings()
        if "autopilot" not in settings:
            return ConfigText.write(settings)
        rows = as_rows(self.db)
        picked = plan(settings, rows)
        stanzas = autopilot.written(picked.config, picked.measure, rows.shape[1])
        asked = {"autopilot": settings.pop("autopilot")}
        return ConfigText.write({**settings, **stanzas}, beside=asked)


def builder(db: ArrayLike, num_neighbors: SupportsIndex, distance_measure: str) -> ScannBuilder:
    """Begin to configure a searcher.

    Parameters
    ----------
    db
        (n, d) real numbers, one row each: what NumPy or DLPack can read on the CPU. With n = 0 and docids,
        the searcher begins empty.
    num_neighbors
        How many neighbours a search returns when it does not say.
    distance_measure
        "dot_product" or "squared_l2".

    Returns
    -------
    ScannBuilder
        Configure it, then call its ``build``.

    Raises
    ------
    TypeError, ValueError
        If ``db`` is no array of the shape (n, d).

    Examples
    --------
    >>> from leafscan import scann
    >>> rows = np.eye(3, dtype=np.float32)
    >>> searcher = scann.scann_ops_pybind.builder(rows, 1, "squared_l2").score_brute_force().build()
    >>> searcher.search(rows[2]).index.tolist()
    [2]
    """
    made = ScannBuilder(read_array(db, "db"), num_neighbors, distance_measure)
    made.set_builder_lambda(create_searcher)
    return made


def create_searcher(
    db: ArrayLike,
    scann_config: str,
    training_threads: SupportsIndex = 0,
    docids: Any = None,
    **unused_kwargs: Any,
) -> ScannSearcher:
    """Build a searcher by a configuration.

    Parameters
    ----------
    db
        (n, d) real numbers, all finite; they are copied.
    scann_config
        A text proto, as ScaNN's builder and leafscan's write it; protobuf must be installed to read the
        former.
    training_threads
        How many threads train; 0 for all that this process may have.
    docids
        A list of n values that can be keys of a dictionary, each different, which is copied; None calls rows
        by their number, and the searcher cannot be updated.
    **unused_kwargs
        Ignored, as by ScaNN.

    Returns
    -------
    ScannSearcher
        Ready to be searched.

    Raises
    ------
    TypeError, ValueError
        If something is wrong with the configuration, the rows, which are named, or the docids. What ScaNN
        raises a RuntimeError for is a `ScannError`, which is one, too.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> config = builder(rows, 1, "dot_product").score_brute_force().create_config()
    >>> create_searcher(rows, config, docids=["x", "y", "z"]).search([0.0, 0.5, 1.0]).index
    ['z']
    """
    del unused_kwargs
    with as_scann_error():
        settings = settings_of(scann_config)
    threads = whole_number(training_threads, "training_threads", low=0, high=MAX_THREADS)
    rows = as_rows(db)
    names = None if docids is None else as_docids(docids)
    if names is not None and len(names) != len(rows):
        raise ValueError(f"docid and database size mismatch: {len(names)} != {len(rows)}.")
    with as_scann_error():
        living = Living.build(rows, plan(settings, rows), threads or None)
    return ScannSearcher(living, settings, None if names is None else Docids(names))


def load_searcher(
    artifacts_dir: str | os.PathLike[str], assets_backcompat_shim: bool = True
) -> ScannSearcher:
    """Load what a searcher serialised: leafscan's, or that of scann 1.4.2 or scann-core 0.2.1.

    A folder of ScaNN's is read with checks and without unpickling anything, and built into an index of
    leafscan's; it is not written to, and may have been moved.

    Parameters
    ----------
    artifacts_dir
        The folder.
    assets_backcompat_shim
        Whether a folder of an older ScaNN, which has no scann_assets.pbtxt, is read, too.

    Returns
    -------
    ScannSearcher
        Ready to be searched and updated.

    Raises
    ------
    ValueError
        If there is no such folder, or it holds no searcher. `leafscan.FileFormatError` is one, and says what
        is damaged; it is a `ScannError`, too.
    """
    folder = Path(artifacts_dir)
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a directory.")
    with as_scann_error():
        if (folder / serialized.MANIFEST).is_file():
            return ScannSearcher(*serialized.read(folder))
        from leafscan.scann import artefacts

        return ScannSearcher(*artefacts.read(folder, older=bool(assets_backcompat_shim)))


def as_rows(db: ArrayLike) -> NDArray[np.float32]:
    """Read the rows of a searcher, (n, d) with n from 0."""
    array = read_array(db, "db")
    if array.ndim == 2 and array.shape[0] == 0 and array.shape[1] > 0:
        return np.empty(array.shape, np.float32)
    return as_vectors(array)
