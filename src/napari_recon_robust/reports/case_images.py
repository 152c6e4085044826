"""The images of a saved case, each with its name and with what a reader must know of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cases.record import Case, anatomy_hash, load_case, slice_hash
from ..cases.replay import recalled
from ..data.orientation import Plane, Turn, aspect_of, turn_of
from ..data.window import Window
from ..ground.cached_property import cached_property
from ..ground.errors import FileFormatError, InputError, dimensions, either, one_line
from ..ground.guard import to_path
from ..perturbations import registry as perturbations
from ..reconstructors import registry as reconstructors

ATTACKED, SYNTHETIC, INTERPOLATED, NO_TRUTH = "attacked", "synthetic", "interpolated", "no fully sampled truth"
SIMULATED = "simulated scan"
NAMES = ("reference", "clean", "perturbed", "random", "perturbed-reference")


@dataclass(frozen=True, eq=False)
class CaseImage:
    """One image of a case: magnitudes, float32 (rows, columns), in the scan's units.

    signed: whether it is the difference of two magnitudes instead, with its sign. name: one of `NAMES`. title: for its
    head. words: what it is, in one sentence. marks: what it must not be mistaken for, of `ATTACKED`, `SYNTHETIC`,
    `INTERPOLATED`, `NO_TRUTH` and `SIMULATED`.
    """

    name: str
    title: str
    words: str
    marks: tuple[str, ...]
    image: NDArray[np.float32]
    signed: bool = False

    @property
    def modified(self) -> bool:
        """Whether it shows something else than what was measured."""
        return ATTACKED in self.marks or SYNTHETIC in self.marks


class CaseImages:
    """The images of a case and the words for them, without its samples.

    case: a loaded one, or its folder. name: what errors and reports call the case. curve: the perturbation's own one,
    None where it has none or is not installed here. content, anatomy: tell its slice from others, see
    `slice_hash` and `anatomy_hash`; empty for a case in memory that keeps no samples.
    Raises FileFormatError for a folder that is not a sound case, InputError for images that are missing, of another
    size, or not finite.
    """

    def __init__(self, case: Case | str | Path, name: str = "") -> None:
        self.folder = None if isinstance(case, Case) else to_path(case).resolve()
        self.name = name or ("the case" if self.folder is None else self.folder.name)
        loaded = case if isinstance(case, Case) else load_case(case)
        known = perturbations.lists(loaded.recipe.perturbation)
        done = recalled(loaded) if known and loaded.results else []
        self.curve = done[0].curve if done else None
        self._interpolated = [one.restore is not None for one in done]
        self.content, self.anatomy = (slice_hash(loaded), anatomy_hash(loaded)) if loaded.kspace else ("", "")
        self.case = replace(loaded, kspace={})  # a report on many cases has no room for their samples
        if not self.case.results:
            raise InputError(f"{self.name} holds no result; save the case again.")
        for image in ("clean", "perturbed", "random") if self.perturbed else ("clean",):
            if image not in self.case.images:
                raise InputError(f"{self.name} holds no image “{image}”; save the case again.")

    @property
    def perturbed(self) -> bool:
        """Whether anything was perturbed; else it is a reconstruction by itself."""
        return bool(self.case.recipe.perturbation)

    @property
    def pair(self) -> tuple[str, str]:
        """The names of the two images that are compared at first; twice the same where there is only one."""
        if self.perturbed:
            return "clean", "perturbed"
        return "reference" if self.has_reference else "clean", "clean"

    @cached_property
    def kind(self) -> str:
        """The perturbation in words; its id where it is not installed here, empty where there is none."""
        id = self.case.recipe.perturbation
        return perturbations.get(id).label if perturbations.lists(id) else id

    @cached_property
    def method(self) -> str:
        """The method with the knobs that are not at their defaults; the id of one that is not installed here."""
        recipe = self.case.recipe
        if not reconstructors.lists(recipe.method):
            return recipe.method
        reconstructor = reconstructors.get(recipe.method)
        known = {knob.name for knob in reconstructor.knobs}
        knobs = {name: value for name, value in recipe.method_knobs.items() if name in known}
        try:
            return reconstructor.at(**knobs).title
        except InputError as error:  # what it advises is for who gives a knob
            wrong = str(error).partition(";")[0]
            raise FileFormatError(f"the saved case cannot be read ({wrong}); restore it.") from error

    @property
    def has_reference(self) -> bool:
        """Whether a fully sampled image of the slice is known."""
        return "reference" in self.case.images

    @cached_property
    def target(self) -> NDArray[np.float32]:
        """The image that all others are judged and windowed by: the reference, else the clean image."""
        return self._image("reference" if self.has_reference else "clean", None)

    @cached_property
    def window(self) -> Window:
        """Black and white of the reference, for all images."""
        return Window.of(self.target)

    def windowed(self, window: tuple[float, float] | None) -> Window:
        """Black and white, asked for in the scan's units, as the images have them; by default `window`.

        InputError for what is not two numbers, and where white is not above black.
        """
        if window is None:
            return self.window
        try:
            low, high = map(float, window)
        except (TypeError, ValueError):
            low = high = nan
        if not isfinite(high - low):
            raise InputError(f"the window is {one_line(repr(window), 60)}; give black and white as two numbers.")
        if not low < high:
            raise InputError(f"the window is from {low:g} to {high:g}; white must lie above black.")
        return Window(low / self.unit, high / self.unit)

    @property
    def voxel(self) -> tuple[float, float, float] | None:
        """(row, column, slice) in mm, or None where it is not known."""
        stored = self.case.recipe.source.get("voxel")
        return None if stored is None else (float(stored[0]), float(stored[1]), float(stored[2]))

    @property
    def unit(self) -> float:
        """What brings the images to the scan's units, a power of two; 1 for ordinary scans (`Scan.unit`)."""
        return float(self.case.recipe.source.get("unit", 1.0))

    @property
    def slice(self) -> int:
        """The number of the slice in its scan, 0 where that is not known."""
        number = self.case.recipe.source.get("slice")
        return number if isinstance(number, int) else 0

    @property
    def plane(self) -> Plane | None:
        """Where the images lie in the patient; None where that is not known, as in cases of earlier versions."""
        stored = self.case.recipe.source.get("plane")
        return None if stored is None else Plane.model_validate(stored)

    @cached_property
    def turn(self) -> Turn:
        """How the stored images are turned to be seen as radiologists look at them."""
        return turn_of(self.case.recipe.source)

    @property
    def seen_voxel(self) -> tuple[float, float, float] | None:
        """The size of a voxel down, to the right and through the slice as it is seen, in mm."""
        return self.turn.voxel(self.voxel)

    def strength(self, number: int) -> str:
        """The budget of a result as it is read, such as "1%"; empty for a perturbation without one."""
        nominal = self.case.results[number]["budget"]["nominal"]
        return "" if nominal is None else f"{100 * nominal:.3g}%"

    def number(self, budget: float | None) -> int:
        """Which result has that budget, by default the largest; InputError for a budget that the case does not have."""
        budgets = [result["budget"]["nominal"] for result in self.case.results]
        if budget is None:
            return max(range(len(budgets)), key=lambda number: budgets[number] or 0.0)
        if budget not in budgets:
            known = [f"{known:g}" for known in budgets if known is not None]
            there = f"it has {either(known)}" if known else "its perturbation has none"
            raise InputError(f"{self.name} has no result of the budget {one_line(str(budget), 60)}; {there}.")
        return budgets.index(budget)

    @cached_property
    def additive(self) -> bool:
        """Whether something was added to the samples; else they were measured otherwise, and have no random control."""
        return all(result.get("additive", True) for result in self.case.results)

    @property
    def names(self) -> list[str]:
        """Those of the images that are known, in the order of `NAMES`."""
        known = [name for name in NAMES if name.replace("-", "_") in self.case.images]
        return [name for name in known if name != "random" or self.additive]

    def images(self, number: int) -> list[CaseImage]:
        """All images of one result."""
        return [self.image(name, number) for name in self.names]

    def image(self, name: str, number: int) -> CaseImage:
        """One image; InputError for a name that the case does not have."""
        if name not in self.names:
            raise InputError(f"{self.name} has no image {name!r}; it has {either(self.names)}.")
        title, words, marks = self._described(name, number)
        return CaseImage(name, title, words, (*marks, *self.marks), self._image(name, number))

    @property
    def marks(self) -> tuple[str, ...]:
        """What is to be said of every image."""
        found = ((NO_TRUTH, not self.has_reference), (SIMULATED, self.simulated))
        return tuple(mark for mark, holds in found if holds)

    @property
    def simulated(self) -> bool:
        """Whether the scan was computed, and never was a patient."""
        return bool(self.case.recipe.source.get("simulated", False))

    def _described(self, name: str, number: int) -> tuple[str, str, Sequence[str]]:
        """Title, words and marks of an image."""
        result = self.case.results[number]
        strength = f" {self.strength(number)}".rstrip()
        if name == "reference":
            return "Reference", "The fully sampled image of the slice.", ()
        if name == "clean":
            return "Clean", f"{self.method} from the samples as they were measured.", ()
        if name == "random":
            return f"Random{strength}", "The same method under random noise of equal norm, the control.", (SYNTHETIC,)
        changed = result["judged_by"] == "perturbed"
        marks = [SYNTHETIC if changed or not result["loss"] else ATTACKED]
        if self._interpolated and self._interpolated[number]:
            marks.append(INTERPOLATED)
        if name == "perturbed-reference":
            title = "Changed truth" if changed else f"Reference, perturbed{strength}"
            return title, f"The fully sampled image after “{self.kind}”.", marks
        ended = "" if result["complete"] else " The search was ended early: this is the best so far."
        return f"Perturbed{strength}", f"The same method after “{self.kind}”.{ended}", marks

    def _image(self, name: str, number: int | None) -> NDArray[np.float32]:
        stored = self.case.images[name.replace("-", "_")]
        if stored.ndim == 3 and number is not None and number < len(stored):
            stored = stored[number]
        if stored.shape != self.case.matrix:
            raise InputError(
                f"the image “{name}” of {self.name} has {dimensions(stored.shape)} values and the case "
                f"{dimensions(self.case.matrix)} pixels; save the case again."
            )
        image = np.abs(stored).astype(np.float32)
        if not np.isfinite(image).all():
            raise InputError(f"the image “{name}” of {self.name} has NaN or infinite values; save the case again.")
        return image


def acceleration_of(case: Case) -> float | None:
    """The effective acceleration of a case's samples, or None where it is not known."""
    found: float | None = case.results[0].get("acceleration") or case.recipe.source.get("acceleration")
    return found


def with_square_pixels(image: NDArray[np.float32], voxel: tuple[float, float, float] | None) -> NDArray[np.float32]:
    """An image (rows, columns) for what takes pixels for square: longer ones are interpolated along their length.

    voxel: their (row, column, slice) size in mm, or None where it is not known.
    """
    from PIL import Image

    aspect = aspect_of(voxel)
    rows, columns = (round(side * times) for side, times in zip(image.shape, (aspect, 1 / aspect), strict=True))
    size = max(columns, image.shape[1]), max(rows, image.shape[0])
    return np.asarray(Image.fromarray(image.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
