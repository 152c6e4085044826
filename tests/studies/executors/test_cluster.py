import importlib
import json
import logging
import multiprocessing
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dask.config
import distributed
import polars
import pytest
import yaml

from helpers.cluster_parts import FORKED, client, nothing, scheduler, started, worker
from helpers.studies import measured
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Cancelled, Progress, run
from napari_recon_robust.studies.executors import cluster, jobs
from napari_recon_robust.studies.executors.cluster import DaskExecutor, Local, Queued, Remote
from napari_recon_robust.studies.lease import Lease
from napari_recon_robust.studies.running import open_study, prepare_study, run_study, study_status
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.watching import ask_to_stop
from napari_recon_robust.studies.work import store_beside

KILLS = int(os.environ.get("KILLS", "1"))  # of each; make kills: 20
by_make_kills = pytest.mark.skipif(KILLS < 20, reason="make kills kills these too")
RUN = [sys.executable, "-m", "napari_recon_robust.cli", "study", "run"]
SILENT: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
PARTS = {
    "slices": "all",
    "regions": ["image"],
    "methods": ["zero-filled", "cg-sense"],
    "perturbations": ["none", {"kind": "random", "budgets": [0.01, 0.05]}],
    "seeds": [0, 1],
    "shard": 3,
}


def cluster_file(folder: Path, **options) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(yaml.safe_dump(options))
    return path


class Disturbed:
    """Studies that are killed, one after the other, until there were so many kills; the trials of all are the same."""

    def __init__(self, write_plan: Callable[..., Path], alone: str) -> None:
        self.write_plan, self.killed, self.paths, self.alone = write_plan, 0, list[Path](), alone

    def unfinished(self) -> Iterator[Path]:
        """A plan that has trials to run, until there were enough kills."""
        while self.killed < KILLS:
            path = self.write_plan(f"killed-{len(self.paths)}.yaml", **PARTS)
            self.paths.append(path)
            while self.killed < KILLS and not (store_beside(path).exists() and run(study_status(path)).ended):
                yield path

    def check(self) -> None:
        """All of them go on to their end, and are like the undisturbed one.

        One run leaves nothing over, though workers may live on whose client was killed: they see that a later run has
        begun before they keep a row. A look and a write are two steps. So a worker that sleeps between them for as long
        as that run takes leaves one row over, which the table of the command line has, and the next run merges.
        """
        assert self.killed >= KILLS
        for path in self.paths:
            assert run(run_study(path)).ended
            assert not list((store_beside(path) / "rows").iterdir())
            assert measured(path) == self.alone
            every = polars.read_parquet(store_beside(path) / "trials")
            assert every["trial"].n_unique() == every.height


@pytest.fixture(scope="module")
def alone(write_shared_plan) -> str:
    """What the study measures that nothing disturbs."""
    path = write_shared_plan("alone.yaml", **PARTS)
    run(run_study(path))
    return measured(path)


@pytest.fixture
def disturbed(write_plan, alone) -> Disturbed:
    return Disturbed(write_plan, alone)


@pytest.fixture
def forked() -> Iterator[None]:
    """Processes begin at once, those of Dask too."""
    importlib.import_module("distributed")  # or the end of the setting would take its defaults along
    started(nothing).join()
    with dask.config.set(FORKED):
        yield


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_workers_lose_nothing(disturbed, forked) -> None:
    """A worker is killed once a trial is finished, again and again; the cluster starts another each time."""
    links = list[str]()
    for path in disturbed.unfinished():
        finished = ""

        def kill(progress: Progress) -> None:
            nonlocal finished
            if disturbed.killed < KILLS and "/s" in progress.message and progress.message[:9] != finished:
                finished = progress.message[:9]
                for one in multiprocessing.active_children()[:1]:
                    one.kill()
                    disturbed.killed += 1

        with suppress(InputError):  # of workers that die again and again
            run(run_study(path, executor=DaskExecutor(Local(2), links.append)), kill)
    assert "/status" in links[0]
    disturbed.check()


