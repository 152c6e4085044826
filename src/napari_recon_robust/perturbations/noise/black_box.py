"""A search without gradients: each reconstruction improves a linear model, whose worst case is reconstructed next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite, pi

import torch
from torch import Tensor

from ...data.measurement import coil_images_of
from ...ground.cached_property import cached_property
from ...ground.errors import InputError, ModelError
from ...physics.model import ForwardModel, coil_combined, root_sum_of_squares
from ...reconstructors.classical.cg_sense import ITERATIONS, WEIGHT
from ...reconstructors.classical.conjugate_gradients import tikhonov
from .ascent import Ascent, Search
from .objective import Objective

# Ascent on the model between two reconstructions, as of `sphere_ascent`.
STEPS, MOMENTUM, LAST_STEP = 4, 0.5, 0.25
# How far a step reaches, in radii: farther after one that helped, nearer after one that did not.
FARTHER, NEARER, LEAST = 1.5, 0.5, 0.05
# Changes remembered, and what is left out of inverses that would amplify their noise, relative to the largest.
MEMORY, RIDGE, CUTOFF = 32, 3e-3, 1e-3
# A loss without a gradient: cosines along each axis of the region with a margin in pixels, and the step's size.
COSINES, MARGIN, DIFFERENCE = 8, 6, 0.02


def black_box(
    objective: Objective,
    project: Callable[[Tensor], Tensor],
    evaluations: int,
    *,
    seed: int,
    start: Tensor | None = None,
) -> Search:
    """Max L(z) on the budget's spheres from images alone, for methods without a gradient.

    |f(k + z)| is taken for |f(k)| + J z, J = sum_j a_j R_j + (a correction); z ascends this model in 4 steps, is
    reconstructed, and the model learns from the image. R_j are the changes of three linear reconstructions: CG-SENSE,
    A^H, root sum of squares. So z stays among R_j^T w, w the loss's gradient in the image (known without the
    method's): what reaches the region through coils and aliasing, for whichever method is nearly consistent with its
    samples. Their shares a_j are fitted to the changes seen in the region, first to the clean image itself, as
    f(k) = J k for a method that follows its samples' scale. The correction is the least that makes J give every change
    seen (Broyden 1965, doi:10.1090/S0025-5718-1965-0198670-6). A known physics in place of the unknown gradient:
    Athalye et al. 2018, arXiv:1802.00420; Guo et al. 2019, arXiv:1906.04392.

    project: any z (coils, readout, phase) onto the boundary of the budget's balls, zero where not sampled.
    evaluations: reconstructions, besides the one of the clean samples. seed: of the noise that gives the first
    direction where zero has none. start: the first candidate (the solution of another budget, say). Yields after each
    evaluation. Raises ModelError if the loss becomes NaN.
    """
    measurement = objective.setup.measurement
    generator = torch.Generator().manual_seed(seed)

    def noise() -> Tensor:
        white = torch.randn(measurement.kspace.shape, dtype=torch.complex64, generator=generator)
        return project(white.to(measurement.kspace.device))

    with torch.no_grad():
        clean = objective.clean
        best = Ascent(torch.zeros_like(measurement.kspace), clean, (float(objective.of_image(clean)),), clean=clean)
        model = _Model(objective)
    reached, reach, moved = float("-inf"), 1.0, False
    for evaluation in range(evaluations):
        with torch.no_grad():
            if evaluation == 0 and start is not None:
                z = project(start)
            elif evaluation == 0 and objective.target == "clean":
                # At zero the distance to the own clean image has no gradient.
                z = noise()
                z = _climb(model, project, z, model.magnitude(z), reach)
            else:
                assert best.image is not None
                z = _climb(model, project, best.z, best.image.abs(), reach)
            if not z.any():
                z = noise()
            loss, image = _value(objective, z)
            model.learn(z, image.abs() - clean.abs())
        moved = moved or not torch.equal(image, clean)
        best = replace(best, loss=(*best.loss, loss), flat=not moved)
        reach = min(1.0, FARTHER * reach) if loss > reached else max(LEAST, NEARER * reach)
        if loss > reached:
            best, reached = replace(best, z=z, image=image), loss
        yield best
    return best


def _value(objective: Objective, z: Tensor) -> tuple[float, Tensor]:
    """L(z) and the image; ModelError where the loss is not finite."""
    loss, image = objective.value(z)
    if not isfinite(loss):
        raise ModelError(
            f"the loss of {objective.setup.method.label} is {loss:g} for a perturbed slice; "
            "turn its knobs towards their defaults."
        )
    return loss, image


def _climb(model: "_Model", project: Callable[[Tensor], Tensor], z: Tensor, image: Tensor, reach: float) -> Tensor:
    """The model's ascent from z, whose image is known, (rows, columns)."""
    momentum = torch.zeros_like(z)
    for step in range(STEPS):
        if step:
            image = model.magnitude(z)
        momentum = MOMENTUM * momentum + project(model.adjoint(_uphill(model.objective, image)))
        z = project(z + reach * LAST_STEP ** (step / (STEPS - 1)) * project(momentum))
    return z


