"""L1-wavelet: the sparse coefficients of all shifts of the image."""

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...physics.model import ForwardModel
from . import sparsity
from .conjugate_gradients import conjugate_gradients
from .sparsity import DualSolver, SparseReconstructor, State, TensorSolver, Transform, image_norm

LEVELS = 3
PENALTY, LEAST = 15.0, 0.01  # of the splitting: times the weight, and at least
RELAXATION = 1.7
INNER = 6  # conjugate gradient steps of each of its systems
# Daubechies' orthonormal filter with four taps, and its mirror.
LOW = tuple((a + b * math.sqrt(3)) / (4 * math.sqrt(2)) for a, b in ((1, 1), (3, 1), (3, -1), (1, -1)))
HIGH = tuple(sign * tap for sign, tap in zip((1, -1, 1, -1), LOW[::-1], strict=True))


class L1Wavelet(SparseReconstructor):
    """x = argmin_x 1/2 ||A x - y||^2 + w ||W x||_1, data and image in units of `Measurement.scale`.

    ||W x||_1 is the sum of the magnitudes of the image's detail coefficients in the orthonormal Daubechies-4-tap basis
    (3 levels, periodic), averaged over all shifts of the image: no shift is preferred, so there are no blocks. Lustig,
    Donoho, Pauly 2007, doi:10.1002/mrm.21391 (wavelets in MRI); Coifman, Donoho 1995,
    doi:10.1007/978-1-4612-2544-7_9 (all shifts). It is solved by `ADMM`.
    """

    id = "l1-wavelet"
    label = "L1-wavelet"
    summary = "Least squares with coil sensitivities and sparse wavelet details; its weight turns live."
    sources = ("lustig2007", "coifman1995")
    knobs = (
        Knob(
            name="weight",
            label="Wavelet weight",
            help="Weight of the wavelet details, relative to the image's scale; more is smoother.",
            default=3e-3,
            minimum=1e-4,
            maximum=5e-2,
            scale="log",
            live=True,
            more="smoother",
        ),
    )

    def rule(self, measurement: Measurement) -> dict[str, float]:
        """The weight 1.2 sigma^1.5, sigma = `Measurement.noise_level`; the power is that of `tv.auto_weight`."""
        return {"weight": self.knobs[0].nearest(1.2 * float(measurement.noise_level.mean()) ** 1.5)}

    def solver(self, model: ForwardModel, b: Tensor) -> DualSolver[Any]:
        """The solver, the same on every device; the transform has kernels for the CPU."""
        return ADMM(model, Details(model.sensitivities.device))


class ADMM(TensorSolver):
    """ADMM on z = W x, W the whole tight frame: W^H W = I, so that its linear systems contain only A^H A and I.

    h = a W x + (1 - a) z;  z = shrink(h + u, w l / r);  u <- u + h - z;  (A^H A + r) x = A^H y + r W^H (z - u), with
    over-relaxation a. The coarse band is not shrunk: there z = h and u = 0, so only the details D x are kept, and
    images for the coarse rest. r u is the dual; the systems take a few conjugate gradient steps from the x
    before. Boyd et al. 2011, doi:10.1561/2200000016; Afonso, Bioucas-Dias, Figueiredo 2010,
    doi:10.1109/TIP.2010.2047910.
    """

    def minimise(self, b: Tensor, weight: float, start: State) -> State:
        """The state at the solution; an item of the batch that has converged does not change any more."""
        penalty = max(PENALTY * weight, LEAST)
        limits = torch.as_tensor(weight / penalty * self.transform.limits)
        unit = penalty * self.step.unsqueeze(-3)
        x, u = start.image, start.dual / unit
        z, image_of_z = self.transform.forward(x), x  # its details, and W^H z
        pull = self.transform.adjoint(u)
        image, dual, recent = x, u, torch.zeros_like(self.step)
        going = torch.ones((*b.shape[:-2], 1, 1), dtype=torch.bool, device=b.device)

        def system(x: Tensor) -> Tensor:
            return self.model.normal(x) + penalty * x

        for _ in range(sparsity.OUTER):
            shifted = torch.lerp(z, self.transform.forward(x), RELAXATION) + u
            u = shifted * (limits / torch.maximum(shifted.abs(), limits))
            z, before, pull = shifted - u, pull, self.transform.adjoint(u)
            image_of_z = torch.lerp(image_of_z, x, RELAXATION) + before - pull
            new = x + conjugate_gradients(system, b + penalty * (image_of_z - pull) - system(x), INNER)
            change, size = (image_norm(self.model.support * part) for part in (new - x, new))
            x = new
            image, dual = torch.where(going, x, image), torch.where(going.unsqueeze(-3), u, dual)
            recent = torch.maximum(change, sparsity.RECENT * recent)
            going = going & (recent > sparsity.TOLERANCE * size)
            if not going.any():
                break
        return State(image, dual * unit)


