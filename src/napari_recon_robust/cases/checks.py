"""What a saved case says, held against what its samples say.

The seal of a case has no key: who changes a case can seal it again. So everything that follows from the samples is
computed again and compared, and the rest is named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..ground.errors import InputError
from ..perturbations.base import Perturbation, Perturbed
from ..perturbations.outcome import Outcome
from ..perturbations.random_noise import control
from ..physics.sampling import Sampling
from .record import Array, Case

TOLERANCE = 1e-3  # of numbers, and of an image's maximum; another processor gives differences of a few 1e-4
_ROUNDING = 2.0**-24  # of samples in single precision, relative to the k-space; a tiny budget may be spent beyond by it
SAMPLING, PERTURBATION = "the sampling", "the perturbation"
ONE = (SAMPLING, PERTURBATION)  # the parts of a case that are none of several
MEASURES = ("clean", "perturbed", "random", "perturbed_reference")  # whose metrics a result has, on each region
_FURTHER = ("degradation", "data_range", "acceleration")
_DERIVED = ("stability", "contrast_recovery", "data_consistency")
_IMAGES = ("clean", "perturbed")  # that each case holds
_WORDS = ("sentence", "warnings")
_FOUND = ("statement", "findings", "details", "loss")  # what only the search itself can say
_OF_CODE = {"the derived results": "defined", "the words": "chosen", PERTURBATION: "drawn or described"}  # by this code


Pair = tuple[Mapping[str, Any], Mapping[str, Any]]


@dataclass(frozen=True)
class Check:
    """One part of a case. fault: how it differs from what was computed again, in words; empty where it agrees."""

    part: str
    fault: str = ""


def paired(case: Case, outcomes: Sequence[Outcome]) -> tuple[list[Pair], list[str]]:
    """Each result as it was saved and as it is now, with the metrics that both versions have; the others in words.

    A version has a metric if any of its values is there, so that one that was taken out of some results shows.
    """
    new = [outcome.to_json() for outcome in outcomes]
    then, now = _metrics(case.results), _metrics(new)
    others = then ^ now if then & now else set()
    words = [
        f"the metric {name} {'is not computed any more' if name in then else 'was not computed then'}"
        for name in sorted(others)
    ]
    pairs = [(_without(others, one), _without(others, other)) for one, other in zip(case.results, new, strict=True)]
    return pairs, words


def without_unjudged(pairs: Sequence[Pair], outcomes: Sequence[Outcome]) -> tuple[list[Pair], list[str]]:
    """The pairs without what earlier code measured of images that no truth is known for, and that in words."""
    names = ("perturbed", "degradation")
    others = [
        (saved, new) if outcome.comparison.judges else ({**saved, **{name: new[name] for name in names}}, new)
        for (saved, new), outcome in zip(pairs, outcomes, strict=True)
    ]
    changed = any(not agree(one, saved) for (one, _), (saved, _) in zip(others, pairs, strict=True))
    return others, ["perturbed images whose truth is not known are not judged any more"] if changed else []


def _metrics(results: Sequence[Mapping[str, Any]]) -> set[str]:
    parts = [result[part] for result in results for part in MEASURES if isinstance(result[part], Mapping)]
    return {name for part in parts for measured in part.values() for name in measured}


def _without(names: set[str], result: Mapping[str, Any]) -> Mapping[str, Any]:
    """A result without some metrics."""
    parts = {part: result[part] for part in (*MEASURES, "degradation") if isinstance(result.get(part), Mapping)}
    kept = {
        part: {
            region: {name: measured[name] for name in measured if name not in names}
            for region, measured in regions.items()
        }
        for part, regions in parts.items()
    }
    return {**result, **kept}


def check_outcomes(
    case: Case, measurement: Measurement, kind: Perturbation, outcomes: Sequence[Outcome], pairs: Sequence[Pair]
) -> list[Check]:
    """The parts that follow from the samples: budgets, random controls, further and derived results, words and images.

    pairs: the results as of `paired`.
    """
    return [
        Check(SAMPLING, _first(_sampling_faults(case, measurement))),
        Check("the budgets", _first(_budget_faults(case, kind, outcomes))),
        Check("the random controls", _first(_control_faults(case, measurement, outcomes))),
        Check("the further results", _first(_differing(pairs, _FURTHER))),
        Check("the derived results", _first(_differing(pairs, _DERIVED))),
        Check("the words", _first(_differing(pairs, _WORDS))),
        Check("the images", _first(_image_faults(case, outcomes))),
    ]


def check_search(
    case: Case, outcomes: Sequence[Outcome], again: Sequence[Perturbed], doubted: Mapping[str, str]
) -> Check:
    """What was found anew by the recipe's knobs and budgets, against what the case holds.

    doubted: why the images of the clean samples are doubted, which the findings of a case say too.
    """

    def faults() -> Iterator[str]:
        for one, outcome, saved in zip(again, outcomes, case.results, strict=True):
            old, new = outcome.perturbed.measurement, one.measurement
            size = float(torch.linalg.vector_norm(outcome.perturbed.perturbation)) or float(
                torch.linalg.vector_norm(old.kspace)
            )
            if float(torch.linalg.vector_norm(new.kspace - old.kspace)) > TOLERANCE * size:
                yield "the recipe's knobs and budgets lead to other samples"
            if not torch.equal(new.mask, old.mask):
                yield "the recipe's knobs lead to another mask"
            found = {
                "statement": one.statement,
                "findings": {**one.findings, **doubted},
                "details": dict(one.details),
                "loss": list(one.loss),
            }
            yield from _differing([(saved, found)], _FOUND)

    return Check(PERTURBATION, _first(faults()))


def of_other_code(checks: Sequence[Check]) -> tuple[list[Check], list[str]]:
    """The checks that count although other code of this package saved the case, and the other differences in words.

    That code may have defined a derived result, chosen a word or drawn a perturbation otherwise. Metrics, budgets,
    random controls and images are held against the samples of the case whatever code saved it.
    """
    counted = [check for check in checks if not check.fault or check.part not in _OF_CODE]
    words = [
        f"{check.part} may be {_OF_CODE[check.part]} otherwise now ({check.fault})"
        for check in checks
        if check not in counted
    ]
    return counted, words


def _budget_faults(case: Case, kind: Perturbation, outcomes: Sequence[Outcome]) -> Iterator[str]:
    nominal = [saved["budget"]["nominal"] for saved in case.results]
    if list(case.recipe.budgets) != [budget for budget in nominal if budget is not None]:
        yield "the recipe names others than the results"
    if kind.needs_budget and None in nominal:
        yield "one of them is not named"
    of_samples = "k-space" in kind.budget_of(case.recipe.perturbation_knobs)
    for saved, outcome in zip(case.results, outcomes, strict=True):
        spent, limit = outcome.perturbed.budget, saved["budget"]["nominal"]
        if not agree(saved["budget"], spent.to_json()):
            yield f"the samples spend {100 * spent.achieved:.3g}% and the case says otherwise"
        if of_samples and limit is not None and spent.achieved > limit * (1 + TOLERANCE) + _ROUNDING:
            yield f"the samples spend {100 * spent.achieved:.3g}%, more than the {100 * limit:.3g}% that it names"


def _control_faults(case: Case, measurement: Measurement, outcomes: Sequence[Outcome]) -> Iterator[str]:
    for outcome, saved in zip(outcomes, case.kspace["random"], strict=True):
        drawn = control(measurement, outcome.perturbed, case.recipe.seed)
        if not _near(drawn.kspace, torch.from_numpy(saved)):
            yield f"they are not those of seed {case.recipe.seed}"


def _sampling_faults(case: Case, measurement: Measurement) -> Iterator[str]:
    """What the source says of the sampling; a scan may lack some of the lines that are drawn."""
    source = case.recipe.source
    if "acceleration" in source and not agree(source["acceleration"], measurement.acceleration):
        yield "the effective acceleration is another one"
    if isinstance(source.get("sampling"), Mapping):
        try:
            drawn = Sampling(**source["sampling"]).mask(*case.kspace["clean"].shape[1:])
        except (TypeError, ValueError, InputError):
            yield "there is no such pattern"
        else:
            if bool((measurement.mask.cpu() & ~drawn).any()):
                yield "its pattern draws other lines"


def _image_faults(case: Case, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The stored images that are not those which were computed again, one or a stack of one for each result."""
    computed = {
        name: [getattr(outcome.comparison, name) for outcome in outcomes]
        for name in (*_IMAGES, *case.images)
        if getattr(outcomes[0].comparison, name, None) is not None
    }
    for name in sorted({*computed, *case.images}):
        if name not in case.images:
            yield f"the image {name!r} is missing"
        elif name not in computed or not _same(case.images[name], computed[name]):
            yield f"the image {name!r} is another one"


