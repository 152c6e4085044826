"""How fast studies expand, check and keep trials, and what their workers lose: python benchmarks/studies.py.

expand      a plan of 1,000,000 trials, expanded and validated: goal 10 s and 1 GB
empty       1,000 shards of 100 trials that measure nothing, through the store: goal 500 trials/s
workers     two local workers beside two independent processes, on the same trials: goal 95%
grouping    the packaged sample's trials in one worker beside one command for each: goal 3 times
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import click
import yaml

from napari_recon_robust.ground.progress import run
from napari_recon_robust.simulation.sample import sample_path
from napari_recon_robust.trials.checking import extent
from napari_recon_robust.trials.executors import inline
from napari_recon_robust.trials.executors.cluster import DaskExecutor, Local
from napari_recon_robust.trials.expand import Study
from napari_recon_robust.trials.inventory import Inventory, ScanFacts
from napari_recon_robust.trials.measure import Measurements, Measurer
from napari_recon_robust.trials.plan import Plan
from napari_recon_robust.trials.running import open_study, run_study
from napari_recon_robust.trials.store import Store
from napari_recon_robust.trials.table import columns_of

COMMAND = [sys.executable, "-m", "napari_recon_robust.cli"]


def imagined(scans: int, **parts: object) -> Study:
    """A study of scans that are not there."""
    plan = Plan.model_validate({"study": "imagined", "scans": "*.h5", **parts})
    facts = [
        ScanFacts(path=f"{n:05}.h5", volume=f"{n:05}.h5", digest=f"{n:064x}", slices=10, matrix=(320, 320))
        for n in range(scans)
    ]
    return Study(plan, Path(), Inventory(scans=tuple(facts)))


def expand() -> dict[str, float]:
    study = imagined(
        100,
        slices="all",
        regions=[{"kind": "grid", "side": 64}],
        masks=[{"acceleration": [4, 8]}],
        methods=["zero-filled", "tv"],
        perturbations=["none", {"kind": "worst-case", "budgets": [0.005, 0.01, 0.02, 0.05]}, {"kind": "rotation"}],
    )
    began, busy = time.perf_counter(), time.process_time()
    found = run(extent(study))
    seconds, cpu = time.perf_counter() - began, time.process_time() - busy
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    million = seconds * 1e6 / found.trials
    per_million = {"seconds_for_a_million": million, "cpu_seconds_for_a_million": cpu * 1e6 / found.trials}
    return {"trials": found.trials, **per_million, "peak_gigabytes": kilobytes / 1e6}


def empty() -> dict[str, float]:
    study = imagined(
        100, slices="all", methods=["zero-filled"], seeds=list(range(50)), shard=100,
        perturbations=[{"kind": "random", "budgets": [0.01]}],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, patch.object(Measurer, "measure", lambda *_, **__: Measurements({})):
        store = Store.prepare(Path(folder) / "results", "imagined", b"", study.inventory, columns_of(study))
        began = time.perf_counter()
        count = sum(more for more, _ in inline.run(study, store, study.shards(), lambda: False))
        kept = time.perf_counter() - began
        store.compact()
        seconds = time.perf_counter() - began
        rows = len(store.finished())
    return {"trials": count, "rows": rows, "kept_per_second": count / kept, "merged_per_second": count / seconds}


def plan_of_sample(folder: Path, name: str, **parts: object) -> Path:
    values: dict[str, object] = {
        "study": name,
        "scans": str(sample_path()),
        "slices": "annotated",
        "regions": [{"kind": "annotations"}],
        "methods": ["unrolled-hqs"],
        "perturbations": [{"kind": "worst-case", "budgets": [0.005, 0.01], "knobs": {"steps": 1}}],
        "shard": 4,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(values | parts))
    return path


def workers() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        together, apart = plan_of_sample(folder, "together"), plan_of_sample(folder, "apart")
        began = time.perf_counter()
        run(run_study(together, executor=DaskExecutor(Local(2))))
        by_dask = time.perf_counter() - began
        began = time.perf_counter()
        ours = [subprocess.Popen([*COMMAND, "study", "work", str(apart), "--shard", f"{n}/2"]) for n in (1, 2)]
        assert [one.wait() for one in ours] == [0, 0]
        independent = time.perf_counter() - began
    return {"dask_seconds": by_dask, "processes_seconds": independent, "share": independent / by_dask}


def grouping() -> dict[str, float]:
    """In seconds of processors, so that other programs do not matter."""
    with tempfile.TemporaryDirectory() as name:
        path = plan_of_sample(Path(name), "grouped", slices=[2])
        began = children()
        subprocess.run([*COMMAND, "study", "run", str(path), "--workers", "1"], check=True)
        grouped = children() - began
        trials = len(run(open_study(path, digests=True)))
        options = ["--pattern", "equispaced", "--method", "unrolled-hqs", "--steps", "1", "--slice", "2", "--json"]
        annotations = ["--annotations", str(sample_path().with_suffix(".csv")), "--budget", "0.01"]
        command = [*COMMAND, "perturb", "worst-case", str(sample_path()), *options, *annotations]
        began = children()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        single = children() - began
    return {
        "trials": trials,
        "of_a_trial": grouped / trials,
        "of_a_command": single,
        "times": single * trials / grouped,
    }


def children() -> float:
    """Seconds that the processes of this one have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


PARTS = {"expand": expand, "empty": empty, "workers": workers, "grouping": grouping}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
def main(parts: tuple[str, ...]) -> None:
    """Measure PARTS, all if none is named, and print them as JSON."""
    for name in parts or PARTS:
        click.echo(json.dumps({name: {key: round(value, 3) for key, value in PARTS[name]().items()}}))


if __name__ == "__main__":
    main()
