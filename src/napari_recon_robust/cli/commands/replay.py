"""Recompute a saved case from its own record and compare."""

from pathlib import Path

import click

from ..paths import EXISTING_FOLDER
from ..printing import print_json
from ..progress import follow


@click.command()
@click.argument("case", type=EXISTING_FOLDER)
@click.option(
    "--method", metavar="MODEL", help="The own model that the case was made with, if it was one: a file or a name."
)
@click.option("--search", is_flag=True, help="Search for the perturbation again, too; it takes as long as it did.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def replay(case: Path, method: str | None, search: bool, as_json: bool) -> None:
    """Recompute the saved CASE from its own k-space and recipe, and compare all that can be compared.

    \b
    Examples:
      recon-robust replay results/meniscus
      recon-robust replay results/meniscus --method my_network.pt2
    """
    from ...cases import replay as engine
    from ...reconstructors import registry

    reconstructor = None if method is None else registry.get(method)
    result = follow(engine.replay(case, reconstructor, search=search), "replaying")
    if as_json:
        print_json(result.to_json())
    else:
        click.echo(result.summary())
    if not result.reproduced:
        raise SystemExit(1)
