"""recon-robust perturb KIND: one command for each perturbation, its options made from its knobs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..cases.record import save_case
from ..cases.replay import make_case
from ..data.roi import ROI, Annotation
from ..data.scan import Scan
from ..figures import plots
from ..ground.errors import InputError, ReconRobustError
from ..ground.progress import Job, Progress, relayed
from ..io.annotations import read_annotations
from ..perturbations import registry
from ..perturbations.base import Perturbation, Perturbed
from ..perturbations.outcome import Outcome, evaluate
from ..perturbations.shifts.pose import Pose
from ..perturbations.targeted import Targeted
from .options import (
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

_REGION = (
    click.option("--roi", metavar="ROW,COLUMN,HEIGHT,WIDTH", help="A box in the stored image, row 0 first."),
    click.option("--annotations", type=click.Path(exists=True, path_type=Path), help="A fastMRI+ CSV instead."),
    click.option("--annotation", metavar="INDEX|LABEL", help="Which annotation of the slice; the first if left out."),
)
_AT = click.option("--at", metavar="ROW,COLUMN", help="Where to place the feature, instead of --row and --column.")
_PLOT = click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw SSIM and error over the budgets, or the angles: .png, .pdf or .svg.",
)
_TARGET = click.option(
    "--target-image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the region should look like, instead of --effect: .npy, .nii.gz or .h5 as `reconstruct` writes them, or "
    "a .png, whose grey values are scaled to the slice outside of the region.",
)
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


def _command(perturbation: Perturbation) -> click.Command:
    # One --seed draws the sampling mask and the noise.
    own = [knob for knob in perturbation.knobs if knob.name != "seed"]
    names = {knob.name for knob in perturbation.knobs}

    def run(
        method: str,
        knobs: tuple[str, ...],
        auto: bool,
        as_json: bool,
        output: Path | None,
        roi: str | None,
        annotations: Path | None,
        annotation: str | None,
        plot: Path | None = None,
        budgets: tuple[float, ...] = (),
        at: str | None = None,
        target_image: Path | None = None,
        **options: Any,
    ) -> None:
        kind = perturbation if target_image is None else Targeted.towards(target_image)
        settings = {knob.name: options.pop(knob.name) for knob in own}
        settings["seed"] = number(options["seed"], default=0)
        if at is not None:
            settings["row"], settings["column"] = _place(at)
        if {"row", "column"} <= names and settings["row"] >= 0 and settings["column"] >= 0:
            _refuse_search()
        budget_of = perturbation.budget_of(settings)
        if plot is not None:
            plots.check_file(plot)
        if output is not None and output.exists():
            raise InputError(f"{output.name} exists already; name a new folder for the case.")
        with measured(**options) as (scan, index, measurement):
            chosen = chosen_method(method, knobs, auto, measurement)
            region = _region(scan, index, roi, annotations, annotation, measurement.matrix, perturbation)
            search = kind.run(measurement, chosen, region, budgets, **settings)
            perturbed, stopped = _followed(search, perturbation.label)
            comparing = evaluate(measurement, chosen, region, perturbed, seed=settings["seed"])
            try:
                outcomes = follow(comparing, "comparing")
            except ReconRobustError as error:
                raise stopped or error from None
            if output is not None:
                case = make_case(
                    measurement,
                    chosen,
                    region,
                    outcomes,
                    perturbation=perturbation.id,
                    perturbation_knobs=settings,
                    source={**scan.facts(index), "acceleration": measurement.acceleration},
                )
                save_case(case, output)
        if plot is not None:
            _draw(plot, f"{perturbation.label}: {heading(chosen, measurement)}", outcomes, budget_of)
        if as_json:
            print_json([outcome.to_json() for outcome in outcomes])
        else:
            click.echo(f"{chosen.label}, R = {measurement.acceleration:.2f}")
            for outcome in outcomes:
                _say(outcome, budget_of)
            for written in (output, plot):
                if written is not None:
                    click.echo(f"saved: {written}")
        if stopped is not None:
            raise stopped

    options: list[Callable[..., Any]] = [*_REGION, _OUTPUT]
    if perturbation.needs_budget:
        whole = perturbation.budget_of({knob.name: knob.default for knob in perturbation.knobs})
        words = f"Fractions of the norm of {whole}, for instance 0.01; repeat it."
        options.append(several("--budget", "budgets", click.FLOAT, commas=True, required=True, metavar="η", help=words))
    if perturbation.needs_budget or {"angle", "step"} <= names:  # what a curve may be drawn over
        options.append(_PLOT)
    if isinstance(perturbation, Targeted):
        options.append(_TARGET)
    if {"row", "column"} <= names:
        options.append(_AT)
    decorated: Callable[..., Any] = run
    for option in reversed(options):
        decorated = option(decorated)
    command = click.command(perturbation.id, help=perturbation.summary)(sampling_options(decorated))
    command.params += knob_options(own)
    return command


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


def _say(outcome: Outcome, budget_of: str) -> None:
    """What was spent, what came of it, and what to beware of."""
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


def _draw(file: Path, title: str, outcomes: Sequence[Outcome], budget_of: str) -> None:
    """The curve of a list of budgets, or of a grid of poses."""
    details = outcomes[0].perturbed.details
    if "curve" in details:
        plots.pose_curve(file, details["curve"], title, str(Pose(**details["pose"])))
        return
    budgets = [outcome.perturbed.budget.nominal for outcome in outcomes]
    known = [budget for budget in budgets if budget is not None]
    if {"algorithm", "objective"} <= details.keys():
        title += f"\nfound by {details['algorithm']}, loss {details['objective']}"
    plots.worst_case_curve(file, known, [outcome.comparison for outcome in outcomes], title, budget_of)


def _refuse_search() -> None:
    """InputError where the command names a place for a feature and a search for one as well."""
    context = click.get_current_context()
    for name in ("algorithm", "search"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise InputError(
                f"a place for the feature is given, and --{name} belongs to a search for one; leave out one of them."
            )


def _place(text: str) -> tuple[float, float]:
    try:
        row, column = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"the place is {text!r}; give ROW,COLUMN, for instance 160,170.") from None
    return row, column


def _region(
    scan: Scan,
    index: int,
    roi: str | None,
    annotations: Path | None,
    annotation: str | None,
    matrix: tuple[int, int],
    perturbation: Perturbation,
) -> ROI:
    """The ROI that is asked for; the whole image for a search that needs none."""
    if roi is not None:
        return ROI.parse(roi)
    if annotations is not None:
        found = read_annotations(annotations, scan.name, matrix[0])
        return _chosen([one for one in found if one.slice == index and one.box is not None], annotation, index)
    if not perturbation.needs_budget:
        return ROI.box(0, 0, *matrix, label="whole image")
    raise InputError("no region is given; name one by --roi ROW,COLUMN,HEIGHT,WIDTH or by --annotations CSV.")


def _chosen(boxes: Sequence[Annotation], wanted: str | None, index: int) -> ROI:
    if not boxes:
        raise InputError(f"slice {index} of this scan has no annotated box; choose another slice or give --roi.")
    names = "; ".join(f"{number}: {one.label}" for number, one in enumerate(boxes))
    if wanted is None:
        matches = [boxes[0]]
    elif wanted.isdigit():
        matches = list(boxes[int(wanted) : int(wanted) + 1])
    else:
        matches = [one for one in boxes if one.label.lower() == wanted.lower()]
    if not matches or matches[0].box is None:
        raise InputError(f"slice {index} has no annotation {wanted!r}; it has {names}.")
    return matches[0].box
