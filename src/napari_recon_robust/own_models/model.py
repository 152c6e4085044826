"""What own models share: they take one slice at a time and return an image, and other results are refused."""

import sys
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from threading import current_thread, main_thread
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..data.measurement import Measurement, single_slices
from ..evaluation.metrics import magnitude
from ..ground.cached_property import cached_property
from ..ground.errors import ModelError, ReconRobustError, dimensions
from ..ground.guard import said_by
from ..ground.progress import Job, Progress, relayed
from ..ground.wanted import Wanted
from ..physics import fourier
from ..physics.model import coil_combined
from ..reconstructors.base import Reconstructor
from .raising import in_line

_STEP = 1e-3  # of a step along the gradient, relative to the k-space
_DOUBT = 3.0  # times the slope's change over that step
_APART = 4.0  # times that a gradient may differ from the slope

# Why a model gives no gradient for a measurement, which depends on its values; not in the model, which is copied.
_LACKS: "WeakKeyDictionary[OwnModel, WeakKeyDictionary[Measurement, str]]" = WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class ModelInput:
    """One slice as an own model sees it, with (rows, columns) the same for all parts.

    The parts are copies: what a model changes in place is not the measurement, by which other methods are judged.

    The Fourier transform is centred and orthonormal. With sampled lines the readout oversampling is removed (without
    loss), otherwise rows are the readout.
    """

    measurement: Measurement

    @cached_property
    def kspace(self) -> Tensor:
        """Complex64 (coils, rows, columns), zero where not sampled, in the scan's units."""
        data = self.measurement.data
        return fourier.fft(data, (-2,)) if self.measurement.lines else data.clone()

    @cached_property
    def mask(self) -> Tensor:
        """The sampling mask, bool (rows, columns)."""
        return self.measurement.sampled.expand(self.kspace.shape[-2:]).clone()

    @cached_property
    def sensitivities(self) -> Tensor:
        """Complex64 (coils, rows, columns), sum |S_i|^2 = 1 on the object and 0 beside it."""
        return self.measurement.calibration.sensitivities.clone()

    @cached_property
    def image(self) -> Tensor:
        """Complex64 (rows, columns), zero-filled: sum conj(S_i) F^-1 k_i."""
        return coil_combined(fourier.ifft(self.kspace), self.sensitivities)


class OwnModel(Reconstructor):
    """x = f(k, M, S), k the samples of all coils, M the sampling mask, S the sensitivities; one slice at a time.

    The image has the (rows, columns) of the k-space or is already cropped to the output matrix; complex or magnitude.
    """

    def __init__(self, id: str) -> None:
        """id: the name of the model, such as a file's name without its folder."""
        self.id = self.label = id
        # what its script set when it was opened
        self._dtype, self._device = torch.get_default_dtype(), torch.get_default_device()

    def given(self, one: ModelInput) -> dict[str, Any]:
        """What the model is given of a slice, tensors or arrays, by the names of `ModelInput`."""
        return {name: getattr(one, name) for name in ("kspace", "mask", "sensitivities")}

    @abstractmethod
    def image_steps(self, one: ModelInput) -> Job[Any]:
        """The model's own answer, a tensor or an array, as a job."""

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The images as a job, one slice after the other."""
        slices, images = single_slices(measurement), list[Tensor]()
        for one in slices:
            done = len(images)

            def part(step: Progress, done: int = done) -> Progress:
                return Progress((done + step.fraction) / len(slices), step.message)

            images.append((yield from relayed(self._one(one), part)))
        return torch.stack(images).reshape(*measurement.kspace.shape[:-3], *images[0].shape)

    def gives_gradient(self, measurement: Measurement) -> bool:
        """Whether a gradient arrives at the k-space of this measurement; it is tried once for each.

        `no_gradient` says why not of the one that was asked for last. `differentiable` is False for models that never
        give one. Raises ModelError for a model that fails without a gradient, too.
        """
        if not self.differentiable:
            return False
        known = _LACKS.setdefault(self, WeakKeyDictionary())
        if measurement not in known:
            known[measurement] = self._lack(measurement)
        self.no_gradient = known[measurement]
        return not self.no_gradient

    def _lack(self, measurement: Measurement) -> str:
        """Why it gives no gradients, in words; empty if it does."""
        kspace = measurement.kspace.detach().requires_grad_()
        try:
            with torch.enable_grad():
                size = self._size(measurement, kspace)
                gradient = torch.autograd.grad(size, kspace, allow_unused=True)[0] if size.requires_grad else None
            if gradient is not None and gradient.isfinite().all() and gradient.any():
                return self._contradiction(measurement, gradient, float(size.detach()))
        except Exception as error:  # of the model's code, of its own backward pass, or of the memory
            with torch.no_grad():
                self(measurement)
            cause = error.__cause__ or error
            return f"following them ended in {type(cause).__name__}: {said_by(cause)}"
        if gradient is None:
            return "its image does not depend on the k-space in torch"
        return (
            "they hold NaN or infinite values, as those of a square root of zero" if gradient.any() else "they are zero"
        )

    def _size(self, measurement: Measurement, kspace: Tensor) -> Tensor:
        """The sum of the image's magnitudes, float64, from other samples with the same sensitivities."""
        return magnitude(self(measurement.with_kspace(kspace, keep=True))).sum()

    def _contradiction(self, measurement: Measurement, gradient: Tensor, size: float) -> str:
        """That finite gradients are far from what small steps along them do, in words; empty if they may be right.

        A step to either side tells the slope, and by how much it is uncertain: models bend, have edges, draw random
        numbers and compute in single precision. So only a slope of the other sign, or of another order, is told, and
        none where the step changes less than rounding, as beneath a large bias.
        """
        length = float(gradient.norm())
        step = gradient * (_STEP * float(measurement.kspace.norm()) / length)
        with torch.no_grad():
            after, before = (float(self._size(measurement, measurement.kspace + way * step)) for way in (1, -1))
        expected, rounding = length * float(step.norm()), torch.finfo(torch.float32).eps * size
        difference, uncertain = (after - before) / 2, _DOUBT * abs(after + before - 2 * size) + rounding
        if expected < rounding:
            return ""
        wrong = difference + uncertain < expected / _APART or difference - uncertain > expected * _APART
        return "they do not agree with what small changes of the samples do to the image" if wrong else ""

    def _one(self, measurement: Measurement) -> Job[Tensor]:
        one = ModelInput(measurement)
        try:
            answer = yield from self.image_steps(one)
        except (ReconRobustError, torch.OutOfMemoryError):
            raise
        except (Exception, SystemExit) as error:
            raise ModelError(
                f"{self.label} raised {type(error).__name__} ({said_by(error)}){in_line(error)}; it was given "
                f"{', '.join(_described(*part) for part in self.given(one).items())}."
            ) from error
        image = self._checked(answer, one).to(measurement.kspace.device)
        return image if measurement.kspace.requires_grad else image.detach()  # weights that it may train are its own

    def _checked(self, answer: Any, one: ModelInput) -> Tensor:
        """The answer as complex64 of the output matrix; ModelError says what it is if it is no such image."""
        image = answer
        if isinstance(answer, np.ndarray) and answer.dtype.kind in "fciub":
            # torch takes no array with negative strides or the other byte order
            image = torch.from_numpy(np.array(answer, np.complex64 if answer.dtype.kind == "c" else np.float32))
        encoded, matrix = tuple(one.kspace.shape[-2:]), one.measurement.matrix
        if not isinstance(image, Tensor):
            todo = ": return the image alone" if isinstance(answer, dict | list | tuple) else ""
            raise ModelError(f"{self.label} returned {_kind(answer)}; an image, {_words(encoded)}, was expected{todo}.")
        if image.is_meta or image.layout is not torch.strided:
            where = "on the device meta" if image.is_meta else f"in the layout {image.layout}"
            raise ModelError(f"{self.label} returned a tensor {where}; return a dense one that holds the pixels.")
        shape = tuple(image.shape)
        if shape not in (encoded, matrix):
            hint, axes = "", shape
            while len(axes) > 3 and axes[0] == 1:  # a batch of one
                axes = axes[1:]
            if shape in (encoded[::-1], matrix[::-1]):
                hint = "; its axes are (columns, rows): transpose it"
            elif len(axes) == 3 and not image.is_complex() and 2 in (axes[0], axes[-1]):
                hint = "; these are real and imaginary parts: make complex numbers of them"
            elif len(axes) == 3 and axes[0] == len(one.kspace):
                hint = "; that is an image for each coil: combine them"
            elif image.ndim > 2:
                batch = set(shape[:-2]) == {1}
                todo = f": drop those of size 1, as by image[{', '.join('0' * (image.ndim - 2))}]" if batch else ""
                hint = f"; an image has no further axes{todo}"
            raise ModelError(f"{self.label} returned shape {dimensions(shape)}; {_words(encoded)} was expected{hint}.")
        return one.measurement.crop(image.to(torch.complex64, copy=True))  # a model may fill it anew in its next call


