"""A reconstruction of the slice whose knobs are turned: interpolated at once, exact when they rest."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from ..ground.errors import InputError
from ..ground.knob import Knob
from ..ground.progress import Job, Progress, relayed
from .acquisition import Acquisition, Slice
from .compiling import compilations
from .task import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from ..analyses.diversity import Variant
    from ..analyses.sweep import Family, Sweep
    from ..data.measurement import Measurement
    from ..evaluation.metrics import Metrics
    from ..perturbations.base import Perturbed, Restore
    from ..reconstructors.base import Method, Reconstructor


@dataclass(frozen=True, eq=False)
class Rendered:
    """Magnitude images, real float32 (rows, columns), and the method that they are of.

    perturbed: of the perturbed samples by the same method, or None. reference: the fully sampled image of the method's
    own kind, or None; metrics: against it, on "foreground" and "image"; seconds: what the image took, None where
    something was compiled meanwhile. These three of rendered images only. interpolated: between prepared neighbours,
    not rendered. unfinished: what a long method has so far. earlier: other knobs are set than those of this method.
    whole: the complex images, complex64, of rendered images that have a phase, by "clean" and "perturbed". caution: how
    the image of an own model contradicts the samples; empty if it does not.
    """

    method: "Method"
    image: "Tensor"
    perturbed: "Tensor | None"
    reference: "Tensor | None" = None
    metrics: "Mapping[str, Metrics] | None" = None
    seconds: float | None = None
    interpolated: bool = False
    unfinished: bool = False
    earlier: bool = False
    whole: "Mapping[str, Tensor]" = field(default_factory=dict)
    caution: str = ""

    @property
    def mark(self) -> str:
        """What keeps it from being the image at its knobs, in a word or two; empty if nothing does."""
        if self.earlier:
            return "earlier knobs"
        return "preview" if self.unfinished else "interpolated" if self.interpolated else ""

    @property
    def exact(self) -> bool:
        """Whether it is the image at the knobs that are set."""
        return not self.mark


class Reconstruction:
    """The method on the measured slice.

    method: a reconstructor with its knobs set; None until one is chosen. own_models: those that were opened, by their
    id. seconds: what an image takes at least, by the method's id, as soon as it was measured.

    Signals: `method_changed()`, `knobs_changed()`, `rendered(Rendered)`, `prepared()` at each step towards a knob
    that answers at once.
    """

    method_changed = Signal()
    knobs_changed = Signal()
    rendered = Signal(object)
    prepared = Signal()

    def __init__(self, acquisition: Acquisition) -> None:
        self._acquisition = acquisition
        self.method: Method | None = None
        self.shown: Rendered | None = None
        self.own_models: dict[str, Reconstructor] = {}
        self.sources: dict[str, str] = {}  # by what each of them was opened, a file by its full path
        self.seconds: dict[str, float] = {}
        self._timed: dict[str, int] = {}  # the slice of which each method's last time was taken
        self._kept: tuple[Slice, Rendered] | None = None
        self._twin: Measurement | None = None
        self._restore: Restore | None = None
        self._sweeps: list[Sweep] = []
        self._consistency: dict[tuple[float, ...], float] = {}
        acquisition.measured.connect(self._forget)
        acquisition.left.connect(self._forget)
        acquisition.closed.connect(self._forget)

    @property
    def chosen(self) -> "Method":
        """The method; InputError while none is chosen."""
        if self.method is None:
            raise InputError("no reconstruction method is chosen; choose one in the Reconstruct dock.")
        return self.method

    @property
    def reconstructor(self) -> "Reconstructor | None":
        """The reconstructor of the method; None until one is chosen."""
        return None if self.method is None else self.method.reconstructor

    @property
    def knobs(self) -> dict[str, Any]:
        """The knobs of the method; empty until one is chosen."""
        return {} if self.method is None else dict(self.method.knobs)

    @property
    def axes(self) -> tuple[Knob, ...]:
        """The knobs that the image follows while they are turned, two at most."""
        return () if self.method is None else self.method.reconstructor.axes

    @property
    def ready(self) -> bool:
        """Whether the knobs answer at once at any value."""
        return bool(self._sweeps) and all(sweep.ready for sweep in self._sweeps)

    @property
    def stale(self) -> bool:
        """Whether there are live knobs whose range is not even being prepared."""
        return bool(self.axes) and not self._sweeps

    def open(self, source: str) -> Task["Reconstructor"]:
        """Open an own model (a file, module:function, bart: and a command) and choose it.

        One that is opened again replaces itself. Another one of the same id has its folder before that; cases record
        the id without the folder, since it depends on what else is open.
        """

        def accept(model: "Reconstructor") -> None:
            from ..own_models.opening import absolute_source, in_full

            place = absolute_source(in_full(source), Path.cwd())
            before = (folder.name for folder in Path(place).parents)
            model.id_in_cases = model.recorded_id
            while self.sources.get(model.id, place) != place and (folder := next(before, "")):
                model.id, model.label = (f"{folder}/{word}" for word in (model.id, model.label))
            self.sources[model.id] = place
            self.choose(model)

        return Task(f"Opening {Path(source).name}", _open(source), accept)

    def find(self, id: str) -> "Reconstructor":
        """The opened own model of that id, or the listed reconstructor; raise InputError if there is neither."""
        from ..reconstructors import registry

        return self.own_models[id] if id in self.own_models else registry.get(id)

    def own(self, *methods: str) -> "list[Reconstructor]":
        """The opened own models among these methods (ids)."""
        return [self.own_models[id] for id in methods if id in self.own_models]

    def choose(self, method: "str | Reconstructor | Method", **knobs: Any) -> None:
        """Take a method, or a reconstructor (or its id) at its defaults, and change these knobs."""
        from ..reconstructors import registry

        self.method = (self.find(method) if isinstance(method, str) else method).at(**knobs)
        if not registry.lists(self.method.id):
            self.own_models[self.method.id] = self.method.reconstructor
        self.shown, self._sweeps = None, []
        self.method_changed.emit()

    def follow(self, perturbed: "Perturbed | None") -> None:
        """Reconstruct these perturbed samples of the slice too, at every setting."""
        twin = None if perturbed is None else perturbed.measurement
        if twin is not self._twin:
            # The first sweep is of the slice itself; without a second one for new samples the knob is not prepared.
            self._sweeps = self._sweeps[:1] if twin is None else []
            if self.shown is not None:  # its perturbed image is of other samples
                whole = {name: image for name, image in self.shown.whole.items() if name != "perturbed"}
                self.shown = replace(self.shown, perturbed=None, whole=whole)
        self._twin = twin
        self._restore = None if perturbed is None else perturbed.restore

    def turn(self, **values: Any) -> bool:
        """Set knobs; True if an image could be shown at once (then `rendered` was emitted).

        What has to follow where it is False, and when the knobs rest, is the task of `render`.
        """
        before, method = self.chosen, self.chosen.at(**values)
        live = [knob.name for knob in self.axes]
        if method.at(**{name: before.knobs[name] for name in live}) != before:
            self._sweeps = []
        self.method = method
        self.knobs_changed.emit()
        images = [sweep.at(self._position) for sweep in self._sweeps]
        found = [image for image in images if image is not None]
        if not found or len(found) < len(images):
            if self.shown is not None and (self.shown.earlier or self.shown.method != method):
                # A turned object is brought back already.
                self.shown = replace(self.shown, earlier=self.shown.method != method)
                self.rendered.emit(self.shown)
            return False
        perturbed = found[1][0] if len(found) > 1 else None
        self._show(Rendered(method, found[0][0], perturbed, interpolated=True))
        return True

    def render(self) -> Task[Rendered]:
        """Compute the exact images at the present knobs, with their metrics."""
        method, measured, twin = self.chosen, self._acquisition.current, self._twin
        # The times are those of this scan, also if it is closed meanwhile.
        state, times, timed = self._state, self.seconds, self._timed

        def show(rendered: Rendered) -> None:
            if state == self._state:
                self._show(rendered)

        def accept(rendered: Rendered) -> None:
            before = times.get(method.id)
            # Another image of the same slice may have been prepared, or kept by the method.
            if rendered.seconds is not None and (before is None or timed.get(method.id) != measured.index):
                timed[method.id] = measured.index
                # The first one may include loading the method.
                times[method.id] = rendered.seconds if before is None else min(before, rendered.seconds)
            show(rendered)

        # A prepared family goes on from its neighbours, faster than from nothing.
        position, sweeps = self._position, self._sweeps

        def image(number: int, measurement: "Measurement") -> "Job[Tensor]":
            if number >= len(sweeps):
                return method.job(measurement)
            return _exact(sweeps[number], position)

        kept = self.kept(method, measured) if twin is None else None
        job = _render(method, image, measured, twin) if kept is None else _at_once(kept)
        return Task(f"Reconstructing with {method.label}", job, accept, show, models=self.own(method.id))

    def keep(self, ahead: tuple[Slice, Rendered] | None) -> None:
        """Keep the images of one slice that were computed ahead, instead of those before."""
        self._kept = ahead

    def kept(self, method: "Method", measured: Slice) -> Rendered | None:
        """The images that are kept if they are of this method and slice."""
        if self._kept is None or self._kept[0] != measured or self._kept[1].method != method:
            return None
        return self._kept[1]

    def prepare(self) -> Task[None] | None:
        """Fill the range of the live knobs, nearest first; return None for a method without such knobs."""
        from ..analyses.sweep import Sweep

        method, measured = self.chosen, self._acquisition.current
        if not self.axes:
            return None
        self._consistency = {}
        noted = _noting(method, measured.measurement, self._consistency)
        self._sweeps = [Sweep(self.axes, noted, self._position)]
        if self._twin is not None:
            self._sweeps.append(Sweep.of(method, self._twin))
        job, own = _prepare(self._sweeps), self.own(method.id)
        return Task("Preparing the knob", job, lambda _: None, lambda _: self.prepared.emit(), models=own)

    def renders(self) -> "list[tuple[dict[str, float], Tensor]]":
        """The images that are prepared over the live knobs, magnitudes (rows, columns), by the knobs' values."""
        return self._sweeps[0].renders() if self._sweeps else []

    def members(self) -> Job["list[Variant]"]:
        """The family to choose from as a job: samples or restarts, else the whole grid of the live knobs, of which what
        is prepared already is kept.

        Raises InputError for a method without either, or of magnitudes alone.
        """
        from ..analyses.diversity import draws, family_axes

        method = self.chosen
        if method.reconstructor.draw is not None:
            return draws(self._acquisition.current.measurement, method)
        family_axes(method.reconstructor)
        if self.stale:
            self.prepare()
        return _members(self._sweeps[0], method, self._consistency)

    def consistency(self) -> "NDArray[np.float32] | None":
        """||A x - y|| / ||y|| over the two live knobs, (second, first), NaN where it is not known yet."""
        if len(self.axes) != 2 or not self._sweeps:
            return None
        counts = self._sweeps[0].counts
        values = np.full(counts, np.nan, np.float32)
        for point, value in self._consistency.items():
            place = [axis.to_unit(one) * (n - 1) for axis, one, n in zip(self.axes, point, counts, strict=True)]
            node = tuple(round(each) for each in place)
            if max(abs(a - b) for a, b in zip(place, node, strict=True)) < 1e-6:
                values[node] = value
        return values.T

    def automatic(self) -> Task[dict[str, Any]]:
        """Choose the live knobs by k-space lines that are held out."""
        from ..reconstructors.auto import auto_knobs

        method, measured = self.chosen, self._acquisition.current

        def accept(knobs: dict[str, Any]) -> None:
            if (method.reconstructor, measured) == (self.reconstructor, self._acquisition.slice):
                self.turn(**knobs)

        job = auto_knobs(method, measured.measurement)
        return Task("Choosing the knobs", job, accept, models=self.own(method.id))

    @property
    def _state(self) -> tuple[object, ...]:
        """What an image depends on."""
        return self.method, self._acquisition.slice, self._twin

    @property
    def _position(self) -> dict[str, float]:
        """Where the live knobs are."""
        return {axis.name: float(self.chosen.knobs[axis.name]) for axis in self.axes}

    def _show(self, rendered: Rendered) -> None:
        """Show what a method returned, a turned object brought back."""
        if rendered.perturbed is not None and self._restore is not None:
            back = self._restore(rendered.whole.get("perturbed", rendered.perturbed))
            whole = {**rendered.whole, "perturbed": back} if "perturbed" in rendered.whole else rendered.whole
            rendered = replace(rendered, perturbed=back.abs(), whole=whole)
        self.shown = rendered
        self.rendered.emit(rendered)

    def _forget(self) -> None:
        """Forget the images, which are of another slice; what one takes, too, since another scan may be larger."""
        if not self._acquisition.is_open:
            self.seconds, self._timed = {}, {}
        self.shown = self._twin = None
        self._sweeps = []


