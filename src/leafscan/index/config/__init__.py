"""How an index is built and searched: small frozen parts that check themselves."""

from leafscan.index.config.asymmetric_hash import AsymmetricHash
from leafscan.index.config.brute_force import BruteForce
from leafscan.index.config.config import Config
from leafscan.index.config.reorder import Reorder
from leafscan.index.config.row_dtype import RowDtype
from leafscan.index.config.search_params import SearchParams
from leafscan.index.config.tree import Tree

__all__ = ["AsymmetricHash", "BruteForce", "Config", "Reorder", "RowDtype", "SearchParams", "Tree"]
