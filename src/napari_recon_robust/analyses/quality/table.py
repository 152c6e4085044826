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

_ONE_PATIENT = ", each taken as another patient's"
_Case = tuple[str, str]  # input and pattern
_UnitOf = Callable[[MethodResult], Any]
_Average = Callable[[Sequence[float], Sequence[Any]], Estimate]


@dataclass(frozen=True)
class MethodScores:
    """One method in one group under one pattern and acceleration.

    SSIM and PSNR as means, NMSE as the table's `Scoring` averages it, over the cases that the method has.
    Against the baseline, over the cases that both have: paired, how many these are, 0 without a baseline; ratio, the
    geometric mean of NMSE over the baseline's; ssim_gain, psnr_gain, the means of the method's less the baseline's. The
    last three are None where the baseline has no case. seconds: the median.
    """

    method: str
    cases: int
    failed: int
    ssim: Estimate
    psnr: Estimate
    nmse: Estimate
    paired: int
    ratio: Estimate | None
    ssim_gain: Estimate | None
    psnr_gain: Estimate | None
    seconds: float


@dataclass(frozen=True)
class Section:
    """One group under one pattern and acceleration. cases: how many there are. unit: what the intervals are over."""

    group: str
    acceleration: float
    pattern: str
    cases: int
    effective: Interval
    unit: str
    scores: tuple[MethodScores, ...]

    @property
    def incomplete(self) -> list[MethodScores]:
        """The methods that lack some of the cases, so that their means cannot be compared with those of the others."""
        return [line for line in self.scores if line.cases < self.cases]


@dataclass(frozen=True)
class Scoring:
    """What the figures of a table are. statement: in words; nmse: how the NMSE of several cases is averaged."""

    statement: str
    nmse: _Average


class Table:
    """The means of results; Student's t intervals over scans, where there are 3, else over slices, else over masks.

    rows: what is known of each method beside its figures, in the order of the lines. baseline: the row that the others
    are compared with, case by case. faults: of files and slices that are left out, by name. scans: the names of the
    files of this run by the digits that `MethodResult.scan` has of them. Files of one name have as much of their
    folders as tells them apart. What is written says only how many are left out, since it names no file. scoring: by
    default that of slices.
    Slices of one head are not independent: an interval over them speaks of that head alone. Several files of one head
    are not known to be that: an interval over them is too narrow.
    """

    def __init__(
        self,
        results: Iterable[MethodResult],
        rows: Mapping[str, Mapping[str, Any]],
        baseline: str | None = None,
        faults: Mapping[str, ReconRobustError] = MappingProxyType({}),
        scoring: Scoring | None = None,
    ) -> None:
        if baseline is not None and baseline not in rows:
            raise InputError(f"the baseline {baseline!r} is none of the methods; choose one of {', '.join(rows)}.")
        self.results, self.rows, self.baseline, self.faults = results, rows, baseline, faults
        self.scoring = scoring or OF_SLICES
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
        """One for each group, acceleration and pattern, in the order of the results."""
        parted: dict[tuple[str, float, str], list[MethodResult]] = {}
        for result in self.results:
            parted.setdefault((result.group, result.acceleration, result.pattern), []).append(result)
        return list(map(self._section, parted.values()))

    def markdown(self) -> str:
        """The tables, and which cases failed."""
        text = [
            "# Comparison",
            f"{self.scoring.statement} Brackets are 95% intervals. Seconds are the median for a slice. An oracle knows "
            "the reference. Not for diagnostic use.",
        ]
        for section in self.sections:
            low, high = section.effective
            text.append(f"## {section.group}, {section.acceleration:g}x, {section.pattern}")
            known = any(one.interval for line in section.scores for one in (line.ssim, line.psnr, line.nmse))
            over = (
                f"intervals over {section.unit}{_ONE_PATIENT if section.unit.endswith('scans') else ''}"
                if known
                else f"{section.unit} {'is' if section.unit.startswith('1 ') else 'are'} too few for intervals"
            )
            effective = " to ".join(dict.fromkeys((f"{low:.2f}", f"{high:.2f}")))
            text.append(f"{counted(section.cases, 'case')}, effective R {effective}; {over}.")
            text.append(self._table(section))
            text += self._lacking(section)
        if self.cautions:
            text += ["## Cautions", "\n".join(f"- {caution}" for caution in self.cautions)]
        failures = sorted({f"- {result.method}: {result.error}" for result in self.results if result.error})
        if self.faults:
            what, were = ("scan, slice or mask", "was") if len(self.faults) == 1 else ("scans, slices or masks", "were")
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
                "pattern": section.pattern,
                "effective": section.effective,
                "cases": section.cases,
                "intervals_over": section.unit,
                "methods": [{name: _json(value) for name, value in vars(line).items()} for line in section.scores],
            }
            for section in self.sections
        ]
        table: dict[str, Any] = {
            "figures": self.scoring.statement,
            "methods": dict(self.rows),
            "baseline": self.baseline,
            "masks": {
                f"{name}s": list(dict.fromkeys(getattr(result, name) for result in self.results))
                for name in ("pattern", "acceleration", "seed")
            },
            "sections": sections,
        }
        table["cautions"] = self.cautions
        table["left_out"] = len(self.faults)
        return finite(table)

    def _section(self, results: Sequence[MethodResult]) -> Section:
        unit, of = _units(results)
        base = {_case(result): result for result in results if result.method == self.baseline and not result.error}
        order = {name: number for number, name in enumerate(self.rows)}
        found = dict.fromkeys(result.method for result in results)
        lines = [
            _scores([result for result in results if result.method == method], base, of, self.scoring.nmse)
            for method in sorted(found, key=lambda name: order.get(name, len(order)))
        ]
        effective = [result.effective for result in results]
        cases = len({_case(result) for result in results})
        return Section(
            group=results[0].group,
            acceleration=results[0].acceleration,
            pattern=results[0].pattern,
            cases=cases,
            effective=(min(effective), max(effective)),
            unit=unit,
            scores=tuple(lines),
        )

    def _lacking(self, section: Section) -> list[str]:
        """What a reader must know of the methods that lack cases, and of a baseline that has none."""
        useless = self.baseline is not None and not any(
            line.method == self.baseline and line.cases for line in section.scores
        )
        if self.baseline is None:
            how = "Name a baseline to compare them on the cases that both have."
        elif useless:
            how = f"The baseline {self.baseline} has no case, so its columns are empty; name another one."
        else:
            how = f"Compare others with {self.baseline} by its columns, which are over the cases that both have."
        if not section.incomplete:
            return [how] if useless else []
        named = ", ".join(f"{line.method} ({line.cases} of {section.cases:,} cases)" for line in section.incomplete)
        return [
            "SSIM, PSNR, NMSE and seconds of methods that lack cases cannot be compared with those of the others, "
            f"since the missing cases may be the hard ones: {named}. {how}"
        ]

    def _table(self, section: Section) -> str:
        heads = ["method", "SSIM", "PSNR (dB)", "NMSE", "seconds", "parameters", "MB"]
        if self.baseline is not None:
            heads[4:4] = [f"{metric} {self.baseline}" for metric in ("NMSE ÷", "SSIM −", "PSNR (dB) −")]
        rows = []
        for line in section.scores:
            known = self.rows.get(line.method, {})
            parameters, megabytes = known.get("parameters"), known.get("megabytes")
            remarks = [f"failed on {line.failed} of {line.cases + line.failed}"] if line.failed else []
            if self.baseline is not None and line.paired < line.cases:
                remarks.append(f"{line.paired} of {counted(line.cases, 'case')} shared with {self.baseline}")
            cells = [
                line.method + (f" ({'; '.join(remarks)})" if remarks else ""),
                _written(line.ssim, ".4f"),
                _written(line.psnr, ".2f"),
                _written(line.nmse, ".3g"),
                "" if isnan(line.seconds) else f"{line.seconds:.3g}",
                "" if parameters is None else f"{parameters:,}",
                "" if megabytes is None else f"{megabytes:g}",
            ]
            if self.baseline is not None:
                against = ((line.ratio, ".3f"), (line.ssim_gain, "+z.4f"), (line.psnr_gain, "+z.2f"))
                cells[4:4] = [_written(mean, digits) if mean else "" for mean, digits in against]
            rows.append(cells)
        return markdown(heads, rows)


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


