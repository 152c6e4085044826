"""One self-contained HTML file that shows saved cases to somebody who has nothing but a browser.

The page, its style and its viewer are files in `assets`. The template escapes every string; a content security policy
lets nothing run or load but this style and this viewer, which it names by their hashes.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cases import record
from ..cases.record import Case
from ..data.roi import ROI
from ..data.window import Window, presets
from ..evaluation.comparison import finite
from ..ground.errors import InputError
from ..io.images import check_suffix
from . import curves, words
from .conditions import Gallery
from .files import write

SUFFIX = ".html"
SCRIPTS = ("pictures.js", "view.js", "panel.js", "input.js", "viewer.js", "page.js")
NOTICE = "Not for diagnostic use."
_REGIONS = {"roi": "region", "foreground": "foreground", "image": "whole image"}
_CHANGES = {
    "stability.perturbed.change": "Change of the region by the perturbation",
    "stability.random.change": "Change of the region by random noise",
    "contrast_recovery": "Recovered contrast",
    "budget.achieved": "Norm that was spent",
    "budget.thermal": "In multiples of the thermal noise",
}


def write_report(
    cases: Case | str | Path | Sequence[Case | str | Path],
    path: str | Path,
    *,
    window: tuple[float, float] | None = None,
) -> Path:
    """Write a report on one or more cases as a single HTML file, which works offline; returns its path.

    cases: loaded ones or their folders. window: black and white at first, in the scan's units; by default they come
    from the reference of each case. One window holds for all conditions of a case.
    Raises InputError for no case, another suffix than .html, images that are not finite, or a place that cannot be
    written; FileFormatError for a folder that is not a sound case.
    """
    path = Path(path)
    check_suffix(path, (SUFFIX,))
    several = [cases] if isinstance(cases, Case | str | Path) else list(cases)
    if not several:
        raise InputError("there is no case to report on; name at least one.")
    if window is not None and not window[0] < window[1]:
        raise InputError(f"the window is from {window[0]:g} to {window[1]:g}; white must lie above black.")
    galleries = [
        Gallery(case, f"Case {number}" if isinstance(case, Case) else "") for number, case in enumerate(several, 1)
    ]
    write(path, page([_Shown(gallery, number, window) for number, gallery in enumerate(galleries, 1)]).encode())
    return path


def page(cases: "Sequence[_Shown]") -> str:
    """The whole page."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    style, script = _asset("report.css"), "\n".join(map(_asset, SCRIPTS))
    policy = (
        f"default-src 'none'; script-src '{_mark(script)}'; style-src '{_mark(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    templates = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return templates.from_string(_asset("report.html")).render(
        title=cases[0].title if len(cases) == 1 else f"{len(cases)} cases of robustness",
        notice=NOTICE,
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        cases=cases,
    )


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _mark(text: str) -> str:
    """The hash by which a content security policy names a style or a script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@dataclass(frozen=True)
class _Row:
    """One image in the table of metrics: SSIM, PSNR and NMSE of each region, as words."""

    title: str
    against: str
    cells: tuple[str, ...]
    name: str


class _Shown:
    """A case as the template shows it; `number` counts from 1."""

    def __init__(self, gallery: Gallery, number: int, window: tuple[float, float] | None = None) -> None:
        self.gallery, self.number = gallery, number
        self.window = gallery.window if window is None else Window(*window)
        self.id = f"case-{number}"
        self.title = f"{gallery.kind} on {gallery.method}"
        self.label = gallery.case.roi.label
        self.results = gallery.case.results
        self.charts = curves.charts(gallery)
        self.methods = words.methods(gallery)
        self.regions = _REGIONS

    # ---------------------------------------------------------------- images

    @property
    def images(self) -> list[dict[str, Any]]:
        """Each image once, with what the viewer must know of it. result: None for those that all budgets share."""
        found = []
        for number in range(len(self.results)):
            for condition in self.gallery.conditions(number):
                shared = condition.name in ("reference", "clean")
                if not shared or number == 0:
                    found.append(
                        {
                            "id": f"{self.id}-{condition.name}" + ("" if shared else f"-{number}"),
                            "result": None if shared else number,
                            "name": condition.name,
                            "title": condition.title,
                            "words": condition.words,
                            "marks": condition.marks,
                            "score": self._score(condition.name, number),
                            "payload": _payload(condition.image),
                            "hash": record.array_hash(condition.image),
                        }
                    )
        return found

    def _score(self, name: str, number: int) -> str:
        """The region's SSIM, for the head of an image; empty for one that is not measured."""
        measured = self.results[number].get(name.replace("-", "_")) if name != "reference" else None
        return f"SSIM {_figure(measured['roi']['ssim'], '.3f')}" if measured else ""

    def description(self, images: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What the viewer reads beside the pixels."""
        gallery = self.gallery
        rows, columns = gallery.case.matrix
        foreground = gallery.case.images.get("foreground", np.ones((rows, columns), bool)).astype(bool)
        region = self._region(0)
        return {
            "rows": rows,
            "columns": columns,
            "voxel": gallery.voxel,
            "upsideDown": gallery.upside_down,
            "beside": self._truth,
            "maximum": float(gallery.target.max()) or 1.0,
            "window": asdict(self.window),
            "presets": {
                name: asdict(one) for name, one in presets(gallery.target, region.astype(bool), foreground).items()
            },
            "images": [{key: image[key] for key in image if key not in ("payload", "hash")} for image in images],
            "results": [
                {"strength": gallery.strength(number), **_outlined(self._region(number))}
                for number in range(len(self.results))
            ],
        }

    @property
    def _truth(self) -> str:
        """What stands beside the reconstructions at first: the truth as it was changed, else the reference if known."""
        known = [condition.name for condition in self.gallery.conditions(0)]
        wanted = ["perturbed-reference"] if self.results[0]["judged_by"] == "perturbed" else []
        return next((name for name in (*wanted, "reference") if name in known), "")

    def _region(self, number: int) -> NDArray[np.bool_]:
        """The pixels that are measured, (rows, columns)."""
        saved = self.results[number].get("roi")
        roi = self.gallery.case.roi if saved is None else ROI.model_validate(saved)
        return roi.mask(self.gallery.case.matrix).numpy()

    # ---------------------------------------------------------------- numbers and words

    def table(self, number: int) -> list[_Row]:
        """The metrics of one result."""
        result = self.results[number]
        truth = "reference" if self.gallery.has_reference else "clean image"
        changed = "changed truth" if result["judged_by"] == "perturbed" and self.gallery.has_reference else truth
        rows = []
        for condition in self.gallery.conditions(number):
            measured = result.get(condition.name.replace("-", "_"))
            if condition.name == "reference" or measured is None:
                continue
            cells = tuple(cell for region in _REGIONS for cell in _cells(measured[region]))
            against = changed if condition.name == "perturbed" else truth
            rows.append(_Row(condition.title, against, cells, condition.name))
        return rows

    def changes(self, number: int) -> list[tuple[str, str]]:
        """What was spent and what it did, in words and figures."""
        found = []
        for place, title in _CHANGES.items():
            if not self.gallery.additive and place.startswith(("budget", "stability.random")):
                continue
            value: Any = self.results[number]
            for key in place.split("."):
                value = None if value is None else value.get(key)
            if isinstance(value, int | float):
                share = place.endswith(("change", "achieved"))
                found.append((title, f"{100 * value:.3g}%" if share else f"{value:.3g}"))
        return found

    @property
    def facts(self) -> list[tuple[str, str]]:
        """The recipe as names and values."""
        recipe = self.gallery.case.recipe
        knobs = {**{f"{name} (perturbation)": value for name, value in recipe.perturbation_knobs.items()}}
        knobs |= {f"{name} (method)": value for name, value in recipe.method_knobs.items()}
        source = {f"{name} (source)": value for name, value in recipe.source.items()}
        values = {"perturbation": recipe.perturbation, "method": recipe.method, **knobs, **source}
        values |= {"seed": recipe.seed, "threads": recipe.threads}
        return [(name, _value(value)) for name, value in values.items()]

    @property
    def versions(self) -> list[tuple[str, str]]:
        """The versions of the software that made the case."""
        return list(self.gallery.case.recipe.versions.items())

    def hashes(self, images: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
        """SHA-256 of the input, of what the method depends on, of the case's files and of each image."""
        recipe, folder = self.gallery.case.recipe, self.gallery.folder
        found = [("samples and mask", recipe.input), *recipe.weights.items()]
        if folder is not None:
            found += [(name, record.file_hash(folder / name)) for name in record.FILES]
        return [*found, *((f"image: {image['title']}", image["hash"]) for image in images)]

    @property
    def recipe(self) -> str:
        """The recipe and the region as they stand in the case."""
        case = self.gallery.case
        values = {"recipe": case.recipe.model_dump(mode="json"), "roi": case.roi.model_dump(mode="json")}
        return json.dumps(finite(values), indent=2, ensure_ascii=False)


def _payload(image: NDArray[np.float32]) -> str:
    """Float32, little endian, row by row, as gzip in base64; the same bytes for the same image."""
    return base64.b64encode(gzip.compress(np.ascontiguousarray(image, "<f4").tobytes(), mtime=0)).decode()


def _outlined(region: NDArray[np.bool_]) -> dict[str, Any]:
    """The region's border along the pixels' edges as an SVG path (x column, y row), and its box."""
    rows, columns = np.nonzero(region)
    padded = np.pad(region, 1)
    across = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    down = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    path = "".join(f"M{column} {row}h1" for row, column in across) + "".join(
        f"M{column} {row}v1" for row, column in down
    )
    top, left = int(rows.min()), int(columns.min())
    box = {"row": top, "column": left, "height": int(rows.max()) - top + 1, "width": int(columns.max()) - left + 1}
    return {"outline": path, "box": box}


def _cells(measured: Mapping[str, float | None]) -> tuple[str, str, str]:
    return _figure(measured["ssim"], ".3f"), _figure(measured["psnr"], ".1f"), _figure(measured["nmse"], ".3g")


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(finite(value), ensure_ascii=False)
