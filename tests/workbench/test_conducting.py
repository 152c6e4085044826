"""A study that is run by a process of its own, watched and stopped through the store."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.leases import held
from helpers.plans import PLAN
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies import watching
from napari_recon_robust.studies.running import run_study
from napari_recon_robust.studies.watching import Told
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.conducting import Conducting


@pytest.fixture
def conducting(plan: Path) -> Conducting:
    bench = Workbench()
    bench.planning.open(plan).run()
    return bench.conducting


def look_until(conducting: Conducting, condition: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not condition() and time.monotonic() < end:
        task = conducting.look()
        assert task is not None
        task.run()
        time.sleep(0.05)
    assert condition(), conducting.words


@pytest.mark.thorough
def test_a_study_is_run_beside_the_window_and_its_results_are_told(conducting: Conducting, plan: Path) -> None:
    conducting.start(1).run()
    assert conducting.running
    with pytest.raises(InputError, match="is being run already"):
        conducting.start(1)
    look_until(conducting, lambda: conducting.ended)
    assert conducting.told == Told(3, 3, 0)
    assert conducting.words == "The study has ended: 3 of 3 trials."
    conducting.complain().run()
    assert conducting.found == ("No trial failed.", "No image is doubted.")
    conducting.compare(plan).run()
    assert all("quartiles" in line for line in conducting.found)
    reports: list[Path] = []
    conducting.reported.connect(reports.append)
    conducting.report().run()
    assert reports == [plan.with_suffix(".report.html")]
    assert reports[0].exists()


@pytest.mark.slow
def test_images_that_are_doubted_are_told_beside_what_failed(conducting: Conducting, plan: Path) -> None:
    plan.with_name("mine.py").write_text(
        "def reconstruct(k, m, s):\n    return 1e-9 * abs(s[0])\n\ndef broken(k, m, s):\n    raise ValueError('no')\n"
    )
    plan.write_text(PLAN.replace("[zero-filled]", "[mine.py, mine.py:broken]"))
    run(run_study(plan, trust=True))
    conducting.complain().run()
    failed, doubted = conducting.found
    assert failed.startswith("3 trials of head.h5 failed: mine.py:broken raised ValueError")
    assert doubted.startswith("mine.py: its image fits the samples at no scale")
    assert doubted.endswith("(3 trials)")
    conducting.compare(plan).run()
    assert conducting.found[-1].startswith("3 trials of the first study and 3 trials of the second study failed, ")


def test_a_text_that_is_not_written_is_not_run(conducting: Conducting, plan: Path) -> None:
    conducting._planning.edit(PLAN + "# more\n")
    with pytest.raises(InputError, match=r"plan.yaml was edited and is not written; check it"):
        conducting.start(1)
    conducting._planning.check().run()
    assert plan.read_text() == PLAN + "# more\n"
    conducting._planning.check_written()


@pytest.mark.thorough
def test_what_goes_wrong_at_the_start_is_told(conducting: Conducting, plan: Path) -> None:
    plan.write_text(PLAN.replace("head.h5", "missing.h5"))
    conducting.start(1).run()
    look_until(conducting, lambda: not conducting.running)
    assert "'missing.h5' matches no file" in conducting.words
    with pytest.raises(InputError, match="no results"):
        conducting.complain().run()


@pytest.mark.slow
def test_a_run_that_is_stopped_while_it_starts_says_that_nothing_was_run(conducting: Conducting) -> None:
    conducting.start(1).run()
    conducting.stop().run()
    look_until(conducting, lambda: not conducting.running)
    assert conducting.words == "The run was stopped before its first trial; nothing was run."


@pytest.mark.slow
def test_a_run_that_somebody_else_has_is_seen_and_stopped(conducting: Conducting, plan: Path) -> None:
    """As after napari was closed and opened again, or where the run is on another machine."""
    run(run_study(plan))
    store = conducting.results
    look_until(conducting, lambda: conducting.ended)
    runs = held(store, 7, "far", number=2)
    said = {"machine": "far", "process": 7, "trials": 3, "finished": 1, "failed": 0, "rate": 2.0, "left": 1.0}
    (store / "progress.json").write_text(json.dumps(said))
    look_until(conducting, lambda: conducting.seen.running)
    assert conducting.words == "The study is running on far: 1 of 3 trials, 2/s, 1 s left."
    conducting.stop().run()
    assert watching.is_asked_to_stop(store)
    look_until(conducting, lambda: conducting.seen.stopping)
    assert "stops after the trials under way" in conducting.words
    runs.unlink()
    look_until(conducting, lambda: not conducting.running)
    assert conducting.words == "The study was stopped: 1 of 3 trials. Resume goes on from there."


@pytest.mark.slow
def test_rows_are_counted_where_no_run_tells_of_them(conducting: Conducting, plan: Path) -> None:
    """As for the elements of a job array, and after the plan was changed."""
    run(run_study(plan))
    store = conducting.results
    (store / "progress.json").unlink()
    runs = held(store, os.getppid(), number=2)
    look_until(conducting, lambda: conducting.told is not None)
    assert conducting.words == "The study is running: 3 of 3 trials."
    runs.unlink()
    conducting._planning.edit(PLAN.replace("[0.01]", "[0.01, 0.02]"))
    conducting._planning.check().run()
    look_until(conducting, lambda: conducting.told == Told(5, 3, 0))
    assert not conducting.ended


@pytest.mark.slow
def test_another_plan_has_another_study(conducting: Conducting, plan: Path) -> None:
    run(run_study(plan))
    look_until(conducting, lambda: conducting.ended)
    conducting._planning.begin(plan.with_name("other.yaml")).run()
    assert conducting.told is None
    assert conducting.words == ""
