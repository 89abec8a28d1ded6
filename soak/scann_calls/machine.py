"""The machine: a searcher, the dictionary that it is held against, and what either can be asked to do."""

import math
import tempfile
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from numpy.typing import NDArray

from leafscan import BruteForce, scann
from soak.scann_calls.draws import COUNT, ODD, K, calls, mostly

__all__ = ["COUNTS", "ScannCalls"]

#: All that a call may raise; anything else is a failure.
REFUSALS = (ValueError, TypeError, KeyError)

#: How often each rule was answered and refused.
COUNTS: Counter[str] = Counter()


def answered(name: str, call: Callable[[], Any]) -> Any:
    """Make a call and count its answer; a refusal in a sentence gives None."""
    try:
        answer = call()
    except REFUSALS as error:
        if not str(error):
            raise AssertionError("an error must say something") from error
        COUNTS[f"{name}: refused"] += 1
        return None
    COUNTS[f"{name}: answered"] += 1
    return answer


class ScannCalls(RuleBasedStateMachine):
    """A searcher and what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[Any, NDArray[np.float32]] = {}
        self.named = False
        self.searcher: Any = None
        self.measure = "dot_product"
        self.dim = 1
        self.k = 1
        self.rng = np.random.default_rng(0)
        self.named_so_far = 0

    @initialize(
        measure=st.sampled_from(["dot_product", "squared_l2"]),
        dim=st.integers(1, 6),
        n=st.integers(0, 60),
        k=mostly(st.integers(1, 12)),
        named=st.booleans(),
        drawn=calls(),
        seed=st.integers(0, 99),
        threads=mostly(st.integers(0, 2)),
    )
    def build(
        self,
        measure: str,
        dim: int,
        n: int,
        k: Any,
        named: bool,
        drawn: list[tuple[str, dict[str, Any]]],
        seed: int,
        threads: Any,
    ) -> None:
        """Build a searcher of what was drawn; if that is refused, one that is exact."""
        self.measure, self.dim, self.named = measure, dim, named
        self.rng = np.random.default_rng(seed)
        rows = self.rows(n)
        names = [self.name() for _ in range(n)] if named else None

        def build() -> Any:
            begun = scann.scann_ops_pybind.builder(rows, k, measure).set_n_training_threads(threads)
            for method, arguments in drawn:
                getattr(begun, method)(**arguments)
            return begun.build(docids=names)

        self.searcher, self.k = answered("build", build), k
        if self.searcher is None:
            begun = scann.scann_ops_pybind.builder(rows, 3, measure)
            self.searcher, self.k = begun.score_brute_force().build(docids=names), 3
        keys = range(n) if names is None else names
        self.model = dict(zip(keys, rows, strict=True))

    @rule(k=K, candidates=K, leaves=K, which=st.integers(0, 3))
    def search(self, k: Any, candidates: Any, leaves: Any, which: int) -> None:
        """Search one query."""
        query = self.query(which)
        found = answered("search", lambda: self.searcher.search(query, k, candidates, leaves))
        if found is None:
            return
        index, distance = found
        wanted = min(self.k if k in (None, -1) else k, len(self.model))
        assert len(index) == len(distance) <= wanted
        assert type(index) is list or index.dtype == np.uint32
        self.check(query, list(index), distance)
        if self.sees_every_row():
            assert len(index) == wanted

    @rule(k=K, candidates=K, leaves=K, q=st.integers(0, 4), size=COUNT, parallel=st.booleans())
    def search_batched(self, k: Any, candidates: Any, leaves: Any, q: int, size: Any, parallel: bool) -> None:
        """Search several, and each by itself."""
        queries = np.stack([self.query(which % 4) for which in range(q)]) if q else self.rows(0)
        asked = (queries, k, candidates, leaves)
        if parallel:
            search = self.searcher.search_batched_parallel
            found = answered("search_batched_parallel", lambda: search(*asked, size))
        else:
            found = answered("search_batched", lambda: self.searcher.search_batched(*asked))
        if found is None:
            return
        if k in (None, -1):
            # As wide as the longest answer; with no query at all, as it would be where all are found.
            width = found.distances.shape[1]
            assert width <= min(self.k, len(self.model))
            assert not q or not width or not np.isnan(found.distances[:, -1]).all()
        else:
            width = k
        assert found.distances.shape == (q, width)
        assert len(found.indices) == q
        for query, ids, distances in zip(queries, found.indices, found.distances, strict=True):
            gone = np.isnan(distances)
            nobody = None if self.named else scann.NO_INDEX
            assert [one == nobody for one in ids] == gone.tolist()
            there = [one for one in ids if one != nobody]
            self.check(query, there, distances[~gone])
            assert there == list(self.searcher.search(query, k, candidates, leaves).index)

    @precondition(lambda self: self.named)
    @rule(
        fresh=st.integers(0, 4),
        old=st.integers(0, 3),
        twice=mostly(st.just(False)),
        spoilt=st.integers(0, 9),
        size=COUNT,
    )
    def upsert(self, fresh: int, old: int, twice: Any, spoilt: int, size: Any) -> None:
        """Insert and replace some rows."""
        names = [self.name() for _ in range(fresh)] + self.some(old)
        if twice is True and names:
            names.append(names[0])
        rows = self.rows(len(names))
        if spoilt == 0 and rows.size:
            rows[-1, 0] = math.nan
        if spoilt == 1:
            rows = np.concatenate([rows, rows], axis=1)
        if spoilt == 2:
            names.append(None)
        if answered("upsert", lambda: self.searcher.upsert(names, rows, size) or True):
            self.model |= dict(zip(names, rows, strict=True))

    @precondition(lambda self: self.named)
    @rule(count=st.integers(0, 70), odd=mostly(st.just("row 0")), spoilt=st.integers(0, 5))
    def delete(self, count: int, odd: Any, spoilt: int) -> None:
        """Delete some rows."""
        names = self.some(count) + ([odd] if spoilt == 0 else [])
        if answered("delete", lambda: self.searcher.delete(names) or True):
            for name in names:
                del self.model[name]

    @precondition(lambda self: not self.named)
    @rule()
    def update_without_docids(self) -> None:
        """Try what needs docids."""
        upsert = answered("update without docids", lambda: self.searcher.upsert(["x"], self.rows(1)) or True)
        delete = answered("update without docids", lambda: self.searcher.delete(["x"]) or True)
        assert upsert is None
        assert delete is None

    @rule(drawn=calls(), anew=st.booleans(), k=COUNT)
    def rebalance(self, drawn: list[tuple[str, dict[str, Any]]], anew: bool, k: Any) -> None:
        """Rearrange, or train by another configuration."""

        def configured() -> str:
            begun = scann.scann_ops_pybind.builder(self.rows(40), k, self.measure)
            for method, arguments in drawn:
                getattr(begun, method)(**arguments)
            return begun.create_config()

        config = answered("create_config", configured) if anew else None
        size = answered("rebalance", lambda: self.searcher.rebalance(config))
        if size is None:
            return
        assert size == len(self.model)
        if config is not None:
            self.k = k
            self.read_rows()

    @rule()
    def serialize(self) -> None:
        """Write and read the searcher."""
        with tempfile.TemporaryDirectory() as folder:
            self.searcher.serialize(folder)
            again = scann.scann_ops_pybind.load_searcher(folder)
        query = self.query(0)
        before = self.searcher.search(query).distance
        assert again.docids == self.searcher.docids
        assert again.config() == self.searcher.config()
        self.searcher = again
        ids, after = again.search(query)
        self.check(query, list(ids), after)
        index = again.index
        exact = index is None or isinstance(index.config.score, BruteForce)
        if exact and (index is None or index.config.row_dtype != "int8"):
            # A folded index has its rows in another order, and codes that tie at the last place go by that.
            # In int8 a vector that came and is larger than all before makes the steps of all larger, too.
            assert np.array_equal(before, after)

    @rule(threads=mostly(st.integers(1, 3)), rows=mostly(st.integers(0, 900)))
    def other(self, threads: Any, rows: Any) -> None:
        """Make the small calls."""
        answered("set_num_threads", lambda: self.searcher.set_num_threads(threads))
        answered("reserve", lambda: self.searcher.reserve(rows))
        assert isinstance(self.searcher.config(), str)
        assert len(self.searcher.get_health_stats()) == 4
        self.searcher.initialize_health_stats()

    @rule(query=st.one_of(ODD, st.lists(st.floats(width=32), max_size=7)))
    def ask_nonsense(self, query: Any) -> None:
        """Search for anything."""
        found = answered("nonsense", lambda: self.searcher.search(query))
        if found is not None:
            self.check(np.asarray(query, np.float32), list(found.index), found.distance)
        answered("nonsense", lambda: self.searcher.search_batched([query, query]))

    @invariant()
    def holds_what_it_must(self) -> None:
        """Compare sizes and docids."""
        if self.searcher is None:
            return
        assert self.searcher.size() == len(self.model)
        docids = self.searcher.docids
        if self.named:
            assert len(docids) == len(self.model)
            assert set(docids) == set(self.model)
        else:
            assert docids is None

    def check(self, query: NDArray[np.float32], ids: list[Any], distances: Any) -> None:
        """Hold what was found to what is there: no wrong id, none twice, in order, scored as it must be."""
        assert len(set(ids)) == len(ids)
        assert all(one in self.model for one in ids)
        if not len(ids) or not np.all(np.isfinite(distances)):
            return  # A query of 1e26 is infinitely far from everything, in 32 bits.
        assert np.all(np.diff(distances) >= 0 if self.measure == "squared_l2" else np.diff(distances) <= 0)
        if self.searcher.index.config.row_dtype == "float32":
            found = np.stack([self.model[one] for one in ids]).astype(np.float64)
            scores = found @ query if self.measure == "dot_product" else np.square(found - query).sum(axis=1)
            scale = 1e-4 * (1 + np.abs(scores) + np.square(found).sum(axis=1) + np.square(query).sum())
            assert np.all(np.abs(scores - distances) <= scale)

    def sees_every_row(self) -> bool:
        """Tell whether a search scores all rows, in one way or another."""
        index = self.searcher.index
        return index is None or index.config.tree is None

    def read_rows(self) -> None:
        """Take the rows as the index keeps them now: what they were rounded to once, they stay."""
        index = self.searcher.index
        if index is not None and index.config.row_dtype is not None:
            for name, row in self.model.items():
                key = self.searcher._docids.keys_for([name]) if self.named else np.array([name])
                self.model[name] = self.searcher.index.vectors(key)[0]
                assert np.allclose(self.model[name], row, atol=0.5)

    def rows(self, n: int) -> NDArray[np.float32]:
        """Make rows, some of them equal and some of them zero."""
        rows = self.rng.standard_normal((n, self.dim)).astype(np.float32)
        rows[self.rng.random(n) < 0.1] = 0
        return rows

    def query(self, which: int) -> NDArray[np.float32]:
        """Make a query: a row that is there, if there is one, or any."""
        if which == 0 and self.model:
            return np.float32(3) * next(iter(self.model.values()))
        made: NDArray[np.float32] = self.rows(1)[0]
        return made

    def some(self, count: int) -> list[Any]:
        """Choose some of the docids that are there."""
        names = list(self.model)
        self.rng.shuffle(names)
        return names[:count]

    def name(self) -> str:
        """Make a docid that there never was."""
        self.named_so_far += 1
        return f"row {self.named_so_far}"
