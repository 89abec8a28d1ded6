import numpy as np

from leafscan.cli.demo.settings import PresetName, Settings
from leafscan.cli.demo.towers import train_towers
from leafscan.recommend import synthetic_movielens

DATA = synthetic_movielens(users=30, movies=40, ratings_per_user=10)


def test_the_tutorials_towers_have_spare_rows_and_a_query_a_user():
    towers = train_towers(DATA, Settings(epochs=2, seed=1), progress=False)
    assert (towers.queries.shape, towers.table.shape) == ((30, 32), (1040, 32))
    assert np.array_equal(towers.queries[4], towers.model.query_embeddings(np.array([5]))[0])
    assert len(towers.history.loss) == 2


def test_the_quality_towers_have_a_row_a_movie():
    settings = Settings(preset=PresetName.quality, epochs=1)
    towers = train_towers(DATA, settings, progress=False)
    assert (towers.queries.shape, towers.table.shape) == ((30, 65), (40, 65))
    assert (towers.queries[:, -1] == 1).all()
    assert (towers.history.name, len(towers.history.loss)) == ("quality", 1)
