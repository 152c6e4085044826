"""How fast studies expand, check and keep trials, and what their workers lose: python benchmarks/studies.py.

expand      a plan of 1,000,000 trials, expanded and validated: goal 10 s and 1 GB
empty       1,000 shards of 100 trials that measure nothing, through the store: goal 500 trials/s
workers     two local workers beside two independent processes, on the same 28 attacks in turn three times: goal 95%,
            by the clock on a machine that does nothing else, and by processors' time on any; five minutes
grouping    the packaged sample's trials in one worker beside one command for each: goal 3 times
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import click
import numpy as np
import psutil
import yaml

from napari_recon_robust.ground.progress import run
from napari_recon_robust.simulation.packaged import sample_path
from napari_recon_robust.studies.checking import extent
from napari_recon_robust.studies.executors import inline
from napari_recon_robust.studies.expand import Study
from napari_recon_robust.studies.inventory import Inventory, ScanFacts
from napari_recon_robust.studies.measure import Measurements, Measurer
from napari_recon_robust.studies.plan import Plan
from napari_recon_robust.studies.running import open_study
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.table import columns_of

ROUNDS = 3
SKIPPED = 4  # trials at the beginning and at the end of a run
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
        store = Store.prepare(Path(folder) / "results", "imagined", b"", study.inventory, columns_of(study.inventory))
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
    """Seconds of the clock and of processors for each attack, without those that begin and end a run.

    The shares are medians of three rounds, in which both ways follow each other, with the least and largest.
    """
    plan = {
        "methods": ["unet"],
        "perturbations": [{"kind": "worst-case", "budgets": [0.005, 0.01], "knobs": {"steps": 1}}],
        "control": False,
        "shard": 1,
    }
    ways = {"together": [["run", "--workers", "2"]], "apart": [["work", "--shard", f"{n}/2"] for n in (1, 2)]}
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for number in range(ROUNDS):
        for way in sorted(ways, reverse=number % 2 == 1):
            with tempfile.TemporaryDirectory() as name:
                spent[way].append(spent_by(plan_of_sample(Path(name), way, **plan), ways[way]))
                clock, busy = spent[way][-1]
                click.echo(f"{way}: {clock:.3f} s by the clock, {busy:.3f} s of processors for an attack", err=True)
    found = {"goal": 0.95, "rounds": ROUNDS}
    for place, by in enumerate(("clock", "processors")):
        apart, together = (np.array([one[place] for one in spent[way]]) for way in ("apart", "together"))
        for name, summary in (("share", np.median), ("least", np.min), ("largest", np.max)):
            found[f"{name}_by_{by}"] = float(summary(apart / together))
        found[f"seconds_of_an_attack_by_{by}"] = float(np.median(together))
    return found


def spent_by(plan: Path, ways: list[list[str]]) -> tuple[float, float]:
    """Seconds by the clock and of processors for each trial of a study that these commands run side by side.

    Both are slopes over the finished trials; the first and the last four do not count.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    commands = [[*COMMAND, "study", first, str(plan), *more] for first, *more in ways]
    ours = [
        psutil.Popen(one, env=os.environ | threads, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for one in commands
    ]
    rows, seen = plan.with_suffix(".results") / "rows", list[tuple[int, float, float]]()
    while all(one.poll() is None for one in ours):
        seen.append((len(list(rows.glob("*.parquet"))), time.perf_counter(), sum(map(busy_with, ours))))
        time.sleep(0.25)
    assert {one.wait() for one in ours} == {0}
    counts, *sums = np.array(seen).T
    inside = (counts >= SKIPPED) & (counts <= counts.max() - SKIPPED)
    clock, busy = (float(np.polyfit(counts[inside], one[inside], 1)[0]) for one in sums)
    return clock, busy


def busy_with(process: psutil.Process) -> float:
    """Seconds of processors that a process and those that it has started have computed."""
    seconds = 0.0
    with suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                used = one.cpu_times()
                seconds += used.user + used.system
    return seconds


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