@by_make_kills
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_clients_lose_nothing(disturbed, forked, tmp_path) -> None:
    """The client of a cluster on this machine holds its scheduler too; their workers end with it."""
    for path in disturbed.unfinished():
        process = started(client, path, "", tmp_path / "said")
        disturbed.killed += ended_by_kill(process, process, path)
    disturbed.check()


@by_make_kills
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_schedulers_lose_nothing(disturbed, forked, tmp_path) -> None:
    """A scheduler that serves a client and two workers; the client says that it is gone."""
    said = tmp_path / "said"
    for number, path in enumerate(disturbed.unfinished()):
        file = tmp_path / f"scheduler-{number}.json"
        parts = [started(scheduler, file)]
        try:
            until(file.exists)
            parts += [started(worker, file) for _ in range(2)]
            parts += [started(client, path, json.loads(file.read_text())["address"], said)]
            disturbed.killed += ended_by_kill(parts[0], parts[-1], path)
            parts[-1].join(300)
            assert "the connection to the scheduler is lost" in said.read_text() or run(study_status(path)).ended
        finally:
            for one in parts:
                one.kill()
                one.join()
    disturbed.check()


@pytest.mark.slow
@by_make_kills
def test_a_killed_command_loses_nothing(write_plan, alone) -> None:
    """As users start it, with workers that are no forks."""
    path = write_plan("killed.yaml", **PARTS)
    process = subprocess.Popen([*RUN, str(path), "--workers", "2"], **SILENT)
    until(lambda: process.poll() is not None or finished(path) > 0)
    process.kill()
    process.wait()
    assert run(run_study(path)).ended
    assert measured(path) == alone


def ended_by_kill(process: BaseProcess, client: BaseProcess, path: Path) -> bool:
    """Kill a process once more trials are finished; False if the client has ended before."""
    before = finished(path)
    until(lambda: not client.is_alive() or finished(path) > before)
    early = not client.is_alive()
    process.kill()
    process.join()
    return not early


def finished(path: Path) -> int:
    """How many trials of a plan are finished."""
    store = Store(store_beside(path), {})
    return len(store.finished()) if store.folder.exists() else 0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


WAITS = """
import time
from pathlib import Path

HERE = Path(__file__).parent

def reconstruct(kspace, mask, sensitivities):
    end = time.monotonic() + 60
    while any(HERE.glob("plan.results/rows/*")) and not (HERE / "told").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return abs(kspace).sum(0)
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_trial_is_counted_before_its_shard_has_ended(write_plan, forked, tmp_path) -> None:
    """A method goes on with the second trial of the only shard once it was told that the first is finished."""
    (tmp_path / "waits.py").write_text(WAITS)
    path, counted = write_plan(methods=["waits.py:reconstruct"]), list[int]()

    def follow(progress: Progress) -> None:
        if found := re.match(r"(\d+) of 5 trials", progress.message):
            counted.append(int(found[1]))
            if counted[-1]:
                (tmp_path / "told").touch()

    status = run(run_study(path, trust=True, executor=DaskExecutor(Local(1))), follow)
    assert (status.finished, status.failed) == (5, 0)
    assert any(0 < number < 5 for number in counted)
    assert counted == sorted(counted)


BEGINS = """
import os, time
from pathlib import Path

HERE = Path(__file__).parent

