"""The peers by name, in the order of the tables."""

from benchmarks.peers.faiss_ivf import FaissIVF
from benchmarks.peers.hnswlib import Hnswlib
from benchmarks.peers.leafscan import Leafscan
from benchmarks.peers.peer import Peer
from benchmarks.peers.rabitq import SymphonyQG
from benchmarks.peers.scann import ScaNN
from benchmarks.peers.scann_core import ScaNNCore
from benchmarks.peers.usearch import Usearch

PEERS: dict[str, type[Peer]] = {
    peer.name: peer for peer in (Leafscan, ScaNNCore, ScaNN, SymphonyQG, FaissIVF, Hnswlib, Usearch)
}
