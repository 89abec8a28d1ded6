import numpy as np
import pytest

from leafscan.recommend import Interactions, MovieLens, Recommender


class Tower:
    """Queries that are the user's row, so that a score can be followed."""

    history_length = 3

    def query_embeddings(self, users: np.ndarray, history: np.ndarray) -> np.ndarray:
        assert history.shape == (len(users), 3)
        return np.stack([np.ones(len(users)), users], axis=1).astype(np.float32)


class BruteForce:
    """Every index has this face; ids may be rows or movie ids."""

    def __init__(self, vectors: np.ndarray, ids: np.ndarray | None = None) -> None:
        self.vectors, self.ids, self.asked = vectors, ids, 0

    def search(self, queries: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
        self.asked = k
        scores = queries @ self.vectors.T
        rows = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return rows if self.ids is None else self.ids[rows], np.take_along_axis(scores, rows, axis=1)


@pytest.fixture
def vectors() -> np.ndarray:
    return np.stack([np.arange(60)[::-1], np.zeros(60)], axis=1).astype(np.float32)


@pytest.mark.parametrize("text_ids", [False, True])
def test_new_movies_with_titles_beside_the_liked(data: MovieLens, vectors: np.ndarray, text_ids: bool):
    index = BruteForce(vectors, data.movies["movie_id"] if text_ids else None)
    answer = Recommender(Tower(), index, data).recommend("7")
    mine = data.ratings["user_id"] == "7"
    seen = set(data.ratings["movie_id"][mine].tolist())
    unseen = [movie_id for movie_id in data.movies["movie_id"].tolist() if movie_id not in seen]
    assert [movie.movie_id for movie in answer.recommended] == unseen[:10]
    assert index.asked == 10 + len(seen)
    assert answer.recommended[0].value == 60 - int(unseen[0])
    best = sorted(data.ratings["user_rating"][mine].tolist(), reverse=True)[:10]
    assert [movie.value for movie in answer.liked] == best
    for movie in answer.recommended + answer.liked:
        row = data.movies["movie_id"].tolist().index(movie.movie_id)
        assert movie.title == data.movies["movie_title"][row]
        assert len(movie.genres) == len(data.movies["movie_genres"][row])


def test_among_equal_stars_the_latest_comes_first(data: MovieLens, vectors: np.ndarray):
    events = Interactions.of(data)
    flat = Interactions(events.users, events.items, np.ones_like(events.ratings), events.timestamps, 40, 60)
    answer = Recommender(Tower(), BruteForce(vectors), data, events=flat).recommend(7, k=4)
    mine = events.in_order().take(events.in_order().users == 6)
    assert [movie.movie_id for movie in answer.liked] == [str(item + 1) for item in mine.items[::-1][:4]]


def test_an_index_that_gives_less(data: MovieLens, vectors: np.ndarray):
    class Short(BruteForce):
        def search(self, queries: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
            ids, scores = super().search(queries, k=k)
            ids[:, 25:], scores[:, 25:] = -1, -np.inf
            return ids, scores

    answer = Recommender(Tower(), Short(vectors), data).recommend("7", k=50)
    seen = set(data.ratings["movie_id"][data.ratings["user_id"] == "7"].tolist())
    assert len(answer.recommended) == sum(str(row + 1) not in seen for row in range(25))


def test_bad_input_gets_a_sentence(data: MovieLens, vectors: np.ndarray):
    recommender = Recommender(Tower(), BruteForce(vectors), data)
    with pytest.raises(KeyError, match="one of the 40 users; received '999'"):
        recommender.recommend("999")
    with pytest.raises(ValueError, match="k must be at least 1, received 0"):
        recommender.recommend("7", k=0)
