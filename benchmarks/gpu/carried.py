"""Carry Faiss to a GPU machine that has no network: ``python -m benchmarks.gpu.carried pack|unpack FOLDER``.

``pack`` takes Faiss' wheel for the GPU from the package index (129 MiB) and makes of it an archive of some
35 MiB: of the machine code for seven kinds of GPU in it, that of Hopper stays, the rest is overwritten by
zeros. ``unpack ARCHIVE FOLDER``, there, gives a folder for ``PYTHONPATH``; `benchmarks.gpu.peers` then takes
Faiss along. The wheel is of CUDA 12: its runtime is carried with it, and its eight calls of cuBLAS are handed
on to the cuBLAS 13 that is there, whose functions of these names take the same arguments.
"""

from __future__ import annotations

import argparse
import ctypes
import pathlib
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

__all__ = ["keep_hopper", "preload"]

_WHEELS = ("faiss-gpu==1.15.1", "nvidia-cuda-runtime-cu12==12.9.79")

_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")

#: What Faiss calls of cuBLAS.
_CUBLAS = (
    "cublasCreate_v2",
    "cublasDestroy_v2",
    "cublasGemmEx",
    "cublasGemmStridedBatchedEx",
    "cublasGetMathMode",
    "cublasSetMathMode",
    "cublasSetStream_v2",
    "cublasSgemmEx",
)

#: Of the containers of GPU code: how each begins, the mark of an entry of machine code, and Hopper's number.
_CONTAINER, _MACHINE_CODE, _HOPPER = b"\x50\xed\x55\xba", 2, 90


def main() -> None:
    """Pack or unpack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["pack", "unpack"])
    parser.add_argument(
        "places", type=pathlib.Path, nargs="+", help="pack: the archive; unpack: it and a folder"
    )
    chosen = parser.parse_args()
    if chosen.what == "pack":
        _pack(chosen.places[0])
    else:
        with tarfile.open(chosen.places[0]) as archive:
            archive.extractall(chosen.places[1], filter="data")


def keep_hopper(library: bytearray) -> tuple[int, int]:
    r"""Overwrite a library's machine code for other GPUs than Hopper's by zeros, in place.

    Parameters
    ----------
    library
        The bytes of a shared library.

    Returns
    -------
    tuple of int
        How many bytes of GPU code stay, and how many are zeros now.

    Examples
    --------
    >>> entry = struct.pack("<HHIQIIII", 2, 257, 64, 8, 0, 0, 0, 80) + bytes(24) + b"8 bytes!"
    >>> begin = struct.pack("<4sHHQ", b"\x50\xed\x55\xba", 1, 16, len(entry))
    >>> library = bytearray(begin + entry)
    >>> keep_hopper(library), library.endswith(bytes(8))
    ((0, 8), True)
    """
    kept = cleared = 0
    at = library.find(_CONTAINER)
    while at >= 0:
        _, head, size = struct.unpack_from("<HHQ", library, at + 4)
        if head == 16 and at + head + size <= len(library):
            entry, end = at + head, at + head + size
            while entry < end:
                kind, _, header, held = struct.unpack_from("<HHIQ", library, entry)
                (number,) = struct.unpack_from("<I", library, entry + 28)
                if kind == _MACHINE_CODE and number == _HOPPER:
                    kept += held
                else:
                    begin = entry + header
                    library[begin : begin + held] = bytes(held)
                    cleared += held
                entry += header + held
        at = library.find(_CONTAINER, at + 4)
    return kept, cleared


def preload() -> None:
    """Load what Faiss needs of CUDA, from beside it, before it is imported; nothing where it is installed.

    Raises
    ------
    OSError
        If cuBLAS 13 is not to be found.
    """
    for folder in map(pathlib.Path, sys.path):
        stand_in = folder / "carried" / "libcublas.so.12"
        if stand_in.exists():
            # PyTorch's or JAX's own, if it is loaded already, or else the one on the loader's path.
            import nvidia

            places = [
                place for path in nvidia.__path__ for place in pathlib.Path(path).rglob("libcublas*.so.13")
            ]
            for place in sorted(places, key=lambda place: "Lt" not in place.name):
                ctypes.CDLL(str(place), mode=ctypes.RTLD_GLOBAL)
            for name in ("libcudart.so.12", "libcublasLt.so.12", "libcublas.so.12"):
                ctypes.CDLL(str(folder / "carried" / name), mode=ctypes.RTLD_GLOBAL)
            return


def _pack(archive: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        pip += ["--python-version", "3.12", "--implementation", "cp", "--abi", "abi3", "--abi", "none"]
        for platform in _PLATFORMS:
            pip += ["--platform", platform]
        subprocess.run([*pip, "--dest", str(folder / "wheels"), *_WHEELS], check=True)
        tree = folder / "tree"
        for wheel in (folder / "wheels").iterdir():
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(tree)
        # Faiss would look for NVIDIA's packages of CUDA 12; `preload` does it in its place.
        (tree / "faiss" / "_gpu_build.py").unlink()
        library = tree / "faiss" / "libfaiss.so"
        code = bytearray(library.read_bytes())
        print("bytes of GPU code that stay, and that go:", keep_hopper(code))
        library.write_bytes(code)
        carried = tree / "carried"
        carried.mkdir()
        runtime = next(tree.rglob("libcudart.so.12"))
        runtime.rename(carried / runtime.name)
        for library_name, names in (("libcublas.so.12", _CUBLAS), ("libcublasLt.so.12", ())):
            _stand_in(carried / library_name, names)
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:xz", preset=1) as packed:
            for part in sorted(tree.iterdir()):
                if part.name in ("carried", "faiss") or part.name.startswith("faiss_gpu"):
                    packed.add(part, part.name)
    print(f"{archive}: {archive.stat().st_size / 2**20:.1f} MiB")


def _stand_in(library: pathlib.Path, names: tuple[str, ...]) -> None:
    """Compile a library that hands calls on to the functions of these names in cuBLAS 13."""
    source = library.with_suffix(".c")
    lines = ["#define _GNU_SOURCE", "#include <dlfcn.h>"]
    for name in names:
        lines += [
            f"void *{name}_there;",
            f'__asm__(".text; .globl {name}; .type {name}, @function; {name}: jmp *{name}_there(%rip)");',
        ]
    lines.append("__attribute__((constructor)) static void find(void) {")
    if names:
        lines.append('  void *there = dlopen("libcublas.so.13", RTLD_NOW | RTLD_GLOBAL);')
    lines += [f'  {name}_there = dlsym(there, "{name}");' for name in names]
    source.write_text("\n".join([*lines, "}", ""]))
    versions = library.with_suffix(".map")
    exported = "global: " + " ".join(f"{name};" for name in names) if names else ""
    versions.write_text(f"{library.name} {{ {exported} local: *; }};\n")
    subprocess.run(
        [
            "gcc", "-shared", "-fPIC", "-O1", "-Wl,-Bsymbolic", f"-Wl,-soname,{library.name}",
            f"-Wl,--version-script,{versions}", "-o", str(library), str(source), "-ldl",
        ],
        check=True,
    )  # fmt: skip
    source.unlink()
    versions.unlink()


if __name__ == "__main__":
    main()
