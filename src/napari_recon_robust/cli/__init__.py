"""The command line `recon-robust`: a thin view on the core, one module of `commands` for each command."""

import os
import sys
from importlib import import_module
from importlib.util import find_spec
from linecache import getline
from pkgutil import iter_modules

import click

from ..ground.errors import ReconRobustError
from ..ground.writing import reason_of
from . import commands

_FIRST = ["demo", "open", "methods", "reconstruct", "perturb"]  # in the list of `--help`; the others follow by name


class LazyGroup(click.Group):
    """The modules of `commands`. Each is imported when its command is used, so that --help and completion are quick."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All commands; those that a new user needs come first."""
        found = sorted(module.name.replace("_", "-") for module in iter_modules(commands.__path__))
        return sorted(found, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """One command; None for an unknown name."""
        if name not in self.list_commands(context):
            return None
        module = _module(name)
        command: click.Command = getattr(import_module(module), module.rpartition(".")[2])
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """A line each, the first of its module, which is read but not imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(context)])


def _module(command: str) -> str:
    return f"{commands.__name__}.{command.replace('-', '_')}"


def _summary(command: str) -> str:
    spec = find_spec(_module(command))
    assert spec is not None
    assert spec.origin is not None
    return getline(spec.origin, 1).strip().strip('"')


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Not for diagnostic use.",
)
@click.version_option(package_name="napari-recon-robust")
def cli() -> None:
    """Robustness of MRI reconstruction: reconstruct, attack a region, hide a lesion, compare.

    \b
    Examples:
      recon-robust demo
      recon-robust reconstruct scan.h5 --slice 10 --method tv --knob weight=2e-3 --pattern equispaced
      recon-robust perturb worst-case scan.h5 --method unrolled-hqs --roi 120,140,32,28 --budget 0.01
    """


def main() -> None:
    """Entry point: one line on stderr and exit status 1 for a user's error, 2 for wrong usage, 130 for Ctrl-C."""
    try:
        cli.main(standalone_mode=False)
    except click.UsageError as error:
        click.echo(f"recon-robust: {error.format_message()}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        click.echo(f"recon-robust: {error.format_message()}", err=True)
        sys.exit(1)
    except ReconRobustError as error:
        click.echo(f"recon-robust: {' '.join(str(error).split())}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try once more to print the rest
        what = "what was asked for cannot be printed" if error.filename is None else f"{error.filename} cannot be used"
        click.echo(f"recon-robust: {what} ({reason_of(error)}).", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("recon-robust: cancelled.", err=True)
        sys.exit(130)
