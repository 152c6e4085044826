"""One review: what is measured, how it is reconstructed, where and how it is perturbed; saved and opened again."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..progress import Job, Progress
from .acquisition import Acquisition
from .perturbing import Perturbing, Result, Setting
from .reconstruction import Reconstruction
from .regions import Region, Regions
from .task import Task, part

if TYPE_CHECKING:
    from ..replay import Replay


class Workbench:
    """The parts of a review, wired to each other."""

    def __init__(self) -> None:
        self.regions = Regions()
        self.acquisition = Acquisition()
        self.reconstruction = Reconstruction(self.acquisition)
        self.perturbing = Perturbing(self.acquisition, self.reconstruction, self.regions)
        self.acquisition.opened.connect(self._take_annotations)

    @property
    def result(self) -> Result:
        """The finished perturbation; InputError while there is none."""
        if self.perturbing.result is None:
            raise InputError("there is no result yet; run a perturbation first.")
        return self.perturbing.result

    def save(self, folder: Path) -> Task[Path]:
        """Save the result as a case: a new folder with images, k-space, recipe and metrics."""
        return Task(f"Saving {folder.name}", _save(self.result, folder), lambda _: None)

    def open_case(self, folder: Path) -> Task["Replay"]:
        """Bring a saved case back: reconstructed again from its k-space, and checked against its record."""
        return Task(f"Opening {folder.name}", _open_case(folder), self._take_case)

    def _take_annotations(self) -> None:
        scan = self.acquisition.scan
        self.regions.reset(
            [Region(one.box, one.slice, one.label, "annotation") for one in scan.annotations if one.box is not None]
            if scan is not None
            else []
        )

    def _take_case(self, replayed: "Replay") -> None:
        from ..reconstructors import registry
        from ..replay import measurement_of

        case, outcome = replayed.case, replayed.outcomes[-1]
        recipe, measurement = case.recipe, measurement_of(case)
        self.acquisition.use_measurement(measurement)
        self.regions.reset([])
        self.regions.draw(case.roi, 0)
        self.reconstruction.choose(recipe.method, **recipe.method_knobs)
        self.perturbing.choose(recipe.perturbation, **recipe.perturbation_knobs)
        setting = Setting(
            measurement=measurement,
            reconstructor=registry.get(recipe.method),
            reconstructor_knobs=recipe.method_knobs,
            roi=case.roi,
            perturbation=recipe.perturbation,
            perturbation_knobs=recipe.perturbation_knobs,
            source=recipe.source,
        )
        self.perturbing.take(Result(setting, 0, outcome))


def _save(result: Result, folder: Path) -> Job[Path]:
    yield Progress(0.0, f"Saving {folder.name}")
    from ..evaluation.record import save_case
    from ..replay import make_case

    setting = result.setting
    case = make_case(
        setting.measurement,
        setting.reconstructor,
        setting.roi,
        [result.outcome],
        perturbation=setting.perturbation,
        perturbation_knobs=setting.perturbation_knobs,
        reconstructor_knobs=setting.reconstructor_knobs,
        source=setting.source,
    )
    return save_case(case, folder)


def _open_case(folder: Path) -> Job["Replay"]:
    yield Progress(0.0, f"Opening {folder.name}")
    from ..evaluation.record import load_case
    from ..replay import replay

    case = load_case(folder)
    return (yield from part(replay(case), 0.1, 1.0))
