"""All figures of a study, as far as its trials carry them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polars import DataFrame

from ...ground.writing import said
from . import budget, calibration, features, frame, lesions, methods, rotation, shifts, small_features, stability
from .style import Drawn

FIGURES: dict[str, tuple[str, Callable[[DataFrame, Path], Drawn]]] = {
    "methods": (methods.TITLE, methods.methods_against_baseline),
    "budget": (budget.TITLE, budget.loss_against_budget),
    "rotation": (rotation.TITLE, rotation.quality_against_rotation),
    "fnaf": (features.TITLE, features.lost_features),
    "lesions": (lesions.TITLE, lesions.lesion_detection),
    "shifts": (shifts.TITLE, shifts.inside_against_outside),
    "small-features": (small_features.TITLE, small_features.features_against_quality),
    "stability": (stability.TITLE, stability.accuracy_against_stability),
    "calibration": (calibration.TITLE, calibration.interval_calibration),
}


@dataclass(frozen=True)
class Figures:
    """drawn: the figures by their names. lacking: why the others were not drawn, a sentence for each title.

    trials: of how many finished ones they are.
    """

    drawn: dict[str, Drawn]
    lacking: dict[str, str]
    trials: int


def draw_all(trials: DataFrame, folder: Path) -> Figures:
    """Draw every figure that the trials of a study carry into a folder, each as NAME.svg and NAME.pdf, with NAME.csv.

    Scans of the domain `tuning` choose the knobs of the methods of `shifts`, and are in no figure.
    The folder is made if it is missing; WritingError if it cannot be written.
    """
    drawn, lacking = {}, {}
    untuned = shifts.untuned(trials)
    with said(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, (title, draw) in FIGURES.items():
        try:
            drawn[name] = draw(trials if name == "shifts" else untuned, folder / f"{name}.svg")
        except frame.Lacking as error:
            lacking[title] = str(error)
    return Figures(drawn, lacking, len(trials))
