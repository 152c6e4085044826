"""Studies from plan to table, undisturbed and disturbed."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import h5py
import polars
import psutil
import pytest

from helpers.faults import fails_at, fails_from, steps
from helpers.leases import held
from helpers.studies import measured
from napari_recon_robust.api import study_report
from napari_recon_robust.data.cautions import cautions
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.studies import lease, running, shared, store, watching
from napari_recon_robust.studies.changed import changed_since_run
from napari_recon_robust.studies.lease import Lease
from napari_recon_robust.studies.mistakes import PlanError
from napari_recon_robust.studies.remarks import failures
from napari_recon_robust.studies.running import open_study, prepare_study, run_study, study_status
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.watching import ask_to_stop
from napari_recon_robust.studies.work import store_beside


def table(path: Path) -> polars.DataFrame:
    return Store.open(store_beside(path)).table()


@pytest.mark.slow
def test_a_study_gives_a_row_for_each_trial_that_others_read(write_plan) -> None:
    import duckdb
    import pandas

    path = write_plan()
    status = run(run_study(path))
    assert (status.trials, status.finished, status.failed) == (5, 5, 0)
    found = table(path)
    assert found["error"].null_count() == 5
    assert found["budget_reached"].drop_nulls().to_list() == pytest.approx([0.01, 0.01, 0.05, 0.05], rel=0.05)
    with open_scan(path.with_name("head.h5")) as scan:
        sampling = Sampling(acceleration=2, centre_fraction=0.2, minimum_centre_lines=12)
        assert set(found["effective_acceleration"]) == {scan.measurement(1, sampling).acceleration}
    random = found.filter(perturbation="random")
    assert (random["ssim_region_perturbed"] != random["ssim_region_clean"]).all()
    assert found["ssim_foreground_clean"].n_unique() == 1
    folder = store_beside(path) / "trials"
    assert len(pandas.read_parquet(folder)) == 5
    assert duckdb.sql(f"select count(distinct trial) from '{folder}/*.parquet'").limit(1).fetchall() == [(5,)]
    assert not list((store_beside(path) / "rows").glob("*"))
    (attempt,) = found["attempt"].unique()
    known = json.loads((store_beside(path) / "provenance" / f"{attempt}.json").read_text())
    assert set(known["methods"]) == set(found["method_label"])
    assert set(found["code"]) == {known["code"][:12]}
    assert set(known["libraries"]) == {"h5py", "polars"}
    assert set(found["reference_kind"]) == {"rss"}, "that of zero-filled images"


def test_the_rate_and_the_time_left_are_those_of_the_trials_of_this_run(tmp_path: Path, monkeypatch) -> None:
    """Of 10 trials 4 were finished before it began; 3 in 2 seconds leave 3, so that 2 seconds are left."""
    now = [100.0]
    monkeypatch.setattr(running, "time", mock.Mock(monotonic=lambda: now[0]))
    clock = running._Clock(10, 4, tmp_path)
    assert clock.due
    assert clock.progress() == Progress(0.4, "4 of 10 trials")
    now[0] += 0.9
    assert not clock.due
    clock.count((2, 1))
    clock.count((1, 0))
    now[0] += 1.1
    assert clock.due
    assert clock.progress() == Progress(0.7, "7 of 10 trials, 1 failed, 1.5/s, 2 s left")
    assert not clock.due
    assert watching.look(tmp_path).told == watching.Told(10, 7, 1, rate=1.5, left=2.0)


@pytest.mark.slow
def test_scans_and_methods_that_are_to_be_doubted_are_told(write_plan, monkeypatch) -> None:
    """A folder's scans are never looked at one by one: whatever is wrong with one has to be told by the study."""
    path = write_plan(
        scans="*.h5",
        regions=[{"kind": "drawn", "boxes": ["40,40,20,20"]}],
        methods=["zero-filled", "tenfold.py"],
        perturbations=["none", {"kind": "random", "budgets": [0.1]}],
        control=False,
    )
    loud = path.with_name("loud.h5")
    shutil.copy(path.with_name("head.h5"), loud)
    with h5py.File(loud, "r+") as file:
        file["kspace"][:, 1] *= 1000
    model = "lambda kspace, mask, sensitivities: 10 * (sensitivities.conj() * ifft(kspace)).sum(0)"
    fourier = "from napari_recon_robust.physics.fourier import ifft"
    path.with_name("tenfold.py").write_text(f"{fourier}\n\nreconstruct = {model}\n")
    asked = mock.Mock(side_effect=cautions)
    monkeypatch.setattr(shared, "cautions", asked)
    status = run(run_study(path, trust=True))
    coil, units = sorted(status.cautions)
    assert coil.startswith("loud.h5: Coil 1, counted from 0, is 1,000 times as loud")
    assert units.startswith("tenfold.py")
    assert "multiplied by 0.1" in units
    assert [line.endswith(" (4 trials)") for line in (coil, units)] == [True, True]
    assert asked.call_count == 2  # once for each scan
    found = table(path).select("scan", "method", "cautions").unique().sort("scan", "method")
    names = [None if text is None else list(json.loads(text)) for text in found["cautions"]]
    assert names == [["disagreement"], None, ["disagreement", "loud_coil"], ["loud_coil"]]


