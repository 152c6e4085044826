"""From outcomes to a case that can be saved."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..data.roi import ROI
from ..evaluation import metrics
from ..ground.errors import InputError, one_line
from ..ground.knob import resolve
from ..ground.numbers import written
from ..ground.specification import Specification
from ..perturbations import registry as perturbations
from ..perturbations.outcome import Outcome
from ..reconstructors.base import Method, Reconstructor
from ..reconstructors.fingerprint import of_package
from . import record
from .record import Case, CaseRecipe

CODE = "code"  # among the versions of a case
_PACKED = 0.5  # of the bytes of k-space are left on the disk, at the least


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
    of the outcomes. source: plain facts about where the slice is from, without paths or identifiers; by default those
    of the measurement (`Measurement.source`) with its effective acceleration. A replay holds the `acceleration` and the
    values of a `sampling` in it against the samples.

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
    recipe = recipe_of(
        measurement,
        method,
        {**measurement.source, "acceleration": measurement.acceleration} if source is None else source,
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
        if measurement.kept.noise_covered is not None:
            kspace["noise_covered"] = np.array([measurement.kept.noise_covered])
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
        recipe=recipe_of(measurement, method, source),
        roi=roi,
        results=[result],
        matrix=measurement.matrix,
        kspace={},
        images=images,
    )


def recipe_of(
    measurement: Measurement, method: Method, source: Mapping[str, Any], perturbation: str = "", **of_perturbation: Any
) -> CaseRecipe:
    """The recipe of a method on a measurement, and of what was done to that, if anything was.

    source: plain facts, as of `make_case`. of_perturbation: further fields of the recipe.
    """
    return CaseRecipe(
        perturbation=perturbation,
        method=method.reconstructor.recorded_id,
        method_knobs=dict(method.knobs),
        input=record.array_hash(_array(measurement.kspace), _array(measurement.mask)),
        source=_plain({**source, **({} if measurement.unit == 1 else {"unit": measurement.unit})}),
        weights=method.fingerprint(),
        versions=versions_and_code(),
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


def versions_and_code() -> dict[str, str]:
    """The versions of what computes, and the SHA-256 of this package's code, as other code may bear the same version.

    `record.versions` has no code: studies keep it apart.
    """
    return {**record.versions(), CODE: of_package()}


def size_of_case(measurement: Measurement, count: int) -> int:
    """Bytes that a case with so many results will have at least: its k-space, which is noise and packs little."""
    sampled = int(measurement.kspace.count_nonzero()) * (1 + 2 * count)
    full = 0 if measurement.full is None else measurement.full.numel() * (1 + count)
    return int(_PACKED * measurement.kspace.element_size() * (sampled + full))


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


def _array(tensor: Tensor) -> record.Array:
    return tensor.detach().cpu().numpy()
