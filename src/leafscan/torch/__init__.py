"""leafscan as a PyTorch operation and module: eager, compiled with fullgraph, differentiable.

>>> import leafscan, torch
>>> import leafscan.torch
>>> index = leafscan.build(torch.eye(4).numpy(), metric="dot_product")
>>> leafscan.torch.search(index, torch.tensor([[0.0, 3.0, 2.0, 1.0]]), k=2).ids.tolist()
[[1, 2]]

Tensors on the CPU are read where they lie. Those on a GPU take the host path: the queries are copied to the
host, searched there, and ids and scores are copied back.
"""

try:
    import torch as _torch
except ModuleNotFoundError as error:
    if error.name != "torch":
        raise
    raise ModuleNotFoundError(
        'leafscan.torch needs torch, which is not installed; pip install "leafscan[torch]" has it.',
        name="torch",
    ) from error

from leafscan.torch.module import Retrieval
from leafscan.torch.operation import search

__all__ = ["Retrieval", "search"]

del _torch
