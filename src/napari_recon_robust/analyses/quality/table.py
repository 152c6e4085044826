"""What the results say: means with intervals over what is independent, as Markdown and JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from types import MappingProxyType
from typing import Any

import numpy as np

from ...ground.errors import InputError, ReconRobustError
from ...ground.numbers import counted, finite, scans_in_words
from ...ground.table import markdown
from ...statistics import clustered
from ...statistics.estimate import FEWEST, SSIM_SCALE, Estimate, Interval
from .results import MethodResult


@dataclass(frozen=True)
class MethodScores:
    """One method in one group at one acceleration.

    SSIM and PSNR as means, NMSE as geometric mean, ratio = that of NMSE over the baseline's on the same cases,
    all on the foreground. seconds: the median.
    """

    method: str
    cases: int
    failed: int
    ssim: Estimate
    psnr: Estimate
    nmse: Estimate
    ratio: Estimate | None
    seconds: float


@dataclass(frozen=True)
class Section:
    """One group at one acceleration. unit: what the intervals are over."""

    group: str
    acceleration: float
    effective: Interval
    unit: str
    scores: tuple[MethodScores, ...]


class Table:
    """The means of results; Student's t intervals over scans, where there are 3, else over slices, else over masks.

    rows: what is known of each method beside its figures, in the order of the lines. baseline: the row that NMSE is
    divided by, case by case. faults: of files and slices that are left out, by name. scans: the names of the files of
    this run by the digits that `MethodResult.scan` has of them. Files of one name have as much of their folders as
    tells them apart. What is written says only how many are left out, since it names no file.
    Slices of one head are not independent: an interval over them speaks of that head alone.
    """

    def __init__(
        self,
        results: Iterable[MethodResult],
        rows: Mapping[str, Mapping[str, Any]],
        baseline: str | None = None,
        faults: Mapping[str, ReconRobustError] = MappingProxyType({}),
    ) -> None:
        if baseline is not None and baseline not in rows:
            raise InputError(f"the baseline {baseline!r} is none of the methods; choose one of {', '.join(rows)}.")
        self.results, self.rows, self.baseline, self.faults = results, rows, baseline, faults
        self.scans: dict[str, str] = {}

    @property
    def cautions(self) -> list[str]:
        """What results say of themselves before they are believed: of each method and of each scan the first.

        Scans of which the same is said share a line.
        """
        return self._cautions({})

    @property
    def named_cautions(self) -> list[str]:
        """The same with the names of the files of this run."""
        return self._cautions(self.scans)

    def _cautions(self, names: Mapping[str, str]) -> list[str]:
        methods, scans = dict[str, str](), dict[str, str]()
        for result in self.results:
            if result.caution:
                methods.setdefault(result.method, result.caution)
            if result.scan_caution:
                scans.setdefault(result.scan, result.scan_caution)
        sharing = dict[str, list[str]]()
        for scan, caution in scans.items():
            sharing.setdefault(caution, []).append(names.get(scan, f"scan {scan}"))
        told = [f"{scans_in_words(those)}: {caution}" for caution, those in sharing.items()]
        return [*dict.fromkeys(methods.values()), *told]

    @property
    def sections(self) -> list[Section]:
        """One for each group and acceleration, in the order of the results."""
        parted: dict[tuple[str, float], list[MethodResult]] = {}
        for result in self.results:
            parted.setdefault((result.group, result.acceleration), []).append(result)
        return [self._section(group, acceleration, part) for (group, acceleration), part in parted.items()]

    def markdown(self) -> str:
        """The tables, and which cases failed."""
        text = [
            "# Comparison",
            "All figures are of the foreground. All methods are compared with one reference: with the noise-free truth "
            "of simulations, and with the fully sampled coil-combined image of scans. NMSE is the geometric mean, and "
            "brackets are 95% intervals. Seconds are the median for a slice. An oracle knows the reference. Not for "
            "diagnostic use.",
        ]
        for section in self.sections:
            low, high = section.effective
            count = max(line.cases + line.failed for line in section.scores)
            text.append(f"## {section.group}, {section.acceleration:g}x")
            known = any(line.ssim.interval for line in section.scores)
            over = (
                f"intervals over {section.unit}"
                if known
                else f"{section.unit} {'is' if section.unit.startswith('1 ') else 'are'} too few for intervals"
            )
            effective = " to ".join(dict.fromkeys((f"{low:.2f}", f"{high:.2f}")))
            text.append(f"{counted(count, 'case')}, effective R {effective}; {over}.")
            text.append(self._table(section))
        if self.cautions:
            text += ["## Cautions", "\n".join(f"- {caution}" for caution in self.cautions)]
        failures = sorted({f"- {result.method}: {result.error}" for result in self.results if result.error})
        if self.faults:
            what, were = ("scan or slice", "was") if len(self.faults) == 1 else ("scans or slices", "were")
            failures.insert(0, f"- {len(self.faults):,} {what} cannot be used and {were} left out")
        if failures:
            text += ["## Failed", "\n".join(failures)]
        return "\n\n".join(text) + "\n"

    def to_json(self) -> dict[str, Any]:
        """The rows' descriptions and the figures, as JSON values."""
        sections = [
            {
                "group": section.group,
                "acceleration": section.acceleration,
                "effective": section.effective,
                "intervals_over": section.unit,
                "methods": [{name: _json(value) for name, value in vars(line).items()} for line in section.scores],
            }
            for section in self.sections
        ]
        table: dict[str, Any] = {"methods": dict(self.rows), "baseline": self.baseline, "sections": sections}
        table["cautions"] = self.cautions
        table["left_out"] = len(self.faults)
        return finite(table)

    def _section(self, group: str, acceleration: float, results: Sequence[MethodResult]) -> Section:
        unit, of = _units(results)
        base = {result.input: result.nmse for result in results if result.method == self.baseline}
        compared = {case: error for case, error in base.items() if error}  # nothing is a multiple of no error
        lines = []
        order = {name: number for number, name in enumerate(self.rows)}
        found = dict.fromkeys(result.method for result in results)
        for method in sorted(found, key=lambda name: order.get(name, len(order))):
            mine = [result for result in results if result.method == method]
            done = [result for result in mine if not result.error]
            units = [of(result) for result in done]
            ratios = [(result.nmse / compared.get(result.input, np.nan), of(result)) for result in done]
            ratios = [(ratio, unit) for ratio, unit in ratios if ratio == ratio]
            lines.append(
                MethodScores(
                    method=method,
                    cases=len(done),
                    failed=len(mine) - len(done),
                    ssim=_mean([result.ssim for result in done], units).within(*SSIM_SCALE),
                    psnr=_mean([result.psnr for result in done], units),
                    nmse=_geometric([result.nmse for result in done], units),
                    ratio=_geometric([one for one, _ in ratios], [unit for _, unit in ratios]) if base else None,
                    seconds=float(np.median([result.seconds for result in done])) if done else np.nan,
                )
            )
        effective = [result.effective for result in results]
        return Section(group, acceleration, (min(effective), max(effective)), unit, tuple(lines))

    def _table(self, section: Section) -> str:
        heads = ["method", "SSIM", "PSNR", "NMSE", "seconds", "parameters", "MB"]
        if self.baseline is not None:
            heads.insert(4, f"NMSE ÷ {self.baseline}")
        rows = []
        for line in section.scores:
            known = self.rows.get(line.method, {})
            parameters, megabytes = known.get("parameters"), known.get("megabytes")
            cells = [
                line.method + (f" (failed on {line.failed} of {line.cases + line.failed})" if line.failed else ""),
                _written(line.ssim, ".4f"),
                _written(line.psnr, ".2f"),
                _written(line.nmse, ".3g"),
                "" if isnan(line.seconds) else f"{line.seconds:.3g}",
                "" if parameters is None else f"{parameters:,}",
                "" if megabytes is None else f"{megabytes:g}",
            ]
            if self.baseline is not None:
                cells.insert(4, _written(line.ratio, ".3f") if line.ratio else "")
            rows.append(cells)
        return markdown(heads, rows)


