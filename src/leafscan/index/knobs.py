"""What the engine is asked for by each search, as plain numbers."""

from leafscan.index.config import SearchParams
from leafscan.index.contents import Contents

__all__ = ["Knobs", "check_stop", "knobs_for", "knobs_of"]

#: The leaves, candidates, refined and upper leaves that a search is to have, 0 where there are none; and its
#: stop, None where there is none.
Knobs = tuple[int, int, int, int, float | None]


def knobs_of(search: SearchParams) -> Knobs:
    """Return what the engine is asked for by default.

    Examples
    --------
    >>> knobs_of(SearchParams(leaves=30, candidates=150))
    (30, 150, 0, 0, None)
    """
    return (
        search.leaves or 0,
        search.candidates or 0,
        search.refined or 0,
        search.upper_leaves or 0,
        search.stop,
    )


def knobs_for(params: SearchParams, own: Knobs) -> Knobs:
    """Return what the engine is asked for where ``params`` are given; what is None in them is ``own``.

    Examples
    --------
    >>> own = (30, 150, 0, 0, 2.5)
    >>> knobs_for(SearchParams(candidates=80), own)
    (30, 80, 0, 0, 2.5)

    Who says how many leaves means all of them, unless they say so.

    >>> knobs_for(SearchParams(leaves=60), own), knobs_for(SearchParams(leaves=60, stop=3), own)
    ((60, 150, 0, 0, None), (60, 150, 0, 0, 3.0))
    """
    leaves, candidates, refined, upper, stop = own
    return (
        params.leaves or leaves,
        params.candidates or candidates,
        params.refined or refined,
        params.upper_leaves or upper,
        stop if params.stop is None and params.leaves is None else params.stop,
    )


def check_stop(contents: Contents, name: str) -> None:
    """Check that an index has what a stop goes by.

    Parameters
    ----------
    contents
        An index whose plan can have a stop.
    name
        What the caller calls it.

    Raises
    ------
    ValueError
        If it comes from a file of a version that measured no residuals.
    """
    if "stop_scales" not in contents.sections:
        raise ValueError(
            f"{name} goes by how far rows lie from their centroids, which the file of this index does not "
            "hold, being of an older version; leave it out, or build the index anew."
        )
