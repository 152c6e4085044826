"""Noise level: the same object with more thermal noise than the scan has."""

from math import sqrt
from typing import Any

import torch

from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.numbers import times
from ...ground.progress import Job, Progress
from ...physics import noise
from ..base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration


class NoiseLevel(Perturbation):
    """z_i is white complex Gaussian on all points, E|z_i|^2 = (factor^2 - 1) sigma_i^2; the noise becomes factor times.

    sigma_i is the noise of coil i that is estimated from the clean scan (`Calibration.noise`), and z is as correlated
    between coils as that noise, where `noise.correlation` finds how much; the statement says where it does not.

    `details` has correlated: whether z is correlated between coils.
    """

    id = "noise-level"
    label = "Noise level"
    summary = "More thermal noise: the same object in a scan of lower signal-to-noise ratio."
    shown = "Noisier"
    needs_budget = False
    searches = False
    knobs = (
        Knob(
            name="factor",
            label="Noise",
            help="The noise's standard deviation afterwards, relative to that of the scan.",
            unit="×",
            minimum=1,
            maximum=50,
            scale="log",
            default=2.0,
        ),
        SENSITIVITIES,
        SEED,
    )

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        yield Progress(0.0, "Drawing the noise")
        measurement, factor = setup.measurement, knobs["factor"]
        sigma = measurement.calibration.noise
        if not sigma.any():
            raise InputError("no noise is found in this scan, so that there is nothing to multiply; use random noise.")
        everywhere = torch.ones_like(measurement.mask)
        colour = noise.colour(measurement.kspace, measurement.mask, sigma)
        correlated = bool((colour - colour.diag().diag()).any())
        # The random control is drawn with the seed itself; another one here, so that the two differ.
        more = sqrt(factor**2 - 1) * colour
        z = noise.add(torch.zeros_like(measurement.kspace), everywhere, more, knobs["seed"] + 1)
        statement = f"The thermal noise is {times(factor)}that of the scan."
        if measurement.coils > 1 and not correlated:
            statement += " It is added to each coil alone: no correlation between coils was found in the scan's noise."
        keep, details = keeps_calibration(knobs), {"correlated": correlated}
        return [Perturbed.of(measurement, z, None, keep=keep, statement=statement, details=details)]
