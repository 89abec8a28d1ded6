"""How much time there is."""

import time

__all__ = ["Budget"]


class Budget:
    """Seconds from now on.

    Parameters
    ----------
    seconds
        How many; infinite where nothing presses.

    Examples
    --------
    >>> Budget(60).left() > 59, Budget(0).over
    (True, True)
    """

    def __init__(self, seconds: float) -> None:
        self._begin = time.perf_counter()
        self._seconds = seconds

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.perf_counter() - self._begin

    def left(self) -> float:
        """Seconds until it is over; negative after."""
        return self._seconds - self.spent

    @property
    def over(self) -> bool:
        """Whether no time is left."""
        return self.left() <= 0
