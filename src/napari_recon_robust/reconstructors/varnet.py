"""fastMRI's end-to-end variational network."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..knob import Knob
from ..measurement import Measurement
from ..physics import fourier
from ..physics.model import ForwardModel
from ..physics.sampling import acs_region
from ..weights import store
from .base import Reconstructor
from .cg_sense import conjugate_gradients
from .consistency import CONSISTENCY, ERROR, towards_samples
from .fastmri_layout import FastMRIVarNet, acs_columns
from .unrolled import Problem, local_phase

Cascades = Callable[..., Tensor]  # FastMRIVarNet.forward

WEIGHT, ITERATIONS = 0.005, 10  # of the CG-SENSE image to start at
PHASE_FLOOR = 0.01  # of its maximum: what is darker keeps its phase


class VarNet(Reconstructor):
    """k_{t+1} = k_t - eta_t M (k_t - y) - F S R_t(S^H F^-1 k_t);  x = S^H F^-1 k_T.

    R_t is a U-Net on the real and imaginary part, S the coil sensitivities: estimated from the ACS (with the
    image's phase folded in), or learned, by a network that sees the ACS images. The learned ones are part of the
    published method and fail on scanners that training has not seen. Sriram et al. 2020,
    doi:10.1007/978-3-030-59713-9_7; their code's sign of R_t, and the coils combined by S instead of the root
    sum of squares, which would keep a noise floor. Published weights start at k_0 = y; those trained here, which
    say so in their metadata, at CG-SENSE (`refine`), and end with `consistency.towards_samples`.

    weights: the id of a shipped set (the method's own id if None), or a checkpoint with fastMRI's VarNet layout
    (safetensors or PyTorch).
    """

    id = "varnet"
    label = "End-to-end VarNet"
    summary = "Unrolled network in k-space, with estimated or learned coil sensitivities."
    weights: str
    knobs: tuple[Knob, ...] = (
        Knob(
            name="sensitivities",
            label="Sensitivities",
            help="Estimated from the calibration lines (ESPIRiT), or learned: the network's own, as published.",
            kind="choice",
            default="estimated",
            choices=("estimated", "learned"),
        ),
        CONSISTENCY,
    )

    def __init__(self, weights: str | Path | None = None) -> None:
        self.weights = str(weights or self.id)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `sensitivities`."""
        return self.apply(self.network(measurement.kspace.device), measurement, **knobs)

    def network(self, device: torch.device) -> FastMRIVarNet:
        """The trained network, shared by all."""
        return load_network(self.weights, device)

    def apply(self, network: FastMRIVarNet, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by a network like it."""
        data = measurement.data
        batch, shape = data.shape[:-3], data.shape[-3:]
        data = data.reshape(-1, *shape)
        if knobs["sensitivities"] == "learned":
            maps = learned_sensitivities(network, data, measurement.mask, measurement.dims)
        else:
            maps = measurement.calibration.sensitivities.expand(*batch, *shape).reshape(-1, *shape)
        model = ForwardModel(maps, measurement.mask, measurement.dims)
        if not store.load(self.weights).metadata:
            return measurement.crop(restore(network, model, data).reshape(*batch, *shape[1:]))
        noise, scale = (
            one.expand(*batch, 1, 1).reshape(-1, 1, 1) for one in (measurement.noise_level, measurement.scale)
        )
        image = refine(network, model, data)
        image = towards_samples(model, data, image, noise * scale, knobs["consistency"] * ERROR * scale)
        return measurement.crop(image.reshape(*batch, *shape[1:]))


class TrainableVarNet(FastMRIVarNet):
    """The network of `VarNet` as the training sees it: a problem in, an image out; it starts at CG-SENSE.

    learned: whether it is trained with its own sensitivities, as published, or with the estimated ones.
    """

    def __init__(
        self, cascades: int, channels: int, pools: int, sensitivity: tuple[int, int], learned: bool = False
    ) -> None:
        super().__init__(cascades, channels, pools, (sensitivity[0], sensitivity[1]))
        self.learned = learned
        self.start_as_identity()

    def forward(self, problem: Problem, learned: bool | None = None) -> Tensor:  # type: ignore[override]
        """The image, complex64 (rows, columns), relative to the problem's scale. `learned`: other than usual."""
        data, model = problem.data[None], problem.model
        maps = model.sensitivities[None]
        if self.learned if learned is None else learned:
            maps = learned_sensitivities(self, data, model.mask, model.dims)
        return refine(super().forward, ForwardModel(maps, model.mask, model.dims), data)[0]


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


def restore(network: Cascades, model: ForwardModel, data: Tensor) -> Tensor:
    """S^H F^-1 k_T from k_0 = y, as published: data (batch, coils, rows, columns) to (batch, rows, columns)."""
    return _combine(network(data, model.mask, model.sensitivities, model.dims), model)


def refine(network: Cascades, model: ForwardModel, data: Tensor) -> Tensor:
    """The same from k_0 = y + (1 - M) F S x_0, x_0 CG-SENSE's image, and for the images less the mean m of x_0.

    A normalising U-Net hands the mean of its input through, and with sensitivities that carry the phase (that of
    x_0 too, see `unrolled.local_phase`) the image is nearly real and positive: without this the cascades are busy
    with the mean.
    """
    dims = model.dims
    start = conjugate_gradients(lambda x: model.normal(x) + WEIGHT * x, model.adjoint(data), ITERATIONS)
    phase = local_phase(start, PHASE_FLOOR * start.abs().amax((-2, -1), keepdim=True))
    start = start * phase.conj()
    model = ForwardModel(model.sensitivities * phase.unsqueeze(-3), model.mask, dims)
    maps = model.sensitivities
    power = maps.abs().square().sum((-3, -2, -1), keepdim=True)
    mean = (maps.abs().square() * start.unsqueeze(-3)).sum((-3, -2, -1), keepdim=True) / torch.where(
        power > 0, power, 1
    )
    constant = fourier.fft(maps * mean, dims)
    y = data - model.mask * constant
    first = y + ~model.mask * (fourier.fft(maps * start.unsqueeze(-3), dims) - constant)
    return phase * _combine(network(y, model.mask, maps, dims, first) + constant, model)


def _combine(data: Tensor, model: ForwardModel) -> Tensor:
    return (model.sensitivities.conj() * fourier.ifft(data, model.dims)).sum(-3)


def load_network(weights: str, device: torch.device) -> FastMRIVarNet:
    """The network of a shipped set or a checkpoint, ready to run."""
    return _network(store.load(weights), device)


@cache
def _network(weights: store.Weights, device: torch.device) -> FastMRIVarNet:
    return FastMRIVarNet.from_state(weights.state).to(device)
