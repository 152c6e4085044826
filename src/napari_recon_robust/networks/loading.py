"""Loading networks with their trained weights."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch import nn

from ..ground.errors import WeightsError
from ..weights import store
from . import registry
from .fastmri_layout import FastMRIUNet, FastMRIVarNet
from .first_weights import first_weights

Network = TypeVar("Network", bound=nn.Module)
Layout = TypeVar("Layout", FastMRIUNet, FastMRIVarNet)


def load_trained(kind: type[Network], weights: str, device: torch.device) -> Network:
    """A network with trained weights (`weights.store`), made from the arguments in their header.

    Raises WeightsError for weights of another network.
    """
    network: Network | None = _trained(kind, store.load(weights), device)  # type: ignore[arg-type]
    if network is None:
        raise WeightsError(f"the weights {weights!r} are not of a {kind.__name__}; give ones that are.")
    return network


@lru_cache(store.KEPT)
def _trained(kind: Callable[..., nn.Module], weights: store.Weights, device: torch.device) -> Any:
    arguments = weights.metadata.architecture if weights.metadata else {}
    network = registry.described(kind, arguments, weights.state)
    if network is None:
        return None
    network.load_state_dict(weights.state)
    return network.eval().requires_grad_(False).float().to(device)


def load_layout(kind: type[Layout], weights: str, device: torch.device) -> Layout:
    """A network in fastMRI's layout, whose sizes the tensors tell; WeightsError for weights of another layout."""
    network: Layout = _with_layout(kind, store.load(weights), device)  # type: ignore[arg-type]
    return network


@lru_cache(store.KEPT)
def _with_layout(kind: type[Layout], weights: store.Weights, device: torch.device) -> Any:
    with first_weights():
        return kind.from_state(weights.state).float().to(device)
