import os
import signal
import stat
import time
from pathlib import Path

import psutil
import pytest
import yaml

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.trials.executors.cluster import DaskExecutor, Local, Queued, Remote
from napari_recon_robust.trials.running import run_study
from napari_recon_robust.trials.store import Store
from napari_recon_robust.trials.table import NOT_MEASURED
from napari_recon_robust.trials.work import store_beside

PARTS = {"slices": "all", "regions": ["image"], "methods": ["zero-filled", "cg-sense"], "shard": 3}


def measured(path: Path) -> str:
    found: str = Store.open(store_beside(path)).table().sort("trial").drop(NOT_MEASURED).write_ndjson()
    return found


def cluster_file(folder: Path, **options) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(yaml.safe_dump(options))
    return path


@pytest.mark.slow
def test_two_workers_give_the_bytes_of_one_also_if_one_is_killed(write_plan) -> None:
    """A worker is killed once a trial is finished; the cluster starts another."""
    alone, together = write_plan("alone.yaml", **PARTS), write_plan("together.yaml", **PARTS)
    run(run_study(alone))
    links = list[str]()
    killed = list[int]()

    def kill(progress: Progress) -> None:
        if not killed and "/s" in progress.message:
            workers = [one for one in psutil.Process().children(recursive=True) if "spawn_main" in str(one.cmdline())]
            killed.append(workers[0].pid)
            os.kill(workers[0].pid, signal.SIGKILL)

    status = run(run_study(together, executor=DaskExecutor(Local(2), links.append)), kill)
    assert status.ended
    assert killed
    assert "/status" in links[0]
    assert measured(together) == measured(alone)
    assert not list((store_beside(together) / "rows").iterdir())


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


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"kind": "cloud"}, "give a line 'kind: '"), ({"kind": "slurm", "nonsense": 1}, "mend its options")],
)
def test_a_cluster_that_cannot_be_made(tmp_path, options, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        _ = Queued.read(cluster_file(tmp_path, **options)).script


def test_a_cluster_that_never_starts_is_told(write_plan, tmp_path, monkeypatch) -> None:
    fake = tmp_path / "bin" / "sbatch"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho Submitted batch job 7\n")
    (fake.parent / "scancel").write_text("#!/bin/sh\n")
    for script in fake.parent.iterdir():
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    file = cluster_file(tmp_path, kind="slurm", walltime="01:00", interface="lo", wait=0.5)
    path = write_plan()
    with pytest.raises(InputError, match="no worker of the cluster has started within"):
        run(run_study(path, executor=DaskExecutor(Queued.read(file))))
    assert not (store_beside(path) / "run.json").exists()


def test_a_scheduler_that_does_not_answer_is_told(write_plan) -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match="no scheduler answers"):
        run(run_study(write_plan(), executor=DaskExecutor(Remote("tcp://127.0.0.1:9", wait=0.5))))
    assert time.monotonic() - began < 60
