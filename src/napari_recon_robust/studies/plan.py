"""The plan of a study: which scans, slices, regions, masks, methods, perturbations, metrics and seeds; a YAML file.

Every combination of these is a trial. See `mistakes` for what is wrong with a plan.
"""

import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from ..data.roi import ROI
from ..ground.documents import read_yaml
from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import shown
from ..ground.knob import Knob, Value, resolve
from ..own_models.opening import absolute_source, runs_code
from ..perturbations import registry as perturbations
from ..physics.sampling_values import USUAL_CENTRE_LINES
from ..reconstructors import registry as reconstructors
from .columns import CLEAN
from .mistakes import Misplaced, plan_error

if TYPE_CHECKING:
    from ..physics.sampling import Sampling
    from ..reconstructors.base import Reconstructor

ACQUIRED = "acquired"  # the mask that takes a scan as it is
Metric = Literal["ssim", "psnr", "nmse", "contrast_recovery", "detectability", "coverage"]
IMAGE_METRICS: tuple[Metric, ...] = ("ssim", "psnr", "nmse")
LESION_METRICS: tuple[Metric, ...] = ("contrast_recovery", "detectability")
COVERAGE: Metric = "coverage"  # by the intervals of methods that draw their image, on clean samples
METRICS: tuple[Metric, ...] = (*IMAGE_METRICS, *LESION_METRICS, COVERAGE)


def _listed(value: Any) -> Any:
    """A single value as a list of one."""
    return value if isinstance(value, list | tuple) else [value]


def _parted(value: Any) -> Any:
    """A text with commas as a list."""
    return value.split(",") if isinstance(value, str) else value


def _named(key: str) -> BeforeValidator:
    """A text, or a list, stands for a part with this key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str | list) else value)


def _sampled(value: Any) -> Any:
    return {"numbers": value} if isinstance(value, list) else {"take": value} if isinstance(value, str) else value


class Part(BaseModel):
    """A part of a plan: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _known_device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d{1,4})?", value):
        raise ValueError(f"there is no device {value!r}; choose auto, cpu, cuda, cuda:1 or mps.")
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Seeds = Annotated[tuple[Annotated[int, Field(ge=0, lt=2**31)], ...], BeforeValidator(_listed)]
Positive = Annotated[float, Field(gt=0)]


class Bounds(Part):
    """Numbers from `min` to `max`, both included."""

    min: float = -float("inf")
    max: float = float("inf")

    def holds(self, value: Any) -> bool:
        """Whether a value is a number between them."""
        return isinstance(value, int | float) and self.min <= value <= self.max


Axes = Annotated[tuple[str, ...], BeforeValidator(_parted)]
Wanted = Bounds | Annotated[tuple[str | float, ...], BeforeValidator(_listed)]


