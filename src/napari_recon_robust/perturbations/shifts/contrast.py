"""Contrast: the same anatomy in other grey values, as of another sequence."""

from typing import Any

import torch
from torch import Tensor

from ...data.quantile import upper_quantile
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ..base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration
from ..scanned_object import ScannedObject

# Intensities, relative to the brightest tissue, below which there is no tissue to invert, and below which the tone
# curve becomes straight: a power alone is infinitely steep at zero, and would lift the noise.
DARK = 0.1
BRIGHTEST = 0.995


class Contrast(Perturbation):
    """z = F S (x' - x), |x'| = m c(|x| / m) with the phase of x, m the 99.5th percentile of |x|.

    c = (1 - v) g + v w max(1 - g, 0), with the smooth monotone tone curve
    g(t) = ((t + e)^gamma - e^gamma) / ((1 + e)^gamma - e^gamma), e = 0.1, and w = t^2 / (t^2 + e^2), which keeps the
    air dark where it is inverted. The truth changes with it: the image is judged against the new one. What the
    sensitivities do not explain, most of the noise, stays as it is.
    """

    id = "contrast"
    label = "Contrast"
    summary = "The same anatomy with another contrast: a tone curve on the object, or its inversion."
    shown = "Other contrast"
    needs_budget = False
    searches = False
    knobs = (
        Knob(
            name="gamma",
            label="Gamma",
            help="Exponent of the tone curve: below 1 dark tissue becomes brighter, above 1 darker.",
            minimum=0.25,
            maximum=4,
            scale="log",
            default=0.6,
        ),
        Knob(
            name="inversion",
            label="Inversion",
            help="How much of the inverted contrast is mixed in: 1 makes bright tissue dark and dark tissue bright.",
            default=0.0,
        ),
        SENSITIVITIES,
        SEED,
    )

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        gamma, inversion = knobs["gamma"], knobs["inversion"]
        if setup.measurement.full is None:
            raise InputError(
                "this scan is undersampled: no truth in the other contrast is known to judge by; take a full scan."
            )
        yield Progress(0.0, "Changing the contrast")
        scene = ScannedObject(setup)
        x = scene.object
        magnitude = x.abs()
        # If nearly all of the image is zero, the quantile is too.
        brightest = upper_quantile(magnitude.flatten(), BRIGHTEST) or magnitude.amax()
        toned = brightest * tone(magnitude / brightest, gamma, inversion)
        z = scene.kspace((toned - magnitude) * torch.sgn(x))
        words = f"a tone curve of gamma {gamma:.3g}" + (f", {100 * inversion:.0f}% inverted" if inversion else "")
        perturbed = Perturbed.of(
            setup.measurement,
            z,
            None,
            keep=keeps_calibration(knobs),
            judged_by="perturbed",
            statement=f"The object has another contrast ({words}), and is judged by it.",
        )
        return [perturbed]


def tone(t: Tensor, gamma: float, inversion: float) -> Tensor:
    """c(t) of intensities relative to the brightest tissue."""
    g = ((t + DARK) ** gamma - DARK**gamma) / ((1 + DARK) ** gamma - DARK**gamma)
    tissue = t.square() / (t.square() + DARK**2)
    return (1 - inversion) * g + inversion * tissue * (1 - g).clamp_min(0)
