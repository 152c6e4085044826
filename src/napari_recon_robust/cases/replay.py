"""From outcomes to a saved case, and from a saved case back to its outcomes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.measurement import Calibration, Measurement
from ..data.orientation import aspect_of
from ..data.roi import ROI
from ..evaluation import metrics
from ..ground.errors import InputError, one_line
from ..ground.knob import resolve
from ..ground.numbers import written
from ..ground.progress import Job, Progress
from ..ground.specification import Specification
from ..perturbations import registry as perturbations
from ..perturbations.base import Budget, Perturbation, Perturbed
from ..perturbations.outcome import Outcome, evaluate
from ..reconstructors import registry as reconstructors
from ..reconstructors.base import Method, Reconstructor
from ..reconstructors.doubts import doubts
from ..reconstructors.origin import of_package
from . import record
from .checks import MEASURES, PERTURBATION, Check, check_outcomes, check_search, of_other_code, paired
from .record import Case, CaseRecipe, reading

TOLERANCE = 1e-6
_PACKED = 0.5  # of the bytes of k-space are left on the disk, at the least
_CODE = "code"  # among the versions of a case
_OTHERWISE = (
    "What may be otherwise now is not checked: only the code that saved the case can tell whether its record was "
    "changed, and all else is judged by the saved samples."
)
_UNCHECKABLE = "Where the clean samples come from, no case can prove."


@dataclass(frozen=True, eq=False)
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

    @property
    def reproduced(self) -> bool:
        """Whether all metrics agree within 1e-6, and everything else that was computed again agrees too."""
        return self.difference <= TOLERANCE and not any(check.fault for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """The difference, the changes, the checks and the outcomes as JSON values."""
        return {
            "reproduced": self.reproduced,
            "difference": self.difference,
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
            verb = "agrees" if agreeing == [PERTURBATION] else "agree"
            sentences.append(f"{_sentence(', '.join(agreeing))} {verb} with the samples.")
        for check in self.checks:
            if check.fault:
                verb = "does" if check.part == PERTURBATION else "do"
                sentences.append(f"{_sentence(check.part)} {verb} not agree with the samples: {check.fault}.")
        return " ".join(filter(None, (*sentences, self.unchecked)))


def _sentence(words: str) -> str:
    """The beginning of a sentence."""
    return words[:1].upper() + words[1:]


def make_case(
    measurement: Measurement,
    method: Method | Reconstructor,
    roi: ROI,
    outcomes: Sequence[Outcome],
    *,
    perturbation: str = "",
    perturbation_knobs: Mapping[str, Any] | None = None,
    source: Mapping[str, Any] | None = None,
) -> Case:
    """All of a perturbation's outcomes as a case that `cases.record.save_case` writes.

    method: a reconstructor is at its defaults. perturbation, perturbation_knobs: its id and its knobs, by default those
    of the outcomes. source: plain facts about where the slice is from (slice number, sampling), without paths or
    identifiers.

    Raises InputError for no outcomes, for those of another measurement, method, region or perturbation, and for what
    a case cannot hold: a source that is not plain, anything in double precision. The label of `roi` is the case's.
    """
    if not outcomes:
        raise InputError("there is nothing to save; run a perturbation first.")
    method = method.at()
    id, knobs = _kind_of(outcomes, perturbation, perturbation_knobs)
    _check_origin(measurement, method, roi, outcomes)
    _check_precision(measurement)
    outcomes = [outcome.labelled(roi.label) for outcome in outcomes]
    kspace = {"clean": _array(measurement.kspace), "mask": _array(measurement.mask)}
    recipe = _recipe(
        measurement,
        method,
        source or {},
        perturbation=id,
        perturbation_knobs=knobs,
        budgets=tuple(
            outcome.perturbed.budget.nominal for outcome in outcomes if outcome.perturbed.budget.nominal is not None
        ),
        seed=outcomes[0].seed,
    )
    if not measurement.acquired.all():
        kspace["acquired"] = _array(measurement.acquired)
    if measurement.acs is not None:
        kspace["acs"] = _array(measurement.acs)
    if measurement.kept is not None:
        kspace["sensitivities"] = _array(measurement.kept.sensitivities)
        kspace["noise"] = _array(measurement.kept.noise)
    kspace["perturbed"] = np.stack([_array(outcome.perturbed.measurement.kspace) for outcome in outcomes])
    kspace["random"] = np.stack([_array(outcome.control.kspace) for outcome in outcomes])
    if not all(_same_points(outcome.perturbed.measurement, measurement) for outcome in outcomes):
        kspace["perturbed_mask"] = np.stack([_array(outcome.perturbed.measurement.mask) for outcome in outcomes])
    if measurement.full is not None:
        kspace["full"] = _array(measurement.full)
        kspace["perturbed_full"] = np.stack([_array(full) for full in _full(outcomes)])
    return Case(
        recipe=recipe,
        roi=roi,
        results=[_result(outcome) for outcome in outcomes],
        matrix=measurement.matrix,
        kspace=kspace,
        images=_images(outcomes),
    )


def _kind_of(outcomes: Sequence[Outcome], id: str, given: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """The perturbation's id and all of its knobs; InputError where what is given is not what the outcomes say."""
    first = outcomes[0].perturbed
    id = id or first.kind
    if not id:
        raise InputError('the perturbation is missing; give the kind that rr.perturb was given, such as "random".')
    known = perturbations.get(id).knobs
    knobs = resolve(known, first.knobs if given is None else given)
    for one in (outcome.perturbed for outcome in outcomes):
        if one.kind not in ("", id):
            raise InputError(
                f"the outcomes are of the perturbation {one.kind!r}, and not of {id!r}; give {one.kind!r}."
            )
        was = resolve(known, one.knobs) if one.kind else knobs
        if different := [name for name in knobs if was[name] != knobs[name]]:
            name = different[0]
            raise InputError(
                f"the outcomes are of {name} {was[name]!r}, and not of {knobs[name]!r}; leave perturbation_knobs out, "
                "or give those that rr.perturb was given."
            )
    return id, knobs


