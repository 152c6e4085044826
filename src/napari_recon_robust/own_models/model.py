"""What own models share: one slice at a time in, an image out, and the sentences on what came instead."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.measurement import Calibration, Measurement
from ..ground.errors import ModelError, ReconRobustError, dimensions
from ..ground.progress import Job, Progress, relayed, run
from ..physics import fourier
from ..reconstructors.base import Reconstructor


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice as an own model sees it; all of the same (rows, columns), the Fourier transform centred, orthonormal.

    With sampled lines the readout oversampling is removed (without loss), otherwise rows are the readout.
    """

    measurement: Measurement

    @cached_property
    def kspace(self) -> Tensor:
        """Complex64 (coils, rows, columns), zero where not sampled, in the scan's units."""
        data = self.measurement.data
        return fourier.fft(data, (-2,)) if self.measurement.lines else data

    @cached_property
    def mask(self) -> Tensor:
        """Bool (rows, columns)."""
        return self.measurement.mask.expand(self.kspace.shape[-2:])

    @cached_property
    def sensitivities(self) -> Tensor:
        """Complex64 (coils, rows, columns), sum |S_i|^2 = 1 on the object and 0 beside it."""
        return self.measurement.calibration.sensitivities

    @cached_property
    def image(self) -> Tensor:
        """Complex64 (rows, columns), zero-filled: sum conj(S_i) F^-1 k_i."""
        return (self.sensitivities.conj() * fourier.ifft(self.kspace)).sum(-3)


class OwnModel(Reconstructor):
    """x = f(k, M, S), k the samples of all coils, M the sampling mask, S the sensitivities; one slice at a time.

    The image is (rows, columns) of the k-space, or already cropped to the output matrix; complex or magnitude.
    """

    def __init__(self, id: str) -> None:
        """id: what it is called; a file's name without its folder."""
        self.id = self.label = id
        self._probed = False

    @abstractmethod
    def image_steps(self, one: Slice) -> Job[Any]:
        """The model's own answer, a tensor or an array, as a job."""

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The images of all slices of the batch."""
        return run(self.steps(measurement, **knobs))

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The same, one slice after the other."""
        slices, images = _slices(measurement), list[Tensor]()
        for one in slices:
            done = len(images)

            def part(step: Progress, done: int = done) -> Progress:
                return Progress((done + step.fraction) / len(slices), step.message)

            images.append((yield from relayed(self._one(one), part)))
        return torch.stack(images).reshape(*measurement.kspace.shape[:-3], *images[0].shape)

    def gives_gradient(self, measurement: Measurement) -> bool:
        """Tried once: whether a gradient arrives at the k-space of this measurement."""
        if self.differentiable and not self._probed:
            kspace = measurement.kspace.detach().requires_grad_()
            with torch.enable_grad():
                size = self(measurement.with_kspace(kspace, keep=True)).abs().sum()
                gradient = torch.autograd.grad(size, kspace, allow_unused=True)[0] if size.requires_grad else None
            self.differentiable = gradient is not None and bool(gradient.abs().sum() > 0)
            self._probed = True
        return self.differentiable

    def _one(self, measurement: Measurement) -> Job[Tensor]:
        one = Slice(measurement)
        try:
            answer = yield from self.image_steps(one)
        except (ReconRobustError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            raise ModelError(
                f"{self.label} raised {type(error).__name__} ({first_line(error)}); it was given k-space and "
                f"sensitivities of {dimensions(one.kspace.shape)} and a mask of {dimensions(one.mask.shape)}."
            ) from error
        return self._checked(answer, one).to(measurement.kspace.device)

    def _checked(self, answer: Any, one: Slice) -> Tensor:
        """The answer as complex64 of the output matrix, or a sentence on what it is instead."""
        image = torch.from_numpy(answer) if isinstance(answer, np.ndarray) and answer.dtype.kind in "fciub" else answer
        encoded, matrix = tuple(one.kspace.shape[-2:]), one.measurement.matrix
        if not isinstance(image, Tensor):
            raise ModelError(f"{self.label} returned {_kind(answer)}; an image, {_words(encoded)}, was expected.")
        shape = tuple(image.shape)
        if shape not in (encoded, matrix):
            hint = ""
            if shape in (encoded[::-1], matrix[::-1]):
                hint = "; its axes are (columns, rows): transpose it"
            elif image.ndim == 3 and shape[0] == len(one.kspace):
                hint = "; that is an image for each coil: combine them"
            elif image.ndim > 2:
                hint = "; an image has no further axes"
            raise ModelError(f"{self.label} returned shape {dimensions(shape)}; {_words(encoded)} was expected{hint}.")
        return one.measurement.crop(image.to(torch.complex64))


class CalledModel(OwnModel):
    """A model that answers in one call."""

    def image_steps(self, one: Slice) -> Job[Any]:
        """The call as a job."""
        yield Progress(0.0, f"Reconstructing with {self.label}")
        return self.image(one)

    @abstractmethod
    def image(self, one: Slice) -> Any:
        """The model's own answer: a tensor or an array."""


def first_line(error: Exception) -> str:
    """The first line of what an exception says, not too long."""
    return (str(error).strip().splitlines() or ["no message"])[0][:200]


def _slices(measurement: Measurement) -> list[Measurement]:
    """One measurement for each item of the batch, with the whole's calibration."""
    if measurement.kspace.ndim == 3:
        return [measurement]
    shape = measurement.kspace.shape
    batch = shape[:-3]
    calibration = measurement.calibration
    maps, noise = calibration.sensitivities, calibration.noise
    maps = maps.expand(*batch, *maps.shape[-3:]).reshape(-1, *maps.shape[-3:])
    noise = noise.expand(*batch, *noise.shape[-1:]).reshape(-1, *noise.shape[-1:])
    kspace = measurement.kspace.reshape(-1, *shape[-3:])
    return [
        Measurement(samples, measurement.mask, measurement.matrix, kept=Calibration(*kept))
        for samples, kept in zip(kspace, zip(maps, noise, strict=True), strict=True)
    ]


def _kind(answer: Any) -> str:
    return f"an array of {answer.dtype}" if isinstance(answer, np.ndarray) else type(answer).__name__


def _words(shape: tuple[int, ...]) -> str:
    return f"{dimensions(shape)} (rows, columns)"
