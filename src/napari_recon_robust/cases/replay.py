"""From a saved case back to its outcomes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..data.measurement import Calibration, Measurement
from ..data.orientation import aspect_of
from ..data.roi import ROI
from ..ground.errors import InputError
from ..ground.numbers import finite
from ..ground.progress import Job, Progress
from ..perturbations import registry as perturbations
from ..perturbations.base import Budget, Perturbation, Perturbed
from ..perturbations.outcome import Outcome, evaluate
from ..reconstructors import registry as reconstructors
from ..reconstructors.base import Method, Reconstructor
from ..reconstructors.doubts import doubts
from ..reconstructors.fingerprint import of_package
from . import record
from .checks import MEASURES, ONE, Check, check_outcomes, check_search, of_other_code, paired, without_unjudged
from .making import CODE, versions_and_code
from .record import Case, CaseRecipe, reading

TOLERANCE = 1e-6
_OTHERWISE = (
    "What may be otherwise now is not checked: only the code that saved the case can tell whether its record was "
    "changed, and all else is judged by the saved samples."
)
_UNCHECKABLE = "Where the clean samples come from, and what slice, size and unit they have, no case can prove."


@dataclass(frozen=True, eq=False, repr=False)
class Replay:
    """A case computed again: its outcomes, and how far their metrics are from the saved ones.

    difference: the largest |new - saved| over SSIM, PSNR / 100 dB and NMSE of all images and regions.
    changes: what has changed since it was saved (versions, weights, threads, metrics, and what may be defined or drawn
    otherwise where other code of this package saved it), in words. checks: the other parts of the case that were
    computed again. unchecked: what was not, and why, in a sentence; empty where nothing is left.
    """

    case: Case
    method: Method
    outcomes: list[Outcome]
    difference: float
    changes: list[str]
    checks: list[Check] = field(default_factory=list)
    unchecked: str = ""

    def __repr__(self) -> str:
        """In a line; `summary` says what differs."""
        return f"Replay(reproduced={self.reproduced}, difference={self.difference:.1e})"

    @property
    def reproduced(self) -> bool:
        """Whether all metrics agree within 1e-6, and everything else that was computed again agrees too."""
        return self.difference <= TOLERANCE and not any(check.fault for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The difference, the changes, the checks and the outcomes as JSON values."""
        return {
            "reproduced": self.reproduced,
            "difference": finite(self.difference),
            "changes": self.changes,
            "checks": {check.part: check.fault or "agree" for check in self.checks},
            "unchecked": self.unchecked,
            "results": [outcome.to_json() for outcome in self.outcomes],
        }

    def summary(self) -> str:
        """A few sentences: whether the case was reproduced, what differs, and what was not checked."""
        sentences = [
            "The metrics are reproduced exactly."
            if self.difference == 0
            else f"The metrics are reproduced: the largest difference is {self.difference:.1e}."
            if self.difference <= TOLERANCE
            else f"The metrics differ by up to {self.difference:.1e} from the saved ones."
        ]
        if self.changes:
            sentences.append(f"What has changed: {'; '.join(self.changes)}.")
        agreeing = [check.part for check in self.checks if not check.fault]
        if agreeing:
            verb = "agrees" if len(agreeing) == 1 and agreeing[0] in ONE else "agree"
            sentences.append(f"{_sentence(', '.join(agreeing))} {verb} with the samples.")
        for check in self.checks:
            if check.fault:
                verb = "does" if check.part in ONE else "do"
                sentences.append(f"{_sentence(check.part)} {verb} not agree with the samples: {check.fault}.")
        return " ".join(filter(None, (*sentences, self.unchecked)))


def _sentence(words: str) -> str:
    """The beginning of a sentence."""
    return words[:1].upper() + words[1:]


def measurement_of(case: Case) -> Measurement:
    """The clean measurement of a case.

    Without "acquired", as of earlier versions, no point counts as never measured: so it was when the case was found.
    """
    kept = None
    if "sensitivities" in case.kspace:
        covered = bool(case.kspace["noise_covered"].all()) if "noise_covered" in case.kspace else None
        kept = Calibration(_tensor(case, "sensitivities"), _tensor(case, "noise"), covered)
    full = _tensor(case, "full") if "full" in case.kspace else None
    clean, aspect = _tensor(case, "clean"), aspect_of(case.recipe.source.get("voxel"))
    everywhere = torch.ones(1, clean.shape[-1], dtype=torch.bool)
    acquired = _tensor(case, "acquired") if "acquired" in case.kspace else everywhere
    acs = _tensor(case, "acs") if "acs" in case.kspace else None
    return Measurement(clean, _tensor(case, "mask"), case.matrix, full, kept, acquired, aspect=aspect, acs=acs)


