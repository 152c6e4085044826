"""Files of torch.save, of which only tensors, numbers and text are taken, and nothing is executed or unpacked."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import torch
from torch import Tensor

from ..ground.errors import ReconRobustError, WeightsError
from ..ground.guard import check_zip


def load_pickled(
    content: bytes, name: str, device: torch.device | str = "cpu", error: type[ReconRobustError] = WeightsError
) -> Any:
    """What torch.load gives; `error` for a packed archive or a tensor that declares more than is stored for it.

    Raises whatever the bytes lead torch's unpickler to, too.
    """
    if content[:2] == b"PK":
        check_zip(content, name, error)
    loaded = torch.load(BytesIO(content), map_location=device, weights_only=True)
    for tensor in _tensors(loaded):
        check_extent(tensor)
    return loaded


def check_extent(tensor: Tensor) -> None:
    """Raise ValueError for a tensor with more elements than its storage, which copies would write out."""
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError("a tensor is larger than what is stored of it")


def _tensors(value: Any) -> Iterator[Tensor]:
    waiting, seen = [value], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, Mapping | list | tuple) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(one.values() if isinstance(one, Mapping) else one)
