"""Rows of images that are there already: of budgets, angles, methods, attacks, iterations, samples, knobs, slices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..evaluation.parts import magnitude_on_cpu
from ..ground.errors import InputError
from ..ground.numbers import written
from ..ground.progress import Job, Progress
from .choosing import Choosing
from .history import Attack, History
from .lining_up import LiningUp
from .marks import tag
from .perturbing import Result
from .review_part import Basis, ReviewPart
from .task import Task

if TYPE_CHECKING:
    from torch import Tensor

    from ..analyses.diversity import Variant
    from ..data.scan import Scan
    from ..perturbations.base import Perturbed
    from ..perturbations.outcome import Outcome
    from ..reconstructors.base import Method

_MOST = 60  # images in a row
_PREPARED = "Knob"  # the row of images that are prepared over the live knobs


@dataclass(frozen=True, eq=False)
class Frame:
    """One image of a row, real float32 (rows, columns) in the scan's units.

    panel: where it belongs. clean: what belongs into the panel beside it, with its title, where that is not what is
    shown there in any case. done: what has to be said of it, attacked or synthetic. Where it is more than a picture,
    one of these says what it is: knobs of the method, the slice, or `look`, which makes it the result that is shown
    (and may return a task).
    """

    caption: str
    image: "Tensor"
    panel: str
    tip: str = ""
    knobs: Mapping[str, Any] | None = None
    slice: int | None = None
    clean: "tuple[Tensor, str] | None" = None
    done: str = ""
    look: Callable[[], Task[Any] | None] | None = None


class Film(ReviewPart):
    """The rows of images of the slice that is shown.

    name: of the row that is looked at, or None. Signal: `changed()`, other rows, or another one is looked at.
    """

    def __init__(self, basis: Basis, choosing: Choosing, lining_up: LiningUp, history: History) -> None:
        super().__init__(basis)
        self._choosing, self._lining_up, self._history = choosing, lining_up, history
        self.name: str | None = None
        self._iterations: list[Frame] = []
        self._searched: Method | None = None  # the method of the iterations
        self._slices: list[Frame] = []
        self._perturbing.previewed.connect(self._record)
        self._acquisition.measured.connect(self._forget_iterations)
        self._acquisition.closed.connect(self._forget)
        for signal in (self._perturbing.finished, choosing.changed, lining_up.changed, history.changed):
            signal.connect(self._on_change)
        self._reconstruction.prepared.connect(self._on_change)

    def choose(self, name: str | None) -> None:
        """Look at another row."""
        if name != self.name:
            self.name = name
            self.changed.emit()

    @property
    def frames(self) -> Sequence[Frame]:
        """The row that is looked at; empty without one."""
        return () if self.name is None else self.rows.get(self.name, ())

    @property
    def rows(self) -> dict[str, Sequence[Frame]]:
        """All rows of two images or more, by their names."""
        found = {
            "Budgets": self._budgets(),
            "Angles": self._angles(),
            "Methods": self._methods(),
            "Attacks": self._attacks(),
            "Iterations": [self._beside_own(one, self._searched) for one in self._iterations],
            "Plausible images": self._variants(self._choosing.variants),
            "Samples": self._variants(self._choosing.members),
            _PREPARED: self._prepared(),
            "Slices": self._slices,
        }
        return {name: frames for name, frames in found.items() if len(frames) > 1}

    def label(self, name: str, frames: Sequence[Frame]) -> str:
        """The name of a row, with the knobs whose values are below its images."""
        method = self._reconstruction.method
        turned = frames[0].knobs if frames else None
        if method is None or not turned:
            return name
        return f"{name}: {' · '.join(knob.label for knob in method.reconstructor.knobs if knob.name in turned)}"

    def title(self, name: str, frame: Frame) -> str:
        """The title of a panel that shows an image of a row: its caption says nothing without the knobs or the row."""
        if frame.slice is not None:
            return f"Slice {frame.caption}"
        if name == _PREPARED and frame.knobs is not None:
            return self._set(frame.knobs)
        return f"{name} {frame.caption}".strip()

    def read_slices(self, done: Callable[[], object]) -> Task[list[Frame]]:
        """Read every slice of the scan as it was acquired, without measuring it; then call `done`.

        InputError for a saved case, which has one slice, and for a scan of one.
        """
        if self._acquisition.is_open and self._acquisition.scan is None:
            raise InputError("a saved case has one slice; open the scan to play its slices.")
        scan = self._acquisition.opened_scan
        if len(scan) < 2:
            raise InputError("this scan has one slice, so there are none to play.")
        panel = "reference" if scan.fully_sampled else "clean"

        def accept(frames: list[Frame]) -> None:
            if scan is self._acquisition.scan:
                self._slices = frames
                self.changed.emit()
                done()

        return Task("Reading all slices", _slices(scan, panel), accept)

    def _budgets(self) -> list[Frame]:
        result = self._perturbing.current
        return [] if result is None else [self._budget(one, result.setting.method) for one in result.outcomes]

    def _budget(self, outcome: "Outcome", method: "Method") -> Frame:
        nominal = outcome.perturbed.budget.nominal
        caption = "—" if nominal is None else f"{written(100 * nominal)}%"
        tip = outcome.comparison.sentence
        return self._beside_own(_frame(caption, outcome, method, tip, look=lambda: self._look(outcome)), method)

    def _beside_own(self, frame: Frame, method: "Method | None") -> Frame:
        """The frame of a method, with its clean image where that is not in the panel beside it."""
        shown = self._perturbing.on_screen
        return replace(frame, clean=None) if shown is not None and shown.setting.method == method else frame

    def _look(self, outcome: "Outcome") -> None:
        self._perturbing.look_at(outcome)

    def _attacks(self) -> list[Frame]:
        shown = self._acquisition.index
        entries = [one for one in self._history.entries if one.result is not None and one.result.slice == shown]
        return [self._attack(one, one.images) for one in entries[-_MOST:]]

    def _attack(self, entry: Attack, result: Result) -> Frame:
        budget = "" if entry.budget is None else f" {written(100 * entry.budget)}%"  # first: what is long is cut off
        return _frame(
            f"{entry.number} ·{budget} {entry.method}",
            result.outcome,
            result.setting.method,
            f"{entry.title}: {entry.place}",
            look=lambda: self._history.show(entry),
        )

    def _angles(self) -> list[Frame]:
        result = self._perturbing.current
        if result is None:
            return []
        outcome, method = result.outcome, result.setting.method
        shown = _frame("", outcome, method, "")  # its images but for the pose
        found = [
            replace(shown, caption=one.caption, image=one.image, tip=f"The object {one.words}, brought back")
            for one in outcome.perturbed.stills
        ]
        return [self._beside_own(one, method) for one in found]

    def _methods(self) -> list[Frame]:
        lineup = self._lining_up.found
        if lineup is None:
            return []
        pairs = zip(lineup.methods, lineup.entries, strict=True)
        return [  # below an image most names are cut off
            _frame(method.label, one.outcome, method, f"{method.label}\n{one.outcome.comparison.sentence}")
            for method, one in pairs
            if one is not None
        ]

    def _prepared(self) -> list[Frame]:
        found = self._reconstruction.renders()
        return [
            Frame(" · ".join(written(value) for value in knobs.values()), image, "clean", self._set(knobs), knobs=knobs)
            for knobs, image in found[-_MOST:]
        ]

    def _variants(self, variants: "Sequence[Variant]") -> list[Frame]:
        return [
            Frame(f"{number}", one.image.cpu(), "clean", self._set(one.knobs), knobs=one.knobs)
            for number, one in enumerate(variants[:_MOST], 1)
        ]

    def _set(self, knobs: Mapping[str, Any]) -> str:
        """The knobs of the method with their values, named as the dock names them."""
        method = self._reconstruction.method
        labels = {} if method is None else {knob.name: knob.label for knob in method.reconstructor.knobs}
        values = {name: written(value) if isinstance(value, float) else str(value) for name, value in knobs.items()}
        return " · ".join(f"{labels.get(name, name)} {value}" for name, value in values.items())

    def _record(self, perturbed: "Perturbed | None") -> None:
        """Keep the image of each step of a search; a search that starts anew forgets those before."""
        method = self._reconstruction.method  # that of the search, as there is no preview where another is set
        if perturbed is None or perturbed.image is None or method is None:
            return
        step = len(perturbed.loss) - 1
        if self._iterations and step <= int(self._iterations[-1].caption):
            self._iterations = []
        image = perturbed.image if perturbed.restore is None else perturbed.restore(perturbed.image)
        clean = None if perturbed.clean is None else (magnitude_on_cpu(perturbed.clean), method.label)
        tip = f"Loss {written(perturbed.loss[-1])}" if perturbed.loss else ""
        frame = Frame(
            f"{step}", magnitude_on_cpu(image), "perturbed", tip, clean=clean, done=tag("perturbed", perturbed)
        )
        self._iterations, self._searched = [*self._iterations, frame][-_MOST:], method
        self.changed.emit()

    def _on_change(self) -> None:
        self.changed.emit()

    def _forget_iterations(self) -> None:
        self._iterations = []
        self.changed.emit()

    def _forget(self) -> None:
        self._slices = []
        self._forget_iterations()


def _frame(
    caption: str, outcome: "Outcome", method: "Method", tip: str, look: Callable[[], Task[Any] | None] | None = None
) -> Frame:
    """The perturbed image of an outcome, beside the clean one of its method."""
    images, done = outcome.comparison, tag("perturbed", outcome.perturbed)
    return Frame(caption, images.perturbed, "perturbed", tip, clean=(images.clean, method.label), done=done, look=look)


def _slices(scan: "Scan", panel: str) -> Job[list[Frame]]:
    from ..data.measurement import coil_images_of
    from ..physics.model import root_sum_of_squares

    found = []
    for index in range(len(scan)):
        yield Progress(index / len(scan), f"Reading slice {index} of {len(scan)}")
        measurement = scan.measurement(index, None)
        image = root_sum_of_squares(coil_images_of(measurement, measurement.kspace))
        image = measurement.crop(image).float().cpu()
        found.append(Frame(f"{index}", image, panel, "As acquired, root sum of squares", slice=index))
    return found
