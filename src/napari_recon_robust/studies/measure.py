"""The numbers of one trial."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..data.roi import ROI
from ..evaluation import metrics
from ..evaluation.comparison import Measured
from ..evaluation.coverage import coverage, predicted_reference
from ..evaluation.parts import magnitude_on_cpu
from ..ground.errors import InputError, ReconRobustError, one_line
from ..ground.progress import run
from ..perturbations.base import Budget, Perturbed, Setup
from ..perturbations.features.insertion import loss_of
from ..perturbations.features.lesion import tissue_around
from ..perturbations.features.multiplexed import Multiplexed
from ..perturbations.outcome import Outcome, evaluate
from ..reconstructors.doubts import doubts
from .columns import BLACK_BOX, CLEAN, DRAWN, FEATURE, STATES
from .plan import COVERAGE, IMAGE_METRICS, LESION_METRICS
from .shared import SharedSlice
from .trial import Trial, canonical

VISIBLE = 0.05  # of the signal around it: of a region with less contrast in the reference errors alone make the ratio
PLACES = {"roi": "region", "foreground": "foreground", "image": "image"}


@dataclass(frozen=True, eq=False)
class Measurements:
    """What one trial gave. values: by the columns of the table. images: float32 (rows, columns), by their state."""

    values: Mapping[str, Any]
    images: Mapping[str, Tensor] = field(default_factory=dict)


class Measurer:
    """Measures the trials of one slice. A perturbation and its random control are computed together, once."""

    def __init__(self, shared: SharedSlice) -> None:
        self.shared = shared
        self._last: tuple[Any, Outcome] | None = None

    def measure(self, trial: Trial, wanted: tuple[str, ...], *, starts: bool = False) -> Measurements:
        """Measure a trial; one that fails has its sentence under `error`. wanted: the metrics."""
        begun = time.perf_counter()
        try:
            measured = self._measured(trial, wanted, starts)
        except ReconRobustError as error:
            measured = Measurements({"error": str(error)})
        except Exception as error:
            measured = Measurements({"error": one_line(f"the trial failed ({type(error).__name__}: {error}).")})
        seconds = time.perf_counter() - begun
        return Measurements({**measured.values, "seconds": seconds}, measured.images)

    def _measured(self, trial: Trial, wanted: tuple[str, ...], starts: bool) -> Measurements:
        shared = self.shared
        measurement, roi = shared.of(trial.region)
        mask = roi.mask(measurement.matrix)
        values: dict[str, Any] = {
            "region_pixels": int(mask.sum()),
            "effective_acceleration": measurement.acceleration,
        }
        reference = shared.reference(trial.setting, trial.region)
        images: dict[str, Tensor] = {} if reference is None else {"reference": magnitude_on_cpu(reference)}
        clean = shared.clean(trial.setting, trial.region)
        images["clean"], found = magnitude_on_cpu(clean), self._doubts(trial, clean)
        if trial.change.kind != CLEAN:
            outcome, control = self.outcome(trial, roi), trial.change.control
            comparison = outcome.comparison
            images["perturbed"] = comparison.random if control else comparison.perturbed
            changed = outcome.control if control else outcome.perturbed.measurement
            if outcome.perturbed.additive:
                spent = Budget.of(trial.change.budget, changed.kspace - measurement.kspace, measurement)
                values["budget_reached"] = spent.achieved
            if control or comparison.judges:
                values |= _named(comparison.metrics["random" if control else "perturbed"], "perturbed", wanted)
            if not control:
                found = {**comparison.findings, **_searched(shared, trial, outcome.perturbed)}
                values |= _found(outcome.perturbed, measurement.matrix)
                if "published_loss" in values and trial.change.found_on is not None:
                    setup = Setup.of(measurement, shared.method(trial.setting), roi)
                    values["published_loss"] = loss_of(setup, outcome.perturbed.details, images["perturbed"])
                if comparison.recovery is not None and "contrast_recovery" in wanted:
                    values["contrast_recovery_region_perturbed"] = comparison.recovery
            if reference is not None:
                values |= _named(comparison.metrics["clean"], "clean", wanted)
        elif reference is None:
            raise InputError("this scan is undersampled, so that no image is known to measure against; perturb it.")
        else:
            found = {**found, **shared.asked_again(trial.setting, trial.region)}
            values |= _named(self._against(images["clean"], images["reference"], trial), "clean", wanted)
        if starts and reference is not None and (start := shared.start(trial.setting, trial.region)) is not None:
            of_start = _named(self._against(magnitude_on_cpu(start), images["reference"], trial), "clean", wanted)
            values |= {f"start_{name}": value for name, value in of_start.items()}
        if reference is not None and set(wanted) & set(LESION_METRICS):
            # Where the perturbation changed the truth, the recovery of its change is known already, and stays.
            values = self._lesion(trial, mask, images, wanted) | values
        if reference is not None and COVERAGE in wanted and trial.change.kind == CLEAN:
            values |= self._coverage(trial, images["reference"])
        return Measurements(values | ({"cautions": canonical(dict(found))} if found else {}), images)

    def _doubts(self, trial: Trial, clean: Tensor) -> Mapping[str, str]:
        """Reasons to doubt a method's image of the clean samples, name to words."""
        shared = self.shared
        measurement = shared.of(trial.region)[0]
        return doubts(shared.method(trial.setting), measurement, clean, shared.cautions(trial.region))

    def _against(self, image: Tensor, reference: Tensor, trial: Trial) -> Measured:
        measurement, roi = self.shared.of(trial.region)
        return metrics.measure(image, reference, roi=roi.mask(measurement.matrix), tissue=measurement.foreground)

    def outcome(self, trial: Trial, roi: ROI) -> Outcome:
        """The outcome of a trial and of its control, alike for both, which is kept until the next one."""
        key = trial.setting.number, trial.region.id, trial.change.search
        if self._last is None or self._last[0] != key:
            self._last = None
            self._last = key, outcome_of(self.shared, trial, roi)
        return self._last[1]

    def _lesion(
        self, trial: Trial, mask: Tensor, images: Mapping[str, Tensor], wanted: tuple[str, ...]
    ) -> dict[str, float]:
        """Contrast recovery and detectability of a lesion that was inserted, or of a region that is taken for one.

        Where an image shows the contrast of the reference reversed, both are negative. A region that was not inserted
        has no recovery where the reference hardly shows a contrast.
        """
        if mask.all():
            return {}
        found: dict[str, float] = {}
        around = tissue_around(mask)
        true, contrast = (of(images["reference"], mask, around) for of in (_contrast_to_spread, _contrast))
        if "detectability" in wanted:
            found["detectability_region_reference"] = abs(true)
        for state in STATES:
            if state not in images:
                continue
            if "contrast_recovery" in wanted:
                recovery = self._recovery(trial, mask, images[state], images["reference"])
                if recovery is None and abs(contrast) >= VISIBLE:
                    recovery = _contrast(images[state], mask, around) / contrast
                if recovery is not None:
                    found[f"contrast_recovery_region_{state}"] = recovery
            if "detectability" in wanted:
                found[f"detectability_region_{state}"] = math.copysign(1.0, true) * _contrast_to_spread(
                    images[state], mask, around
                )
        return found

    def _coverage(self, trial: Trial, reference: Tensor) -> dict[str, float]:
        """Of a method that draws its image: how often the reference lies in the intervals of several draws."""
        drawn = self.shared.draws(trial.setting, trial.region)
        if drawn is None:
            return {}
        measurement = self.shared.of(trial.region)[0]
        kind = self.shared.method(trial.setting).reference_kind
        predicted = [predicted_reference(measurement, image, kind, seed) for seed, image in enumerate(drawn)]
        shares = coverage(torch.stack(predicted).cpu(), reference, measurement.foreground.cpu())
        return {f"coverage_{level}_foreground_clean": share for level, share in shares.items()}

    def _recovery(self, trial: Trial, mask: Tensor, image: Tensor, reference: Tensor) -> float | None:
        """<dt, df> / ||dt||² on the lesion, of the change that it makes; None for a lesion that was not inserted."""
        if trial.region.kind != "lesions":
            return None
        before = self.shared.reference(trial.setting)
        assert before is not None
        truth = (reference - magnitude_on_cpu(before))[mask].double()
        seen = (image - magnitude_on_cpu(self.shared.clean(trial.setting)))[mask].double()
        return float((truth * seen).sum() / truth.square().sum())


