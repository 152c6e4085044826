"""Where training starts: a network whose corrections are zero, beside which every trained one is shown."""

import copy
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..knob import Knob
from ..measurement import Measurement
from .base import Reconstructor

Network = TypeVar("Network", bound=nn.Module)


class Correcting(Protocol):
    """A reconstructor that runs one network."""

    label: str
    knobs: tuple[Knob, ...]

    def network(self, device: torch.device) -> nn.Module:
        """The trained network, shared by all."""
        ...

    def apply(self, network: Any, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by a network of this kind, in the scan's units."""
        ...


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


class Start(Reconstructor):
    """x = f(y; theta) of a trained method, its corrections at zero: what the method is to be better than.

    For an unrolled network from A^H y it is a regularized SENSE image, for one from TV it is about TV's.
    """

    def __init__(self, method: Correcting, id: str) -> None:
        """id: the method's own, or the name of its file."""
        self.method = method
        self.id, self.label, self.knobs = f"{id}, start", f"{method.label}, without its correction", method.knobs
        self.summary = "A trained network with its correction at zero: where its training starts."

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image at these knobs."""
        network = without_correction(self.method.network(measurement.kspace.device))
        return self.method.apply(network, measurement, **knobs)