@pytest.mark.slow
def test_it_is_told_why_trials_failed(write_plan) -> None:
    path = write_plan(regions=[{"kind": "drawn", "boxes": ["1,1,9000,1"]}, {"kind": "annotations"}])
    (line,) = run(run_study(path)).failures
    assert line.startswith("5 trials of head.h5 failed: the ROI ")
    assert run(study_status(path)).failures == [line]


@pytest.mark.parametrize(
    ("scans", "named"),
    [
        ("a", "1 trial of a"),
        ("ba", "2 trials of a and b"),
        ("abca", "4 trials of a, b and c"),
        ("abcd", "4 trials of 4 scans"),
    ],
)
def test_a_reason_of_failures_names_the_scans_that_it_was_met_in(scans: str, named: str) -> None:
    errors = ["it is cut off"] * len(scans)
    trials = polars.DataFrame({"scan": [*scans, "z"], "error": [*errors, None]})
    assert failures(trials) == [f"{named} failed: it is cut off"]


@pytest.mark.slow
def test_what_is_finished_is_not_run_again(write_plan, monkeypatch) -> None:
    path = write_plan()
    run(run_study(path))
    before = table(path)
    monkeypatch.setattr("napari_recon_robust.studies.work.Measurer", None)
    assert run(run_study(path)).ended
    assert table(path).equals(before)
    monkeypatch.undo()
    more = write_plan(perturbations=["none", {"kind": "random", "budgets": [0.01, 0.02, 0.05]}])
    assert run(run_study(more)).finished == 7
    assert table(path).filter(polars.col("trial").is_in(before["trial"].to_list())).height == 5


@pytest.mark.thorough
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_scan_that_vanishes_fails_its_trials(write_plan, tmp_path) -> None:
    path = write_plan()
    study = run(open_study(path, digests=True))

    def vanish(progress: Progress) -> None:
        if "0 of 5" in progress.message:
            (tmp_path / "head.h5").rename(tmp_path / "gone.h5")

    assert run(run_study(path), vanish).failed == len(study)
    (error,) = set(table(path)["error"])
    assert "head.h5" in error


@pytest.mark.slow
def test_a_second_run_is_refused_and_may_join(write_plan) -> None:
    path = write_plan()
    run(run_study(path))
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        other = held(store_beside(path), sleeper.pid, number=2)
        with pytest.raises(InputError, match="is being run already"):
            run(run_study(path))
        assert run(run_study(path, join=True)).ended
        assert other.exists()
    finally:
        sleeper.communicate(b"\n")
    assert run(run_study(path)).ended  # whoever held it is dead
    assert not other.exists()


@pytest.mark.slow
def test_a_run_that_is_refused_leaves_the_plan_of_the_one_under_way(write_plan) -> None:
    """Else that one tells of an edited plan's trials at its end, of which it has run none."""
    path = write_plan()
    first = run_study(path)
    while Lease(store_beside(path)).holder is None:
        next(first)
    write_plan(methods=["cg-sense"])
    with pytest.raises(InputError, match="is being run already"):
        run(run_study(path))
    last = run(first)
    assert (last.trials, last.finished) == (5, 5)
    assert set(table(path)["method_label"]) == {"zero-filled"}


