import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.studies.executors import jobs
from napari_recon_robust.studies.executors.jobs import Jobs, submit


class Batch:
    """What is used of a cluster of dask-jobqueue, whose jobs have workers where `start` says so."""

    def __init__(self, wanted: int, processes: int = 1) -> None:
        self.worker_spec, self.workers = dict[str, Any](), dict[str, Any]()
        self.scheduler_info: dict[str, Any] = {"workers": {}}
        self.parts = [""] if processes == 1 else [f"-{number}" for number in range(processes)]
        self.count, self.refuses = 0, False
        asyncio.run(submit(self, wanted))

    def new_worker_spec(self) -> dict[str, Any]:
        while f"job-{self.count}" in self.worker_spec:
            self.count += 1
        return {f"job-{self.count}": {} if self.parts == [""] else {"group": self.parts}}

    async def _correct_state(self) -> None:
        fresh = [job for job in self.worker_spec if job not in self.workers]
        self.workers = {
            job: self.workers.get(job, SimpleNamespace(job_id=None if self.refuses else job))
            for job in self.worker_spec
        }
        if self.refuses and fresh:
            raise RuntimeError("stdout:\n\nstderr:\nsbatch: error: too many jobs\n")

    def sync(self, function: Any, *arguments: Any) -> Any:
        return asyncio.run(function(*arguments))

    def start(self, *names: str) -> None:
        """From now on these workers are there, and no others."""
        self.scheduler_info["workers"] = {name: {"name": name} for name in names}


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(jobs.time, "monotonic", lambda: now[0])
    return now


def test_a_job_that_ended_is_submitted_again_and_one_in_the_queue_is_not(clock) -> None:
    batch = Batch(2)
    watched = Jobs(batch, 2)
    batch.start("job-0")
    assert not watched.renew(set())
    batch.start()
    clock[0] = 10.0
    assert watched.renew(set()), "a nanny may start the worker again"
    assert set(batch.worker_spec) == {"job-0", "job-1"}
    clock[0] = 20.0
    watched.renew({"job-0"}, needed=False)
    assert set(batch.worker_spec) == {"job-0", "job-1"}, "at the end of a study fewer do"
    assert watched.renew({"job-0"})
    assert set(batch.worker_spec) == set(batch.workers) == {"job-1", "job-2"}
    clock[0] = 1000.0
    assert not watched.renew({"job-0"}), "both wait in the queue"
    assert set(batch.worker_spec) == {"job-1", "job-2"}


def test_a_job_of_several_processes_lives_as_long_as_one_of_them(clock) -> None:
    batch = Batch(1, processes=2)
    watched = Jobs(batch, 1)
    batch.start("job-0-0", "job-0-1")
    watched.renew(set())
    batch.start("job-0-1")
    clock[0] = 100.0
    assert not watched.renew(set())
    assert set(batch.worker_spec) == {"job-0"}
    batch.start()
    clock[0] = 200.0
    watched.renew(set())
    assert set(batch.worker_spec) == {"job-1"}


def ended(batch: Batch, watched: Jobs, clock: list[float], *, useful: bool) -> None:
    """The only job of a cluster starts and ends, with or without a trial."""
    (job,) = batch.worker_spec
    batch.start(job)
    watched.renew(set())
    batch.start()
    clock[0] += 60.0
    watched.renew({job} if useful else set())


def test_jobs_that_finish_trials_are_submitted_again_and_again_others_twice_in_a_row(clock) -> None:
    batch = Batch(1)
    watched = Jobs(batch, 1)
    for useful in (True, True, False, True, True, True, False):
        ended(batch, watched, clock, useful=useful)
    with pytest.raises(InputError, match=r"ended again and again before one of them finished a trial; look .* is kept"):
        ended(batch, watched, clock, useful=False)


def test_jobs_that_are_not_taken_for_a_moment_are_tried_again(clock) -> None:
    batch = Batch(1)
    watched = Jobs(batch, 1)
    batch.refuses = True
    ended(batch, watched, clock, useful=True)
    batch.refuses, clock[0] = False, clock[0] + 60.0
    assert watched.renew(set())
    assert [one.job_id for one in batch.workers.values()] == list(batch.worker_spec)


def test_jobs_that_are_not_taken_any_more_are_told(clock) -> None:
    batch = Batch(1)
    watched = Jobs(batch, 1)
    batch.refuses = True
    ended(batch, watched, clock, useful=True)
    clock[0] += 60.0
    watched.renew(set())
    clock[0] += 60.0
    with pytest.raises(InputError, match=r"finished a trial \(sbatch: error: too many jobs\); look at their logs"):
        watched.renew(set())
