"""A reconstructed scan as files of other programs: one of NumPy, HDF5 or NIfTI, or a folder with a DICOM series."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..analyses.volume import Volume
from ..cases.record import Case
from ..data.roi import ROI
from ..data.window import Window
from ..ground.errors import InputError
from ..ground.guard import shown as named
from ..ground.guard import to_path
from ..ground.writing import write
from ..io.images import VOLUME_SUFFIXES, check_suffix, write_volume
from .case_images import NO_TRUTH, CaseImages
from .dicom import Series, check_installed, mr_image

PLACES = f"a file ({', '.join(VOLUME_SUFFIXES)}), or a new folder for a DICOM series"


def check_place(path: Path) -> None:
    """Raise InputError, before any work is done, if a volume cannot be written under this name."""
    if path.suffix:
        check_suffix(path, VOLUME_SUFFIXES)
        return
    check_installed()
    if os.path.lexists(path) and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{named(path)} is there already; name {PLACES}.")


def save_volume(volume: Volume, path: str | Path) -> Path:
    """Write the images, and how they were made: as .npy, .h5 or .nii.gz, or without a suffix as a DICOM series.

    The three are as `io.images.write_volume` says. The series is a new folder with an MR image for each slice, as
    `reports.export.export_image` writes one, all in thousandths of the largest value, and under one window.
    Raises InputError for another suffix, a folder that is not empty, and DICOM without pydicom; WritingError where it
    cannot be written. Returns the path.
    """
    path = to_path(path)
    check_place(path)
    if path.suffix:
        write_volume(path, volume.images, volume.voxel, volume.planes, record=volume.record)
    else:
        write(path, dict(_series(volume)))
    return path


def _series(volume: Volume) -> Iterator[tuple[str, bytes]]:
    """The files of a DICOM series by their names."""
    magnitudes = volume.images.abs().numpy()
    there = magnitudes[list(volume.recipes)]
    window = Window.of(there)
    input = hashlib.sha256(" ".join(recipe.input for recipe in volume.recipes.values()).encode()).hexdigest()
    brightest = float(there.max()) or 1.0
    series = Series(input, brightest, "maximum of all slices", reach=brightest)
    for slice in volume.recipes:
        shown = CaseImages(_case(volume, slice, magnitudes[slice]))
        image = shown.image("clean", 0)
        marks = tuple(mark for mark in image.marks if mark != NO_TRUTH or slice not in volume.metrics)
        image = replace(image, image=magnitudes[slice], marks=marks)
        yield f"{slice + 1:04}.dcm", mr_image(shown, image, window, label=True, series=series)


def _case(volume: Volume, slice: int, magnitude: np.ndarray) -> Case:
    """A slice as what nothing was done to, without its samples."""
    rows, columns = magnitude.shape
    return Case(
        recipe=volume.recipes[slice],
        roi=ROI.box(0, 0, rows, columns),
        results=[{"budget": {"nominal": None}}],
        matrix=(rows, columns),
        kspace={},
        images={"clean": magnitude},
    )