class _Model:
    """J: z (coils, readout, phase) to the change of |f|, float (rows, columns), with its adjoint.

    `learn` takes a z and the change seen. Of the latest 32, z on the sampled points, the change, and that of the
    linear reconstructions are kept, relative to ||z||.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.clean = objective.clean.abs()
        self.measurement = measurement = objective.setup.measurement
        coil_images = coil_images_of(measurement, measurement.kspace)
        rss = root_sum_of_squares(coil_images)
        by_rss = ForwardModel(torch.where(rss > 0, coil_images / rss, 0), measurement.data_mask, measurement.dims)
        acquired, model = self._coil_images(measurement.kspace), measurement.model
        self.linear = (_Linear(model, acquired, WEIGHT), _Linear(model, acquired), _Linear(by_rss, acquired))
        self._to_kspace = _Transpose(self._coil_images, measurement.kspace)
        self._to_whole = _Transpose(measurement.crop, acquired[0].real)
        self.sampled = measurement.mask.expand(measurement.kspace.shape[-2:])
        self.points, self.changes, self.predicted = (self.clean.new_empty(0) for _ in range(3))
        self.normal, self.right = torch.zeros(3, 3).double(), torch.zeros(3).double()
        self.learn(measurement.kspace, self.clean)

    def learn(self, z: Tensor, change: Tensor) -> None:
        """Take in that z made this change, (rows, columns)."""
        size = z.norm()
        predicted, change = self._parts(z) / size, change / size
        self.points = _latest(self.points, self._flat(z) / size)
        self.changes, self.predicted = _latest(self.changes, change), _latest(self.predicted, predicted)
        region = self.objective.region
        inside, seen = predicted[:, region].cpu().double(), change[region].cpu().double()
        self.normal, self.right = self.normal + inside @ inside.T, self.right + inside @ seen
        ridge = RIDGE * self.normal.diagonal().mean() * torch.eye(3).double()
        shares = torch.linalg.pinv(self.normal + ridge, hermitian=True) @ self.right
        self.shares = shares.to(self.clean)
        self.residual = self.changes - torch.einsum("j,njrc->nrc", self.shares, self.predicted)
        gram = (self.points @ self.points.T).cpu().double()
        self.inverse = torch.linalg.pinv(gram, rtol=CUTOFF, hermitian=True).to(self.clean)

    def magnitude(self, z: Tensor) -> Tensor:
        """|f(k)| + J z, with a sign, (rows, columns)."""
        change = torch.einsum("j,jrc->rc", self.shares, self._parts(z))
        known = self.inverse @ (self.points @ self._flat(z))
        return self.clean + change + torch.einsum("n,nrc->rc", known, self.residual)

    def adjoint(self, image: Tensor) -> Tensor:
        """J^T of an image (rows, columns): (coils, readout, phase), zero where not sampled."""
        whole = self._to_whole(image)
        parts = (share * linear.adjoint(whole) for share, linear in zip(self.shares, self.linear, strict=True))
        z = self._to_kspace(sum(parts, torch.zeros_like(self.linear[0].model.sensitivities)))
        known = self.inverse @ torch.einsum("nrc,rc->n", self.residual, image)
        corrected = torch.zeros_like(self.measurement.kspace)
        corrected[:, self.sampled] = torch.view_as_complex((known @ self.points).reshape(len(corrected), -1, 2))
        return z + corrected

    def _parts(self, z: Tensor) -> Tensor:
        coil_images = self._coil_images(z)
        return torch.stack([self.measurement.crop(linear(coil_images)) for linear in self.linear])

    def _coil_images(self, z: Tensor) -> Tensor:
        """F^H M z, complex64 (coils, rows, columns) of the model's size: what all linear reconstructions begin with."""
        return self.measurement.model.coil_images(self.measurement.to_data(z))

    def _flat(self, z: Tensor) -> Tensor:
        return torch.view_as_real(z[:, self.sampled]).flatten()


