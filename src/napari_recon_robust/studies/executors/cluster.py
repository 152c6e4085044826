"""Shards run by the workers of a Dask cluster: of this machine, of a scheduler's address, or of a batch system.

The scheduler holds nothing that is not in the store: tasks return counts, and so many are submitted as keep the workers
busy. Whatever dies, the next run goes on from the store.
"""

import asyncio
import os
import re
import shlex
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from concurrent import futures
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ...ground.documents import check_names, read_yaml
from ...ground.ending import Asked
from ...ground.errors import InputError, ReconRobustError, one_line, to_install
from ...ground.guard import said_by, shown
from ..expand import Shard, Study
from ..store import Store
from ..watching import tell_dashboard
from ..work import Worker, computing
from .jobs import Jobs, refusal, submit

KINDS = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "htcondor": "HTCondorCluster",
}
_MOST = 10**6  # jobs, cores, or seconds
_AHEAD = 2  # shards of each worker that are submitted
_CANCELLED = (asyncio.CancelledError, futures.CancelledError)
_RETRIES = 3  # of a shard whose worker died
_LOOK = 1.0  # seconds between two looks at whether the run is to end
_TRIALS = "recon-robust-trials"  # Dask's topic on which workers tell of them
# What Dask does by default takes 3% of a core for each worker, and 3% for the scheduler beside them: it samples stacks
# every 10 ms and the load of the machine twice a second, for pages of the dashboard that tell nothing of a study. The
# stacks of an hour are kept, 6 MB of each minute. And its workers would give all memory back to the system after each
# computation, only to ask for it again: that more than doubles the time of an attack.
_ENVIRON = "distributed.nanny.pre-spawn-environ"
_QUIET: dict[str, Any] = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "200ms",
    "distributed.admin.system-monitor.interval": "5s",
    _ENVIRON: {"MALLOC_TRIM_THRESHOLD_": None},
}
# Read when a worker starts, which otherwise logs a traceback where its scheduler goes, as when a run is interrupted.
_SILENT = {"DASK_LOGGING__DISTRIBUTED": "critical"}
# What ends a run may signal all processes of its group, as SLURM and `timeout` do; a handler, as what is ignored stays
# ignored in programs that a worker starts.
_PRELOAD = "distributed.worker.preload"
_OUTLASTS = "import signal; signal.signal(signal.SIGTERM, lambda *_: None)"
_LIFETIME, _STAGGER = "2 hours", "10 minutes"  # then a worker makes place for a fresh one: long-lived ones grow


@dataclass(frozen=True)
class Local:
    """Workers on this machine; so many, or one for each core (or each `threads` of a plan)."""

    workers: int | None = None
    wait: float = 120.0  # seconds for one where there is none

    @property
    def idle(self) -> str:
        """What to do where no worker comes."""
        return f"none of the processes here has been at work for {self.wait:.0f} s; free memory, or give --workers 1."

    @contextmanager
    def open(self, study: Study) -> Iterator[Any]:
        """A cluster of processes."""
        distributed = dask()
        threads = study.plan.threads
        count = self.workers or default_workers(threads)
        variables = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
        with (
            _quiet(),
            distributed.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                dashboard_address=":0",
                silence_logs="ERROR",
                env=variables,
                lifetime=_LIFETIME,
                lifetime_stagger=_STAGGER,
                lifetime_restart=True,
            ) as cluster,
        ):
            yield cluster


@dataclass(frozen=True)
class Remote:
    """The workers of a scheduler that runs already, such as "tcp://10.0.0.1:8786".

    wait: for its answer, and for a worker where there is none, in seconds.
    """

    address: str
    wait: float = 30.0

    @property
    def idle(self) -> str:
        """What to do where no worker comes."""
        return (
            f"the scheduler at {self.address} has had no worker for {self.wait:.0f} s; start some, for instance by "
            f"'dask worker {self.address}'."
        )

    @contextmanager
    def open(self, study: Study) -> Iterator[Any]:
        """The address."""
        yield self.address


