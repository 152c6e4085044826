"""What is shown, for others: reports and films of the result, and the image of a panel as a file of another program."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..ground.errors import InputError
from ..ground.numbers import counted
from ..ground.progress import Job, Progress
from ..ground.writing import keep, try_place
from .lining_up import LiningUp
from .looking import View, pair_of
from .perturbing import Result
from .reconstruction import Rendered
from .review_part import Basis
from .saving import case_of, reconstruction_of
from .task import Task

if TYPE_CHECKING:
    from torch import Tensor

    from ..analyses.lineup import LineupEntry
    from ..cases.record import Case
    from ..data.scan import Scan
    from ..physics.sampling import Sampling
    from ..reconstructors.base import Method
    from ..reports.case_images import CaseImage, CaseImages

Window = tuple[float, float]
Kind = Literal["flicker", "budgets"]
_NO_IMAGE = "there is no image yet; wait until the method's image is shown."


@dataclass(frozen=True, eq=False)
class _Shown:
    """The image of a panel. case: makes the one that it is of, and number says of which result. name: in the reports.
    image: where it is none of those that a case holds; else None.

    title: of that image; empty for that of the case's own. words: what has to be added. exact: False between two
    images. white: of its own window; None for that of the images. signed: whether the image has a sign; black is -white
    then.
    """

    case: "Callable[[], Case]"
    name: str
    number: int = 0
    image: "Tensor | None" = None
    title: str = ""
    words: str = ""
    exact: bool = True
    white: float | None = None
    signed: bool = False


class Exporting:
    """Writes what is shown for others to see, be it saved or not.

    Reports and films are of a result; before there is one, a report is of the reconstruction. A panel is written as it
    is on screen, also where that is the image of another method than the result's; all slices are reconstructed for it.
    InputError while there is no image.
    """

    def __init__(self, basis: Basis, lining_up: LiningUp) -> None:
        self._acquisition, self._reconstruction, self._regions = basis.acquisition, basis.reconstruction, basis.regions
        self._perturbing, self._lining_up = basis.perturbing, lining_up

    @property
    def possible(self) -> bool:
        """Whether there is anything to report on or to export."""
        shown = self._reconstruction.shown
        return self._perturbing.current is not None or (shown is not None and shown.exact)

    @property
    def _result(self) -> Result:
        if self._perturbing.current is None:
            raise InputError("there is no result yet; run a perturbation first.")
        return self._perturbing.current

    @property
    def _case(self) -> "Callable[[], Case]":
        """Makes the case of the result, or of the reconstruction while there is none."""
        if self._perturbing.current is not None:
            return partial(case_of, self._perturbing.current)
        return self._case_rendered

    @property
    def _rendered(self) -> Rendered:
        """The exact images of the method that is set."""
        rendered = self._reconstruction.shown
        if self._acquisition.slice is None or rendered is None or not rendered.exact:
            raise InputError(_NO_IMAGE)
        return rendered

    @property
    def _case_rendered(self) -> "Callable[[], Case]":
        """Makes the case of the reconstruction by itself."""
        measured, rendered = self._acquisition.current, self._rendered
        roi = self._regions.chosen_on(measured.index)
        return partial(reconstruction_of, measured, rendered, roi, self._acquisition.source)

    def report(self, path: Path, window: Window) -> Task[Path]:
        """Write a report, .html or .pdf by the suffix. window: black and white in the scan's units."""
        done = f"The report is saved as {path.name}."
        return Task(f"Writing {path.name}", _report(self._case, path, window), lambda _: None, done=done)

    def film(self, path: Path, window: Window, kind: Kind, rate: float, *, region: bool = False) -> Task[Path]:
        """Write a film as `reports.film.export_film` does: clean and perturbed in turn, or rising budgets."""
        job = _film(self._result, path, window, kind, rate, region)
        return Task(f"Writing {path.name}", job, lambda _: None, done=f"The film is saved as {path.name}.")

    def all_slices(self, path: Path) -> Task[Path]:
        """Reconstruct every slice as the one that is shown, by the method and the sampling that are set.

        path: .nii.gz, .h5, .npy, or a new folder for a DICOM series. Slices that cannot be reconstructed are missing
        there, which is told.
        InputError for a saved case, which has one slice, and while no scan is open.
        """
        if self._acquisition.is_open and self._acquisition.scan is None:
            raise InputError("a saved case has one slice; open the scan to reconstruct all of its slices.")
        scan, sampling, device = self._acquisition.opened_scan, self._acquisition.sampling, self._acquisition.device
        method = self._reconstruction.chosen
        job = _all_slices(scan, method, sampling, device, path)
        done, own = f"All {len(scan)} slices are saved as {path.name}.", self._reconstruction.own(method.id)
        return Task(f"Reconstructing all slices with {method.label}", job, lambda _: None, done=done, models=own)

    def panel(self, key: str, view: View, path: Path, window: Window, white: float = 1.0) -> Task[Path]:
        """Write what a panel shows, in the format of the path's suffix, in the window in which it is looked at.

        key: of the panel. white: of the difference, in the scan's units.
        """
        shown, done = self._shown(key, view, white), f"The panel is saved as {path.name}."
        return Task(f"Writing {path.name}", _panel(shown, path, window), lambda _: None, done=done)

    def _shown(self, key: str, view: View, white: float) -> _Shown:
        by_itself = self._perturbing.on_screen is None
        if by_itself and key == "clean":
            return _Shown(self._case_rendered, key)
        if by_itself and key == "reference" and self._changed_truth(view) is None:
            return _Shown(self._case_rendered, key)
        result, (row, several, number) = self._result, key.partition(" ")
        lineup = self._lining_up.found
        if several and lineup is not None:
            entry = lineup.entries[int(number) - 1]
            if entry is None:
                raise InputError(f"{lineup.methods[int(number) - 1].label} is still computed; wait until it is shown.")
            case = partial(case_of, _of(entry, result))
            return _Shown(case, row, words=_origin(entry) if row == "perturbed" else "")
        outcome = result.outcome
        here = _Shown(partial(case_of, result), key, result.outcomes.index(outcome))
        if key == "difference":
            return self._difference(view, white)
        if key == "reference" and self._changed_truth(view) is not None:
            return replace(here, name="perturbed-reference")
        if by_itself:
            return self._of_other_method(here)
        if key == "perturbed" and view.random and outcome.perturbed.additive:
            return replace(here, name="random")
        if key == "perturbed" and view.factor < 1:
            image, exact = result.at(view.factor)
            nominal = outcome.perturbed.budget.nominal or 0.0
            words = f"At {view.factor:.3g} times the budget that was searched."
            title = f"Perturbed {100 * view.factor * nominal:.3g}%"
            return replace(here, image=image, title=title, words=words, exact=exact)
        return here

    def _changed_truth(self, view: View) -> "Tensor | None":
        """The fully sampled image of the perturbed samples, where that is looked at."""
        result = self._perturbing.current
        return result.outcome.comparison.perturbed_reference if result is not None and view.truth else None

    def _of_other_method(self, shown: _Shown) -> _Shown:
        """The perturbed image of the method that is set where the result is of another one, or of other knobs."""
        result, rendered = self._result, self._rendered
        if rendered.perturbed is None:
            raise InputError(_NO_IMAGE)
        searched = result.outcome.comparison.searched
        words = f"The attack was found on {result.setting.method.title}." if searched else ""
        method = rendered.method  # of the image, which takes the place of the outcome's
        outcomes = tuple(replace(one, setup=replace(one.setup, method=method)) for one in result.outcomes)
        case = partial(case_of, replace(result, setting=replace(result.setting, method=method), outcomes=outcomes))
        return replace(shown, case=case, image=rendered.perturbed, words=words)

    def _difference(self, view: View, white: float) -> _Shown:
        shown, one = self._shown("perturbed", view, white), self._result.outcome.comparison
        if self._perturbing.on_screen is None:
            clean, reference = self._rendered.image, self._rendered.reference
        else:
            clean, reference = one.clean, one.reference
        changed = self._changed_truth(view)
        truth = reference if changed is None else changed
        images = {"clean": clean, "perturbed": one.random if shown.name == "random" else one.perturbed}
        if shown.image is not None:
            images["perturbed"] = shown.image
        if truth is not None:
            images["reference"] = truth
        first, second = pair_of(view.pair, list(images)) or ("clean", "perturbed")
        title, change = f"{second.capitalize()} − {first}", images[second] - images[first]
        words = f"Shown is the {second} image minus the {first} one: orange above zero, sky blue below."
        if not view.signed:
            title, change = f"|{title}|", change.abs()
            words = f"Shown is the magnitude of the {second} image minus the {first} one."
        words = f"{words} {shown.words}".strip()
        return replace(shown, image=change, title=title, words=words, white=white, signed=view.signed)


