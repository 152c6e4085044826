"""Copies of fastMRI's files with prewhitened coils. ISMRMRD has noise scans; here the noise in the samples tells."""

import shutil
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..data.scan import from_the_middle
from ..ground.errors import InputError
from ..ground.guard import shown, to_path
from ..ground.progress import Job, Progress
from ..ground.writing import check_room, new_file
from .fastmri import FastMRI, FastMRIScan
from .fastmri_fields import KEY, REFERENCES

if TYPE_CHECKING:
    from torch import Tensor

_SLICES = 8  # at most, in which the noise is looked at


@dataclass(frozen=True, eq=False)
class CoilNoise:
    """The noise of a scan's coils. covariance: E[n n^H], complex128 (coils, coils), in the file's units."""

    covariance: "Tensor"

    @property
    def correlations(self) -> "Tensor":
        """|E[n_i conj(n_j)]| / (sigma_i sigma_j) of each pair of coils."""
        sigma = self.covariance.diagonal().real.sqrt()
        found = (self.covariance / (sigma[:, None] * sigma)).abs()
        first, second = np.triu_indices(len(found), 1)
        return found[first, second]

    @property
    def words(self) -> str:
        """How strongly the coils depend on each other."""
        each, coils = self.correlations, len(self.covariance)
        typical, most = sqrt(float(each.square().mean())), float(each.max())
        return f"the noise of {coils} coils is correlated by {typical:.2f} (root mean square; at most {most:.2f})"


def prewhiten(path: str | Path, output: str | Path) -> Job[CoilNoise]:
    """Copy a scan in fastMRI's layout with its coils mixed so that their noise is independent and equally strong.

    Each slice y becomes s L^-1 y with L L^H = Psi (Pruessmann et al. 2001), where s keeps the mean level of the noise.
    Psi is the mean of what slices show where noise is apart from signal (`noise.correlation`). A reference, the root
    sum of squares of the coils, is that of the new ones. What else the file holds stays. Returns the noise of the file.

    Raises InputError for files of another format, of one coil, or whose noise is nowhere apart from signal, the errors
    of opening a scan, and WritingError.
    """
    import h5py
    import torch

    from ..physics import noise

    path = to_path(path)
    if not FastMRI().recognises(path):
        raise InputError(f"{shown(path)} has another layout than fastMRI's; only files in that layout are prewhitened.")
    with FastMRI().open(path) as scan:
        assert isinstance(scan, FastMRIScan)
        found = yield from _noise_of(scan)
        check_room(output, path.stat().st_size)
        level = sqrt(float(found.covariance.diagonal().real.mean()))
        with new_file(output) as made:
            shutil.copyfile(path, made)
            with h5py.File(made, "r+") as file:
                # Of an undersampled scan a reference is of other samples, and stays.
                references = [name for name in REFERENCES if name in file and scan.fully_sampled]
                for slice in range(len(scan)):
                    yield Progress(slice / len(scan), f"Prewhitening slice {slice}")
                    kspace = torch.from_numpy(np.asarray(file[KEY][slice], np.complex64))
                    white = noise.prewhiten(kspace, found.covariance)
                    file[KEY][slice] = level * white.numpy()
                    for name in references:
                        file[name][slice] = level * _root_sum_of_squares(white, file[name].shape[1:])
                for name in references[:1]:
                    file.attrs["max"] = float(max(image.max() for image in file[name]))
                    file.attrs["norm"] = sqrt(sum(float(np.square(image, dtype=float).sum()) for image in file[name]))
                file.attrs["prewhitened"] = True
    return found


def _noise_of(scan: FastMRIScan) -> Job[CoilNoise]:
    """The mean over some slices of the covariance that they show."""
    import torch

    from ..physics import noise

    if scan.header.coils == 1:
        raise InputError(f"{scan.name} has one coil, whose noise depends on no other; nothing is prewhitened.")
    seen = []
    slices = from_the_middle(len(scan))
    for number, slice in enumerate(slices[:: -(-len(slices) // _SLICES)]):
        yield Progress(0.0, f"Looking at the noise of slice {slice} ({number + 1} of {min(len(slices), _SLICES)})")
        one = scan.measurement(slice)
        sigma = noise.estimate(one.kspace, one.mask)
        correlation = noise.correlation(one.kspace, one.mask, sigma)
        if not torch.equal(correlation, torch.eye(len(correlation), dtype=correlation.dtype)):
            sigma = torch.where(sigma > 0, sigma, noise.mean_level(sigma))  # a coil of zeros stays zero
            sigma = one.unit * sigma.double()  # single precision does not hold the square of every unit
            seen.append(sigma[:, None] * correlation * sigma)
    if not seen:
        raise InputError(
            f"the noise of {scan.name} is nowhere apart from its signal, so that it cannot be prewhitened; it takes "
            "whole readout lines and air beside the object."
        )
    return CoilNoise(torch.stack(seen).mean(0))


def _root_sum_of_squares(kspace: "Tensor", matrix: tuple[int, int]) -> np.ndarray:
    from ..physics import fourier
    from ..physics.model import root_sum_of_squares

    image: np.ndarray = fourier.centre_crop_image(root_sum_of_squares(fourier.ifft(kspace)), matrix).numpy()
    return image
