"""Folders that ScaNN serialised: read with checks, decoded where they hold codes alone, and built anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan import FileFormatError
from leafscan.scann.decoding import decode
from leafscan.scann.docids import Docids, as_docids
from leafscan.scann.living import Living
from leafscan.scann.pickled import read_list
from leafscan.scann.plan import plan
from leafscan.scann.protos import read_binary, read_text
from leafscan.scann.reduction import REDUCTION, without_reduction

__all__ = ["read"]

_CONFIG, _ASSETS, _DOCIDS = "scann_config.pb", "scann_assets.pbtxt", "scann_docids.pkl"

#: The files that ScaNN writes, by the type that its list of assets gives them.
_FILES = {
    "AH_CENTERS": "ah_codebook.pb",
    "PARTITIONER": "serialized_partitioner.pb",
    "TOKENIZATION_NPY": "datapoint_to_token.npy",
    "AH_DATASET_NPY": "hashed_dataset.npy",
    "AH_DATASET_SOAR_NPY": "hashed_dataset_soar.npy",
    "INT8_DATASET_NPY": "int8_dataset.npy",
    "INT8_MULTIPLIERS_NPY": "int8_multipliers.npy",
    "INT8_NORMS_NPY": "dp_norms.npy",
    "BF16_DATASET_NPY": "bfloat16_dataset.npy",
    "DATASET_NPY": "dataset.npy",
}

#: Of a folder that holds codes alone, as many rows are reordered, or ten for each neighbour.
_CANDIDATES = 100


def read(folder: Path, *, older: bool = True) -> tuple[Living, Mapping[str, Any], Docids | None]:
    """Read a folder of ScaNN's, and build what it holds.

    Parameters
    ----------
    folder
        The folder. Files are looked for in it by their names, whatever folder its list of assets names.
    older
        Whether the list of assets may be missing.

    Returns
    -------
    (Living, Mapping, Docids or None)
        What is searched, its configuration, and its docids. Rows come from float32 where the folder has it,
        else from bfloat16, int8, or codes. Codes alone are decoded, and reordered by what they were decoded
        to, in bfloat16, so that they are not rounded twice.

    Raises
    ------
    ValueError
        If it is no folder of ScaNN's that leafscan can read; as `leafscan.FileFormatError` where a file is
        damaged.
    """
    if not (folder / _CONFIG).is_file():
        raise ValueError(
            f"{folder} holds no searcher, neither leafscan's nor ScaNN's: there is no {_CONFIG}."
        )
    settings = dict(_proto("ScannConfig", folder / _CONFIG))
    settings.pop("input_output", None)
    files = _assets(folder, older)
    rows = _rows(folder, files, settings)
    docids = _docids(folder, len(rows))
    if REDUCTION in settings:
        # Rows have a norm in one more dimension.
        rows, settings = np.ascontiguousarray(rows[:, :-1]), without_reduction(settings)
    try:
        living = Living.build(rows, plan(settings, rows), None)
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"{folder}: {error}") from error
    return living, settings, docids


def _assets(folder: Path, older: bool) -> dict[str, Path]:
    listed = folder / _ASSETS
    if not listed.is_file():
        if not older:
            raise ValueError(f"No {_ASSETS} found in {folder}.")
        return {kind: folder / name for kind, name in _FILES.items() if (folder / name).is_file()}
    try:
        assets = read_text("Assets", listed.read_text(encoding="utf-8"), str(listed))
    except (ValueError, UnicodeError) as error:
        raise FileFormatError(str(error)) from error
    files = {}
    for asset in assets.get("assets", []):
        kind = asset.get("asset_type", "UNSPECIFIED_TYPE")
        if kind not in _FILES:
            raise FileFormatError(f"{listed}: leafscan reads no asset of the type {kind}.")
        name = asset.get("asset_path", "").replace("\\", "/").rpartition("/")[2]
        if name != _FILES[kind]:
            raise FileFormatError(f"{listed}: the asset {kind} must be {_FILES[kind]}; it is {name!r:.80}.")
        if not (folder / name).is_file():
            raise FileFormatError(f"{folder}: the file {name} is missing.")
        files[kind] = folder / name
    return files


def _rows(folder: Path, files: Mapping[str, Path], settings: dict[str, Any]) -> NDArray[np.float32]:
    if "DATASET_NPY" in files:
        return _array(files["DATASET_NPY"], np.float32, 2, least=0)
    if "BF16_DATASET_NPY" in files:
        bits = _array(files["BF16_DATASET_NPY"], np.int16, 2).view(np.uint16)
        return (bits.astype(np.uint32) << 16).view(np.float32)
    if "INT8_DATASET_NPY" in files:
        return _from_int8(files)
    if "AH_DATASET_NPY" in files:
        rows = _from_codes(files, settings)
        candidates = max(_CANDIDATES, 10 * int(settings.get("num_neighbors", 1)))
        settings["exact_reordering"] = {"approx_num_neighbors": candidates, "bfloat16": {"enabled": True}}
        return rows
    raise FileFormatError(f"{folder}: it holds neither rows nor codes.")


def _from_int8(files: Mapping[str, Path]) -> NDArray[np.float32]:
    stored = _array(files["INT8_DATASET_NPY"], np.int8, 2)
    path = files.get("INT8_MULTIPLIERS_NPY")
    if path is None:
        raise FileFormatError(
            f"{files['INT8_DATASET_NPY'].parent}: the file int8_multipliers.npy is missing."
        )
    multipliers = _array(path, np.float32, 1)
    if len(multipliers) != stored.shape[1] or not np.all(np.isfinite(multipliers)):
        raise FileFormatError(
            f"{path}: it must hold a finite number for each of {stored.shape[1]} dimensions."
        )
    # A dimension that is 0 in every row has an arbitrary one.
    rows = np.zeros(stored.shape, np.float32)
    np.divide(stored, multipliers, out=rows, where=multipliers != 0)
    return rows


def _from_codes(files: Mapping[str, Path], settings: Mapping[str, Any]) -> NDArray[np.float32]:
    codes = _array(files["AH_DATASET_NPY"], np.uint8, 2)
    folder = files["AH_DATASET_NPY"].parent
    for kind in ["AH_CENTERS"] + (["PARTITIONER", "TOKENIZATION_NPY"] if "partitioning" in settings else []):
        if kind not in files:
            raise FileFormatError(f"{folder}: the file {_FILES[kind]} is missing.")
    codebook = _proto("Codebook", files["AH_CENTERS"])
    partitioner, tokens, spilled = None, None, None
    if "AH_DATASET_SOAR_NPY" in files:
        spilled = _array(files["AH_DATASET_SOAR_NPY"], np.uint8, 2)
        if spilled.shape != codes.shape:
            raise FileFormatError(f"{folder}: the codes of second listings have the shape {spilled.shape}.")
    if "partitioning" in settings:
        partitioner = _proto("Partitioner", files["PARTITIONER"])
        tokens = _array(files["TOKENIZATION_NPY"], np.int32, 1)
    try:
        return decode(codes, codebook, settings, partitioner, tokens, spilled)
    except ValueError as error:
        raise FileFormatError(f"{folder}: {error}") from error


def _docids(folder: Path, n: int) -> Docids | None:
    path = folder / _DOCIDS
    if not path.is_file():
        return None
    listed = read_list(path.read_bytes(), str(path))
    if len(listed) != n:
        raise FileFormatError(f"{path}: it holds {len(listed)} docids, but there are {n} rows.")
    try:
        return Docids(as_docids(listed))
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"{path}: {error}") from error


def _proto(message: str, path: Path) -> dict[str, Any]:
    try:
        return read_binary(message, path.read_bytes(), str(path))
    except ValueError as error:
        raise FileFormatError(str(error)) from error


def _array(path: Path, dtype: type[np.generic], rank: int, least: int = 1) -> NDArray[Any]:
    try:
        # Mapped first: a header that promises more than the file holds is refused before memory is taken.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise FileFormatError(f"{path}: it is no array that NumPy reads ({error}).") from error
    if array.dtype != dtype or array.ndim != rank or len(array) < least or 0 in array.shape[1:]:
        raise FileFormatError(
            f"{path}: it must hold {np.dtype(dtype)} in {rank} dimension{'s' if rank > 1 else ''}; "
            f"it holds {array.dtype} of the shape {array.shape}."
        )
    return np.array(array, order="C")
