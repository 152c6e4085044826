"""fastMRI's variational network, started at a CG-SENSE image."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...networks.channels import local_phase
from ...networks.fastmri_layout import FastMRIVarNet
from ...physics import fourier
from ...physics.model import ForwardModel, coil_combined
from ..classical.conjugate_gradients import tikhonov
from ..problem import Problem
from .last_step import CONSISTENCY, ERROR, last_step
from .start import Start
from .varnet import (
    SENSITIVITIES,
    TrainableVarNet,
    VarNet,
    data_and_sensitivities,
    learned_sensitivities,
    noise_and_scale,
    with_sensitivities,
)

Cascades = Callable[..., Tensor]  # FastMRIVarNet.forward

WEIGHT, ITERATIONS = 0.005, 10  # of the CG-SENSE image to start at
PHASE_FLOOR = 0.01  # of the image's maximum; darker pixels keep their phase


class VarNetFromCG(VarNet):
    """k_{t+1} = k_t - eta_t M (k_t - y) - F S R_t(S^H F^-1 k_t), k_0 that of CG-SENSE's image;  x near S^H F^-1 k_T.

    The cascades of `VarNet`, trained and run from a CG-SENSE image on (`refine`), with a last step towards the samples
    (`last_step.last_step`). The weights that ship were trained without that step.
    """

    id = "varnet-cg"
    label = "CG-SENSE, improved by VarNet"
    summary = "CG-SENSE, improved by fastMRI's unrolled network, with estimated or learned coil sensitivities."
    sources = ("sriram2020",)
    knobs: tuple[Knob, ...] = (SENSITIVITIES, CONSISTENCY)

    def __init__(self, weights: str | Path | None = None) -> None:
        self.weights = str(weights or self.id)

    def start(self) -> Start:
        """The same method without its U-Nets: a polynomial of A^H A on CG-SENSE's image, with the samples put in."""
        return Start(self, self.id)

    def apply(self, network: FastMRIVarNet, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by a network of this kind."""
        data, maps = data_and_sensitivities(network, measurement, knobs["sensitivities"])
        model = ForwardModel(maps, measurement.data_mask, measurement.dims)
        noise, scale = noise_and_scale(measurement)
        image = refine(network, model, data)
        image = last_step(model, data, image, noise * scale, knobs["consistency"], ERROR * scale)
        return measurement.crop(image.reshape(*measurement.kspace.shape[:-3], *image.shape[-2:]))

    def solve(self, network: FastMRIVarNet, problem: Problem, **knobs: Any) -> Tensor:
        """The image of one slice by a network of this kind, complex64 (rows, columns), relative to the scale."""
        model, data = with_sensitivities(network, problem, knobs["sensitivities"]), problem.data[None]
        image = refine(network, model, data)
        return last_step(model, data, image, problem.noise, knobs["consistency"])[0]


class VarNetFromCGNetwork(TrainableVarNet):
    """The network of `VarNetFromCG` as the training sees it; it starts at CG-SENSE."""

    def __init__(
        self, cascades: int, channels: int, pools: int, sensitivity: tuple[int, int], learned: bool = False
    ) -> None:
        super().__init__(cascades, channels, pools, sensitivity, learned, linear=cascades * [(1.0, 0.0)])

    def forward(  # type: ignore[override]
        self, problem: Problem, learned: bool | None = None, consistency: float = 1.0
    ) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale.

        learned: overrides the network's. consistency: of the last step.
        """
        data, model = problem.data[None], problem.model
        maps = model.sensitivities[None]
        if self.learned if learned is None else learned:
            maps = learned_sensitivities(self, data, model.mask, model.dims)
        model = ForwardModel(maps, model.mask, model.dims)
        image = refine(partial(FastMRIVarNet.forward, self), model, data)
        return last_step(model, data, image, problem.noise, consistency)[0]


def refine(network: Cascades, model: ForwardModel, data: Tensor) -> Tensor:
    """S^H F^-1 k_T from k_0 = y + (1 - M) F S x_0 on, x_0 CG-SENSE's image; data (batch, coils, rows, columns).

    The sensitivities that the cascades see carry the local phase of x_0 too, so that the images are nearly real.
    """
    start = tikhonov(model, model.adjoint(data), WEIGHT, ITERATIONS)
    phase = local_phase(start.detach(), PHASE_FLOOR * start.detach().abs().amax((-2, -1), keepdim=True))
    maps = model.sensitivities * phase.unsqueeze(-3)
    first = data + ~model.mask * fourier.fft(model.sensitivities * start.unsqueeze(-3), model.dims)
    last = network(data, model.mask, maps, model.dims, first)
    return phase * coil_combined(fourier.ifft(last, model.dims), maps)
