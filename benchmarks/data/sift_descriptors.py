"""Run inside the OpenCV environment: ``python -m benchmarks.data.sift_descriptors IMAGES OUT``.

Writes ``base.npy`` and ``queries.npy``, distinct descriptors as bytes (SIFT's values are whole numbers
from 0 to 255). An image is a query's if its content's hash says so; copies of one image are read once,
and a query descriptor that is also in the base is dropped, so no query has itself to find.
"""

import hashlib
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

ENDINGS = {".png", ".jpg", ".jpeg"}
ONE_IN = 40


def main(images: Path, out: Path) -> None:
    """Describe every image below ``images``."""
    cv2.setNumThreads(1)
    detector = cv2.SIFT_create()
    parts: dict[bool, list[NDArray[np.uint8]]] = {False: [], True: []}
    seen: set[str] = set()
    files = sorted(p for p in images.rglob("*") if p.suffix.lower() in ENDINGS and not p.is_symlink())
    for file in tqdm(files, desc="SIFT descriptors", leave=False, disable=None):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        image = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE)
        if digest in seen or image is None:
            continue
        seen.add(digest)
        descriptors = detector.detectAndCompute(image, None)[1]
        if descriptors is not None:
            parts[int(digest, 16) % ONE_IN == 0].append(descriptors.astype(np.uint8))
    base = np.unique(np.concatenate(parts[False]), axis=0)
    queries = np.unique(np.concatenate(parts[True]), axis=0)
    known = {row.tobytes() for row in base}
    fresh = np.array([row.tobytes() not in known for row in queries])
    np.save(out / "base.npy", base)
    np.save(out / "queries.npy", queries[fresh])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
