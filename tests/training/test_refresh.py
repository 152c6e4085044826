"""Cases that replace others while a network trains."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.locks import locked
from napari_recon_robust.ground.machine import runs
from napari_recon_robust.ground.progress import run
from napari_recon_robust.training import loop
from napari_recon_robust.training.bank import Bank, BankSpecification, build_bank, fill_bank
from napari_recon_robust.training.recipe import Recipe
from napari_recon_robust.training.refresh import refresh, start_filling, start_refreshing


@pytest.fixture
def folder(bank: Bank, tmp_path: Path) -> Path:
    """A bank of four cases."""
    (tmp_path / "bank").mkdir()
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / "bank" / path.name).write_bytes(path.read_bytes())
    return tmp_path / "bank"


def wait_for(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 180
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def cases_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


@pytest.mark.slow
def test_the_oldest_case_is_replaced_and_validation_stays(
    folder: Path, anatomy_folder: Path, specification: BankSpecification, tmp_path: Path
) -> None:
    before = cases_of(folder)
    assert Bank(folder).drawn == 4
    for step in refresh(folder, anatomy_folder):
        if step.message == "case 6":
            break
    after = cases_of(folder)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"case-00000.safetensors", "case-00001.safetensors"}
    assert Bank(folder).drawn == 6
    # The draws are those that a bank of more cases has.
    more = run(build_bank(specification.model_copy(update={"cases": 6}), anatomy_folder, tmp_path / "more"))
    assert torch.equal(Bank(folder)[1].coil_images, more[5].coil_images)


@pytest.mark.slow
def test_several_processes_share_the_draws(folder: Path, anatomy_folder: Path) -> None:
    jobs = [refresh(folder, anatomy_folder, part, 3) for part in range(3)]
    seen = [
        (part, int(next(step.message for step in job if step.message.startswith("case "))[5:]) - 1)
        for _ in range(2)
        for part, job in enumerate(jobs)
    ]
    assert len({number for _, number in seen}) == len(seen)
    assert all(number >= 4 and number % 3 == part for part, number in seen)


def test_those_that_help_to_make_a_bank_begin_at_its_other_end(
    folder: Path, anatomy_folder: Path, specification: BankSpecification
) -> None:
    before = [case.coil_images for case in Bank(folder)]
    for number in (1, 2, 3):
        (folder / f"case-{number:05d}.safetensors").unlink()
    helping = fill_bank(folder, anatomy_folder, False, 0, 2)
    made = [step.message for step in helping if step.message.startswith("case ")]
    assert made == ["case 4", "case 2"]
    messages = [step.message for step in build_bank(specification, anatomy_folder, folder)]
    assert messages[-1] == "making case 1 of 1"
    assert all(torch.equal(case.coil_images, images) for case, images in zip(Bank(folder), before, strict=True))


@pytest.mark.thorough
def test_a_bank_is_made_by_several_processes(
    bank: Bank, anatomy_folder: Path, specification: BankSpecification, tmp_path: Path
) -> None:
    """They wait until the folder says what the bank is."""
    helping = start_filling(tmp_path, anatomy_folder, 2)
    for step in build_bank(specification, anatomy_folder, tmp_path):
        if step.message == "making case 1 of 8":
            wait_for(lambda: all(process.poll() == 0 for process in helping.processes))
    helping.stop()
    pairs = zip((*Bank(tmp_path), *Bank(tmp_path).validation), (*bank, *bank.validation), strict=True)
    assert all(torch.equal(one.coil_images, other.coil_images) for one, other in pairs)


def test_another_process_on_the_same_bank_is_refused(folder: Path, anatomy_folder: Path, tmp_path: Path) -> None:
    with (
        locked(folder / "refreshing-0.lock", ""),
        pytest.raises(InputError, match="another process refreshes the cases"),
    ):
        next(refresh(folder, anatomy_folder))
    with pytest.raises(InputError, match="holds no bank to refresh"):
        next(refresh(tmp_path, anatomy_folder))
    (folder / "case-00002.safetensors").unlink()
    with pytest.raises(InputError, match="holds 3 of 4 cases"):
        next(refresh(folder, anatomy_folder))


@pytest.mark.thorough
def test_it_runs_beside_the_training_until_it_is_stopped(folder: Path, anatomy_folder: Path) -> None:
    refreshing = start_refreshing(folder, anatomy_folder)
    wait_for(lambda: Bank(folder).drawn > 5)
    assert refreshing.failure() is None
    assert all(case.magnitude.isfinite().all() for case in Bank(folder))
    refreshing.stop()
    assert all(process.poll() is not None for process in refreshing.processes)
    with locked(folder / "refreshing-0.lock", "it is held still"):
        pass


@pytest.mark.thorough
def test_what_ends_it_is_told(folder: Path, tmp_path: Path) -> None:
    refreshing = start_refreshing(folder, tmp_path / "nothing")
    wait_for(lambda: refreshing.failure() is not None)
    assert "there is no folder" in str(refreshing.failure())
    refreshing.stop()


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_it_ends_with_a_training_that_is_killed(folder: Path, anatomy_folder: Path) -> None:
    parent = (
        "import sys, time; from pathlib import Path\n"
        "from napari_recon_robust.training.refresh import start_refreshing\n"
        "started = start_refreshing(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(started.processes[0].pid, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", parent, str(folder), str(anatomy_folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as training:
        assert training.stdout is not None
        child = int(training.stdout.readline())
        wait_for(lambda: Bank(folder).drawn > 4)
        training.send_signal(signal.SIGKILL)
    wait_for(lambda: not runs(child))


@pytest.mark.thorough
def test_a_training_may_have_its_cases_refreshed(
    recipe: Recipe, anatomy_folder: Path, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as it runs, and what goes wrong with the cases is said when the weights are saved."""
    preset = recipe.presets["cpu"].model_copy(update={"steps": 10**6})
    job = loop.train(recipe.model_copy(update={"presets": {"cpu": preset}}), anatomy_folder, run_folder, fresh=1)
    bank = Bank(run_folder / "bank")
    before = bank.drawn
    next(step for step in job if step.preview is not None)
    wait_for(lambda: bank.drawn > before)
    next(job)
    job.close()
    with locked(run_folder / "bank" / "refreshing-0.lock", "it is still refreshed"):
        pass
    (run_folder / "checkpoint.pt").unlink()

    class Failed:
        def failure(self) -> str:
            return "no data."

        def stop(self) -> None: ...

    monkeypatch.setattr(loop, "start_refreshing", lambda *_: Failed())
    with pytest.raises(InputError, match="is trained and saved, but its cases were not made afresh: no data"):
        run(loop.train(recipe, anatomy_folder, run_folder, fresh=1))
    assert (run_folder / f"{recipe.id}.safetensors").exists()
