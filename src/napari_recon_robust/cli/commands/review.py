"""Plan a reader study, let readers read in a browser, and get the tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...ground.errors import InputError
from ...ground.numbers import counted
from ..contradictions import Group, is_given, refuse_idle
from ..paths import EXISTING, EXISTING_FILE, EXISTING_FOLDER, FILE, PLACE

if TYPE_CHECKING:
    from ...reader_studies.analysis import Analysis
    from ...reader_studies.answers import Answers
    from ...reader_studies.measures.found import Found
    from ...reader_studies.plan import Plan

_PLAN = click.argument("plan", type=EXISTING_FILE)
_STUDY = click.argument("study", type=EXISTING_FOLDER)
_ANSWERS = click.option("--answers", type=FILE, help="File of the answers.  [default: STUDY.answers.sqlite]")
_KEY = click.option("--key", type=FILE, help="File with the key.  [default: STUDY.key.json]")


@click.group(cls=Group)
def review() -> None:
    """Plan a reader study of saved cases, freeze it, let readers read, and get the tables.

    \b
    Examples:
      recon-robust review new results/* --output plan.yaml
      recon-robust review check plan.yaml
      recon-robust review freeze plan.yaml --output study
      recon-robust review serve study
      recon-robust review export study --output answers.csv
    """


@review.command()
@click.argument("cases", nargs=-1, required=True, metavar="CASE...", type=EXISTING)
@click.option("--output", default="plan.yaml", show_default=True, type=FILE, help="File to write: .yaml.")
@click.option(
    "--questions",
    default="lesion",
    show_default=True,
    help="preference, ranking, lesion, free-response, quality, visual-grading, structures.",
)
def new(cases: tuple[Path, ...], output: Path, questions: str) -> None:
    """Write a first plan for saved CASEs, to be edited."""
    from ...reader_studies.planning import new_plan

    click.echo(f"saved: {new_plan(cases, output, questions)}")


@review.command()
@_PLAN
@click.option("--table", is_flag=True, help="Also the power of other numbers of readers and cases.")
@click.option("--pilot", type=FILE, help="Answers of a pilot (.imrmc, .xlsx, .csv), for the table of an area.")
def check(plan: Path, table: bool, pilot: Path | None) -> None:
    """Say what is wrong with a PLAN, or what it asks of its readers and can show."""
    from ...reader_studies.bundle import check_cases
    from ...reader_studies.plan import read_plan
    from ...reader_studies.planning import described, load
    from ...reader_studies.power import power
    from ..options import warn

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
            f"add lesion: true or lesion: false to the {unknown} cases of which the truth is not known; without it "
            "they count for no ROC curve, sensitivity or specificity"
        )
    found = power(opened)
    click.echo(_NO_POWER if found is None else found.text)
    for line in _sizes(opened, pilot) if table or pilot else ():
        click.echo(line)


_NO_POWER = (
    "power: none can be given without an endpoint, three patients and, where lesions are detected, two readers and two "
    "cases of either kind"
)


def _sizes(plan: "Plan", pilot: Path | None) -> list[str]:
    """The table of readers and cases: by formula for areas, else by simulation."""
    from ...reader_studies.exchange import read_exchanged
    from ...reader_studies.power import OF_PATIENT, Size, sizes, table, variances_of
    from ...statistics.readers.sample_size import VAN_DYKE

    endpoint = plan.endpoint
    if endpoint is None:
        raise InputError("a table of readers and cases needs an endpoint with its margin; add one to the plan.")
    if endpoint.measure not in ("auc", "wafroc"):
        if pilot is not None:
            raise InputError(f"a pilot's variances are of areas, and the endpoint is {endpoint.measure}; leave it out.")
        return ["power by simulation:", *table(plan)]
    if pilot is not None:
        variances, whose = variances_of(read_exchanged(pilot, endpoint.question)), f"of {pilot.name}"
    else:
        effect = Size.of(plan).design_effect
        variances, whose = VAN_DYKE.clustered(effect), "of Van Dyke's readers"
        if effect > 1:
            whose += f" and a design effect of {effect:.3g}, since cases of one patient correlate by {OF_PATIENT:g}"
    return [
        f"for a power of 80% with the variances {whose}:",
        *sizes(endpoint.margin, variances, groups=plan.design.groups),
    ]


@review.command()
@_PLAN
@click.option("--output", default="study", show_default=True, type=PLACE, help="A new folder.")
def freeze(plan: Path, output: Path) -> None:
    """Freeze a PLAN with its images; the key to the blinding is a file beside the folder."""
    from ...reader_studies.bundle import Bundle, key_of
    from ...reader_studies.bundle import freeze as frozen
    from ...reader_studies.plan import read_plan

    folder = frozen(read_plan(plan), output, plan.parent)
    click.echo(f"saved: {folder}")
    click.echo(f"key: {key_of(folder)} (keep it away from readers)")
    click.echo(f"SHA-256 of the key: {Bundle(folder).hash_of_key}")


@review.command()
@_STUDY
@click.argument("reader")
@_ANSWERS
@click.option("--days", default=30.0, show_default=True, help="How long the invitation holds.")
@click.option("--address", help="Of the page, as the reader sees it.  [default: where it was served last]")
def invite(study: Path, reader: str, answers: Path | None, days: float, address: str | None) -> None:
    """Print a link that lets READER (R1, R2, ...) into a frozen STUDY once; an earlier one ends."""
    with _opened(study, answers) as opened:
        opened.access.check_reader(reader)
        page = (address or opened.access.address).rstrip("/")
        click.echo(f"{page}/#{opened.access.invite(reader, days)}")


@review.command()
@_STUDY
@click.argument("reader")
@_ANSWERS
def revoke(study: Path, reader: str, answers: Path | None) -> None:
    """End the invitations and sessions of READER; what was answered stays."""
    with _opened(study, answers) as opened:
        opened.access.revoke(reader)
    click.echo(f"{reader} cannot read any more; `recon-robust review invite` lets a reader in again")


@review.command()
@_STUDY
@click.argument("reader")
@_ANSWERS
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(study: Path, reader: str, answers: Path | None, yes: bool) -> None:
    """Delete all answers of READER, who asked for it; the log keeps only that it was done."""
    with _opened(study, answers) as opened:
        opened.access.check_reader(reader)
        if not yes:
            click.confirm(f"This deletes all answers of {reader} and cannot be undone. Delete them?", abort=True)
        opened.forget(reader)
    click.echo(f"the answers of {reader} are deleted")


@review.command()
@_STUDY
@_ANSWERS
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen at.")
@click.option("--certificate", type=FILE, help="For TLS: the certificate (PEM).")
@click.option("--certificate-key", type=FILE, help="For TLS: its key (PEM).")
@click.option("--public", default="", help="The https:// address of a proxy in front, as readers see it.")
def serve(
    study: Path,
    answers: Path | None,
    host: str,
    port: int,
    certificate: Path | None,
    certificate_key: Path | None,
    public: str,
) -> None:
    """Serve a frozen STUDY to its readers' browsers, on this machine only unless there is TLS.

    Who has not been invited yet gets a link, which is printed; it holds once.
    """
    from ...reader_studies.room.serving import Serving

    with _opened(study, answers) as opened:
        serving = Serving(opened, host, port, certificate, certificate_key, public)
        uninvited = opened.access.uninvited()
        for reader in uninvited:
            click.echo(f"{reader}: {serving.origin}/#{opened.access.invite(reader)}")
        if len(uninvited) < len(opened.bundle.readers):
            kept = "" if answers is None else f" --answers {answers}"
            click.echo(f"Others have their links. A new one: recon-robust review invite {study} R1{kept}")
        click.echo(f"Serving at {serving.origin}; end it with Ctrl+C.")
        serving.run()


@review.command()
@_STUDY
@click.argument("reader")
@_ANSWERS
def read(study: Path, reader: str, answers: Path | None) -> None:
    """Let READER (R1, R2, ...) read a frozen STUDY in napari, on this machine."""
    from ...workbench.reading import Reading
    from .demo import launcher

    with _opened(study, answers) as opened:
        reading = Reading(opened, reader)
        launcher()
        from ...window.reading.room import open_room

        open_room(reading)


@review.command()
@_STUDY
@_ANSWERS
def status(study: Path, answers: Path | None) -> None:
    """Say how far each reader of a frozen STUDY is."""
    with _opened(study, answers) as opened:
        for reader in opened.bundle.readers:
            place = opened.place(reader)
            wait = f", next sitting from {place.wait}" if place.wait else ""
            click.echo(
                f"{reader}: sitting {place.sitting + 1} of {place.sittings}, {place.done} of {place.total}{wait}"
            )


@review.command()
@_STUDY
@_ANSWERS
@_KEY
@click.option(
    "--output", default="answers.csv", show_default=True, type=FILE, help="File to write: .csv, .imrmc or .xlsx."
)
@click.option("--question", default="", help="About lesions, for .imrmc and .xlsx (RJafroc).")
def export(study: Path, answers: Path | None, key: Path | None, output: Path, question: str) -> None:
    """Write all answers with their arms as a long table; this breaks the blind, and the log says so.

    iMRMC's .imrmc and RJafroc's .xlsx get the readings of one question about lesions.
    """
    from ...ground.writing import write
    from ...reader_studies.exchange import exchanged, write_exchanged
    from ...reader_studies.export import long_table, to_csv

    if output.suffix not in (".csv", ".imrmc", ".xlsx"):
        raise InputError(f"{output.name} has no known suffix; name it .csv, .imrmc or .xlsx.")
    if output.suffix == ".csv":
        refuse_idle(("question",), "for .csv, which gets all answers")
    with _opened(study, answers) as opened:
        rows = long_table(opened, opened.unblind(key, "exported"))
        if output.suffix == ".csv":
            write(output, to_csv(rows).encode())
        else:
            write_exchanged(exchanged(rows, question), output)
            if len({row["patient"] for row in rows}) < len({row["case"] for row in rows}):
                click.echo(f"{output.suffix} has no patients: cases of one patient stand in it as independent")
    click.echo(f"saved: {output} ({len(rows)} answers were given)")


@review.command()
@click.argument("file", type=EXISTING_FILE)
@click.option("--question", default="", help="About lesions, of a .csv that `export` wrote.")
def compare(file: Path, question: str) -> None:
    """Compare the arms in a FILE of ratings or marks: .imrmc, RJafroc's .xlsx, or a .csv.

    A .csv is one that `export` wrote, or has the columns of iMRMC (readerID, caseID, modalityID, score; the truth as
    reader -1) or of MRMCaov (reader, treatment, case, truth, rating).

    The area under the ROC or the wAFROC curve, by Obuchowski and Rockette for random readers and cases.
    """
    if file.suffix in (".imrmc", ".xlsx"):
        refuse_idle(("question",), f"for {file.suffix}, which holds one question")
    from ...reader_studies.exchange import compare as compared
    from ...reader_studies.exchange import read_exchanged
    from ...reader_studies.rating_table import read_rating_table

    if is_given("question") and file.suffix == ".csv" and read_rating_table(file) is not None:
        refuse_idle(("question",), f"for {file.name}, which `export` did not write: it holds one question")

    found = compared(read_exchanged(file, question), file.stem)
    _say(found)


@review.command()
@_STUDY
@_ANSWERS
@_KEY
@click.option("--output", default="analysis.html", show_default=True, type=FILE, help="File to write: .html or .csv.")
def analyse(study: Path, answers: Path | None, key: Path | None, output: Path) -> None:
    """Compare the arms of a STUDY, with intervals; this breaks the blind, and the log says so."""
    from ...reader_studies.analysis import analyse as analysed
    from ...reader_studies.export import long_table
    from ...reader_studies.plan import Plan
    from ...reader_studies.report import write_analysis

    with _opened(study, answers) as opened:
        found = opened.unblind(key, "analysed")
        plan = Plan.model_validate(found["plan"])
        analysis = analysed(plan, long_table(opened, found))
    _say(analysis)
    click.echo(analysis.endpoint)
    click.echo(f"saved: {write_analysis(plan, analysis, output)}")


@review.command()
@_STUDY
@_ANSWERS
def audit(study: Path, answers: Path | None) -> None:
    """Check that the log of a STUDY is whole, and each answer the one that was given."""
    with _opened(study, answers) as opened:
        click.echo(f"the log is whole: {opened.verify()} lines")


@review.command()
@_STUDY
@_ANSWERS
@_KEY
def unblind(study: Path, answers: Path | None, key: Path | None) -> None:
    """Print which arm each presentation of a STUDY shows; the log keeps that it was done."""
    with _opened(study, answers) as opened:
        for one in opened.unblind(key, "unblinded")["presentations"]:
            number = f"sitting {one['sitting'] + 1}, {one['number'] + 1}"
            click.echo(f"{one['reader']} {number}: {one['case']}, {' | '.join(one['arms'])} ({one['purpose']})")


@review.command()
@click.option("--output", default="review-demo", show_default=True, type=PLACE, help="A new folder.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535), help="Port to listen at.")
@click.option("--no-serve", is_flag=True, help="Only make the study.")
def demo(output: Path, port: int, no_serve: bool) -> None:
    """Make a reader study of the packaged sample, twelve cases in two arms, and serve it to a browser."""
    if no_serve:
        refuse_idle(("port",), "with --no-serve")
    from ...reader_studies.demo import demo as made
    from ...reader_studies.room.serving import Serving
    from ..options import follow

    study = follow(made(output), "Making the cases")
    click.echo(f"saved: {study}")
    if not no_serve:
        with _opened(study, None) as opened:
            serving = Serving(opened, port=port)
            click.echo(f"Open {serving.origin}/#{opened.access.invite('R1')}; end with Ctrl+C.")
            serving.run()


def _say(found: "Analysis | Found") -> None:
    for item in found.findings:
        test = "" if item.p is None else f", p = {item.p:.3g}"
        over = f" (over {item.holds_over})" if item.holds_over else ""
        click.echo(f"{item.question or 'all'}, {item.what}, {item.arm}: {item.estimate.text()}{test}{over}")
    for remark in found.remarks:
        click.echo(remark)


def _opened(study: Path, answers: Path | None) -> "Answers":
    from ...reader_studies.room.serving import open_answers

    return open_answers(study, answers)
