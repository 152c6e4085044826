"""Reconstructed images as files that other programs read."""

from pathlib import Path

import numpy as np
from torch import Tensor

from ..errors import InputError

SUFFIXES = (".npy", ".h5", ".png", ".nii.gz")
MAP_SUFFIXES = (".npy", ".png")


def check_suffix(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """InputError if an image cannot be written under this name, before any work is done."""
    if not path.name.lower().endswith(suffixes):
        raise InputError(f"{path.name} has no known suffix; end the output's name in one of {', '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise InputError(f"the folder of the output {path.name} does not exist; make it first.")


def write_image(path: Path, image: Tensor, voxel: tuple[float, float, float] | None = None) -> None:
    """Write one image, complex (rows, columns), in its own units.

    .npy: complex64. .h5: `image` complex64 and `magnitude` float32. .png: the magnitude, 8 bits, its 99.9th
    percentile white. .nii.gz: the magnitude float32 with the voxel size, axes (column, row, slice).
    """
    check_suffix(path)
    values = image.detach().cpu().numpy()
    magnitude = np.abs(values).astype(np.float32)
    name = path.name.lower()
    if name.endswith(".npy"):
        np.save(path, values)
    elif name.endswith(".h5"):
        import h5py

        with h5py.File(path, "w") as file:
            file["image"] = values
            file["magnitude"] = magnitude
    elif name.endswith(".png"):
        from skimage.io import imsave

        white = np.percentile(magnitude, 99.9) or 1.0
        imsave(path, np.round(255 * np.clip(magnitude / white, 0, 1)).astype(np.uint8), check_contrast=False)
    else:
        import nibabel

        row, column, slice = voxel or (1.0, 1.0, 1.0)
        nibabel.save(nibabel.Nifti1Image(magnitude.T[..., None], np.diag([column, row, slice, 1.0])), path)