class Scans(Part):
    """Which files.

    files: globs, relative to the plan's folder. table: a CSV file with a column `file` (names of files, with as much of
    their paths as tells them apart), whose other columns become labels of the trials. volume: the column of the table
    that says what is one unit of statistics, for instance the patient; by default each file is one. where: fields of
    the header (contrast, field_strength, coils, slices, ...) that have one of the given values, or lie within `min` and
    `max`. axes: of raw arrays, "coil,phase,readout"; where files differ, by their globs. Others are guessed.
    """

    files: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
    table: str = ""
    volume: str = ""
    where: dict[str, Wanted] = Field(default_factory=dict)
    axes: Axes | Annotated[dict[str, Axes], Field(min_length=1)] | None = None

    def axes_of(self, path: str) -> tuple[str, ...] | None:
        """The axes of a raw array of the plan, by its path; None where they are to be guessed."""
        if not isinstance(self.axes, dict):
            return self.axes
        return next((axes for glob, axes in self.axes.items() if PurePosixPath(path).match(glob)), None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        from ..data.scan import Header

        unknown = sorted(set(self.where) - set(Header.model_fields))
        if unknown:
            raise Misplaced(
                ("where", unknown[0]), f"a header has no field {unknown[0]!r}; it has {', '.join(Header.model_fields)}."
            )
        if self.volume and not self.table:
            raise Misplaced(("volume",), "the volume is a column of the table, and there is no table; name one.")
        return self


class Filter(Part):
    """Of the slices of all scans the `count` on which a proxy does worst, and as many that are drawn from all of them.

    proxy: a method, at these knobs, that the plan does not compare. It is judged by the SSIM on the foreground under
    the plan's first mask, when the study is run. seed: of the draw.
    """

    proxy: str
    count: int = Field(ge=1)
    knobs: dict[str, Value] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        try:
            reconstructor = _opened(self.proxy, info)
        except Misplaced as error:
            raise Misplaced(("proxy",), str(error)) from None
        _check_knobs(reconstructor.knobs, {name: (value,) for name, value in self.knobs.items()})
        if not reconstructor.at(**self.knobs).is_image:
            raise Misplaced(("knobs",), f"these knobs of {reconstructor.label} ask for a map; ask for an image.")
        return self


class Slices(Part):
    """Which slices: `all`, the `middle` one, the `annotated` ones, `count` evenly `spaced` ones, or numbers from 0.

    filter: of these only the ones on which a proxy does worst, beside equally many random ones.
    """

    take: Literal["all", "middle", "annotated", "spaced"] = "middle"
    count: int = Field(default=1, ge=1)
    numbers: tuple[Annotated[int, Field(ge=0)], ...] = ()
    filter: Filter | None = None

    def of(self, total: int, annotated: Sequence[int]) -> list[int]:
        """The slices of a scan with `total` slices, in order; `annotated` are those with an annotation."""
        if self.numbers:
            return [number for number in sorted(set(self.numbers)) if number < total]
        if self.take == "all":
            return list(range(total))
        if self.take == "annotated":
            return sorted({number for number in annotated if 0 <= number < total})
        count = 1 if self.take == "middle" else min(self.count, total)
        return [int((n + 0.5) * total / count) for n in range(count)]


class WholeImage(Part):
    """The whole image as one region."""

    kind: Literal["image"]


class Annotations(Part):
    """fastMRI+ boxes: those beside the scan, or of a table; of these labels (all if none is named) and sizes."""

    kind: Literal["annotations"]
    file: str = ""
    labels: Texts = ()
    min_pixels: int = Field(default=1, ge=1)
    max_pixels: int | None = Field(default=None, ge=1)
    min_mm2: float = Field(default=0, ge=0)
    max_mm2: Positive | None = None

    def names(self, label: str) -> bool:
        """Whether annotations of this label are asked for."""
        return not self.labels or label.casefold() in {one.casefold() for one in self.labels}


class Drawn(Part):
    """Boxes "ROW,COLUMN,HEIGHT,WIDTH" on every slice, or regions of a JSON file.

    The file holds a list of {"scan": file name, "slice": number, "roi": region}; a missing scan or slice means all. The
    name may be the end of a path, where files in several folders have one name.
    """

    kind: Literal["drawn"]
    boxes: Texts = ()
    file: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.boxes) == bool(self.file):
            raise ValueError("give boxes or a file, one of the two.")
        for number, box in enumerate(self.boxes):
            try:
                ROI.parse(box)
            except InputError as error:
                raise Misplaced(("boxes", number), str(error)) from None
        return self


class Tiles(Part):
    """Boxes of `side` pixels that fill the image, `margin` pixels from its edge."""

    kind: Literal["grid"]
    side: int = Field(default=32, ge=4)
    margin: int = Field(default=0, ge=0)


class Fragile(Part):
    """The `count` worst boxes of `side` pixels in the fragility map of a method at a budget; ties to each slice."""

    kind: Literal["fragile"]
    count: int = Field(default=1, ge=1, le=100)
    side: int = Field(default=24, ge=4)
    method: str = "tv"
    budget: float = Field(default=0.01, gt=0, le=1)

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        _opened(self.method, info)
        return self


class Lesions(Part):
    """Round lesions of known diameter (pixels) and contrast to the local tissue, inserted at `count` random places.

    Each is alone in the slice. The places are drawn in the tissue, the same for all diameters, contrasts and masks.
    """

    kind: Literal["lesions"]
    count: int = Field(default=1, ge=1, le=1000)
    diameters: Annotated[tuple[Annotated[float, Field(ge=1)], ...], BeforeValidator(_listed)] = (8.0,)
    contrasts: Annotated[tuple[Annotated[float, Field(gt=-1, le=3)], ...], BeforeValidator(_listed)] = (0.3,)
    seed: int = Field(default=0, ge=0)


