"""Reading DICOM series of magnitude images as volumes for simulations; pydicom is an extra.

Source: DICOM PS3.3, C.7.6.2 (image plane: positions, orientation, spacing).
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from ..ground.errors import FileFormatError, InputError, to_install
from ..ground.guard import PACKED, check_length, check_memory, check_stored, head, opening, shown
from .anatomy import Volume, from_image

FEWEST = 8  # least number of images of a volume; localizers have fewer
_NEEDED = ("SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")


def is_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM files do, whatever its name."""
    return head(path, 132)[128:] == b"DICM"


def find_series(paths: Iterable[Path]) -> list[list[Path]]:
    """The files of each series, whose images have one size, orientation and echo; `FEWEST` images are a series.

    Raises InputError without pydicom, FileFormatError for a file that is cut off.
    """
    found: dict[tuple[Any, ...], list[Path]] = {}
    for path in paths:
        with _opening(path):
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
    paths = list(paths)
    with _opening(paths[0]):
        return _volume([_read(path) for path in paths])


def _volume(images: list[Any]) -> Volume:
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
    with _opening(path):
        return str(_read(path, pixels=False).get("PatientID", ""))


def _pixels(image: Any) -> Any:
    """The image in its own units; FileFormatError for pixels that are declared and not there, or not decoded."""
    name = shown(Path(image.filename))
    with opening(f"the pixels of {name}", advice="export the series uncompressed"):
        frames, samples = (int(image.get(tag, 1) or 1) for tag in ("NumberOfFrames", "SamplesPerPixel"))
        declared = int(image.Rows) * int(image.Columns) * frames * samples * max(1, int(image.BitsAllocated) // 8)
        check_stored(name, declared, len(image.PixelData), PACKED)
        check_memory(name, 8 * declared)
        values = np.asarray(image.pixel_array, np.float32)
        if values.ndim != 2:
            raise ValueError(f"they have {values.ndim} axes")
        return values * float(image.get("RescaleSlope", 1)) + float(image.get("RescaleIntercept", 0))


def _read(path: Path, pixels: bool = True) -> Any:
    try:
        import pydicom
    except ImportError:
        raise InputError(f"{path.name} is DICOM, which needs pydicom; {to_install('dicom')}.") from None
    check_length(path)
    meta = pydicom.filereader.read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") == pydicom.uid.DeflatedExplicitVRLittleEndian:  # pydicom unpacks any amount
        raise FileFormatError(f"{shown(path)} is DICOM that is packed as a whole; export the series uncompressed.")
    return pydicom.dcmread(path, stop_before_pixels=not pixels)


def _opening(path: Path) -> AbstractContextManager[None]:
    return opening(path, "DICOM", "copy it again")
