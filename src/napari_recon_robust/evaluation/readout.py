"""What is read off images: the values at one pixel, the statistics of regions, signal and contrast over noise."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from torch import Tensor

from ..ground.errors import InputError, dimensions
from ..ground.table import to_csv as table_to_csv
from . import metrics
from .contrast import surroundings

SNR = "SNR = mean(|x|) / σ, σ² the mean variance of |x| over the region under the scan's thermal noise"
CNR = "CNR = (mean in − mean around) / sqrt((σ²in + σ²around) / 2), around: the pixels 3 to 6 beyond the region"


@dataclass(frozen=True)
class Reading:
    """The values of several images at one pixel, as fractions of a maximum.

    mm: the pixel's distance from the centre of the first one, (down, right), or None where the voxel is not known.
    values: by the names of the images.
    """

    row: int
    column: int
    mm: tuple[float, float] | None
    values: Mapping[str, float]

    @property
    def change(self) -> float | None:
        """Perturbed minus clean."""
        if not {"clean", "perturbed"} <= self.values.keys():
            return None
        return self.values["perturbed"] - self.values["clean"]

    @property
    def place(self) -> str:
        """Row and column, and millimetres where they are known."""
        mm = "" if self.mm is None else f" ({self.mm[0]:.1f}, {self.mm[1]:.1f} mm)"
        return f"row {self.row}, column {self.column}{mm}"


def read(
    images: Mapping[str, Tensor], row: int, column: int, maximum: float, pixel: tuple[float, float] | None = None
) -> Reading | None:
    """The values of images (rows, columns) at a pixel; None outside of them.

    maximum: what is 1. pixel: its (row, column) size in mm.
    """
    for image in images.values():
        rows, columns = image.shape
        if not (0 <= row < rows and 0 <= column < columns):
            return None
    values = {name: float(image[row, column]) / maximum for name, image in images.items()}
    mm = None if pixel is None else (row * pixel[0], column * pixel[1])
    return Reading(row, column, mm, values)


@dataclass(frozen=True)
class RegionRow:
    """One region in one image: a line of the table. Values are fractions of `maximum`, which is in the scan's units.

    method: by which the image was made, with its knobs; empty for the reference.
    deviation: the sample standard deviation over the region, which holds anatomy as well as noise. against: the image
    that ssim, psnr_db and nmse are measured against; empty, and these None, where there is none. snr, cnr: by `SNR` and
    `CNR`, None where the noise is not known.
    """

    image: str
    method: str
    region: str
    pixels: int
    area_mm2: float | None
    mean: float
    deviation: float
    minimum: float
    maximum_in_region: float
    against: str
    ssim: float | None
    psnr_db: float | None
    nmse: float | None
    snr: float | None
    cnr: float | None
    maximum: float


@dataclass(frozen=True, eq=False)
class Shown:
    """One image of a table.

    target: what it is measured against, or None; against: what that image is called. noise: the standard deviation of
    |x| under thermal noise at each pixel (rows, columns), in the image's units, or None. method: by which it was made.
    """

    image: Tensor
    target: Tensor | None = None
    against: str = "reference"
    noise: Tensor | None = None
    method: str = ""


def table(
    images: Mapping[str, Shown],
    regions: Mapping[str, Tensor],
    maximum: float,
    pixel: tuple[float, float] | None = None,
) -> list[RegionRow]:
    """Every region, bool (rows, columns), in every image, magnitudes (rows, columns) in the scan's units.

    maximum: what is 1, and the data range of the metrics. pixel: its (row, column) size in mm, or None.
    InputError for a region that has no pixel or another size.
    """
    for name, mask in regions.items():
        sizes = {tuple(shown.image.shape) for shown in images.values()}
        if not mask.any() or sizes - {tuple(mask.shape)}:
            raise InputError(
                f"the region {name!r} has {int(mask.sum())} pixels on a grid of {dimensions(mask.shape)}; one with "
                "pixels on the images' own grid is expected."
            )
    return [
        _row(image, shown, name, mask, maximum, pixel)
        for name, mask in regions.items()
        for image, shown in images.items()
    ]


def to_csv(rows: Iterable[RegionRow]) -> str:
    """The table as CSV with a head; what is not known or not finite is left empty."""
    return table_to_csv([field.name for field in fields(RegionRow)], map(asdict, rows))


def signal_to_noise(image: Tensor, mask: Tensor, noise: Tensor) -> float | None:
    """`SNR` of a region; noise: the standard deviation at each pixel. None where that is zero."""
    level = _level(noise, mask)
    return float(image[mask].double().mean()) / level if level > 0 else None


def contrast_to_noise(image: Tensor, mask: Tensor, noise: Tensor) -> float | None:
    """`CNR` of a region; negative if it is darker. None if nothing is around it, or without noise."""
    around = surroundings(mask)
    if not around.any():
        return None
    level = math.sqrt((_level(noise, mask) ** 2 + _level(noise, around) ** 2) / 2)
    contrast = float(image[mask].double().mean() - image[around].double().mean())
    return contrast / level if level > 0 else None


def _level(noise: Tensor, mask: Tensor) -> float:
    return math.sqrt(float(noise[mask].double().square().mean()))


def _row(
    name: str, shown: Shown, region: str, mask: Tensor, maximum: float, pixel: tuple[float, float] | None
) -> RegionRow:
    inside = shown.image[mask].double() / maximum
    measured = None
    if shown.target is not None:
        found = metrics.measure(shown.image, shown.target, roi=mask, tissue=mask, data_range=maximum)
        measured = found["roi"]
    noise = shown.noise
    return RegionRow(
        image=name,
        method=shown.method,
        region=region,
        pixels=inside.numel(),
        area_mm2=None if pixel is None else inside.numel() * pixel[0] * pixel[1],
        mean=float(inside.mean()),
        deviation=float(inside.std()) if inside.numel() > 1 else 0.0,
        minimum=float(inside.min()),
        maximum_in_region=float(inside.max()),
        against="" if measured is None else shown.against,
        ssim=None if measured is None else measured.ssim,
        psnr_db=None if measured is None else measured.psnr,
        nmse=None if measured is None else measured.nmse,
        snr=None if noise is None else signal_to_noise(shown.image, mask, noise),
        cnr=None if noise is None else contrast_to_noise(shown.image, mask, noise),
        maximum=maximum,
    )
