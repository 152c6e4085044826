"""The balls that a budget allows: ||z_i||_2 <= r_i in every coil, or ||z||_2 <= r over all coils together.

radius: r, float (coils,) for a ball in every coil, (1,) for a single one over all of them. z: (coils, readout, phase).
"""

import torch
from torch import Tensor

from ...physics.model import coil_norms


def unit(z: Tensor, radius: Tensor) -> Tensor:
    """z_i / ||z_i|| in every coil, or z / ||z||; zero where the norm is."""
    norms = norms_of(z, radius)
    return z * torch.where(norms > 0, 1 / norms, 0.0)


def onto_spheres(z: Tensor, radius: Tensor) -> Tensor:
    """Scale z to the norms r; a coil of zeros stays zero."""
    return radius[:, None, None] * unit(z, radius)


def into_balls(z: Tensor, radius: Tensor) -> Tensor:
    """The nearest point of the balls: z, shrunk in coils where it is too large."""
    norms = norms_of(z, radius)
    return z * torch.where(norms > radius[:, None, None], radius[:, None, None] / norms, 1.0)


def norms_of(z: Tensor, radius: Tensor) -> Tensor:
    """||z_i||, (coils, 1, 1), or ||z||, (1, 1, 1)."""
    norms = coil_norms(z)
    return (norms if len(radius) == len(norms) else norms.norm(keepdim=True))[:, None, None]
