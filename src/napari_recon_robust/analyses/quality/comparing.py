"""The run: every method on every case, one at a time, kept as it comes."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from ...cases.making import versions_and_code
from ...ground.documents import read_json
from ...ground.errors import InputError, ReconRobustError
from ...ground.guard import opening, shown
from ...ground.locks import locked
from ...ground.progress import Job
from ...ground.writing import keep, try_place, write
from .entries import MethodEntry, describe, with_short_names
from .grid import Grid, cases, has_free_axes, is_anatomy
from .results import WHOLE, Results
from .run import Run
from .slices import on_slices
from .table import OF_SLICES, OF_VOLUMES, Table
from .volumes import on_volumes, volumes

RESULTS, TABLE, DESCRIPTION = "results.csv", "comparison.md", "comparison.json"
VOLUMES = "volumes"  # the folder in that of the output, since slices and volumes make no table together
_LOCK = "run.lock"
_OF_ANATOMIES = {"matrix", "coils"}  # of a grid
_OF_SLICES = {"slices", *_OF_ANATOMIES}  # nothing is simulated for whole volumes


def compare_methods(
    files: Mapping[str, Sequence[Path]],
    entries: Sequence[MethodEntry],
    grid: Grid,
    *,
    folder: Path | None = None,
    baseline: str | None = None,
    axes: Sequence[str] | None = None,
    device: str = "cpu",
    whole_volumes: bool = False,
) -> Job[Table]:
    """All methods on all cases; the table of what is there, also of earlier runs in the same folder.

    files: of each group (`grid.groups`). folder: gets results.csv, line by line, and at the end, or when the job is
    closed, comparison.md and comparison.json. What is in results.csv already, of the same input, versions, code,
    weights and knobs, is not computed again; methods that failed are tried again. Own models are rows by their files'
    names alone (`entries.with_short_names`). baseline: a row, or its entry's name, that the others are compared with.
    whole_volumes: all slices of a scan under one mask are one case, with the scores of fastMRI's evaluation
    (`volumes`), in the folder `volumes` of the given one. A method that fails on a case is one result. Files and slices
    that cannot be used are left out, and `Table.faults` names them; the error of the first is raised if nothing can be
    used. Raises InputError for knobs or a baseline that do not fit, and for a folder that another run writes into.
    Raises WritingError for a folder that cannot be written; what is computed by then is saved elsewhere.
    """
    if whole_volumes and (idle := sorted(grid.model_fields_set & _OF_SLICES)):
        raise InputError(f"{' and '.join(idle)} choose slices, and whole volumes take all of a scan; leave them out.")
    _refuse_idle([path for paths in files.values() for path in paths], grid, axes)
    folder = folder / VOLUMES if folder is not None and whole_volumes else folder
    named = with_short_names(entries, _described(folder))
    entries, baseline = list(named.values()), named[baseline].name if baseline in named else baseline
    rows = {entry.name: describe(entry) for entry in entries}
    methods = {entry.name: entry.open() for entry in entries}
    with nullcontext() if folder is None else _alone(folder):
        results = Results(None if folder is None else folder / RESULTS)
        if any((result.slice == WHOLE) is not whole_volumes for result in results):
            kinds = ("slices", "whole volumes") if whole_volumes else ("whole volumes", "slices")
            raise InputError(
                f"{shown(folder or Path())} holds scores of {kinds[0]}, not of {kinds[1]}; give another folder."
            )
        versions = versions_and_code()
        earlier = {name: row for name, row in _described(folder).items() if name not in rows}
        faults = dict[str, ReconRobustError]()
        scoring = OF_VOLUMES if whole_volumes else OF_SLICES
        table = Table(results, {**rows, **earlier}, baseline, faults, scoring)
        run = Run(entries, methods, results, table, {name: {"versions": versions, **row} for name, row in rows.items()})
        try:
            if whole_volumes:
                every = volumes(files, grid, axes=axes, device=device, faults=faults)
                used = yield from on_volumes(run, every, faults)
            else:
                used = yield from on_slices(run, cases(files, grid, axes=axes, device=device, faults=faults))
            if faults and not used:
                raise next(iter(faults.values()))
        finally:
            if folder is not None and len(results):
                _save(folder, results, table, {"versions": versions, "last_grid": grid.model_dump(mode="json")})
        return table


def _refuse_idle(paths: Sequence[Path], grid: Grid, axes: Sequence[str] | None) -> None:
    """InputError for what the user chose and no file takes; files that cannot be read are told later."""
    chosen = sorted(grid.model_fields_set & _OF_ANATOMIES)
    if chosen and not any(map(is_anatomy, paths)):
        raise InputError(
            f"{' and '.join(chosen)} are of simulated scans, and no file is a NIfTI volume; leave them out."
        )
    if axes and not any(map(has_free_axes, paths)):
        raise InputError("axes are given, and these files name their own; leave them out.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder that can be written: each run writes the whole table, from what it found there and its own."""
    try_place(folder / RESULTS)
    busy = f"another run compares methods in {shown(folder)}; wait for it, stop it, or give another folder."
    with locked(folder / _LOCK, busy):
        yield


def _save(folder: Path, results: Results, table: Table, facts: Mapping[str, Any]) -> None:
    """Write the three files of a comparison, elsewhere where the folder cannot be written any more (`writing.keep`)."""
    described = {"note": "Not for diagnostic use.", **facts, **table.to_json()}
    text = json.dumps(described, indent=1, allow_nan=False)

    def save(place: Path) -> None:
        results.save(place / RESULTS)
        write(place / TABLE, table.markdown().encode())
        write(place / DESCRIPTION, f"{text}\n".encode())

    keep(folder, save)


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
