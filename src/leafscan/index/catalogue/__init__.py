"""An index in a folder: an immutable snapshot and a journal of the updates since."""

from leafscan.index.catalogue.catalogue import Catalogue
from leafscan.index.catalogue.opening import open

__all__ = ["Catalogue", "open"]