class CalledModel(OwnModel):
    """A model that answers in one call."""

    def image_steps(self, one: ModelInput) -> Job[Any]:
        """The model's own answer, of one call, as a job."""
        yield Progress(0.0, f"Reconstructing with {self.label}")
        with torch_as_before(), nullcontext() if self._device.type == "cpu" else self._device:
            torch.set_default_dtype(self._dtype)
            return self.image(one)

    @abstractmethod
    def image(self, one: ModelInput) -> Any:
        """The model's own answer: a tensor or an array."""


@contextmanager
def torch_as_before() -> Iterator[None]:
    """Take back what code of others sets: threads, the default type and device, whether gradients follow.

    With another default type or device the networks of all other methods would fail. Random numbers remain the code's
    own affair: all methods here have their own generators. What it prints goes to stderr, beside the answer of a
    command; threads, as the window has them, share one stdout, which is left alone.
    """
    printed = redirect_stdout(sys.stderr) if current_thread() is main_thread() else nullcontext()
    device = torch.get_default_device()
    _AS_BEFORE.begin()
    try:
        with torch.set_grad_enabled(torch.is_grad_enabled()), printed:
            yield
    finally:
        _AS_BEFORE.end()
        if torch.get_default_device() != device:
            torch.set_default_device(None if device.type == "cpu" else device)


@contextmanager
def _kept() -> Iterator[None]:
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    yield
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)


# Calls overlap, as one that was cancelled ends beside the next: none may take what another has set for what was before.
_AS_BEFORE = Wanted(_kept)


def frozen(network: nn.Module) -> nn.Module:
    """The network itself, whose parameters ask for no gradients any more.

    One by one, as a network of TorchScript has no `requires_grad_`.
    """
    for one in network.parameters():
        one.requires_grad_(False)
    return network


def parameters_of(network: nn.Module) -> int:
    """How many numbers it has learned, each once."""
    return sum(one.numel() for one in network.parameters() if not is_lazy(one))


def _described(name: str, part: Any) -> str:
    return f"{name} ({str(part.dtype).removeprefix('torch.')}, {dimensions(part.shape)})"


def _kind(answer: Any) -> str:
    return f"an array of {answer.dtype}" if isinstance(answer, np.ndarray) else type(answer).__name__


def _words(shape: tuple[int, ...]) -> str:
    return f"{dimensions(shape)} (rows, columns)"
