"""Serve a frozen study to its readers' browsers."""

from pathlib import Path

import click

from ....reader_studies.room.serving import Serving, open_answers
from ...paths import FILE
from ...reading import ANSWERS, PORT, STUDY


@click.command()
@STUDY
@ANSWERS
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@PORT
@click.option("--certificate", type=FILE, help="File of the certificate for TLS (PEM).")
@click.option("--certificate-key", type=FILE, help="File of the certificate's key (PEM).")
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
    with open_answers(study, answers) as opened:
        serving = Serving(opened, host, port, certificate, certificate_key, public)
        uninvited = opened.access.uninvited()
        for reader in uninvited:
            click.echo(f"{reader}: {serving.origin}/#{opened.access.invite(reader)}")
        if len(uninvited) < len(opened.bundle.readers):
            kept = "" if answers is None else f" --answers {answers}"
            click.echo(f"Others have their links. A new one: recon-robust review invite {study} R1{kept}")
        click.echo(f"Serving at {serving.origin}; end it with Ctrl+C.")
        serving.run()