RegionPart = Annotated[
    WholeImage | Annotations | Drawn | Tiles | Fragile | Lesions,
    Field(discriminator="kind"),
    _named("kind"),
]


class Masks(Part):
    """Sampling masks: every acceleration with every seed. seeds: numbers, or "file", the name of each file.

    pattern: one of the sampling patterns, or `acquired`, which takes the scan as it is. centre_fraction: 8% of the
    lines by default, 4% from R = 8 on. minimum_centre_lines: as ESPIRiT wants some; fastMRI's rule has none.
    """

    pattern: str = "equispaced"
    acceleration: Annotated[tuple[Annotated[float, Field(ge=1, le=100)], ...], BeforeValidator(_listed)] = (4.0,)
    centre_fraction: float | None = Field(default=None, ge=0, lt=1)
    minimum_centre_lines: int = Field(default=USUAL_CENTRE_LINES, ge=0)
    seeds: Annotated[tuple[int | Literal["file"], ...], BeforeValidator(_listed)] = (0,)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.pattern != ACQUIRED:
            try:
                self.samplings("file")
            except InputError as error:
                raise Misplaced(("pattern",), f"{str(error).rstrip('.')}, or {ACQUIRED}.") from None
        return self

    def samplings(self, name: str) -> "list[Sampling | None]":
        """The masks of a file of that name; None stands for the scan as it was acquired."""
        from ..physics.sampling import samplings

        if self.pattern == ACQUIRED:
            return [None]
        seeds = [name if seed == "file" else seed for seed in self.seeds]
        return [*samplings([self.pattern], self.acceleration, seeds, self.centre_fraction, self.minimum_centre_lines)]


GridOfKnobs = dict[str, Annotated[tuple[Value, ...], BeforeValidator(_listed), Field(min_length=1)]]


class MethodPart(Part):
    """A method, by its id or as an own model, at every combination of the values of its knobs."""

    method: str
    knobs: GridOfKnobs = Field(default_factory=dict)
    label: Annotated[str, StringConstraints(strip_whitespace=True)] = ""

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        reconstructor = _opened(self.method, info)
        _check_knobs(reconstructor.knobs, self.knobs)
        if not all(reconstructor.at(**knobs).is_image for knobs in settings(self.knobs)):
            raise Misplaced(("knobs",), f"these knobs of {reconstructor.label} ask for a map; ask for an image.")
        return self


class PerturbationPart(Part):
    """A perturbation at every combination of its budgets and of the values of its knobs; `none` changes nothing.

    The knob `seed` is set by the plan's seeds, or by `seeds` here. found_on: methods of the plan, by their labels or
    ids: it is searched for on each of them, and what is found is given to every method of the plan.
    """

    kind: str
    budgets: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], BeforeValidator(_listed)] = ()
    knobs: GridOfKnobs = Field(default_factory=dict)
    seeds: Seeds = ()
    found_on: Texts = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == CLEAN:
            if self.budgets or self.knobs or self.seeds or self.found_on:
                raise ValueError("'none' changes nothing, and has neither budgets nor knobs; leave them out.")
            return self
        try:
            kind = perturbations.get(self.kind)
        except InputError as error:
            raise Misplaced(("kind",), f"{str(error).rstrip('.')}, {CLEAN}.") from None
        if kind.needs_budget and not self.budgets:
            raise ValueError(f"{kind.label} needs budgets; give at least one, such as 0.01 for 1%.")
        if self.budgets and not kind.needs_budget:
            raise Misplaced(("budgets",), f"{kind.label} has no budget; leave the budgets out.")
        if "seed" in self.knobs:
            raise Misplaced(("knobs", "seed"), "the seed is set by the plan's seeds; leave it out here.")
        _check_knobs(kind.knobs, self.knobs)
        if self.found_on and not kind.searches:
            raise Misplaced(("found_on",), f"{kind.label} searches for nothing; leave found_on out.")
        for knobs in settings(self.knobs) if self.found_on else ():
            kind.check_transfer(resolve(kind.knobs, knobs))
        return self


