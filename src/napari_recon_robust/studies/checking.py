"""A plan expanded and validated, without its k-space."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..ground.devices import has_device
from ..ground.numbers import counted
from ..ground.progress import Job, Progress
from .columns import CLEAN
from .devices import AUTO, lacking
from .expand import Study
from .remarks import noted
from .running import check_libraries, open_study

_EVERY = 1000  # groups between two reports


@dataclass(frozen=True)
class Extent:
    """How large a study is. faults: why some of its files are left out, by their paths.

    changes: what is done to the samples of each region, with nothing (`clean`) and the random `controls` counted.
    filtered: whether its slices are chosen by a proxy once it runs, so that the numbers may change a little.
    notes: what was guessed of its files, what some of them do not get, and what their table and masks lack, each
    sentence with the number of scans that it is of; 0 for one of no scan in particular.
    """

    trials: int
    shards: int
    scans: int
    volumes: int
    slices: int
    groups: int
    methods: int
    changes: int
    clean: int
    controls: int
    faults: dict[str, str]
    filtered: bool = False
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """In words."""
        later = " The filter chooses its slices once it runs." if self.filtered else ""
        return (
            f"{counted(self.trials, 'trial')} in {counted(self.shards, 'shard')}: {counted(self.scans, 'scan')} of "
            f"{counted(self.volumes, 'volume')}, {counted(self.slices, 'slice')} "
            f"({counted(self.groups, 'measurement')} with all masks), {counted(self.methods, 'method')}, "
            f"{self._states}.{later}"
        )

    @property
    def noted(self) -> list[str]:
        """The notes in lines."""
        return noted(self.notes)

    @property
    def _states(self) -> str:
        """What the samples are measured as: clean, perturbed, and with random noise in place of a perturbation."""
        perturbed = self.changes - self.clean - self.controls
        parts = (f"{self.clean:,} clean", f"{perturbed:,} perturbed", counted(self.controls, "control"))
        named = ", ".join(words for words in parts if not words.startswith("0 "))
        return f"{counted(self.changes, 'state')} of the samples ({named})"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def check_study(path: Path, *, store: Path | None = None, trust: bool = False) -> Job[Extent]:
    """Expand and validate a plan; raises PlanError with every mistake, with its line."""
    study = yield from open_study(path, trust=trust, store=store)
    check_libraries(study.plan)
    return (yield from extent(study))


def extent(study: Study) -> Job[Extent]:
    """Expand all trials of a study, and count them."""
    trials = shards = groups = 0
    slices, filtered = set[tuple[int, int]](), study.plan.slices.filter is not None
    for group in study.groups():
        if groups % _EVERY == 0:
            yield Progress(group.scan / len(study.inventory.scans), f"{trials:,} trials")
        trials, groups = trials + len(group), groups + 1
        shards += sum(1 for _ in group.shards())
        slices.add((group.scan, group.slice))
    notes = study.inventory.noted
    idle = len(study.inventory.scans) - len({scan for scan, _ in slices})
    if idle and not filtered:
        notes["No trial, as no slice has a region that the plan asks for."] = idle
    if study.plan.device != AUTO and not has_device(study.plan.device):
        notes[lacking(study.plan.device)] = len(study.inventory.scans)
    return Extent(
        trials=trials,
        shards=shards,
        scans=len(study.inventory.scans),
        volumes=len({one.volume for one in study.inventory.scans}),
        slices=len(slices),
        groups=groups,
        methods=len(study.methods),
        changes=len(study.changes),
        clean=sum(one.kind == CLEAN for one in study.changes),
        controls=sum(one.control for one in study.changes),
        faults=study.inventory.faults,
        filtered=filtered,
        notes=notes,
    )