def outcome_of(shared: SharedSlice, trial: Trial, roi: ROI) -> Outcome:
    """A perturbation and its control, computed from nothing but the trial and its slice."""
    measurement, method = shared.of(trial.region)[0], shared.method(trial.setting)
    found, clean = shared.perturbed(trial), shared.clean(trial.setting, trial.region)
    known = shared.cautions(trial.region)
    (outcome,) = run(evaluate(measurement, method, roi, found, seed=trial.change.seed, clean=clean, cautions=known))
    return outcome


def _searched(shared: SharedSlice, trial: Trial, perturbed: Perturbed) -> dict[str, str]:
    """A caution on a method without gradients, which is searched otherwise than those with gradients beside it.

    Of what is given to several methods it is said which one of them it was found on.
    """
    change = trial.change
    on = change.found_on or trial.setting
    own = on.number == trial.setting.number
    where, whose = ("", "it gives") if own else (f"_on_{on.label}", f"{on.label}, on which it was searched for, gives")
    if change.kind == FEATURE:
        knobs = change.knobs
        moves = knobs["row"] < 0 and knobs["algorithm"] == "multiplexed" and Multiplexed.moves(knobs["search"])
        broken = "no_gradient" in perturbed.details
        if not moves or (not broken and shared.method(on).gives_gradient(shared.of(trial.region)[0])):
            return {}
        gradients, moved = (
            ("gradients that are not finite", "moved on") if broken else ("no gradients to follow", "moved")
        )
        words = (
            f"{whose} {gradients}, so that its feature is the worst of those drawn, and none was {moved}; "
            "give all methods `algorithm: random-search` to compare what they lose."
        )
        return {f"{DRAWN}{where}": words}
    details = perturbed.details
    if change.knobs.get("algorithm") != "auto" or details.get("algorithm") != "black-box" or "surpassed" in details:
        return {}
    words = (
        f"{whose} no gradients to follow, so that its noise comes from a black-box search; give all methods "
        "`algorithm: black-box` to compare what they lose."
    )
    return {f"{BLACK_BOX}{where}": words}


