"""A query tower and the index beside it, as files, and what joins them again."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

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
        If ``layer`` is no retrieval layer of leafscan's, or its query tower is no model.
    ValueError
        If it has no candidates or follows a variable, its query tower is not built, or the format is another.
    ModuleNotFoundError
        If the format needs a package that is not installed. Nothing is written then.

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
    if layer._followed is not None:
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
    tower = layer.query_tower
    if tower is not None:
        _check_tower(tower, format)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    if tower is not None:
        target = str(place / _TOWERS[format])
        tower.save(target) if format == "keras" else tower.export(target, format=format, verbose=False)
    layer.index.save(place / "candidates.leafscan")
    about = {"k": layer.k, "tower": None if tower is None else format}
    (place / "retrieval.json").write_text(json.dumps(about), encoding="utf-8")


def _check_tower(tower: Any, format: str) -> None:
    """Say here what would otherwise be said while a file is being written, or when it is loaded."""
    if not isinstance(tower, keras.Model):
        raise TypeError(
            f"query_tower must be a keras.Model to be exported; received {type(tower).__name__}. Wrap it: "
            "keras.Sequential([keras.Input(...), tower])."
        )
    if not tower.built:
        raise ValueError(
            f"the query tower {tower.name!r} is not built: call it once, or the layer, and export then."
        )
    if format == "tf_saved_model":
        backend = keras.backend.backend()
        for package in ("tensorflow", *(("torch_xla",) if backend == "torch" else ())):
            if find_spec(package) is None:
                raise ModuleNotFoundError(
                    f'format="tf_saved_model" needs {package} where Keras runs on {backend}, which is not '
                    'installed; format="keras" needs nothing more and loads on every backend.',
                    name=package,
                )


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
    """Load what `export` wrote, with any Keras backend; for a "tf_saved_model" TensorFlow must be installed.

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
    ModuleNotFoundError
        If the tower is a "tf_saved_model" and TensorFlow is not installed.
    """
    place = Path(folder)
    about = json.loads((place / "retrieval.json").read_text(encoding="utf-8"))
    kind = about["tower"]
    tower = None
    if kind == "keras":
        tower = keras.saving.load_model(place / _TOWERS[kind])
    elif kind is not None:
        tower = _saved_model(place / _TOWERS[kind])
    return ExportedRetrieval(tower, leafscan.load(place / "candidates.leafscan"), about["k"])


def _saved_model(place: Path) -> Callable[[Any], NDArray[Any]]:
    # Not Keras' TFSMLayer, which is for its TensorFlow backend alone.
    if find_spec("tensorflow") is None:
        raise ModuleNotFoundError(
            f"{place} is a SavedModel, which needs tensorflow to be loaded; it is not installed. "
            'Exported with format="keras" the tower loads on every backend.',
            name="tensorflow",
        )
    import tensorflow

    loaded = tensorflow.saved_model.load(str(place))
    return lambda inputs: np.asarray(loaded.serve(keras.tree.map_structure(_narrowed, inputs)))


def _narrowed(values: Any) -> NDArray[Any]:
    """Return an input as NumPy has it, floating numbers in Keras' 32 bits."""
    array = np.asarray(values if isinstance(values, (list, tuple)) else keras.ops.convert_to_numpy(values))
    return array.astype(np.float32) if array.dtype.kind == "f" else array
