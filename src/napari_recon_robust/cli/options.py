"""Options that several commands share, and how they become a measurement."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ..data.measurement import Measurement
from ..data.scan import Scan
from ..ground.errors import InputError
from ..ground.knob import Knob
from ..ground.progress import Job, run
from ..io import masks, open_scan
from ..physics.sampling import PATTERNS, Sampling
from ..reconstructors import registry
from ..reconstructors.base import Method

T = TypeVar("T")
Command = Callable[..., Any]

_WHICH = "See `methods`; or an own model: a file (.pt2, .onnx, .pt, .py), module:function, or bart: and a command."
_SCAN = (
    click.argument("file", type=click.Path(exists=True, path_type=Path)),
    click.option("--slice", "index", type=int, metavar="N", help="Slice, from 0; the middle one if left out."),
)
_METHOD = (
    click.option("--method", default="hqs-supervised", show_default=True, metavar="ID", help=_WHICH),
    click.option("--knob", "knobs", multiple=True, metavar="NAME=VALUE", help="A knob of the method; repeat it."),
)
_CENTRE = click.option(
    "--centre-fraction", default=0.08, show_default=True, metavar="F", help="Of the lines, for the ACS."
)
_AUTO = click.option("--auto", is_flag=True, help="Let held-out k-space lines choose the method's live knobs.")
_SAMPLING = (
    click.option("--pattern", type=click.Choice(PATTERNS), help="Undersample; left out, the scan is taken as it is."),
    click.option("--acceleration", default=4.0, show_default=True, metavar="R"),
    _CENTRE,
    click.option("--seed", default="0", show_default=True, metavar="S", help="Number, or file name as fastMRI seeds."),
    click.option("--mask", "mask_file", type=click.Path(exists=True, path_type=Path), help=".npy or .h5 instead."),
)
_SAMPLINGS = (
    click.option("--pattern", type=click.Choice(PATTERNS), default="equispaced", show_default=True),
    click.option("--acceleration", "accelerations", default="2,3,4,6,8", show_default=True, metavar="R[,R…]"),
    _CENTRE,
    click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="Masks of each."),
)
_RUN = (
    click.option("--axes", metavar="A,B,C", help="Axes of a raw array, for instance coil,phase,readout."),
    click.option("--device", default="cpu", show_default=True, metavar="D", help="cpu, cuda, cuda:1 or mps."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)


def sampling_options(command: Command) -> Command:
    """The file, the slice, the method and how the slice is undersampled."""
    return _decorated(command, (*_SCAN, *_METHOD, _AUTO, *_SAMPLING, *_RUN))


def slice_options(command: Command) -> Command:
    """The file, the slice and how it is undersampled, for a command that names its methods itself."""
    return _decorated(command, (*_SCAN, *_SAMPLING, *_RUN))


def samplings_options(command: Command) -> Command:
    """The file, the slice, the method and several ways of undersampling the slice."""
    return _decorated(command, (*_SCAN, *_METHOD, *_SAMPLINGS, *_RUN))


def _decorated(command: Command, options: Sequence[Command]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


def knob_options(knobs: Iterable[Knob]) -> list[click.Option]:
    """One option for each knob, from its specification."""
    return [
        click.Option(
            [f"--{knob.name.replace('_', '-')}", knob.name],
            metavar="|".join(knob.choices) or knob.kind.upper(),
            default=str(knob.default),
            show_default=True,
            help=_help(knob),
            callback=lambda _context, _option, value, knob=knob: knob.parse(value),
        )
        for knob in knobs
    ]


def _help(knob: Knob) -> str:
    span = "" if knob.choices or knob.kind == "bool" else f"From {knob.range}."
    return " ".join(part for part in (knob.help, span, knob.condition) if part)


def parse_knobs(pairs: Iterable[str]) -> dict[str, str]:
    """NAME=VALUE pairs; `Reconstructor.at` checks names and values."""
    values = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise InputError(f"--knob {pair!r} has no value; write it as name=value, for instance weight=2e-3.")
        values[name.strip()] = value.strip()
    return values


@contextmanager
def measured(
    file: Path,
    index: int | None,
    pattern: str | None = None,
    acceleration: float = 4.0,
    centre_fraction: float = 0.08,
    seed: str = "0",
    mask_file: Path | None = None,
    axes: str | None = None,
    device: str = "cpu",
) -> Iterator[tuple[Scan, int, Measurement]]:
    """Open the file, take the slice, undersample it: (scan, slice, measurement)."""
    if pattern is not None and mask_file is not None:
        raise InputError("both --pattern and --mask are given; give one of them.")
    with open_scan(file, axes=tuple(axes.split(",")) if axes else None) as scan:
        sampling: Any = None
        if pattern is not None:
            sampling = Sampling(
                pattern=pattern,
                acceleration=acceleration,
                centre_fraction=centre_fraction,
                seed=number(seed, default=seed),
            )
        elif mask_file is not None:
            sampling = masks.read_mask(mask_file)
        chosen = len(scan) // 2 if index is None else index
        yield scan, chosen, scan.measurement(chosen, sampling).to(checked_device(device))


def number(seed: str, default: T) -> int | T:
    """A seed as a whole number; `default` for a file name."""
    return int(seed) if seed.isdigit() else default


def numbers(text: str, what: str, example: str) -> tuple[float, ...]:
    """Numbers separated by commas."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{what} is {text!r}; give {example}.") from None


def checked_device(device: str) -> str:
    """The device if this machine has it, else InputError."""
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise InputError(f"the device {device!r} is not available here; use --device cpu.") from None
    return device


def chosen_method(id: str, knobs: Iterable[str], auto: bool, measurement: Measurement) -> Method:
    """The method at the knobs that are given, or chosen by held-out lines where asked."""
    reconstructor = registry.get(id)
    method = reconstructor.at(**parse_knobs(knobs))
    if reconstructor.caution:
        click.echo(f"recon-robust: {reconstructor.caution}", err=True)
    if auto:
        from ..reconstructors.auto import auto_knobs

        method = method.at(**follow(auto_knobs(method, measurement), "choosing the knobs"))
    return method


def heading(method: Method, measurement: Measurement) -> str:
    """What heads a table or a figure: the method, its knobs that are not at their defaults, the effective R."""
    return f"{method.title}, effective R = {measurement.acceleration:.3g}"


def follow(job: Job[T], title: str) -> T:
    """Run a job with a progress bar on stderr, if that is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=1.0)
        return run(job, lambda step: bar.update(task, completed=step.fraction, description=step.message or title))


def print_json(result: Any) -> None:
    """Plain JSON; NaN and infinity become null, which JSON has no numbers for."""
    click.echo(json.dumps(_finite(result), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
