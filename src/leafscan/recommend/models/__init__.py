"""The Keras models. Importing this package imports Keras, with the backend which its environment chooses."""

from leafscan.recommend.extras import require

require("keras", purpose="leafscan.recommend.models")

from leafscan.recommend.models.history import HistoryModel  # noqa: E402
from leafscan.recommend.models.initializers import SeededUniform  # noqa: E402
from leafscan.recommend.models.tutorial import RetrievalModel  # noqa: E402

__all__ = ["HistoryModel", "RetrievalModel", "SeededUniform"]
