"""The command line `recon-robust`: a thin view on the core, one module of `commands` for each command."""

import sys

import click

from ..ground.errors import ReconRobustError
from ..ground.writing import reason_of
from . import commands
from .lazy import LazyGroup
from .printing import drop_the_output, keep_the_output

_FIRST = ("demo", "open", "methods", "reconstruct", "perturb")  # in the list of `--help`; the others follow by name


@click.group(
    cls=LazyGroup,
    package=commands,
    first=_FIRST,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Not for diagnostic use.",
)
@click.version_option(package_name="napari-recon-robust")
def cli() -> None:
    """Robustness of MRI reconstruction: reconstruct, attack a region, hide a lesion, compare.

    \b
    Examples:
      recon-robust demo
      recon-robust reconstruct scan.h5 --slice 3 --method tv --knob weight=2e-3 --pattern equispaced
      recon-robust perturb worst-case scan.h5 --method unrolled-hqs --roi 120,140,32,28 --budget 0.01
    """


def main() -> None:
    """Entry point: one line on stderr and exit status 1 for a user's error, 2 for wrong usage, 130 for Ctrl-C."""
    keep_the_output()
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"recon-robust: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except ReconRobustError as error:
        click.echo(f"recon-robust: {' '.join(str(error).split())}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            drop_the_output()
        what = "what was asked for cannot be printed" if error.filename is None else f"{error.filename} cannot be used"
        click.echo(f"recon-robust: {what} ({reason_of(error)}).", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("recon-robust: cancelled.", err=True)
        sys.exit(130)
