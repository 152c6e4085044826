"""From a plan to its trials, lazily: groups that share file, slice and mask, and shards of them.

A group's trials are numbered by method, region and change, so that any of them is found without the others, and
neighbours share what is expensive: the open file, sensitivities, weights, the clean image.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ..ground.cached_property import cached_property
from ..ground.errors import InputError
from ..ground.knob import resolve
from ..own_models.opening import absolute_source, display_name, runs_code, told_apart
from ..perturbations import registry as perturbations
from ..reconstructors import registry as reconstructors
from ..reconstructors.base import Method, Reconstructor
from .columns import CLEAN
from .inventory import Inventory, ScanFacts
from .plan import Fragile, MethodPart, Plan, read_plan, settings
from .regions import Region, annotated_slices, regions_of
from .trial import Change, Mask, Setting, Trial, canonical, text_of


@dataclass(frozen=True)
class Shard:
    """Some trials of one group: the numbers of a scan, a slice and a mask, and of the trials in their group."""

    scan: int
    slice: int
    mask: int
    trials: tuple[int, ...]

    @property
    def name(self) -> str:
        """The beginning of the names of its files."""
        return f"{self.scan:05}-{self.slice:04}-{self.mask:03}-{self.trials[0]:06}"


@dataclass(frozen=True)
class Group:
    """All trials of one slice under one mask."""

    study: "Study"
    scan: int
    slice: int
    number: int
    mask: Mask
    regions: tuple[Region, ...]

    @property
    def facts(self) -> ScanFacts:
        """What is known of the scan."""
        return self.study.inventory.scans[self.scan]

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Those of the study; of an undersampled scan, whose clean images have no truth, the perturbations alone."""
        every = self.study.changes
        return every if self.facts.whole is not False else tuple(one for one in every if one.kind != CLEAN)

    def __len__(self) -> int:
        return len(self.study.methods) * len(self.regions) * len(self.changes)

    @cached_property
    def _texts(self) -> tuple[str, tuple[str, ...]]:
        facts = self.facts
        of_file = {"file": facts.digest or facts.path, **facts.opened_with}
        acquired = canonical({**of_file, "mask": self.mask.determining(), "slice": self.slice})
        return acquired, tuple(
            canonical({**region.determining(), **self.study.behind(region)}) for region in self.regions
        )

    def trial(self, number: int) -> Trial:
        """The trial with that number in the group."""
        study = self.study
        rest, change = divmod(number, len(self.changes))
        method, region = divmod(rest, len(self.regions))
        setting, one = study.methods[method], self.changes[change]
        acquired, regions = self._texts
        text = text_of(acquired, one, study.measures, regions[region], setting)
        return Trial(self.scan, self.slice, self.mask, self.regions[region], setting, one, text)

    def trials(self) -> Iterator[Trial]:
        """All of them, in order."""
        return map(self.trial, range(len(self)))

    def shards(self) -> Iterator[Shard]:
        """The trials, so many at a time as the plan says; a control stays beside its perturbation."""
        size = self.study.plan.shard
        begin = 0
        while begin < len(self):
            end = min(begin + size, len(self))
            while end < len(self) and self.changes[end % len(self.changes)].control:
                end += 1
            yield Shard(self.scan, self.slice, self.number, tuple(range(begin, end)))
            begin = end


