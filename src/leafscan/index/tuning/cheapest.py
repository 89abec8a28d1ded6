"""The least effort that reaches a recall, and what recall costs on either side of it.

Recall rises with either number, and time does as well, so that for each number of leaves one number of
candidates is the least that reaches it, found by halving. Along the leaves the time of these pairs falls
first, as fewer candidates have to make up for neighbours in other leaves, and then rises. The walk begins at
the fewest leaves with which it can be reached at all, and ends once it has come up on the other side.
"""

from collections.abc import Callable
from typing import NamedTuple

from leafscan.index.tuning.budget import Budget
from leafscan.index.tuning.effort import Effort, ladder, nearest
from leafscan.index.tuning.measuring import Bench
from leafscan.index.tuning.points import OperatingPoint

__all__ = ["cheapest", "explore", "nudged", "unbeaten"]

#: The rungs of the ladders, as factors. A step of leaves is 7 to 10 % of a query's time at most.
LEAF_STEP = 1.12
CANDIDATE_STEP = 1.15

#: The most candidates, as a multiple of k, and at least so many: what reads more rows than that is no better
#: than more leaves.
MOST_CANDIDATES = 200
MOST_CANDIDATES_AT_LEAST = 4_000

#: The walk begins where so many candidates, as a multiple of k, would do.
RICH = 40

#: The walk looks at every so many-th rung, and ends when so many of them in a row are no better.
STRIDE = 2
PATIENCE = 2

#: An effort is raised by so many rungs of candidates where another index needs more.
NUDGES = 6

#: On either side of the effort that was found, leaves are multiplied by this, and candidates by a power of
#: it, down to and up to these recalls.
PATH_STEP = 1.3
PATH_POWER = 0.7
PATH_FROM, PATH_TO = 0.6, 0.9985


def cheapest(
    bench: Bench, target: float, n: int, budget: Budget, looked: Callable[[], None] = lambda: None
) -> Effort | None:
    """Return the quickest effort whose recall is at least ``target`` with the bench's confidence.

    Parameters
    ----------
    bench
        The index.
    target
        Above 0, at most 1.
    n
        How many rows it has.
    budget
        Once it is over, the best so far has to do; at least one is found.
    looked
        Called after each measurement.

    Returns
    -------
    Effort or None
        None if no effort reaches it.
    """
    walk = _Walk(bench, target, n, budget, looked)
    begin = walk.begin()
    if begin is None:
        return None
    best = walk.along(begin, STRIDE)
    if best.place == begin.place:
        best = walk.along(begin, -STRIDE)
    return walk.confirmed(walk.beside(best).effort)


class _Found(NamedTuple):
    """A place on the ladder of leaves, and the least candidates that will do there."""

    place: int
    effort: Effort


class _Walk:
    def __init__(
        self, bench: Bench, target: float, n: int, budget: Budget, looked: Callable[[], None]
    ) -> None:
        self._bench, self._target, self._budget, self._looked = bench, target, budget, looked
        self._leaves, self._candidates = axes(bench, n)

    def begin(self) -> _Found | None:
        """Find the fewest leaves with which it is reached by many candidates."""
        last = len(self._candidates) - 1
        guess = nearest(self._leaves, self._bench.config.search.leaves or 0)
        for rich in dict.fromkeys((nearest(self._candidates, RICH * self._bench.judge.k), last)):
            place = _least(lambda i, rich=rich: self._reaches(i, rich), len(self._leaves), guess)  # type: ignore[misc]
            if place is not None:
                return self._at(place, rich)
        return None

    def along(self, begin: _Found, stride: int) -> _Found:
        """Go on from one place, up or down, as long as it gets quicker."""
        best = now = begin
        worse = 0
        end = len(self._leaves) if stride > 0 else -1
        for place in range(begin.place + stride, end, stride):
            if self._budget.over or worse == PATIENCE:
                break
            following = self._at(place, nearest(self._candidates, now.effort.candidates), down=stride < 0)
            if following is None:
                break
            now = following
            if self._latency(now) < self._latency(best):
                best, worse = now, 0
            else:
                worse += 1
        return best

    def beside(self, best: _Found) -> _Found:
        """Look at the rungs that the strides have left out."""
        for place in (best.place - 1, best.place + 1):
            if 0 <= place < len(self._leaves) and not self._budget.over:
                guess = nearest(self._candidates, best.effort.candidates)
                found = self._at(place, guess, down=place < best.place)
                if found is not None and self._latency(found) < self._latency(best):
                    return found
        return best

    def confirmed(self, effort: Effort) -> Effort | None:
        """Raise what a part of the queries let pass until all of them do."""
        while self._bench.recall(effort)[1] < self._target:
            rungs = zip((self._leaves, self._candidates), effort, strict=True)
            more = Effort(*(one[min(nearest(one, now) + 1, len(one) - 1)] for one, now in rungs))
            if more == effort:
                return None
            effort = more
        return effort

    def _at(self, place: int, guess: int, *, down: bool = False) -> _Found | None:
        """Return the least candidates with these leaves: some near a guess, and more where leaves are fewer.

        Where leaves are more, so many are known to do, though recall may waver by a query or two.
        """
        count = len(self._candidates) if down else guess + 1
        found = _least(lambda j: self._reaches(place, j), count, guess)
        if found is None:
            if down:
                return None
            found = guess
        return _Found(place, Effort(self._leaves[place], self._candidates[found]))

    def _reaches(self, place: int, candidates: int) -> bool:
        self._looked()
        return self._bench.reaches(Effort(self._leaves[place], self._candidates[candidates]), self._target)

    def _latency(self, found: _Found) -> float:
        return self._bench.latency(found.effort)


