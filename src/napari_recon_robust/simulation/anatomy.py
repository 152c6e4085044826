"""Anatomies for simulations: volumes read from NIfTI, their slices, and random changes of contrast and shape."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import (
    affine_transform,
    binary_dilation,
    binary_fill_holes,
    gaussian_filter,
    label,
    map_coordinates,
)

from ..ground.errors import InputError
from ..ground.guard import opening, to_path
from ..io.nifti import load_nifti
from .acquisition import smooth_field

Plane = Literal["axial", "coronal", "sagittal"]
Image = NDArray[np.float32]

PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")
SUFFIXES = (".nii", ".nii.gz")  # of NIfTI
ROUGHNESS_RANGE = (0.075, 0.12)  # of real brains
_LEAST_TISSUE = 1e-3  # of the voxels that are not 0
_AIR = 0.08  # of the tissue, smoothed: above the noise of the air, below dark tissue
_NORMAL = {"sagittal": 0, "coronal": 1, "axial": 2}
_THIN = 1 / 3  # of a volume's longest side; a shorter side is no side of an image
# Spectra of anatomy fall about as k^-3. If one falls to this fraction of that, the scanner has interpolated.
_WEAK = 0.3


@dataclass(frozen=True, eq=False)
class Volume:
    """A head: float32 data with axes (right, anterior, superior), 99.5th percentile of the tissue 1; voxel in mm."""

    data: Image
    voxel: tuple[float, float, float]

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes that can be cut: voxels below 1.6 mm and below twice the finest, and sides that are not thin.

        A side is thin below a third of the longest one: a few slices are cut in their own plane.
        """
        sides = np.multiply(self.data.shape, self.voxel)
        fine = np.array(self.voxel) <= min(1.6, 2 * min(self.voxel))
        usable = fine & (sides >= _THIN * sides.max(where=fine, initial=0))
        return tuple(plane for plane in PLANES if np.delete(usable, _NORMAL[plane]).all())

    def resolved(self, axis: int) -> int:
        """The number of voxels along an axis that would hold all detail; it is smaller if the volume was interpolated.

        That is up to the spatial frequency k beyond which the power times k^3 is below 0.3 of its typical value.
        """
        length = self.data.shape[axis]
        if length < 32:
            return length
        # The middle of the volume is enough, and its lines cross the tissue.
        middle = tuple(
            slice(None) if n == axis else slice(side // 3, -(-2 * side // 3)) for n, side in enumerate(self.data.shape)
        )
        lines = np.moveaxis(self.data[middle], axis, -1) * np.hanning(length).astype(np.float32)
        power = (np.abs(rfft(lines)) ** 2).mean((0, 1)) * np.arange(length // 2 + 1) ** 3
        power = gaussian_filter(power, length / 100)
        typical = np.median(power[length // 10 : length // 4])
        found = np.flatnonzero(power > _WEAK * typical)  # nothing, if there is no tissue in the middle
        return int(min(length, 2 * found[-1] + 2)) if len(found) else length

    def slice(self, plane: Plane, index: int) -> tuple[Image, tuple[float, float]]:
        """One slice as a radiologist looks at it, and the size of its pixels (row, column) in mm.

        The patient's right is on the left, anterior or superior is up.
        """
        normal = _NORMAL[plane]
        section = np.take(self.data, index, axis=normal)[::-1, ::-1].T
        height, width = (size for axis, size in list(enumerate(self.voxel))[::-1] if axis != normal)
        return section, (height, width)


def load_volume(path: str | Path) -> Volume:
    """Read a NIfTI volume, turned to (right, anterior, superior); FileFormatError if it is not one."""
    path = to_path(path)
    with opening(path, "NIfTI", "give a .nii or .nii.gz"):
        return from_image(load_nifti(path))


def from_image(image: Any) -> Volume:
    """A nibabel image as a volume, turned to (right, anterior, superior); ValueError if it does not have three axes.

    Further axes of one entry, as some programs write for a single time, do not count; two axes are those of one slice.
    Of complex values the magnitudes are taken.
    """
    import nibabel

    if len(image.shape) == 2:
        image = nibabel.Nifti1Image(np.asarray(image.dataobj)[..., None], image.affine)
    image = nibabel.as_closest_canonical(image)
    data = np.asarray(image.dataobj)
    data = (np.abs(data) if np.iscomplexobj(data) else data).astype(np.float32)
    if data.size == math.prod(data.shape[:3]):
        data = data.reshape(data.shape[:3])
    if data.ndim != 3:
        raise ValueError(f"it has {data.ndim} axes, and a volume has three")
    voxel = tuple(float(size) for size in image.header.get_zooms()[:3])
    return volume(data, voxel)


def volume(data: NDArray[np.floating], voxel: tuple[float, ...]) -> Volume:
    """A scaled volume from an array (right, anterior, superior); what is negative or not finite, and air, become zero.

    The noise in the air would otherwise become a signal that no sensitivities explain. Raises ValueError if no value is
    positive, or if a few are so large that all others would count as air.
    """
    data = np.maximum(np.nan_to_num(np.asarray(data, np.float32), posinf=0), 0)
    tissue = data[data > 0.1 * data.max()]
    if tissue.size == 0:
        raise ValueError("it holds no positive values, and magnitudes are expected")
    if tissue.size < _LEAST_TISSUE * np.count_nonzero(data):
        raise ValueError("a few voxels are more than ten times as large as all others; set them to 0 in the file")
    data = data / np.quantile(tissue, 0.995)
    return Volume(data * _head(data), (voxel[0], voxel[1], voxel[2]))


def _head(data: Image) -> Image:
    """1 in the head, 0 in the air, with a soft edge; the head is the largest part bright after smoothing, filled."""
    labels, count = label(gaussian_filter(data, 1.5) > _AIR)
    if count == 0:
        return np.ones_like(data)
    inside = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    for section in np.moveaxis(inside, 2, 0):  # slice by slice: the mouth and the neck open to the air elsewhere
        section[:] = binary_fill_holes(section)
    return gaussian_filter(binary_dilation(inside).astype(np.float32), 0.7)


def slices(source: Volume, plane: Plane, count: int, shape: tuple[int, int], *, fill: float = 0.85) -> Iterator[Image]:
    """`count` equally spaced slices of a plane through the tissue, resampled to square pixels of one size.

    The head's largest extent fills the fraction `fill` of `shape` = (rows, columns). Values 0 to about 1, float32.
    """
    indices = tissue_range(source, plane)
    pixel = _pixel(source, plane, shape, fill)
    for index in np.linspace(indices[0], indices[-1], count + 2)[1:-1].round().astype(int):
        section, spacing = source.slice(plane, int(index))
        matrix = np.array([pixel / spacing[0], pixel / spacing[1]])
        offset = (np.array(section.shape) - 1) / 2 - matrix * (np.array(shape) // 2)
        yield np.maximum(affine_transform(_averaged(section, matrix), matrix, offset, shape, order=3), 0)


def tissue_range(source: Volume, plane: Plane) -> NDArray[np.intp]:
    """The indices of the slices that show at least 40% of the tissue of the fullest one."""
    others = tuple(axis for axis in range(3) if axis != _NORMAL[plane])
    area = (source.data > 0.15).mean(axis=others)
    return np.flatnonzero(area > 0.4 * area.max())


def _pixel(source: Volume, plane: Plane, shape: tuple[int, int], fill: float) -> float:
    """The pixel in mm at which the tissue fills `fill` of the image."""
    tissue = source.data > 0.15
    sizes = []
    for axis in (axis for axis in (2, 1, 0) if axis != _NORMAL[plane]):
        others = tuple(other for other in range(3) if other != axis)
        inside = np.flatnonzero(tissue.mean(axis=others) > 0.02)
        if not inside.size:
            raise InputError("the anatomy shows almost no tissue; a magnitude volume of a head is expected.")
        sizes.append((inside[-1] - inside[0] + 1) * source.voxel[axis])
    return max(size / (fill * n) for size, n in zip(sizes, shape, strict=True))


def random_slice(source: Volume, shape: tuple[int, int], rng: Generator) -> Image:
    """A random slice with random zoom (0.6-1.5), rotation, shift, mirroring and smooth deformation, in its contrast."""
    plane: Plane = rng.choice(source.planes)
    section, spacing = source.slice(plane, int(rng.choice(tissue_range(source, plane))))
    pixel = _pixel(source, plane, shape, 0.85) / np.exp(rng.uniform(np.log(0.6), np.log(1.5)))
    # Most scans stand upright or on their side; few are turned far.
    angle = rng.normal(0, 0.15) + np.pi / 2 * rng.integers(4)
    aspect = np.exp(rng.normal(0, 0.06))
    row, column = np.meshgrid(*(np.arange(n, dtype=np.float32) - n // 2 for n in shape), indexing="ij")
    column = column * rng.choice((-1, 1))
    size = max(shape)
    strength = rng.uniform(0, 0.012) * size
    row = row * aspect + strength * smooth_field(shape, rng, size / 8)
    column = column / aspect + strength * smooth_field(shape, rng, size / 8)
    shift = rng.normal(0, 0.03, 2) * size
    turned = (
        np.cos(angle) * row - np.sin(angle) * column + shift[0],
        np.sin(angle) * row + np.cos(angle) * column + shift[1],
    )
    at = [axis * (pixel / step) + (n - 1) / 2 for axis, step, n in zip(turned, spacing, section.shape, strict=True)]
    section = _averaged(section, [pixel / step for step in spacing])
    return np.clip(map_coordinates(section, at, order=3, mode="constant"), 0, None)


def _averaged(section: Image, steps: Iterable[float]) -> Image:
    """The section, smoothed if the image's pixels are coarser (`steps`), so that voxels are averaged, not skipped."""
    widths = [max(0.0, 0.45 * (step - 1)) for step in steps]
    return gaussian_filter(section, widths) if max(widths) > 0.1 else section


def contrast(image: Image, rng: Generator) -> Image:
    """Another contrast of the same anatomy: a random smooth curve of its intensities, in a quarter of draws inverted.

    image: magnitudes from 0 to about 1. Air stays dark, and the curve is never so steep that it turns texture
    into noise.
    """
    levels = np.array([0.0, 0.06, 0.15, 0.35, 0.55, 0.75, 1.0, 1.6])
    kind = rng.uniform()
    if kind < 0.35:
        values = np.minimum(levels, 1.3) ** rng.uniform(0.6, 1.5)
    elif kind < 0.75:
        values = np.concatenate([[0.0], rng.uniform(0.15, 1.0, len(levels) - 1)])
    else:
        values = np.concatenate([[0.0], 1.05 - levels[1:6] ** rng.uniform(0.7, 1.3), rng.uniform(0.1, 0.8, 2)])
    values[:2] = 0.0, 0.04  # air and its noise
    curve = PchipInterpolator(levels, values)
    return np.maximum(curve(np.clip(image, 0, levels[-1])), 0).astype(np.float32)


def roughness(image: Image) -> float:
    """Median of |gradient| (central differences) over the tissue, divided by the tissue's mean magnitude."""
    tissue = image > 0.1 * np.quantile(image, 0.99)
    if not tissue.any():
        return 0.0
    gradient = np.hypot(*np.gradient(image))
    return float(np.median(gradient[tissue]) / image[tissue].mean())


def soften(image: Image, limit: float) -> Image:
    """The image, smoothed just enough, and by at most one pixel, for a roughness of at most `limit`."""
    width = 0.0
    softened = image
    while roughness(softened) > limit and width < 1:
        width += 0.25
        softened = gaussian_filter(image, width)
    return softened
