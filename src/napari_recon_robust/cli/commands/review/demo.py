"""Make a reader study of the packaged sample, twelve cases in two arms, and serve it to a browser."""

from pathlib import Path

import click

from ....reader_studies import demo as studies
from ....reader_studies.room.serving import Serving, open_answers
from ...contradictions import refuse_idle
from ...paths import PLACE
from ...progress import follow
from ...reading import PORT


@click.command()
@click.option("--output", default="review-demo", show_default=True, type=PLACE, help="A new folder.")
@PORT
@click.option("--no-serve", is_flag=True, help="Only make the study.")
def demo(output: Path, port: int, no_serve: bool) -> None:
    """Make a reader study of the packaged sample, twelve cases in two arms, and serve it to a browser."""
    if no_serve:
        refuse_idle(("port",), "with --no-serve")
    study = follow(studies.demo(output), "Making the cases")
    click.echo(f"saved: {study}")
    if not no_serve:
        with open_answers(study) as opened:
            serving = Serving(opened, port=port)
            click.echo(f"Open {serving.origin}/#{opened.access.invite('R1')}")
            click.echo("and read as many cases as you like. Ctrl+C ends it; then compare the arms, or go on reading:")
            click.echo(f"  recon-robust review analyse {study}")
            click.echo(f"  recon-robust review serve {study} --port {port}")
            serving.run()
