"""Classical half-quadratic splitting: the baseline of the networks that unroll it."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...physics.model import ForwardModel
from ..base import Reconstructor
from . import sparsity, tv_wavelet
from .conjugate_gradients import conjugate_gradients
from .sparsity import Solver, Transform, image_norm, in_units, minimiser, right_hand_side
from .tv import DIFFERENCES
from .wavelet import Details

WIDTHS = (0.1, 0.05, 0.025, 0.012, 0.006, 0.003)  # of the Huber function, relative to the scale, one after another
ALTERNATIONS = 12  # at each width but the last; 3 left up to 0.9% of the objective under random lines, 12 0.12%
LAST = 60  # at most, at the last
# Of the penalty p: with a stronger coupling the alternation creeps. In noise of 0.12, at a weight that suits it, it
# ended at 2.8 times the NMSE of the minimiser.
STRONGEST = 1.0
STEPS = 6  # conjugate gradient steps in each


class HQS(Reconstructor):
    """min_x J(x) = 1/2 ||A x - y||^2 + w ((1 - m) TV(x) + m ||W x||_1), HyperRecon's objective, without learning.

    With D the differences and the wavelet details side by side, and l their weights, it alternates between
    d = argmin_d w l |d| + p/2 |d - D x|^2, a shrinkage, and x = argmin_x 1/2 ||A x - y||^2 + p/2 ||d - D x||^2, by
    conjugate gradients from the x before. Neither step raises the common objective. Minimised over d this objective is
    J with each |t| rounded off where |t| < w l / p (Huber); p grows until that is 0.003 of the scale, or until p is 1.
    Geman, Yang 1995, doi:10.1109/83.392335; Wang, Yang, Yin, Zhang 2008, doi:10.1137/080724265. The gradient is
    implicit, at the solution.
    """

    id = "hqs"
    label = "HQS, classical"
    summary = "Half-quadratic splitting on TV and wavelet sparsity, not learned: HyperRecon's objective."
    sources = ("geman1995", "wang2008")
    # Networks were trained on HyperRecon's range, which ends at what suits noise of 0.09.
    knobs: tuple[Knob, ...] = (
        tv_wavelet.WEIGHT.model_copy(update={"maximum": 1e-1}),
        tv_wavelet.MIX,
    )

    def rule(self, measurement: Measurement) -> dict[str, float]:
        """The weight that suits the noise (`tv_wavelet.rule`), at any mix."""
        return {"weight": self.knobs[0].nearest(tv_wavelet.rule(float(measurement.noise_level.mean())))}

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `weight` and `mix`."""
        b = right_hand_side(measurement)
        return in_units(measurement, minimiser(HQSSolver(measurement.model, knobs["mix"]), b, knobs["weight"]))


class HQSSolver(Solver[Tensor]):
    """The alternation for one mix; a state is an image."""

    def __init__(self, model: ForwardModel, mix: float) -> None:
        super().__init__(model)
        details = Details(model.sensitivities.device)
        pairs: tuple[tuple[Transform, float], ...] = ((DIFFERENCES, 1 - mix), (details, mix))
        self.parts = [
            (transform, share * torch.as_tensor(transform.limits, dtype=torch.float32))
            for transform, share in pairs
            if share
        ]

    def start(self, b: Tensor) -> Tensor:
        """The image after a few conjugate gradient steps."""
        return conjugate_gradients(self.model.normal, b, sparsity.START)

    def minimise(self, b: Tensor, weight: float, start: Tensor) -> Tensor:
        """The image after alternations at falling widths, at the last width until the image hardly changes.

        An item of the batch that has converged does not change any more.
        """
        x, least = start, _least_width(weight)
        going = torch.ones((*b.shape[:-2], 1, 1), dtype=torch.bool, device=b.device)
        for width in (*(wide for wide in WIDTHS if wide > least), least):
            last = width == least
            for new in self.alternate(b, weight, weight / width, x, LAST if last else ALTERNATIONS):
                change, size = image_norm(new - x), image_norm(new)
                x = torch.where(going, new, x)
                if last and not (going := going & (change > sparsity.TOLERANCE * size)).any():
                    break
        return x

    def alternate(self, b: Tensor, weight: float, penalty: float, x: Tensor, count: int) -> Iterator[Tensor]:
        """The images of `count` alternations at one penalty p."""

        def operator(u: Tensor) -> Tensor:
            smooth = sum(transform.adjoint(transform.forward(u)) for transform, _ in self.parts)
            return self.model.normal(u) + penalty * smooth

        for _ in range(count):
            residual = b - self.model.normal(x)
            for transform, limits in self.parts:
                d = transform.forward(x)
                residual = residual - penalty * transform.adjoint(d - _shrink(d, transform, weight * limits / penalty))
            x = x + conjugate_gradients(operator, residual, STEPS)
            yield x

    def objective(self, b: Tensor, weight: float, penalty: float, x: Tensor) -> Tensor:
        """1/2 <x, A^H A x> - Re <b, x> + min_d (w l |d| + p/2 |d - D x|^2), summed: float64, of one image."""
        total = ((self.model.normal(x) / 2 - b).conj() * x).real.sum(dtype=torch.float64)
        for transform, limits in self.parts:
            d = transform.forward(x)
            e = _shrink(d, transform, weight * limits / penalty)
            split = weight * limits * transform.length(e) + penalty / 2 * transform.inner(d - e, d - e)
            total = total + split.sum(dtype=torch.float64)
        return total

    def image(self, state: Tensor) -> Tensor:
        """The image, which is the state itself."""
        return state

    def derivative(self, direction: Tensor, weight: float, state: Tensor) -> Tensor:
        """The inverse of A^H A + D^H H D, H the Huber function's second derivative at D x."""
        penalty = weight / _least_width(weight)
        curved = []
        for transform, limits in self.parts:
            d = transform.forward(state)
            length = transform.length(d)
            outside = length > weight * limits / penalty
            across = torch.where(outside, weight * limits / length, torch.full_like(length, penalty))
            curved.append((transform, across, torch.where(outside, d / length, torch.zeros_like(d))))

        def hessian(u: Tensor) -> Tensor:
            out = self.model.normal(u)
            for transform, across, along in curved:
                e = transform.forward(u)
                out = out + transform.adjoint(across * (e - transform.inner(along, e) * along))
            return out

        return conjugate_gradients(hessian, direction, sparsity.GRADIENT)


def _least_width(weight: float) -> float:
    return max(WIDTHS[-1], weight / STRONGEST)


def _shrink(d: Tensor, transform: Transform, threshold: Tensor) -> Tensor:
    """Shorten each d_k by the threshold."""
    length = transform.length(d)
    return d * torch.where(length > threshold, 1 - threshold / length, torch.zeros_like(length))
