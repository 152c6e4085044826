"""Reading DICOM series of magnitude images as volumes for simulations; pydicom is an extra.

Source: DICOM PS3.3, C.7.6.2 (image plane: positions, orientation, spacing).
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ..ground.errors import FileFormatError, InputError
from .anatomy import Volume, from_image

FEWEST = 8  # least number of images of a volume; localizers have fewer
_NEEDED = ("SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do, whatever its name."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def find_series(paths: Iterable[Path]) -> list[list[Path]]:
    """The files of each series, whose images have one size, orientation and echo; `FEWEST` images are a series.

    Raises InputError without pydicom, FileFormatError for a file that is cut off.
    """
    found: dict[tuple[Any, ...], list[Path]] = {}
    for path in paths:
        header = _read(path, pixels=False)
        if all(name in header for name in _NEEDED):
            orientation = tuple(round(float(x), 3) for x in header.ImageOrientationPatient)
            echo = str(header.get("EchoTime", ""))
            key = (str(header.SeriesInstanceUID), header.Rows, header.Columns, orientation, echo)
            found.setdefault(key, []).append(path)
    return [paths for paths in found.values() if len(paths) >= FEWEST]


def load_series(paths: Iterable[Path]) -> Volume:
    """One series as a volume, turned to (right, anterior, superior) as far as its planes allow.

    Raises FileFormatError if images cannot be decoded, or several lie at one place.
    """
    images = [_read(path) for path in paths]
    first = images[0]
    along, down = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    normal = np.cross(along, down)
    heights = np.array([normal @ np.array(image.ImagePositionPatient, float) for image in images])
    order = np.argsort(heights)
    gaps = np.diff(heights[order])
    if gaps.min() < 0.01 * gaps.max():
        raise FileFormatError(
            f"the DICOM series of {Path(first.filename).name} has several images at one place; give a series with one."
        )
    row, column = map(float, first.PixelSpacing)
    affine = np.eye(4)
    affine[:3] = np.stack(
        [down * row, along * column, normal * gaps.mean(), np.array(images[order[0]].ImagePositionPatient, float)], 1
    )
    affine[:2] *= -1  # DICOM's axes point to the patient's left and back
    import nibabel

    return from_image(nibabel.Nifti1Image(np.stack([_pixels(images[n]) for n in order], -1), affine))


def patient(path: Path) -> str:
    """The patient's ID in the file of an image; "" if it has none."""
    return str(_read(path, pixels=False).get("PatientID", ""))


def _pixels(image: Any) -> Any:
    try:
        values = np.asarray(image.pixel_array, np.float32)
    except Exception as error:  # what its decoders raise depends on those that are installed
        reason = " ".join(str(error).split())[:200]
        raise FileFormatError(
            f"the pixels of {Path(image.filename).name} cannot be decoded ({reason}); export the series uncompressed."
        ) from None
    return values * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0))


def _read(path: Path, pixels: bool = True) -> Any:
    try:
        import pydicom
    except ImportError:
        raise InputError(
            f"{path.name} is DICOM, which needs pydicom; pip install 'napari-recon-robust[dicom]'."
        ) from None
    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels)
    except (OSError, EOFError, ValueError, AttributeError, pydicom.errors.InvalidDicomError) as error:
        raise FileFormatError(f"{path.name} cannot be read as DICOM ({error}); copy it again.") from None
