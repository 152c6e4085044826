"""Which executor runs a study, by what a user says."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ...ground.arguments import as_whole
from ...ground.ending import Asked
from ...ground.errors import InputError
from ..expand import Shard, Study
from ..store import Store
from . import inline
from .cluster import DaskExecutor, Local, Queued, Remote, default_workers

Executor = Callable[[Study, Store, Iterable[Shard], Asked], Iterator[tuple[int, int] | None]]


def choose(
    workers: int | None,
    scheduler: str | None = None,
    cluster: Path | None = None,
    on_dashboard: Callable[[str], object] | None = None,
) -> Executor:
    """The workers of a scheduler, of a batch system by its file, or of this machine; one of them is this process.

    workers: processes on this machine, one for each core if None. Raises InputError where several are given, and for
    less than one worker.
    """
    if workers is not None:
        as_whole(workers, "the workers", 1)
    if scheduler is not None and cluster is not None:
        raise InputError("a scheduler and a cluster are given; give one of them.")
    if scheduler is not None:
        return DaskExecutor(Remote(scheduler), on_dashboard)
    if cluster is not None:
        return DaskExecutor(Queued.read(cluster), on_dashboard)
    one = (default_workers(1) if workers is None else workers) == 1
    return inline.run if one else DaskExecutor(Local(workers), on_dashboard)
