"""The table of a study: a row for each trial, its columns and their types."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..evaluation.coverage import LEVELS
from ..reconstructors.fingerprint import of_package
from .columns import STATES
from .expand import Study
from .inventory import Inventory
from .measure import PLACES
from .plan import COVERAGE, IMAGE_METRICS, LESION_METRICS
from .regions import Region
from .trial import Change, Mask, Setting, Trial, canonical

if TYPE_CHECKING:
    from polars import DataFrame

TEXT, NUMBER, WHOLE, TRUTH = "String", "Float64", "Int64", "Boolean"  # as polars calls them

_DIGITS = 12  # of the SHA-256 of the code, whose whole is in the provenance
_FIRST = {"trial": TEXT, "plan": TEXT, "scan": TEXT, "volume": TEXT, "slice": WHOLE, "chosen": TEXT}
_SETTINGS = {
    "mask": TEXT,
    "acceleration": NUMBER,
    "mask_seed": TEXT,
    "centre_fraction": NUMBER,
    "minimum_centre_lines": WHOLE,
    "region": TEXT,
    "region_kind": TEXT,
    "region_label": TEXT,
    "region_pixels": WHOLE,
    "region_mm2": NUMBER,
    "region_digest": TEXT,
    "method": TEXT,
    "knobs": TEXT,
    "method_label": TEXT,
    "reference_kind": TEXT,
    "perturbation": TEXT,
    "perturbation_knobs": TEXT,
    "budget": NUMBER,
    "control": TRUTH,
    "seed": WHOLE,
    "found_for": TEXT,
}
_FOUND = (
    *("worst_angle", "floor_ssim_region_perturbed"),
    *("published_loss", "input_mse", "image_pixels", "feature_row", "feature_column", "effective_acceleration"),
)
_LAST = {
    **{"budget_reached": NUMBER, "cautions": TEXT},
    **{"seconds": NUMBER, "error": TEXT, "device": TEXT, "attempt": TEXT, "code": TEXT},
}
_SIZES = ("region_pixels", "region_mm2")  # of regions that a worker finds, it tells them
ORDER = (
    *("scan", "slice", "mask", "acceleration", "mask_seed", "method_label", "region", "perturbation", "budget"),
    *("perturbation_knobs", "seed", "control", "trial"),
)
NEEDED = (*ORDER, "volume", "method", "knobs")  # that the tables of all versions have


def columns(labels: Sequence[str] = ()) -> dict[str, str]:
    """The columns in their order, with their types. labels: of the table of labels."""
    measured = [f"{name}_{where}_{state}" for name in IMAGE_METRICS for where in PLACES.values() for state in STATES]
    lesion = [f"{name}_region_{state}" for name in LESION_METRICS for state in STATES]
    lesion.append("detectability_region_reference")
    covered = [f"{COVERAGE}_{level}_foreground_clean" for level in LEVELS]
    starts = [f"start_{name}_{where}_clean" for name in IMAGE_METRICS for where in PLACES.values()]
    return {
        **_FIRST,
        **{f"label_{name}": TEXT for name in labels},
        **_SETTINGS,
        **dict.fromkeys((*measured, *lesion, *covered, *starts, *_FOUND), NUMBER),
        **_LAST,
    }


def planned_columns(columns: Mapping[str, str]) -> dict[str, str]:
    """Those columns of a table that its plan, its scans and their labels tell, whatever was measured."""
    return {
        name: kind
        for name, kind in columns.items()
        if name.startswith("label_") or (name in {**_FIRST, **_SETTINGS} and name not in _SIZES)
    }


def columns_of(inventory: Inventory | None) -> dict[str, str]:
    """The columns of a study of these scans, with those of their table of labels."""
    return columns(list(dict.fromkeys(name for one in (inventory.scans if inventory else ()) for name in one.labels)))


def typed(trials: "DataFrame") -> "DataFrame":
    """The table with empty columns as what they hold in others; those that were read from CSV are texts."""
    import polars

    kinds = {name: kind for name, kind in columns().items() if name in trials.columns}
    empty = [name for name in kinds if trials[name].null_count() == len(trials)]
    return trials.cast({name: getattr(polars, kinds[name]) for name in empty})


def planned(study: Study) -> Iterator[dict[str, Any]]:
    """A row for each trial of a study, in the plan's order, without what is measured."""
    settings = {one.number: _of_setting(one) for one in study.methods}
    changes = {one.text: _of_change(one) for one in study.changes}
    for group in study.groups():
        acquired = _of_slice(study, group.scan, group.slice, group.mask)
        regions = {one.id: _of_region(study, one) for one in group.regions}
        for trial in group.trials():
            parts = acquired | regions[trial.region.id] | settings[trial.setting.number] | changes[trial.change.text]
            yield {"trial": trial.id, **parts}


def described(study: Study, trial: Trial) -> dict[str, Any]:
    """All columns of a trial but those that are measured."""
    parts = _of_slice(study, trial.scan, trial.slice, trial.mask) | _of_region(study, trial.region)
    return {"trial": trial.id, **parts, **_of_setting(trial.setting), **_of_change(trial.change)}


def _of_slice(study: Study, scan: int, slice: int, mask: Mask) -> dict[str, Any]:
    facts, sampling = study.inventory.scans[scan], mask.sampling
    return {
        "plan": study.plan.study,
        "scan": facts.path,
        "volume": facts.volume,
        "slice": slice,
        "chosen": facts.chosen.get(slice),
        **{f"label_{name}": value for name, value in facts.labels.items()},
        "mask": mask.pattern,
        "acceleration": None if sampling is None else sampling.acceleration,
        "mask_seed": None if sampling is None else str(sampling.seed),
        "centre_fraction": None if sampling is None else sampling.centre_fraction,
        "minimum_centre_lines": None if sampling is None else sampling.minimum_centre_lines,
    }


def _of_region(study: Study, region: Region) -> dict[str, Any]:
    determining = canonical({**region.place(), **study.behind(region)})
    return {
        "region": region.id,
        "region_kind": region.kind,
        "region_label": region.label,
        "region_pixels": region.pixels,
        "region_digest": sha256(determining.encode()).hexdigest()[:16],
    }


def _of_setting(setting: Setting) -> dict[str, Any]:
    return {
        "method": setting.id,
        "knobs": canonical(dict(setting.knobs)),
        "method_label": setting.label,
        "reference_kind": setting.reference_kind,
    }


def _of_change(change: Change) -> dict[str, Any]:
    return {
        "perturbation": change.kind,
        "perturbation_knobs": canonical(dict(change.knobs)),
        "budget": change.budget,
        "control": change.control,
        "seed": change.seed,
        "found_for": None if change.found_on is None else change.found_on.label,
    }


def row(study: Study, trial: Trial, measured: Mapping[str, Any], *, device: str, attempt: str) -> dict[str, Any]:
    """A row of the table; columns without a value are left out."""
    values = {**described(study, trial), **measured, "device": device, "attempt": attempt}
    values["code"] = of_package()[:_DIGITS]
    pixel, pixels = study.inventory.scans[trial.scan].pixel, values["region_pixels"]
    values["region_mm2"] = None if pixel is None or pixels is None else pixels * pixel
    return values
