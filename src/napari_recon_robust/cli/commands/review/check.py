"""Say what is wrong with a plan, or what it asks of its readers and can show."""

from pathlib import Path

import click

from ....ground.errors import InputError
from ....ground.numbers import counted
from ....reader_studies.exchange import read_exchanged
from ....reader_studies.freezing import check_cases
from ....reader_studies.plan import Plan, read_plan
from ....reader_studies.planning import described, load
from ....reader_studies.power import OF_PATIENT, Size, power, sizes, table, variances_of
from ....statistics.readers.sample_size import VAN_DYKE
from ...paths import FILE
from ...printing import warn
from ...reading import PLAN

_NO_POWER = (
    "power: none can be given without an endpoint, three patients and, where lesions are detected, two readers and two "
    "cases of either kind"
)


@click.command()
@PLAN
@click.option("--table", "tabled", is_flag=True, help="Print also the power of other numbers of readers and cases.")
@click.option("--pilot", type=FILE, help="Answers of a pilot (.imrmc, .xlsx, .csv), for the table of an area.")
def check(plan: Path, tabled: bool, pilot: Path | None) -> None:
    """Say what is wrong with a PLAN, or what it asks of its readers and can show."""
    opened = read_plan(plan)
    for doubt in check_cases(opened, plan.parent):
        warn(doubt)
    for name, value in described(opened).items():
        click.echo(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    asked = load(opened)
    click.echo(f"each reader: {counted(asked.presentations, 'presentation')} in {counted(asked.sittings, 'sitting')}")
    click.echo(f"time: about {max(asked.minutes, 1):.0f} min of quick answers; clinical reading takes far longer")
    unknown = sum(case.lesion is None for case in opened.read)
    if unknown and any(question.needs_truth for question in opened.questions):
        click.echo(
            f"add lesion: true or lesion: false to the {counted(unknown, 'case')} of which the truth is not known; "
            "without it a case counts for no ROC curve, sensitivity or specificity"
        )
    found = power(opened)
    click.echo(_NO_POWER if found is None else found.text)
    for line in _sizes(opened, pilot) if tabled or pilot else ():
        click.echo(line)


def _sizes(plan: Plan, pilot: Path | None) -> list[str]:
    """The table of readers and cases: by formula for areas, else by simulation."""
    endpoint = plan.endpoint
    if endpoint is None:
        raise InputError("a table of readers and cases needs an endpoint with its margin; add one to the plan.")
    if endpoint.measure not in ("auc", "wafroc"):
        if pilot is not None:
            raise InputError(f"a pilot's variances are of areas, and the endpoint is {endpoint.measure}; leave it out.")
        return ["power by simulation:", *table(plan)]
    if pilot is None:
        variances, whose, share = VAN_DYKE, "Van Dyke's readers", ", 39%"
    else:
        variances = variances_of(read_exchanged(pilot, endpoint.question), endpoint.measure)
        whose, share = pilot.name, ""
    if (effect := Size.of(plan).design_effect) > 1:
        whose += f" and a design effect of {effect:.3g}, since cases of one patient correlate by {OF_PATIENT:g}"
    return [
        f"for a power of 80% with the variances of {whose}, if as many of the cases have a lesion as there{share}:",
        *sizes(endpoint.margin, variances.clustered(effect), groups=plan.design.groups),
    ]
