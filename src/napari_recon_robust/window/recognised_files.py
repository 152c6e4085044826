"""Which files and folders the review opens, and not napari."""

import os
from pathlib import Path

from ..ground.guard import is_file


def is_recognised(path: Path) -> bool:
    """Whether it is k-space, fastMRI+ annotations, a saved case or a folder of them; a quick look tells."""
    if os.path.isdir(path):  # False for a name that no file can have
        from ..cases.gallery.listing import holds_cases

        return is_file(path / "case.json") or holds_cases(path)
    if path.suffix == ".npy" and _is_plain(path):
        return False
    from ..io import annotations, format_of

    if path.suffix == annotations.SUFFIX:
        return annotations.is_table(path)
    return format_of(path) is not None


def _is_plain(path: Path) -> bool:
    """Whether an array holds an image and no k-space; False if it cannot be read, so that opening it says why."""
    from ..ground.arrays import open_npy
    from ..ground.errors import FileFormatError

    try:
        array = open_npy(path)
    except FileFormatError:
        return False
    array.close()
    return array.dtype.kind != "c"
