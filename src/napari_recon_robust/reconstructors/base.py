"""What every reconstructor is: Measurement, knobs -> image."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ..errors import InputError, ModelError, ReconRobustError, dimensions
from ..knob import Knob, resolve
from ..measurement import Measurement
from ..progress import Job, Progress, run
from ..weights import store
from .origin import PACKAGE, of_module


class Reconstructor(ABC):
    """A reconstruction method. Stateless: the image depends on the measurement and the knobs alone.

    A subclass states the problem that it solves as a formula at the head of its docstring, sets the class
    attributes, and implements `reconstruct`. Images are complex64 (a method that yields magnitudes returns
    them as complex), (..., rows, columns) of `measurement.matrix`, in the scan's units.
    """

    id: str
    label: str
    summary: str
    knobs: tuple[Knob, ...] = ()
    differentiable: bool = True
    needs_sensitivities: bool = True
    # Which fully sampled image it is judged against on its own (Measurement.reference).
    reference_kind: Literal["rss", "combined"] = "combined"
    # Knobs at which every seed gives another equally plausible image (samples, restarts); None where none does.
    draw: Mapping[str, Any] | None = None
    # What it was trained to: the id of a shipped set, or a safetensors file (weights.store).
    weights: str | None = None
    # What one should know before believing its figures, in a sentence.
    caution: str = ""

    @abstractmethod
    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image, complex64 (..., rows, columns), for knob values that are already checked."""

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """`reconstruct` as a job; what takes long overrides this, with previews of its kind of image on the way."""
        yield Progress(0.0, f"Reconstructing with {self.label}")
        return self.reconstruct(measurement, **knobs)

    def __call__(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """Reconstruct, with knob values checked and missing ones at their defaults.

        Raises InputError for a knob that does not fit, ModelError if the method fails or returns NaN.
        """
        return run(self.job(measurement, **knobs))

    def job(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The same as a job: closing it cancels."""
        values = resolve(self.knobs, knobs)
        try:
            image = yield from self.steps(measurement, **values)
        except ReconRobustError:
            raise
        except torch.OutOfMemoryError:
            raise ModelError(f"{self.label} ran out of memory; use a smaller batch or matrix, or the CPU.") from None
        except Exception as error:
            raise ModelError(f"{self.label} failed on this slice ({type(error).__name__}: {error}).") from error
        expected = (*measurement.kspace.shape[:-3], *measurement.matrix)
        if tuple(image.shape) != expected:
            raise ModelError(
                f"{self.label} returned an image of {dimensions(image.shape)}; {dimensions(expected)} was expected."
            )
        if not torch.isfinite(torch.view_as_real(image) if image.is_complex() else image).all():
            raise ModelError(f"{self.label} returned NaN or infinite values; check its weights and the input's scale.")
        return image

    def start(self) -> "Reconstructor | None":
        """What a trained method started from, the same with its correction at zero; None where nothing was trained."""
        return None

    def gives_gradient(self, measurement: Measurement) -> bool:
        """Whether the image has a gradient with respect to the k-space; an own model is tried on the measurement."""
        return self.differentiable

    def continuation(self, measurement: Measurement, **knobs: Any) -> "Reconstructor":
        """The end of the fit to one slice as a method with gradients, for samples near these; knobs: already checked.

        Raises InputError for a method that fits nothing to the slice.
        """
        raise InputError(
            f"{self.label} fits no network to the slice, so that it has no last iterations to follow; "
            "choose another stand-in."
        )

    def is_image(self, knobs: Mapping[str, Any]) -> bool:
        """Whether these knobs ask for an image, to be held against a reference; a map of deviations is none."""
        return True

    def fingerprint(self) -> dict[str, str]:
        """What its images depend on besides k-space and knobs: files by their SHA-256, packages by their version."""
        found = {} if self.weights is None else {Path(self.weights).name: store.load(self.weights).sha256}
        return found if type(self).__module__.startswith(f"{PACKAGE}.") else found | of_module(type(self).__module__)

    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """The images at several knob settings, in the order given.

        `points` may be lazy: the next is asked for when the image before it has been taken.
        A method that iterates overrides this to start from the neighbour; a network, to share what does not
        depend on the knobs.
        """
        for point in points:
            yield self(measurement, **point)