@pytest.mark.slow
def test_a_plan_that_is_edited_while_its_scans_are_looked_at_is_run_as_it_was_read(write_plan) -> None:
    """Else the results hold another plan than their trials are of, and the workers of a cluster run that one's."""
    path = write_plan()
    job = run_study(path)
    next(job)
    write_plan(methods=["cg-sense"])
    assert run(job).ended
    assert "cg-sense" not in (store_beside(path) / "plan.yaml").read_text(encoding="utf-8")
    assert changed_since_run(path, Store.open(store_beside(path)))


@pytest.mark.slow
def test_who_takes_part_stops_with_the_run(write_plan) -> None:
    """A request to stop reaches all processes that take part; it does not concern the next run."""
    path = write_plan()
    run(run_study(path, share=(2, 2)))
    other = held(store_beside(path), os.getppid(), number=2)

    def stop(progress: Progress) -> None:
        ask_to_stop(store_beside(path))

    stopped = run(run_study(path, join=True), stop)
    assert stopped.finished == 0
    other.unlink()
    assert run(run_study(path)).ended


@pytest.mark.slow
def test_shares_run_everything_together(write_plan) -> None:
    path = write_plan(shard=1)
    said = list[str]()
    first = run(run_study(path, share=(1, 2)), lambda step: said.append(step.message))
    assert "0 of 3 trials" in said, "its own"
    assert 0 < first.finished < first.trials
    assert run(run_study(path, share=(2, 2))).ended
    assert polars.read_parquet(store_beside(path) / "trials").height == 5


@pytest.mark.slow
def test_results_of_another_machine_are_copied_beside_the_own(write_plan, tmp_path) -> None:
    """As the documentation says, of stores that share no file system."""
    path = write_plan(shard=1)
    whole, own, other = (tmp_path / name for name in ("whole.results", "own.results", "other.results"))
    assert run(run_study(path, store=whole)).ended
    assert not run(run_study(path, store=own, share=(1, 2))).ended
    assert run(run_study(path, store=other, share=(2, 2))).finished
    for folder in ("trials", "rows", "provenance"):
        shutil.copytree(other / folder, own / folder, dirs_exist_ok=True)
    with mock.patch("napari_recon_robust.studies.work.Measurer.measure", side_effect=AssertionError("run again")):
        assert run(run_study(path, store=own)).ended
    tables = [Store.open(store).table() for store in (whole, own)]
    assert tables[0]["trial"].to_list() == tables[1]["trial"].to_list()


@pytest.mark.slow
def test_the_last_to_end_merges_what_all_have_kept(write_plan) -> None:
    """So that a job array needs no run after it; the worst cases are saved then, too."""
    path = write_plan(shard=1, keep={"worst": 1})
    store = store_beside(path)
    first = run_study(path, share=(1, 2))
    while Lease(store).holder is None:
        next(first)
    assert run(run_study(path, share=(2, 2))).finished == 2
    assert not (store / "trials").exists(), "the first has the lease"
    assert run(first).ended
    assert polars.read_parquet(store / "trials").height == 5
    assert len(list((store / "cases").iterdir())) == 2

    last = write_plan("last.yaml", shard=1)
    first, second = run_study(last, share=(1, 2)), run_study(last, share=(2, 2))
    for job in (first, second):
        while Lease(store_beside(last)).holder is None or job is second:
            if next(job).message.startswith("0 of "):
                break
    assert not run(first).ended
    assert run(second).ended
    assert polars.read_parquet(store_beside(last) / "trials").height == 5


@pytest.mark.slow
def test_who_takes_part_has_the_plan_of_the_run(write_plan) -> None:
    """Else it replaces the plan of the one under way, and two plans' trials are numbered alike."""
    path = write_plan()
    first = run_study(path)
    while Lease(store_beside(path)).holder is None:
        next(first)
    write_plan(methods=["cg-sense"])
    for job in (
        run_study(path, join=True),
        run_study(path, share=(1, 2)),
        prepare_study(path, store=store_beside(path)),
    ):
        with pytest.raises(InputError, match="the plan has changed since the run of plan.results began"):
            run(job)
    write_plan()
    assert run(run_study(path, share=(1, 2))).trials == 5
    last = run(first)
    assert (last.trials, last.finished) == (5, 5)
    write_plan(methods=["cg-sense"])
    assert run(run_study(path, join=True)).ended, "where nobody runs it, an edited plan goes on"


