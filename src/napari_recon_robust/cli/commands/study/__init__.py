"""Studies on folders of scans: a plan is checked, run here or on a cluster, and its table exported."""

import sys

import click

from ...lazy import LazyGroup


@click.group(cls=LazyGroup, package=sys.modules[__name__], first=("new", "check", "run", "status", "resume"))
def study() -> None:
    """Run many trials on a folder of scans: all combinations of a PLAN, a YAML file.

    \b
    Examples:
      recon-robust study run demo
      recon-robust study new plan.yaml
      recon-robust study check plan.yaml
      recon-robust study run plan.yaml
      recon-robust study export plan.yaml --output table.csv
    """
