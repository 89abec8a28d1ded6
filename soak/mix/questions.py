"""Searches: plain and filtered in every way, single and batched."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import leafscan
from soak.mix.model import GENRES, Mask, Version
from soak.mix.subjects import UNIVERSE, Subject, draw_vectors
from soak.mix.tally import Broken, Tally

__all__ = ["Standing", "compile_filter", "search"]

#: What a version allows: (u,) booleans, None for all, or a sentence if it cannot have taken the question.
Rule = Callable[[Version], Mask | str | None]


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """A compiled filter that is used over many updates, and its meaning."""

    filter: leafscan.Filter
    rule: Callable[[Version], Mask]


@dataclass(frozen=True, slots=True, eq=False)
class _Lists:
    """The ``allow`` or ``deny`` of a search, and of each query its meaning."""

    given: Any
    #: By query; or masks in the order of `leafscan.Index.ids`.
    sets: list[Mask] | None
    masks: NDArray[np.bool_] | None = None

    def of(self, version: Version, query: int) -> Mask | str:
        if self.sets is not None:
            return self.sets[query]
        assert self.masks is not None
        order = version.order()
        if len(order) != self.masks.shape[1]:
            return "a mask of another length"
        named = np.zeros(UNIVERSE, np.bool_)
        named[order[self.masks[query]]] = True
        return named


def compile_filter(subject: Subject, rng: np.random.Generator, tally: Tally) -> Standing | None:
    """Compile a filter; None where ids that it names went meanwhile."""
    kind = rng.choice(["allow", "deny", "mask", "where", "where and deny"])
    where, asked = _draw_where(rng) if kind.startswith("where") else (None, None)
    share = float(rng.choice([0.005, 0.05, 0.3, 0.9]))
    named = np.zeros(UNIVERSE, np.bool_)
    arguments: dict[str, Any] = {} if where is None else {"where": where}
    order = subject.history.current.order()
    if kind == "mask":
        mask = rng.random(len(order)) < share
        arguments["allow"] = mask
        named[order[mask]] = True
    elif kind != "where":
        chosen = rng.permutation(order)[: max(1, int(share * len(order)))]
        arguments["deny" if kind.endswith("deny") else "allow"] = subject.ids(chosen)
        named[chosen] = True
    with subject.history.call() as call:
        try:
            made = subject.index.filter(**arguments)
        except ValueError as error:
            made, said = None, str(error)
    if made is None:
        if kind == "where":
            raise Broken(f"a filter of tags was refused: {said}")
        if all(
            len(v.order()) == len(order) if kind == "mask" else v.live[named].all() for v in call.versions
        ):
            raise Broken(f"a filter of ids that are there was refused: {said}")
        tally.count(subject.name, "filter refused")
        return None
    if kind == "mask" and (call.alone is None or not np.array_equal(call.alone.order(), order)):
        return None  # Nobody knows which ids it named.
    tally.count(subject.name, f"filter by {kind}")

    def rule(version: Version) -> Mask:
        allowed = np.ones(UNIVERSE, np.bool_) if asked is None else asked(version)
        if kind == "where":
            return allowed
        return allowed & (~named if kind.endswith("deny") else named)

    return Standing(made, rule)


def search(
    subject: Subject,
    rng: np.random.Generator,
    tally: Tally,
    standing: Standing | None,
) -> None:
    """Search once, and hold what was found against every version that there was meanwhile."""
    plan = subject.plan
    single = rng.random() < 0.5
    count = 1 if single else int(rng.integers(1, 17))
    queries = draw_vectors(rng, count)
    k = int(rng.integers(1, 25))
    few = plan.few is not None and rng.random() < 0.3
    exact = plan.exact and not few
    allow = deny = None
    if rng.random() < 0.4:
        kind = rng.choice(["allow", "deny", "both"])
        allow = _draw_lists(subject, rng, count, single) if kind != "deny" else None
        deny = _draw_lists(subject, rng, count, single) if kind != "allow" else None
    arguments: dict[str, Any] = {
        "params": plan.few if few else None,
        "filter": None if standing is None else standing.filter,
        "allow": None if allow is None else allow.given,
        "deny": None if deny is None else deny.given,
    }
    if not single and rng.random() < 0.5:
        arguments["threads"] = int(rng.integers(1, 3))
    found = None
    with subject.history.call() as call:
        try:
            found = subject.index.search(queries[0] if single else queries, k=k, **arguments)
        except ValueError as error:
            said = str(error)
    masks = any(lists is not None and lists.sets is None for lists in (allow, deny))
    if found is None:
        if masks and any(isinstance(_allowed(v, 0, None, allow, deny), str) for v in call.versions):
            tally.count(subject.name, "mask refused")
            return
        raise Broken(f"a search was refused: {said}")
    shape = (k,) if single else (count, k)
    if found.ids.shape != shape or found.scores.shape != shape:
        raise Broken(f"a search gave the shapes {found.ids.shape} and {found.scores.shape}")
    result = leafscan.SearchResult(found.ids.reshape(count, k), found.scores.reshape(count, k))
    places = np.array([subject.places(row) for row in result.ids.tolist()])
    reasons = []
    for version in reversed(call.versions):
        allowed = [_allowed(version, query, standing, allow, deny) for query in range(count)]
        refused = next((one for one in allowed if isinstance(one, str)), None)
        why = refused or version.refuses_all(
            plan.metric,
            queries,
            places,
            result,
            [one for one in allowed if not isinstance(one, str)],
            exact=exact,
        )
        if why is None:
            named = "filtered " * (standing is not None) + ("among " if allow or deny else "")
            tally.count(subject.name, f"{named}{'search' if single else 'batch'}", count)
            return
        reasons.append(why)
    raise Broken(
        f"no version explains a search with k={k}, {count} queries, few={few}, "
        f"filter={standing is not None}, allow={allow is not None}, deny={deny is not None}; "
        f"of the versions from {call.first} on, the latest first: {reasons[:10]}"
    )


def _allowed(
    version: Version, query: int, standing: Standing | None, allow: _Lists | None, deny: _Lists | None
) -> Mask | str | None:
    allowed = None if standing is None else standing.rule(version)
    for lists, denied in ((allow, False), (deny, True)):
        if lists is None:
            continue
        named = lists.of(version, query)
        if isinstance(named, str):
            return named
        if denied:
            named = ~named
        allowed = named if allowed is None else allowed & named
    return allowed


def _draw_lists(subject: Subject, rng: np.random.Generator, count: int, single: bool) -> _Lists:
    kind = rng.choice(["padded", "lists", "mask"])
    if kind == "mask":
        n = len(subject.history.current.order())
        masks = rng.random((count, n)) < rng.choice([0.005, 0.5])
        return _Lists(masks[0] if single else masks, None, masks)
    sizes = rng.integers(0, int(rng.choice([4, 40, 300])), count)
    chosen = [rng.choice(UNIVERSE, size, replace=False).astype(np.intp) for size in sizes]
    sets = []
    for places in chosen:
        named = np.zeros(UNIVERSE, np.bool_)
        named[places] = True
        sets.append(named)
    listed = [subject.ids(places).tolist() for places in chosen]
    if single:
        return _Lists(listed[0], sets)
    if kind == "lists":
        return _Lists(listed, sets)
    pad: Any = "" if subject.plan.strings else -1
    widest = max(map(len, listed))
    if widest == 0:
        return _Lists(listed, sets)
    return _Lists(np.array([row + [pad] * (widest - len(row)) for row in listed]), sets)


def _draw_where(rng: np.random.Generator) -> tuple[dict[str, Any], Callable[[Version], Mask]]:
    place = int(rng.integers(len(GENRES)))
    genre, year = GENRES[place], int(rng.integers(1950, 2020))
    drawn: list[tuple[dict[str, Any], Callable[[Version], Mask]]] = [
        ({"genre": genre}, lambda v: v.genre == place),
        ({"genre": {"$ne": genre}}, lambda v: v.genre != place),
        ({"year": {"$gte": year}}, lambda v: v.year >= year),
        ({"year": {"$gte": year, "$lt": year + 5}}, lambda v: (v.year >= year) & (v.year < year + 5)),
        (
            {"genre": genre, "year": {"$lt": year}},
            lambda v: (v.genre == place) & (v.year < year) & (v.year >= 0),
        ),
        ({"genre": {"$exists": False}}, lambda v: v.genre < 0),
        ({"$or": [{"genre": genre}, {"year": year}]}, lambda v: (v.genre == place) | (v.year == year)),
    ]
    return drawn[int(rng.integers(len(drawn)))]
