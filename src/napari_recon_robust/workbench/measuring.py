"""The statistics of the regions in all images of a slice, with signal and contrast over noise."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation.parts import magnitude_on_cpu
from ..ground.errors import InputError
from ..ground.progress import Job, Progress
from .acquisition import Slice
from .review_part import Basis, ReviewPart
from .state import Kept
from .task import Task, part

if TYPE_CHECKING:
    from torch import Tensor

    from ..evaluation.readout import RegionRow, Shown
    from ..perturbations.base import Perturbed
    from ..reconstructors.base import Method
    from .regions import Region

    Rows = list[RegionRow]


class Measuring(ReviewPart):
    """A table of the slice's regions, the chosen ones or else all, as long as slice, method and regions stay.

    Its images are those that are on screen: the result's, or else those of the method that is set and its reference.
    Signal: `changed()`.
    """

    def __init__(self, basis: Basis) -> None:
        super().__init__(basis)
        self._kept: Kept[Rows] = Kept(
            self._now,
            lambda state: (state.only("slice", "method"), self._meant(state.slice), id(self._perturbing.current)),
            self.changed.emit,
        )
        self._perturbing.finished.connect(self._kept.drop)

    @property
    def found(self) -> "Rows | None":
        """The table; None when something that it depends on has changed."""
        return self._kept.value

    def run(self) -> "Task[Rows]":
        """Measure, the noise by reconstructing the slice from samples with more of the scan's noise.

        InputError where no region lies on the slice, or no image of it is shown yet.
        """
        measured, take = self._acquisition.current, self._kept.for_now()
        here = self._meant(measured)
        if not here:
            number = self._acquisition.counted(measured.index)
            raise InputError(f"no region is on slice {number}; choose one in the list, or draw one.")
        matrix = measured.measurement.matrix
        masks = {f"{number} {one.name}": one.roi.mask(matrix) for number, one in enumerate(here, 1)}
        voxel = self._acquisition.voxel
        method, images = self._images(measured)
        result, pixel = self._perturbing.current, None if voxel is None else (voxel[0], voxel[1])
        changed = None if result is None else result.outcome.perturbed
        job = _table(measured, method, changed, images, masks, pixel)
        return Task("Measuring the regions", job, take, models=self._reconstruction.own(method.id))

    def _meant(self, measured: Slice | None) -> "tuple[Region, ...]":
        """The regions that are measured; one that is reshaped or renamed is another one."""
        if measured is None:
            return ()
        chosen = tuple(one for one in self._regions.chosen if one.slice == measured.index)
        return chosen or tuple(self._regions.on(measured.index))

    def save(self, path: Path) -> Task[Path]:
        """Write the table as CSV; InputError before it is measured, WritingError where it cannot be written."""
        if self.found is None:
            raise InputError("the regions are not measured yet; press Measure first.")
        return Task(f"Saving {path.name}", _save(self.found, path), lambda _: None, done=f"Saved as {path.name}.")

    def _images(self, measured: Slice) -> "tuple[Method, dict[str, Shown]]":
        """The method, and its magnitude images with what each is measured against."""
        result, rendered = self._perturbing.on_screen, self._reconstruction.shown
        if result is not None:
            one = result.outcome.comparison
            seen = {"clean": one.clean, "perturbed": one.perturbed, "random": one.random}
            own = one.perturbed_reference if one.judged_by == "perturbed" else one.target
            changed = one.judged_by == "perturbed"
            return result.setting.method, _against(one.reference, own, seen, result.setting.method, changed=changed)
        result = self._perturbing.current
        if rendered is None or not rendered.exact or (result is not None and rendered.perturbed is None):
            raise InputError("the exact image is not there yet; wait until it is, then measure.")
        reference = measured.reference if rendered.reference is None else rendered.reference
        seen, own, changed = {"clean": rendered.image}, None, False
        if result is not None and rendered.perturbed is not None:
            seen["perturbed"] = rendered.perturbed
            perturbed = result.outcome.perturbed
            own = rendered.image if reference is None else reference
            if changed := perturbed.judged_by == "perturbed":
                truth = perturbed.truth(rendered.method.reference_kind)
                own = None if truth is None else magnitude_on_cpu(truth)
        return rendered.method, _against(reference, own, seen, rendered.method, changed=changed)


def _against(
    reference: "Tensor | None",
    own: "Tensor | None",
    seen: "Mapping[str, Tensor]",
    method: "Method",
    *,
    changed: bool,
) -> "dict[str, Shown]":
    """A method's images and the reference, each with what it is measured against.

    own: what the perturbed one is; changed: whether that is the truth that the perturbation changed.
    """
    from ..evaluation.readout import Shown

    target, called = (seen["clean"], "clean") if reference is None else (reference, "reference")
    targets = {
        "clean": (reference, "reference"),
        "perturbed": (own, "perturbed reference" if changed else called),
        "random": (target, called),
    }
    images = {name: Shown(image, *targets[name], method=method.title) for name, image in seen.items()}
    return images if reference is None else {"reference": Shown(reference), **images}


def _table(
    measured: Slice,
    method: "Method",
    changed: "Perturbed | None",
    images: "dict[str, Shown]",
    masks: "Mapping[str, Tensor]",
    pixel: tuple[float, float] | None,
) -> "Job[Rows]":
    yield Progress(0.0, "Measuring the noise")
    from ..analyses.noise_map import noise_map, reference_noise
    from ..evaluation import metrics, readout

    twice = changed is not None and changed.restore is None
    noise = {"clean": (yield from part(noise_map(measured.measurement, method), 0.0, 0.5 if twice else 1.0))}
    if changed is not None and twice:
        noise["perturbed"] = yield from part(noise_map(changed.measurement, method), 0.5, 1.0)
    if method.reference_kind == "combined":
        noise["reference"] = reference_noise(measured.measurement)
    shown = {name: replace(one, noise=noise.get(name)) for name, one in images.items()}
    maximum = metrics.data_range_of(images.get("reference", images["clean"]).image)
    return readout.table(shown, masks, maximum, pixel)


def _save(rows: "Rows", path: Path) -> Job[Path]:
    yield Progress(0.0, f"Saving {path.name}")
    from ..evaluation.readout import to_csv
    from ..ground.writing import write

    write(path, to_csv(rows).encode())
    return path
