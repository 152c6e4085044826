"""List the reconstructors and their knobs."""

from typing import Any

import click

from ...ground.errors import WeightsError
from ...reconstructors import registry
from ...weights import store
from ..printing import print_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def methods(as_json: bool) -> None:
    """List the reconstructors with their knobs."""
    rows = [describe(id) for id in registry.registry.available()]
    if as_json:
        print_json(rows)
        return
    width = max(len(row["id"]) for row in rows) + 2
    for row in rows:
        click.echo(f"{row['id']:<{width}}{row['summary']}")
        for knob in row["knobs"]:
            span = ", ".join(knob["choices"]) or f"{knob['minimum']:g} to {knob['maximum']:g}"
            click.echo(f"{'':<{width}}{knob['name']} = {knob['default']} ({span}) {knob['help']}")


def describe(id: str) -> dict[str, Any]:
    """What is to be known of a reconstructor: a JSON object."""
    method = registry.get(id)
    return {
        "id": method.id,
        "label": method.label,
        "summary": method.summary,
        "differentiable": method.differentiable,
        "needs_sensitivities": method.needs_sensitivities,
        "knobs": [knob.model_dump(mode="json") for knob in method.knobs],
        "weights": None if method.weights is None else _weights(method.weights),
    }


def _weights(name: str) -> dict[str, Any]:
    """What is known of a set of weights; one that is missing or damaged doesn't keep the others from being listed."""
    try:
        return store.describe(name)
    except WeightsError as error:
        return {"id": name, "error": str(error)}
