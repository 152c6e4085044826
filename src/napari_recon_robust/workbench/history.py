"""Every finished perturbation of a scan: looked at again, compared with another, saved, exported."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.orientation import turn_of
from ..data.roi import Bounds, bounds, which
from ..evaluation.measures import MEASURES
from ..ground.errors import InputError, ModelError
from ..ground.progress import Job, Progress
from ..ground.table import to_csv
from ..ground.writing import write
from .acquisition import Slice
from .on_disk import OnDisk, opened_on, opened_result, placed
from .perturbing import Result
from .review_part import Basis, ReviewPart
from .saving import saved
from .task import Task, part

if TYPE_CHECKING:
    from torch import Tensor

    from ..cases.gallery.pair import Pair, Row
    from ..cases.gallery.thumbnails import Crops
    from ..evaluation.metrics import Metrics
    from ..reconstructors.base import Reconstructor

MEMORY = 2**30  # bytes of images and k-space that are kept
DISK = 2**31  # bytes of those of one review that lie on the disk
_MOST = 1000  # perturbations in the list
_IMAGES = "clean", "perturbed", "random"
_GONE = "the images of {} made room for newer ones; run it again to see them."


@dataclass(frozen=True, eq=False)
class Attack:
    """One finished perturbation.

    number: counted from 1, as they finished. slice: counted as the scan counts it. sampling: its parts, in words.
    region: its name; box: around what was judged, None for nothing. budget: a fraction, None for a kind that needs
    none. judged_on: "roi" or "image"; metrics: on it, of "clean", "perturbed" and "random". change: how far the region
    moved, relative to its norm. complete: whether its search was not cancelled. result: looked at where this entry is,
    None when it is not in memory. disk: where it lies on the disk as well. With neither of them, its images made room
    for newer ones. case: the folder of the saved case that it alone is.
    """

    number: int
    slice: int
    sampling: str
    method: str
    method_knobs: Mapping[str, Any]
    perturbation: str
    perturbation_knobs: Mapping[str, Any]
    budget: float | None
    region: str
    box: Bounds | None
    judged_on: str
    metrics: "Mapping[str, Metrics]"
    change: float
    voxel: tuple[float, float, float] | None
    result: Result | None
    disk: OnDisk | None = None
    complete: bool = True
    case: Path | None = None

    @property
    def has_images(self) -> bool:
        """Whether it can be looked at."""
        return self.result is not None or self.disk is not None

    @property
    def name(self) -> str:
        """What it is called."""
        return f"Attack {self.number}"

    @property
    def title(self) -> str:
        """Perturbation, budget and method in a few words."""
        budget = "" if self.budget is None else f" {100 * self.budget:.3g}%"
        return f"{self.perturbation}{budget} on {self.method}{'' if self.complete else ', ended early'}"

    @property
    def size(self) -> str:
        """Of what was judged, rows by columns."""
        return "" if self.box is None else self.box.size

    @property
    def place(self) -> str:
        """Which region it is of, among those of all slices."""
        return which(self.slice, self.size, self.region)

    @property
    def images(self) -> Result:
        """The result with its images; InputError when they are not in memory."""
        if self.result is None:
            raise InputError(_GONE.format(self.name))
        return self.result

    def row(self) -> dict[str, object]:
        """A row of the table of `History.export`."""
        measured = {f"{name}_{image}": getattr(self.metrics[image], name) for name in MEASURES for image in _IMAGES}
        return {
            "number": self.number,
            "slice": self.slice,
            "sampling": self.sampling,
            "method": self.method,
            "method_knobs": _listed(self.method_knobs),
            "perturbation": self.perturbation,
            "perturbation_knobs": _listed(self.perturbation_knobs),
            "budget": self.budget,
            "region": self.region,
            **(dict.fromkeys(Bounds._fields) if self.box is None else self.box._asdict()),
            "judged_on": self.judged_on,
            "change": self.change,
            "complete": self.complete,
            **measured,
        }


class History(ReviewPart):
    """The finished perturbations of the scan that is open, oldest first.

    memory: bytes of images and k-space that are kept at most; where that is exceeded, the oldest entries are read from
    the disk when they are looked at, as far as they lie there, and else stay in the list without images. together:
    makes one step of undo of what is set meanwhile. Signal: `changed()`.
    """

    def __init__(self, basis: Basis, together: Callable[[str], AbstractContextManager[None]]) -> None:
        super().__init__(basis)
        self._together = together
        self.entries: list[Attack] = []
        self._memory = MEMORY
        self._count = 0
        self._perturbing.taken.connect(self.add)
        self._acquisition.closed.connect(self.clear)

    @property
    def memory(self) -> int:
        """Bytes of images and k-space that are kept in memory at most."""
        return self._memory

    @memory.setter
    def memory(self, memory: int) -> None:
        self._memory = memory
        self._make_room()
        self.changed.emit()

    def clear(self) -> None:
        """Forget all of them."""
        self.entries, self._count = [], 0
        self.changed.emit()

    def put(self, entries: Sequence[Attack]) -> None:
        """Take the entries of a review that is gone on with."""
        self.entries, self._count = list(entries), max((one.number for one in entries), default=0)
        self._make_room()
        self.changed.emit()

    def note(self, result: Result, disk: OnDisk) -> None:
        """Note where a result will lie on the disk, where it takes no more room than in memory."""
        disk = replace(disk, size=sum(one.untyped_storage().nbytes() for one in _tensors(result, set())))
        for place, one in enumerate(self.entries):
            if one.result is not None and one.result.outcomes is result.outcomes:
                self.entries[place] = replace(one, disk=disk)

    def note_case(self, entry: Attack, case: Path) -> None:
        """Note the folder of the saved case that an attack is by itself; another copy of it does not take its place."""
        for place, one in enumerate(self.entries):
            if one.number == entry.number and (one.case is None or not one.case.is_dir()):
                self.entries[place] = replace(one, case=case)
        self.changed.emit()

    def check_disk(self) -> None:
        """Forget what does not lie on the disk."""
        for place, one in enumerate(self.entries):
            if one.disk is not None and not one.disk.folder.is_dir():
                self.entries[place] = replace(one, disk=None)
        self.changed.emit()

    def fill(self, folder: Path, result: Result) -> None:
        """Give a result that was read from the disk to its entries."""
        for place, one in enumerate(self.entries):
            if one.disk is not None and one.disk.folder == folder:
                self.entries[place] = replace(one, result=replace(result.looked_at(one.budget), scaled=None))
        self.changed.emit()

    def bring(self, entry: Attack, show: Callable[[Attack], object]) -> Task[Any]:
        """Read a perturbation from the disk and measure its slice, so that it can be shown.

        InputError when its images are gone. The job raises a ReconRobustError where its case is damaged, its model is
        not open, or the slice has other samples.
        """
        acquisition, disk = self._acquisition, entry.disk
        if disk is None:
            raise InputError(_GONE.format(entry.name))
        scan, own = acquisition.scan, self._reconstruction.own_models
        job = opened_on(disk, entry.budget, own, scan, acquisition.slice, acquisition.device)

        def accept(found: tuple[Result, Slice]) -> None:
            result, measured = found
            if acquisition.scan is scan:
                acquisition.keep(measured)
                self.fill(disk.folder, placed(result, measured, self._now.state, chosen=disk.chosen))
                show(next(one for one in self.entries if one.number == entry.number))

        return Task(f"Opening {entry.name}", job, accept, models=[*own.values()])  # any, until the case is read

    def add(self, result: Result, region: str = "") -> None:
        """Take a finished perturbation, each of its budgets by itself, unless it is in the list.

        region: its name, by default that of the regions that lie there.
        """
        if not any(one.result is not None and one.result.outcomes is result.outcomes for one in self.entries):
            for outcome in result.outcomes:
                self._count += 1
                one = result.of(outcome)
                self.entries.append(_entry(self._count, one, _judged(one, region or self._named(result))))
            del self.entries[:-_MOST]
            self._make_room()
        self.changed.emit()

    @property
    def current(self) -> Attack | None:
        """The entry that is shown at present."""
        return self._entry_of(self._perturbing.current)

    @property
    def last(self) -> Attack | None:
        """The entry of the last result, whether that is shown or not."""
        return self._entry_of(self._perturbing.result)

    def _entry_of(self, result: Result | None) -> Attack | None:
        if result is None:
            return None
        there = (one for one in self.entries if one.result is not None and one.result.outcome is result.outcome)
        return next(there, None)

    def show(self, entry: Attack) -> Task[Slice] | None:
        """Look at a perturbation again: method, regions, kind, knobs and budgets are set as they were for it.

        Returns the task that measures its slice where another one is shown; its images are there after that.
        InputError when they are gone.
        """
        with self._together(f"showing {entry.name}"):
            return self._set_up(entry.images)

    def _set_up(self, result: Result) -> Task[Slice] | None:
        state, task = result.setting.state, None
        if state.slice is not None and state.slice != self._acquisition.slice:
            task = self._acquisition.measure(state.slice.index, state.slice.sampling)
        self._regions.choose_roi(state.roi, result.slice)
        if state.method is not None and state.method != self._reconstruction.method:
            self._reconstruction.choose(state.method)
        if state.kind is not None:
            self._perturbing.set_up(state.kind, state.knobs, state.budgets)
        self._perturbing.take(result.of(result.outcome))
        return task

    def compare(self, entries: Sequence[Attack], show: "Callable[[Pair], object]") -> "Task[Pair]":
        """Show two of them beside each other; InputError for another number of them, or when images are gone."""
        if len(entries) != 2:
            raise InputError(
                f"two attacks are compared; choose two in the list (Ctrl and a click), not {len(entries)}."
            )
        first, second = entries
        own = self._reconstruction.own_models
        job = _pair(first, second, own)
        called = [*own.values()]  # any, until the cases on disk are read
        return Task(f"Comparing {first.name} with {second.name}", job, show, models=called)

    def save(self, entries: Sequence[Attack], folder: Path) -> Task[list[Path]]:
        """Save each as a case of one budget: one as the new folder itself, several as folders in it.

        InputError without any, when images are gone, or for a folder in a saved case.
        """
        from ..cases.record import check_outside

        if not entries:
            raise InputError("no attack is chosen; choose one in the list.")
        places = [folder] if len(entries) == 1 else [folder / _slug(one) for one in entries]
        check_outside(places[0])
        for one in entries:
            if not one.has_images:
                raise InputError(_GONE.format(one.name))
        own = self._reconstruction.own_models
        said = f"Saved as {folder.name}." if len(entries) == 1 else f"{len(entries)} cases are saved in {folder.name}."

        written: list[tuple[Attack, Path]] = []

        def note(_: object = None) -> None:
            """Note those that are written, also where the others were cancelled or cannot be."""
            for entry, case in written:
                self.note_case(entry, case)

        job = _save(list(entries), places, own, written)
        return Task(f"Saving {folder.name}", job, note, given_up=note, done=said)

    def export(self, path: Path, entries: Sequence[Attack] = ()) -> Task[Path]:
        """Write the list, or some of it, as CSV; InputError while it is empty, WritingError if it cannot be written."""
        rows = [one.row() for one in entries or self.entries]
        if not rows:
            raise InputError("no attack has finished yet; run one.")
        return Task(f"Saving {path.name}", _export(rows, path), lambda _: None, done=f"Saved as {path.name}.")

    def _named(self, result: Result) -> str:
        state = result.setting.state
        if state.roi is None:
            return "whole image" if not result.setting.roi.label else result.setting.roi.label
        made = self._regions.making(state.roi, result.slice)
        return " + ".join(one.name for one in made) or result.setting.roi.label or "drawn region"

    def _make_room(self) -> None:
        """Let the oldest go from memory, but neither the newest nor what is shown; and from the disk."""
        shown = self._perturbing.result
        kept, stored, seen, folders = 0, 0, set[int](), set[Path]()
        for place in reversed(range(len(self.entries))):
            entry = self.entries[place]
            if entry.result is not None:
                with_it = {*seen}
                needed = sum(one.untyped_storage().nbytes() for one in _tensors(entry.result, with_it))
                is_shown = shown is not None and entry.result.outcomes is shown.outcomes
                if kept and kept + needed > self._memory and not is_shown:
                    entry = replace(entry, result=None)  # what it shares with older ones counts with these
                else:
                    kept, seen = kept + needed, with_it
            if entry.disk is not None:
                stored += 0 if entry.disk.folder in folders else entry.disk.size
                folders.add(entry.disk.folder)
                if len(folders) > 1 and stored > DISK:
                    entry = replace(entry, disk=None)
            self.entries[place] = entry


def _judged(result: Result, region: str) -> str:
    """Name what was judged: the region, or the feature that was inserted, which may lie elsewhere."""
    perturbed, setting = result.outcome.perturbed, result.setting
    feature = perturbed.feature
    if perturbed.roi is None or feature is None:
        return region
    mask = setting.roi.mask(setting.measurement.matrix)
    row, column = (round(one) for one in feature.position)
    inside = bool(mask[row, column]) and not bool(mask.all())
    return f"inserted {feature.shape}" + (f" in {region}" if inside else "")


def _entry(number: int, result: Result, region: str) -> Attack:
    from ..perturbations import registry

    setting, comparison = result.setting, result.outcome.comparison
    voxel = setting.source.get("voxel")
    return Attack(
        number=number,
        slice=int(setting.source.get("slice", result.slice)),
        sampling=_sampled(setting.state.slice),
        method=setting.method.label,
        method_knobs=dict(setting.method.knobs),
        perturbation=registry.get(setting.perturbation).label,
        perturbation_knobs=dict(setting.perturbation_knobs),
        budget=result.outcome.perturbed.budget.nominal,
        region=region,
        box=bounds(comparison.roi.cpu().numpy()),
        judged_on=comparison.judged_on,
        metrics={name: comparison.metrics[name][comparison.judged_on] for name in _IMAGES},
        change=comparison.stability["perturbed"]["change"],
        complete=result.outcome.perturbed.complete,
        voxel=None if voxel is None else turn_of(setting.source).voxel((voxel[0], voxel[1], voxel[2])),
        result=replace(result, scaled=None),
    )


def _images(entry: Attack, own: "Mapping[str, Reconstructor]") -> Job[Result]:
    """The result, from the disk where it is not in memory."""
    if entry.result is None and entry.disk is not None:
        return (yield from opened_result(entry.disk, entry.budget, own))
    return entry.images


def _tensors(result: Result, seen: set[int]) -> "Iterator[Tensor]":
    """The tensors of a result whose memory is not among `seen`, which it joins."""
    from torch import Tensor

    from ..data.measurement import Calibration, Measurement
    from ..evaluation.comparison import Comparison
    from ..perturbations.base import Perturbed
    from ..perturbations.outcome import Outcome
    from ..physics.model import ForwardModel

    inner = Outcome, Perturbed, Comparison, Measurement, Calibration, ForwardModel
    waiting: list[Any] = [*result.outcomes, result.setting.measurement]
    while waiting:
        one = waiting.pop()
        if isinstance(one, inner):
            waiting += vars(one).values()
        elif isinstance(one, Mapping):
            waiting += one.values()
        elif isinstance(one, Tensor) and one.untyped_storage().data_ptr() not in seen:
            seen.add(one.untyped_storage().data_ptr())
            yield one


def _listed(knobs: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}={value}" for name, value in knobs.items())


def _sampled(measured: Slice | None) -> str:
    """How a slice was undersampled; a seed that is a file's name is not told."""
    from ..physics.sampling import Sampling

    if measured is None or not isinstance(measured.sampling, Sampling):
        return "as acquired" if measured is None or measured.sampling is None else "by a mask of its own"
    parts = measured.sampling.model_dump()
    return _listed(parts if isinstance(parts["seed"], int) else {**parts, "seed": "file"})