def recalled(case: Case) -> list[Perturbed]:
    """What was done at each budget and what it says of itself (caption, curve, restore), without computing anything.

    Raises InputError for a perturbation that is not installed here.
    """
    clean = measurement_of(case)
    changed = (
        replace(clean, kspace=samples, mask=clean.mask if mask is None else mask, full=full, kept=None)
        for samples, full, mask in _samples(case)
    )
    return [_perturbed(case, index, one, clean, _budget(case.results[index])) for index, one in enumerate(changed)]


def replay(
    case: Case | str | Path, reconstructor: Method | Reconstructor | None = None, *, search: bool = False
) -> Job[Replay]:
    """Reconstruct and measure everything again from nothing but the saved k-space, and compare with what was saved.

    Metrics, budgets, random controls, words and images are compared. A perturbation that only carries its knobs out is
    made again too; `search`: also one that searches, which takes as long as it did. Where other code of this package
    saved the case, other derived results, words or perturbations are changes, and no faults (`checks.of_other_code`).

    case: a loaded one, or its folder. reconstructor: must be given if the case's method is not in the registry, since
    an own model that a case names is never looked for and run; a method has to be at the case's knobs. Raises
    InputError if it is missing or another one than the case's, or if the k-space is not the recipe's; FileFormatError
    for a folder that is not a sound case.
    """
    if not isinstance(case, Case):
        case = record.load_case(case)
    recipe = case.recipe
    if record.array_hash(case.kspace["clean"], case.kspace["mask"]) != recipe.input:
        raise InputError("the clean samples are not those that the recipe was made from; restore the saved case.")
    if not perturbations.lists(recipe.perturbation):
        raise InputError(
            f"the case was made with the perturbation {recipe.perturbation!r}, which is not installed here; install "
            "the package that it is from."
        )
    method = _method(recipe, reconstructor)
    with reading():
        measurement = measurement_of(case)
        keep = recipe.perturbation_knobs.get("sensitivities") == "kept"
        perturbed = [
            _perturbed(case, index, measurement.with_kspace(samples, full=full, keep=keep, mask=mask), measurement)
            for index, (samples, full, mask) in enumerate(_samples(case))
        ]
        controls = [measurement.with_kspace(one, full=measurement.full, keep=keep) for one in _tensor(case, "random")]
    yield Progress(0.0, "Reconstructing the clean samples")
    with torch.no_grad():
        clean = method(measurement)
    doubted = doubts(method, measurement, clean)
    outcomes = yield from evaluate(
        measurement, method, case.roi, perturbed, seed=recipe.seed, controls=controls, clean=clean, cautions=doubted
    )
    kind = perturbations.get(recipe.perturbation)
    with reading():
        pairs, other_metrics = paired(case, outcomes)
        if _by_other_code(recipe):
            pairs, unjudged = without_unjudged(pairs, outcomes)
            other_metrics += unjudged
        checks = check_outcomes(case, measurement, kind, outcomes, pairs)
        unchecked = _not_repeated(case, kind, search=search)
    if not unchecked:
        again = yield from kind.run(measurement, method, case.roi, recipe.budgets, **recipe.perturbation_knobs)
        with reading():
            checks.append(check_search(case, outcomes, again, doubted))
    with reading():
        difference = max(_difference(saved[name], new[name]) for saved, new in pairs for name in MEASURES)
    checks, otherwise = of_other_code(checks) if _by_other_code(recipe) else (checks, [])
    unchecked = " ".join(filter(None, (unchecked, _OTHERWISE if otherwise else "", _UNCHECKABLE)))
    changes = [*_changes(recipe, method), *other_metrics, *otherwise]
    return Replay(case, method, outcomes, difference, changes, checks, unchecked)


def _not_repeated(case: Case, kind: Perturbation, *, search: bool) -> str:
    """Why the perturbation is not made again, and what therefore nobody knows; empty if it is."""
    if kind.searches_at(case.recipe.perturbation_knobs) and not search:
        reason = "the search was not repeated (recon-robust replay --search does it)"
    elif not all(result["complete"] for result in case.results):
        reason = "the search was ended early"
    elif kind.accepts_image and any(result["details"].get("effect") == "image" for result in case.results):
        reason = "the image that was aimed at is not part of the case"
    else:
        return ""
    return (
        f"Not checked, since {reason}: that the perturbation's knobs and budgets lead to these samples, and what the "
        "search says of itself."
    )


def _samples(case: Case) -> Iterator[tuple[Tensor, Tensor | None, Tensor | None]]:
    """The samples, full k-space and mask of each result; None if one is not known, or is the clean scan's."""
    perturbed = _tensor(case, "perturbed")
    more = [_tensor(case, name) if name in case.kspace else None for name in ("perturbed_full", "perturbed_mask")]
    full, mask = (list[Tensor | None]([None] * len(perturbed)) if one is None else list(one) for one in more)
    return zip(perturbed, full, mask, strict=True)


