"""Kept images: a Zarr archive for each trial, which any reader of Zarr opens."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from types import ModuleType
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from torch import Tensor

from ..ground.errors import InputError, to_install
from ..ground.writing import write

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that an archive can have
_SUFFIX = ".zarr.zip"


def place(folder: Path, trial: str) -> Path:
    """Where the images of a trial are, in the store's folder."""
    return folder / "images" / trial[:2] / f"{trial}{_SUFFIX}"


def kept_images(folder: Path) -> set[str]:
    """The trials whose images are in the store's folder."""
    return {path.name.removesuffix(_SUFFIX) for path in folder.glob(f"images/*/*{_SUFFIX}")}


def keep_images(folder: Path, trial: str, images: Mapping[str, Tensor]) -> None:
    """Write the images of a trial, float32 (rows, columns), as the arrays of a Zarr group by their state."""
    write(place(folder, trial), packed(images))


def zarr() -> ModuleType:
    """The library of arrays; InputError where it is not installed."""
    try:
        import zarr.storage
    except ImportError:
        raise InputError(f"kept images need Zarr; {to_install('studies')}.") from None
    return zarr


def packed(images: Mapping[str, Tensor]) -> bytes:
    """The content of an archive; the same for the same images."""
    library = zarr()
    memory = library.storage.MemoryStore()
    group = library.open_group(memory, mode="w", zarr_format=3)
    for name, image in images.items():
        group.create_array(name, data=image.contiguous().numpy(), chunks=tuple(image.shape), compressors=None)
    content = BytesIO()
    with ZipFile(content, "w", ZIP_STORED) as archive:
        for name in sorted(memory._store_dict):
            archive.writestr(ZipInfo(name, _EPOCH), memory._store_dict[name].to_bytes())
    return content.getvalue()
