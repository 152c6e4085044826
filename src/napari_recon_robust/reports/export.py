"""One image of a saved case as a file of another program: PNG, TIFF, NIfTI or DICOM.

Every file says what it shows, and that it is not for diagnostic use.
"""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..cases.record import Case, reading
from ..data.window import Window
from ..evaluation.difference import coloured
from ..ground.guard import to_path
from ..ground.writing import write
from ..io.images import check_suffix
from ..io.nifti import nifti_image
from .case_images import CaseImage, CaseImages, with_square_pixels
from .dicom import mr_image
from .labels import burned_in, warning


def export_image(
    case: Case | str | Path,
    image: str,
    path: str | Path,
    *,
    budget: float | None = None,
    window: tuple[float, float] | None = None,
    label: bool = True,
) -> Path:
    """Write one image of a case, in the format of the path's suffix; returns the path.

    .png: 8 bits through the window, as on the screen, with square pixels. .tiff: float32 in the scan's units, as on the
    screen. .nii.gz: float32 with the rows as they are stored, the voxel size, and the patient's orientation where the
    case knows it. .dcm: a DICOM MR image of 16 bits, with the same.

    case: a loaded one or its folder. image: "reference", "clean", "perturbed", "random" or "perturbed-reference".
    budget: which of several, as a fraction; by default the largest. window: black and white of PNG and DICOM, in the
    scan's units; by default those of the reference. label: whether PNG and DICOM images that were modified, or have no
    fully sampled truth, bear it in their pixels.
    Raises InputError for an image or a budget that the case does not have, an unknown suffix, or a place that cannot
    be written; FileFormatError for a folder that is not a sound case.
    """
    path = to_path(path)
    check_suffix(path, tuple(_FORMATS))
    with reading():
        shown = CaseImages(case)
        case_image = shown.image(image, shown.number(budget))
    return export_case_image(shown, case_image, path, window=window, label=label)


def export_case_image(
    shown: CaseImages,
    case_image: CaseImage,
    path: Path,
    *,
    window: tuple[float, float] | None = None,
    label: bool = True,
) -> Path:
    """Write an image that may be none of those that a case holds; see `export_image`, which writes one of them."""
    check_suffix(path, tuple(_FORMATS))
    made = next(made for suffix, made in _FORMATS.items() if path.name.lower().endswith(suffix))
    with reading():
        limits = shown.windowed(window)
        case_image = replace(case_image, image=case_image.image * np.float32(shown.unit))
        limits = Window(limits.low * shown.unit, limits.high * shown.unit)
        content = made(shown, case_image, limits, label)
    write(path, content)
    return path


def png(shown: CaseImages, case_image: CaseImage, window: Window, label: bool) -> bytes:
    """8 bits as they are seen, with square pixels, grey or in two colours; what the image is stands in its text."""
    from PIL import Image, PngImagePlugin

    image = with_square_pixels(shown.turn.shown(case_image.image), shown.seen_voxel)
    pixels = coloured(image, window.high) if case_image.signed else window.grey(image)
    if label:
        pixels = burned_in(pixels, case_image, white=255)
    text = PngImagePlugin.PngInfo()
    for name, value in _said(shown, case_image).items():
        text.add_itxt(name, str(value))
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", pnginfo=text)
    return file.getvalue()


def tiff(shown: CaseImages, case_image: CaseImage, window: Window, label: bool) -> bytes:
    """Float32 in the scan's units, as it is seen; what it is stands in its description."""
    import tifffile

    description = json.dumps(_said(shown, case_image) | {"window": [window.low, window.high]})
    voxel = shown.seen_voxel
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        shown.turn.shown(case_image.image),
        photometric="minisblack",
        description=description,
        metadata=None,
        software=False,
        resolution=None if voxel is None else (10 / voxel[1], 10 / voxel[0]),
        resolutionunit=None if voxel is None else "CENTIMETER",
    )
    return file.getvalue()


def nifti(shown: CaseImages, case_image: CaseImage, window: Window, label: bool) -> bytes:
    """Float32 (column, row, slice) as stored, with the voxel size, and where the image lies if the case knows it."""
    import nibabel

    image = nifti_image(case_image.image, shown.voxel, shown.plane)
    image.header["descrip"] = _short(shown, case_image).encode()
    image.header["cal_min"], image.header["cal_max"] = window.low, window.high
    image.header.extensions.append(
        nibabel.nifti1.Nifti1Extension("comment", json.dumps(_said(shown, case_image)).encode())
    )
    return gzip.compress(image.to_bytes(), mtime=0)


_FORMATS: dict[str, Callable[[CaseImages, CaseImage, Window, bool], bytes]] = {
    ".png": png,
    ".tiff": tiff,
    ".tif": tiff,
    ".nii.gz": nifti,
    ".dcm": mr_image,
}
SUFFIXES = tuple(_FORMATS)


def _said(shown: CaseImages, case_image: CaseImage) -> dict[str, Any]:
    """What a file says of its image."""
    return {
        "Warning": warning(case_image),
        "Title": case_image.title,
        "Description": case_image.words,
        "Marks": ", ".join(case_image.marks) or "none",
        "Perturbation": shown.kind,
        "Method": shown.method,
        "Input": shown.case.recipe.input,
        "Geometry": _geometry(shown),
    }


def _geometry(shown: CaseImages) -> str:
    """What is known of the images' size and place, and what is not, in words."""
    size = "voxel size known" if shown.voxel else "voxel size unknown"
    if shown.plane is None:
        return f"{size}, orientation of the patient unknown"
    return f"{size}, orientation of the patient known, position {'un' * (shown.plane.first is None)}known"


def _short(shown: CaseImages, case_image: CaseImage) -> str:
    """In the 79 letters that NIfTI has room for."""
    if shown.plane is not None:
        missing = "voxel size" if shown.voxel is None else "position" if shown.plane.first is None else ""
    else:
        missing = "geometry" if shown.voxel is None else "orientation"
    return "; ".join(filter(None, (warning(case_image), missing and f"{missing} unknown")))
