"""Perturb one slice and measure what the reconstruction loses.

There is one subcommand for each kind of perturbation. Its options are made from the knobs of the kind and from what it
can do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from ...cases.making import make_case, size_of_case
from ...cases.record import check_outside, save_case
from ...data.measurement import Measurement
from ...data.roi import ROI
from ...data.scan import Scan
from ...figures import plots
from ...ground.errors import InputError, ReconRobustError
from ...ground.knob import Knob, resolve
from ...ground.progress import Job, Progress, relayed
from ...ground.writing import check_room
from ...perturbations import registry
from ...perturbations.base import Perturbation, Perturbed
from ...perturbations.outcome import Outcome, evaluate
from ...reconstructors import registry as reconstructors
from ...reconstructors.base import Method
from .. import regions
from ..commanding import Command, decorated
from ..contradictions import Group, is_given, refuse, refuse_both, refuse_idle
from ..fractions import FRACTION
from ..options import (
    chosen_method,
    heading,
    knob_options,
    measured,
    parse_knobs,
    sampling_options,
    several,
    whole_seed,
    with_auto,
)
from ..outputs import Outputs
from ..paths import EXISTING_FILE, FILE, PLACE
from ..printing import print_json
from ..progress import follow
from ..regions import Region

_AT = click.option("--at", metavar="ROW,COLUMN", help="Where to place the feature, instead of --row and --column.")
_OUTPUT = click.option("--output", type=PLACE, help="Save the case into this new folder.")


class PerturbationGroup(Group):
    """Makes the command of a perturbation when it is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The ids of all perturbations that can be had."""
        return list(registry.registry.available())

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of one perturbation; None for an unknown id."""
        return _command(registry.get(name)) if registry.lists(name) else None


@click.group(cls=PerturbationGroup)
def perturb() -> None:
    """Perturb one slice and measure what the reconstruction loses.

    \b
    Examples:
      recon-robust perturb worst-case scan.h5 --pattern equispaced --roi 120,140,32,28 --budget 0.005 --budget 0.01
      recon-robust perturb worst-case scan.h5 --pattern equispaced --annotations knee.csv --annotation 1 --budget 0.01
      recon-robust perturb fnaf scan.h5 --slice 3 --method unet --pattern equispaced --at 160,170 --contrast 0.4
    """


def _command(kind: Perturbation) -> click.Command:
    # One --seed draws the sampling mask and the noise.
    own = [knob for knob in kind.knobs if knob.name != "seed"]

    def run(**given: Any) -> None:
        _run(kind, own, given)

    command = click.command(kind.id, help=kind.summary)(sampling_options(decorated(run, _options(kind))))
    command.params += knob_options(own)
    return command


def _options(kind: Perturbation) -> list[Command]:
    """The options beside the knobs; which there are depends on what the kind can do."""
    options: list[Command] = [*regions.OPTIONS, _OUTPUT]
    if kind.needs_budget:
        whole = kind.budget_of({knob.name: knob.default for knob in kind.knobs})
        words = f"Fractions of the norm of {whole}, for instance 0.01; repeat it."
        options.append(several("--budget", "budgets", FRACTION, commas=True, required=True, metavar="η", help=words))
    if kind.needs_budget or kind.has_curve:
        plotted = "the curve of the result" if kind.has_curve else "SSIM and error over the budgets"
        options.append(click.option("--plot", type=FILE, help=f"Draw {plotted}: .png, .pdf or .svg."))
    if kind.accepts_image:
        words = (
            f"What the region should look like, instead of {', '.join(f'--{name}' for name in kind.front)}: .npy, "
            ".nii.gz or .h5 as `reconstruct` writes them, or a .png, whose grey values are scaled to the slice outside "
            "of the region."
        )
        options.append(click.option("--target-image", type=EXISTING_FILE, help=words))
    if kind.place is not None:
        options.append(_AT)
    return options


@dataclass(frozen=True)
class _Asked:
    """What to search for, and where. settings: the knobs of the kind. image: what the region should look like."""

    kind: Perturbation
    settings: Mapping[str, Any]
    budgets: tuple[float, ...]
    region: Region
    image: Path | None

    def in_scan(self, scan: Scan) -> "_Asked":
        """The same with the image, which shows the rows as they are seen, as the scan stores them."""
        if self.image is None:
            return self
        return replace(self, kind=self.kind.towards(self.image, turn=scan.header.upright))

    def on(self, measurement: Measurement, method: Method, region: ROI) -> tuple[list[Outcome], BaseException | None]:
        """Search and compare. If the search ends early, use its best result and return why."""
        search = self.kind.run(measurement, method, region, self.budgets, **self.settings)
        perturbed, stopped = _followed(search, self.kind.label)
        comparing = evaluate(measurement, method, region, perturbed, seed=self.settings["seed"])
        try:
            return follow(comparing, "comparing"), stopped
        except ReconRobustError as error:
            raise stopped or error from None


