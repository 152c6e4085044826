"""A folder of saved cases that is looked through: which are shown, what is said of them, what is done with them."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from ..cases.gallery.entry import GalleryEntry
from ..cases.gallery.listing import listing
from ..cases.gallery.pair import Pair, read_pair
from ..cases.gallery.query import DEFAULT_ORDER, Filter, arranged, order
from ..cases.gallery.verdicts import Judgement, judge_case
from ..cases.record import array_hash, load_case, read_description
from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job, Progress
from .acquisition import Acquisition
from .perturbing import Perturbing
from .reconstruction import Reconstruction
from .saving import made_with
from .task import Task, part

if TYPE_CHECKING:
    from ..cases.replay import Replay
    from ..reconstructors.base import Reconstructor


class Browsing:
    """The gallery of a review.

    entries: all cases of the folder; shown: those that pass the filter, in their order. labels: what methods and
    perturbations are called, by their ids; empty until `name` has run, since that needs torch. replays: what a
    replay said of a case, by its path.

    Signals: `listed()`, another list of entries; `arranged()`, others are shown; `said(entry)`, something was said of a
    case, which stays where it is until the list is arranged again; `replayed(entry)`; `named()`, other `labels`.
    """

    listed = Signal()
    arranged = Signal()
    said = Signal(object)
    replayed = Signal(object)
    named = Signal()

    def __init__(self, acquisition: Acquisition, reconstruction: Reconstruction, perturbing: Perturbing) -> None:
        self._acquisition, self._reconstruction, self._perturbing = acquisition, reconstruction, perturbing
        self.folder: Path | None = None
        self.entries: list[GalleryEntry] = []
        self.shown: list[GalleryEntry] = []
        self.filter = Filter.parse("")
        self.order, self.reverse = DEFAULT_ORDER, False
        self.labels: dict[str, str] = {}
        self.replays: dict[Path, str] = {}
        self._said: list[tuple[Path, Judgement]] = []  # in the order in which it was said

    def open(self, folder: Path) -> Task[list[GalleryEntry]]:
        """List the cases of a folder, or list them again; what is said of them meanwhile is kept."""
        since = len(self._said)

        def accept(entries: list[GalleryEntry]) -> None:
            said = dict(self._said[since:])  # the job may have read the case before
            self.folder = Path(os.path.abspath(folder))
            self.entries = [replace(one, judgement=said.get(one.path, one.judgement)) for one in entries]
            self.listed.emit()
            self._arrange()

        return Task(f"Listing {folder.name}", listing(folder), accept)

    def name(self) -> Task[dict[str, str]]:
        """Find what methods and perturbations are called."""

        def accept(labels: dict[str, str]) -> None:
            self.labels = labels
            self.named.emit()

        return Task("Naming methods", _labels(self.entries), accept)

    def look_for(self, text: str, *, typing: bool = False) -> None:
        """Show the cases that pass a filter; InputError for one that cannot be read, and then nothing changes.

        typing: whether the value of a condition may be still to come.
        """
        self.filter = Filter.parse(text, typing=typing)
        self._arrange()

    def sort(self, name: str, *, reverse: bool = False) -> None:
        """Show them in an order of `query.ORDERS`."""
        order(name)
        self.order, self.reverse = name, reverse
        self._arrange()

    @property
    def tags(self) -> list[str]:
        """All tags in use."""
        return sorted({tag for entry in self.entries for tag in entry.judgement.tags}, key=str.casefold)

    def judge(self, entry: GalleryEntry, **said: Any) -> GalleryEntry:
        """Say something of a case, as `verdicts.judge_case` does; returns the entry as it is now."""
        judged = replace(entry, judgement=judge_case(entry.path, **said))
        self._said.append((judged.path, judged.judgement))
        for entries in (self.entries, self.shown):
            for place, one in enumerate(entries):
                if one.path == entry.path:
                    entries[place] = judged
        self.said.emit(judged)
        return judged

    def attack_again(self, entry: GalleryEntry) -> str:
        """Set the perturbation as it was for a case, and say so in a sentence. It is not run.

        A place in the image is only set where the samples are those of the case. Raises InputError while nothing is
        open, and for a perturbation that is not installed.
        """
        measured = self._acquisition.current
        recipe = read_description(entry.path)["recipe"]
        perturbing, knobs = self._perturbing, dict(recipe["perturbation_knobs"])
        from ..perturbations import registry

        kind = registry.get(recipe["perturbation"])
        samples = measured.measurement.kspace.cpu().numpy(), measured.measurement.mask.cpu().numpy()
        same = array_hash(*samples) == recipe["input"]
        budgets = sorted(recipe["budgets"])
        if budgets:
            *further, perturbing.budget = budgets
            perturbing.further = tuple(further)
        perturbing.choose(  # last, since its controls show the budgets too
            kind.id, **{name: one for name, one in knobs.items() if same or name not in (kind.place or ())}
        )
        other = "" if same else " These are other samples than the case's."
        method = self._reconstruction.method
        here = self._acquisition.source.get("slice", self._acquisition.index)  # of a saved case, that of its scan
        attacked = "" if method is None else f", which attacks {method.label} on slice {here}"
        set_as = f"The perturbation is set as in {entry.name}: {entry.named(self.labels).title}."
        return f"{set_as} Press Run in the Perturb dock{attacked}.{other}"

    def replay(self, entries: Sequence[GalleryEntry]) -> "Task[dict[Path, str]]":
        """Compute cases again and compare with what was saved; InputError without a case."""
        if not entries:
            raise InputError("no case is chosen; choose one in the gallery.")

        def accept(found: dict[Path, str]) -> None:
            self.replays.update(found)
            for entry in entries:
                if entry.path in found:
                    self.replayed.emit(entry)

        name = entries[0].name if len(entries) == 1 else f"{len(entries)} cases"
        own, methods = self._reconstruction.own_models, {entry.method for entry in entries}
        called = [one for one in own.values() if one.recorded_id in methods]
        return Task(f"Replaying {name}", _replays(entries, own), accept, accept, models=called)

    def compare(self, entries: Sequence[GalleryEntry], show: Callable[[Pair], object]) -> Task[Pair]:
        """Read two cases and show them beside each other; InputError for another number of cases."""
        if len(entries) != 2:
            raise InputError(
                f"two cases are compared; choose two in the gallery (Ctrl and a click), not {len(entries)}."
            )
        return Task(
            f"Comparing {entries[0].name} with {entries[1].name}",
            _pair(*(one.named(self.labels) for one in entries)),
            show,
        )

    def _arrange(self) -> None:
        self.shown = arranged(self.entries, self.filter, order(self.order), reverse=self.reverse)
        self.arranged.emit()


def _labels(entries: Sequence[GalleryEntry]) -> Job[dict[str, str]]:
    """By the ids of what is installed; own models are called by their files anyway."""
    yield Progress(0.0, "Naming methods")
    from ..perturbations.registry import registry as perturbations
    from ..reconstructors.registry import registry as reconstructors

    tables = (perturbations, {one.perturbation for one in entries}), (reconstructors, {one.method for one in entries})
    found = {}
    for table, ids in tables:
        for id in ids & {*table.ids()}:
            with suppress(Exception):  # of a package that cannot be loaded, which says so when it is used
                found[id] = str(table.kind_of(id).label)
    return found


def _replays(entries: Sequence[GalleryEntry], own: "Mapping[str, Reconstructor]") -> Job[dict[Path, str]]:
    """What each replay says; previews are what is known so far."""
    yield Progress(0.0, "Replaying")
    found: dict[Path, str] = {}
    for number, entry in enumerate(entries):
        start, end = number / len(entries), (number + 1) / len(entries)
        try:
            again = yield from part(_replay(entry, own), start, end)
            found[entry.path] = again.summary()
        except ReconRobustError as error:
            found[entry.path] = f"It cannot be replayed: {error}"
        yield Progress(end, f"Replayed {entry.name}", dict(found))
    return found


def _replay(entry: GalleryEntry, own: "Mapping[str, Reconstructor]") -> "Job[Replay]":
    from ..cases.replay import replay

    case = load_case(entry.path)
    return (yield from replay(case, made_with(case.recipe, own)))


def _pair(first: GalleryEntry, second: GalleryEntry) -> Job[Pair]:
    yield Progress(0.0, "Reading two cases")
    return read_pair(first, second)
