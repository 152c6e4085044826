"""NIfTI images: how they are made, and opened with their header compared to the file before nibabel allocates."""

import gzip
import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.orientation import Plane, Vector
from ..ground.guard import PACKED, check_memory, check_stored, open_file, opening, shown

_HEADER = 540  # bytes of the longer of the two headers, NIfTI-2's
_LONGEST_EXTENSIONS = 2**24  # bytes between the header and the values
_COPIES = 4  # of the values, as float32 and while they are scaled
_EVEN = 0.05  # of the step between slices, by which one of them may differ


def nifti_image(
    image: NDArray[np.float32],
    voxel: Vector | None = None,
    plane: Plane | None = None,
) -> Any:
    """An image (rows, columns) as a NIfTI image of nibabel: `nifti_volume` of one slice."""
    return nifti_volume(image[None], voxel, [plane])


def nifti_volume(
    images: NDArray[np.float32],
    voxel: Vector | None = None,
    planes: Sequence[Plane | None] = (),
) -> Any:
    """A stack of images (slices, rows, columns) as a NIfTI image of nibabel with the axes (column, row, slice).

    voxel: (row, column, slice) in mm, or None where it is not known. planes: where each image lies. Where their places
    are known the codes of the transforms are 1 ("scanner"), and slices are as far apart as they are there. Where only
    their directions are known, or the slices are not evenly apart, the codes are 2 ("aligned"), and without planes 0
    ("unknown"), so that programs take the voxel size alone and know neither left and right nor a position.
    """
    import nibabel

    size = voxel or (1.0, 1.0, 1.0)
    plane = planes[0] if planes else None
    if plane is None:
        affine, code = np.diag([size[1], size[0], size[2], 1.0]), 0
    else:
        step = _step(planes) if voxel and len(planes) > 1 else None
        if len(planes) > 1 and step is None:
            plane = Plane(directions=plane.directions)
        affine, code = plane.affine((images.shape[1], images.shape[2]), size), 2 if plane.first is None else 1
        if step is not None:
            affine[:3, 2] = step * (-1, -1, 1)
    made = nibabel.Nifti1Image(images.T, affine)
    made.set_sform(affine, code=code)
    made.set_qform(affine, code=code)
    made.header.set_xyzt_units("unknown" if voxel is None else "mm")
    return made


def _step(planes: Sequence[Plane | None]) -> NDArray[np.float64] | None:
    """What leads from each slice to the next one, in mm and DICOM's coordinates; None if it is not known or not one."""
    firsts = [plane.first for plane in planes if plane is not None and plane.first is not None]
    if len(firsts) < len(planes):
        return None
    steps = np.diff(np.array(firsts), axis=0)
    mean: NDArray[np.float64] = steps.mean(0)
    length = float(np.linalg.norm(mean))
    return mean if length > 0 and np.linalg.norm(steps - mean, axis=1).max() <= _EVEN * length else None


def load_nifti(path: Path) -> Any:
    """A NIfTI image of nibabel, whose values are read when they are asked for, and never mapped into memory.

    Raises FileFormatError for another file, a truncated one, and one that declares more than it holds or fits into
    memory.
    """
    import nibabel

    with opening(path, "NIfTI", "give a sound .nii or .nii.gz"):
        with open_file(path) as file:
            stored = file.seek(0, 2)
            file.seek(0)
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            content = gzip.GzipFile(fileobj=file).read(_HEADER) if packed else file.read(_HEADER)
        kind = (
            nibabel.Nifti2Header if 540 in (_size(content, "little"), _size(content, "big")) else nibabel.Nifti1Header
        )
        header = kind.from_fileobj(BytesIO(content), check=False)
        declared = math.prod(map(int, header.get_data_shape())) * header.get_data_dtype().itemsize
        offset = float(header["vox_offset"])
        if not 0 <= offset <= _LONGEST_EXTENSIONS:
            raise ValueError(f"its values begin at byte {offset:g}")
        check_stored(shown(path), declared, stored, PACKED if packed else 1)
        check_memory(shown(path), _COPIES * declared)
        return nibabel.load(path, mmap=False)


def _size(header: bytes, order: Any) -> int:
    """The header's own length, which it begins with."""
    return int.from_bytes(header[:4], order)
