"""Kept images: a Zarr archive for each trial, which any reader of Zarr opens."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from torch import Tensor

from ..ground.errors import InputError
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


def packed(images: Mapping[str, Tensor]) -> bytes:
    """The content of an archive; the same for the same images."""
    try:
        import zarr
        from zarr.storage import MemoryStore
    except ImportError:
        raise InputError("kept images need Zarr, which is not installed: pip install '.[studies]'.") from None
    memory = MemoryStore()
    group = zarr.open_group(memory, mode="w", zarr_format=3)
    for name, image in images.items():
        group.create_array(name, data=image.contiguous().numpy(), chunks=tuple(image.shape), compressors=None)
    content = BytesIO()
    with ZipFile(content, "w", ZIP_STORED) as archive:
        for name in sorted(memory._store_dict):
            archive.writestr(ZipInfo(name, _EPOCH), memory._store_dict[name].to_bytes())
    return content.getvalue()
