"""Perturb one slice and measure what the reconstruction loses.

There is one subcommand for each kind of perturbation. Its options are made from the knobs of the kind and from what it
can do.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ...cases.record import save_case
from ...cases.replay import make_case
from ...data.measurement import Measurement
from ...data.scan import Scan
from ...figures import plots
from ...ground.errors import InputError, ReconRobustError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress, relayed
from ...perturbations import registry
from ...perturbations.base import Perturbation, Perturbed
from ...perturbations.outcome import Outcome, evaluate
from ...reconstructors.base import Method
from .. import regions
from ..options import (
    chosen_method,
    follow,
    heading,
    knob_options,
    measured,
    number,
    print_json,
    sampling_options,
    several,
)
from ..regions import Region

_AT = click.option("--at", metavar="ROW,COLUMN", help="Where to place the feature, instead of --row and --column.")
_OUTPUT = click.option("--output", type=click.Path(path_type=Path), help="Save the case into this new folder.")


class PerturbationGroup(click.Group):
    """Makes the command of a perturbation when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The ids of all perturbations."""
        return registry.ids()

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of one perturbation; None for an unknown id."""
        return _command(registry.get(name)) if name in registry.ids() else None


@click.group(cls=PerturbationGroup)
def perturb() -> None:
    """Perturb one slice and measure what the reconstruction loses.

    \b
    Examples:
      recon-robust perturb worst-case scan.h5 --slice 10 --method tv --roi 120,140,32,28 --budget 0.005 --budget 0.01
      recon-robust perturb worst-case scan.h5 --annotations knee.csv --annotation "Meniscus Tear" --budget 0.01
      recon-robust perturb fnaf scan.h5 --slice 10 --method unet --at 160,170 --size 4 --contrast 0.4
    """


def _command(kind: Perturbation) -> click.Command:
    # One --seed draws the sampling mask and the noise.
    own = [knob for knob in kind.knobs if knob.name != "seed"]

    def run(**given: Any) -> None:
        _run(kind, own, given)

    decorated: Callable[..., Any] = run
    for option in reversed(_options(kind)):
        decorated = option(decorated)
    command = click.command(kind.id, help=kind.summary)(sampling_options(decorated))
    command.params += knob_options(own)
    return command


def _options(kind: Perturbation) -> list[Callable[..., Any]]:
    """What can be asked for beside the knobs, by what the kind can do."""
    options: list[Callable[..., Any]] = [*regions.OPTIONS, _OUTPUT]
    if kind.needs_budget:
        whole = kind.budget_of({knob.name: knob.default for knob in kind.knobs})
        words = f"Fractions of the norm of {whole}, for instance 0.01; repeat it."
        options.append(several("--budget", "budgets", click.FLOAT, commas=True, required=True, metavar="η", help=words))
    if kind.needs_budget or kind.draws_curve:
        drawn = "the curve of the result" if kind.draws_curve else "SSIM and error over the budgets"
        file = click.Path(dir_okay=False, path_type=Path)
        options.append(click.option("--plot", type=file, help=f"Draw {drawn}: .png, .pdf or .svg."))
    if kind.accepts_image:
        words = (
            f"What the region should look like, instead of {', '.join(f'--{name}' for name in kind.front)}: .npy, "
            ".nii.gz or .h5 as `reconstruct` writes them, or a .png, whose grey values are scaled to the slice outside "
            "of the region."
        )
        image = click.Path(exists=True, dir_okay=False, path_type=Path)
        options.append(click.option("--target-image", type=image, help=words))
    if kind.place is not None:
        options.append(_AT)
    return options


@dataclass(frozen=True)
class _Asked:
    """What to search for, and where. settings: the knobs of the kind."""

    kind: Perturbation
    settings: Mapping[str, Any]
    budgets: tuple[float, ...]
    region: Region

    def on(
        self, scan: Scan, index: int, measurement: Measurement, method: Method, output: Path | None
    ) -> tuple[list[Outcome], BaseException | None]:
        """Search, compare and save the case; where the search ended early, its best so far, and why it ended."""
        region = self.region.of(scan, index, measurement.matrix, needed=self.kind.needs_budget)
        search = self.kind.run(measurement, method, region, self.budgets, **self.settings)
        perturbed, stopped = _followed(search, self.kind.label)
        comparing = evaluate(measurement, method, region, perturbed, seed=self.settings["seed"])
        try:
            outcomes = follow(comparing, "comparing")
        except ReconRobustError as error:
            raise stopped or error from None
        if output is not None:
            case = make_case(
                measurement,
                method,
                region,
                outcomes,
                perturbation=self.kind.id,
                perturbation_knobs=dict(self.settings),
                source={**scan.facts(index), "acceleration": measurement.acceleration},
            )
            save_case(case, output)
        return outcomes, stopped


