from leafscan.cli.demo.recommendations import recommend_movies
from leafscan.cli.demo.towers import quality_towers
from leafscan.recommend import synthetic_movielens


def test_ten_new_movies_out_of_a_real_index():
    data = synthetic_movielens(users=30, movies=60, ratings_per_user=20)
    towers = quality_towers(data, epochs=1, seed=0, progress=False)
    answer = recommend_movies(data, towers, "7", threads=1, progress=lambda *_: None)
    mine = set(data.ratings["movie_id"][data.ratings["user_id"] == "7"].tolist())
    assert len(answer.recommended) == len(answer.liked) == 10
    assert not mine & {movie.movie_id for movie in answer.recommended}
    row = data.user_rows[data.ratings["user_id"] == "7"][0]
    scores = towers.queries[row] @ towers.table.T
    best = [str(item + 1) for item in (-scores).argsort() if str(item + 1) not in mine][:10]
    assert [movie.movie_id for movie in answer.recommended] == best
