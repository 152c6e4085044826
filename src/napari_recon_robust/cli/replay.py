"""recon-robust replay."""

from pathlib import Path

import click

from .options import follow, print_json


@click.command()
@click.argument("case", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def replay(case: Path, as_json: bool) -> None:
    """Recompute the saved CASE from its own k-space and recipe, and compare the metrics.

    \b
    Example:
      recon-robust replay results/meniscus
    """
    from .. import replay as engine

    result = follow(engine.replay(case), "replaying")
    if as_json:
        print_json(result.to_json())
    else:
        click.echo(result.summary())
    if not result.reproduced:
        raise SystemExit(1)
