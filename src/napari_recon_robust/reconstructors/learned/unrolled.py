"""What unrolled networks share: the problem in units of its scale, and data consistency."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import WeightsError
from ..measurement import Measurement
from ..physics.model import ForwardModel
from ..progress import Job, Progress, relayed
from ..weights import store
from . import networks, tv
from .cg_sense import conjugate_gradients

_PROBES = 4
_PRECISION = 1e-4  # of an iterative inverse
_PHASE_WIDTH, _PHASE_RADIUS = 1.5, 5  # pixels
_SENSE, _SENSE_STEPS = 0.01, 8  # regularization of the SENSE image, and its conjugate gradient steps

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Problem:
    """y = A x + n as a network sees it, relative to `Measurement.scale`.

    data: complex64 (coils, rows, columns) in the model's data space. noise: sigma, float32 (1, 1). Not batched:
    a CPU gains nothing by a batch, and the inverses of one slice already fill its caches.
    """

    model: ForwardModel
    data: Tensor
    noise: Tensor

    @cached_property
    def right_hand_side(self) -> Tensor:
        """A^H y, complex64 (rows, columns)."""
        return self.model.adjoint(self.data)

    def tv(self, weight: float) -> Tensor:
        """The minimiser of total variation where networks start, complex64 (rows, columns); kept for the next use."""
        if weight not in self._tv:
            self._tv[weight] = tv.minimiser(self.right_hand_side, self.model, weight)
        return self._tv[weight]

    @cached_property
    def _tv(self) -> dict[float, Tensor]:
        return {}

    @cached_property
    def aligned(self) -> "tuple[Problem, Tensor]":
        """`without_phase` by the TV image."""
        return self.without_phase(self.tv(tv.rule(float(self.noise))))

    @cached_property
    def aligned_linearly(self) -> "tuple[Problem, Tensor]":
        """`without_phase` by a regularized SENSE image: for networks that know nothing of TV."""
        model = self.model
        image = conjugate_gradients(lambda x: model.normal(x) + _SENSE * x, self.right_hand_side.detach(), _SENSE_STEPS)
        return self.without_phase(image)

    def without_phase(self, image: Tensor) -> "tuple[Problem, Tensor]":
        """The problem of x / u, u the local phase of an image near x, and u: complex64 (rows, columns), |u| = 1.

        ESPIRiT folds the ACS's phase into the maps; where it changes faster (beside air, in fat) most of the image
        would be imaginary, and a network has learned that images are nearly real. For a gradient u is a constant:
        it is random where the image is dark, and attacks by its gradient found half as much.
        """
        phase = local_phase(image.detach(), self.noise.detach())
        model = ForwardModel(self.model.sensitivities * phase, self.model.mask, self.model.dims)
        return Problem(model, self.data, self.noise), phase


def problems(measurement: Measurement) -> list[Problem]:
    """The problem of each slice of a batch, in order."""
    batch, model = measurement.kspace.shape[:-3], measurement.model
    size = (measurement.coils, *model.shape)
    data = (measurement.data / measurement.scale.unsqueeze(-3)).reshape(-1, *size)
    maps = model.sensitivities.expand(*batch, *size).reshape(-1, *size)
    noise = measurement.noise_level.expand(*batch, 1, 1).reshape(-1, 1, 1)
    return [Problem(ForwardModel(maps[n], model.mask, model.dims), data[n], noise[n]) for n in range(len(data))]


def assemble(images: Sequence[Tensor], measurement: Measurement) -> Tensor:
    """The solutions of `problems` as the images of the measurement, in the scan's units, zero where no coil sees."""
    batch = measurement.kspace.shape[:-3]
    stacked = torch.stack(list(images)).reshape(*batch, *measurement.model.shape)
    return measurement.crop(stacked * measurement.model.support * measurement.scale)