def _of(entry: "LineupEntry", result: Result) -> Result:
    """The result with another method in its place."""
    setting = replace(result.setting, method=entry.method)
    return Result(setting, result.slice, (entry.outcome,), entry.outcome)


def _origin(entry: "LineupEntry") -> str:
    if not entry.outcome.comparison.searched:
        return ""
    return f"The attack was found on {'it' if entry.origin == entry.method else entry.origin.title}."


def _report(case: "Callable[[], Case]", path: Path, window: Window) -> Job[Path]:
    yield Progress(0.0, f"Writing {path.name}")
    from ..reports.report import write_report

    made = case()
    return write_report(made, path, window=_in_scan(made, *window))


def _film(result: Result, path: Path, window: Window, kind: Kind, rate: float, region: bool) -> Job[Path]:
    yield Progress(0.0, f"Writing {path.name}")
    from ..reports.film import export_film

    made = case_of(result)
    return export_film(made, path, kind=kind, rate=rate, window=_in_scan(made, *window), region=region)


def _all_slices(
    scan: "Scan", method: "Method", sampling: "Sampling | Tensor | None", device: str, path: Path
) -> Job[Path]:
    from ..analyses.volume import reconstruct_scan
    from ..reports.volume import check_place, save_volume

    check_place(path)
    try_place(path)  # before the minutes that it takes
    volume = yield from reconstruct_scan(scan, method, sampling, device=device)
    keep(path, partial(save_volume, volume))
    if volume.missing:
        slice, why = next(iter(volume.missing.items()))
        others = f" and {counted(len(volume.missing) - 1, 'other')}" if len(volume.missing) > 1 else ""
        raise InputError(f"{path.name} is saved without slice {slice}{others}: {why}")
    return path