def _found(perturbed: Perturbed, matrix: tuple[int, int]) -> dict[str, Any]:
    """What a search found: the worst pose and its fully sampled image, or the feature with its loss."""
    details, found = perturbed.details, dict[str, Any]()
    if perturbed.feature is not None and "published_loss" in details:
        row, column = perturbed.feature.position
        found |= {"published_loss": details["published_loss"], "input_mse": details["input_mse"]}
        found["image_pixels"] = matrix[0] * matrix[1]
        found |= {"feature_row": row / matrix[0], "feature_column": column / matrix[1]}
    if "pose" in details and "curve" in details:
        pose = details["pose"]
        place = pose["angle"], [pose["rows"], pose["columns"]], pose["scale"]
        found["worst_angle"] = pose["angle"]
        for point in details["curve"]:
            if (point["angle"], list(point["shift"]), point["scale"]) == place:
                found["floor_ssim_region_perturbed"] = point["floor_ssim"]
    return found


def _named(measured: Measured, state: str, wanted: tuple[str, ...]) -> dict[str, float]:
    """The metrics under the names of their columns."""
    return {
        f"{name}_{PLACES[place]}_{state}": getattr(one, name)
        for place, one in measured.items()
        for name in IMAGE_METRICS
        if name in wanted
    }


def _contrast(image: Tensor, mask: Tensor, around: Tensor) -> float:
    """(a - b) / b of the mean magnitudes a in the region and b around it."""
    inside, outside = float(image[mask].double().mean()), float(image[around].double().mean())
    return (inside - outside) / outside if outside else float("nan")


def _contrast_to_spread(image: Tensor, mask: Tensor, around: Tensor) -> float:
    """(a - b) / s of the mean magnitudes a in the region and b around it, s the standard deviation around it."""
    inside, outside = image[mask].double(), image[around].double()
    return float((inside.mean() - outside.mean()) / outside.std())
