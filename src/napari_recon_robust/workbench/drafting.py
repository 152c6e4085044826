"""The beginning of a plan for many scans, from what one review is set to."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evaluation.measures import MEASURES
from ..ground.errors import InputError
from ..ground.knob import Knob, resolve
from ..ground.writing import write
from .acquisition import Acquisition
from .perturbing import Perturbing
from .reconstruction import Reconstruction
from .regions import Region, Regions

_HEAD = """\
# The beginning of a plan, made from a review. Its scans are all {suffix} files of the folder that was open.
"""
_ALL_PLACES = """\
# What was drawn stands at the same place in every scan.
"""
_MORE = """\

# More of it: several values of a knob, budgets, accelerations and seeds are combined with each other.
# masks: [{pattern: equispaced, acceleration: [4, 8], seeds: [0, 1]}]
# methods: [{method: tv, knobs: {weight: [0.002, 0.005]}}, unet]
"""


@dataclass(frozen=True)
class Draft:
    """A plan, and the regions that no plan can hold itself as JSON; empty where there is none."""

    text: str
    regions: str = ""

    def write(self, path: Path) -> None:
        """Write the plan, and the regions beside it; WritingError if that fails."""
        if self.regions:
            write(_beside(path), self.regions.encode())
        write(path, self.text.encode())


def draft(
    acquisition: Acquisition, reconstruction: Reconstruction, regions: Regions, perturbing: Perturbing, path: Path
) -> Draft:
    """A plan that is to lie at `path`: the folder of the scan, its regions, mask, method and perturbation.

    Regions are the chosen ones, or else the annotations; the mask is the one that was asked for last. Raises InputError
    while no scan or no method is chosen, and for a perturbation towards an image that was given.
    """
    import yaml

    opened = acquisition.origin
    if opened is None or opened.is_case:
        raise InputError("no scan is open; open one of the folder first.")
    chosen = list(regions.chosen) or [one for one in regions.all if one.source == "annotation"]
    drawn = [one for one in chosen if one.source != "annotation"]
    mask, changed = _mask(acquisition.asked[1]), _perturbation(perturbing)
    values: dict[str, Any] = {
        "study": path.stem,
        "scans": {
            "files": [_relative(opened.path.parent / f"*{opened.path.suffix}", path.absolute().parent)],
            **({} if opened.axes is None else {"axes": list(opened.axes)}),
        },
        "slices": sorted({one.slice for one in chosen}) if drawn else "annotated" if chosen else [acquisition.index],
        "regions": _regions(chosen, path) or ["image"],
        "masks": [mask],
        "methods": [_method(reconstruction, path.absolute().parent)],
        "perturbations": changed if mask["pattern"] == "acquired" and changed else ["none", *changed],
        "metrics": [*MEASURES, *(["contrast_recovery", "detectability"] if chosen else [])],
        **({"seeds": [perturbing.knobs["seed"]]} if perturbing.knobs.get("seed") else {}),
        "keep": {"worst": 2},
    }
    head = _HEAD.format(suffix=opened.path.suffix) + (_ALL_PLACES if drawn else "")
    text = f"{head}{yaml.safe_dump(values, sort_keys=False, default_flow_style=None, allow_unicode=True)}{_MORE}"
    outlined = [one for one in drawn if not _is_box(one)]
    return Draft(text, json.dumps([_described(one) for one in outlined], indent=1) if outlined else "")


def _relative(path: Path, folder: Path) -> str:
    """A path as a plan in the folder names it: from there if it lies below, else in full."""
    path = Path(os.path.abspath(path))
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _turned(knobs: Sequence[Knob], values: Mapping[str, Any]) -> dict[str, Any]:
    """The knobs that are not at their defaults; a seed is the plan's own."""
    usual = resolve(knobs, {})
    return {name: value for name, value in values.items() if name != "seed" and value != usual[name]}


def _method(reconstruction: Reconstruction, folder: Path) -> Any:
    """The part of a plan in the folder that asks for the chosen method; InputError for a model that has no file."""
    from ..own_models.opening import split_source  # torch comes with it

    method = reconstruction.chosen
    name = method.id
    if name in reconstruction.own_models:
        if name not in reconstruction.sources:
            raise InputError(f"{method.label} was opened from no file that a plan could name; open it from its file.")
        file, colon, part = split_source(reconstruction.sources[name])
        name = f"{_relative(Path(file), folder)}{colon}{part}" if Path(file).is_file() else reconstruction.sources[name]
    knobs = _turned(method.reconstructor.knobs, method.knobs)
    return {"method": name, "knobs": knobs} if knobs else name


def _regions(chosen: Sequence[Region], path: Path) -> list[Any]:
    """The parts of a plan that ask for these regions: labels, boxes, and the file beside it for all other shapes."""
    annotated = dict.fromkeys(one.name for one in chosen if one.source == "annotation")
    drawn = [one for one in chosen if one.source != "annotation"]
    boxes = dict.fromkeys(_box(one) for one in drawn if _is_box(one))
    found: list[Any] = [{"kind": "annotations", "labels": list(annotated)}] if annotated else []
    found += [{"kind": "drawn", "boxes": list(boxes)}] if boxes else []
    return found + ([{"kind": "drawn", "file": _beside(path).name}] if not all(map(_is_box, drawn)) else [])


def _is_box(region: Region) -> bool:
    return [shape.kind for shape in region.roi.shapes] == ["box"]


def _box(region: Region) -> str:
    box: Any = region.roi.shapes[0]
    return f"{box.row},{box.column},{box.height},{box.width}"


def _described(region: Region) -> dict[str, Any]:
    """A region of any shape, as the file of drawn ones has it, for its slice in every scan."""
    return {"slice": region.slice, "roi": region.roi.labelled(region.name).model_dump(mode="json")}


def _beside(path: Path) -> Path:
    return path.with_suffix(".regions.json")


def _mask(sampling: Any) -> dict[str, Any]:
    """The part of a plan that gives a sampling; a scan that was acquired undersampled is taken as it is."""
    from ..physics.sampling import Sampling

    if not isinstance(sampling, Sampling):
        return {"pattern": "acquired"}
    return {
        "pattern": sampling.pattern,
        "acceleration": sampling.acceleration,
        "centre_fraction": sampling.centre_fraction,
        "minimum_centre_lines": sampling.minimum_centre_lines,
        "seeds": [sampling.seed if isinstance(sampling.seed, int) else "file"],
    }


def _perturbation(perturbing: Perturbing) -> list[Any]:
    kind = perturbing.kind
    if kind is None:
        return []
    if kind.image is not None:
        raise InputError("the perturbation aims at an image that was given for one slice; choose an effect for a plan.")
    budgets = sorted({perturbing.budget, *perturbing.further}) if kind.needs_budget else []
    knobs = _turned(kind.knobs, perturbing.knobs)
    parts = {"budgets": budgets, "knobs": knobs}
    return [{"kind": kind.id, **{name: value for name, value in parts.items() if value}}]
