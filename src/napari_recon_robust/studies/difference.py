"""Two studies, or the methods of one, beside each other: how the same trials differ, with intervals, and what
difference could be seen.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..ground.arguments import as_list, as_whole
from ..ground.errors import InputError
from ..ground.knob import stored
from ..ground.numbers import counted, written
from ..statistics import clustered, paired
from ..statistics.estimate import CONFIDENCE
from ..statistics.multiple import holm
from .columns import CLEAN, INSERTED, PLACE, POOLED_MASK, pattern_words, plan_regions_first, told_words, varied
from .exporting import check_finished
from .plan import IMAGE_METRICS, LESION_METRICS
from .rows import OWN, against, polars
from .table import typed
from .trial import canonical

if TYPE_CHECKING:
    from polars import DataFrame, Series

    from .inventory import Inventory

VOLUMES = (10, 20, 50)
SHOWN = ("ssim_foreground_clean", "ssim_region_clean", "ssim_region_perturbed")  # of all metrics, unless one asks
_SLICE = ("file", "volume", *(name for name in PLACE if name != "scan"), "region_digest")
_YOUNGER = ("centre_fraction", "minimum_centre_lines", "region_digest")  # columns that tables of early versions lack
_CHANGE = ("perturbation", "perturbation_knobs", "budget", "control", "found_for", "seed")
_GROUP = ("method_label", *POOLED_MASK, *_CHANGE[:-1])  # means are over seeds
_OF_REGIONS = ("region", "region_digest")
_NAMED = 3  # values that one study has alone, and columns of them in an error's sentence
_NOT_TOLD = ("volume", "region_digest")  # the file and the region tell them
_NOTHING_SHARED = (
    "the two studies have no trial in common; files, slices, masks, regions, perturbations, seeds and the labels of "
    "methods are to be the same"
)
STUDIES = ("the first study", "the second study")
THE_REST = "the rest"  # of the methods, besides a baseline
_METRIC = re.compile(rf"({'|'.join((*IMAGE_METRICS, *LESION_METRICS))})_[a-z]+_(clean|perturbed)")


def study_difference(
    first: "DataFrame", second: "DataFrame", *, metrics: Sequence[str] = (), volumes: Sequence[int] = VOLUMES
) -> "DataFrame":
    """The mean differences, second less first, over the trials that both studies have.

    first, second: tables of studies. A trial is the same in both if file, slice, mask, the place of the region,
    perturbation, seed and the label of the method agree. A region is known by its id where a table lacks places. A file
    is known by its name, whatever its folder, and where a study has several of one name by as much of their paths as
    tells them apart. Where each study has one method only, these are compared whatever they are.
    metrics: columns of the tables, all by default. volumes: for how many volumes the detectable difference is told.

    The result has a row for each metric of each method, pattern of masks with its centre, acceleration, perturbation
    with its knobs, and budget, over all seeds, of which perturbation_knobs has none;
    found_for is the method on which a perturbation was found, null for the row's own. against: what SSIM, PSNR and NMSE
    of perturbed images are measured against, the fully sampled image or, of undersampled scans, the method's own clean
    image; the two say different things, and are rows of their own. difference, low, high: the mean
    over volumes with Student's interval, or with the quartiles of all pairs below 3 volumes and where all volumes
    differ by the same; kind says which.
    p: Wilcoxon's signed rank test over volumes. p_holm: adjusted for all rows of the same metric that have a p, whose
    number is `tests`, so that it does not depend on which metrics are asked for; it is not adjusted for looking at
    several of these, which say nearly the same of an image. least_p: the smallest p that so many volumes can give.
    detectable: the true difference that as many volumes find with a probability of 80%; detectable_N: that N would;
    null without an interval.
    Raises NothingSharedError where the studies share no trial, InputError for a metric that is not measured in both.
    """
    both = _pairs(first, second)
    if both.is_empty():
        raise NothingSharedError([*_failed((first, second), STUDIES), *unpaired(first, second)[1:]])
    return _compared(both, metrics, volumes)


def method_difference(
    trials: "DataFrame", baseline: str, *, metrics: Sequence[str] = (), volumes: Sequence[int] = VOLUMES
) -> "DataFrame":
    """The mean differences of every other method less a baseline, over the trials that both have in one study.

    trials: the table of a study. baseline: a method's label, as the column method_label has it, or, where the study has
    that method at one setting, what the column method has. A trial is the same of two methods if file, slice, mask,
    the place of the region, perturbation and seed agree. Where each method has a perturbation of its own, such as an
    attack, these are paired, each method with its own; one that was found on some method (`found_on`) is the same for
    both, also for that method.

    The result is that of `study_difference`; method_label is such as "unet less tv". Raises InputError for a name that
    is not one method of the study, for a study of a single method, for a metric that was not measured, and where no
    trial is shared.
    """
    both = _pairs(*sides(trials, baseline))
    if both.is_empty():
        raise InputError(f"no other method has a trial that {baseline} has; choose another baseline.")
    return _compared(both, metrics, volumes)


def sides(trials: "DataFrame", baseline: str) -> tuple["DataFrame", "DataFrame"]:
    """The trials of a baseline, once for each other method, and those of the others, as two studies to compare.

    baseline: as for `method_difference`. Raises InputError for a name that is not one method of the study, for a study
    of a single method, and for one without a trial. Their column file has whole paths, as files of one study are known.
    """
    library = polars()
    check_finished(trials)
    labels = trials["method_label"].unique(maintain_order=True).to_list()
    baseline = _label_of(trials, labels, baseline)
    if len(labels) == 1:
        raise InputError(f"the study has one method, {baseline}; name a second study to compare it with.")
    trials, found = trials.with_columns(file="scan"), []
    for label in labels:
        if label != baseline:
            name = library.lit(f"{label} less {baseline}").alias("method_label")
            found.append([trials.filter(method_label=one).with_columns(name) for one in (baseline, label)])
    one, other = (library.concat(tables) for tables in zip(*found, strict=True))
    return one, other


def _label_of(trials: "DataFrame", labels: Sequence[str], name: str) -> str:
    """The label of a method that is named by it, or by its id where that has one setting only."""
    if name in labels:
        return name
    settings = trials.filter(method=name)["method_label"].unique(maintain_order=True).to_list()
    if len(settings) == 1:
        return str(settings[0])
    why = f"has {name} at {len(settings)} settings" if settings else f"has no method {name!r}"
    raise InputError(f"the study {why}; choose from {', '.join(settings or labels)}.")


def _compared(both: "DataFrame", metrics: Sequence[str], volumes: Sequence[int]) -> "DataFrame":
    library = polars()
    known, metrics = _measured(both), list(dict.fromkeys(metrics))
    volumes = [as_whole(number, "one of the volumes") for number in as_list(volumes, "the volumes")]
    if unknown := [name for name in metrics if name not in known]:
        raise InputError(f"{unknown[0]!r} was not measured on both sides; choose from {', '.join(known)}.")
    both = both.with_columns(_without_seed(both["perturbation_knobs"]))
    rows = [row for name in metrics or known for row in _differences(both, name, volumes)]
    if not rows:
        raise InputError("no trial that both sides have was measured on both; compare what has the same metrics.")
    _adjust(rows)
    found: DataFrame = library.DataFrame(rows, infer_schema_length=None)
    return found


def _adjust(rows: Sequence[dict[str, Any]]) -> None:
    """Add p_holm and tests to the rows, each metric by itself."""
    for metric in {row["metric"] for row in rows}:
        family = [row for row in rows if row["metric"] == metric]
        tested = [row for row in family if row["p"] is not None]
        for row in family:
            row |= {"p_holm": None, "tests": len(tested)}
        for row, value in zip(tested, holm([row["p"] for row in tested]).tolist() if tested else (), strict=True):
            row["p_holm"] = value


class NothingSharedError(InputError):
    """Two studies have no trial in common; `own` has how many failed and what one of them has alone, a line each."""

    def __init__(self, own: Sequence[str]) -> None:
        told = "; ".join(own[:_NAMED])
        more = f" (and {len(own) - _NAMED} more; recon-robust study diff lists them)" if len(own) > _NAMED else ""
        super().__init__(f"{_NOTHING_SHARED}{told and f': {told}'}{more}.")
        self.own = tuple(own)

    def __iter__(self) -> Iterator[str]:
        """All that is to be said, line by line."""
        yield f"{_NOTHING_SHARED}{':' if self.own else '.'}"
        yield from self.own


def cautions(
    first: "DataFrame",
    second: "DataFrame",
    names: tuple[str, str] = STUDIES,
    *,
    metrics: Sequence[str] | None = None,
    inventories: "Sequence[Inventory | None]" = (None, None),
) -> Iterator[str]:
    """What is to be known beside the differences: which trials and values are left out, and of unlike references.

    names: of the sides. metrics: those that are compared, all if none is named; by default those of `shown`.
    inventories: of two studies, which tell files of one name that are not the same; None where it is not known.
    What one side has alone is in lines.
    """
    if alone := unpaired(first, second, names):
        yield "\n  ".join(alone)
    yield from (f"{line}." for line in _failed((first, second), names))
    both = _pairs(first, second)
    yield from _unlike_files(both, inventories)
    known = _measured(both)
    metrics = metrics or (metrics is None and [name for name in known if name in SHOWN]) or known
    yield from _not_finite(both, metrics)
    if any("_image_" in name for name in metrics):
        yield from _unlike_references(both)


def unpaired(first: "DataFrame", second: "DataFrame", names: tuple[str, str] = STUDIES) -> list[str]:
    """How many trials that did not fail one side has alone, then a line for each column of which it has own values.

    names: of the sides. Empty if it is none.
    """
    one, other, keys = _sides(first, second)
    alone = [
        (side.join(another, on=keys, nulls_equal=True, how="anti")["trial"].n_unique(), name)
        for side, another, name in ((one, other, names[0]), (other, one, names[1]))
    ]
    words = _trials_of(alone)
    if not words:
        return []
    own = _own_values(one, other, keys, names)
    return [f"{words} are not in the other, and left out{':' if own else '.'}", *own]


def _own_values(one: "DataFrame", other: "DataFrame", keys: Sequence[str], names: tuple[str, str]) -> list[str]:
    """What each side has that the other lacks, such as "the first study alone has seed 1", a line for each column.

    Where that is nothing, files belong to other volumes.
    """
    found = [*_own(one, other, [key for key in keys if key not in _NOT_TOLD], names)]
    if "region_digest" in keys:
        found += _own_regions(one, other, names)
    return found or [*_own(one, other, ["volume"], names)]


def _own(one: "DataFrame", other: "DataFrame", keys: Sequence[str], names: tuple[str, str]) -> Iterator[str]:
    for side, another, name in ((one, other, names[0]), (other, one, names[1])):
        for key in keys:
            if values := set(side[key].drop_nulls()) - set(another[key].drop_nulls()):
                yield f"{name} alone has {_listed(key, values)}"


def _own_regions(one: "DataFrame", other: "DataFrame", names: tuple[str, str]) -> Iterator[str]:
    """Which regions one side has alone, by their places, of the slices that both have."""
    of, found = ["file", "slice"], list[set[str]]()
    for side, another in ((one, other), (other, one)):
        alone = side.join(another, on=of, how="semi").join(another, on=[*of, "region_digest"], how="anti")
        found.append(set(alone["region"]))
    moved = found[0] & found[1]
    for regions, name in zip(found, names, strict=True):
        if regions - moved:
            yield f"{name} alone has {_listed('region', regions - moved)}"
    if moved:
        yield f"{_listed('region', moved)}: another place or lesion in each, by the same name"


def _listed(name: str, values: Collection[Any]) -> str:
    """Such as "seed 1, 2"; how many values there are where they are more than a few."""
    return (
        f"{len(values):,} values of {name}" if len(values) > _NAMED else f"{name} {', '.join(map(str, sorted(values)))}"
    )


def _trials_of(counts: Iterable[tuple[int, str]]) -> str:
    """Such as "3 trials of the first study and 1 trial of the second study", without those that have none."""
    return " and ".join(f"{counted(count, 'trial')} of {name}" for count, name in counts if count)


def _failed(tables: Sequence["DataFrame"], names: Sequence[str]) -> Iterator[str]:
    """How many trials of each side failed."""
    failed = [table.filter(table["error"].is_not_null())["trial"].n_unique() for table in tables]
    if words := _trials_of(zip(failed, names, strict=True)):
        yield f"{words} failed, and are left out; recon-robust study status says why"


def _unlike_files(both: "DataFrame", inventories: "Sequence[Inventory | None]") -> Iterator[str]:
    """Which files are compared by their names although they are not the same, as far as their SHA-256 are known."""
    digests = [{scan.path: scan.digest for scan in (one.scans if one else ()) if scan.digest} for one in inventories]
    files = both.select("scan", "scan_second").unique(maintain_order=True).rows()
    known = [(one, other) for one, other in files if one in digests[0] and other in digests[1]]
    unlike = [(one, other) for one, other in known if digests[0][one] != digests[1][other]]
    if unlike:
        told = [one if one == other else f"{one} with {other}" for one, other in unlike[:_NAMED]]
        more = f" and {len(unlike) - _NAMED:,} more" if len(unlike) > _NAMED else ""
        yield (
            f"Of {counted(len(unlike), 'file')} the second study has another one by the same name, which is compared "
            f"with it ({', '.join(told)}{more}); see that both are of the same patient."
        )


def _not_finite(both: "DataFrame", metrics: Sequence[str]) -> Iterator[str]:
    """Of how many pairs a value is infinite or none, such as the PSNR of an image that is its reference."""
    counts = {name: len(rows) - len(_finite(rows, name)) for name, rows in ((one, _once(both, one)) for one in metrics)}
    if told := [f"{name} ({counted(count, 'pair')})" for name, count in counts.items() if count]:
        yield f"Values that are not finite are left out: {', '.join(told)}."


def _unlike_references(both: "DataFrame") -> Iterator[str]:
    """Which methods are compared although their images are measured against references of two kinds."""
    kinds = ["reference_kind", "reference_kind_second"]
    if not set(kinds) <= set(both.columns):  # which tables of early versions lack
        return
    rows = both.filter(both[kinds[0]] != both[kinds[1]])
    for (one, other), part in rows.group_by(kinds, maintain_order=True):
        labels = ", ".join(part["method_label"].unique(maintain_order=True))
        yield (
            f"In {labels} images are measured against two references ({one} and {other}), which differ in the air: "
            "differences of the whole image are not of the methods alone."
        )


def shown(table: "DataFrame") -> "DataFrame":
    """The rows of a difference that are told unless metrics are named: of SSIM, or all where it was not measured."""
    some = table.filter(table["metric"].is_in(list(SHOWN)))
    return table if some.is_empty() else some


def sentences(table: "DataFrame") -> Iterator[str]:
    """Each row of a difference as one line; patterns and knobs of perturbations are told where rows differ in them.

    After them what the adjustment by Holm is for, and the smallest p that it can give.
    """
    masks = table.select(name for name in POOLED_MASK if name in table.columns)
    patterns = pattern_words([*masks.iter_rows(named=True)])
    several = varied(table.select("perturbation", "perturbation_knobs").iter_rows())
    for row, pattern in zip(table.iter_rows(named=True), patterns, strict=True):
        at = told_words(row["perturbation_knobs"], {name for kind, name in several if kind == row["perturbation"]})
        budget = "" if row["budget"] is None else f"η = {100 * row['budget']:g}%"
        found = "" if row["found_for"] is None else f", found on {row['found_for']}"
        control = ", random control" if row["control"] else ""
        against = ", against the clean image" if row["against"] == OWN else ""
        setting = " ".join(filter(None, (row["perturbation"], at, budget)))
        change = "clean" if row["perturbation"] == CLEAN else f"{setting}{found}{control}{against}"
        sampled = "as acquired" if row["acceleration"] is None else f"R = {row['acceleration']:g}"
        rate = ", ".join(filter(None, (pattern, sampled)))
        words = f"{row['method_label']}, {rate}, {change}: {row['metric']} {written(row['difference'], '+.4g')}"
        bars = f"[{written(row['low'], '+.4g')}, {written(row['high'], '+.4g')}]"
        counts = f"{counted(row['volumes'], 'volume')}, {counted(row['pairs'], 'pair')}"
        if row["p"] is None:
            yield f"{words}, quartiles {bars} ({counts}: a spread and no interval)"
            continue
        tests = f"p = {row['p']:.2g}, by Holm {row['p_holm']:.2g}"
        if row["kind"] == clustered.SPREAD:
            yield f"{words} ({counts}; {tests}); no interval, as all volumes differ by the same"
            continue
        told = [f"here {written(row['detectable'])}"]
        told += [f"{n} volumes {written(row[f'detectable_{n}'])}" for n in _told(table.columns)]
        yield f"{words} {bars} ({counts}; {tests}); could be seen: {', '.join(told)}"
    tested = table.drop_nulls("p")
    if not tested.is_empty():
        yield _attainable(tested["tests"].to_list(), max(tested["volumes"].to_list()))


def _attainable(tests: Sequence[int], volumes: int) -> str:
    """What the rows are adjusted for, and the smallest p that this leaves of so many volumes."""
    fewest, most = min(tests), max(tests)
    rows = counted(most, "row") if fewest == most else f"{fewest} to {counted(most, 'row')}"
    least = paired.least_p(volumes)
    adjusted = [min(number * least, 1.0) for number in (fewest, most)]
    by_holm = " to ".join(dict.fromkeys(f"{value:.2g}" for value in adjusted))
    none = ", so that no row can fall below 0.05" if adjusted[0] > 1 - CONFIDENCE else ""
    return (
        f"Holm adjusts for all rows of a metric ({rows}). The smallest p of {counted(volumes, 'volume')} is "
        f"{least:.2g}, by Holm {by_holm}{none}."
    )


def _told(columns: Sequence[str]) -> list[int]:
    return [int(name.removeprefix("detectable_")) for name in columns if name.startswith("detectable_")]


def _sides(first: "DataFrame", second: "DataFrame") -> tuple["DataFrame", "DataFrame", list[str]]:
    """The trials of each that did not fail, and the columns by which those of both are the same."""
    library = polars()
    file = library.col("file" if "file" in first.columns else "scan")
    if "file" not in first.columns:  # two studies, whose folders may be others
        file = file.str.split("/").list.tail(_telling((first, second))).list.join("/")
    sides = [
        _of_others(typed(table.filter(library.col("error").is_null()))).with_columns(
            file=file, volume=library.when(library.col("volume") != library.col("scan")).then("volume").otherwise(file)
        )
        for table in (first, second)
    ]
    labels = [side["method_label"].unique().to_list() for side in sides]
    if not set(labels[0]) & set(labels[1]) and all(len(one) == 1 for one in labels):
        name = f"{labels[0][0]} → {labels[1][0]}"
        sides = [side.with_columns(method_label=library.lit(name)) for side in sides]
    keys = [*_keys(*sides), *_CHANGE, "method_label"]
    one, other = (side.unique(keys, keep="first", maintain_order=True) for side in sides)
    return one, other, keys


def _pairs(first: "DataFrame", second: "DataFrame") -> "DataFrame":
    """The trials of both, without those that failed; the values of the second end in `_second`."""
    one, other, keys = _sides(first, second)
    found: DataFrame = one.join(other, on=keys, nulls_equal=True, suffix="_second", maintain_order="left")
    return found


def _keys(*tables: "DataFrame") -> list[str]:
    """What tells slices, masks and regions apart, as far as all tables have it; regions are known by their places."""
    lacking = {
        name for name in _YOUNGER for table in tables if name not in table.columns or table[name].is_null().all()
    }
    by_name = "region_digest" in lacking
    return [name for name in _SLICE if name not in lacking and (by_name or name != "region")]


def _telling(tables: Sequence["DataFrame"]) -> int:
    """How many parts of the paths, from their ends on, tell the files of each table apart."""
    several = [[path.split("/") for path in table["scan"].unique()] for table in tables]
    most = max((len(path) for paths in several for path in paths), default=1)
    return next(
        (n for n in range(1, most) if all(len({(*path[-n:],) for path in paths}) == len(paths) for paths in several)),
        most,
    )


def _of_others(table: "DataFrame") -> "DataFrame":
    """The trials with `found_for` as a method that is not their own, else null."""
    library = polars()
    if "found_for" not in table.columns:
        return table.with_columns(found_for=library.lit(None, library.String))
    other = library.col("found_for") != library.col("method_label")
    return table.with_columns(found_for=library.when(other).then("found_for"))


def _measured(both: "DataFrame") -> list[str]:
    """The metrics that both sides have."""
    return [name for name in both.columns if _METRIC.fullmatch(name) and f"{name}_second" in both.columns]


def _without_seed(knobs: "Series") -> "Series":
    """The knobs of perturbations, JSON, without their seeds."""
    kept = {
        text: canonical({name: value for name, value in stored(text).items() if name != "seed"})
        for text in knobs.unique()
    }
    return knobs.replace_strict(kept, return_dtype=knobs.dtype)


def _once(both: "DataFrame", metric: str) -> "DataFrame":
    """The pairs of which a metric was measured; clean images count once, however often they were perturbed.

    All regions of a slice have one clean image, save lesions that were inserted: each of these made another one.
    """
    library = polars()
    rows = both.drop_nulls([metric, f"{metric}_second"])
    if not metric.endswith("_clean"):
        return rows
    keys, rows = _keys(both), plan_regions_first(rows)
    if "_region_" not in metric:
        kind = library.col("region_kind") if "region_kind" in rows.columns else library.lit(None, library.String)
        inserted = library.when(kind == INSERTED)
        rows = rows.with_columns(inserted.then(name).alias(name) for name in _OF_REGIONS if name in keys)
    return rows.unique([*keys, "method_label"], keep="first", maintain_order=True).with_columns(
        perturbation=library.lit(CLEAN),
        perturbation_knobs=library.lit("{}"),
        budget=library.lit(None, library.Float64),
        control=library.lit(False),
        found_for=library.lit(None, library.String),
    )


def _finite(rows: "DataFrame", metric: str) -> "DataFrame":
    """The pairs of which both values are numbers."""
    return rows.filter(rows[metric].is_finite() & rows[f"{metric}_second"].is_finite())


def _differences(both: "DataFrame", metric: str, volumes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """One row for each group."""
    rows = _finite(_once(both, metric), metric).with_columns(against=against(both, metric))
    by = [*(name for name in _GROUP if name in rows.columns), "against"]
    for names, group in rows.group_by(by, maintain_order=True):
        one, other, of = group[metric], group[f"{metric}_second"], group["volume"].to_list()
        found = paired.difference(other, one, of)
        low, high, kind = clustered.bars(found.mean, other - one)
        yield {
            **dict(zip(by, names, strict=True)),
            "metric": metric,
            "difference": found.mean.value,
            "low": low,
            "high": high,
            "kind": kind,
            "volumes": found.mean.units,
            "pairs": found.pairs,
            "p": found.wilcoxon,
            "least_p": None if found.wilcoxon is None else paired.least_p(found.mean.units),
            "detectable": found.detectable,
            **{f"detectable_{n}": found.detectable_by(n) for n in volumes},
        }
