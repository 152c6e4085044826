"""Opening HDF5 files with errors for the user; shared by the formats that are HDF5 inside."""

from pathlib import Path
from typing import Any

from ..errors import FileFormatError


def is_hdf5(path: Path) -> bool:
    """Whether the file has an HDF5 signature."""
    import h5py

    return bool(h5py.is_hdf5(path))


def open_hdf5(path: Path) -> Any:
    """An `h5py.File` for reading; FileFormatError for a truncated or damaged one."""
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        reason, advice = str(error), "copy or download it again"
        if "truncated" in reason:
            reason = "it is truncated"
        elif "lock" in reason:
            reason, advice = "another program is writing it", "wait until that is done"
        raise FileFormatError(f"{path.name} is an HDF5 file that cannot be opened ({reason}); {advice}.") from None


def described(file: Any) -> str:
    """The keys of an HDF5 file, those of its groups too, in a few words."""
    names = []
    for name, item in file.items():
        names += [f"{name}/{inner}" for inner in item] if hasattr(item, "items") else [name]
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "") if names else "no keys"
