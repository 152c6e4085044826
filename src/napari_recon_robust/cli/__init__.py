"""The command line `recon-robust`: a thin view on the core, one module per group of commands."""

import sys
from importlib import import_module

import click

from ..ground.errors import ReconRobustError

# name: (where it is defined, what `--help` says of it)
_COMMANDS = {
    "demo": ("show:demo", "The window with the packaged sample; without a display, a folder of pictures."),
    "open": ("show:open_files", "Open files in the window."),
    "methods": ("methods:methods", "List the reconstructors and their knobs."),
    "reconstruct": ("reconstruct:reconstruct", "Reconstruct one slice."),
    "diverse": ("diverse:diverse", "The plausible reconstructions of one slice that differ most."),
    "contrast": (
        "contrast:contrast",
        "The contrast of a region over posterior samples, and the probability that it exceeds a value.",
    ),
    "fragility": (
        "fragility:fragility",
        "Where one slice is fragile: the change to expect of an attack, and the worst regions.",
    ),
    "perturb": ("perturb:perturb", "Perturb one slice and measure what the reconstruction loses."),
    "retention": ("retention:retention", "Where, how small and how faint features are kept: a map, or a table."),
    "transfer": ("transfer:transfer", "What a perturbation found on one method does to the others."),
    "compare": ("compare:compare", "A table of several methods on several scans and masks."),
    "samples": ("samples:samples", "Quality of one method against the number of samples."),
    "gallery": ("gallery:gallery", "List the saved cases of a folder, and what was said of them."),
    "replay": ("replay:replay", "Recompute a saved case from its own record and compare."),
    "simulate": ("simulate:simulate", "Simulate a multi-coil brain from an open anatomy."),
    "train": ("train:train", "Train a network from a recipe."),
}


class LazyGroup(click.Group):
    """Imports a command's module when it is used, so that --help and completion stay quick."""

    def list_commands(self, context: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """One command; None for an unknown name."""
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name][0].split(":")
        command: click.Command = getattr(import_module(f".{module}", __name__), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """A line each, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


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
    except (click.Abort, KeyboardInterrupt):
        click.echo("recon-robust: cancelled.", err=True)
        sys.exit(130)