def _open(source: str) -> Job["Reconstructor"]:
    yield Progress(0.0, f"Opening {Path(source).name}")
    from ..reconstructors import registry

    return registry.get(source)


def rendered_job(method: "Method", measured: Slice) -> Job[Rendered]:
    """Compute the exact image of a slice, with its metrics."""
    return _render(method, lambda _, measurement: method.job(measurement), measured, None)


def _at_once(rendered: Rendered) -> Job[Rendered]:
    yield Progress(1.0, "Reconstructing")
    return rendered


def _exact(sweep: "Sweep", values: Mapping[str, float]) -> Job["Tensor"]:
    yield Progress(0.0, "Reconstructing")
    return sweep.exact(values)


def _render(
    method: "Method",
    image_of: "Callable[[int, Measurement], Job[Tensor]]",
    measured: Slice,
    twin: "Measurement | None",
) -> Job[Rendered]:
    from ..evaluation import metrics
    from ..evaluation.parts import whole_of
    from ..reconstructors.doubts import of_method

    compiled = compilations()
    start, events = time.perf_counter(), compiled.events

    def shown(step: Progress) -> Progress:
        preview = None if step.preview is None else Rendered(method, step.preview.abs().float(), None, unfinished=True)
        return replace(step, preview=preview)

    def unseen(step: Progress) -> Progress:
        return replace(step, preview=None)

    complex_image = (yield from relayed(image_of(0, measured.measurement), shown)).cpu()
    image = complex_image.abs().float()
    seconds = time.perf_counter() - start if compiled.none_since(events) else None
    doubted = of_method(method, measured.measurement, complex_image.to(measured.measurement.kspace.device))
    complex_twin = None if twin is None else (yield from relayed(image_of(1, twin), unseen)).cpu()
    perturbed = None if complex_twin is None else complex_twin.abs().float()
    reference = measured.measurement.reference(method.reference_kind) if method.is_image else None
    scores = None
    if reference is not None:
        reference = reference.cpu()
        scores = metrics.measure(image, reference, tissue=measured.foreground)
    whole = whole_of(clean=complex_image, perturbed=complex_twin)
    return Rendered(
        method, image, perturbed, reference, scores, seconds, whole=whole, caution=" ".join(doubted.values())
    )


def _prepare(sweeps: "Sequence[Sweep]") -> Job[None]:
    for number, sweep in enumerate(sweeps):
        for progress in sweep.prepare():
            yield Progress((number + progress.fraction) / len(sweeps), progress.message, sweep)


def _members(sweep: "Sweep", method: "Method", consistency: Mapping[tuple[float, ...], float]) -> Job["list[Variant]"]:
    from ..analyses.diversity import Variant

    yield from sweep.prepare()
    found = sweep.renders()
    return [Variant({**method.knobs, **point}, image, consistency[tuple(point.values())]) for point, image in found]


def _noting(
    method: "Method",
    measurement: "Measurement",
    notes: dict[tuple[float, ...], float],
) -> "Family":
    """The method's family, and note the data consistency of each image on its way."""

    def family(points: "Iterable[Mapping[str, Any]]") -> "Iterator[Tensor]":
        asked: list[tuple[float, ...]] = []

        def noted() -> "Iterator[Mapping[str, Any]]":
            for point in points:
                asked.append(tuple(point.values()))
                yield point

        for image in method.family(measurement, noted()):
            if method.reference_kind != "rss":
                notes[asked[-1]] = measurement.misfit(image)
            yield image

    return family