def in_turn(measurement: Measurement, solve: Callable[[Problem], Job[Tensor]]) -> Job[list[Tensor]]:
    """The solutions of `problems`, one after the other; a preview shows the whole batch, zero where nothing is yet."""
    slices = problems(measurement)
    images: list[Tensor] = []

    def whole(step: Progress) -> Progress:
        missing = [torch.zeros_like(step.preview)] * (len(slices) - len(images) - 1)
        preview = assemble([*images, step.preview, *missing], measurement)
        return Progress((len(images) + step.fraction) / len(slices), step.message, preview)

    for problem in slices:
        images.append((yield from relayed(solve(problem), whole)))
    return images


def proximal(model: ForwardModel, b: Tensor, z: Tensor, penalty: Tensor, steps: int) -> Tensor:
    """Conjugate gradient steps from z towards (A^H A + p I) x = b + p z, solved for x - z, differentiated through."""
    residual = b - model.normal(z)
    return z + conjugate_gradients(lambda x: model.normal(x) + penalty * x, residual, steps)


class DataConsistency(Protocol):
    """P = (A^H A + w I)^-1 for one penalty w."""

    diagonal: Tensor
    """diag P, float32 (rows, columns), without a gradient."""

    def solve(self, image: Tensor) -> Tensor:
        """P applied to an image, complex64 (rows, columns); differentiable in it, and in w."""
        ...


def data_consistency(model: ForwardModel, penalty: Tensor) -> DataConsistency:
    """Exact by rows where lines are sampled, else by converged conjugate gradients."""
    return RowInverse(model, penalty) if model.dims == (-1,) else IterativeInverse(model, penalty)


class RowInverse:
    """P = (N + w I)^-1, N = A^H A, for sampled lines, where N is block diagonal: one block for each image row.

    N[p, q] = g[p - q] sum_i conj(S_i[p]) S_i[q] within a row, g the inverse transform of the mask (its
    point-spread function): no transform is needed to set it up, and the Cholesky inverse is exact.
    """

    def __init__(self, model: ForwardModel, penalty: Tensor) -> None:
        self.penalty = penalty
        with torch.no_grad():
            normal = row_normal(model)
            normal.diagonal(dim1=-2, dim2=-1).add_(penalty.detach())
            self.inverse = torch.cholesky_inverse(torch.linalg.cholesky(normal))
            self.diagonal = self.inverse.diagonal(dim1=-2, dim2=-1).real.contiguous()

    def solve(self, image: Tensor) -> Tensor:
        """(N + w I)^-1 x."""
        result: Tensor = _Solve.apply(image, self.penalty, self._apply)
        return result

    def _apply(self, image: Tensor) -> Tensor:
        return (self.inverse @ image.unsqueeze(-1)).squeeze(-1)


def row_normal(model: ForwardModel) -> Tensor:
    """N of sampled lines as its blocks, complex64 (rows, columns, columns)."""
    maps = model.sensitivities.movedim(-3, -1)
    columns = maps.shape[-2]
    # Circular shifts commute with N, so the centred transforms need none here.
    spread = torch.fft.ifft(torch.fft.ifftshift(model.mask[0].to(maps.dtype)))
    index = torch.arange(columns, device=maps.device)
    return (maps.conj() @ maps.mT).mul_(spread[(index[:, None] - index) % columns])


class IterativeInverse:
    """P by conjugate gradients, converged, for 2-D patterns; its diagonal by random probes.

    diag P = E[conj(v) P v] for v with independent entries of unit modulus (Hutchinson), smoothed.
    """

    def __init__(self, model: ForwardModel, penalty: Tensor) -> None:
        self.model, self.penalty = model, penalty
        # Conjugate gradients err by at most 2 exp(-2 n / sqrt(condition)), and the condition is at most 1 + 1 / w.
        condition = 1 + 1 / float(penalty.detach())
        self.iterations = math.ceil(math.log(2 / _PRECISION) / 2 * math.sqrt(condition))
        with torch.no_grad():
            generator = torch.Generator().manual_seed(0)
            angle = 2 * torch.pi * torch.rand(_PROBES, *model.shape, generator=generator)
            probes = torch.polar(torch.ones_like(angle), angle).to(model.sensitivities.device)
            estimate = (probes.conj() * self._apply(probes)).real.mean(0)
            smooth = functional.avg_pool2d(estimate[None], 9, 1, 4, count_include_pad=False)[0]
            self.diagonal = smooth.clamp(1 / (1 + penalty), 1 / penalty)

    def solve(self, image: Tensor) -> Tensor:
        """(N + w I)^-1 x."""
        result: Tensor = _Solve.apply(image, self.penalty, self._apply)
        return result

    def _apply(self, image: Tensor) -> Tensor:
        penalty = self.penalty.detach()
        return conjugate_gradients(lambda x: self.model.normal(x) + penalty * x, image, self.iterations)


