"""Options that several commands share, and how they become a measurement."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..data.measurement import Measurement
from ..data.scan import Scan
from ..ground.devices import checked_device
from ..ground.errors import InputError
from ..ground.guard import is_file
from ..ground.knob import Knob
from ..io import masks, open_scan
from ..physics.sampling import ACCELERATION, CENTRE_FRACTION, PATTERN, SEED, Sampling
from ..reconstructors import registry
from ..reconstructors.base import Method
from .commanding import Command, decorated
from .contradictions import flag_of, is_given, refuse, refuse_both
from .fractions import FRACTION, of_percentage
from .paths import EXISTING
from .printing import warn
from .progress import follow

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

_WHICH = (
    "A method of `methods`, or an own model: a file (.pt2, .onnx, .pt, .py), module:function, or bart: and a command."
)


class _ScanPath(click.Path):
    """A path that exists, or the name by which BART calls a pair of files, which is theirs without a suffix."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; click's own refusal of one that is not there."""
        return Path(value) if is_file(Path(f"{value}.hdr")) else super().convert(value, param, ctx)


_SCAN = (
    click.argument("file", type=_ScanPath(exists=True, path_type=Path)),
    click.option("--slice", "index", type=int, metavar="N", help="Slice, from 0; the middle one if left out."),
)
_METHOD = (
    click.option("--method", default="hqs-supervised", show_default=True, metavar="ID", help=_WHICH),
    click.option("--knob", "knobs", multiple=True, metavar="NAME=VALUE", help="A knob of the method; repeat it."),
)
_AUTO = click.option("--auto", is_flag=True, help="Let held-out k-space lines choose the method's live knobs.")


def of_sampling(knob: Knob, more: str = "", *, several: bool = False, **settings: Any) -> Command:
    """The option of one of `physics.sampling.KNOBS`; `several`: repeated for several values, under its plural."""
    shown = {
        "type": click.Choice(knob.choices) if knob.choices else type(knob.default),
        "default": [knob.default] if several else knob.default,
        "show_default": True,
        "help": f"{knob.help} {more}".strip(),
    }
    name = f"{knob.name}s" if several else knob.name
    return click.option(f"--{knob.name.replace('_', '-')}", name, multiple=several, **shown | settings)


def _where_drawn(knob: Knob) -> str:
    """The default of an option of sampling, for the help of a command that leaves out nothing unless it is asked to."""
    return f"{knob.default:g} where lines are drawn"


def several(flag: str, name: str, kind: click.ParamType, *, commas: bool = False, **settings: Any) -> Command:
    """An option that is repeated for several values of a kind.

    commas: values may also be separated by commas, as in the version before; for one release, with a warning.
    """

    def values(context: click.Context, option: click.Parameter, given: Sequence[str]) -> tuple[Any, ...]:
        parts = [part.strip() for text in given for part in text.split(",")] if commas else given
        if len(parts) > len(given):
            example = " ".join(f"{flag} {part}" for part in parts[:2])
            warn(f"commas between the values of {flag} will go in the next release; repeat it: {example}.")
        return tuple(_converted(flag, part, kind) for part in parts)

    return click.option(flag, name, type=str, multiple=True, callback=values, **settings)


def _converted(flag: str, text: str, kind: click.ParamType) -> Any:
    try:
        return kind.convert(text, None, None)
    except click.BadParameter:
        if kind is FRACTION and (fraction := of_percentage(text)):
            raise InputError(f"{flag} is {text!r}; give it as a fraction, {fraction}.") from None
        raise InputError(f"{flag} is {text!r}; give a number, and repeat {flag} for several.") from None


def former(flag: str, name: str, kind: click.ParamType, instead: str) -> Command:
    """An option of the version before, values separated by commas: for one release, unlisted, with a warning."""

    def values(context: click.Context, option: click.Parameter, given: str | None) -> tuple[Any, ...]:
        if given is None:
            return ()
        warn(f"{flag} will go in the next release; give {instead}.")
        return tuple(_converted(flag, part.strip(), kind) for part in given.split(","))

    return click.option(flag, name, type=str, hidden=True, callback=values)


