"""A network's corrections: what it adds to the part of it that is no network, and can be set to zero."""

import copy
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def ends_correction(layer: nn.Module) -> None:
    """Mark the last layer of a correction for `without_correction`."""
    layer.ends_correction = True  # type: ignore[assignment]


def zero_at_first(layer: nn.Module) -> None:
    """Mark the last layer of a correction, and set it to zero."""
    ends_correction(layer)
    _silence(layer)


def without_correction(network: Network) -> Network:
    """A copy whose corrections are zero, all else as it was trained: what its data consistency gives alone."""
    silent = copy.deepcopy(network)
    for module in silent.modules():
        if getattr(module, "ends_correction", False):
            _silence(module)
    return silent


@torch.no_grad()
def _silence(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        parameter.zero_()