def _run(kind: Perturbation, own: Sequence[Knob], given: dict[str, Any]) -> None:
    """The command itself. given: the values of all of its options."""
    output, plot, as_json = given.pop("output"), given.pop("plot", None), given.pop("as_json")
    method, knobs, auto = given.pop("method"), given.pop("knobs"), given.pop("auto")
    asked = _asked(kind, own, given)
    if plot is not None:
        plots.check_file(plot)
    if output is not None and output.exists():
        raise InputError(f"{output.name} exists already; name a new folder for the case.")
    with measured(**given) as (scan, index, measurement):
        chosen = chosen_method(method, knobs, auto, measurement)
        outcomes, stopped = asked.on(scan, index, measurement, chosen, output)
    budget_of = kind.budget_of(asked.settings)
    if plot is not None:
        _draw(plot, f"{kind.label}: {heading(chosen, measurement)}", outcomes, budget_of)
    if as_json:
        print_json([outcome.to_json() for outcome in outcomes])
    else:
        click.echo(f"{chosen.label}, R = {measurement.acceleration:.2f}")
        _say(outcomes, budget_of, [written for written in (output, plot) if written is not None])
    if stopped is not None:
        raise stopped


def _asked(kind: Perturbation, own: Sequence[Knob], given: dict[str, Any]) -> _Asked:
    """Takes the options of the perturbation out of `given`; those of the scan and its sampling stay."""
    region = Region(given.pop("roi"), given.pop("annotations"), given.pop("annotation"))
    budgets, at, image = given.pop("budgets", ()), given.pop("at", None), given.pop("target_image", None)
    settings = {knob.name: given.pop(knob.name) for knob in own}
    settings["seed"] = number(given["seed"], default=0)
    if kind.place is not None:
        if at is not None:
            settings.update(zip(kind.place, _place(at), strict=True))
        if all(settings[name] >= 0 for name in kind.place):
            _refuse_search(own, settings, kind.place)
    return _Asked(kind if image is None else kind.towards(image), settings, budgets, region)


def _refuse_search(knobs: Iterable[Knob], settings: Mapping[str, Any], place: tuple[str, str]) -> None:
    """InputError where the command names a place for a feature and a knob of a search for one as well."""
    context = click.get_current_context()
    for knob in knobs:
        searches = not knob.matters(settings) and any(name in place for name, _ in knob.only_when)
        if searches and context.get_parameter_source(knob.name) is ParameterSource.COMMANDLINE:
            raise InputError(
                f"a place for the feature is given, and --{knob.name} belongs to a search for one; "
                "leave out one of them."
            )


def _place(text: str) -> tuple[float, float]:
    try:
        row, column = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"the place is {text!r}; give ROW,COLUMN, for instance 160,170.") from None
    return row, column


def _followed(search: Job[list[Perturbed]], title: str) -> tuple[list[Perturbed], BaseException | None]:
    """What a search finds; or, where it fails or is interrupted, the best until then, and why it ended."""
    found: list[Perturbed] = []

    def kept(step: Progress) -> Progress:
        found[:] = step.preview or found
        return step

    try:
        return follow(relayed(search, kept), title), None
    except (ReconRobustError, KeyboardInterrupt) as reason:
        if not found:
            raise
        click.echo("stopped: the best so far is judged; Ctrl-C leaves it at once.", err=True)
        return found, reason


def _say(outcomes: Iterable[Outcome], budget_of: str, saved: Iterable[Path]) -> None:
    """What was spent, what came of it, what to beware of, and where it was saved."""
    for outcome in outcomes:
        budget = outcome.perturbed.budget
        if budget.nominal is not None:
            whole = "k-space" if budget.relative_to == "full" else "sampled k-space"
            click.echo(
                f"budget {100 * budget.nominal:.3g}% of {budget_of} (spent {100 * budget.achieved:.3g}% of the {whole})"
            )
        if not outcome.perturbed.complete:
            click.echo("not finished: the best so far.")
        click.echo(outcome.comparison.sentence)
        for warning in outcome.comparison.warnings.values():
            click.echo(f"caution: {warning}")
    for written in saved:
        click.echo(f"saved: {written}")


def _draw(file: Path, title: str, outcomes: Sequence[Outcome], budget_of: str) -> None:
    """The perturbation's own curve, else the curve over the budgets."""
    first = outcomes[0].perturbed
    title = f"{title}\n{first.caption}" if first.caption else title
    if first.curve is not None:
        plots.own_curve(file, first.curve, title)
        return
    budgets = [outcome.perturbed.budget.nominal for outcome in outcomes]
    known = [budget for budget in budgets if budget is not None]
    plots.worst_case_curve(file, known, [outcome.comparison for outcome in outcomes], title, budget_of)
