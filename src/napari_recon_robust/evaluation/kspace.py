"""K-space as it is shown: magnitudes over all coils on a scale of decibels, and a change of it amplified."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.measurement import Measurement
from .difference import gain
from .parts import magnitude_on_cpu

RANGE = 80.0  # dB from black to white
_WHITE = 99.7  # percentile of the zero-filled image


@dataclass(frozen=True, eq=False)
class Change:
    """What was done to the samples, amplified by factors.

    samples: the changed minus the clean samples as `decibels`, relative to the largest of the clean ones. image: the
    magnitude of their coil-combined image, float32 (rows, columns), 1 for the white of the zero-filled image.
    """

    samples: NDArray[np.float32]
    samples_gain: int
    image: NDArray[np.float32]
    image_gain: int


def decibels(kspace: Tensor, largest: float) -> NDArray[np.float32]:
    """The root sum of squares over the coils: (coils, readout, phase) to float32 (readout, phase).

    1 is `largest`, in the scan's units, 0 is 80 dB below it or less.
    """
    relative = over_coils(kspace) / (largest or 1.0)
    found: NDArray[np.float32] = (1 + 20 * relative.clamp_min(1e-30).log10() / RANGE).clamp(0, 1).float().cpu().numpy()
    return found


def over_coils(kspace: Tensor) -> Tensor:
    """The root sum of squares over the coils, real (readout, phase)."""
    return torch.linalg.vector_norm(kspace, dim=-3)


def change(clean: Measurement, changed: Measurement) -> Change:
    """The difference of two measurements of one slice; the image is combined with the sensitivities of the clean one.

    Samples that only one of them has are part of the difference.
    """
    added = changed.kspace - clean.kspace
    model = replace(clean.model, mask=torch.ones_like(clean.data_mask))
    image = magnitude_on_cpu(clean.crop(model.adjoint(clean.to_data(added)))).numpy()
    seen = over_coils(added).float().cpu().numpy()
    largest = float(over_coils(clean.kspace).max())
    white = float(np.percentile(clean.crop(clean.combined).abs().cpu().numpy(), _WHITE)) or 1.0
    of_samples, of_image = gain([seen], largest), gain([image], white)
    amplified = (of_image / white * image).astype(np.float32)
    return Change(decibels(of_samples * added, largest), of_samples, amplified, of_image)