class Details(Transform):
    """W x / 2^level, the detail coefficients at all shifts, a part of a tight frame: ||D x|| <= ||x||.

    The limits l = 2^-level weight them as the mean over all shifts does. device: that of the images.
    """

    bound = 1.0

    def __init__(self, device: torch.device | str = "cpu") -> None:
        level = torch.arange(1, LEVELS + 1, device=device, dtype=torch.float32)
        self.limits = 2.0 ** -level.repeat_interleave(3)[:, None, None]

    def forward(self, image: Tensor) -> Tensor:
        """D x, complex (..., 9, rows, columns): of each level low-high, high-low, high-high."""
        if not _fits(image):
            return torch.fft.ifft2(_spectra(image) * torch.fft.fft2(image).unsqueeze(-3))
        out = image.new_empty((*image.shape[:-2], 3 * LEVELS, *image.shape[-2:]))
        for one, details in zip(_items(image, 2), _items(out, 3), strict=True):
            _kernels().analyse(one, *_taps(), details)
        return out

    def adjoint(self, p: Tensor) -> Tensor:
        """D^H p, complex (..., rows, columns)."""
        if not _fits(p):
            return torch.fft.ifft2((_spectra(p).conj() * torch.fft.fft2(p)).sum(-3))
        out = p.new_empty((*p.shape[:-3], *p.shape[-2:]))
        for details, one in zip(_items(p, 3), _items(out, 2), strict=True):
            _kernels().synthesise(details, *_taps(), one)
        return out

    def inner(self, a: Tensor, b: Tensor) -> Tensor:
        """Re <a, b> of each coefficient."""
        return a.real * b.real + a.imag * b.imag

    def length(self, p: Tensor) -> Tensor:
        """|p| of each coefficient."""
        return p.abs()

    def steps(self, weight: float) -> int:
        """Two steps from the dual before are enough: the frame is tight, and more steps gain nothing."""
        return 2


def _fits(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.complex64


def _kernels() -> Any:
    from ...kernels import wavelet as wavelet_kernels  # numba is imported at its first use

    return wavelet_kernels


def _items(x: Tensor, axes: int) -> NDArray[np.float32]:
    """Complex (..., rows, columns) as float32 (batch, [bands,] rows, 2 columns); contiguous memory is not copied."""
    x = x.detach().resolve_conj().contiguous()
    return x.reshape(-1, *x.shape[-axes:]).numpy().view(np.float32)


@cache
def _taps() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both filters, each with half the energy, so that the bands of a level are together as large as the image."""
    low, high = (np.array(taps, np.float32) / np.float32(math.sqrt(2)) for taps in (LOW, HIGH))
    return low, high


def _spectra(like: Tensor) -> Tensor:
    """The spectra by which the transform multiplies that of the image, complex (9, rows, columns)."""
    rows, columns = (
        2 * math.pi * torch.fft.fftfreq(n, device=like.device, dtype=like.real.dtype) for n in like.shape[-2:]
    )
    bands, coarse = [], torch.ones((), device=like.device, dtype=like.dtype)
    for level in range(LEVELS):
        sides = [[_response(taps, 2**level * angle) for taps in (LOW, HIGH)] for angle in (rows, columns)]
        (row_low, row_high), (low, high) = sides
        pairs = ((row_low, high), (row_high, low), (row_high, high))
        bands += [coarse * a[:, None] * b for a, b in pairs]
        coarse = coarse * row_low[:, None] * low
    return torch.stack(bands)


def _response(taps: tuple[float, ...], angle: Tensor) -> Tensor:
    """The frequency response of the correlation with a filter, sum_n taps_n exp(i n angle) / sqrt 2."""
    return sum(
        (
            torch.polar(torch.full_like(angle, abs(tap) / math.sqrt(2)), n * angle) * math.copysign(1, tap)
            for n, tap in enumerate(taps)
        ),
        start=torch.zeros((), device=angle.device, dtype=angle.dtype),
    )