def _budget(saved: Mapping[str, Any]) -> Budget:
    """As it was saved; null is a number that was not finite."""
    values = {**saved["budget"], "per_coil": tuple(saved["budget"]["per_coil"])}
    return Budget(**{**values, "thermal": float("nan") if values["thermal"] is None else values["thermal"]})


def _perturbed(
    case: Case, index: int, changed: Measurement, clean: Measurement, budget: Budget | None = None
) -> Perturbed:
    """One of them again. budget: what it spent, measured again if it is None."""
    saved = case.results[index]
    additive = saved.get("additive", True)
    spent = changed.kspace - clean.kspace if additive else torch.zeros_like(clean.kspace)
    read = Perturbed(
        measurement=changed,
        perturbation=spent,
        budget=Budget.of(saved["budget"]["nominal"], spent, clean) if budget is None else budget,
        loss=tuple(saved["loss"]),
        complete=saved["complete"],
        judged_by=saved["judged_by"],
        roi=ROI.model_validate(saved["roi"]) if saved.get("roi") else None,
        details=saved["details"],
        kind=case.recipe.perturbation,
        knobs=case.recipe.perturbation_knobs,
        statement=saved["statement"],
        findings=dict(saved["findings"]),
        additive=additive,
    )
    return perturbations.get(case.recipe.perturbation).recalled(read)


def _difference(saved: Any, new: Any) -> float:
    """The largest difference between two trees of metrics; infinite if one has a value that the other lacks."""
    if isinstance(saved, Mapping) and isinstance(new, Mapping) and saved.keys() == new.keys():
        scale = {"psnr": 100.0}
        return max((_difference(saved[key], new[key]) / scale.get(key, 1.0) for key in saved), default=0.0)
    if saved is None and new is None:
        return 0.0
    if isinstance(saved, int | float) and isinstance(new, int | float):
        return abs(saved - new)
    return float("inf")


def _method(recipe: CaseRecipe, given: Method | Reconstructor | None) -> Method:
    """The case's method at its knobs: one of the registry, or the own model that is given, wherever it is now."""
    listed = reconstructors.lists(recipe.method)
    if given is None and not listed:
        raise InputError(
            f"the case was made with {recipe.method!r}, which is none of the methods here; if it is an own model "
            "give it again (--method, rr.replay_case(case, rr.reconstructor(...)), or open it in the window before the "
            "case)."
        )
    if given is not None and listed and given.id != recipe.method:
        raise InputError(
            f"the case was made with {recipe.method}, and {given.id} is another method; leave it out, a replay is of "
            "the same method."
        )
    reconstructor = reconstructors.get(recipe.method) if given is None else given.at().reconstructor
    strange = recipe.method_knobs.keys() - {knob.name for knob in reconstructor.knobs}
    if strange:
        raise InputError(
            f"the case was made with {recipe.method} and its knob {min(strange)!r}, which {reconstructor.id} does not "
            "have here; give the method that it was made with, in that version."
        )
    method = reconstructor.at(**recipe.method_knobs)
    if isinstance(given, Method) and given.knobs != method.knobs:
        raise InputError(
            f"the method is at other knobs than the case's, {method.title}; give the reconstructor without knobs."
        )
    return method


def _by_other_code(recipe: CaseRecipe) -> bool:
    """Whether the record says that another state of this package saved the case, or is older than such marks."""
    return recipe.versions.get(CODE) != of_package()


def _changes(recipe: CaseRecipe, method: Method) -> list[str]:
    now = {**versions_and_code(), "threads": str(torch.get_num_threads())}
    then = {**recipe.versions, "threads": str(recipe.threads)}
    id = method.reconstructor.recorded_id
    changes = [] if id == recipe.method else [f"the method was {recipe.method} and is now {id}"]
    if _by_other_code(recipe):
        state = "an earlier" if CODE not in then else "another"
        changes.append(f"{state} state of this package's code saved the case, so differences can come from that")
    for name in then:
        if name != CODE and then[name] != now.get(name):
            changes.append(f"{name} {then[name]} is now {now.get(name, 'unknown')}")
    was, found = recipe.weights, method.fingerprint()
    renamed = {mark for mark in was.values() if len(mark) == 64 and mark in found.values()}  # files, by their SHA-256
    for name in dict.fromkeys((*was, *found)):
        if was.get(name) != found.get(name) and not {was.get(name), found.get(name)} - {None} <= renamed:
            changes.append(f"{name} was {_short(was.get(name))} and is now {_short(found.get(name))}")
    return changes


def _short(mark: str | None) -> str:
    """A version, or the beginning of a SHA-256."""
    if mark is None:
        return "not part of it"
    return f"the file with SHA-256 {mark[:12]}…" if len(mark) == 64 else mark


def _tensor(case: Case, name: str) -> Tensor:
    return torch.from_numpy(case.kspace[name])
