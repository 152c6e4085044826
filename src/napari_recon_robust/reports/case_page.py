"""One case as the template of a report shows it: images for the viewer, numbers and words for the reader."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cases import record
from ..data.roi import ROI, bounds
from ..data.window import presets
from ..evaluation.measures import MEASURES
from ..ground.numbers import finite, written
from . import curves, methods_paragraph
from .case_images import CaseImages

_REGIONS = {"roi": "region", "foreground": "foreground", "image": "whole image"}
_CHANGES = {
    "stability.perturbed.change": "Change of the region by the perturbation",
    "stability.random.change": "Change of the region by random noise",
    "contrast_recovery": "Recovered contrast",
    "budget.achieved": "Norm of the perturbation, relative to the k-space's",
    "budget.thermal": "The same, relative to the thermal noise's",
}


@dataclass(frozen=True)
class _Row:
    """One image in the table of metrics: those of `measures` for each region, as words."""

    title: str
    against: str
    cells: tuple[str, ...]
    name: str


class CasePage:
    """What the template asks of a case; `number` counts from 1. window: black and white at first."""

    def __init__(self, shown: CaseImages, number: int, window: tuple[float, float] | None = None) -> None:
        self.shown, self.number = shown, number
        self.window = shown.windowed(window)
        self.id = f"case-{number}"
        self.title = f"{shown.kind} on {shown.method}" if shown.perturbed else shown.method
        self.results = shown.case.results
        # A feature is judged on its surroundings, wherever the region was drawn.
        self._around = bool(self.results[0].get("roi"))
        self.label = "" if self._around else shown.case.roi.label
        self.charts = curves.charts(shown)
        self.methods = methods_paragraph.methods(shown)
        self.references = [reference.words for reference in methods_paragraph.references(shown)]
        self.regions = {**_REGIONS, "roi": "surroundings of what was inserted"} if self._around else _REGIONS

    # ---------------------------------------------------------------- images

    @property
    def images(self) -> list[dict[str, Any]]:
        """Each image once, with what the viewer must know of it. result: None for those that all budgets share."""
        found = []
        for number in range(len(self.results)):
            for case_image in self.shown.images(number):
                shared = case_image.name in ("reference", "clean")
                if not shared or number == 0:
                    found.append(
                        {
                            "id": f"{self.id}-{case_image.name}" + ("" if shared else f"-{number}"),
                            "result": None if shared else number,
                            "name": case_image.name,
                            "title": case_image.title,
                            "words": case_image.words,
                            "marks": case_image.marks,
                            "score": self._score(case_image.name, number),
                            "payload": _payload(case_image.image),
                            "hash": record.array_hash(case_image.image),
                        }
                    )
        return found

    def _score(self, name: str, number: int) -> str:
        """SSIM of the region, or around what was inserted; empty for a truth, and where there is none."""
        if name in ("reference", "perturbed-reference"):
            return ""
        measured = self.results[number].get(name)
        where = "local" if self._around else "ROI"
        return "" if measured is None else f"{where} SSIM {_figure(measured['roi']['ssim'], '.3f')}"

    def description(self, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the viewer reads beside the pixels."""
        shown = self.shown
        rows, columns = shown.case.matrix
        foreground = shown.case.images.get("foreground", np.ones((rows, columns), bool)).astype(bool)
        region = self.region(0)
        return {
            "rows": rows,
            "columns": columns,
            "voxel": shown.voxel,
            "turn": shown.turn.matrix.tolist(),
            "sides": shown.turn.letters(None if shown.plane is None else shown.plane.directions),
            "beside": self._truth,
            "pair": shown.pair,
            "maximum": float(shown.target.max()) or 1.0,
            "window": asdict(self.window),
            "presets": {
                name: asdict(one) for name, one in presets(shown.target, region.astype(bool), foreground).items()
            },
            "images": [{key: image[key] for key in image if key not in ("payload", "hash")} for image in images],
            "results": [
                {"strength": shown.strength(number), **_outlined(self.region(number))}
                for number in range(len(self.results))
            ],
        }

    @property
    def _truth(self) -> str:
        """What stands beside the reconstructions at first: the truth as it was changed, else the reference if known."""
        known = [case_image.name for case_image in self.shown.images(0)]
        wanted = ["perturbed-reference"] if self.results[0]["judged_by"] == "perturbed" else []
        return next((name for name in (*wanted, "reference") if name in known), "")

    def region(self, number: int) -> NDArray[np.bool_]:
        """The pixels that are measured, (rows, columns)."""
        saved = self.results[number].get("roi")
        roi = self.shown.case.roi if saved is None else ROI.model_validate(saved)
        return roi.mask(self.shown.case.matrix).numpy()

    # ---------------------------------------------------------------- numbers and words

    @property
    def measures(self) -> list[str]:
        """The heads of the table of metrics, for each region."""
        return [measure.label for measure in MEASURES.values()]

    def table(self, number: int) -> list[_Row]:
        """The metrics of one result."""
        result = self.results[number]
        truth = "reference" if self.shown.has_reference else "clean image"
        changed = truth
        if result["judged_by"] == "perturbed":
            changed = "changed truth" if self.shown.has_reference else "—"
        rows = []
        for case_image in self.shown.images(number):
            measured = result.get(case_image.name.replace("-", "_"))
            if case_image.name == "reference" or measured is None:
                continue
            cells = tuple(
                _figure(measured[region].get(name), measure.form)
                for region in _REGIONS
                for name, measure in MEASURES.items()
            )
            against = changed if case_image.name == "perturbed" else truth
            rows.append(_Row(case_image.title, against, cells, case_image.name))
        return rows

    def changes(self, number: int) -> list[tuple[str, str]]:
        """What was spent and what it did, in words and figures."""
        found = []
        for place, title in _CHANGES.items():
            if not self.shown.additive and place.startswith(("budget", "stability.random")):
                continue
            value: Any = self.results[number]
            for key in place.split("."):
                value = None if value is None else value.get(key)
            if isinstance(value, int | float):
                share = place.endswith(("change", "achieved"))
                title = title.replace("the region", f"the {self.regions['roi']}")
                found.append((title, f"{100 * value:.3g}%" if share else written(value)))
        return found

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The recipe as names and values."""
        recipe = self.shown.case.recipe
        parts = {"perturbation": recipe.perturbation_knobs, "method": recipe.method_knobs, "source": recipe.source}
        values = {
            **({"perturbation": recipe.perturbation} if recipe.perturbation else {}),
            "method": recipe.method,
            **{f"{name} ({of})": value for of, part in parts.items() for name, value in part.items()},
            "seed": recipe.seed,
            "threads": recipe.threads,
        }
        return [(name, _value(value)) for name, value in values.items()]

    @property
    def versions(self) -> list[tuple[str, str]]:
        """The versions of the software that made the case."""
        return list(self.shown.case.recipe.versions.items())

    def hashes(self, images: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
        """SHA-256 of the input, of what the method depends on, of the case's files and of each image."""
        recipe, folder = self.shown.case.recipe, self.shown.folder
        found = [("samples and mask", recipe.input), *recipe.weights.items()]
        if folder is not None:
            found += [(name, record.file_hash(folder / name)) for name in record.FILES]
        return [*found, *((f"image: {image['title']}", image["hash"]) for image in images)]

    @property
    def recipe(self) -> str:
        """The recipe and the region as they stand in the case."""
        case = self.shown.case
        values = {"recipe": case.recipe.model_dump(mode="json"), "roi": case.roi.model_dump(mode="json")}
        return json.dumps(finite(values), indent=2, ensure_ascii=False)


def _payload(image: NDArray[np.float32]) -> str:
    """Float32, little endian, row by row, as gzip in base64; the same bytes for the same image."""
    return base64.b64encode(gzip.compress(np.ascontiguousarray(image, "<f4").tobytes(), mtime=0)).decode()


def _outlined(region: NDArray[np.bool_]) -> dict[str, Any]:
    """The region's border along the pixels' edges as an SVG path (x column, y row), and its box."""
    padded = np.pad(region, 1)
    across = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    down = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    path = "".join(f"M{column} {row}h1" for row, column in across) + "".join(
        f"M{column} {row}v1" for row, column in down
    )
    place = bounds(region)
    assert place is not None, "a region has pixels"
    return {"outline": path, "box": place._asdict()}


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else written(value, form)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(finite(value), ensure_ascii=False)