@dataclass(frozen=True)
class Queued:
    """Workers that a batch system starts, by dask-jobqueue. kind: of `KINDS`. options: of its cluster class.

    jobs: how many are asked for. wait: for a worker where there is none, in seconds.
    """

    kind: str
    options: Mapping[str, Any]
    jobs: int = 1
    wait: float = 3600.0

    @classmethod
    def read(cls, path: Path) -> "Queued":
        """Of a YAML file with `kind`, `jobs`, `wait` and the options of dask-jobqueue; InputError for another one."""
        values = read_yaml(path, InputError)
        if not isinstance(values, dict) or str(values.get("kind")) not in KINDS:
            raise InputError(f"{shown(path)} names no cluster; give a line 'kind: ' with one of {', '.join(KINDS)}.")
        for name, kind in (("jobs", int), ("wait", int | float), ("cores", int), ("processes", int)):
            given = values.get(name, 1)  # Dask looks for the factors of the cores, for ever where they are too many
            if not isinstance(given, kind) or not 0 < given < _MOST:
                which = "whole number" if kind is int else "number"
                raise InputError(f"{shown(path)} has {name}: {one_line(repr(given), 40)}; give a {which} above 0.")
        known = {name: values.pop(name) for name in ("kind", "jobs", "wait") if name in values}
        check_names(values, shown(path), InputError)
        return cls(options={"cores": 1, "memory": "4GB", **values}, **known)

    @property
    def idle(self) -> str:
        """What to do where no worker comes."""
        return (
            f"the cluster has had no worker for {self.wait:.0f} s; look at its queue and the logs of its "
            "jobs, let it wait longer ('wait:' in its file), or use 'study array' where its nodes cannot reach this "
            "machine."
        )

    @property
    def script(self) -> str:
        """The script of one job, as the batch system gets it."""
        with _mending(), self._made() as cluster:
            return str(cluster.job_script())

    @contextmanager
    def open(self, study: Study) -> Iterator[Any]:
        """A cluster whose jobs are submitted; InputError where there is no command that does so."""
        cluster = self._made()
        try:
            command = str(cluster.job_cls.submit_command).split()[0]
            if shutil.which(command) is None:
                raise InputError(
                    f"there is no command {command!r} here, which submits jobs to {self.kind}; run this where there is."
                )
            try:
                cluster.sync(submit, cluster, self.jobs, callback_timeout=self.wait)
            except Exception as error:  # dask-jobqueue's own words
                raise InputError(
                    f"{self.kind} does not take the jobs ({refusal(error)}); mend the options of the cluster."
                ) from error
            yield cluster
        finally:
            with suppress(AssertionError):  # Dask's, of jobs that the batch system did not take
                cluster.close()

    def _made(self) -> Any:
        try:
            import dask_jobqueue
        except ImportError:
            raise InputError(f"batch systems need dask-jobqueue; {to_install('cluster')}.") from None
        with _mending():
            given = self.options.get("job_script_prologue", [])
            before = [*_exports(), *([given] if isinstance(given, str) else given)]
            return getattr(dask_jobqueue, KINDS[self.kind])(**{**self.options, "job_script_prologue": before})


@dataclass(frozen=True)
class DaskExecutor:
    """Runs shards on a cluster. on_dashboard: is told the address of the dashboard."""

    cluster: Local | Remote | Queued
    on_dashboard: Any = None

    def __call__(
        self, study: Study, store: Store, shards: Iterable[Shard], stop: Asked
    ) -> Iterator[tuple[int, int] | None]:
        """Run the shards; yields as trials end how many more there are, and how many of these failed.

        While none ends it yields zeros every second, and None while there is no worker. Once asked to stop it goes on
        until the trials under way are kept. Raises InputError where jobs are refused, no worker comes, or workers die
        again and again.
        """
        distributed, waiting, digest = dask(), iter(shards), store.digest
        if (first := next(waiting, None)) is None:  # no worker is needed
            return
        waiting = chain([first], waiting)
        with (
            self.cluster.open(study) as cluster,
            _client(distributed, cluster, self.cluster.wait) as client,
            _ending(distributed, client) as ending,
        ):
            tell_dashboard(store.folder, client.dashboard_link)
            if self.on_dashboard is not None:
                self.on_dashboard(client.dashboard_link)
            arguments = str(study.folder), str(store.folder), study.trust, store.run, digest, ending.name

            def submitted(count: int) -> list[Any]:
                some = islice(waiting, count)
                return [client.submit(work, *arguments, one, pure=False, retries=_RETRIES) for one in some]

            running, lost, tally = set[Any](), 0, _Tally(client)
            attendance, stopped = _Attendance(self.cluster, cluster, client), False
            while True:
                workers = attendance.workers(0 if stopped else len(running), tally.useful)
                if not stopped:
                    with _connected((*_CANCELLED, OSError)):
                        running |= set(submitted(max(_AHEAD * max(workers, 1) - len(running), 0)))
                if not running or (stopped and not workers):
                    break
                with _connected():
                    ended = _ended(distributed, running)
                news = tally.heard({future.key for future in running})
                yield news if workers else None  # zeros too: whoever follows hears that it lives
                running -= ended
                if not stopped and stop():
                    stopped, running = True, _under_way(client, ending, running)
                for future in ended:
                    try:
                        with _connected():
                            counts = future.result()
                    except ReconRobustError:
                        client.cancel(list(running))
                        raise
                    except distributed.KilledWorker:
                        lost += 1
                        continue
                    yield tally.rest(future.key, counts)
            if lost:
                raise InputError(
                    f"the workers of {lost} shards died again and again; give them more memory, and resume."
                )


