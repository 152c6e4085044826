"""Spikes: single corrupted samples, as of a spark in the scanner room."""

from typing import Any

import torch

from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ..base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration


class Spike(Perturbation):
    """z_c(k_s) = a max|k_c| exp(j phi_cs) at n sampled points k_s, the same in all coils c; each phi_cs is random.

    A spark is heard by all coils at one moment, and so at one point of k-space: stripes across the whole image.
    """

    id = "spike"
    label = "Spike"
    summary = "One or more corrupted samples, which lay stripes over the image."
    shown = "With spikes"
    needs_budget = False
    searches = False
    knobs = (
        Knob(
            name="count",
            label="Spikes",
            help="How many samples are corrupted.",
            kind="int",
            minimum=1,
            maximum=1000,
            default=1,
        ),
        Knob(
            name="amplitude",
            label="Amplitude",
            help="Size of each spike, relative to the largest sample of its coil.",
            minimum=0.001,
            maximum=10,
            scale="log",
            default=0.5,
        ),
        SENSITIVITIES,
        SEED,
    )

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        measurement, count = setup.measurement, knobs["count"]
        if count > measurement.sampled_points:
            raise InputError(f"{count} spikes do not fit into {measurement.sampled_points} samples; give fewer.")
        yield Progress(0.0, "Drawing the spikes")
        generator = torch.Generator().manual_seed(knobs["seed"])
        sampled = measurement.mask.expand(measurement.kspace.shape[-2:]).cpu().nonzero()
        places = sampled[torch.randperm(len(sampled), generator=generator)[:count]]
        phases = 2 * torch.pi * torch.rand(measurement.coils, count, generator=generator, dtype=torch.float32)
        largest = measurement.kspace.abs().amax((-2, -1))[:, None]
        z = torch.zeros_like(measurement.kspace)
        z[:, places[:, 0], places[:, 1]] = knobs["amplitude"] * largest * torch.exp(1j * phases).to(z)
        words = "One sample is" if count == 1 else f"{count} samples are"
        perturbed = Perturbed.of(
            measurement,
            z,
            None,
            keep=keeps_calibration(knobs),
            details={"places": places.tolist()},
            statement=f"{words} corrupted by {knobs['amplitude']:.3g} times the largest of the coil.",
        )
        return [perturbed]
