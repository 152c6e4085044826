"""How long a study will take and how much room it needs, from a sample of its trials."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ..cases.record import save_case
from ..ground.guard import in_words
from ..ground.numbers import counted, duration
from ..ground.progress import Job, Progress
from .columns import CLEAN
from .devices import claimed
from .expand import Group, Study
from .images import packed
from .keeping import case_of, labelled
from .measure import Measurements, Measurer
from .running import open_study
from .shared import OpenScan, SharedSlice
from .table import described
from .trial import Change, Setting, Trial, canonical
from .work import computing

_ROW = 400  # bytes of a row in Parquet, about


@dataclass(frozen=True)
class Estimate:
    """What a study costs, by `sampled` of its trials. seconds: of one worker. errors: of trials in the sample."""

    trials: int
    sampled: int
    seconds: float
    bytes: int
    errors: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """In words."""
        failed = f" {len(self.errors)} of the sample failed, the first: {self.errors[0]}" if self.errors else ""
        return (
            f"By a sample of {self.sampled:,}, {counted(self.trials, 'trial')} will take about "
            f"{duration(self.seconds)} on one worker, and {in_words(self.bytes)}.{failed}"
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def estimate_study(path: Path, *, store: Path | None = None, trust: bool = False) -> Job[Estimate]:
    """Run one trial of each method and perturbation, at each of its knobs, on the first slice; tell what all take.

    Nothing is kept. Raises what `open_study` raises.
    """
    study = yield from open_study(path, trust=trust, store=store)
    return (yield from estimate(study))


def estimate(study: Study) -> Job[Estimate]:
    """The estimate of a study that is open."""
    with (
        computing(study.plan.threads),
        claimed(study.plan.device) as device,
        closing(OpenScan(study, device)) as opened,
    ):
        return (yield from _estimate(study, opened))


def _estimate(study: Study, opened: OpenScan) -> Job[Estimate]:
    counts = Counter[_Sort]()
    groups, first = 0, next(study.groups())
    for group in study.groups():
        groups += 1
        if len(group.changes) > len(first.changes):
            first = group
        for setting in study.methods:
            for change in group.changes:
                counts[_sort(setting, change)] += len(group.regions)
    begun = time.perf_counter()
    shared = SharedSlice(opened, first)
    _ = shared.measurement.calibration, shared.measurement.foreground
    seconds = groups * (time.perf_counter() - begun)
    measurer, errors, sizes, room = Measurer(shared), list[str](), list[int](), 0
    for done, trial in enumerate(_sample(first), start=1):
        yield Progress(done / len(counts), f"Trying {trial.setting.label}, {trial.change.kind}")
        if trial.change.kind == CLEAN:
            measurer.measure(trial, study.plan.metrics)  # what others share, and what is compiled once
        measured = measurer.measure(trial, study.plan.metrics, starts=study.plan.starts)
        number = counts[_sort(trial.setting, trial.change)]
        seconds += number * float(measured.values["seconds"])
        errors += [measured.values["error"]] if "error" in measured.values else []
        room += number * (_ROW + _room(study, measured))
        if study.plan.keep.worst and _has_case(trial) and "error" not in measured.values:
            sizes.append(_size_of_case(measurer, trial))
    if sizes:
        room += _cases(study) * sum(sizes) // len(sizes)
    return Estimate(sum(counts.values()), len(counts), seconds, room, tuple(errors))


_Sort = tuple[int, str, str, bool]  # of trials that take about equally long: method, perturbation, its knobs, control


def _sort(setting: Setting, change: Change) -> _Sort:
    knobs = {name: value for name, value in change.knobs.items() if name != "seed"}
    return setting.number, change.kind, canonical(knobs), change.control


def _sample(group: Group) -> Iterator[Trial]:
    """The first trial of each method and each perturbation at each setting of its knobs."""
    seen = set[_Sort]()
    for trial in group.trials():
        key = _sort(trial.setting, trial.change)
        if key not in seen:
            seen.add(key)
            yield trial


def _room(study: Study, measured: Measurements) -> int:
    """Bytes of the kept images of a trial."""
    if study.plan.keep.images == "none" or not measured.images:
        return 0
    return len(packed(measured.images))


def _has_case(trial: Trial) -> bool:
    """Whether a trial may be saved as a case, if it is one of the worst."""
    found_on = trial.change.found_on
    own = found_on is None or found_on.label == trial.setting.label
    return own and trial.change.kind != CLEAN and not trial.change.control


def _size_of_case(measurer: Measurer, trial: Trial) -> int:
    """Bytes of a trial that was measured just now, saved as a case."""
    shared, roi = measurer.shared, labelled(measurer.shared, trial)
    with TemporaryDirectory() as folder:
        place = Path(folder) / "case"
        save_case(case_of(shared, trial, roi, measurer.outcome(trial, roi)), place)
        return sum(file.stat().st_size for file in place.iterdir())


def _cases(study: Study) -> int:
    """How many cases are saved: of each group of the plan the worst, as far as it has so many trials."""
    keep, groups = study.plan.keep, Counter[tuple[Any, ...]]()
    for group in study.groups():
        for trial in filter(_has_case, group.trials()):
            row = described(study, trial)
            groups[tuple(row.get(name) for name in keep.group)] += 1
    return sum(min(count, keep.worst) for count in groups.values())
