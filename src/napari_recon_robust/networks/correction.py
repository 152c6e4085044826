"""Corrections: what a network adds to an image that is reconstructed without it. They can be set to zero."""

import copy
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


def ends_correction(layer: nn.Module) -> None:
    """Mark a layer as the last one of a correction, for `without_correction`."""
    layer.ends_correction = True  # type: ignore[assignment]


def zero_at_first(layer: nn.Module) -> None:
    """Mark a layer as the last one of a correction, and set it to zero."""
    ends_correction(layer)
    _silence(layer)


def without_correction(network: Network) -> Network:
    """A copy whose corrections are zero, so that only its trained data consistency acts."""
    silent = copy.deepcopy(network)
    for module in silent.modules():
        if getattr(module, "ends_correction", False):
            _silence(module)
    return silent


@torch.no_grad()
def _silence(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        parameter.zero_()