def _run(kind: Perturbation, own: Sequence[Knob], given: dict[str, Any]) -> None:
    """Run the command. given: the values of all of its options."""
    output, plot, as_json = given.pop("output"), given.pop("plot", None), given.pop("as_json")
    method, knobs, auto = given.pop("method"), given.pop("knobs"), given.pop("auto")
    asked = _asked(kind, own, given)
    _refuse_own_knobs(own, method, knobs)
    if plot is not None:
        plots.check_file(plot)
    if output is not None:
        check_outside(output)
    outputs = Outputs(output, plot)
    if output is not None and output.exists():
        raise InputError(f"{output.name} exists already; name a new folder for the case.")
    chosen = chosen_method(method, knobs, auto)
    with measured(**given, draws=True, whole=kind.undersamples) as taken:
        measurement = taken.measurement
        chosen = with_auto(chosen, auto, measurement)
        if output is not None:
            check_room(output, size_of_case(measurement, max(1, len(asked.budgets))))
        region = asked.region.of(
            taken.scan, taken.index, measurement.matrix, needed=kind.needs_budget and kind.searches
        )
        outcomes, stopped = asked.in_scan(taken.scan).on(measurement, chosen, region)
        saved = partial(
            make_case,
            measurement,
            chosen,
            region,
            outcomes,
            perturbation=kind.id,
            perturbation_knobs=dict(asked.settings),
        )
        outputs.save(output, lambda path: save_case(saved(), path))
    budget_of = kind.budget_of(asked.settings)
    title = f"{kind.label}: {heading(chosen, measurement)}"
    outputs.save(plot, lambda path: _plot(path, title, outcomes, budget_of))
    if as_json:
        print_json([outcome.to_json() for outcome in outcomes])
    else:
        click.echo(heading(chosen, measurement))
        _say(outcomes, budget_of)
    outputs.end(quiet=as_json)
    if stopped is not None:
        raise stopped


def _asked(kind: Perturbation, own: Sequence[Knob], given: dict[str, Any]) -> _Asked:
    """Take the options of the perturbation out of `given`; the options of the scan and its sampling stay there.

    Knobs are checked here, before the scan is opened.
    """
    region = Region(given.pop("roi"), given.pop("annotations"), given.pop("annotation"))
    budgets = tuple(dict.fromkeys(given.pop("budgets", ())))  # a budget that is repeated is searched once
    at, image = given.pop("at", None), given.pop("target_image", None)
    settings = {knob.name: given.pop(knob.name) for knob in own}
    settings["seed"] = whole_seed(given["seed"], default=0)
    if kind.place is not None and at is not None:
        for name in filter(is_given, kind.place):
            refuse_both("--at", f"--{name}")
        settings.update(zip(kind.place, _place(at), strict=True))
    if image is not None:
        refuse_idle(kind.front, "beside --target-image")
    _refuse_what_does_not_matter(own, settings, kind.place or ())
    return _Asked(kind, resolve(kind.knobs, settings), budgets, region, image)


def _refuse_own_knobs(own: Iterable[Knob], method: str, pairs: Iterable[str]) -> None:
    """End the command if --knob, which is of the method, gives a knob that only the perturbation has."""
    values = parse_knobs(pairs)
    for name in (knob.name for knob in own if knob.name in values):
        if all(name != knob.name for knob in reconstructors.get(method).knobs):
            flag = f"--{name.replace('_', '-')}"
            refuse(f"{name} is no knob of {method}, but one of the perturbation; write {flag} {values[name]}.")


def _refuse_what_does_not_matter(knobs: Iterable[Knob], settings: Mapping[str, Any], place: Sequence[str]) -> None:
    """End the command if it gives a knob that nothing follows, as of a search for a place beside a place."""
    for knob in knobs:
        if knob.matters(settings) or not is_given(knob.name):
            continue
        flag = f"--{knob.name.replace('_', '-')}"
        if any(name in place for name, _ in knob.only_when):
            refuse(f"a place for the feature is given, and {flag} belongs to a search for one; leave out one of them.")
        refuse(f"{flag} does nothing here, since it {_as_clause(knob.condition)}; leave it out.")


def _as_clause(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:].rstrip('.')}"


def _place(text: str) -> tuple[float, float]:
    try:
        row, column = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"the place is {text!r}; give ROW,COLUMN, for instance 160,170.") from None
    if row < 0 or column < 0:
        raise InputError(f"the place is {text!r}, and rows and columns count from 0; leave out --at for a search.")
    return row, column


def _followed(search: Job[list[Perturbed]], title: str) -> tuple[list[Perturbed], BaseException | None]:
    """The result of a search, and None. If it fails or is interrupted: its best result so far, and the reason."""
    found: list[Perturbed] = []

    def keep(step: Progress) -> Progress:
        found[:] = step.preview or found
        return step

    try:
        return follow(relayed(search, keep), title), None
    except (ReconRobustError, KeyboardInterrupt) as reason:
        if not found:
            raise
        click.echo("stopped: the best so far is judged; Ctrl-C leaves it at once.", err=True)
        return found, reason


def _say(outcomes: Iterable[Outcome], budget_of: str) -> None:
    """Print what was spent, what it did, and what to beware of."""
    for outcome in outcomes:
        budget = outcome.perturbed.budget
        if budget.nominal is not None:
            whole = "k-space" if budget.relative_to == "full" else "sampled k-space"
            click.echo(
                f"budget {100 * budget.nominal:.3g}% of {budget_of} (spent {100 * budget.achieved:.3g}% of the {whole})"
            )
        click.echo(outcome.comparison.sentence)
        for warning in outcome.comparison.warnings.values():
            click.echo(f"caution: {warning}")


def _plot(file: Path, title: str, outcomes: Sequence[Outcome], budget_of: str) -> None:
    """Plot the curve of the result if it has one, otherwise the curve over the budgets."""
    first = outcomes[0].perturbed
    title = f"{title}\n{first.caption}" if first.caption else title
    if first.curve is not None:
        plots.perturbation_curve(file, first.curve, title)
        return
    budgets = [outcome.perturbed.budget.nominal for outcome in outcomes]
    known = [budget for budget in budgets if budget is not None]
    plots.worst_case_curve(file, known, [outcome.comparison for outcome in outcomes], title, budget_of)
