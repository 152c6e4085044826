import os
import subprocess
import sys

import pytest

NOISY = """
import os, sys
from unittest import mock
import click
from napari_recon_robust import cli

@click.command
def noisy():
    os.system("echo theirs")
    os.write(1, b"compiled\\n")
    click.echo("own")

sys.argv = ["recon-robust"]
with mock.patch.object(cli, "cli", noisy):
    cli.main()
"""
SPOKEN = """
from unittest import mock
import click
from napari_recon_robust import cli

@click.command
def spoken():
    click.echo("ρ −0.14 [−0.2, …], ± 5 µm – Öl")

with mock.patch.object(cli, "cli", spoken), mock.patch("sys.argv", ["recon-robust"]):
    cli.main()
"""
KEEP = "from napari_recon_robust.cli.printing import keep_the_output; keep_the_output()"


def test_only_the_command_itself_prints_to_its_output() -> None:
    """A program that a model starts, and compiled code, know nothing of Python's own output."""
    ended = subprocess.run([sys.executable, "-c", NOISY], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "own\n", "theirs\ncompiled\n")


@pytest.mark.parametrize(
    ("encoding", "printed"),
    [("latin-1", "? -0.14 [-0.2, ...], ± 5 µm - Öl\n"), ("utf-8", "ρ −0.14 [−0.2, …], ± 5 µm – Öl\n")],
)
def test_what_the_encoding_of_the_output_lacks_ends_no_command(encoding: str, printed: str) -> None:
    """On Windows that of a file or a pipe has no minus sign."""
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    ended = subprocess.run([sys.executable, "-c", SPOKEN], capture_output=True, env=environment)
    assert (ended.returncode, ended.stdout.decode(encoding).replace("\r", ""), ended.stderr) == (0, printed, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="sh closes the outputs")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_runs_without_its_outputs(closed: str) -> None:
    command = ["sh", "-c", f'"$0" -c "$1" {closed}', sys.executable, KEEP]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