def reconstruct(kspace, mask, sensitivities):
    (HERE / f"begun-{os.getpid()}").touch()
    end = time.monotonic() + 60
    while not (HERE / "told").exists() and time.monotonic() < end:
        time.sleep(0.05)
    return abs(kspace).sum(0)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_run_that_is_stopped_keeps_the_trials_under_way_of_its_workers(write_plan, forked, tmp_path) -> None:
    """They end after it was asked to stop: it waits for them, and runs nothing else.

    Its workers get SIGTERM too, as from what signals all of a group.
    """
    (tmp_path / "begins.py").write_text(BEGINS)
    path, looks = write_plan(methods=["begins.py:reconstruct"], slices="all", regions=["image"]), 0

    def follow(_: Progress) -> None:
        nonlocal looks
        if len(list(tmp_path.glob("begun-*"))) == 2:
            looks += 1
            ask_to_stop(store_beside(path))
            for one in multiprocessing.active_children():
                one.terminate()
        if looks == 2:
            (tmp_path / "told").touch()

    status = run(run_study(path, trust=True, executor=DaskExecutor(Local(2))), follow)
    assert status.stopped
    assert (status.finished, status.failed, status.trials) == (2, 0, 15)
    assert run(run_study(path, trust=True)).finished == 15


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_workers_of_a_scheduler_that_runs_on_end_a_cancelled_run_after_the_trial_under_way(
    write_plan, forked, tmp_path
) -> None:
    """They finished all of the shard that they had begun."""
    (tmp_path / "begins.py").write_text(BEGINS)
    path = write_plan(methods=["begins.py:reconstruct"])

    def follow(_: Progress) -> None:
        if list(tmp_path.glob("begun-*")):
            raise Cancelled

    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as workers:
        executor = DaskExecutor(Remote(workers.scheduler_address))
        with pytest.raises(Cancelled):
            run(run_study(path, trust=True, executor=executor), follow)
        (tmp_path / "told").touch()
        with distributed.Client(workers) as watch:
            deadline = time.monotonic() + 60
            while any(watch.run(lambda dask_worker: len(dask_worker.state.executing)).values()):
                assert time.monotonic() < deadline
                time.sleep(0.05)
    assert run(study_status(path, trust=True)).finished == 1


def test_a_worker_goes_on_with_the_plan_that_is_run_and_none_begins_with_another(write_plan, monkeypatch) -> None:
    """Numbers of trials are those of the plan whose run submits them, though somebody who takes part has edited it."""
    teller = SimpleNamespace(log_event=lambda *event: None, get_current_task=lambda: "task", name=0)
    never = SimpleNamespace(is_set=lambda: False)
    monkeypatch.setattr(cluster, "dask", lambda: SimpleNamespace(get_worker=lambda: teller, Event=lambda name: never))
    monkeypatch.setattr(cluster, "_worker", None)
    path = write_plan(shard=1)
    place = store_beside(path)
    study = run(prepare_study(path, store=place))
    store, shards, ids = Store.open(place), [*study.shards()], [*study.ids()]
    arguments = str(study.folder), str(place), False, None, store.digest, "ending"
    cluster.work(*arguments, shards[0])
    edited = run(prepare_study(write_plan(shard=1, methods=["cg-sense"]), store=place))
    assert not set(edited.ids()) & set(ids)
    cluster.work(*arguments, shards[1])
    assert store.finished() < set(ids)
    assert cluster._worker is not None
    cluster._worker[1].close()
    cluster._worker = None
    with pytest.raises(
        InputError, match=r"the plan of the results in .* was edited, or its scans changed, while it ran"
    ):
        cluster.work(*arguments, shards[2])


@pytest.mark.slow
def test_workers_on_this_machine_do_not_watch_themselves_and_are_silent(capfd) -> None:
    """Samples of the stack take 3% of a core for each worker."""
    from dask import config
    from distributed import Client

    study = SimpleNamespace(plan=SimpleNamespace(threads=1))
    with Local(1).open(study) as cluster, Client(cluster) as client:  # type: ignore[arg-type]
        assert set(client.run(config.get, "distributed.worker.profile.enabled").values()) == {False}
        client.run(lambda: logging.getLogger("distributed.worker").error("the scheduler has gone"))
    assert config.get("distributed.worker.profile.enabled") is not False, "only there"
    assert "has gone" not in capfd.readouterr().err, "as after an interruption, with a traceback of Dask's"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("slurm", "#SBATCH --cpus-per-task=2"),
        ("pbs", "#PBS -l select=1:ncpus=2"),
        ("sge", "#$ -l h_rt="),
        ("lsf", "#BSUB -n 2"),
    ],
)
def test_the_script_of_each_batch_system(tmp_path, kind, line) -> None:
    queued = Queued.read(cluster_file(tmp_path, kind=kind, cores=2, memory="4GB", walltime="01:00", jobs=3))
    assert queued.jobs == 3
    script = queued.script
    assert line in script
    assert "distributed.cli.dask_worker" in script or "dask worker" in script
    assert "export DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL=5s" in script
    assert "export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False" in script


