"""Writing a file so that it is there whole or not at all."""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

__all__ = ["replacing", "sync_folder"]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a name to write to, and put what was written there in the place of ``path``.

    The file is brought to the disk before it gets its name, and the name after. If anything goes wrong on the
    way, Ctrl-C included, the temporary file is removed and ``path`` stays as it was.

    Parameters
    ----------
    path
        What to replace; where it is a symbolic link, what it leads to.

    Yields
    ------
    Path
        A name in the same folder that nothing has yet.

    Raises
    ------
    OSError
        If the folder is not there or cannot be written to, or if ``path`` is a folder, or a file that the
        system does not let go because it is mapped (Windows).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with replacing(Path(folder, "greeting")) as temporary:
    ...         _ = temporary.write_text("hello")
    ...     Path(folder, "greeting").read_text()
    'hello'
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder; give a file in it", os.fspath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "there is no such folder to write into; make it first", os.fspath(target.parent)
        )
    temporary = target.with_name(f".leafscan-{os.urandom(8).hex()}.tmp")
    try:
        yield temporary
        _sync_file(temporary)
        try:
            os.replace(temporary, target)
        except PermissionError as error:
            raise PermissionError(
                errno.EACCES,
                "it cannot be replaced; if an index that was loaded from it is still in use, which Windows "
                "does not allow, save under another name or load with memory=True",
                os.fspath(path),
            ) from error
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def _sync_file(path: Path) -> None:
    with path.open("r+b") as file:
        _sync(file.fileno())


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        # fsync hands the bytes to the disk there, and this waits until the disk has them.
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Bring the names of a folder to the disk.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    OSError
        If the disk fails.
    """
    if os.name != "posix":
        return  # Windows keeps names by itself, and opens no folders.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor)
    except OSError as error:
        # Some network file systems have no such thing.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
