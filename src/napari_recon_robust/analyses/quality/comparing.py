"""The run: every method on every case, one at a time, kept as it comes."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch

from ...cases import record
from ...ground.documents import read_json
from ...ground.errors import ReconRobustError
from ...ground.guard import opening, shown
from ...ground.locks import locked
from ...ground.progress import Job, Progress, relayed
from ...ground.writing import keep, try_place, write
from ...perturbations.outcome import differing
from ...reconstructors import origin
from ...reconstructors.base import Method
from ...reconstructors.doubts import of_method
from ...reconstructors.registry import registry
from .entries import Entry, describe
from .grid import Grid, UndersampledSlice, cases
from .results import MethodResult, Results
from .table import Table

RESULTS, TABLE, DESCRIPTION = "results.csv", "comparison.md", "comparison.json"
_LOCK = "run.lock"


def compare_methods(
    files: Mapping[str, Sequence[Path]],
    entries: Sequence[Entry],
    grid: Grid,
    *,
    folder: Path | None = None,
    baseline: str | None = None,
    axes: Sequence[str] | None = None,
    device: str = "cpu",
) -> Job[Table]:
    """All methods on all cases; the table of what is there, also of earlier runs in the same folder.

    files: of each group (`grid.groups`). folder: gets results.csv, line by line, and at the end, or when the job is
    closed, comparison.md and comparison.json. What is in results.csv already, of the same input, versions, code,
    weights and knobs, is not computed again; methods that failed are tried again. baseline: a row that the others are
    compared with. A method that fails on a case is one result. Files and slices that cannot be used are left out, and
    `Table.faults` names them; the error of the first is raised if nothing can be used. Raises InputError for knobs or a
    baseline that do not fit, and for a folder that another run writes into. Raises WritingError for a folder that
    cannot be written; what is computed by then is saved elsewhere.
    """
    rows = {entry.name: describe(entry) for entry in entries}
    methods = {entry.name: entry.open() for entry in entries}
    with nullcontext() if folder is None else _alone(folder):
        results = Results(None if folder is None else folder / RESULTS)
        versions = {**record.versions(), "code": origin.of_package()}
        earlier = {name: row for name, row in _described(folder).items() if name not in rows}
        faults, used = dict[str, ReconRobustError](), False
        table, asked = Table(results, {**rows, **earlier}, baseline, faults), set[str]()
        try:
            for case in cases(files, grid, axes=axes, device=device, faults=faults):
                used = True
                table.scans.setdefault(case.scan, case.name)
                begin, end = case.span
                for number, entry in enumerate(entries):
                    at, share = begin + (end - begin) * number / len(entries), (end - begin) / len(entries)
                    yield Progress(at, f"{case.group}, {case.sampling.acceleration:g}x: {entry.name}", preview=table)
                    blank = _blank(case, entry, {"versions": versions, **rows[entry.name]})
                    if results.reused(blank):
                        continue

                    def part(step: Progress, at: float = at, share: float = share, name: str = entry.name) -> Progress:
                        return Progress(at + share * step.fraction, f"{name}: {step.message}", preview=table)

                    job = _measured(case, entry, methods[entry.name], blank, asked)
                    results.add((yield from relayed(job, part)))
            if faults and not used:
                raise next(iter(faults.values()))
        finally:
            if folder is not None and len(results):
                described = {
                    "note": "Not for diagnostic use.",
                    "versions": versions,
                    "grid": grid.model_dump(mode="json"),
                }
                text = json.dumps({**described, **table.to_json()}, indent=1, allow_nan=False)

                def save(place: Path) -> None:
                    results.save(place / RESULTS)
                    write(place / TABLE, table.markdown().encode())
                    write(place / DESCRIPTION, f"{text}\n".encode())

                keep(folder, save)
        return table


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder that can be written: each run writes the whole table, from what it found there and its own."""
    try_place(folder / RESULTS)
    busy = f"another run compares methods in {shown(folder)}; wait for it, stop it, or give another folder."
    with locked(folder / _LOCK, busy):
        yield


def _described(folder: Path | None) -> dict[str, dict[str, Any]]:
    """The methods of earlier runs in the folder."""
    file = None if folder is None else folder / DESCRIPTION
    if file is None or not os.path.lexists(file):
        return {}
    advice = "delete it, results.csv is enough"
    with opening(file, advice=advice):
        described = {str(name): dict(one) for name, one in read_json(file, advice=advice)["methods"].items()}
        for one in described.values():
            if not all(isinstance(one.get(size), int | float | None) for size in ("parameters", "megabytes")):
                raise TypeError("a method's size is a number")
        return described


def _measured(
    case: UndersampledSlice, entry: Entry, method: Method, blank: MethodResult, asked: set[str]
) -> Job[MethodResult]:
    """One method on one case; an own model that is not among those `asked` is asked again, and joins them."""
    try:
        with torch.no_grad():
            _ = case.measurement.calibration  # not of one method's time
        choosing = time.perf_counter()
        chosen = yield from entry.choose(method, case)
        started = choosing if entry.choice == "auto" else time.perf_counter()
        image = yield from chosen.job(case.measurement)
        seconds = time.perf_counter() - started
        scores = case.score(image.detach())
        doubted = of_method(chosen, case.measurement, image)
        if method.id not in registry.table and entry.name not in asked:
            asked.add(entry.name)
            doubted |= differing([((yield from chosen.job(case.measurement)), image)], chosen.label)
        cautions = {"caution": " ".join(doubted.values()), "scan_caution": " ".join(case.cautions)}
    except ReconRobustError as error:
        return blank.model_copy(update={"error": " ".join(str(error).split())})
    measured = {**vars(scores["foreground"]), **{f"{name}_image": v for name, v in vars(scores["image"]).items()}}
    knobs = json.dumps(dict(chosen.knobs))
    return blank.model_copy(update={**measured, "seconds": seconds, "knobs": knobs, **cautions})


def _blank(case: UndersampledSlice, entry: Entry, made_with: Mapping[str, Any]) -> MethodResult:
    """A result before it is measured."""
    sampling = case.sampling
    return MethodResult(
        group=case.group,
        scan=case.scan,
        slice=case.slice,
        pattern=sampling.pattern,
        acceleration=sampling.acceleration,
        effective=case.measurement.acceleration,
        seed=str(sampling.seed) if isinstance(sampling.seed, int) else "file",
        method=entry.name,
        input=case.input,
        made_with=hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest(),
    )
