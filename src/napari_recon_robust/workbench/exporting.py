"""Reports and films of the result that is shown."""

from pathlib import Path
from typing import Literal

from ..ground.errors import InputError
from ..ground.progress import Job, Progress
from .perturbing import Perturbing, Result
from .saving import case_of
from .task import Task

Kind = Literal["flicker", "budgets"]


class Exporting:
    """Writes what is shown for others to see. InputError while there is no result."""

    def __init__(self, perturbing: Perturbing) -> None:
        self._perturbing = perturbing

    def report(self, path: Path, window: tuple[float, float]) -> Task[Path]:
        """Write a report, .html or .pdf by the suffix. window: black and white in the scan's units."""
        done = f"The report is saved as {path.name}."
        return Task(f"Writing {path.name}", _report(self._result, path, window), lambda _: None, done=done)

    def film(self, path: Path, window: tuple[float, float], kind: Kind, rate: float) -> Task[Path]:
        """Write a film as `reports.film.export_film` does: clean and perturbed in turn, or rising budgets."""
        done = f"The film is saved as {path.name}."
        return Task(f"Writing {path.name}", _film(self._result, path, window, kind, rate), lambda _: None, done=done)

    @property
    def _result(self) -> Result:
        if self._perturbing.current is None:
            raise InputError("there is no result yet; run a perturbation first.")
        return self._perturbing.current


def _report(result: Result, path: Path, window: tuple[float, float]) -> Job[Path]:
    yield Progress(0.0, f"Writing {path.name}")
    from ..reports.report import write_report

    return write_report(case_of(result), path, window=window)


def _film(result: Result, path: Path, window: tuple[float, float], kind: Kind, rate: float) -> Job[Path]:
    yield Progress(0.0, f"Writing {path.name}")
    from ..reports.film import export_film

    return export_film(case_of(result), path, kind=kind, rate=rate, window=window)
