"""A program of KerasRS' users: two towers, and a layer that retrieves from the table of one of them.

It is written as KerasRS' tutorials are, and knows nothing of leafscan; `test_one_line.py` swaps one line.
It prints what it found, after training and after loading what it saved.
"""

import json
import sys

import keras
import numpy as np
from keras_rs.layers import BruteForceRetrieval

USERS, MOVIES = 40, 60


@keras.saving.register_keras_serializable(package="two_towers")
class TwoTowers(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.users = keras.layers.Embedding(USERS, 8)
        self.movies = keras.layers.Embedding(MOVIES, 8)
        self.retrieval = BruteForceRetrieval(k=5, return_scores=False)

    def build(self, input_shape):
        self.users.build(input_shape)
        self.movies.build(input_shape)
        self.retrieval.candidate_embeddings = self.movies.embeddings
        self.retrieval.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=False):
        outputs = {"queries": self.users(inputs)}
        if not training:
            outputs["movies"] = self.retrieval(outputs["queries"])
        return outputs

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        products = keras.ops.sum(y_pred["queries"] * self.movies(y["movie"]), axis=1)
        return keras.ops.mean(keras.ops.square(products - y["rating"]))


def main(place: str) -> None:
    keras.utils.set_random_seed(7)
    draw = np.random.default_rng(0)
    users, movies = draw.integers(0, USERS, 600), draw.integers(0, MOVIES, 600)
    ratings = ((users % 5) == (movies % 5)).astype("float32")
    model = TwoTowers()
    model.compile(optimizer=keras.optimizers.Adagrad(0.3))
    told = {"movie": movies, "rating": ratings}
    model.fit(users, told, epochs=3, batch_size=64, validation_data=(users, told), verbose=0)
    everybody = np.arange(USERS)
    trained = model.predict(everybody, batch_size=16, verbose=0)["movies"]

    model.save(place)
    loaded = keras.saving.load_model(place).predict(everybody, batch_size=16, verbose=0)["movies"]

    # A layer by itself, with candidates of its own and ids, in a functional model.
    tables = [keras.ops.convert_to_numpy(tower.embeddings) for tower in (model.users, model.movies)]
    retrieval = BruteForceRetrieval(k=5)
    retrieval.update_candidates(tables[1], np.arange(MOVIES, dtype="int32") + 100)
    inputs = keras.Input((8,))
    served = keras.Model(inputs, retrieval(inputs))
    scores, ids = served.predict(tables[0], batch_size=16, verbose=0)
    retrieval.update_candidates(tables[1][::-1].copy())
    updated = served.predict(tables[0], batch_size=16, verbose=0)[1]
    found = {"trained": trained, "loaded": loaded, "ids": ids, "scores": scores, "updated": updated}
    dtypes = {name: str(np.asarray(value).dtype) for name, value in found.items()}
    print(
        json.dumps({name: np.asarray(value).tolist() for name, value in found.items()} | {"dtypes": dtypes})
    )


if __name__ == "__main__":
    main(sys.argv[1])