def _same(saved: Array, images: Sequence[Tensor]) -> bool:
    """Whether a stored image is each of those, or a stack holds them."""
    stack = saved if saved.ndim == 3 else [saved] * len(images)
    return len(stack) == len(images) and all(
        _near(image, torch.from_numpy(one)) for image, one in zip(images, stack, strict=True)
    )


def _near(new: Tensor, saved: Tensor) -> bool:
    """Whether the largest difference is small beside the largest value."""
    if new.shape != saved.shape or new.dtype != saved.dtype:
        return False
    if new.dtype == torch.bool:
        return torch.equal(new.cpu(), saved)
    return float((new.cpu() - saved).abs().max()) <= TOLERANCE * float(new.abs().max())


def _differing(pairs: Sequence[Pair], names: Sequence[str]) -> Iterator[str]:
    """A few words on each named part that differs; what earlier versions did not record is passed over."""
    for number, (saved, new) in enumerate(pairs, start=1):
        for name in names:
            if name in saved and name in new and not agree(saved[name], new[name]):
                yield f"{name.replace('_', ' ')} of result {number} differs"


def agree(saved: Any, new: Any) -> bool:
    """Whether two trees of JSON values are equal, numbers up to a relative 1e-3."""
    if isinstance(saved, Mapping) and isinstance(new, Mapping):
        return saved.keys() == new.keys() and all(agree(saved[key], new[key]) for key in saved)
    if isinstance(saved, list | tuple) and isinstance(new, list | tuple):
        return len(saved) == len(new) and all(map(agree, saved, new))
    if isinstance(saved, bool) or isinstance(new, bool) or not isinstance(saved, int | float):
        return bool(saved == new)
    return isinstance(new, int | float) and bool(np.isclose(saved, new, rtol=TOLERANCE, atol=1e-5, equal_nan=True))


def _first(faults: Iterator[str]) -> str:
    return next(faults, "")
