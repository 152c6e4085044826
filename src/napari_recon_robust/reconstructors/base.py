"""The base class of reconstructors, (measurement, knobs) -> image, and of methods, measurement -> image.

A method is a reconstructor with its knobs set.
"""

from abc import ABC
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, SupportsIndex

import torch
from torch import Tensor

from ..data.measurement import Measurement, as_measurement
from ..data.units import check_numbers
from ..ground.errors import InputError, ModelError, ReconRobustError, dimensions
from ..ground.knob import Knob, Value, live_axes, resolve
from ..ground.progress import Job, Progress, run
from ..weights import store
from .fingerprint import PACKAGE, of_module

Kind = Literal["rss", "combined"]
_TABLE = "napari_recon_robust.reconstructors.registry"  # a floor above, imported only at its use


class Reconstructor(ABC):
    """A reconstruction method. It is stateless: the image depends only on the measurement and the knobs.

    A subclass states the problem that it solves as a formula at the head of its docstring, sets the class
    attributes, and implements `reconstruct`, or `steps` if it is slow. Images are complex64 (a method that yields
    magnitudes returns them as complex), (..., rows, columns) of `measurement.matrix`, in the scan's units.
    """

    id: str
    label: str
    summary: str
    # What it goes back to: keys of reports/references.bib.
    sources: tuple[str, ...] = ()
    knobs: tuple[Knob, ...] = ()
    differentiable: bool = True
    needs_sensitivities: bool = True
    # The kind of fully sampled image that it is judged against (Measurement.reference).
    reference_kind: Kind = "combined"
    # Knob values at which each seed gives another, equally plausible image (samples, restarts); None if none do.
    draw: Mapping[str, Any] | None = None
    # Its trained weights: the id of a shipped set, or a safetensors file (weights.store).
    weights: str | None = None
    # How many parameters its network has, if it is not among `all_weights`; None if that is not known.
    parameters: int | None = None
    # One sentence that the user should know before believing its figures.
    caution: str = ""
    # Why it gives no gradients, in words, where that was found out by trying (own models).
    no_gradient: str = ""
    # What is known of its code since it was opened (own models); None if `fingerprint` looks at its module.
    code: Mapping[str, str] | None = None
    # Its id in cases, where `id` also tells it from another own model of that id; empty if that is `id`.
    id_in_cases: str = ""

    def sources_at(self, knobs: Mapping[str, Any]) -> tuple[str, ...]:
        """`sources`, and what the choices of these knobs go back to; those that are left out are at their defaults."""
        return self.sources

    def __repr__(self) -> str:
        return f"reconstructor({getattr(self, 'id', type(self).__name__)!r})"

    @property
    def recorded_id(self) -> str:
        """The id by which cases know it, whatever else is open."""
        return self.id_in_cases or self.id

    @property
    def axes(self) -> tuple[Knob, ...]:
        """The knobs that the image follows while they are turned, two at most."""
        return live_axes(self.knobs)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image, complex64 (..., rows, columns), for knob values that are already checked: `steps` to their end."""
        if type(self).steps is Reconstructor.steps:
            raise NotImplementedError(f"{type(self).__name__} defines neither reconstruct nor steps; define one")
        return run(self.steps(measurement, **knobs))

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """`reconstruct` as a job. A slow method defines this instead, and yields previews of its kind of image."""
        yield Progress(0.0, f"Reconstructing with {self.label}")
        return self.reconstruct(measurement, **knobs)

    def at(self, **knobs: Any) -> "Method":
        """The method: this reconstructor with these knobs set, and the other knobs at their defaults.

        Raises InputError for a knob that does not fit.
        """
        return Method(self, knobs)

    def __call__(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image at these knobs, with the other knobs at their defaults: `at(**knobs)(measurement)`."""
        return self.at(**knobs)(measurement)

    def job(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The image as a job: `at(**knobs).job(measurement)`."""
        return self.at(**knobs).job(measurement)

    def rule(self, measurement: Measurement) -> dict[str, float]:
        """The knobs that suit the measurement's noise, without a reference; empty for a method that has no rule."""
        return {}

    def fixed(self, measurement: Measurement) -> dict[str, tuple[float, float]]:
        """What no knob changes though it has to suit the noise: by its name the value, and the one that suits."""
        return {}

    def start(self) -> "Reconstructor | None":
        """The method from which the training started, with its correction at zero; None if nothing was trained."""
        return None

    def gives_gradient(self, measurement: Measurement) -> bool:
        """Whether the image has a gradient with respect to the k-space; own models are tried on the measurement."""
        return self.differentiable

    def continuation(self, measurement: Measurement, **knobs: Any) -> "Reconstructor":
        """The last iterations of the fit to one slice, as a method with gradients for samples near these.

        knobs: already checked. Raises InputError for a method that fits nothing to the slice.
        """
        raise InputError(
            f"{self.label} fits no network to the slice, so that it has no last iterations to follow; "
            "choose another stand-in."
        )

    def reference_kind_at(self, knobs: Mapping[str, Any]) -> Kind:
        """The kind of its image at these knobs, where one of them chooses how coils are combined."""
        return self.reference_kind

    def is_image(self, knobs: Mapping[str, Any]) -> bool:
        """Whether these knobs give an image, which can be compared with a reference; a map of deviations is not one."""
        return True

    @property
    def all_weights(self) -> tuple[str, ...]:
        """All sets of trained weights that its images depend on, as `weights` names one."""
        return () if self.weights is None else (self.weights,)

    def fingerprint(self) -> dict[str, str]:
        """What its images depend on besides k-space and knobs: SHA-256 of files, versions of packages, by name."""
        found = {Path(weights).name: store.load(weights).sha256 for weights in self.all_weights}
        if type(self).__module__.startswith(f"{PACKAGE}."):
            return found
        return {**found, **(of_module(type(self).__module__) if self.code is None else self.code)}

    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """The images at several settings of all knobs, which are already checked, in the order given.

        `points` may be lazy: the next point is asked for after the image of the one before has been taken.
        An iterative method overrides this to start from a neighbour's image, and a network to share what does not
        depend on the knobs.
        """
        for point in points:
            yield self.reconstruct(measurement, **point)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        table = import_module(_TABLE).registry
        if table.holds(self):  # it is unpickled as the one of its id, so that its methods are equal to those before
            return table.get, (self.id,)
        return super().__reduce_ex__(protocol)

    def __copy__(self) -> Self:
        made = object.__new__(type(self))  # what is changed of a copy changes nothing in the table
        vars(made).update(vars(self))
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        made = memo[id(self)] = object.__new__(type(self))
        vars(made).update(deepcopy(vars(self), memo))
        return made


@dataclass(frozen=True, repr=False)
class Method:
    """A reconstructor with its knobs set. It reconstructs, and it is what is attacked, studied, shown and saved.

    `Reconstructor.at` makes it. Here, and only here, knobs are checked and missing ones take their defaults; InputError
    for one that does not fit. Two methods are equal if they are the same reconstructor at equal knobs.
    """

    reconstructor: Reconstructor
    knobs: Mapping[str, Value]

    def __post_init__(self) -> None:
        values = resolve(self.reconstructor.knobs, self.knobs)
        object.__setattr__(self, "knobs", MappingProxyType(values))

    def __hash__(self) -> int:
        return hash((self.reconstructor, *self.knobs.values()))

    def __repr__(self) -> str:
        knobs = ", ".join(f"{name}={value!r}" for name, value in self.knobs.items())
        return f"{self.reconstructor!r}.at({knobs})"

    def __reduce__(self) -> tuple[type["Method"], tuple[Reconstructor, dict[str, Value]]]:
        return Method, (self.reconstructor, dict(self.knobs))  # the view of the knobs cannot be pickled

    def at(self, **knobs: Any) -> "Method":
        """The same reconstructor with these knobs changed and the others kept; InputError for one that does not fit."""
        return Method(self.reconstructor, {**self.knobs, **knobs}) if knobs else self

    @property
    def id(self) -> str:
        """The reconstructor's id."""
        return self.reconstructor.id

    @property
    def label(self) -> str:
        """The reconstructor's label."""
        return self.reconstructor.label

    @property
    def title(self) -> str:
        """The label, followed in brackets by the knobs that are not at their defaults."""
        defaults = {knob.name: knob.default for knob in self.reconstructor.knobs}
        return self.titled([name for name, value in self.knobs.items() if value != defaults[name]])

    def titled(self, names: Sequence[str]) -> str:
        """The label, followed in brackets by the knobs of these names."""
        values = ((name, self.knobs[name]) for name in names)
        words = [f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in values]
        return f"{self.label} ({', '.join(words)})" if words else self.label

    @property
    def reference_kind(self) -> Kind:
        """The kind of fully sampled image that the method is judged against."""
        return self.reconstructor.reference_kind_at(self.knobs)

    @property
    def is_image(self) -> bool:
        """Whether it gives an image, which can be compared with a reference; a map of deviations is not one."""
        return self.reconstructor.is_image(self.knobs)

    def __call__(self, measurement: Measurement) -> Tensor:
        """The image, complex64 (..., rows, columns) of `measurement.matrix`, in the scan's units.

        Raises InputError for NaN in the k-space or numbers of extreme size (`data.units`), and ModelError if the
        reconstructor fails, or returns another shape, NaN or infinite values.
        """
        return run(self.job(measurement))

    def job(self, measurement: Measurement) -> Job[Tensor]:
        """The image as a job; closing the job cancels it."""
        with self._refusing(measurement):
            return self._checked((yield from self.reconstructor.steps(measurement, **self.knobs)), measurement)

    def family(self, measurement: Measurement, points: Iterable[Mapping[str, Any]]) -> Iterator[Tensor]:
        """The images with the knobs of each point changed, in the order given: `Reconstructor.family`.

        Raises what a call of the method raises.
        """
        with self._refusing(measurement):
            settings = (resolve(self.reconstructor.knobs, {**self.knobs, **point}) for point in points)
            for image in self.reconstructor.family(measurement, settings):
                yield self._checked(image, measurement)

    @contextmanager
    def _refusing(self, measurement: Measurement) -> Iterator[None]:
        """Refuse k-space that cannot be reconstructed, and turn whatever the reconstructor raises into one sentence."""
        check_numbers(as_measurement(measurement).largest)
        try:
            yield
        except ReconRobustError:
            raise
        except torch.OutOfMemoryError:
            raise ModelError(f"{self.label} ran out of memory; use a smaller batch or matrix, or the CPU.") from None
        except Exception as error:
            if measurement.kspace.dtype != torch.complex64:
                kind = str(measurement.kspace.dtype).removeprefix("torch.")
                raise ModelError(
                    f"{self.label} computes in single precision, and the k-space is {kind}: give it as complex64 "
                    "(kspace.to(torch.complex64))."
                ) from error
            raise ModelError(f"{self.label} failed on this slice ({type(error).__name__}: {error}).") from error

    def _checked(self, image: Tensor, measurement: Measurement) -> Tensor:
        """An image that the reconstructor gave; ModelError for one of another shape, with NaN or infinite values."""
        expected = (*measurement.kspace.shape[:-3], *measurement.matrix)
        if tuple(image.shape) != expected:
            raise ModelError(
                f"{self.label} returned an image of {dimensions(image.shape)}; {dimensions(expected)} was expected."
            )
        if not torch.isfinite(torch.view_as_real(image) if image.is_complex() else image).all():
            raise ModelError(f"{self.label} returned NaN or infinite values; check its weights and the input's scale.")
        return image

    def gives_gradient(self, measurement: Measurement) -> bool:
        """Whether the image has a gradient with respect to the k-space of this measurement."""
        return self.reconstructor.gives_gradient(measurement)

    @property
    def without_gradient(self) -> str:
        """The beginning of a sentence that refuses it: it gives no gradients, and why, where that was tried."""
        why = self.reconstructor.no_gradient
        return f"{self.label} gives no gradients{f' ({why})' if why else ''}"

    def continuation(self, measurement: Measurement) -> "Method":
        """The last iterations of its fit to one slice, with gradients: `Reconstructor.continuation`."""
        return self.reconstructor.continuation(measurement, **self.knobs).at()

    def fingerprint(self) -> dict[str, str]:
        """What its images depend on besides k-space and knobs: SHA-256 of files, versions of packages, by name."""
        return self.reconstructor.fingerprint()

    def to_json(self) -> dict[str, Any]:
        """The id and all knobs as JSON values, under "method" and "knobs"."""
        return {"method": self.id, "knobs": dict(self.knobs)}