def test_local_workers_keep_no_profiles(write_plan, monkeypatch) -> None:
    """They would fill some megabytes each minute."""

    class Made(nullcontext[object]):
        def __init__(self, **options: Any) -> None:
            super().__init__(dask.config.get("distributed.worker.profile.enabled"))

    monkeypatch.setattr("distributed.LocalCluster", Made)
    before = dask.config.get("distributed.worker.profile.enabled")
    with Local(1).open(run(open_study(write_plan()))) as enabled:
        assert enabled is False
    assert dask.config.get("distributed.worker.profile.enabled") == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "cloud"}, "give a line 'kind: '"),
        ({"kind": ["slurm"]}, "give a line 'kind: '"),
        ({"kind": "slurm", "nonsense": 1}, "mend its options"),
        ({"kind": "slurm", "walltime": "01:00", "queue": {"a": 1}, "memory": [4]}, "mend its options"),
        ({"kind": "slurm", "jobs": "many"}, "has jobs: 'many'; give a whole number"),
        ({"kind": "slurm", "wait": -1}, "has wait: -1; give a number"),
        ({"kind": "slurm", "cores": 1e30}, r"has cores: 1e\+30; give a whole number"),
        ({"kind": "slurm", "cores": 10**30}, "has cores: 10+; give a whole number"),
        ({"kind": "slurm", "processes": 0}, "has processes: 0; give a whole number"),
    ],
)
def test_a_cluster_that_cannot_be_made(tmp_path, options, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        _ = Queued.read(cluster_file(tmp_path, **options)).script


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> Callable[..., Path]:
    """The file of a cluster whose `sbatch` has these lines of a shell; what its `scancel` is asked is written down."""

    def make(lines: str, **options: object) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name, text in (("sbatch", lines), ("scancel", f"echo $* >> {tmp_path / 'cancelled'}")):
            (folder / name).write_text(f"#!/bin/sh\n{text}\n")
            (folder / name).chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return cluster_file(tmp_path, kind="slurm", walltime="01:00", interface="lo", **options)

    return make


@pytest.mark.slow
def test_a_cluster_that_never_starts_is_told(write_plan, slurm) -> None:
    file, path = slurm("echo Submitted batch job 7", wait=0.5), write_plan()
    with pytest.raises(InputError, match="the cluster has had no worker for 0 s; look at its queue"):
        run(run_study(path, executor=DaskExecutor(Queued.read(file))))
    assert Lease(store_beside(path)).holder is None


ENDS = """
import os, signal
from pathlib import Path

HERE = Path(__file__).parent

def reconstruct(kspace, mask, sensitivities):
    if any(HERE.glob("plan.results/rows/*")) and not (HERE / "ended").exists():
        (HERE / "ended").touch()
        os.killpg(0, signal.SIGKILL)
    return abs(kspace).sum(0)
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="process groups")
def test_a_study_outlives_its_jobs(write_plan, slurm, tmp_path, monkeypatch) -> None:
    """The only one is killed after the first trial, and another one takes its place."""
    monkeypatch.setattr(jobs, "_LOST", 0.5)
    (tmp_path / "ends.py").write_text(ENDS)
    submitted, script, log = (tmp_path / name for name in ("submitted", "script", "log"))
    lines = f'echo job >> {submitted}; cp "$1" {script}; setsid sh {script} >> {log} 2>&1 &'
    file = slurm(f"{lines} echo Submitted batch job 7")
    path, said = write_plan(methods=["ends.py:reconstruct"]), list[str]()
    executor = DaskExecutor(Queued.read(file))
    status = run(run_study(path, trust=True, executor=executor), lambda progress: said.append(progress.message))
    assert (status.finished, status.failed) == (5, 0), log.read_text()
    assert submitted.read_text().split() == ["job", "job"]
    assert any("no worker at present" in one for one in said)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Remote("tcp://10.0.0.1:8786"), "the scheduler at .* has had no worker for 30 s; start some"),
        (Queued("slurm", {}), "the cluster has had no worker for 3600 s; look at its queue"),
        (Local(), "none of the processes here has been at work for 120 s"),
    ],
)
def test_workers_that_have_gone_are_waited_for_as_long_as_the_first(kind, sentence, monkeypatch) -> None:
    now, threads = [0.0], {"tcp://10.0.0.2:1": 1}
    monkeypatch.setattr(cluster.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(cluster, "Jobs", lambda *_: SimpleNamespace(renew=lambda useful, needed: False))
    attendance = cluster._Attendance(kind, None, SimpleNamespace(nthreads=lambda: threads))
    now[0] = 5000.0
    assert attendance.workers(2, set()) == 1
    threads.clear()
    now[0] += kind.wait - 1
    assert attendance.workers(2, set()) == 0
    now[0] += 2
    with pytest.raises(InputError, match=rf"{sentence}.* What is finished is kept: run the study again\.$"):
        attendance.workers(2, set())


@pytest.mark.slow
def test_where_nothing_is_left_no_job_is_submitted(write_plan, slurm) -> None:
    """And what was run by then is merged."""
    path = write_plan()
    whole = run(run_study(path))
    again = run(run_study(path, executor=DaskExecutor(Queued.read(slurm("exit 1")))))
    assert again.finished == whole.finished == whole.trials


@pytest.mark.slow
def test_a_run_that_waits_for_a_cluster_can_be_stopped(write_plan, slurm, tmp_path) -> None:
    file, path = slurm("echo Submitted batch job 7"), write_plan()

    def stop(_: Progress) -> None:
        ask_to_stop(store_beside(path))

    assert run(run_study(path, executor=DaskExecutor(Queued.read(file))), stop).finished == 0
    assert (tmp_path / "cancelled").read_text().split() == ["7"]


def test_jobs_that_cannot_be_submitted_are_told(write_plan, tmp_path, monkeypatch) -> None:
    """At once: the first worker may be waited for for an hour."""
    monkeypatch.setenv("PATH", str(tmp_path))
    file = cluster_file(tmp_path, kind="slurm", walltime="01:00", interface="lo")
    with pytest.raises(InputError, match="there is no command 'sbatch' here"):
        run(run_study(write_plan(), executor=DaskExecutor(Queued.read(file))))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("echo sbatch: error: invalid partition: gpu >&2; exit 1", "sbatch: error: invalid partition: gpu"),
        ("exit 1", "Command exited with non-zero exit code"),
        ("echo Thank you", "Could not parse job id"),
    ],
)
def test_jobs_that_are_refused_are_told_at_once(write_plan, slurm, lines, said) -> None:
    """With the words of the batch system; the first worker would be waited for for an hour."""
    file = slurm(lines)
    with pytest.raises(InputError, match=rf"slurm does not take the jobs \({re.escape(said)}.*\); mend the options"):
        run(run_study(write_plan(), executor=DaskExecutor(Queued.read(file))))


def test_where_some_jobs_are_refused_the_others_are_cancelled(write_plan, slurm, tmp_path) -> None:
    file = slurm(f"mkdir {tmp_path / 'one'} && echo Submitted batch job 7", jobs=2)
    with pytest.raises(InputError, match="slurm does not take the jobs"):
        run(run_study(write_plan(), executor=DaskExecutor(Queued.read(file))))
    assert (tmp_path / "cancelled").read_text().split() == ["7"]


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_told(write_plan) -> None:
    with pytest.raises(InputError, match="no scheduler answers"):
        run(run_study(write_plan(), executor=DaskExecutor(Remote("tcp://127.0.0.1:9", wait=0.5))))
