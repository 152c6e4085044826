"""Results as saved cases, and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground.progress import Job, Progress
from .perturbing import Result, Setting, finished
from .task import part

if TYPE_CHECKING:
    from ..cases.record import Case
    from ..reconstructors.base import Reconstructor


def saved(result: Result, folder: Path) -> Job[Path]:
    """Save a result as a case: a new folder."""
    yield Progress(0.0, f"Saving {folder.name}")
    from ..cases.record import save_case

    return save_case(case_of(result), folder)


def case_of(result: Result) -> "Case":
    """A result as a case, with all its budgets."""
    from ..cases.replay import make_case

    setting = result.setting
    return make_case(
        setting.measurement,
        setting.method,
        setting.roi,
        result.outcomes,
        perturbation=setting.perturbation,
        perturbation_knobs=setting.perturbation_knobs,
        source=setting.source,
    )


def opened_case(folder: Path, own: "Mapping[str, Reconstructor]") -> Job[Result]:
    """Compute everything again from the saved k-space; what does not agree with the record becomes a finding."""
    yield Progress(0.0, f"Opening {folder.name}")
    from ..cases.record import load_case
    from ..cases.replay import measurement_of, replay

    case = load_case(folder)
    recipe = case.recipe
    again = yield from part(replay(case, own.get(recipe.method)), 0.1, 1.0)
    setting = Setting(
        measurement=measurement_of(case),
        method=again.method,
        roi=case.roi,
        perturbation=recipe.perturbation,
        perturbation_knobs=recipe.perturbation_knobs,
        source=recipe.source,
    )
    return finished(setting, 0, again.outcomes, again.summary())
