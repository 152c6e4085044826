"""python -m tests.golden.renew ID ...: write the goldens of these ids anew, after a change of them that is meant.

An id may be a pattern (methods/*). Of ids that are no more the golden is removed.
"""

from collections.abc import Mapping
from fnmatch import fnmatch

import click
import torch

from .frozen import golden_ids, write_golden, write_index
from .items import Item, all_items


@click.command(help=__doc__)
@click.argument("ids", nargs=-1, required=True)
def renew(ids: tuple[str, ...]) -> None:
    torch.set_num_threads(1)
    items = all_items()
    for pattern in ids:
        chosen = [id for id in dict.fromkeys((*items, *golden_ids())) if fnmatch(id, pattern)]
        if not chosen:
            raise click.UsageError(f"there is no golden {pattern!r}; there are {', '.join(items)}")
        write_index({id: _renew(id, items) for id in chosen})


def _renew(id: str, items: Mapping[str, Item]) -> list[str]:
    """Write or remove one; the shipped weights that it depends on."""
    item = items.get(id)
    write_golden(id, None if item is None else item.make())
    click.echo(f"removed {id}" if item is None else f"wrote {id}")
    return [] if item is None else item.weights()


if __name__ == "__main__":
    renew()