@pytest.mark.slow
def test_the_last_to_end_knows_the_plan_that_was_edited_meanwhile(write_plan) -> None:
    """Once the run that it took part in has ended an edited plan may begin; it would tell of its own plan's trials."""
    path = write_plan()
    first, second = run_study(path), run_study(path, join=True)
    for job in (first, second):
        while not next(job).message.startswith("0 of "):
            pass
    assert run(first).ended
    write_plan(methods=["zero-filled", "cg-sense"])
    run(run_study(path))
    assert run(second).trials == 10


@pytest.mark.slow
def test_a_run_that_is_superseded_keeps_nothing_more(write_plan, monkeypatch) -> None:
    """As one that slept for so long that it was taken for dead: the later run has its trials, once."""
    path = write_plan()
    monkeypatch.setattr(running, "_EVERY", 0.0)
    slept = run_study(path)
    while not next(slept).message.startswith("1 of 5"):
        pass
    with mock.patch.object(lease, "_held", set()):  # another process would not know that it lives
        assert run(run_study(path)).ended
    before = {one: one.read_bytes() for one in store_beside(path).rglob("*.parquet")}
    assert run(slept).ended
    assert {one: one.read_bytes() for one in store_beside(path).rglob("*.parquet")} == before
    assert not list((store_beside(path) / "rows").iterdir())


@pytest.mark.slow
def test_the_status_needs_results(write_plan) -> None:
    path = write_plan()
    with pytest.raises(InputError, match="holds no results"):
        run(study_status(path))
    run(run_study(path))
    assert run(study_status(path)).to_json()["ended"]


@pytest.mark.slow
def test_the_status_is_told_while_the_scans_are_elsewhere(write_plan, tmp_path: Path) -> None:
    """As on a disk that was moved: the results know how far the study was, unless the plan has changed since."""
    path = write_plan()
    run(run_study(path))
    (tmp_path / "head.h5").rename(tmp_path / "elsewhere.h5")
    found = run(study_status(path))
    assert found.ended
    assert found.trials > 0
    assert re.search("what the study was when it was run last: .*'head.h5' matches no file", found.cautions[0])
    write_plan(methods=["cg-sense"])
    with pytest.raises(PlanError, match="matches no file"):
        run(study_status(path))


@pytest.mark.slow
def test_a_study_whose_table_has_lost_a_row_is_told_as_it_was_run_and_not_run_again(write_plan, tmp_path) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text("file,patient\nhead.h5,p1\n")
    path = write_plan(scans={"files": "head.h5", "table": "labels.csv", "volume": "patient"})
    before = run(run_study(path))
    labels.write_text("file,patient\nhead.h5,\n")
    with pytest.raises(PlanError, match=r"scans, volume: labels.csv gives no 'patient' for head.h5"):
        run(run_study(path))
    found = run(study_status(path))
    assert (found.ended, found.finished) == (True, before.finished)
    assert re.search("what the study was when it was run last: .*gives no 'patient'", found.cautions[0])
    assert table(path)["volume"].unique().to_list() == ["p1"]
    assert [one.partition(";")[0] for one in changed_since_run(path, Store.open(store_beside(path)))] == [
        "labels.csv has changed since the study was run last"
    ]


