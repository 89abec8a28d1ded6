"""The two enumerations that ScaNN's builder takes."""

import enum

__all__ = ["IncrementalMode", "ReorderType"]


class ReorderType(enum.Enum):
    """What rows are kept in: four, one or two bytes a dimension.

    Examples
    --------
    >>> ReorderType.BFLOAT16.value
    3
    """

    FLOAT32 = 1
    INT8 = 2
    BFLOAT16 = 3


class IncrementalMode(enum.Enum):
    """How ScaNN's autopilot prepares for updates; leafscan's indexes take them in every mode.

    Examples
    --------
    >>> [mode.name for mode in IncrementalMode]
    ['NONE', 'ONLINE', 'ONLINE_INCREMENTAL']
    """

    NONE = 1
    ONLINE = 2
    ONLINE_INCREMENTAL = 3