def _check_origin(measurement: Measurement, method: Method, roi: ROI, outcomes: Sequence[Outcome]) -> None:
    """InputError for outcomes of something else, and for those of several seeds."""
    for outcome in outcomes:
        was = outcome.setup
        same = {
            "measurement": _same_samples(was.measurement, measurement),
            "method": was.method.reconstructor.recorded_id == method.reconstructor.recorded_id
            and was.method.knobs == method.knobs,
            "region": was.roi.shapes == roi.shapes,
            "seed": outcome.seed == outcomes[0].seed,
        }
        for name, agrees in same.items():
            if not agrees:
                raise InputError(
                    f"the outcomes are those of another {name}; give what one call of rr.compare was given, and "
                    "returned."
                )


def _check_precision(measurement: Measurement) -> None:
    """InputError for double precision: what is found in it is another result in the single one of a case."""
    kept = (None, None) if measurement.kept is None else (measurement.kept.sensitivities, measurement.kept.noise)
    for name, part in (
        ("k-space", measurement.kspace),
        ("full k-space", measurement.full),
        ("k-space of the calibration lines", measurement.acs),
        ("sensitivities", kept[0]),
        ("noise", kept[1]),
    ):
        if part is not None and part.dtype not in (torch.complex64, torch.float32):
            single = "complex64" if part.is_complex() else "float32"
            raise InputError(
                f"the {name} of the measurement is {str(part.dtype).removeprefix('torch.')}, and a case holds single "
                f"precision; give {single}, and make the measurement and its outcomes anew."
            )


def _same_samples(one: Measurement, other: Measurement) -> bool:
    """Whether two measurements have equal samples, on whatever device."""
    return one is other or (
        one.kspace.shape == other.kspace.shape
        and one.kspace.dtype == other.kspace.dtype
        and torch.equal(one.kspace.cpu(), other.kspace.cpu())
        and _same_points(one, other)
    )


def _same_points(one: Measurement, other: Measurement) -> bool:
    """Whether two measurements of one shape are sampled at the same points, be they given as whole lines or not."""
    masks = (measurement.mask.cpu().expand(measurement.kspace.shape[-2:]) for measurement in (one, other))
    return torch.equal(*masks)


def unperturbed_case(
    measurement: Measurement,
    method: Method,
    roi: ROI,
    image: Tensor,
    *,
    reference: Tensor | None,
    foreground: Tensor,
    source: Mapping[str, Any],
) -> Case:
    """A reconstruction before anything was perturbed, as reports and exports take it; it is not for saving.

    image, reference: magnitudes, real (rows, columns), of the clean samples and of the full k-space where it is known.
    foreground: bool (rows, columns). Its perturbation is "", and its result has metrics only if the reference is known.
    """
    region = roi.mask(measurement.matrix)
    where = "image" if region.all() else "roi"
    images = {"clean": _array(image), "roi": _array(region), "foreground": _array(foreground)}
    result: dict[str, Any] = {
        "budget": {"nominal": None},
        "judged_by": "clean",
        "reference": None,
        "acceleration": measurement.acceleration,
        "additive": False,
        "complete": True,
        "loss": [],
        "warnings": {},
        "sentence": "Nothing was perturbed. No fully sampled image is known that this one could be measured against.",
    }
    if reference is not None:
        images["reference"] = _array(reference)
        measured = metrics.measure(image, reference, roi=region, tissue=foreground)
        place = "the whole image" if where == "image" else f"the region “{roi.label}”" if roi.label else "the region"
        result |= {
            "reference": method.reference_kind,
            "clean": metrics.to_json(measured),
            "sentence": f"Nothing was perturbed. In {place} SSIM is {written(measured[where].ssim, '.2f')}.",
        }
    return Case(
        recipe=_recipe(measurement, method, source, perturbation=""),
        roi=roi,
        results=[result],
        matrix=measurement.matrix,
        kspace={},
        images=images,
    )