class Keep(Part):
    """Which images are kept besides the numbers.

    images: "all" trials' images, or "none". worst: so many trials of each group with the worst value of the column
    `by` are saved as cases, which the gallery opens and a replay checks. group: the columns that make a group.
    """

    images: Literal["none", "all"] = "none"
    worst: int = Field(default=0, ge=0, le=1000)
    by: str = "ssim_region_perturbed"
    group: Texts = ("method_label", "perturbation", "budget")


class Plan(Part):
    """A study. Every combination of its parts is a trial.

    starts: also measure the start of every trained method. control: beside each perturbation that spends something the
    same amount of random noise. device: "cpu", "cuda", "cuda:1", "mps", or "auto" (a GPU for each worker, where there
    are any). threads: of each worker; the last bits of the numbers depend on it. shard: how many trials a worker takes
    at a time.
    """

    study: str = Field(min_length=1, max_length=80)
    scans: Annotated[Scans, _named("files")]
    slices: Annotated[Slices, BeforeValidator(_sampled)] = Slices()
    regions: Annotated[tuple[RegionPart, ...], BeforeValidator(_listed), Field(min_length=1)] = (
        WholeImage(kind="image"),
    )
    masks: Annotated[tuple[Annotated[Masks, _named("pattern")], ...], BeforeValidator(_listed), Field(min_length=1)] = (
        Masks.model_construct(),  # unchecked, which takes torch: the schema alone does without
    )
    methods: Annotated[
        tuple[Annotated[MethodPart, _named("method")], ...], BeforeValidator(_listed), Field(min_length=1)
    ]
    perturbations: Annotated[
        tuple[Annotated[PerturbationPart, _named("kind")], ...], BeforeValidator(_listed), Field(min_length=1)
    ] = (PerturbationPart(kind=CLEAN),)
    metrics: Annotated[tuple[Metric, ...], BeforeValidator(_listed), Field(min_length=1)] = IMAGE_METRICS
    seeds: Annotated[Seeds, Field(min_length=1)] = (0,)
    control: bool = True
    starts: bool = False
    keep: Keep = Keep()
    device: Annotated[str, AfterValidator(_known_device)] = "cpu"
    threads: int = Field(default=1, ge=1, le=256)
    shard: int = Field(default=20, ge=1, le=100_000)

    @model_validator(mode="after")
    def _check(self, info: ValidationInfo) -> Self:
        """Refuse what would run one trial twice."""
        _differ(("seeds",), "one seed", enumerate(self.seeds))
        _differ(("methods",), "one method at the same knobs", self._methods(info))
        self._check_found_on()
        _differ(("perturbations",), "one perturbation at the same knobs, budget and seed", self._perturbations())
        masks = ((n, repr(one)) for n, part in enumerate(self.masks) for one in part.samplings("file"))
        _differ(("masks",), "one mask", masks)
        _differ(("regions",), "one kind of region", ((n, repr(part)) for n, part in enumerate(self.regions)))
        for number, part in enumerate(self.regions):
            for name in ("boxes", "diameters", "contrasts"):
                _differ(("regions", number, name), f"one of the {name}", enumerate(getattr(part, name, ())))
        _differ(("metrics",), "one metric", enumerate(self.metrics))
        if self.slices.filter is not None and self.slices.filter.proxy in {part.method for part in self.methods}:
            raise Misplaced(
                ("slices", "filter", "proxy"),
                f"{self.slices.filter.proxy} is compared, and would do worst here by chance alone; name another proxy.",
            )
        return self

    def _check_found_on(self) -> None:
        """Refuse a search on a method that the plan does not have, or has at several knobs."""
        single = [part for part in self.methods if len(list(settings(part.knobs))) == 1]
        for number, part in enumerate(self.perturbations):
            for place, name in enumerate(part.found_on):
                if sum(name in (one.label, one.method) for one in single) != 1:
                    raise Misplaced(
                        ("perturbations", number, "found_on", place),
                        f"{name!r} is not one method of the plan at one setting; name one by its id or its label.",
                    )

    def _numbered(self, name: str) -> int:
        """The number of the method with that label or id."""
        return next(number for number, part in enumerate(self.methods) if name in (part.label, part.method))

    def _methods(self, info: ValidationInfo) -> Iterator[tuple[int, str]]:
        for number, part in enumerate(self.methods):
            known = _opened(part.method, info).knobs
            for knobs in settings(part.knobs):
                yield number, _text({"method": part.method, "knobs": resolve(known, knobs)})

    def _perturbations(self) -> Iterator[tuple[int, str]]:
        for number, part in enumerate(self.perturbations):
            known = () if part.kind == CLEAN else perturbations.get(part.kind).knobs
            seeds, found_on = part.seeds or self.seeds, tuple(map(self._numbered, part.found_on)) or (None,)
            for knobs, budget, seed, method in product(settings(part.knobs), part.budgets or (None,), seeds, found_on):
                setting = {"knobs": resolve(known, knobs), "budget": budget, "seed": seed, "found_on": method}
                yield number, _text({"kind": part.kind, **setting})


