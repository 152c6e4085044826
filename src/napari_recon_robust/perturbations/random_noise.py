"""Random k-space noise: the control of every search, and a perturbation of its own."""

from typing import Any

import torch
from torch import Tensor

from ..data.measurement import Measurement, known_kspace
from ..ground.progress import Job, Progress
from ..physics.model import coil_norms
from .base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration


def white_noise(measurement: Measurement, norms: Tensor, seed: int, *, mask: Tensor | None = None) -> Tensor:
    """z_i = r_i n_i / ||n_i||, n_i white complex Gaussian on the sampled points; (coils, readout, phase) complex64.

    norms: r_i, float (coils,). mask: other points to draw on, broadcastable to (readout, phase).
    Drawn on the CPU, so that a seed means the same noise on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(measurement.kspace.shape, dtype=torch.complex64, generator=generator)
    noise = noise.to(measurement.kspace.device) * (measurement.mask if mask is None else mask)
    return noise * (norms / coil_norms(noise))[:, None, None]


def control(measurement: Measurement, perturbed: Perturbed, seed: int) -> Measurement:
    """The same measurement under random noise with the perturbation's norm in every coil."""
    z = white_noise(measurement, coil_norms(perturbed.perturbation), seed)
    keep = perturbed.measurement.kept is not None
    return measurement.with_kspace(measurement.kspace + z, full=measurement.full, keep=keep)


class RandomNoise(Perturbation):
    """White complex noise on the sampled points with ||z_i||_2 = eta ||k_i||_2 in every coil."""

    id = "random"
    label = "Random noise"
    summary = "White noise of the budget's size in every coil: what chance does."
    searches = False
    knobs = (SENSITIVITIES, SEED)

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        measurement = setup.measurement
        norms = coil_norms(known_kspace(measurement))
        results: list[Perturbed] = []
        for index, budget in enumerate(budgets):
            yield Progress(index / len(budgets), f"Budget {100 * budget:.3g}%", list(results))
            # Its control is drawn with the seed itself; another one here, so that the two differ.
            z = white_noise(measurement, budget * norms, knobs["seed"] + 1)
            results.append(Perturbed.of(measurement, z, budget, keep=keeps_calibration(knobs)))
        return results
