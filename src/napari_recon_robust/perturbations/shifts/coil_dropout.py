"""Coil dropout: one receive coil that is broken, or not plugged in."""

from typing import Any

import torch

from ...data.measurement import known_kspace
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ..base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration


class CoilDropout(Perturbation):
    """z_i = -k_i for one coil i, which then measures nothing.

    Unless it is named: the coil that matters most on the ROI S, i = argmax sum over S of |S_i|^2.
    """

    id = "coil-dropout"
    label = "Coil dropout"
    summary = "One receive coil is lost: the one that sees the region best, or any other."
    shown = "Without a coil"
    needs_budget = False
    searches = False
    knobs = (
        Knob(
            name="coil",
            label="Coil",
            help="Which coil is lost, from 0; -1 for the one that sees the region best.",
            kind="int",
            minimum=-1,
            maximum=1023,
            default=-1,
            least="best",
        ),
        SENSITIVITIES,
        SEED,
    )

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        measurement, coil = setup.measurement, knobs["coil"]
        if measurement.coils == 1:
            raise InputError("this scan has one coil only, without which nothing is left; choose another perturbation.")
        if coil >= measurement.coils:
            raise InputError(f"there is no coil {coil}; the scan has coils 0 to {measurement.coils - 1}.")
        yield Progress(0.0, "Removing a coil")
        sensitivities = measurement.crop(measurement.calibration.sensitivities)
        energy = sensitivities[:, setup.mask].abs().square().sum(-1)
        lost = int(energy.argmax()) if coil < 0 else coil
        share = float(energy[lost] / energy.sum()) if energy.any() else 0.0
        z = torch.zeros_like(measurement.kspace)
        z[lost] = -known_kspace(measurement)[lost]
        perturbed = Perturbed.of(
            measurement,
            z,
            None,
            keep=keeps_calibration(knobs),
            details={"coil": lost, "share": share},
            statement=f"Coil {lost} is lost, which has {100 * share:.0f}% of the sensitivity in "
            f"the {'whole image' if setup.mask.all() else 'region'}.",
        )
        return [perturbed]
