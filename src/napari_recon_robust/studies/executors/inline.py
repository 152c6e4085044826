"""Shards are run one after the other, in the process that asks for them."""

from collections.abc import Iterable, Iterator

from ...ground.ending import Asked
from ..expand import Shard, Study
from ..store import Store
from ..work import Worker, computing


def run(study: Study, store: Store, shards: Iterable[Shard], stop: Asked) -> Iterator[tuple[int, int]]:
    """Run the shards; yields after each trial how many more there are, and how many of these failed."""
    worker = Worker(study, store)
    try:
        with computing(study.plan.threads):
            for shard in shards:
                for well in worker.run(shard, stop):
                    yield 1, int(not well)
                if stop():
                    return
    finally:
        worker.close()
