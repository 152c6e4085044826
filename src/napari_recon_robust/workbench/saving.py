"""Results as saved cases, and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ground.errors import FileFormatError, InputError
from ..ground.guard import is_file, shown
from ..ground.progress import Job, Progress
from .acquisition import Slice, calibrate, load_methods
from .perturbing import Result, Setting, finished
from .task import part

if TYPE_CHECKING:
    from ..cases.record import Case, CaseRecipe
    from ..data.roi import ROI
    from ..reconstructors.base import Reconstructor
    from .reconstruction import Rendered

_SHOWN = "budget_shown"  # among the facts on a case's source: a fraction


def saved(result: Result, folder: Path) -> Job[Path]:
    """Save a result as a case: a new folder."""
    yield Progress(0.0, f"Saving {folder.name}")
    from ..cases.record import save_case

    return save_case(case_of(result), folder)


def case_of(result: Result) -> "Case":
    """A result as a case, with all its budgets; of several its source says which one is looked at."""
    from ..cases.making import make_case

    setting, budget = result.setting, result.outcome.perturbed.budget.nominal
    source = {name: fact for name, fact in setting.source.items() if name != _SHOWN}
    return make_case(
        setting.measurement,
        setting.method,
        setting.roi,
        result.outcomes,
        perturbation=setting.perturbation,
        perturbation_knobs=setting.perturbation_knobs,
        source={**source, _SHOWN: budget} if len(result.outcomes) > 1 else source,
    )


def reconstruction_of(measured: Slice, rendered: "Rendered", roi: "ROI | None", source: Mapping[str, Any]) -> "Case":
    """A reconstruction by itself as a case. roi: by default the whole image."""
    from ..cases.making import unperturbed_case
    from ..data.roi import ROI

    measurement = measured.measurement
    return unperturbed_case(
        measurement,
        rendered.method,
        ROI.box(0, 0, *measurement.matrix, label="whole image") if roi is None else roi,
        rendered.image,
        reference=rendered.reference,
        foreground=measured.foreground,
        source=source,
    )


def made_with(recipe: "CaseRecipe", own: "Mapping[str, Reconstructor]") -> "Reconstructor | None":
    """The opened own model that a case was made with, or else the only one of its id; None where none has that id.

    InputError where several have it, and none is as it was for the case.
    """
    of_id = [one for one in own.values() if one.recorded_id == recipe.method]
    if len(of_id) < 2:
        return next(iter(of_id), None)
    for one in of_id:
        if one.fingerprint() == recipe.weights:
            return one
    raise InputError(
        f"the case was made with {recipe.method!r}, and none of the {len(of_id)} models of that name that are open is "
        "as it was then; open the one that it was made with, or start anew and open only its later version."
    )


def opened_case(folder: Path, own: "Mapping[str, Reconstructor]") -> Job[Result]:
    """Compute everything again from the saved k-space; what does not agree with the record becomes a finding."""
    yield Progress(0.0, "Reading what was saved")
    from ..cases.record import FILES, load_case
    from ..cases.replay import measurement_of, replay

    if folder.is_dir() and not any(is_file(folder / name) for name in FILES):
        raise FileFormatError(
            f"{shown(folder)} holds no saved case; open the file of a scan, the folder of a saved case, or a folder of "
            "such folders."
        )
    case = load_case(folder)
    recipe = case.recipe
    again = yield from part(replay(case, made_with(recipe, own)), 0.1, 1.0)
    setting = Setting(
        measurement=measurement_of(case),
        method=again.method,
        roi=case.roi,
        perturbation=recipe.perturbation,
        perturbation_knobs=recipe.perturbation_knobs,
        source=recipe.source,
    )
    return finished(setting, 0, again.outcomes, again.summary()).looked_at(recipe.source.get(_SHOWN))


def measured_case(folder: Path, own: "Mapping[str, Reconstructor]") -> Job[tuple[Result, Slice]]:
    """A saved case, computed again, and its slice, with all that takes long before it can be shown."""
    result = yield from part(opened_case(folder, own), 0.0, 0.8)
    yield from part(load_methods(), 0.8, 0.9)
    yield Progress(0.9, "Estimating sensitivities and noise")
    return result, calibrate(None, result.slice, None, result.setting.measurement)