@pytest.mark.thorough
def test_notes_on_scans_are_told_by_a_run_and_of_its_results(write_plan, tmp_path: Path) -> None:
    """What was guessed was told by a check alone."""
    (tmp_path / "labels.csv").write_text("file,sex\nhead.h5,f\nfoot.h5,f\n")
    masks = [{"acceleration": 8, "centre_fraction": 0.5}]
    path = write_plan(scans={"files": "head.h5", "table": "labels.csv"}, masks=masks)
    found = run(run_study(path))
    rows, centre = "No scan is named by 1 row of labels.csv.", "The centre of 50% makes the acceleration 1.8, not 8."
    assert found.notes == {rows: 0, centre: 1}
    assert found.to_json()["notes"] == found.notes
    assert found.noted == [rows, f"1 scan: {centre}"]
    assert run(study_status(path)) == found
    study_report(path, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert [f"<li>{line}</li>" in page for line in found.noted] == [True, True]
    (tmp_path / "head.h5").rename(tmp_path / "elsewhere.h5")
    assert run(study_status(path)).notes == found.notes


@pytest.mark.slow
def test_while_the_scans_are_elsewhere_trials_without_their_images_are_not_finished(write_plan, tmp_path: Path) -> None:
    path = write_plan(keep={"images": "all"})
    run(run_study(path))
    (tmp_path / "head.h5").rename(tmp_path / "elsewhere.h5")
    assert run(study_status(path)).ended
    for kept in store_beside(path).glob("images/*/*"):
        kept.unlink()
    assert run(study_status(path)).finished == 0


@pytest.mark.slow
def test_a_trial_that_finishes_while_others_are_counted_has_not_failed(write_plan, monkeypatch) -> None:
    path = write_plan(slices=[0, 1])
    run(run_study(path))
    kept = Store.open(store_beside(path))
    rows = [{"trial": name, "scan": "a"} for name in kept.planned()]
    for part in kept.folder.glob("trials/*"):
        part.unlink()
    attempt, look = kept.attempt({}), store._reading

    def meanwhile(read):
        """Another trial finishes after each look at the store."""
        found = look(read)
        kept.add("shard", attempt, rows.pop())
        return found

    kept.add("shard", attempt, rows.pop())
    monkeypatch.setattr(store, "_reading", meanwhile)
    status = run(study_status(path))
    assert (status.finished, status.failed) == (1, 0)


def test_the_status_of_a_plan_with_code_is_told_without_running_it(write_plan, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    body = "def reconstruct(kspace, mask, sensitivities):\n    return abs(kspace).sum(0)\n"
    script.write_text(body, encoding="utf-8")
    path = write_plan(methods=["zero-filled", "mine.py"])
    run(run_study(path, trust=True))
    script.write_text(body + "raise RuntimeError('this code was run')\n", encoding="utf-8")
    found = run(study_status(path))
    assert (found.trials, found.finished, found.failed) == (10, 10, 0)
    path = write_plan(methods=["mine.py"])
    with pytest.raises(InputError, match=r"plan\.yaml has changed .* give --trust"):
        run(study_status(path))


def test_a_plan_without_trials_is_refused(write_plan) -> None:
    with pytest.raises(InputError, match="has no trial"):
        run(run_study(write_plan(slices=[0])))


FEW = {
    "perturbations": ["none", {"kind": "random", "budgets": [0.05]}],
    "keep": {"images": "all", "worst": 1},
    "shard": 2,
}
KILLS = int(os.environ.get("KILLS", "1"))  # make kills: 20


def same(path: Path, undisturbed: Path) -> None:
    """A study that went on to its end has each trial once, with the bytes of the undisturbed one."""
    store = store_beside(path)
    assert measured(path) == measured(undisturbed)
    every = polars.read_parquet(store / "trials")
    assert every["trial"].n_unique() == every.height
    assert not [one for one in store.rglob("*") if one.name.startswith(".recon-robust") or one.suffix == ".jsonl"]
    kept = [{one.name: one.read_bytes() for one in store_beside(of).glob("images/*/*")} for of in (path, undisturbed)]
    assert kept[0] == kept[1] != {}
    assert [one.name for one in store.glob("cases/*")] == [
        one.name for one in store_beside(undisturbed).glob("cases/*")
    ]


@pytest.fixture(scope="module")
def undisturbed(write_shared_plan) -> tuple[Path, list[str], set[int]]:
    """A study that ran undisturbed, the steps by which its results were written, and which only told how far it is."""
    path, telling = write_shared_plan("undisturbed.yaml", **FEW), set[int]()

    def told(*arguments: Any) -> None:
        before = len(taken)
        watching.tell(*arguments)
        telling.update(range(before, len(taken)))

    with seldom_told(), steps() as taken, mock.patch.object(running, "tell", told):
        assert run(run_study(path)).ended
    return path, taken, telling


def seldom_told() -> Any:
    """A run tells how far it is at its beginning and end alone, so that its steps do not depend on the clock."""
    return mock.patch.object(running, "_EVERY", math.inf)


@pytest.mark.thorough
def test_a_disk_that_is_full_at_any_step_loses_nothing(write_shared_plan, undisturbed) -> None:
    """It is full at one step, or from it on, in turn or both where all steps are tried; then there is room again."""
    whole, taken, telling = undisturbed
    assert {"write", "fsync", "replace"} <= set(taken)
    assert 0 < len(telling) < 20
    every, ways = max(1, 30 // KILLS), (fails_at, fails_from)
    for place, (number, kind) in enumerate(list(enumerate(taken))[::every]):
        for full in ways if every == 1 else ways[place % 2 :][:1]:
            path = write_shared_plan(f"{full.__name__}-{number}.yaml", **FEW)
            said = ""
            with seldom_told(), steps(full(number)):
                try:
                    run(run_study(path))
                except WritingError as error:
                    said = str(error)
            unsaid = kind == "fsync" or (number in telling and full is fails_at)  # of a folder; nothing rests on it
            assert "the disk is full" in said or (not said and unsaid)
            assert run(run_study(path)).ended
            same(path, whole)


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_killed_at_any_step_it_goes_on_to_the_same_bytes(undisturbed, tmp_path) -> None:
    """Each write, fsync and replace is where a process is killed -9."""
    whole, taken, _ = undisturbed
    numbers = list(range(len(taken)))[:: max(1, 30 // KILLS)]
    folders = [tmp_path / "whole", *(tmp_path / f"step-{number}" for number in numbers)]
    for folder in folders:
        folder.mkdir()
        for name in ("head.h5", "head.csv"):
            shutil.copy(whole.parent / name, folder)
        shutil.copy(whole, folder / "plan.yaml")
    asked = {
        "arguments": ["study", "run", "plan.yaml", "--workers", "1"],
        "folders": list(map(str, folders)),
        "steps": numbers,
        "seed": 0,
        "again": {"plan.yaml": []},
    }
    script = Path(__file__).parents[1] / "helpers" / "killing.py"
    done = subprocess.run(
        [sys.executable, str(script)], input=f"{json.dumps(asked)}\n", stdout=subprocess.PIPE, text=True, check=True
    )
    answer = json.loads(done.stdout)
    assert (answer["kills"], set(answer["statuses"])) == (len(numbers), {0})
    for folder in folders:
        same(folder / "plan.yaml", whole)


COMMAND = [sys.executable, "-m", "napari_recon_robust.cli", "study", "run"]


@pytest.mark.slow
@pytest.mark.skipif(KILLS < 20, reason="make kills kills this one too")
def test_killed_at_any_time_it_goes_on_to_the_same_bytes(write_plan) -> None:
    """The one process that runs it is killed again and again, each time after two more trials; then it ends."""
    parts = {"slices": "all", "regions": ["image"], "methods": ["zero-filled", "cg-sense"], "seeds": list(range(KILLS))}
    undisturbed, killed = write_plan("undisturbed.yaml", **parts), write_plan("killed.yaml", **parts)
    run(run_study(undisturbed))
    store = Store(store_beside(killed), {})
    for _ in range(KILLS):
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


HANGS = """
import os, time
from pathlib import Path

def reconstruct(kspace, mask, sensitivities):
    (Path(__file__).parent / f"begun-{os.getpid()}").touch()
    time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.skipif(KILLS < 20, reason="make kills ends this one too")
def test_sigterm_ends_after_the_trial_under_way(write_plan) -> None:
    path = write_plan(slices="all", regions=["image"], methods=["zero-filled", "cg-sense", "tv"])
    store = Store(store_beside(path), {})
    process = subprocess.Popen([*COMMAND, str(path)], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while process.poll() is None and not list(store.folder.glob("rows/*.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 143
    assert "trials are finished" in said
    assert not list(store.folder.glob("rows/*"))
    assert len(store.finished()) == table(path).height > 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM")
def test_a_second_sigterm_ends_a_run_whose_trials_hang(write_plan, tmp_path) -> None:
    """Its workers are gone with it."""
    (tmp_path / "hangs.py").write_text(HANGS)
    path = write_plan(methods=["hangs.py:reconstruct"], slices="all", regions=["image"])
    process = subprocess.Popen([*COMMAND, str(path), "--trust", "--workers", "2"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while process.poll() is None and len(list(tmp_path.glob("begun-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    workers = [int(begun.name.removeprefix("begun-")) for begun in tmp_path.glob("begun-*")]
    assert len(workers) == 2
    process.terminate()
    time.sleep(4)
    assert process.poll() is None, "it waits for the trials under way"
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=30)
    process.terminate()  # on a busy machine it may have taken the first two for one
    assert process.wait(timeout=60) == 130
    while time.monotonic() < deadline + 120 and any(psutil.pid_exists(worker) for worker in workers):
        time.sleep(0.05)
    assert not any(psutil.pid_exists(worker) for worker in workers)