def nudged(bench: Bench, effort: Effort, target: float, n: int) -> Effort | None:
    """Return an effort near one that reached ``target`` in an index that is nearly the same, or None.

    Rows that are kept otherwise put some neighbours in other places, which a few more candidates make up for.
    """
    candidates = axes(bench, n)[1]
    place = nearest(candidates, effort.candidates)
    for more in range(NUDGES):
        near = Effort(effort.leaves, candidates[min(place + more, len(candidates) - 1)])
        if bench.reaches(near, target) and bench.recall(near)[1] >= target:
            return near
    return None


def explore(bench: Bench, around: Effort, n: int, budget: Budget) -> None:
    """Measure efforts below and above one, so that there is a curve."""
    leaves, candidates = axes(bench, n)
    for direction, share in ((-1, 0.4), (1, 1.0)):
        step = 0
        seen = around
        until = Budget(share * budget.left())
        while not until.over:
            step += direction
            factor = PATH_STEP**step
            effort = Effort(
                leaves[nearest(leaves, around.leaves * factor)],
                candidates[nearest(candidates, around.candidates * factor**PATH_POWER)],
            )
            if effort == seen:
                break
            seen = effort
            bench.latency(effort)
            recall = bench.recall(effort)[0]
            if recall < PATH_FROM or recall > PATH_TO:
                break


def unbeaten(points: list[OperatingPoint]) -> tuple[OperatingPoint, ...]:
    """Return the points that no other beats in recall and time at once, by rising recall.

    Examples
    --------
    >>> from leafscan.index.config import SearchParams
    >>> quick, slow, good = (
    ...     OperatingPoint(params=SearchParams(), recall=r, low=r, high=r, latency_us=us)
    ...     for r, us in ((0.9, 10), (0.89, 12), (0.95, 20))
    ... )
    >>> unbeaten([good, slow, quick]) == (quick, good)
    True
    """
    kept: list[OperatingPoint] = []
    for point in sorted(points, key=lambda point: (-point.recall, point.latency_us)):
        if not kept or point.latency_us < kept[-1].latency_us:
            kept.append(point)
    return tuple(kept[::-1])


def axes(bench: Bench, n: int) -> tuple[list[int], list[int]]:
    """Return the ladders of leaves and of candidates; [0] where the plan has none."""
    config, k = bench.config, bench.judge.k
    leaves = [0] if config.tree is None else ladder(1, config.tree.num_leaves, LEAF_STEP)
    if config.reorder is None:
        return leaves, [0]
    most = min(n, max(MOST_CANDIDATES * k, MOST_CANDIDATES_AT_LEAST))
    return leaves, ladder(min(k, most), most, CANDIDATE_STEP)


def _least(reaches: Callable[[int], bool], count: int, guess: int) -> int | None:
    """Return the least of ``count`` places that reaches, if places that do come after those that don't.

    It gallops from a guess, since far off ones are dear, and halves from there.
    """
    low, high, step = -1, count, 2  # low does not reach, high does or is beyond the end
    place = min(guess, count - 1)
    if reaches(place):
        high = place
        while high - step > low:
            if not reaches(high - step):
                low = high - step
                break
            high -= step
            step *= 2
    else:
        low = place
        while low + step < high:
            if reaches(low + step):
                high = low + step
                break
            low += step
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        if reaches(middle):
            high = middle
        else:
            low = middle
    return high if high < count else None
