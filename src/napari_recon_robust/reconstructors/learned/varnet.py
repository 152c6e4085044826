"""fastMRI's end-to-end variational network."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement, calibration_data
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...networks.fastmri_layout import FastMRIVarNet, acs_columns, passes_image
from ...networks.loading import load_layout
from ...physics import fourier
from ...physics.acs import acs_region
from ...physics.model import ForwardModel, coil_combined, root_sum_of_squares
from ...weights import store
from ..base import Kind, Reconstructor
from ..classical.combination import COMBINE
from ..classical.zero_filled import ZeroFilled
from ..problem import Problem, problems
from .last_step import CONSISTENCY, ERROR, last_step
from .start import Start
from .trained import TrainedReconstructor

SENSITIVITIES = Knob(
    name="sensitivities",
    label="Sensitivities",
    help="Estimated from the calibration lines (ESPIRiT), or learned: the network's own, as published.",
    kind="choice",
    default="estimated",
    choices=("estimated", "learned"),
)
COMBINATION = Knob(
    name="combination",
    label="Coils combined by",
    help="The sensitivities, or the root sum of squares (rss) of the coil images, as published.",
    kind="choice",
    default="sensitivities",
    choices=("sensitivities", "rss"),
)


class VarNet(TrainedReconstructor):
    """k_{t+1} = k_t - eta_t M (k_t - y) - F S R_t(S^H F^-1 k_t),  k_0 = y;  x = RSS(F^-1 k_T) or S^H F^-1 k_T.

    R_t is a U-Net on the real and imaginary part. S are the coil sensitivities: estimated from the ACS (with the
    image's phase folded in), or learned by a network that sees the ACS images. Learned ones are part of the published
    method, and fail on scanners that the training has not seen. Published weights give the root sum of squares, as in
    fastMRI's code; our weights were trained to give the image combined by S, which has no noise floor. Sriram et al.
    2020, doi:10.1007/978-3-030-59713-9_7, with the sign that R_t has in their code. As there, M of published weights
    holds what was sampled alone, and with learned sensitivities they see the oversampled rows too; for all others M
    also holds what is known to be zero (`Measurement.data_mask`), and they see the image cropped to the output rows.

    Three things are ours, and come only with weights that were trained with them: R_t(x) = w_t x + U_t(x) with a
    learned number w_t, so that without the U-Nets U_t the cascades are a polynomial of A^H A (in fastMRI's code only
    the mean of x passes by U_t); the estimated S that the cascades see carry the image's local phase
    (`Problem.aligned_linearly`); and a last step towards the samples (`last_step.towards_samples`), which nothing
    corrects after the last U-Net otherwise. The knob `consistency` at its least leaves that step out, as published.

    weights: the id of a shipped set (the method's own id if None), or a checkpoint with fastMRI's VarNet layout
    (safetensors or PyTorch).
    """

    id = "varnet"
    label = "End-to-end VarNet"
    summary = "Unrolled network in k-space from the samples on, with estimated or learned coil sensitivities."
    sources = ("sriram2020",)
    knobs: tuple[Knob, ...] = (SENSITIVITIES, COMBINATION, CONSISTENCY)

    def __init__(self, weights: str | Path | None = None) -> None:
        super().__init__(weights)
        if weights is not None and not passes_image(store.load(self.weights).state):  # published, or trained as such
            self.knobs = tuple(knob for knob in self.knobs if knob is not CONSISTENCY)

    def start(self) -> Reconstructor:
        """What the cascades give without their U-Nets: a polynomial of A^H A, or with published weights A^H y."""
        return Start(self, self.id) if self.network(torch.device("cpu")).passes_image else _Adjoint()

    def reference_kind_at(self, knobs: Mapping[str, Any]) -> Kind:
        """The kind that `combination` chooses, for those that have it."""
        return "rss" if knobs.get("combination") == "rss" else "combined"

    def network(self, device: torch.device) -> FastMRIVarNet:
        """The trained network; all instances share it."""
        return load_layout(FastMRIVarNet, self.weights, device)

    def apply(self, network: FastMRIVarNet, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by a network of this kind."""
        published = store.load(self.weights).published
        data, maps = data_and_sensitivities(network, measurement, knobs["sensitivities"], published=published)
        seen = _seen(network, measurement, maps, knobs["sensitivities"])
        model = ForwardModel(maps, _mask(measurement, published), measurement.dims)

        def ended(image: Tensor) -> Tensor:
            noise, scale = noise_and_scale(measurement)
            return last_step(model, data, image, noise * scale, knobs["consistency"], ERROR * scale)

        last = network(data, model.mask, seen, model.dims)
        image = _finished(model, last, knobs, ended).to(last.dtype)
        return measurement.crop(image.reshape(*measurement.kspace.shape[:-3], *image.shape[-2:]))

    def problem(self, measurement: Measurement, **knobs: Any) -> Problem:
        """The problem of one slice, with the mask and the rows that published weights see."""
        (problem,) = problems(measurement)
        published = store.load(self.weights).published
        learned = knobs["sensitivities"] == "learned"
        seen = _oversampled(measurement) if published and learned else measurement
        model = ForwardModel(seen.model.sensitivities, _mask(measurement, published), measurement.dims)
        calibration = calibration_data(seen) if learned and seen.acs is not None else None
        return Problem(model, seen.data / measurement.scale, problem.noise, calibration)

    def solve(self, network: FastMRIVarNet, problem: Problem, **knobs: Any) -> Tensor:
        """The image of one slice by a network of this kind, relative to the scale; real if combined by `rss`."""
        model, data = with_sensitivities(network, problem, knobs["sensitivities"]), problem.data[None]
        seen = _seen(network, problem, model.sensitivities, knobs["sensitivities"])

        def ended(image: Tensor) -> Tensor:
            return last_step(model, data, image, problem.noise, knobs["consistency"])

        return _finished(model, network(data, model.mask, seen, model.dims), knobs, ended)[0]


class _Adjoint(ZeroFilled):
    """x = A^H y, at which published weights start."""

    knobs = (COMBINE.model_copy(update={"default": "combined"}),)


class TrainableVarNet(FastMRIVarNet):
    """The network of `VarNet` as the training sees it: a problem in, an image out.

    Without `linear`, its first corrections are the means of the images, which normalising U-Nets pass through.

    learned: whether it is trained with its own sensitivities, as published, or with the estimated ones.
    linear: eta_t and a_t of each cascade, R_t(x) = -a_t x, from which the training starts; R_t passes on the image
    then, not its mean alone. The U-Nets see images without coils, so that only the data consistency can resolve
    aliasing: T cascades apply a polynomial of A^H A to A^H y, and training should not have to find its coefficients
    first.
    """

    def __init__(
        self,
        cascades: int,
        channels: int,
        pools: int,
        sensitivity: tuple[int, int],
        learned: bool = False,
        linear: Sequence[tuple[float, float]] = (),
    ) -> None:
        super().__init__(cascades, channels, pools, (sensitivity[0], sensitivity[1]), passes_image=bool(linear))
        self.learned = learned
        self.start_as_identity(linear)

    def forward(  # type: ignore[override]
        self, problem: Problem, learned: bool | None = None, consistency: float = 1.0
    ) -> Tensor:
        """The image, complex64 (..., rows, columns), relative to the problem's scale; the problem may be a batch.

        learned: overrides the network's. consistency: of the last step, where `linear` is given.
        """
        sensitivities = "learned" if (self.learned if learned is None else learned) else "estimated"
        model, data = with_sensitivities(self, problem, sensitivities), _batch(problem.data)
        seen = _seen(self, problem, model.sensitivities, sensitivities)
        last = super().forward(data, model.mask, seen, model.dims)
        image = coil_combined(fourier.ifft(last, model.dims), model.sensitivities)
        if self.passes_image:
            image = last_step(model, data, image, problem.noise, consistency)
        return image.reshape(*problem.data.shape[:-3], *image.shape[-2:])


def data_and_sensitivities(
    network: FastMRIVarNet, measurement: Measurement, sensitivities: str, *, published: bool = False
) -> tuple[Tensor, Tensor]:
    """The data of a measurement and its maps, estimated or learned: complex64 (batch, coils, rows, columns) both.

    published: with learned maps the data keep the oversampled rows, on which fastMRI's code runs; it crops the image.
    """
    learned = sensitivities == "learned"
    if published and learned:
        measurement = _oversampled(measurement)
    data = measurement.data
    batch, shape = data.shape[:-3], data.shape[-3:]
    data = data.reshape(-1, *shape)
    if learned and measurement.acs is not None:
        taught, sampled = calibration_data(measurement)
        maps = learned_sensitivities(network, taught.reshape(-1, *shape), sampled, measurement.dims)
        return data, maps.expand(data.shape)
    if learned:
        return data, learned_sensitivities(network, data, _mask(measurement, published), measurement.dims)
    return data, measurement.calibration.sensitivities.expand(*batch, *shape).reshape(-1, *shape)


def _oversampled(measurement: Measurement) -> Measurement:
    """The same samples with an image of all rows that were encoded, which is calibrated anew."""
    return replace(measurement, matrix=(measurement.kspace.shape[-2], measurement.kspace.shape[-1]), kept=None)


def _mask(measurement: Measurement, published: bool) -> Tensor:
    """M, shaped as `Measurement.sampled`: fastMRI's code takes padding out of it, since it counts as unknown there."""
    return measurement.sampled if published else measurement.data_mask


def with_sensitivities(network: FastMRIVarNet, problem: Problem, sensitivities: str) -> ForwardModel:
    """The model of a problem or a batch with the maps that are estimated or learned, as a batch."""
    model, maps = problem.model, _batch(problem.model.sensitivities)
    if sensitivities == "learned":
        data, sampled = problem.calibration or (problem.data, model.mask)
        maps = learned_sensitivities(network, _batch(data), sampled, model.dims)
    return ForwardModel(maps, model.mask, model.dims)


def _seen(network: FastMRIVarNet, given: Measurement | Problem, maps: Tensor, sensitivities: str) -> Tensor:
    """The maps of a batch as the cascades see them: with weights of ours, estimated ones carry the local phase."""
    if sensitivities == "learned" or not network.passes_image:
        return maps
    if isinstance(given, Measurement):
        return torch.stack([problem.aligned_linearly[0].model.sensitivities for problem in problems(given)])
    return _batch(given.aligned_linearly[0].model.sensitivities)


def learned_sensitivities(network: FastMRIVarNet, data: Tensor, mask: Tensor, dims: tuple[int, ...]) -> Tensor:
    """The sensitivity network's maps, (batch, coils, rows, columns), from the ACS in `data`, which masks may share."""
    if network.sens_net is None:
        raise InputError("these weights have no sensitivity network; choose estimated sensitivities.")
    masks = mask.reshape(-1, *mask.shape[-2:])
    acs = torch.stack([acs_columns(one) if one.shape[0] == 1 else _acs_points(one) for one in masks])
    return network.sens_net(data, acs.reshape(mask.shape), dims)


def _acs_points(mask: Tensor) -> Tensor:
    """The ACS of sampled points, bool (rows, columns) like the mask."""
    acs = torch.zeros_like(mask)
    acs[acs_region(mask)] = True
    return acs


def _batch(x: Tensor) -> Tensor:
    """A tensor (..., coils, rows, columns) with exactly one axis in front."""
    return x.reshape(-1, *x.shape[-3:])


def noise_and_scale(measurement: Measurement) -> tuple[Tensor, Tensor]:
    """The noise level relative to the scale, and the scale, of each slice: two real tensors (batch, 1, 1)."""
    batch = measurement.kspace.shape[:-3]
    noise, scale = measurement.noise_level, measurement.scale
    return noise.expand(*batch, 1, 1).reshape(-1, 1, 1), scale.expand(*batch, 1, 1).reshape(-1, 1, 1)


def _finished(model: ForwardModel, last: Tensor, knobs: Mapping[str, Any], ended: Callable[[Tensor], Tensor]) -> Tensor:
    """The image of the last k-space (batch, coils, rows, columns), by the knobs `combination` and `consistency`.

    The root sum of squares is real. ended: what the last step makes of an image, for weights trained with it.
    """
    maps, coil_images = model.sensitivities, fourier.ifft(last, model.dims)
    if "consistency" in knobs:
        image = coil_combined(coil_images, maps)
        coil_images = coil_images + maps * (ended(image) - image).unsqueeze(-3)
    if knobs["combination"] == "rss":
        return root_sum_of_squares(coil_images)
    return coil_combined(coil_images, maps)
