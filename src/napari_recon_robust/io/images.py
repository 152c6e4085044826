"""Writing reconstructed images as files that other programs read, and reading images from such files."""

import gzip
import json
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.orientation import AS_STORED, Plane, Turn, Vector
from ..ground import hdf5
from ..ground.arrays import read_npy
from ..ground.errors import InputError, dimensions
from ..ground.guard import head, opening, shown, status
from ..ground.hdf5 import is_hdf5, open_hdf5
from ..ground.writing import write
from .nifti import load_nifti, nifti_image, nifti_volume

SUFFIXES = (".npy", ".h5", ".png", ".nii.gz")
READABLE = (*SUFFIXES, ".nii")
VOLUME_SUFFIXES = (".npy", ".h5", ".nii.gz")
MAP_SUFFIXES = (".npy", ".png")
_MOST_PIXELS = 2**24  # of a picture


def check_suffix(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Raise InputError, before any work is done, if an image cannot be written under this name."""
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"{path.name} has no known suffix; end the output's name in one of {', '.join(suffixes)}.")


def write_image(
    path: Path,
    image: Tensor,
    voxel: Vector | None = None,
    plane: Plane | None = None,
    *,
    turn: Turn = AS_STORED,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write one image, complex (rows, columns), in its own units.

    .npy: complex64. .h5: `image` complex64 and `magnitude` float32. .png: the magnitude in 8 bits, with its 99.9th
    percentile white, a pixel for each of the image's whatever their shape, so that `read_image` takes it back, and as
    it is seen, by `turn`. .nii.gz: the magnitude float32 with the
    voxel size, the axes (column, row, slice) and where it lies (`plane`). The folders above are made.
    record: how the image was made; .h5 has it as `record`, .nii.gz as a comment, both as JSON.
    Raises InputError for another suffix, WritingError where the file cannot be written.
    """
    check_suffix(path)
    values = image.detach().cpu().numpy()
    magnitude = np.abs(values).astype(np.float32)
    name = path.name.lower()
    if name.endswith(".npy"):
        write_array(path, values)
    elif name.endswith(".h5"):
        write(path, _hdf5({"image": values, "magnitude": magnitude}, record))
    elif name.endswith(".png"):
        white = np.percentile(magnitude, 99.9) or 1.0
        grey = np.round(255 * np.clip(magnitude / white, 0, 1)).astype(np.uint8)
        write_picture(path, turn.shown(grey))
    else:
        write(path, _nifti(nifti_image(magnitude, voxel, plane), record))


def write_volume(
    path: Path,
    images: Tensor,
    voxel: Vector | None = None,
    planes: Sequence[Plane | None] = (),
    *,
    record: Mapping[str, Any] | None = None,
) -> None:
    """Write a stack of images, complex (slices, rows, columns), in their own units, as `write_image` writes one.

    .h5 has the magnitude under the name `reconstruction`, too, as fastMRI's evaluation reads it. .nii.gz has the axes
    (column, row, slice), and lies where `planes` say (`nifti.nifti_volume`). Raises InputError for another suffix, and
    WritingError.
    """
    check_suffix(path, VOLUME_SUFFIXES)
    values = images.detach().cpu().numpy()
    name = path.name.lower()
    if name.endswith(".npy"):
        write_array(path, values)
        return
    magnitude = np.abs(values).astype(np.float32)
    if name.endswith(".h5"):
        write(path, _hdf5({"image": values, "magnitude": magnitude}, record, reconstruction="magnitude"))
    else:
        write(path, _nifti(nifti_volume(magnitude, voxel, planes), record))


def _hdf5(arrays: Mapping[str, NDArray[Any]], record: Mapping[str, Any] | None, **links: str) -> memoryview:
    """The content of a file. links: further names of arrays."""
    import h5py

    content = BytesIO()
    with h5py.File(content, "w") as file:
        for name, values in arrays.items():
            file[name] = values
        for name, array in links.items():
            file[name] = file[array]
        if record is not None:
            file["record"] = json.dumps(record)  # no attribute, which must not be longer than 64 kB
    return content.getbuffer()


def _nifti(made: Any, record: Mapping[str, Any] | None) -> bytes:
    """The content of a packed file."""
    if record is not None:
        import nibabel

        made.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", json.dumps(record).encode()))
    return gzip.compress(made.to_bytes(), mtime=0)


def write_array(path: Path, values: NDArray[np.generic]) -> None:
    """Write an array as .npy; WritingError if that fails."""
    content = BytesIO()
    np.save(content, values)
    write(path, content.getbuffer())


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write grey values (rows, columns), or colours (rows, columns, 3 or 4), as .png; WritingError if that fails."""
    from imageio.v3 import imwrite

    write(path, imwrite("<bytes>", pixels, extension=".png"))


def read_image(path: Path, *, turn: Turn = AS_STORED) -> Tensor:
    """A magnitude image, float32 (rows, columns), from .nii or from a file laid out as by `write_image`.

    It has the file's own units; those of a picture (.png) are grey values from 0 to 1, and it is as it is
    seen (`turn`, as there). Raises InputError for another kind of file or more than one image, FileFormatError
    for a file that cannot be read.
    """
    name = path.name.lower()
    if not name.endswith(READABLE):
        raise InputError(f"{shown(path)} is no image that can be read; give one that ends in {', '.join(SUFFIXES)}.")
    status(path)
    with opening(path, "an image", "save it again"):
        values = _read(path, name)
    if values.ndim != 2 or not values.size or not np.issubdtype(values.dtype, np.number):
        size = dimensions(values.shape)
        raise InputError(f"{shown(path)} holds an array of {size} values; give a single image (rows, columns).")
    stored = turn.inverse.shown(values) if name.endswith(".png") else values
    return torch.from_numpy(np.abs(stored).astype(np.float32))


def _read(path: Path, name: str) -> NDArray[np.generic]:
    if name.endswith(".npy"):
        return read_npy(path)
    if name.endswith(".h5"):
        if not is_hdf5(path):
            raise ValueError("no HDF5 file")
        with open_hdf5(path) as file:
            return np.asarray(hdf5.values(file["magnitude"]))
    if name.endswith(".png"):
        from skimage.color import rgb2gray, rgba2rgb
        from skimage.io import imread
        from skimage.util import img_as_float

        columns, rows = (int.from_bytes(head(path, 24)[place : place + 4], "big") for place in (16, 20))
        if rows * columns > _MOST_PIXELS:
            raise ValueError(f"it has {dimensions((rows, columns))} pixels")
        picture = img_as_float(imread(path))
        if picture.ndim == 3:
            picture = picture[..., [0, 0, 0, 1]] if picture.shape[-1] == 2 else picture  # grey and alpha
            picture = rgb2gray(rgba2rgb(picture) if picture.shape[-1] == 4 else picture)
        return np.asarray(picture)
    stored = np.asarray(load_nifti(path).dataobj)
    return stored.reshape(stored.shape[:2] if stored.size == np.prod(stored.shape[:2]) else stored.shape).T
