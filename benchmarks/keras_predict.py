"""A compiled model.predict() on the tutorial's candidates: ScannRetrieval beside KerasRS' brute force."""

from collections.abc import Callable
from functools import partial
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import keras
import keras_rs
import numpy as np
import typer

from benchmarks.data.tutorial import tutorial
from leafscan.keras import ScannRetrieval

K = 10
#: The tutorial's four users, and all users in batches of Keras' usual size and in one.
CALLS = ((4, 4), (943, 32), (943, 943))

app = typer.Typer(add_completion=False, help=__doc__)


def _model(layer: Any, dim: int) -> Any:
    inputs = keras.Input((dim,))
    return keras.Model(inputs, layer(inputs))


def _seconds(call: Callable[[], object]) -> float:
    begin = perf_counter()
    call()
    return perf_counter() - begin


@app.command()
def main(
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, the two in turn; the median counts.")] = 7,
) -> None:
    """Build both models, check the recall of ours, and race them; KERAS_BACKEND says on which backend."""
    data = tutorial().whole()
    base, queries = np.ascontiguousarray(data.base()), np.ascontiguousarray(data.query_rows())
    truth = data.truth()[0][:, :K]
    layer = ScannRetrieval(base, k=K)
    theirs = keras_rs.layers.BruteForceRetrieval(keras.ops.convert_to_tensor(base), k=K)
    models = [_model(theirs, base.shape[1]), _model(layer, base.shape[1])]
    found = models[1].predict(queries, batch_size=256, verbose=0)[1]
    hits = sum(len(set(mine) & set(best)) for mine, best in zip(found.tolist(), truth.tolist(), strict=True))
    print(f"{keras.backend.backend()}: {layer.index}, recall@{K} {hits / truth.size:.4f}")
    for users, batch in CALLS:
        asked = queries[:users]
        calls = [partial(model.predict, asked, batch_size=batch, verbose=0) for model in models]
        for call in calls:
            call()
        taken = [[_seconds(call) for call in calls] for _ in range(rounds)]
        brute, ours = (1e3 * median(each) for each in zip(*taken, strict=True))
        print(f"{users} users by {batch}: {brute:.3g} ms, leafscan {ours:.3g} ms, {brute / ours:.1f} x")


if __name__ == "__main__":
    app()
