"""A query tower and the index beside it, as files, and what joins them again."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np

import leafscan
from leafscan.keras.index_retrieval import IndexRetrieval

__all__ = ["ExportedRetrieval", "export", "load_exported"]

_TOWERS = {"keras": "tower.keras", "tf_saved_model": "tower"}


def export(layer: IndexRetrieval, folder: str | PathLike[str], *, format: str = "keras") -> None:
    """Export a retrieval layer: its query tower, and the index beside it, which no graph format carries.

    Parameters
    ----------
    layer
        A layer with candidates; its query tower, if it has one, must be built.
    folder
        Where to; made if it is not there.
    format
        Of the query tower: "keras" (`keras.Model.save`), or "tf_saved_model" (`keras.Model.export`, which
        needs TensorFlow).

    Raises
    ------
    TypeError
        If ``layer`` is no retrieval layer of leafscan's.
    ValueError
        If it has no candidates, or the format is another.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from leafscan.keras import ScannRetrieval, export, load_exported
    >>> layer = ScannRetrieval(np.eye(4, dtype="float32"), ["n", "e", "s", "w"], k=2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(layer, folder)
    ...     retrieve = load_exported(folder)
    ...     retrieve(np.array([[0, 3, 2, 1]], "float32")).ids.tolist()
    [['e', 's']]
    """
    if not isinstance(layer, IndexRetrieval):
        raise TypeError(
            f"layer must be a retrieval layer of leafscan.keras; received {type(layer).__name__}."
        )
    if layer.index is None and layer.candidate_embeddings is not None:
        raise ValueError(
            f"{layer.name} follows a variable and has no index to export. Make a layer of its values: "
            f"{type(layer).__name__}(variable, k={layer.k})."
        )
    if layer.index is None:
        raise ValueError(
            f"{layer.name} has no candidates to export; give it some: layer.update_candidates(...)."
        )
    if format not in _TOWERS:
        raise ValueError(f'format must be "keras" or "tf_saved_model"; received {format!r:.80}.')
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    tower = layer.query_tower
    if tower is not None:
        target = str(place / _TOWERS[format])
        tower.save(target) if format == "keras" else tower.export(target, format=format, verbose=False)
    layer.index.save(place / "candidates.leafscan")
    about = {"k": layer.k, "tower": None if tower is None else format}
    (place / "retrieval.json").write_text(json.dumps(about), encoding="utf-8")


class ExportedRetrieval:
    """A query tower and an index, joined: what `load_exported` gives.

    Parameters
    ----------
    tower
        What makes queries of inputs, or None: inputs are queries.
    index
        The candidates.
    k
        How many each query gets, by default.
    """

    def __init__(self, tower: Any, index: leafscan.Index, k: int) -> None:
        self.tower = tower
        self.index = index
        self.k = k

    def __call__(self, inputs: Any, k: int | None = None, **options: Any) -> leafscan.SearchResult:
        """Retrieve.

        Parameters
        ----------
        inputs
            What the tower takes, or queries (d,) or (q, d).
        k
            How many; None is what the layer had.
        **options
            For `leafscan.Index.search`: ``filter``, ``params``, ``threads``.

        Returns
        -------
        SearchResult
            ids, as they are, and scores, (q, k), by NumPy.
        """
        queries = inputs if self.tower is None else keras.ops.convert_to_numpy(self.tower(inputs))
        points = np.asarray(queries, np.float32)
        found: leafscan.SearchResult = self.index.search(points, k=self.k if k is None else k, **options)
        return found


def load_exported(folder: str | PathLike[str]) -> ExportedRetrieval:
    """Load what `export` wrote, with any Keras backend; a "tf_saved_model" needs TensorFlow.

    Parameters
    ----------
    folder
        The folder; the index in it is mapped, so it must stay.

    Returns
    -------
    ExportedRetrieval
        A callable: inputs to ids and scores.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    """
    place = Path(folder)
    about = json.loads((place / "retrieval.json").read_text(encoding="utf-8"))
    kind = about["tower"]
    tower = None
    if kind == "keras":
        tower = keras.saving.load_model(place / _TOWERS[kind])
    elif kind is not None:
        tower = keras.layers.TFSMLayer(str(place / _TOWERS[kind]), call_endpoint="serve")
    return ExportedRetrieval(tower, leafscan.load(place / "candidates.leafscan"), about["k"])
