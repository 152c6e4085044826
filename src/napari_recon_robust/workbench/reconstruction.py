"""A reconstruction of the slice whose knobs are turned: interpolated at once, exact when they rest."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from ..errors import InputError
from ..knob import Knob, resolve
from ..progress import Job, Progress
from .acquisition import Acquisition, Slice
from .task import Task

if TYPE_CHECKING:
    from torch import Tensor

    from ..evaluation.metrics import Metrics
    from ..reconstructors.base import Reconstructor
    from ..sweep import Sweep


@dataclass(frozen=True, eq=False)
class Rendered:
    """A magnitude image, real float32 (rows, columns), and at which knobs.

    exact: rendered, not interpolated between prepared neighbours. reference: the fully sampled image of the
    method's own kind, or None; metrics: against it, on "foreground" and "image"; seconds: what the image took. All
    three of exact images only.
    """

    knobs: Mapping[str, Any]
    image: "Tensor"
    exact: bool
    reference: "Tensor | None" = None
    metrics: "Mapping[str, Metrics] | None" = None
    seconds: float = 0.0


class Reconstruction:
    """The method and its knobs on the measured slice.

    Signals: `method_changed()`, `knobs_changed()`, `rendered(Rendered)`, `prepared()`.
    """

    method_changed = Signal()
    knobs_changed = Signal()
    rendered = Signal(object)
    prepared = Signal()

    def __init__(self, acquisition: Acquisition) -> None:
        self._acquisition = acquisition
        self.method: Reconstructor | None = None
        self.knobs: dict[str, Any] = {}
        self.shown: Rendered | None = None
        self.sweep: Sweep | None = None
        self.seconds: dict[str, float] = {}
        acquisition.measured.connect(self._forget)
        acquisition.closed.connect(self._forget)

    def choose(self, id: str, **knobs: Any) -> None:
        """Take a method, its knobs at their defaults unless given."""
        from ..reconstructors import registry

        method = registry.get(id)
        self.method, self.knobs = method, resolve(method.knobs, knobs)
        self._forget()
        self.method_changed.emit()

    @property
    def chosen(self) -> "Reconstructor":
        """The method; InputError while none is chosen."""
        if self.method is None:
            raise InputError("no reconstruction method is chosen; choose one in the Reconstruct dock.")
        return self.method

    @property
    def axes(self) -> tuple[Knob, ...]:
        """The knobs that the image follows while they are turned, two at most."""
        return () if self.method is None else tuple(k for k in self.method.knobs if k.live and k.kind == "float")[:2]

    def turn(self, **values: Any) -> bool:
        """Set knobs; True if an image could be shown at once (then `rendered` was emitted).

        What has to follow where it is False, and when the knobs rest, is the task of `render`.
        """
        knobs = resolve(self.chosen.knobs, {**self.knobs, **values})
        fixed = {knob.name for knob in self.chosen.knobs} - {knob.name for knob in self.axes}
        if self.sweep is not None and any(knobs[name] != self.knobs[name] for name in fixed):
            self.sweep = None
        self.knobs = knobs
        self.knobs_changed.emit()
        return self._interpolate()

    def render(self) -> Task[Rendered]:
        """The exact image at the present knobs, with its metrics."""
        method, knobs, measured = self.chosen, dict(self.knobs), self._acquisition.current

        def accept(rendered: Rendered) -> None:
            # The first image of a method may include compiling it.
            self.seconds[method.id] = min(rendered.seconds, self.seconds.get(method.id, rendered.seconds))
            if method is self.method and knobs == self.knobs and measured is self._acquisition.slice:
                self.shown = rendered
                self.rendered.emit(rendered)

        return Task(f"Reconstructing with {method.label}", _render(method, knobs, measured), accept)

    def prepare(self) -> Task[None] | None:
        """Fill the range of the live knobs, nearest first; None for a method without such knobs."""
        if not self.axes:
            return None
        from ..sweep import Sweep

        method, measured = self.chosen, self._acquisition.current
        self.sweep = Sweep(method, measured.measurement, self.knobs)
        return Task(
            "Preparing the knob", self.sweep.prepare(), lambda _: self.prepared.emit(), lambda _: self.prepared.emit()
        )

    def automatic(self) -> Task[dict[str, Any]]:
        """Choose the live knobs by k-space lines that are held out."""
        from ..reconstructors.auto import auto_knobs

        method, measured = self.chosen, self._acquisition.current

        def accept(knobs: dict[str, Any]) -> None:
            if method is self.method and measured is self._acquisition.slice:
                self.turn(**knobs)

        return Task("Choosing the knobs", auto_knobs(method, measured.measurement), accept)

    def _interpolate(self) -> bool:
        return False

    def _forget(self) -> None:
        """Images of another slice or method are none of this one's."""
        self.shown = self.sweep = None


def _render(method: "Reconstructor", knobs: Mapping[str, Any], measured: Slice) -> Job[Rendered]:
    from ..evaluation import metrics

    yield Progress(0.0, f"Reconstructing with {method.label}")
    start = time.perf_counter()
    image = method(measured.measurement, **knobs).abs().float()
    seconds = time.perf_counter() - start
    reference = measured.measurement.reference(method.reference_kind)
    scores = None
    if reference is not None:
        scores = metrics.measure(image, reference, tissue=measured.foreground)
    return Rendered(knobs, image, True, reference, scores, seconds)
