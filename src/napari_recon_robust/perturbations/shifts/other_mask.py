"""Other mask: the same object sampled in another way, as by another protocol than a network was trained for."""

from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement, has_acs
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ...physics.coils import FEWEST_LINES
from ...physics.sampling import PATTERNS, Sampling
from ..base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup, keeps_calibration


class OtherMask(Perturbation):
    """M' k instead of M k: another sampling mask on the fully sampled k-space; no noise is added."""

    id = "other-mask"
    label = "Other mask"
    summary = "Another sampling pattern, acceleration or draw of the lines than the scan's."
    shown = "Other mask"
    needs_budget = False
    searches = False
    undersamples = True
    # The command line's --pattern, --acceleration and --seed are those of the scan itself.
    knobs = (
        Knob(
            name="other_pattern",
            label="Pattern",
            help="How the slice is sampled instead.",
            kind="choice",
            choices=PATTERNS,
            default="random",
        ),
        Knob(
            name="other_acceleration",
            label="Acceleration",
            help="All lines or points over the sampled ones; LOUPE's lines are learned for 2 to 8.",
            unit="×",
            minimum=1,
            maximum=20,
            default=4.0,
        ),
        Knob(
            name="other_centre",
            label="Centre",
            help="Fully sampled part of the phase encoding in the centre, from which sensitivities are estimated: "
            "at least the few lines that they need.",
            minimum=0.01,
            maximum=0.5,
            scale="log",
            default=0.08,
        ),
        SENSITIVITIES,
        SEED,
    )

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        measurement, keep = setup.measurement, keeps_calibration(knobs)
        if measurement.full is None:
            raise InputError("this scan is undersampled, another mask needs its missing samples; take a full scan.")
        yield Progress(0.0, "Drawing the mask")
        sampling = Sampling(
            pattern=knobs["other_pattern"],
            acceleration=knobs["other_acceleration"],
            centre_fraction=knobs["other_centre"],
            # That of the scan may have been drawn with the seed itself; another one here, so that the two differ.
            seed=knobs["seed"] + 1,
        )
        changed, widened = _sampled(measurement, sampling, keep), ""
        if not (keep or has_acs(changed)):
            lines = _fewest_lines(measurement)
            changed = _sampled(measurement, sampling.model_copy(update={"minimum_centre_lines": lines}), keep)
            widened = f" Its centre was widened to {lines} lines, which coil sensitivities need."
        _check(setup, sampling, changed, keep)
        everything = measurement.data_mask.all()  # that a full scan measures
        before = "all points" if everything else pattern_of(measurement.sampled)
        statement = (
            f"The sampling is {sampling.pattern}, R = {changed.acceleration:.2f}, "
            f"instead of {before}, R = {measurement.acceleration:.2f}.{widened}"
        )
        details = {"acceleration": changed.acceleration, "sampled_points": changed.sampled_points}
        return [Perturbed.instead(measurement, changed, details=details, statement=statement)]


def _sampled(measurement: Measurement, sampling: Sampling, keep: bool) -> Measurement:
    """The fully sampled k-space under another mask, which must be known."""
    full = measurement.full
    assert full is not None
    mask = sampling.mask(*full.shape[-2:]).to(full.device) & measurement.acquired
    return measurement.with_kspace(full, full=full, keep=keep, mask=mask)


def _check(setup: Setup, sampling: Sampling, changed: Measurement, keep: bool) -> None:
    """InputError for another mask under which the slice cannot be reconstructed."""
    measurement = setup.measurement
    if not keep and setup.method.reconstructor.needs_sensitivities and not has_acs(changed):
        raise InputError(
            f"the {sampling.pattern} mask at R = {sampling.acceleration:g} has a centre that is too narrow for "
            "coil sensitivities; choose a smaller other_acceleration, a larger other_centre or another "
            "other_pattern, or sensitivities=kept."
        )
    if not bool(changed.mask.any()):
        raise InputError(
            f"the {sampling.pattern} mask keeps no measured point; choose another seed, a smaller acceleration or "
            "a wider centre."
        )
    if keep and changed.lines != measurement.lines and measurement.kspace.shape[-2] != measurement.matrix[0]:
        raise InputError(
            "sensitivities kept from sampled lines do not fit sampled points, nor the other way round; "
            "let them be estimated."
        )


def _fewest_lines(measurement: Measurement) -> int:
    """How many lines a mask's centre needs for sensitivities: of an odd number of lines one lies beside the middle."""
    return FEWEST_LINES + any(length % 2 for length in measurement.kspace.shape[-2:])


def pattern_of(mask: Tensor) -> str:
    """A mask, bool (1, phase) or (readout, phase), in words: what can be seen of its pattern."""
    if mask.all():
        return "all points"
    if mask.shape[0] > 1:
        return "single points"
    phase = mask.shape[1]
    lines, missing = (which.nonzero().flatten() for which in (mask[0].cpu(), ~mask[0].cpu()))
    # Without the lines of the fully sampled centre.
    first = max(missing[missing < phase // 2].tolist(), default=-1)
    last = min(missing[missing > phase // 2].tolist(), default=phase)
    gaps = torch.cat([lines[lines < first].diff(), lines[lines > last].diff()])
    even = len(gaps) > 1 and int(gaps.max() - gaps.min()) <= 1
    return "evenly spaced lines" if even else "unevenly spaced lines"
