"""Reconstructed images as files that other programs read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
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


def write_map(
    path: Path,
    values: NDArray[np.float32],
    image: Tensor,
    *,
    label: str,
    title: str,
    marks: Sequence[tuple[float, float]] = (),
) -> None:
    """Write a map of fractions, float32 (rows, columns), NaN where it has no value.

    .npy: the map. .png: the image (rows, columns) beside the map over it, with a colour bar from 0 to 1 named `label`;
    marks: places (row, column) that are ringed.
    """
    check_suffix(path, MAP_SUFFIXES)
    if path.name.lower().endswith(".npy"):
        np.save(path, values)
        return
    from matplotlib.figure import Figure

    magnitude = image.detach().cpu().abs().numpy()
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for panel in (left, right):
        panel.imshow(magnitude, cmap="gray", vmin=0, vmax=np.percentile(magnitude, 99.9) or 1.0)
        panel.set_axis_off()
    shown = right.imshow(values, cmap="viridis", vmin=0, vmax=1)
    for row, column in marks:
        right.plot(column, row, "o", markersize=9, markerfacecolor="none", markeredgecolor="red")
    figure.colorbar(shown, ax=right, label=label, extend="both")
    figure.suptitle(f"{title}. Not for diagnostic use.", fontsize="medium")
    figure.savefig(path, dpi=150)
