"""The command line `recon-robust`: a thin view on the core, one module of `commands` for each command."""

import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from ..ground.errors import PackageWarning, ReconRobustError
from ..ground.writing import reason_of
from . import commands
from .lazy import LazyGroup
from .printing import drop_the_output, keep_the_output, print_in_any_encoding

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
      recon-robust perturb worst-case scan.h5 --pattern equispaced --roi 120,140,32,28 --budget 0.01
    """


def main() -> None:
    """Entry point: one line on stderr and exit status 1 for a user's error, 2 for wrong usage, 130 for Ctrl-C."""
    print_in_any_encoding()
    keep_the_output()
    warnings.showwarning = partial(_show, warnings.showwarning)
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()  # the help as it is
        sys.exit(error.exit_code)
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


def _show(as_python_does: Callable[..., None], message: Warning | str, *place: Any, **more: Any) -> None:
    """A warning of ours is one sentence for the user; others are shown as Python does."""
    if isinstance(message, PackageWarning):
        click.echo(f"recon-robust: {message}", err=True)
    else:
        as_python_does(message, *place, **more)