def _panel(shown: _Shown, path: Path, window: Window) -> Job[Path]:
    yield Progress(0.0, f"Writing {path.name}")
    from ..reports.case_images import CaseImages
    from ..reports.export import export_case_image

    made = shown.case()
    images = CaseImages(made)
    low, high = window if shown.white is None else (-shown.white if shown.signed else 0.0, shown.white)
    return export_case_image(images, _image(images, shown), path, window=_in_scan(made, low, high))


def _in_scan(case: "Case", low: float, high: float) -> tuple[float, float]:
    """Black and white of the screen in the scan's units."""
    from ..reports.case_images import CaseImages

    unit = CaseImages(case).unit
    return low * unit, high * unit


def _image(images: "CaseImages", shown: _Shown) -> "CaseImage":
    from ..reports.case_images import INTERPOLATED

    found = images.image(shown.name, shown.number)
    if shown.image is None:
        return replace(found, words=f"{found.words} {shown.words}".strip())
    marks = found.marks if shown.exact or INTERPOLATED in found.marks else (*found.marks, INTERPOLATED)
    image = shown.image.detach().float().cpu().numpy()
    return replace(
        found,
        title=shown.title or found.title,
        words=f"{found.words} {shown.words}".strip(),
        marks=marks,
        image=image if shown.signed else np.abs(image),
        signed=shown.signed,
    )
