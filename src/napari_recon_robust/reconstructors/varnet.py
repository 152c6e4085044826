"""fastMRI's end-to-end variational network."""

from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..knob import Knob
from ..measurement import Measurement
from ..physics import fourier
from ..physics.sampling import acs_region
from ..weights import store
from .base import Reconstructor
from .fastmri_layout import FastMRIVarNet, acs_columns
from .unrolled import Problem


class VarNet(Reconstructor):
    """k_{t+1} = k_t - eta_t M (k_t - y) - F S R_t(S^H F^-1 k_t), k_0 = y;  x = S^H F^-1 k_T.

    R_t is a U-Net on the real and imaginary part, S the coil sensitivities: estimated from the ACS (with the
    image's phase folded in), or learned, by a network that sees the ACS images. The learned ones are part of the
    published method and fail on scanners that training has not seen. Sriram et al. 2020,
    doi:10.1007/978-3-030-59713-9_7; their code's sign of R_t, and the coils combined by S instead of the root
    sum of squares, which would keep a noise floor.

    weights: the id of a shipped set, or a checkpoint with fastMRI's VarNet layout (safetensors or PyTorch).
    """

    id = "varnet"
    label = "End-to-end VarNet"
    summary = "Unrolled network in k-space, with estimated or learned coil sensitivities."
    knobs = (
        Knob(
            name="sensitivities",
            label="Sensitivities",
            help="Estimated from the calibration lines (ESPIRiT), or learned: the network's own, as published.",
            kind="choice",
            default="estimated",
            choices=("estimated", "learned"),
        ),
    )

    def __init__(self, weights: str | Path = "varnet") -> None:
        self.weights = str(weights)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `sensitivities`."""
        data = measurement.data
        batch, shape = data.shape[:-3], data.shape[-3:]
        network = load_network(self.weights, data.device)
        data = data.reshape(-1, *shape)
        if knobs["sensitivities"] == "learned":
            maps = learned_sensitivities(network, data, measurement.mask, measurement.dims)
        else:
            maps = measurement.calibration.sensitivities.expand(*batch, *shape).reshape(-1, *shape)
        image = combine(network(data, measurement.mask, maps, measurement.dims), maps, measurement.dims)
        return measurement.crop(image.reshape(*batch, *shape[1:]))


class TrainableVarNet(FastMRIVarNet):
    """The network of `VarNet` as the training sees it: a problem in, an image out; it starts at the zero-filled one."""

    def __init__(self, cascades: int, channels: int, pools: int, sensitivity: tuple[int, int]) -> None:
        super().__init__(cascades, channels, pools, (sensitivity[0], sensitivity[1]), centred=True)
        self.start_as_identity()

    def forward(self, problem: Problem, learned: bool = False) -> Tensor:  # type: ignore[override]
        """The image, complex64 (rows, columns), relative to the problem's scale. `learned`: with its own maps."""
        data, model = problem.data[None], problem.model
        maps = model.sensitivities[None]
        if learned:
            maps = learned_sensitivities(self, data, model.mask, model.dims)
        return combine(super().forward(data, model.mask, maps, model.dims), maps, model.dims)[0]


def learned_sensitivities(network: FastMRIVarNet, data: Tensor, mask: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The sensitivity network's maps, (batch, coils, rows, columns), from the ACS in `data`."""
    if network.sens_net is None:
        raise InputError("these weights have no sensitivity network; choose estimated sensitivities.")
    if mask.shape[-2] == 1:
        acs = acs_columns(mask)
    else:
        acs = torch.zeros_like(mask)
        acs[acs_region(mask)] = True
    return network.sens_net(data, acs, dims)


def combine(data: Tensor, maps: Tensor, dims: tuple[int, ...]) -> Tensor:
    """S^H F^-1 k: (batch, coils, rows, columns) to (batch, rows, columns)."""
    return (maps.conj() * fourier.ifft(data, dims)).sum(-3)


@cache
def load_network(weights: str, device: torch.device) -> FastMRIVarNet:
    """The network of a shipped set or a checkpoint, ready to run; those trained here (they say how) are centred."""
    loaded = store.load(weights)
    return FastMRIVarNet.from_state(loaded.state, centred=loaded.metadata is not None).to(device)
