"""What SQLite passes over in silence: to it, a log that is damaged in its middle ends there.

A power cut leaves at most one transaction unfinished at the end of the log, since each is synced before the
next begins. So where two or more end behind the place from which the log cannot be read, something else was
at work, and what was acknowledged is lost. (The format is SQLite's: https://sqlite.org/walformat.html.)
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscan.index.errors import FileFormatError

__all__ = ["check_log"]

HEADER, FRAME_HEADER = 32, 24

#: The first number of the file, which also tells the order of the bytes that are summed up.
LITTLE, BIG = 0x377F0682, 0x377F0683

PAGE_SIZES = [2**power for power in range(9, 17)]

#: Frames that are summed up at a time, 32 MB of pages of 4 kB.
CHUNK = 1 << 13


def check_log(path: Path) -> None:
    """Refuse the write-ahead log of a database if acknowledged transactions lie behind damage.

    It must be called before SQLite sees the log: that removes what it cannot read.

    Parameters
    ----------
    path
        The log; there need be none.

    Raises
    ------
    FileFormatError
        If it is damaged; the message names the frame.
    """
    if not path.exists() or path.stat().st_size < HEADER + FRAME_HEADER:
        return
    data = np.memmap(path, dtype=np.uint8, mode="r")
    header = data[:HEADER].view(">u4").astype(np.int64).tolist()
    magic, page = header[0], header[2]
    words = "<u4" if magic == LITTLE else ">u4"
    state = _sum(np.zeros((1, 2), np.uint64), data[None, : HEADER - 8].view(words))[0]
    if page not in PAGE_SIZES or magic not in (LITTLE, BIG) or state.tolist() != header[6:]:
        # Zeros where a new log never came to the disk. SQLite syncs the header before anything follows it.
        if np.asarray(data).any():
            raise _damaged(path, 0)
        return
    size = FRAME_HEADER + page
    count = (len(data) - HEADER) // size
    frames = data[HEADER : HEADER + count * size].reshape(count, size)
    fields = frames[:, :FRAME_HEADER].copy().view(">u4").astype(np.int64)
    ours = (fields[:, 2:4] == header[4:6]).all(axis=1)
    valid = _valid(frames, fields, ours, state, words)
    # A transaction ends with a frame that tells the size of the database; on some disks SQLite repeats it.
    ends = ours & (fields[:, 1] != 0)
    ends[1:] &= (fields[1:, :2] != fields[:-1, :2]).any(axis=1)
    if ends[valid:].sum() > 1:
        raise _damaged(path, valid + 1)


def _valid(
    frames: NDArray[np.uint8],
    fields: NDArray[np.int64],
    ours: NDArray[np.bool_],
    state: NDArray[np.uint64],
    words: str,
) -> int:
    """Count the frames from the first that agree with their running sums."""
    step = _step((8 + frames.shape[1] - FRAME_HEADER) // 8)
    for begin in range(0, len(frames), CHUNK):
        some = frames[begin : begin + CHUNK]
        summed = np.concatenate([some[:, :8], some[:, FRAME_HEADER:]], axis=1).view(words)
        alone = _sum(np.zeros((len(some), 2), np.uint64), summed)
        for place, own in enumerate(alone):
            state = (step @ state + own) & _MASK
            frame = begin + place
            if not ours[frame] or state.tolist() != fields[frame, 4:6].tolist():
                return frame
    return len(frames)


_MASK = np.uint64(0xFFFFFFFF)


def _sum(state: NDArray[np.uint64], words: NDArray[Any]) -> NDArray[np.uint64]:
    """Go on with SQLite's sums, (m, 2), over words, (m, 2 n)."""
    first, second = state[:, 0], state[:, 1]
    columns = np.ascontiguousarray(words.T, dtype=np.uint64)
    for place in range(0, len(columns), 2):
        first = (first + columns[place] + second) & _MASK
        second = (second + columns[place + 1] + first) & _MASK
    return np.stack([first, second], axis=1)


def _step(times: int) -> NDArray[np.uint64]:
    """Return what so many pairs of words make of the sums that were there before."""
    matrix = np.eye(2, dtype=np.uint64)
    for _ in range(times):
        matrix = (np.array([[1, 1], [1, 2]], np.uint64) @ matrix) & _MASK
    return matrix


def _damaged(path: Path, frame: int) -> FileFormatError:
    where = f"at its frame {frame}" if frame else "at its beginning"
    return FileFormatError(
        f"{path}: the journal is damaged {where}, and updates that were acknowledged lie behind; restore the "
        "folder from a backup, or, to go on with the updates before, remove this file."
    )
