"""A simulated table of a study: methods of known quality on volumes of known difficulty."""

import json
from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from polars import DataFrame

METHODS = {"TV": 0.90, "VarNet": 0.94, "U-Net": 0.88, "CG-SENSE": 0.85, "HQS": 0.92, "DIP": 0.87}
BUDGETS = (0.01, 0.02, 0.04)


def table(volumes: int = 5, methods: int = 4, slices: int = 2, more: bool = True) -> "DataFrame":
    """Trials that are attacked, rotated, shifted and searched. more: with the columns that a table need not have."""
    import polars as pl

    rng = np.random.default_rng(0)
    rows = [row for row in _rows(rng, volumes, dict(list(METHODS.items())[:methods]), slices)]
    if not more:
        for row in rows:
            for name in ("floor_ssim_region_perturbed", "worst_angle", "published_loss", "input_mse", "image_pixels"):
                row.pop(name, None)
            for name in [name for name in row if name.startswith(("coverage", "feature_", "found_for"))]:
                row.pop(name)
    return pl.DataFrame(rows, infer_schema_length=None)


def _rows(rng: np.random.Generator, volumes: int, methods: dict[str, float], slices: int) -> Iterator[dict[str, Any]]:
    difficulty = rng.normal(0, 0.02, volumes)
    for volume, slice, (name, quality), acceleration in product(
        range(volumes), range(slices), methods.items(), (4.0, 8.0)
    ):
        clean = quality + difficulty[volume] - 0.03 * (acceleration == 8) + rng.normal(0, 0.004)
        shared = {
            "plan": "simulated",
            "scan": f"head{volume}.h5",
            "volume": f"head{volume}",
            "slice": slice,
            "mask": "equispaced",
            "acceleration": acceleration,
            "mask_seed": "0",
            "region": "annotations-1",
            "region_kind": "annotations",
            "region_label": ("lacunar infarct", "mass", "white matter lesion")[(volume + slice) % 3],
            "region_pixels": 40 + 30 * ((volume * slices + slice) % 5),
            "region_mm2": 20.0 + 15 * ((volume * slices + slice) % 5),
            "method": name.lower(),
            "knobs": json.dumps({"weight": 1.0, **({"network": "cg-sense"} if name == "DIP" else {})}),
            "method_label": name,
            "perturbation": "none",
            "perturbation_knobs": "{}",
            "budget": None,
            "control": False,
            "seed": 0,
            **_scores(rng, clean, clean, "clean"),
            "contrast_recovery_region_clean": 2 * quality - 1 + rng.normal(0, 0.05),
            "detectability_region_clean": 40 * (quality - 0.75) + rng.normal(0, 0.3),
            "seconds": 1.0,
            "error": None,
        }
        weak = (0.4 + 4 * (quality - 0.85)) * (1 + 0.5 * (acceleration == 8))
        for number, row in enumerate(_changes(rng, name, clean, weak, volume)):
            done = {**shared, **row}
            done["trial"] = f"{name}-{volume}-{slice}-{acceleration:g}-{number}"
            yield done


def _changes(rng: np.random.Generator, name: str, clean: float, weak: float, volume: int) -> Iterator[dict[str, Any]]:
    calibrated = {f"coverage_{level}_foreground_clean": level / 100 + rng.normal(0.02, 0.02) for level in (50, 75, 90)}
    yield calibrated if name == "VarNet" else {}
    for budget, (algorithm, share) in product(BUDGETS, (("ascent", 1.0), ("advrec", 0.85), ("", 0.15))):
        loss = share * weak * budget * 5 + rng.normal(0, 0.003)
        yield {
            "perturbation": "worst-case",
            "perturbation_knobs": json.dumps({"algorithm": algorithm or "ascent"}),
            "budget": budget,
            "control": not algorithm,
            **_scores(rng, clean - loss, clean - 0.2 * loss, "perturbed"),
            "contrast_recovery_region_perturbed": 2 * clean - 1 - 3 * loss,
            "detectability_region_perturbed": 40 * (clean - 0.75) - 20 * loss,
        }
    for angle in (1.0, 2.0, 4.0):
        loss = 0.01 * angle * weak + abs(rng.normal(0, 0.002))
        yield {
            "perturbation": "rotation",
            "perturbation_knobs": json.dumps({"angle": angle}),
            **_scores(rng, clean - loss, clean - loss, "perturbed"),
            "contrast_recovery_region_perturbed": 2 * (clean - loss) - 1,
            "detectability_region_perturbed": 40 * (clean - loss - 0.75),
            "floor_ssim_region_perturbed": 0.99 - 0.002 * angle,
            "worst_angle": float(rng.choice(np.linspace(-angle, angle, 5))),
        }
    shifted = 1.1 * clean - 0.15 + rng.normal(0, 0.004)
    yield {
        "perturbation": "noise-level",
        "perturbation_knobs": "{}",
        **_scores(rng, shifted, shifted, "perturbed"),
        "contrast_recovery_region_perturbed": 2 * shifted - 1,
        "detectability_region_perturbed": 40 * (shifted - 0.75),
    }
    for algorithm, search, found_for in (
        ("multiplexed", 0, name),
        ("random-search", 11, name),
        ("random-search", 1, name),
        ("multiplexed", 0, "TV"),
    ):
        strength = {1: -3.6, 11: -3.0, 0: -2.7}[search] - 0.2 * (found_for != name)
        yield {
            "perturbation": "fnaf",
            "perturbation_knobs": json.dumps({"algorithm": algorithm, "search": search}),
            "published_loss": 10 ** rng.normal(strength, 0.4),
            "input_mse": 10 ** rng.normal(-3.5, 0.4),
            "image_pixels": 192 * 192,
            "feature_row": float(rng.beta(4, 4)),
            "feature_column": float(rng.beta(3, 3)),
            "found_for": found_for,
        }


def _scores(rng: np.random.Generator, region: float, elsewhere: float, state: str) -> dict[str, float]:
    found = {}
    for where, score in (("region", region - 0.03), ("foreground", elsewhere), ("image", elsewhere + 0.01)):
        error = 0.6 * (1 - score) + rng.normal(0, 0.002)
        found |= {f"ssim_{where}_{state}": score, f"nmse_{where}_{state}": max(error, 0.001) ** 2}
        found[f"psnr_{where}_{state}"] = 30 - 40 * error
    return found


def with_knobs(trials: "DataFrame", **knobs: object) -> "DataFrame":
    """The trials with further knobs of their perturbations."""
    import polars as pl

    texts = [json.dumps({**json.loads(text), **knobs}) for text in trials["perturbation_knobs"]]
    return trials.with_columns(pl.Series("perturbation_knobs", texts))
