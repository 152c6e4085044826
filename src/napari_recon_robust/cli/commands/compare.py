"""A table of several methods on several scans and masks."""

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ...analyses.quality.comparing import compare_methods
from ...analyses.quality.entries import MethodEntry
from ...analyses.quality.grid import Grid, groups, has_free_axes, is_anatomy
from ...ground.devices import checked_device
from ...ground.errors import FileFormatError, InputError, left_out, whole_letters
from ...ground.numbers import counted
from ...io import open_scan
from ...physics.sampling import ACCELERATION, CENTRE_FRACTION, PATTERN, SEED
from ...physics.sampling_values import USUAL_CENTRE_LINES
from ...reconstructors import registry
from ..contradictions import refuse_idle
from ..fractions import FRACTION
from ..options import of_sampling, whole_seed
from ..paths import FOLDER
from ..printing import print_json, warn
from ..progress import follow


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="[NAME=]FILE...")
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="ID",
    help="A method to compare; repeat it; all of `methods` if left out.",
)
@of_sampling(PATTERN, "Repeat it.", several=True)
@of_sampling(ACCELERATION, "Repeat it.", several=True, metavar="R")
@of_sampling(
    SEED, 'Or "file", the name of each file, as fastMRI seeds. Repeat it.', several=True, type=str, metavar="S"
)
@click.option(
    "--volumes",
    "whole_volumes",
    is_flag=True,
    help="Score all slices of a scan together, as fastMRI's evaluation does.",
)
@click.option("--slices", default=1, show_default=True, help="Number of slices of each scan or anatomy, evenly spaced.")
@of_sampling(
    CENTRE_FRACTION, "8%, from R = 8 on 4%, if left out.", type=FRACTION, default=None, show_default=False, metavar="F"
)
@click.option(
    "--minimum-centre-lines",
    type=click.IntRange(0),
    default=USUAL_CENTRE_LINES,
    show_default=True,
    metavar="N",
    help="As sensitivities want some; 0 is fastMRI's rule.",
)
@click.option("--matrix", default=256, show_default=True, help="Side of simulated images.")
@click.option("--axes", metavar="A,B,C", help="Axes of raw arrays, for instance coil,phase,readout.")
@click.option("--baseline", metavar="ID", help="The method that others are compared with, case by case.")
@click.option("--device", default="cpu", show_default=True, metavar="D", help="cpu, cuda, cuda:1 or mps.")
@click.option("--output", type=FOLDER, help="Folder of the results; a run there goes on.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def compare(
    files: tuple[str, ...],
    methods: tuple[str, ...],
    seeds: tuple[str, ...],
    axes: str | None,
    baseline: str | None,
    device: str,
    output: Path | None,
    as_json: bool,
    whole_volumes: bool,
    **grid: Any,
) -> None:
    """Reconstruct FILES by several methods under several masks, and print the table of their quality and time.

    A FILE is fully sampled k-space, a NIfTI volume (whose acquisition is simulated) or a folder of these; NAME is what
    its table is called. Files without NAME are in one table (volumes in another), and each folder is in one. After a
    method's id, "auto", "rule" (by the noise), "oracle" (the best knob by the reference) or knobs.
    What OUTPUT holds already is not computed again. Scans that cannot be used are named and left out; the exit status
    is then 1.

    \b
    Examples:
      recon-robust compare held-out=brain.nii.gz --slices 12 --acceleration 4 --acceleration 8 --output table
      recon-robust compare scans/ --method cg-sense --method "tv, oracle" --method "tv, weight=5e-3" --seed file
      recon-robust compare scans/ --method varnet.pt --pattern random --acceleration 4 --seed file --volumes
    """
    named = [_named(file) for file in files]
    if all(name for name, _ in named):
        if len(dict(named)) < len(named):
            raise InputError("two of the files have one name; give each its own, or put them into one folder.")
        found = groups(dict(named))
    elif not any(name for name, _ in named):
        found = groups([path for _, path in named])
    else:
        raise InputError("some of the files have a name and some have none; write all as NAME=FILE, or none.")
    paths = [path for group in found.values() for path in group]
    if whole_volumes:
        refuse_idle(("slices", "matrix"), "for whole volumes, of which all slices are taken")
        del grid["slices"], grid["matrix"]  # the defaults
    elif not any(map(is_anatomy, paths)):
        refuse_idle(("matrix",), "without NIfTI volumes to simulate from")
        del grid["matrix"]
    grid["seeds"] = tuple(whole_seed(seed, default=seed) for seed in seeds)
    if unknown := [seed for seed in grid["seeds"] if isinstance(seed, str) and seed != "file"]:
        raise InputError(f"--seed is {unknown[0]!r}; give a whole number from 0, or file for the name of each file.")
    entries = [MethodEntry.parse(text) for text in methods or registry.registry.available()]
    if axes is None:
        _tell_guesses(paths)
    elif not any(map(has_free_axes, paths)):
        refuse_idle(("axes",), "without arrays whose axes can be named, since these files name theirs")
    job = compare_methods(
        found,
        entries,
        Grid(**grid),
        folder=output,
        baseline=baseline,
        axes=axes.split(",") if axes else None,
        device=checked_device(device),
        whole_volumes=whole_volumes,
    )
    table = follow(job, "comparing")
    for caution in (*(row["caution"] for row in table.rows.values()), *table.named_cautions):
        if caution:
            warn(caution)
    if as_json:
        print_json(table.to_json())
    else:
        click.echo(table.markdown(), nl=False)
    for name, error in table.faults.items():
        warn(left_out(name, error))
    if table.faults:
        sys.exit(1)


def _tell_guesses(files: Iterable[Path]) -> None:
    """Warn of what is guessed of arrays, such as their axes, each guess once; what cannot be read is told later."""
    notes = Counter[str]()
    for file in files:
        if has_free_axes(file):
            with suppress(FileFormatError, InputError), open_scan(file) as scan:
                notes.update(scan.header.notes)
    for note, scans in notes.items():
        warn(f"{counted(scans, 'scan')}: {note}")


def _named(file: str) -> tuple[str, Path]:
    """NAME=FILE in two, unless a file is called so."""
    name, separator, path = file.partition("=")
    if not separator or Path(file).exists():
        return "", Path(file)
    if not name or not path:
        raise InputError(f"{file!r} lacks a name or a file; write it as NAME=FILE, or the file by itself.")
    return whole_letters(name), Path(path)
