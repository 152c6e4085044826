"""Scheduler, workers and client of a cluster as processes of their own, which begin at once: many can be killed.

They are forks of one process that has imported what takes long and has computed nothing.
"""

import asyncio
import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run

# Of Dask: its own workers are forks then, too.
FORKED = {"distributed.worker.multiprocessing-method": "forkserver"}
_SLOW = ("torch", "pandas", "polars", "distributed", "napari_recon_robust.reconstructors.registry")
_OURS = ("napari_recon_robust.studies.executors.cluster", "napari_recon_robust.studies.running", __name__)


def started(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """One of the functions below, in a process of its own."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_SLOW, *_OURS])
    process = context.Process(target=target, args=arguments)
    process.start()
    return process


def nothing() -> None:
    """Starts the process that is forked."""


def scheduler(file: Path) -> None:
    """A scheduler, which writes its address to a file."""

    async def serve() -> None:
        from distributed import Scheduler

        async with Scheduler(port=0, dashboard=False, scheduler_file=str(file)) as server:
            await server.finished()

    asyncio.run(serve())


def worker(file: Path) -> None:
    """A worker of one thread."""

    async def serve() -> None:
        from distributed import Worker

        async with Worker(scheduler_file=str(file), nthreads=1, dashboard=False) as server:
            await server.finished()

    asyncio.run(serve())


def client(plan: Path, address: str, said: Path) -> None:
    """Run a study on a scheduler's workers, or without an address on two of its own; what it says goes into a file."""
    import dask.config

    from napari_recon_robust.studies.executors.cluster import DaskExecutor, Local, Remote
    from napari_recon_robust.studies.running import run_study

    with dask.config.set(FORKED):
        try:
            words = run(run_study(plan, executor=DaskExecutor(Remote(address) if address else Local(2)))).sentence
        except InputError as error:
            words = str(error)
    said.write_text(words)