def _recipe(measurement: Measurement, method: Method, source: Mapping[str, Any], **of_perturbation: Any) -> CaseRecipe:
    """The recipe of a method on a measurement, and of what was done to that."""
    return CaseRecipe(
        method=method.reconstructor.recorded_id,
        method_knobs=dict(method.knobs),
        input=record.array_hash(_array(measurement.kspace), _array(measurement.mask)),
        source=_plain({**source, **({} if measurement.unit == 1 else {"unit": measurement.unit})}),
        weights=method.fingerprint(),
        versions=_versions(),
        threads=torch.get_num_threads(),
        **of_perturbation,
    )


def _plain(source: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as JSON has them, those of NumPy too; InputError for others, and for numbers that are not finite."""
    plain = {}
    for name, fact in source.items():
        try:
            plain[name] = json.loads(json.dumps(fact, default=_values, allow_nan=False))
        except (TypeError, ValueError, AttributeError, RecursionError):
            raise InputError(
                f"the source has {one_line(repr(fact), 60)} as {name!r}; give texts, finite numbers, and lists and "
                "mappings of them."
            ) from None
    return plain


def _values(fact: Any) -> Any:
    """What NumPy, torch and specifications (`Sampling`) hold as JSON values."""
    return fact.model_dump(mode="json") if isinstance(fact, Specification) else fact.tolist()


def _versions() -> dict[str, str]:
    """The versions of what computes, and the SHA-256 of this package's code, as other code may bear the same version.

    It is no part of `record.versions`, whose readers keep it apart or compute again where one of them differs.
    """
    return {**record.versions(), _CODE: of_package()}


def size_of_case(measurement: Measurement, count: int) -> int:
    """Bytes that a case with so many results will have at least: its k-space, which is noise and packs little."""
    sampled = int(measurement.kspace.count_nonzero()) * (1 + 2 * count)
    full = 0 if measurement.full is None else measurement.full.numel() * (1 + count)
    return int(_PACKED * measurement.kspace.element_size() * (sampled + full))


def measurement_of(case: Case) -> Measurement:
    """The clean measurement of a case.

    Without "acquired", as of earlier versions, no point counts as never measured: so it was when the case was found.
    """
    kept = None
    if "sensitivities" in case.kspace:
        kept = Calibration(_tensor(case, "sensitivities"), _tensor(case, "noise"))
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
    if kind.searches and not search:
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


def _result(outcome: Outcome) -> dict[str, Any]:
    """The outcome's JSON, with what a replay needs to give the same words."""
    perturbed = outcome.perturbed
    return {
        **outcome.to_json(),
        "details": dict(perturbed.details),
        "statement": perturbed.statement,
        "additive": perturbed.additive,
        "findings": dict(outcome.comparison.findings),
        "roi": None if perturbed.roi is None else perturbed.roi.model_dump(mode="json"),
    }


def _images(outcomes: Sequence[Outcome]) -> dict[str, record.Array]:
    first = outcomes[0].comparison
    images = {"clean": _array(first.clean), "roi": _array(first.roi), "foreground": _array(first.foreground)}
    if first.reference is not None:
        images["reference"] = _array(first.reference)
    for name in ("perturbed", "random", "perturbed_reference"):
        stack = [getattr(outcome.comparison, name) for outcome in outcomes]
        if stack[0] is not None:
            images[name] = np.stack([_array(image) for image in stack])
    return images


def _full(outcomes: Sequence[Outcome]) -> Iterator[Tensor]:
    for outcome in outcomes:
        full = outcome.perturbed.measurement.full
        assert full is not None
        yield full


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
            f"the case was made with {recipe.method!r}, which is none of the methods here; if it is an own model give "
            "it again (--method, or open it in the window before the case)."
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
    return recipe.versions.get(_CODE) != of_package()


def _changes(recipe: CaseRecipe, method: Method) -> list[str]:
    now = {**_versions(), "threads": str(torch.get_num_threads())}
    then = {**recipe.versions, "threads": str(recipe.threads)}
    id = method.reconstructor.recorded_id
    changes = [] if id == recipe.method else [f"the method was {recipe.method} and is now {id}"]
    if _by_other_code(recipe):
        state = "an earlier" if _CODE not in then else "another"
        changes.append(f"{state} state of this package's code saved the case, so differences can come from that")
    for name in then:
        if name != _CODE and then[name] != now.get(name):
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


def _array(tensor: Tensor) -> record.Array:
    return tensor.detach().cpu().numpy()