class _Attendance:
    """How many workers there are, and since when none; jobs that have ended are submitted again."""

    def __init__(self, kind: Local | Remote | Queued, cluster: Any, client: Any) -> None:
        self._kind, self._client, self._last = kind, client, time.monotonic()
        self._jobs = Jobs(cluster, kind.jobs) if isinstance(kind, Queued) else None

    def workers(self, running: int, useful: Set[Any]) -> int:
        """How many there are; InputError where there has been none for as long as one is waited for.

        running: shards that are submitted. useful: the names of the workers that have finished trials.
        """
        count = _workers(self._client)
        renewed = self._jobs is not None and self._jobs.renew(useful, needed=running > count)
        if count or renewed:
            self._last = time.monotonic()
        elif time.monotonic() - self._last > self._kind.wait:
            raise InputError(f"{self._kind.idle} What is finished is kept: run the study again.")
        return count


class _Tally:
    """Counts trials as the workers tell of each of them; what a shard returns in the end corrects that.

    useful: the names of the workers that have told of one.
    """

    def __init__(self, client: Any) -> None:
        self.useful = set[Any]()
        self._said = deque[tuple[str, int, Any]]()  # filled by Dask's thread
        self._told = dict[str, tuple[int, int]]()  # by the keys of tasks
        client.subscribe_topic(_TRIALS, lambda event: self._said.append(event[1]))

    def heard(self, running: set[str]) -> tuple[int, int]:
        """(trials, how many failed) that are new, of tasks with these keys: others may run on the same scheduler."""
        trials = failures = 0
        while self._said:
            key, failed, worker = self._said.popleft()
            if key in running:
                self.useful.add(worker)
                before = self._told.get(key, (0, 0))
                self._told[key] = before[0] + 1, before[1] + failed
                trials, failures = trials + 1, failures + failed
        return trials, failures

    def rest(self, key: str, counts: tuple[int, int]) -> tuple[int, int]:
        """What is left to be counted of a task that has returned its counts."""
        told = self._told.pop(key, (0, 0))
        return counts[0] - told[0], max(counts[1] - told[1], 0)  # a worker that died returned no failures


_worker: tuple[tuple[str, str, bool, int | None, str], Worker] | None = None


