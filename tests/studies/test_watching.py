import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.leases import held
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.studies.running import run_study
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.watching import LOG, Told, ask_to_stop, look, tell, tell_dashboard
from napari_recon_robust.studies.work import store_beside


def test_how_far_a_run_is_in_words() -> None:
    assert Told(1200, 30, 2, 3.21, 365).words == "30 of 1,200 trials, 2 failed, 3.21/s, 6 min left"
    assert Told(1200, 0, 0).words == "0 of 1,200 trials"
    assert Told(1200, 30, 0, 3.21, 365, idle=True).words == "30 of 1,200 trials, no worker at present"
    assert Told(0, 0, 0).fraction == 0.0


def test_what_a_run_says_is_seen_while_it_is_the_one_that_says_it(tmp_path: Path) -> None:
    assert not look(tmp_path / "missing").running
    told = Told(10, 4, 1, 2.0, 3.0, idle=True)
    tell(tmp_path, told)
    tell_dashboard(tmp_path, "http://127.0.0.1:1/status")
    ask_to_stop(tmp_path)
    seen = look(tmp_path)
    assert (seen.running, seen.told, seen.dashboard) == (False, told, ""), "of the last run"
    held(tmp_path, os.getppid())
    assert not look(tmp_path).stopping, "nobody ran when it was asked"
    tell_dashboard(tmp_path, "http://127.0.0.1:1/status")
    assert look(tmp_path).told is None, "it is that of another process"
    said = json.loads((tmp_path / "progress.json").read_text()) | {"process": os.getppid()}
    (tmp_path / "progress.json").write_text(json.dumps(said))
    seen = look(tmp_path)
    assert (seen.running, seen.machine, seen.told, seen.stopping) == (True, "", told, False)
    assert seen.dashboard == "http://127.0.0.1:1/status"
    ask_to_stop(tmp_path)
    assert look(tmp_path).stopping
    held(tmp_path, 1, "another")
    assert look(tmp_path).machine == "another"
    held(tmp_path, 1, "another", number=2)
    assert (look(tmp_path).stopping, look(tmp_path).dashboard) == (False, ""), "those were of the run before"


@pytest.mark.parametrize("content", ["", "[]", '{"trials": "many", "finished": 1, "failed": 0}', '{"trials": 3}'])
def test_a_file_that_is_cut_off_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "progress.json").write_text(content)
    assert look(tmp_path).told is None


@pytest.mark.parametrize(
    ("log", "complaint"),
    [
        ("", ""),
        ("recon-robust: a note.\nrecon-robust: the plan has no trial.\n", "the plan has no trial."),
        ("Traceback:\n  File\nMemoryError\n", "MemoryError"),
        ("dashboard: http://127.0.0.1:1/status\n", ""),
        ("recon-robust: a note.\nstudy: 3 of 8 trials, 0.1/s, 50 s left\n", ""),
        ("3 of 3 trials are finished.\nrecon-robust: a.h5 is left out: it is damaged.\n", ""),
    ],
)
def test_why_a_run_ended_is_told(tmp_path: Path, log: str, complaint: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / LOG).write_text(log)
    assert look(tmp_path).complaint == complaint


def test_why_an_older_run_ended_is_not_told_of_a_later_one(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / LOG).write_text("recon-robust: the plan has no trial.\n")
    tell(tmp_path, Told(10, 4, 1))
    for written, complaint in ((0, ""), (2**33, "the plan has no trial.")):
        os.utime(tmp_path / "logs" / LOG, (written, written))
        assert look(tmp_path).complaint == complaint


def test_nothing_large_is_loaded_for_a_look() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from napari_recon_robust.studies.watching import look; look(Path('nowhere'))\n"
        "print(sorted({'torch', 'polars', 'pydantic', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_run_tells_of_itself_and_ends_when_it_is_asked_to(write_plan) -> None:
    path = write_plan()
    store = store_beside(path)
    ask = [True]

    def follow(_: Progress) -> None:
        if ask and (store / "progress.json").exists():
            assert look(store).told is not None
            ask_to_stop(store)
            ask.clear()

    status = run(run_study(path), follow)
    assert not status.ended
    told = look(store).told
    assert told is not None
    assert (told.trials, told.finished) == (5, status.finished)
    assert run(run_study(path)).ended, "an earlier request does not end the next run"
    assert not (store / "stop").exists()
    assert look(store).told == Told(5, 5, 0)
    assert len(Store.open(store).finished()) == 5