def _units(results: Sequence[MethodResult]) -> tuple[str, Callable[[MethodResult], Any]]:
    """What is most independent and there often enough: its name, and of which unit a result is."""
    kinds: tuple[tuple[str, Callable[[MethodResult], Any]], ...] = (
        ("scan", lambda result: result.scan),
        ("slice", lambda result: (result.scan, result.slice)),
        ("mask", lambda result: result.input),
    )
    counts = [len({of(result) for result in results}) for _, of in kinds]
    chosen = next((n for n, count in enumerate(counts) if count >= FEWEST), len(kinds) - 1)
    return counted(counts[chosen], kinds[chosen][0]), kinds[chosen][1]


def _mean(values: Sequence[float], units: Sequence[Any]) -> Estimate:
    """Without an interval where a value is not finite; NaN where there is none."""
    if values and np.isfinite(values).all():
        return clustered.mean(values, units)
    return Estimate(float(np.mean(values)) if values else np.nan, None, 0)


def _geometric(values: Sequence[float], units: Sequence[Any]) -> Estimate:
    with np.errstate(divide="ignore"):
        found = _mean(list(np.log(values)), units)
    ends = found.interval and (float(np.exp(found.interval[0])), float(np.exp(found.interval[1])))
    return Estimate(float(np.exp(found.value)), ends, found.units)


def _written(mean: Estimate, digits: str) -> str:
    """A cell of the table: empty where nothing was measured."""
    return "" if isnan(mean.value) else mean.text(f"{{:{digits}}}".format)


def _json(value: Any) -> Any:
    return {"mean": value.value, "interval": value.interval} if isinstance(value, Estimate) else value
