"""Plan a reader study, let readers read in a browser, and get the tables."""

import sys

import click

from ...lazy import LazyGroup


@click.group(
    cls=LazyGroup,
    package=sys.modules[__name__],
    first=("demo", "new", "check", "freeze", "serve", "read", "status", "analyse", "export"),
)
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