@dataclass(frozen=True, eq=False)
class Study:
    """A plan with the inventory of its scans. folder: the plan's. trust: whether its methods may run code."""

    plan: Plan
    folder: Path
    inventory: Inventory
    trust: bool = False

    @classmethod
    def of_store(cls, store: Path, folder: Path, *, trust: bool = False) -> "Study":
        """The study as its store has it. folder: the plan's, to which its paths are relative."""
        plan = read_plan(store / "plan.yaml", trust=trust, folder=folder)
        return cls(plan, folder, Inventory.read(store / "inventory.json"), trust)

    @cached_property
    def methods(self) -> tuple[Setting, ...]:
        """Every method at every setting of its knobs."""
        found = list[Setting]()
        for part, knobs in self._parts:
            method = self.opened(part.method).at(**knobs)
            told = [name for name in knobs if not part.label or len(part.knobs[name]) > 1]
            label = _label(part.label or display_name(part.method), {name: method.knobs[name] for name in told})
            label = told_apart(label, {one.label for one in found})
            text = _determining(part.method, method)
            found.append(Setting(len(found), part.method, label, dict(method.knobs), text, method.reference_kind))
        return tuple(found)

    def method(self, setting: Setting) -> Method:
        """The method of a setting, opened."""
        part, knobs = self._parts[setting.number]
        return self.opened(part.method).at(**knobs)

    def opened(self, name: str) -> Reconstructor:
        """The method that the plan calls so, opened."""
        return reconstructors.get(absolute_source(name, self.folder))

    def check_method(self, setting: Setting, method: Method) -> None:
        """Raise InputError where the files of an open method are no longer those that its setting names."""
        if _determining(setting.id, method) != setting.text:
            raise _changed(setting.id)

    def check_finder(self, name: str, finder: Reconstructor) -> None:
        """Likewise for a method that finds regions."""
        if finder.fingerprint() != self._finders[name]:
            raise _changed(name)

    def behind(self, region: Region) -> dict[str, Any]:
        """What finds a region besides what the plan says of it: the files of the method of its fragility map."""
        files = self._finders.get(region.found.get("method", ""))
        return {"with": files} if files else {}

    @cached_property
    def _finders(self) -> dict[str, dict[str, str]]:
        """The fingerprints of the methods whose fragility maps find regions, by their names in the plan."""
        names = {part.method for part in self.plan.regions if isinstance(part, Fragile)}
        return {name: self.opened(name).fingerprint() for name in names}

    @cached_property
    def _parts(self) -> list[tuple[MethodPart, dict[str, Any]]]:
        return [(part, knobs) for part in self.plan.methods for knobs in settings(part.knobs)]

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Every perturbation at every setting, budget and seed, each followed by its control if it has one."""
        return tuple(self._changes())

    def _changes(self) -> Iterator[Change]:
        for part in self.plan.perturbations:
            if part.kind == CLEAN:
                yield Change.of(CLEAN, {}, None, 0, False)
                continue
            kind = perturbations.get(part.kind)
            found_on = tuple(self._found_on(name) for name in part.found_on) or (None,)
            seeds, seeded = part.seeds or self.plan.seeds, any(knob.name == "seed" for knob in kind.knobs)
            for knobs, budget, seed, method in product(settings(part.knobs), part.budgets or (None,), seeds, found_on):
                values = resolve(kind.knobs, {**knobs, **({"seed": seed} if seeded else {})})
                yield Change.of(part.kind, values, budget, seed, False, method)
                if self.plan.control and budget is not None:
                    yield Change.of(part.kind, values, budget, seed, True, method)

    def _found_on(self, name: str) -> Setting:
        """The setting of the method with that label or id, of which the plan has one."""
        numbers = [number for number, (part, _) in enumerate(self._parts) if name in (part.label, part.method)]
        return self.methods[numbers[0]]

    @cached_property
    def measures(self) -> str:
        """What is measured, as canonical JSON."""
        return canonical({"metrics": sorted(self.plan.metrics), "starts": self.plan.starts})

    def masks(self, facts: ScanFacts) -> list[Mask]:
        """The masks of one scan, in the plan's order."""
        return [Mask(sampling) for part in self.plan.masks for sampling in part.samplings(facts.name)]

    def slices(self, facts: ScanFacts) -> list[int]:
        """The slices of one scan; where the plan has a filter, those that it chose."""
        return self.named_slices(facts) if self.plan.slices.filter is None else sorted(facts.chosen)

    def named_slices(self, facts: ScanFacts) -> list[int]:
        """The slices of one scan, before any filter."""
        return self.plan.slices.of(facts.slices, annotated_slices(facts))

    def groups(self) -> Iterator[Group]:
        """All groups that have trials, by scan, slice and mask."""
        for number, facts in enumerate(self.inventory.scans):
            masks = self.masks(facts)
            for slice in self.slices(facts):
                regions = regions_of(self.plan, facts, slice)
                for place, mask in enumerate(masks if regions else []):
                    yield Group(self, number, slice, place, mask, regions)

    def group(self, shard: Shard) -> Group:
        """The group of a shard."""
        facts = self.inventory.scans[shard.scan]
        regions = regions_of(self.plan, facts, shard.slice)
        return Group(self, shard.scan, shard.slice, shard.mask, self.masks(facts)[shard.mask], regions)

    def shards(self) -> Iterator[Shard]:
        """All shards, in order."""
        for group in self.groups():
            yield from group.shards()

    def ids(self) -> Iterator[str]:
        """The identities of all trials, in the plan's order."""
        return (trial.id for group in self.groups() for trial in group.trials())

    def __len__(self) -> int:
        return sum(map(len, self.groups()))


def _determining(name: str, method: Method) -> str:
    """All that determines a method, as canonical JSON."""
    return canonical({"knobs": dict(method.knobs), "method": name, "with": method.fingerprint()})


def _changed(name: str) -> InputError:
    if runs_code(name):
        why = "has changed since the study began, or its weights are random ones without a seed"
        return InputError(f"{display_name(name)} {why}; run the study again, or set a seed.")
    return InputError(f"{display_name(name)} has changed since the study began; run the study again.")


def _label(name: str, knobs: Mapping[str, Any]) -> str:
    """The method's name with the knobs that the plan varies or sets."""
    return name if not knobs else f"{name} {', '.join(f'{key}={_short(value)}' for key, value in knobs.items())}"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