def work(
    folder: str, store: str, trust: bool, run: int | None, digest: str, ending: str, shard: Shard
) -> tuple[int, int]:
    """Run a shard in a worker's process, which keeps what the next shard may need: (trials, how many failed).

    What a worker that died has kept of it is not run again. folder: the plan's. store: the folder of results. run: the
    number of the run. digest: `Store.digest` of what is run. ending: the name of the event of Dask's that ends the
    shard after the trial under way. A worker that has it open goes on with it, whatever others
    write there who take part. Raises InputError where a worker begins once that was edited, so that the numbers of
    trials stand for others.
    """
    global _worker
    place = Path(store)
    key = folder, store, trust, run, digest
    if _worker is None or _worker[0] != key:
        study = Study.of_store(place, Path(folder), trust=trust)
        if Store(place, {}).digest != digest:
            raise InputError(
                f"the plan of the results in {shown(place)} was edited, or its scans changed, while it ran; what is "
                "finished is kept: run the study again."
            )
        if _worker is not None:
            _worker[1].close()
        _worker = key, Worker(study, Store.open(place, run))
    kept, group = _worker[1].store.kept(shard.name), _worker[1].study.group(shard)
    left = tuple(number for number in shard.trials if group.trial(number).id not in kept) if kept else shard.trials
    trials, failures, process, stop = len(shard.trials) - len(left), 0, dask().get_worker(), dask().Event(ending).is_set
    with computing(_worker[1].study.plan.threads):
        for well in _worker[1].run(replace(shard, trials=left), stop) if left and not stop() else ():
            trials, failures = trials + 1, failures + (not well)
            process.log_event(_TRIALS, (process.get_current_task(), int(not well), process.name))
    return trials, failures


def default_workers(threads: int) -> int:
    """How many workers a machine has cores for."""
    return max((os.cpu_count() or 1) // threads, 1)


def dask() -> Any:
    """Dask's library of clusters; InputError where it is not installed."""
    try:
        import distributed
    except ImportError:
        raise InputError(f"several workers need Dask; {to_install('studies')}.") from None
    return distributed


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask's settings here, and in the processes that it starts, which SIGTERM does not end."""
    import dask

    environ = {**dask.config.get(_ENVIRON), **_QUIET[_ENVIRON], **_SILENT}
    with dask.config.set({**_QUIET, _ENVIRON: environ, _PRELOAD: [*dask.config.get(_PRELOAD), _OUTLASTS]}):
        yield


def _exports() -> list[str]:
    """The same settings as lines of a job's script; Dask reads variables that are named so."""
    names = {name: re.sub(r"\W", lambda sign: "__" if sign[0] == "." else "_", name).upper() for name in _QUIET}
    return [f"export DASK_{names[name]}={shlex.quote(str(value))}" for name, value in _QUIET.items()]


@contextmanager
def _mending() -> Iterator[None]:
    """Turn whatever dask-jobqueue raises for options into an InputError."""
    try:
        yield
    except ReconRobustError:
        raise
    except Exception as error:
        raise InputError(f"the cluster cannot be made ({said_by(error)}); mend its options.") from error


@contextmanager
def _connected(errors: tuple[type[BaseException], ...] = _CANCELLED) -> Iterator[None]:
    """Turn what a lost scheduler raises into an InputError."""
    try:
        yield
    except errors:
        raise InputError(
            "the connection to the scheduler is lost; what is finished is kept: run the study again."
        ) from None


def _ended(distributed: Any, running: set[Any]) -> set[Any]:
    """Those that have ended within a second; it may be none."""
    try:
        done: set[Any] = distributed.wait(running, timeout=_LOOK, return_when="FIRST_COMPLETED").done
    except TimeoutError:
        return set()
    return done


@contextmanager
def _ending(distributed: Any, client: Any) -> Iterator[Any]:
    """An event that ends the workers' shards after the trial under way, once it is set or the run is cancelled.

    Workers that begin later hear it, too. Those of a scheduler that runs on would else finish what they have begun.
    """
    event = distributed.Event(client=client)
    try:
        yield event
    except (GeneratorExit, KeyboardInterrupt):
        with suppress(*_CANCELLED, OSError):
            event.set()
        raise


def _under_way(client: Any, ending: Any, running: set[Any]) -> set[Any]:
    """Tell the workers to end after the trials under way: the tasks that they have. Those that wait are cancelled."""
    with _connected((*_CANCELLED, OSError)):
        ending.set()
        begun = {key for keys in client.processing().values() for key in keys}
        kept = {future for future in running if future.key in begun or future.done()}  # by now some may have ended
        client.cancel(list(running - kept))
    return kept


def _client(distributed: Any, cluster: Any, wait: float) -> Any:
    try:
        return distributed.Client(cluster, timeout=wait)
    except OSError:
        raise InputError(f"no scheduler answers at {cluster}; check its address, and that it runs.") from None


def _workers(client: Any) -> int:
    """How many workers there are."""
    with _connected((*_CANCELLED, OSError)):
        return len(client.nthreads())
