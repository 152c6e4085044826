"""Opening NIfTI files, whose header is compared with the file before nibabel allocates what it declares."""

import gzip
import math
from io import BytesIO
from pathlib import Path
from typing import Any

from ..ground.guard import PACKED, check_memory, check_stored, open_file, opening, shown

_HEADER = 540  # bytes of the longer of the two headers, NIfTI-2's
_LONGEST_EXTENSIONS = 2**24  # bytes between the header and the values
_COPIES = 4  # of the values, as float32 and while they are scaled


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
