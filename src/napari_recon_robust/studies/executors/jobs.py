"""Jobs of a batch system, by dask-jobqueue, which submits none again: others take the place of those that ended."""

import re
import time
from collections.abc import Set
from typing import Any

from ...ground.errors import InputError, one_line
from ...ground.guard import said_by

_LOST = 15.0  # seconds without its workers after which a job has ended; Dask cancels it then
_VAIN = 2  # times that each of the jobs may end in a row before one has finished a trial


class Jobs:
    """The jobs of a cluster; what ends of them, as at its walltime, gets a successor as long as jobs finish trials.

    A job that has had no worker yet waits in the queue.
    """

    def __init__(self, cluster: Any, wanted: int) -> None:
        """cluster: of dask-jobqueue. wanted: how many jobs it is to have."""
        self._cluster, self._most = cluster, _VAIN * wanted
        self._seen = dict[str, float]()  # when a job had a worker last
        self._vain = 0  # jobs that ended in a row without a trial
        self._refusal = ""

    def renew(self, useful: Set[Any], *, needed: bool = True) -> bool:
        """Submit a job for each that has ended; True while some are ending, or as they have been submitted.

        useful: the names of the workers that have finished trials. needed: whether those that are there have more to do
        than they can at once; otherwise none is submitted. Raises InputError where no job is left.
        """
        found: bool = self._cluster.sync(self._renewed, useful, needed)
        return found

    async def _renewed(self, useful: Set[Any], needed: bool) -> bool:
        cluster, now = self._cluster, time.monotonic()
        here = {one["name"] for one in cluster.scheduler_info["workers"].values()}
        workers = {job: {job + part for part in spec.get("group", [""])} for job, spec in cluster.worker_spec.items()}
        self._seen |= {job: now for job, names in workers.items() if names & here}
        ended = [job for job in workers if needed and now - self._seen.get(job, now) > _LOST]
        fresh = list[str]()
        for job in ended:
            self._vain = 0 if workers[job] & useful else self._vain + 1
            if self._vain < self._most:
                fresh += add(cluster, 1)  # before the other goes, whose name it would get
            del cluster.worker_spec[job]
        if ended:
            await self._submitted(fresh, now)
        if not cluster.worker_spec:
            raise InputError(
                "the jobs of the cluster have ended again and again before one of them finished a trial"
                f"{self._refusal}; look at their logs, and give them more time or memory. What is finished is kept: "
                "run the study again."
            )
        return any(job in self._seen and not workers[job] & here for job in workers)

    async def _submitted(self, fresh: list[str], now: float) -> None:
        try:
            await self._cluster._correct_state()
        except Exception as error:  # of jobs that are not taken at the moment, which are like some that end at once
            self._refusal = f" ({refusal(error)})"
            self._seen |= {job: now for job in fresh if not self._cluster.workers[job].job_id}


def add(cluster: Any, jobs: int) -> list[str]:
    """The names of so many jobs that the cluster is to submit."""
    names = list[str]()
    for _ in range(jobs):
        spec = cluster.new_worker_spec()
        cluster.worker_spec.update(spec)
        names += spec
    return names


async def submit(cluster: Any, jobs: int) -> None:
    """Submit jobs, and wait until the batch system has taken them; raises what its command says.

    `cluster.scale` would log that, and wait for their workers.
    """
    add(cluster, jobs)
    await cluster._correct_state()


def refusal(error: Exception) -> str:
    """What the command of a batch system has said, or else what is wrong, in a few words."""
    streams = re.search(r"stdout:\n(.*)\nstderr:\n(.*)", str(error), re.DOTALL)
    said = (streams[2].split() or streams[1].split()) if streams else []
    return one_line(" ".join(said), 200).rstrip(".") or said_by(error)