_SAMPLING = (
    of_sampling(
        PATTERN,
        "Left out, the scan is taken as it is, or under equispaced lines with --acceleration or --centre-fraction.",
        default=None,
        show_default=False,
    ),
    of_sampling(ACCELERATION, metavar="R", show_default=_where_drawn(ACCELERATION)),
    of_sampling(CENTRE_FRACTION, type=FRACTION, metavar="F", show_default=_where_drawn(CENTRE_FRACTION)),
    of_sampling(
        SEED,
        "It also draws the noise of commands that have some, and leaves no line out by itself. Or a file name, as "
        "fastMRI seeds, with which noise is drawn as with 0.",
        type=str,
        metavar="S",
    ),
    click.option("--mask", "mask_file", type=EXISTING, help="File of a mask (.npy or .h5), instead of a pattern."),
)
_SAMPLINGS = (
    of_sampling(PATTERN),
    several(
        "--acceleration",
        "accelerations",
        click.FLOAT,
        commas=True,
        default=["2", "3", "4", "6", "8"],
        show_default=True,
        metavar="R",
        help="Nominal R; repeat it.",
    ),
    of_sampling(CENTRE_FRACTION, type=FRACTION, metavar="F"),
    click.option(
        "--seeds",
        default=3,
        show_default=True,
        type=click.IntRange(min=1),
        help="Number of masks of each acceleration; equal ones count once.",
    ),
)
_RUN = (
    click.option("--axes", metavar="A,B,C", help="Axes of a raw array, for instance coil,phase,readout."),
    click.option(
        "--device",
        default="cpu",
        show_default=True,
        metavar="D",
        help="Where it is computed: cpu, cuda, cuda:1 or mps.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)


def sampling_options(command: Command) -> Command:
    """The file, the slice, the method and how the slice is undersampled."""
    return decorated(command, (*_SCAN, *_METHOD, _AUTO, *_SAMPLING, *_RUN))


def slice_options(command: Command) -> Command:
    """The file, the slice and how it is undersampled, for a command that names its methods itself."""
    return decorated(command, (*_SCAN, *_SAMPLING, *_RUN))


def samplings_options(command: Command) -> Command:
    """The file, the slice, the method and several ways of undersampling the slice."""
    return decorated(command, (*_SCAN, *_METHOD, *_SAMPLINGS, *_RUN))


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


def parse_knobs(pairs: Iterable[str], option: str = "--knob") -> dict[str, str]:
    """NAME=VALUE pairs of an option; `Reconstructor.at` checks names and values."""
    values = dict[str, str]()
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator:
            raise InputError(f"{option} {pair!r} has no value; write it as name=value, for instance weight=2e-3.")
        if name.strip() in values:
            refuse(f"{option} gives {name.strip()} twice; leave one of them out.")
        values[name.strip()] = value.strip()
    return values


@dataclass(frozen=True, eq=False)
class Measured:
    """A slice of a scan by its index, undersampled as the options say."""

    scan: Scan
    index: int
    measurement: Measurement


@contextmanager
def measured(
    file: Path, index: int | None, device: str = "cpu", whole: bool = False, **sampling: Any
) -> Iterator[Measured]:
    """Open the file, take the slice, and undersample it.

    whole: the command undersamples the slice itself, so that nothing is said of one that is fully sampled.
    sampling: as of `undersampled`.
    """
    with undersampled(file, whole=whole, **sampling) as (scan, how):
        chosen = len(scan) // 2 if index is None else index
        follow(scan.prepare(chosen), f"reading slice {chosen}")
        measurement = scan.measurement(chosen, how).to(checked_device(device))
        tell_undersampled(scan, how)
        from ..data.cautions import cautions  # needs scipy, which --help waits for otherwise

        for caution in cautions(measurement).values():
            warn(caution)
        yield Measured(scan, chosen, measurement)


@contextmanager
def undersampled(
    file: Path,
    pattern: str | None = None,
    seed: str = "0",
    mask_file: Path | None = None,
    axes: str | None = None,
    draws: bool = False,
    whole: bool = False,
    **sampling_values: Any,
) -> Iterator[tuple[Scan, "Sampling | Tensor | None"]]:
    """Open the file, and find how its slices are to be undersampled, as `Scan.measurement` takes it.

    An acceleration or a share of centre lines that is given without a pattern is that of equispaced lines; a seed by
    itself draws no lines.
    draws: the command draws something else by the seed too, which then needs no lines to draw. whole: as of `measured`.
    """
    pattern = _pattern_of(pattern, sampling_values, mask_file, draws)
    with open_scan(file, axes=tuple(axes.split(",")) if axes else None) as scan:
        for note in scan.header.notes:
            warn(note)
        sampling: Sampling | Tensor | None = None
        if pattern is not None:
            sampling = Sampling(pattern=pattern, seed=whole_seed(seed, default=seed), **sampling_values)
        elif mask_file is not None:
            sampling = masks.read_mask(mask_file)
            if scan.fully_sampled and not whole and bool(sampling.all()):
                warn("the mask leaves nothing out of the fully sampled scan (R = 1).")
        elif scan.fully_sampled and not whole:
            warn(
                "the scan is fully sampled and nothing is left out of it (R = 1); give --pattern, --acceleration or "
                "--mask to undersample it."
            )
        yield scan, sampling


def tell_undersampled(scan: Scan, sampling: "Sampling | Tensor | None") -> None:
    """Say of which points of a mask the scan knows nothing."""
    if sampling is not None and not scan.fully_sampled:
        warn("the scanner undersampled this scan; of the mask those points are kept that it measured.")


def _pattern_of(pattern: str | None, sampling_values: Iterable[str], mask_file: Path | None, draws: bool) -> str | None:
    """The pattern of the lines that the options ask for, None for none; ends the command if they contradict."""
    of_lines = ["pattern"] if pattern is not None else []
    of_lines += [name for name in sampling_values if is_given(name)]
    seeded = is_given("seed") and not draws
    if mask_file is not None and (of_lines or seeded):
        refuse_both(flag_of((*of_lines, "seed")[0]), "--mask")
    if seeded and not of_lines:
        refuse("--seed draws lines, and none are to be drawn; give --pattern or --acceleration too.")
    return pattern or (Sampling().pattern if of_lines else None)


def whole_seed(seed: str, default: T) -> int | T:
    """A seed as a whole number; `default` for a file name. Raises InputError for a seed that is neither."""
    value = Sampling(seed=seed).seed
    return value if isinstance(value, int) else default


def chosen_method(id: str, knobs: Iterable[str], auto: bool = False) -> Method:
    """The method at the knobs that are given, checked before a scan is read; auto: `with_auto` will choose others."""
    reconstructor, given = registry.get(id), parse_knobs(knobs)
    method = reconstructor.at(**given)
    if auto and reconstructor.axes and reconstructor.axes[0].name in given:
        refuse(f"--auto chooses {reconstructor.axes[0].name}, and --knob gives it; leave out one of them.")
    if reconstructor.caution:
        warn(reconstructor.caution)
    return method


def with_auto(method: Method, auto: bool, measurement: Measurement) -> Method:
    """The method as it is, or at the knobs that held-out lines choose, where asked."""
    if not auto:
        return method
    from ..reconstructors.auto import auto_knobs

    return method.at(**follow(auto_knobs(method, measurement), "choosing the knobs"))


def heading(method: Method, measurement: Measurement) -> str:
    """What heads a table or a figure: the method, its knobs that are not at their defaults, the effective R."""
    return f"{method.title}, effective R = {measurement.acceleration:.3g}"
