"""One review: what is measured, how it is reconstructed, where and how it is perturbed; saved and opened again."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.errors import InputError
from ..ground.progress import Job, Progress
from .acquisition import Acquisition, Slice
from .ahead import Ahead
from .analysing import Analysing
from .browsing import Browsing
from .brushing import Brushing
from .choosing import Choosing
from .conducting import Conducting
from .contrasting import Contrasting
from .exporting import Exporting
from .film import Film
from .fragility import Fragility
from .history import History
from .kspace import KSpace
from .lining_up import LiningUp
from .measuring import Measuring
from .perturbing import Perturbing, Result
from .planning import Planning
from .preferences import MIB, Preferences
from .queueing import Queue
from .rating import Rating
from .reconstruction import Reconstruction
from .regions import Regions
from .resuming import Resuming
from .review_part import Basis
from .ruling import Ruling
from .saving import measured_case
from .task import Task
from .touring import Touring
from .undoing import Undoing
from .unfinished import Unfinished

if TYPE_CHECKING:
    from ..data.roi import Annotation
    from ..data.scan import Scan


class Workbench:
    """The parts of a review, wired to each other."""

    def __init__(self) -> None:
        self.regions = Regions()
        self.acquisition = Acquisition()
        self.reconstruction = Reconstruction(self.acquisition)
        self.ahead = Ahead(self.acquisition, self.reconstruction)
        self.perturbing = Perturbing(self.acquisition, self.reconstruction, self.regions)
        self.now = self.perturbing.now
        basis = Basis(self.acquisition, self.reconstruction, self.regions, self.perturbing)
        self.choosing = Choosing(basis)
        self.contrasting = Contrasting(basis)
        self.fragility = Fragility(basis)
        self.analysing = Analysing(basis)
        self.browsing = Browsing(self.acquisition, self.reconstruction, self.perturbing)
        self.ruling = Ruling(self.acquisition)
        self.kspace = KSpace(self.acquisition, self.perturbing, self.now)
        self.measuring = Measuring(basis)
        self.brushing = Brushing(self.acquisition, self.regions)
        self.lining_up = LiningUp(basis)
        self.exporting = Exporting(basis, self.lining_up)
        self.undoing = Undoing(basis)
        self.history = History(basis, self.undoing.together)
        self.rating = Rating(self.perturbing, self.browsing, self.history)
        self.film = Film(basis, self.choosing, self.lining_up, self.history)
        self.queue = Queue(basis, self.history)
        self.unfinished = Unfinished(basis, self.fragility)
        self.resuming = Resuming(basis, self.lining_up, self.queue, self.history, self.ruling, self.unfinished)
        self.acquisition.measured.connect(self.unfinished.settle)  # after the result is there again
        self.planning = Planning(self.acquisition, self.reconstruction, self.regions, self.perturbing)
        self.conducting = Conducting(self.planning)
        self.touring = Touring(basis)
        self.acquisition.opened.connect(self._take_annotations)
        self.acquisition.opened.connect(self.undoing.forget)
        self.resuming.resumed.connect(self._forget_steps)
        self.acquisition.measured.connect(self._follow)
        self.perturbing.finished.connect(self._follow)

    def prefer(self, preferences: Preferences) -> None:
        """Follow what the user prefers, from the next slice on."""
        if preferences.device != self.acquisition.device:
            self.acquisition.device = preferences.device
            self.acquisition.keep(None)
        self.history.memory = preferences.history * MIB

    @property
    def result(self) -> Result:
        """The finished perturbation that is shown; InputError while there is none."""
        if self.perturbing.current is None:
            raise InputError("there is no result yet; run a perturbation first.")
        return self.perturbing.current

    def open_case(self, folder: Path) -> Task[tuple[Result, Slice]]:
        """Bring a saved case back: reconstructed again from its k-space, and checked against its record."""

        def accept(opened: tuple[Result, Slice]) -> None:
            self._take_case(*opened, folder)

        own = self.reconstruction.own_models  # any of them, until the case is read
        return Task(f"Opening {folder.name}", measured_case(folder, own), accept, models=[*own.values()])

    def copy_regions(self) -> int:
        """Copy the chosen regions to the next slice, and return that slice.

        InputError on the last slice, or where none is chosen.
        """
        here, slices = self.acquisition.index, self.acquisition.shape[0]
        chosen = [region for region in self.regions.chosen if region.slice == here]
        number = self.acquisition.counted(here)
        if not chosen:
            raise InputError(f"no region is chosen on slice {number}; choose one in the list.")
        if here + 1 >= slices:
            raise InputError(f"slice {number} is the last one; there is no next slice to copy to.")
        self.regions.copy(chosen, here + 1)
        return here + 1

    def annotate(self, table: Path) -> Task["list[Annotation]"]:
        """Add the annotations of this scan from a fastMRI+ table (CSV)."""
        scan = self.acquisition.opened_scan

        def accept(annotations: "list[Annotation]") -> None:
            if not annotations:
                raise InputError(f"{table.name} has no row for {scan.name}; choose the table of this scan.")
            self.regions.annotate(annotations, len(scan))
            if self.regions.refused:
                raise InputError(self.regions.refused)

        return Task(f"Reading {table.name}", _annotations(table, scan), accept)

    def _take_annotations(self) -> None:
        scan = self.acquisition.scan
        self.regions.reset()
        if scan is not None:
            self.regions.annotate(scan.annotations, len(scan))

    def _forget_steps(self, _: object) -> None:
        self.undoing.forget()

    def _follow(self) -> None:
        """Reconstruct the perturbed samples by the present method too, as long as they are of this slice."""
        result = self.perturbing.current
        self.reconstruction.follow(None if result is None else result.outcome.perturbed)

    def _take_case(self, result: Result, measured: Slice, folder: Path) -> None:
        setting = result.setting
        self.acquisition.use_measured(measured, setting.source, folder)
        self.regions.draw(setting.roi, 0)
        self.reconstruction.choose(setting.method)
        budgets = [one.perturbed.budget.nominal for one in result.outcomes]
        shown = result.outcome.perturbed.budget.nominal
        self.perturbing.budget = self.perturbing.budget if shown is None else shown
        self.perturbing.further = tuple(one for one in budgets if one is not None and one != shown)
        self.perturbing.choose(setting.perturbation, **setting.perturbation_knobs)
        self.perturbing.take(replace(result, setting=replace(setting, state=self.now.state)))
        if len(result.outcomes) == 1 and self.history.current is not None:
            self.history.note_case(self.history.current, folder)
        self.undoing.forget()


def _annotations(table: Path, scan: "Scan") -> Job["list[Annotation]"]:
    yield Progress(0.0, f"Reading {table.name}")
    from ..io.annotations import read_annotations

    return read_annotations(table, scan.name, *scan.header.matrix)
