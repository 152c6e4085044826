"""Studies from plan to table, undisturbed and disturbed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.trials.running import duration, open_study, run_study, study_status
from napari_recon_robust.trials.store import Store
from napari_recon_robust.trials.table import NOT_MEASURED
from napari_recon_robust.trials.work import store_beside


def table(path: Path) -> polars.DataFrame:
    return Store.open(store_beside(path)).table()


def measured(path: Path) -> bytes:
    """What was measured, to the last bit."""
    content = table(path).sort("trial").drop(NOT_MEASURED).write_ndjson()
    assert content
    return content.encode()


def test_a_study_gives_a_row_for_each_trial_that_others_read(write_plan) -> None:
    import duckdb
    import pandas

    path = write_plan()
    status = run(run_study(path))
    assert (status.trials, status.finished, status.failed) == (5, 5, 0)
    found = table(path)
    assert found["error"].null_count() == 5
    assert found["budget_reached"].drop_nulls().to_list() == pytest.approx([0.01, 0.01, 0.05, 0.05], rel=0.05)
    random = found.filter(perturbation="random")
    assert (random["ssim_region_perturbed"] != random["ssim_region_clean"]).all()
    assert found["ssim_foreground_clean"].n_unique() == 1
    folder = store_beside(path) / "trials"
    assert len(pandas.read_parquet(folder)) == 5
    assert duckdb.sql(f"select count(distinct trial) from '{folder}/*.parquet'").limit(1).fetchall() == [(5,)]
    assert not list((store_beside(path) / "rows").glob("*"))


def test_what_is_finished_is_not_run_again(write_plan, monkeypatch) -> None:
    path = write_plan()
    run(run_study(path))
    before = table(path)
    monkeypatch.setattr("napari_recon_robust.trials.work.Measurer", None)
    assert run(run_study(path)).ended
    assert table(path).equals(before)
    monkeypatch.undo()
    more = write_plan(perturbations=["none", {"kind": "random", "budgets": [0.01, 0.02, 0.05]}])
    assert run(run_study(more)).finished == 7
    assert table(path).filter(polars.col("trial").is_in(before["trial"].to_list())).height == 5


def test_the_numbers_of_a_trial_do_not_depend_on_its_shard_mates(write_plan, tmp_path) -> None:
    parts = {
        "methods": ["tv", "zero-filled"],
        "regions": [
            {"kind": "annotations"},
            {"kind": "lesions", "count": 2},
            {"kind": "drawn", "boxes": "30,30,20,20"},
        ],
        "perturbations": ["none", {"kind": "worst-case", "budgets": [0.01, 0.02], "knobs": {"steps": 1}}],
        "metrics": ["ssim", "psnr", "nmse", "contrast_recovery", "detectability"],
    }
    together, alone = write_plan("together.yaml", **parts), write_plan("alone.yaml", **parts, shard=1)
    run(run_study(together))
    run(run_study(alone))
    assert measured(together) == measured(alone)


def test_a_failing_trial_is_recorded_and_tried_again_when_asked(write_plan, tmp_path) -> None:
    path = write_plan(regions=[{"kind": "lesions", "count": 1, "diameters": [90]}, {"kind": "annotations"}])
    status = run(run_study(path))
    assert (status.finished, status.failed) == (10, 5)
    assert "6 " not in status.sentence
    failed = table(path).filter(polars.col("error").is_not_null())
    assert failed.height == 5
    assert "tissue" in failed["error"][0]
    attempts = set(failed["attempt"])
    assert run(run_study(path)).failed == 5
    assert set(table(path).filter(polars.col("error").is_not_null())["attempt"]) == attempts
    assert run(run_study(path, retry=True)).failed == 5
    assert not set(table(path).filter(polars.col("error").is_not_null())["attempt"]) & attempts
    assert table(path).height == 10


def test_a_scan_that_vanishes_fails_its_trials(write_plan, tmp_path) -> None:
    path = write_plan()
    study = run(open_study(path, digests=True))

    def vanish(progress: Progress) -> None:
        if "0 of 5" in progress.message:
            (tmp_path / "head.h5").rename(tmp_path / "gone.h5")

    assert run(run_study(path), vanish).failed == len(study)
    (error,) = set(table(path)["error"])
    assert "head.h5" in error


def test_a_second_run_is_refused_and_may_join(write_plan) -> None:
    path = write_plan()
    run(run_study(path))
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lease = store_beside(path) / "run.json"
        from napari_recon_robust.ground.writing import host

        lease.write_text(f'{{"host": "{host()}", "process": {sleeper.pid}}}')
        with pytest.raises(InputError, match="is being run already"):
            run(run_study(path))
        assert run(run_study(path, join=True)).ended
        assert lease.exists()
    finally:
        sleeper.communicate(b"\n")
    assert run(run_study(path)).ended  # whoever held it is dead
    assert not lease.exists()


def test_shares_run_everything_together(write_plan) -> None:
    path = write_plan(shard=1)
    first = run(run_study(path, share=(1, 2)))
    assert 0 < first.finished < first.trials
    assert run(run_study(path, share=(2, 2))).ended
    run(run_study(path))
    assert table(path).height == 5


def test_the_status_needs_results(write_plan) -> None:
    path = write_plan()
    with pytest.raises(InputError, match="holds no results"):
        run(study_status(path))
    run(run_study(path))
    assert run(study_status(path)).to_json()["ended"]


def test_a_plan_without_trials_is_refused(write_plan) -> None:
    with pytest.raises(InputError, match="has no trial"):
        run(run_study(write_plan(slices=[0])))


COMMAND = [sys.executable, "-m", "napari_recon_robust.cli", "study", "run"]


@pytest.mark.slow
def test_killed_at_any_time_it_goes_on_to_the_same_bytes(write_plan) -> None:
    """Killed after each of its first trials; then it runs to its end."""
    parts = {"slices": "all", "regions": ["image"], "methods": ["zero-filled", "cg-sense"]}
    undisturbed, killed = write_plan("undisturbed.yaml", **parts), write_plan("killed.yaml", **parts)
    run(run_study(undisturbed))
    store = Store(store_beside(killed), {})
    for _ in range(3):
        before = len(store.finished()) if store.folder.exists() else 0
        process = subprocess.Popen([*COMMAND, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while process.poll() is None and len(store.finished()) < before + 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.wait()
        assert len(store.finished()) >= before
    status = run(run_study(killed))
    assert status.ended
    assert measured(killed) == measured(undisturbed)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM")
def test_sigterm_ends_after_the_trial_under_way(write_plan) -> None:
    path = write_plan(slices="all", regions=["image"], methods=["zero-filled", "cg-sense", "tv"])
    store = Store(store_beside(path), {})
    process = subprocess.Popen([*COMMAND, str(path)], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and not list(store.folder.glob("rows/*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "trials are finished" in said
    assert not list(store.folder.glob("rows/*"))
    assert len(store.finished()) == table(path).height > 0


def test_a_time_in_words() -> None:
    assert [duration(seconds) for seconds in (5, 600, 7500, 4e5)] == ["5 s", "10 min", "2 h 5 min", "4.6 days"]
