"""Auto: held-out k-space lines choose the knobs, without any reference image."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.measurement import Measurement, data_shape
from ..ground.errors import InputError
from ..ground.knob import Knob
from ..ground.progress import Job, Progress
from ..physics.acs import mask_outside_acs
from .base import Method, Reconstructor

VALUES = 13  # of the knob, evenly spaced on its scale
FOLDS = 2
SHARE = 1 / 8  # of the samples outside the ACS, held out in each fold
FEWEST = 8  # lines or points outside the ACS


def auto_knobs(method: Method | Reconstructor, measurement: Measurement) -> Job[dict[str, Any]]:
    """The value v of the first live knob that predicts k-space best, as {name: v}; other knobs keep theirs.

    v = argmin sum over folds of n/m ||H (A x(v) - y)||^2 + max(||C (A x(v) - y)||^2 - E||C n||^2, 0), x(v)
    reconstructed without the samples H: m of the n points outside the ACS that a full scan measures. The ACS C is never
    held out, and so only tells what is farther from it than its noise: in much noise a held-out line is best predicted
    by an image that is too weak everywhere. The calibration is that of all samples. Yields a step for each image.
    Raises InputError for a method without a live knob, and if too few samples lie outside the ACS.
    """
    method = method.at()
    knob = live_knob(method)
    values = [knob.from_unit(n / (VALUES - 1)) for n in range(VALUES)]
    errors = np.zeros(VALUES)
    outside = mask_outside_acs(measurement.sampled)
    acs = measurement.sampled & ~outside
    unknown = int((outside | ~measurement.data_mask).sum())
    for fold, held_out in enumerate(folds(measurement.sampled)):
        reduced = without(measurement, held_out)
        with torch.no_grad():
            images = method.family(reduced, [{knob.name: value} for value in values])
            for n, image in enumerate(images):
                missed = _energy_missed(measurement, image, held_out) * unknown / int(held_out.sum())
                errors[n] += missed + max(_energy_missed(measurement, image, acs) - _noise_energy(measurement, acs), 0)
                done = (fold * VALUES + n + 1) / (FOLDS * VALUES)
                yield Progress(done, f"{knob.label} {values[n]:.3g}, without held-out lines")
    return {knob.name: values[int(errors.argmin())]}


def _energy_missed(measurement: Measurement, image: Tensor, points: Tensor) -> float:
    """||M (A x - y)||^2 on some of the samples, M shaped as `Measurement.sampled`."""
    residual = replace(measurement.model, mask=points).forward(image) - points * measurement.data
    return float(torch.view_as_real(residual).square().sum())


def _noise_energy(measurement: Measurement, points: Tensor) -> float:
    """E||M n||^2 of the noise n in `data`, on some of the samples."""
    count = int(points.expand(data_shape(measurement)).sum())
    return count * float(measurement.data_noise.square().sum())


def live_knob(method: Method) -> Knob:
    """The first live knob, the one that can be chosen; InputError for a method without one."""
    if not method.reconstructor.axes:
        raise InputError(f"{method.label} has no live knob that could be chosen; set its knobs.")
    return method.reconstructor.axes[0]


def without(measurement: Measurement, held_out: Tensor) -> Measurement:
    """The measurement without the held-out samples; its matrix is the whole encoded one, to predict them from."""
    return replace(
        measurement,
        kspace=measurement.kspace.detach() * ~held_out,
        mask=measurement.mask & ~held_out,
        matrix=measurement.model.shape,
        full=None,
        kept=measurement.calibration,
    )


def folds(mask: Tensor) -> Iterator[Tensor]:
    """Disjoint masks of held-out samples, shaped like `mask`, always the same for the same mask."""
    candidates = mask_outside_acs(mask).flatten().nonzero().flatten()
    if len(candidates) < FEWEST:
        what = "lines" if mask.shape[0] == 1 else "points"
        raise InputError(
            f"{len(candidates)} sampled {what} lie outside the ACS; at least {FEWEST} are needed to hold some out, "
            "so set the knob by hand."
        )
    order = np.random.default_rng(0).permutation(len(candidates))
    size = max(round(SHARE * len(candidates)), 1)
    for fold in range(FOLDS):
        chosen = candidates[torch.from_numpy(order[fold * size : (fold + 1) * size]).to(mask.device)]
        held_out = torch.zeros_like(mask)
        held_out.view(-1)[chosen] = True
        yield held_out