def _slug(entry: Attack) -> str:
    words = re.sub(r"[^\w.]+", "-", f"{entry.region}-{entry.method}".lower()).strip("-.")
    return f"attack-{entry.number:03}-{words[:40]}"


def _pair(first: Attack, second: Attack, own: "Mapping[str, Reconstructor]") -> "Job[Pair]":
    yield Progress(0.0, "Comparing two attacks")
    from ..cases.gallery.pair import Pair
    from ..cases.gallery.thumbnails import cropped

    def crops(entry: Attack) -> "Job[Crops]":
        found = yield from _images(entry, own)
        comparison = found.outcome.comparison
        images = {name: getattr(comparison, name) for name in ("reference", "clean", "perturbed")}
        whole = {name: one.numpy() for name, one in images.items() if one is not None}
        return cropped(whole, comparison.roi.numpy(), turn_of(found.setting.source))

    both = (yield from crops(first)), (yield from crops(second))
    return Pair((first, second), both, tuple(_rows(first, second, both)))


def _rows(first: Attack, second: Attack, both: "tuple[Crops, Crops]") -> "Iterator[Row]":
    from ..cases.gallery.pair import Row, knob_rows, region_row
    from ..ground.numbers import written

    for name in ("method", "perturbation"):
        yield Row(name.capitalize(), getattr(first, name), getattr(second, name))
    yield region_row((first.slice, second.slice), (first.region, second.region), both)
    budgets = ["—" if one.budget is None else f"{100 * one.budget:.3g}%" for one in (first, second)]
    yield Row("Budget", *budgets)
    yield from knob_rows("method", first.method_knobs, second.method_knobs)
    yield from knob_rows("perturbation", first.perturbation_knobs, second.perturbation_knobs)
    yield Row("Change", *(f"{written(100 * one.change)}%" for one in (first, second)))
    for name, measure in MEASURES.items():
        values = [
            " → ".join(written(getattr(one.metrics[image], name), measure.form) for image in ("clean", "perturbed"))
            for one in (first, second)
        ]
        yield Row(measure.label, *values)


def _save(
    entries: Sequence[Attack],
    places: Sequence[Path],
    own: "Mapping[str, Reconstructor]",
    written: list[tuple[Attack, Path]],
) -> Job[list[Path]]:
    """Save what can be saved, which is appended to `written` at once; InputError, one sentence, on the others."""
    refused = []
    for number, (entry, place) in enumerate(zip(entries, places, strict=True)):
        start, end = number / len(places), (number + 1) / len(places)
        try:
            found = yield from part(_images(entry, own), start, end)
        except (InputError, ModelError) as error:
            refused.append(f"{entry.name}: {error}")
            continue
        case = yield from part(saved(replace(found, outcomes=(found.outcome,)), place), start, end)
        written.append((entry, case))
    if refused:
        others = f"{len(written)} other{' is' if len(written) == 1 else 's are'} saved."
        raise InputError(" ".join((*refused, others) if written else refused))
    return [case for _, case in written]


def _export(rows: Sequence[Mapping[str, object]], path: Path) -> Job[Path]:
    yield Progress(0.0, f"Saving {path.name}")
    write(path, to_csv([*rows[0]], rows).encode())
    return path