def settings(grid: Mapping[str, Sequence[Value]]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of a grid of knobs; one without any for an empty grid."""
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def read_plan(path: Path, *, trust: bool = False, folder: Path | None = None) -> Plan:
    """The plan in a YAML file; PlanError with every mistake and its line.

    trust: whether methods that run code (.py, module:function, bart:) may be opened. folder: to which its paths are
    relative, by default the file's.
    """
    values = read_yaml(path, InputError)
    if not isinstance(values, dict):
        raise InputError(f"{shown(path)} holds no plan; recon-robust study new writes one to begin with.")
    context = {"trust": trust, "folder": path.absolute().parent if folder is None else folder}
    try:
        return Plan.model_validate({str(name): value for name, value in values.items()}, context=context)
    except ValidationError as error:
        raise plan_error(path, error.errors()) from None


def brings_code(path: Path) -> bool:
    """Whether a method of a plan's file runs code; nothing is opened, and the rest of the file is not looked at."""
    values = read_yaml(path, InputError)
    named = [*_under(values, "methods"), *_under(values, "method"), *_under(values, "proxy")]
    return any(isinstance(name, str) and runs_code(name) for name in named)


def _under(values: Any, key: str) -> Iterator[Any]:
    """What stands under a key, wherever that is; of a list each entry."""
    if isinstance(values, dict):
        found = values.get(key, [])
        yield from found if isinstance(found, list) else [found]
    for inner in values.values() if isinstance(values, dict) else values if isinstance(values, list) else ():
        yield from _under(inner, key)


def read_name(path: Path) -> str:
    """What the study of a plan's file is called, without looking at the rest of it; empty where it has no name."""
    values = read_yaml(path, InputError)
    return str(values.get("study", "")) if isinstance(values, dict) else ""


def schema() -> dict[str, Any]:
    """The JSON schema of plans, by which editors complete and check them."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Plan.model_json_schema()}


def _opened(name: str, info: ValidationInfo) -> "Reconstructor":
    """The reconstructor of that name; Misplaced if there is none, or if it is code and is not trusted."""
    context = info.context or {}
    if runs_code(name) and not context.get("trust"):
        raise Misplaced(("method",), f"{name} runs code; give --trust if you trust whoever wrote this plan.")
    try:
        return reconstructors.get(absolute_source(name, context.get("folder", Path())))
    except ReconRobustError as error:
        raise Misplaced(("method",), str(error)) from None


def _check_knobs(knobs: Sequence[Knob], grid: Mapping[str, Sequence[Value]]) -> None:
    """Misplaced for an unknown knob, a value that does not fit, or one that is given twice."""
    for name, values in grid.items():
        for number, value in enumerate(values):
            try:
                resolve(knobs, {name: value})
            except InputError as error:
                raise Misplaced(("knobs", name, number), str(error)) from None


def _differ(part: tuple[str | int, ...], what: str, keys: Iterable[tuple[int, Hashable]]) -> None:
    seen: dict[Hashable, int] = {}
    for number, key in keys:
        if key in seen:
            raise Misplaced(
                (*part, number),
                f"{what} comes twice (also in entry {seen[key] + 1}): each trial runs once; remove one.",
            )
        seen[key] = number


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