OF_SLICES = Scoring(
    "All figures are of the foreground. All methods are compared with one reference: with the noise-free truth of "
    "simulations, and with the fully sampled coil-combined image of scans. NMSE is the geometric mean.",
    _geometric,
)
OF_VOLUMES = Scoring(
    "All figures are of whole volumes, as fastMRI's evaluation scores them: against the root sum of squares of the "
    "fully sampled coil images, the background and its noise included, with the volume's maximum as the data range. "
    "All means are over volumes.",
    _mean,
)


def _scores(
    results: Sequence[MethodResult],
    base: Mapping[_Case, MethodResult],
    of: _UnitOf,
    average_nmse: _Average,
) -> MethodScores:
    """Those of one method. base: the baseline's results. of: the unit of a result."""
    done = [result for result in results if not result.error]
    units = [of(result) for result in done]

    def against(value: Callable[[MethodResult, MethodResult], float], mean: _Average = _mean) -> Estimate | None:
        pairs = [(value(one, base[_case(one)]), of(one)) for one in done if _case(one) in base]
        pairs = [(value, unit) for value, unit in pairs if not isnan(value)]
        return mean([value for value, _ in pairs], [unit for _, unit in pairs]) if base else None

    return MethodScores(
        method=results[0].method,
        cases=len(done),
        failed=len(results) - len(done),
        ssim=_mean([result.ssim for result in done], units).within(*SSIM_SCALE),
        psnr=_mean([result.psnr for result in done], units),
        nmse=average_nmse([result.nmse for result in done], units),
        paired=sum(_case(result) in base for result in done),
        # nothing is a multiple of no error
        ratio=against(lambda one, other: one.nmse / other.nmse if other.nmse else np.nan, _geometric),
        ssim_gain=against(lambda one, other: one.ssim - other.ssim),
        psnr_gain=against(lambda one, other: one.psnr - other.psnr),
        seconds=float(np.median([result.seconds for result in done])) if done else np.nan,
    )


def _case(result: MethodResult) -> _Case:
    return result.input, result.pattern


def _units(results: Sequence[MethodResult]) -> tuple[str, _UnitOf]:
    """What is most independent and there often enough: its name, and of which unit a result is."""
    kinds: tuple[tuple[str, _UnitOf], ...] = (
        ("scan", lambda result: result.scan),
        ("slice", lambda result: (result.scan, result.slice)),
        ("mask", lambda result: result.input),
    )
    counts = [len({of(result) for result in results}) for _, of in kinds]
    chosen = next((n for n, count in enumerate(counts) if count >= FEWEST), len(kinds) - 1)
    return counted(counts[chosen], kinds[chosen][0]), kinds[chosen][1]


def _written(mean: Estimate, digits: str) -> str:
    """A cell of the table: empty where nothing was measured."""
    return "" if isnan(mean.value) else mean.text(f"{{:{digits}}}".format)


def _json(value: Any) -> Any:
    return {"mean": value.value, "interval": value.interval} if isinstance(value, Estimate) else value