class _Solve(torch.autograd.Function):
    """x = P(w) b: the gradient of b is P g, that of w is -Re <P g, x> (P is Hermitian)."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, penalty: Tensor, apply: Callable[[Tensor], Tensor]) -> Tensor:
        solution = apply(image)
        ctx.save_for_backward(solution)
        ctx.operator, ctx.shape = apply, penalty.shape
        return solution

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (solution,) = ctx.saved_tensors
        gradient = ctx.operator(gradients[0])
        return gradient, -(gradient.conj() * solution).real.sum().expand(ctx.shape), None


def channels(image: Tensor) -> Tensor:
    """A complex image (rows, columns) as real and imaginary channels (1, 2, rows, columns)."""
    return torch.view_as_real(image).movedim(-1, 0)[None]


def to_complex(features: Tensor) -> Tensor:
    """The inverse of `channels`, complex64."""
    return torch.view_as_complex(features[0].movedim(0, -1).float().contiguous())


def smooth(image: Tensor) -> Tensor:
    """The mean of each pixel's 3x3 neighbours, complex (rows, columns)."""
    parts = functional.pad(channels(image), (1, 1, 1, 1), mode="replicate")
    return to_complex(functional.avg_pool2d(parts, 3, 1))


def local_phase(image: Tensor, floor: Tensor) -> Tensor:
    """Phase u = v / |v|, v = G x + floor, G a Gaussian of 1.5 pixels: near one in air. Complex (..., rows, columns)."""
    at = torch.arange(-_PHASE_RADIUS, _PHASE_RADIUS + 1, device=image.device)
    kernel = torch.softmax(-((at / _PHASE_WIDTH) ** 2) / 2, 0).to(image.real.dtype)
    parts = torch.view_as_real(image).movedim(-1, 0)
    padded = functional.pad(parts.reshape(-1, 1, *image.shape[-2:]), (_PHASE_RADIUS,) * 4, mode="replicate")
    low = functional.conv2d(functional.conv2d(padded, kernel[None, None, None]), kernel[None, None, :, None])
    return torch.sgn(torch.view_as_complex(low.reshape(parts.shape).movedim(0, -1).contiguous()) + floor)


def on_blocks(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Run a network on 2x2 blocks of pixels as channels: twice the reach at a quarter of the cost.

    The arrangement of FFDNet, Zhang et al. 2018, doi:10.1109/TIP.2018.2839891. x: (batch, channels, rows, columns).
    """
    rows, columns = x.shape[-2:]
    x = functional.pad(x, (0, columns % 2, 0, rows % 2), mode="replicate")
    blocks = functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
    return functional.pixel_shuffle(network(blocks).float(), 2)[..., :rows, :columns]


def load_trained(kind: type[Network], weights: str, device: torch.device) -> Network:
    """A network with trained weights (`weights.store`), made from the arguments in their description.

    Raises WeightsError for weights that do not describe this network.
    """
    network: Network | None = _trained(kind, store.load(weights), device)  # type: ignore[arg-type]
    if network is None:
        raise WeightsError(f"the weights {weights!r} are not of a {kind.__name__}; give ones that are.")
    return network


@cache
def _trained(kind: Callable[..., nn.Module], weights: store.Weights, device: torch.device) -> Any:
    arguments = weights.metadata.architecture if weights.metadata else {}
    if not networks.describes(kind, arguments, weights.state):
        return None
    network = kind(**arguments)
    network.load_state_dict(weights.state)
    return network.eval().requires_grad_(False).to(device)