@dataclass(frozen=True, eq=False)
class _Linear:
    """R x = Re(conj(p) H^-1 S^H x) of coil images x = F^H M z; H = A^H A + weight L, or 1 without a weight.

    p is the phase of the image of the acquired samples, L = `ForwardModel.largest_eigenvalue`.
    """

    model: ForwardModel
    acquired: Tensor
    weight: float = 0.0

    def __call__(self, coil_images: Tensor) -> Tensor:
        """The change of the image's magnitude, float (rows, columns) of the model's size."""
        return (self.phase.conj() * self._image(coil_images)).real

    def adjoint(self, image: Tensor) -> Tensor:
        """R^T of an image (rows, columns): coil images, complex64 (coils, rows, columns)."""
        return self.model.sensitivities * self._solved(self.phase * image)

    @cached_property
    def phase(self) -> Tensor:
        """The phase p, complex64 of the model's size, zero where the image is zero."""
        return self._image(self.acquired).sgn()

    def _image(self, coil_images: Tensor) -> Tensor:
        return self._solved(coil_combined(coil_images, self.model.sensitivities))

    def _solved(self, image: Tensor) -> Tensor:
        if not self.weight:
            return image
        weight = self.weight * self.model.largest_eigenvalue
        return tikhonov(self.model, image, weight, ITERATIONS)


class _Transpose:
    """The adjoint of a linear map of tensors such as `like`, which is called once."""

    def __init__(self, linear: Callable[[Tensor], Tensor], like: Tensor) -> None:
        self._point = torch.zeros_like(like).requires_grad_()
        with torch.enable_grad():
            self._value = linear(self._point)

    def __call__(self, value: Tensor) -> Tensor:
        """The adjoint applied to a value."""
        return torch.autograd.grad(self._value, self._point, value, retain_graph=True)[0]


def _uphill(objective: Objective, image: Tensor) -> Tensor:
    """dL/d|f|, float (rows, columns); for a loss without a gradient, its part along low-frequency cosines."""
    variable = image.detach().requires_grad_()
    try:
        with torch.enable_grad():
            loss = objective.of_image(variable)
        return torch.autograd.grad(loss, variable)[0]
    except InputError:
        # A loss of one's own, that computes elsewhere than in torch; its value was fine a moment ago.
        return _uphill_along_cosines(objective, image)


def _uphill_along_cosines(objective: Objective, image: Tensor) -> Tensor:
    inside = objective.region.nonzero()
    low = (inside.amin(0) - MARGIN).clamp_min(0).tolist()
    high = (inside.amax(0) + 1 + MARGIN).tolist()
    box = image[low[0] : high[0], low[1] : high[1]]
    rows, columns = (_cosines(length).to(image) for length in box.shape)
    step = DIFFERENCE * image.abs().max()
    slope = torch.zeros_like(image)
    for row in rows:
        for column in columns:
            pattern = torch.zeros_like(image)
            pattern[low[0] : high[0], low[1] : high[1]] = row[:, None] * column
            rise = objective.of_image(image + step * pattern) - objective.of_image(image - step * pattern)
            slope = slope + float(rise) / float(2 * step) / pattern.square().sum() * pattern
    return slope


def _cosines(length: int) -> Tensor:
    """Orthogonal cosines up to 1, (8 or fewer, length)."""
    places = (torch.arange(length, dtype=torch.float32) + 0.5) / length
    return torch.cos(pi * torch.arange(min(COSINES, length))[:, None] * places)


def _latest(kept: Tensor, one: Tensor) -> Tensor:
    return torch.cat([kept.reshape(-1, *one.shape), one[None]])[-MEMORY:]
