"""A whole scan, reconstructed slice by slice into one stack of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..cases.making import recipe_of
from ..cases.record import CaseRecipe
from ..data.measurement import Measurement
from ..data.orientation import Plane
from ..evaluation import metrics
from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import check_memory
from ..ground.progress import Job, Progress, relayed
from ..reconstructors.base import Method
from ..reconstructors.doubts import doubts

if TYPE_CHECKING:
    from ..data.scan import Scan
    from ..physics.sampling import Sampling

_COPIES = 3  # of the images, with their magnitudes and what is written
_RECORDED = {"method", "method_knobs", "input", "source", "weights", "versions", "threads"}  # without a perturbation

Measured = Mapping[str, metrics.Metrics]


@dataclass(eq=False, repr=False)
class Volume:
    """The images of all slices of a scan by one method.

    images: complex64 (slices, rows, columns) in the scan's units, on the CPU; NaN in a slice that could not be
    reconstructed. voxel: (row, column, slice) in mm, planes: where each image lies, as far as the scan says so. method:
    at the knobs of all slices. accelerations: the effective R of each slice. metrics: of the slices whose fully sampled
    image is known. doubts: reasons to doubt images, by name and slice. missing: why slices are missing. recipes: how
    the image of each slice was made.
    """

    images: Tensor
    voxel: tuple[float, float, float] | None
    planes: Sequence[Plane | None]
    method: Method
    accelerations: dict[int, float] = field(default_factory=dict)
    metrics: dict[int, Measured] = field(default_factory=dict)
    doubts: dict[str, dict[int, str]] = field(default_factory=dict)
    missing: dict[int, str] = field(default_factory=dict)
    recipes: dict[int, CaseRecipe] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        slices, rows, columns = self.images.shape
        lacking = f", {len(self.missing)} missing" if self.missing else ""
        return f"<Volume by {self.method.title}: {slices} slices of {rows} × {columns}{lacking}>"

    @property
    def mean_metrics(self) -> Measured | None:
        """The means over the slices that were measured; None if there are none."""
        every = list(self.metrics.values())
        if not every:
            return None
        return {
            region: metrics.Metrics(
                **{name: float(np.mean([vars(one[region])[name] for one in every])) for name in vars(every[0][region])}
            )
            for region in every[0]
        }

    def add(self, slice: int, measurement: Measurement, image: Tensor) -> None:
        """Take the image of a slice, in units of its measurement, and what is to be known of it."""
        self.images[slice] = (image * measurement.unit).cpu()
        self.accelerations[slice] = measurement.acceleration
        try:
            if (measured := metrics_of(self.method, measurement, image)) is not None:
                self.metrics[slice] = measured
        except InputError:  # an empty slice has nothing to be measured against
            pass
        for name, words in doubts(self.method, measurement, image).items():
            self.doubts.setdefault(name, {})[slice] = words
        self.recipes[slice] = _recipe(self.method, measurement)

    @property
    def record(self) -> dict[str, Any]:
        """How the images were made, as plain values; its `input` has the SHA-256 of each slice's samples."""
        first = next(iter(self.recipes.values()))
        inputs = {str(slice): recipe.input for slice, recipe in self.recipes.items()}
        return {**_plain(first), "source": {"sampling": first.source["sampling"]}, "input": inputs}


def reconstruct_scan(
    scan: "Scan",
    method: Method,
    sampling: "Sampling | Tensor | None" = None,
    *,
    device: str = "cpu",
) -> Job[Volume]:
    """Reconstruct every slice of a scan with one method under one mask; one slice at a time is in memory.

    A slice that cannot be reconstructed is missing from the volume, which says why; the error is raised if it is so
    with all of them.
    """
    slices = len(scan)
    check_memory(f"the volume of {scan.name}", _COPIES * 8 * slices * int(np.prod(scan.header.matrix)), InputError)
    images = torch.full((slices, *scan.header.matrix), torch.nan, dtype=torch.complex64)
    volume = Volume(images, scan.header.voxel, [scan.plane(index) for index in range(slices)], method)
    first: ReconRobustError | None = None
    for index in range(slices):
        within = partial(_within, index, slices)
        yield within(Progress(0.0))
        try:
            yield from relayed(_added(volume, scan, index, sampling, device), within)
        except ReconRobustError as error:
            volume.missing[index] = " ".join(str(error).split())
            first = first or error
    if first is not None and len(volume.missing) == slices:
        raise first
    return volume


def _within(index: int, slices: int, step: Progress) -> Progress:
    """A step of one slice as one of all."""
    return Progress((index + step.fraction) / slices, f"slice {index + 1} of {slices}")


def _added(volume: Volume, scan: "Scan", index: int, sampling: "Sampling | Tensor | None", device: str) -> Job[None]:
    """Read, reconstruct and measure one slice."""
    yield from scan.prepare(index)
    measurement = scan.measurement(index, sampling).to(device)
    volume.add(index, measurement, (yield from volume.method.job(measurement)))


def metrics_of(method: Method, measurement: Measurement, image: Tensor) -> Measured | None:
    """The metrics of an image in units of its measurement; None for a map, and where no fully sampled image is known.

    Raises InputError where nothing is seen in the reference.
    """
    if not method.is_image or measurement.full is None:
        return None
    reference = measurement.reference(method.reference_kind)
    assert reference is not None
    return metrics.measure(image.abs(), reference, tissue=measurement.foreground)


def record_of(method: Method, measurement: Measurement) -> dict[str, Any]:
    """How an image was made, as plain values: what a case records of it (`CaseRecipe`)."""
    return _plain(_recipe(method, measurement))


def _recipe(method: Method, measurement: Measurement) -> CaseRecipe:
    return recipe_of(measurement, method, {**measurement.source, "acceleration": measurement.acceleration})


def _plain(recipe: CaseRecipe) -> dict[str, Any]:
    return {"note": "Not for diagnostic use.", **recipe.model_dump(mode="json", include=_RECORDED)}
