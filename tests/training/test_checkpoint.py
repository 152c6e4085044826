"""Runs that go on: schedules without an end, checkpoints of other recipes, losses that are not finite, full disks."""

import csv
import errno
import json
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from click.testing import CliRunner
from torch import Tensor

from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.training import checkpoint, loop, losses, machine, schedule, seen, validation
from napari_recon_robust.training import run as stepping
from napari_recon_robust.training.bank import Record
from napari_recon_robust.training.example import draw_example
from napari_recon_robust.training.losses import LOSSES
from napari_recon_robust.training.sources import Origin
from napari_recon_robust.weights import store

VALUES: dict[str, Any] = {
    "id": "small",
    "title": "a small network",
    "network": "hqs-supervised",
    "arguments": {"unrolls": 1, "widths": [16, 16]},
    "loss": "improvement",
    "pixels": 24 * 64,
    "presets": {"cpu": {"steps": 12, "validate_every": 100, "precision": "float32", "muon": 0.01, "warm_up": 2}},
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step is reported and leaves a checkpoint."""
    monkeypatch.setattr(stepping, "_REPORT_SECONDS", -1)
    monkeypatch.setattr(stepping, "_CHECKPOINT_SECONDS", -1)


@pytest.fixture(scope="module")
def recipe(specification) -> loop.Recipe:
    return loop.Recipe(**VALUES, bank=specification)


@pytest.fixture(scope="module")
def whole(recipe, anatomy_folder: Path, bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the recipe that nothing has interrupted; tests go on in copies of it."""
    folder = tmp_path_factory.mktemp("whole")
    run(loop.train(recipe, anatomy_folder, folder, bank=bank.paths[0].parent))
    return folder


@pytest.fixture
def finished(whole: Path, tmp_path: Path) -> None:
    """The folder of the test's run holds one that has ended."""
    shutil.copytree(whole, tmp_path / "run")


@pytest.fixture
def train(anatomy_folder: Path, bank, tmp_path: Path) -> Callable[..., Any]:
    """A training job in a folder of `tmp_path`, its bank there already."""
    cases = bank.paths[0].parent

    def started(recipe: loop.Recipe, name: str = "run", **more: Any) -> Any:
        return loop.train(recipe, anatomy_folder, tmp_path / name, bank=cases, **more)

    return started


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute is twenty looks at the clock, of which a step takes two."""
    now = [0.0]

    def monotonic() -> float:
        now[0] += 3
        return now[0]

    monkeypatch.setattr(schedule, "time", SimpleNamespace(monotonic=monotonic))


def interrupted(job: Any, steps: int) -> None:
    """Closed after so many steps."""
    for _ in range(steps):
        step(job)
    job.close()


def step(job: Any) -> None:
    """Go on to the next step of the network; the data are looked at before."""
    next(done for done in job if done.preview is not None)


def saved(folder: Path, name: str = "checkpoint.pt") -> dict[str, Any]:
    return checkpoint.read(folder / name, torch.device("cpu"))


def log(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def weights(folder: Path) -> dict[str, Tensor]:
    """Those that a run has ended with."""
    return store.load(str(folder / "small.safetensors")).state


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.thorough
def test_a_run_of_minutes_decays_at_its_end_and_keeps_what_was_before(recipe, train, clock, tmp_path) -> None:
    path = run(train(recipe, minutes=2))
    metadata = store.load(str(path)).metadata
    assert metadata is not None
    before = saved(tmp_path / "run")
    assert 10 < before["step"] < metadata.steps < 22
    assert not (tmp_path / "run" / "decay.pt").exists()
    assert "--minutes 2" in metadata.command

    # The same steps of a run without an end leave the same checkpoint.
    endless = recipe.model_copy(update={"presets": {"cpu": recipe.presets["cpu"].model_copy(update={"steps": 1000})}})
    interrupted(train(endless, "endless"), before["step"])
    same = saved(tmp_path / "endless")
    assert same["step"] == before["step"]
    assert equal(same["network"], before["network"])
    assert equal(same["average"], before["average"])


@pytest.mark.thorough
def test_going_on_is_from_what_was_not_decayed(recipe, train, clock, tmp_path, monkeypatch) -> None:
    run(train(recipe, minutes=1))
    first = saved(tmp_path / "run")
    monkeypatch.setattr(machine, "hardware", lambda *_: "another machine")
    path = run(train(recipe, minutes=1, resume=True))
    second, metadata = saved(tmp_path / "run"), store.load(str(path)).metadata
    assert metadata is not None
    assert [stretch.first for stretch in metadata.history] == [0, first["step"]]
    assert second["step"] > first["step"]
    assert all(stretch.score is not None for stretch in metadata.history)
    assert metadata.hardware == f"{first['history'][0]['hardware']}; then another machine"
    assert metadata.history[0].last > first["step"]
    assert [line["phase"] for line in log(tmp_path / "run") if line["validation"]] == ["decay", "decay"]
    assert "went on from step" in path.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.thorough
def test_going_on_where_all_steps_decay_is_from_the_end(recipe, train, clock, tmp_path) -> None:
    """As in presets to finish: before the decay lies nothing that was learned."""
    falling = recipe.model_copy(update={"presets": {"cpu": recipe.presets["cpu"].model_copy(update={"decay": 1.0})}})
    first = store.load(str(run(train(falling, minutes=1)))).metadata
    assert first is not None
    kept = saved(tmp_path / "run")
    assert kept["step"] == first.steps > 5
    assert all(
        torch.equal(kept["average"][f"module.{name}"].half().float(), value)
        for name, value in weights(tmp_path / "run").items()
    )
    second = store.load(str(run(train(falling, minutes=1, resume=True)))).metadata
    assert second is not None
    assert [stretch.first for stretch in second.history] == [0, first.steps]
    assert second.steps > first.steps
    with pytest.raises(InputError, match="a preset of 12 steps leaves no room for a decay behind it"):
        run(train(falling, resume=True))
    longer = {"cpu": falling.presets["cpu"].model_copy(update={"steps": second.steps + 3})}
    third = store.load(str(run(train(falling.model_copy(update={"presets": longer}), resume=True)))).metadata
    assert third is not None
    assert third.steps == second.steps + 3
    assert [line["phase"] for line in log(tmp_path / "run") if line["validation"]] == 3 * ["decay"]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [4, 9, 11])
def test_a_run_of_steps_resumes_into_what_it_was_in(steps: int, recipe, train, whole, tmp_path) -> None:
    interrupted(train(recipe), steps)
    assert (tmp_path / "run" / "decay.pt").exists() == (steps > 10)
    assert equal(store.load(str(run(train(recipe, resume=True)))).state, weights(whole))
    assert equal(saved(tmp_path / "run")["network"], saved(whole)["network"])
    assert not (tmp_path / "run" / "decay.pt").exists()


@pytest.mark.slow
@pytest.mark.parametrize("steps", [4, 11])
def test_a_run_that_is_cancelled_keeps_its_last_step(steps: int, recipe, train, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(stepping, "_CHECKPOINT_SECONDS", math.inf)
    interrupted(train(recipe), steps)
    kept = saved(tmp_path / "run", "decay.pt" if steps > 10 else "checkpoint.pt")
    assert kept["step"] == steps


@pytest.mark.thorough
def test_a_decay_of_minutes_is_finished(recipe, train, clock, tmp_path) -> None:
    job = train(recipe, minutes=4)
    while not (tmp_path / "run" / "decay.pt").exists():
        step(job)
    step(job)
    job.close()
    kept, branch = saved(tmp_path / "run"), saved(tmp_path / "run", "decay.pt")
    assert branch["step"] > kept["step"]
    path = run(train(recipe, minutes=100, resume=True))
    metadata = store.load(str(path)).metadata
    assert metadata is not None
    assert branch["step"] < metadata.steps < branch["step"] + 10
    assert saved(tmp_path / "run")["step"] == kept["step"]


@pytest.mark.thorough
def test_a_decay_that_is_gone_on_without_is_dropped(recipe, train, tmp_path) -> None:
    interrupted(train(recipe), 11)
    longer = recipe.model_copy(update={"presets": {"cpu": recipe.presets["cpu"].model_copy(update={"steps": 16})}})
    whole = store.load(str(run(train(longer, "whole")))).state
    assert equal(store.load(str(run(train(longer, resume=True)))).state, whole)


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_another_recipe_of_the_same_network_goes_on_and_is_recorded(recipe, train) -> None:
    preset = recipe.presets["cpu"].model_copy(update={"steps": 20, "learning_rate": 2e-3, "muon": None})
    changed = recipe.model_copy(update={"loss": "joint", "pixels": 16 * 64, "presets": {"cpu": preset}})
    said: list[Progress] = []
    path = run(train(changed, resume=True), said.append)
    notices = [step.message for step in said if step.notice]
    assert "the checkpoint's recipe had loss improvement; now joint" in notices
    metadata = store.load(str(path)).metadata
    assert metadata is not None
    assert metadata.steps == 20
    assert metadata.history[1].changed == {
        "loss": ["improvement", "joint"],
        "pixels": [24 * 64, 16 * 64],
        "preset.learning_rate": [1e-3, 2e-3],
        "preset.muon": [0.01, None],
    }
    assert "pixels 1536 → 1024" in path.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_a_checkpoint_of_another_network_is_refused(recipe, train, tmp_path) -> None:
    content = (tmp_path / "run" / "checkpoint.pt").read_bytes()
    with pytest.raises(InputError, match="is of the recipe 'small', and this is 'other'"):
        run(train(recipe.model_copy(update={"id": "other"}), resume=True))
    wider = recipe.model_copy(update={"arguments": {"unrolls": 1, "widths": [16, 24]}})
    with pytest.raises(InputError, match=r"is of the network .*widths \[16, 16\].*widths \[16, 24\].* was expected"):
        run(train(wider, resume=True))
    forged = saved(tmp_path / "run")
    forged["network"]["penalty_slope"] = torch.zeros(10**3)
    torch.save(forged, tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(InputError, match="are not those of the network of small"):
        run(train(recipe, resume=True))
    (tmp_path / "run" / "checkpoint.pt").write_bytes(content[:1000])
    with pytest.raises(InputError, match="no checkpoint with only tensors"):
        run(train(recipe, resume=True))
    torch.save({"network": {}}, tmp_path / "run" / "checkpoint.pt")
    with pytest.raises(InputError, match="no checkpoint of a training"):
        run(train(recipe, resume=True))


@pytest.mark.slow
def test_a_checkpoint_whose_content_is_damaged_is_refused(whole, tmp_path) -> None:
    """Tensors of which bytes are others read without an error, and entries of a wrong kind fail after hours."""
    content = bytearray((whole / "checkpoint.pt").read_bytes())
    largest = max(saved(whole)["average"].values(), key=torch.numel)
    content[content.index(largest.numpy().tobytes())] ^= 1
    (tmp_path / "flipped.pt").write_bytes(bytes(content))
    with pytest.raises(InputError, match="flipped.pt is damaged; start anew"):
        saved(tmp_path, "flipped.pt")
    wrong: dict[str, Any] = {
        "curve": [1, 2],
        "history": ["a"],
        "step": -5,
        "seconds": -1.0,
        "optimisers": [1],
        "learned": [{}],
        "ancestors": [{}],
    }
    for name, value in wrong.items():
        torch.save(saved(whole) | {name: value}, tmp_path / "wrong.pt")
        with pytest.raises(InputError, match="wrong.pt is no checkpoint of a training"):
            saved(tmp_path, "wrong.pt")


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_defaults_that_are_said_and_arguments_that_are_no_more_make_no_other_network(recipe, train, tmp_path) -> None:
    state = saved(tmp_path / "run")
    described = json.loads(state["recipe"])
    described["arguments"]["former"] = 3
    torch.save(state | {"recipe": json.dumps(described)}, tmp_path / "run" / "checkpoint.pt")
    assert run(train(recipe, resume=True)).exists()
    cascade = {"network": "cascade-net", "arguments": {"cascades": 1, "width": 8}}
    assert not checkpoint.differences(
        {"recipe": checkpoint.description(recipe.model_copy(update=cascade), recipe.presets["cpu"])},
        tmp_path,
        recipe.model_copy(update=cascade | {"arguments": {"cascades": 1, "width": 8, "convolutions": 5}}),
        recipe.presets["cpu"],
    )


@pytest.mark.slow
def test_checkpoints_from_before_networks_had_ids_are_gone_on_from(recipe, train, whole, tmp_path) -> None:
    """As commit 8fa70a4 wrote them: a module's name, no preset, another optimiser's settings."""
    interrupted(train(recipe), 4)
    state = saved(tmp_path / "run")
    described = json.loads(state["recipe"])
    for name in ("preset", "share", "stored", "title", "notes", "start"):
        del described[name]
    described["network"] = "hqs_supervised:HQSNetwork"
    former = {name: state[name] for name in ("network", "average", "optimisers", "loss", "step", "seconds", "score")}
    for optimiser in former["optimisers"]:
        for group in optimiser["param_groups"]:
            group.pop("weight_decay", None)
    torch.save(former | {"recipe": json.dumps(described)}, tmp_path / "run" / "checkpoint.pt")
    assert equal(store.load(str(run(train(recipe, resume=True)))).state, weights(whole))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What goes wrong in the uses of the loss from now on, one by one: "nan", "gradient" or "" for nothing."""
    faults: list[str] = []

    def faulty(network: Any, example: Any, rng: Any) -> Tensor:
        loss = losses.improvement(network, example, rng)
        fault = faults.pop(0) if faults and torch.is_grad_enabled() else ""
        if fault == "nan":
            return loss * float("nan")
        # The square root of zero: its value is finite, its gradient is not.
        return loss + (0 * next(network.parameters()).sum()).sqrt() if fault == "gradient" else loss

    monkeypatch.setitem(LOSSES, "improvement", faulty)
    return faults


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["nan", "gradient"])
def test_a_step_that_is_not_finite_is_left_out(fault: str, recipe, train, broken, tmp_path) -> None:
    broken += ["", fault, "", fault, fault]
    path = run(train(recipe))
    weights, state = store.load(str(path)), saved(tmp_path / "run")
    assert weights.metadata is not None
    assert weights.metadata.skipped == 3
    assert log(tmp_path / "run")[-1]["skipped"] == "3"
    assert "3 of them skipped" in path.with_suffix(".md").read_text(encoding="utf-8")
    tensors = [*weights.state.values(), *state["network"].values()]
    tensors += [x for o in state["optimisers"] for s in o["state"].values() for x in s.values()]
    assert all(bool(torch.isfinite(tensor).all()) for tensor in tensors)
    assert state["rate"] == 1


@pytest.mark.slow
def test_a_run_that_is_cancelled_after_a_bad_step_keeps_what_was_good(
    recipe, train, broken, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(stepping, "_CHECKPOINT_SECONDS", math.inf)
    broken += ["", "", "", "nan"]
    interrupted(train(recipe), 4)
    assert saved(tmp_path / "run")["step"] == 0


@pytest.mark.slow
def test_many_in_a_row_lead_back_to_the_checkpoint_at_half_the_rate(recipe, train, broken, tmp_path) -> None:
    broken += ["", ""] + ["nan"] * 5
    path = run(train(recipe))
    metadata, state = store.load(str(path)).metadata, saved(tmp_path / "run")
    assert metadata is not None
    assert (state["returns"], state["rate"], state["skipped"]) == (0, 0.5, 5)  # a later call may return as often again
    assert metadata.steps == 12
    rates = [float(line["learning_rate"]) for line in log(tmp_path / "run")]
    assert rates[-1] == pytest.approx(0.5e-3 * (1 / 12) / 0.2, rel=1e-5)


@pytest.mark.slow
def test_a_loss_that_stays_not_finite_ends_the_run(recipe, train, broken, tmp_path) -> None:
    broken += ["", ""] + ["gradient"] * 100
    with pytest.raises(InputError, match="again after 3 returns to the last checkpoint"):
        run(train(recipe))
    assert len(broken) == 80  # four times five were used
    assert not (tmp_path / "run" / "small.safetensors").exists()
    state = saved(tmp_path / "run")
    assert all(bool(torch.isfinite(value).all()) for value in state["network"].values())
    # When the data have been mended it goes on as it began.
    assert (state["returns"], state["rate"]) == (0, 1)
    broken.clear()
    run(train(recipe, resume=True))
    assert log(tmp_path / "run")[-1]["validation"]


@pytest.mark.slow
def test_two_runs_in_one_folder(recipe, train) -> None:
    job = train(recipe)
    step(job)
    with pytest.raises(InputError, match="another run trains in"):
        run(train(recipe, resume=True))
    job.close()
    assert run(train(recipe, resume=True)).exists()


@pytest.mark.slow
def test_a_run_that_is_refused_leaves_the_lock_of_the_other(recipe, train, monkeypatch) -> None:
    """The other has begun between the refused run's first look at the folder and its own lock."""
    tried, others = loop.check_loss, list[Any]()

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(loop, "check_loss", tried)
        others.append(train(recipe))
        step(others[0])
        return tried(*given)

    monkeypatch.setattr(loop, "check_loss", meanwhile)
    for resume in (False, True):
        with pytest.raises(InputError, match="another run trains in"):
            run(train(recipe, resume=resume))
    others[0].close()


@pytest.mark.slow
def test_a_full_disk_loses_nothing(recipe, train, whole, tmp_path, monkeypatch) -> None:
    interrupted(train(recipe), 5)
    kept = (tmp_path / "run" / "checkpoint.pt").read_bytes()

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="checkpoint.pt cannot be written to .* \\(the disk is full\\); make room"):
            run(train(recipe, resume=True))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: full(0))
        with pytest.raises(InputError, match="cannot be written \\(the disk is full\\); its last checkpoint is whole"):
            run(train(recipe, resume=True))
    assert (tmp_path / "run" / "checkpoint.pt").read_bytes() == kept
    assert not list((tmp_path / "run").glob(".*"))

    with monkeypatch.context() as patch:
        patch.setattr(stepping.Log, "write", lambda *_: full(0))
        patch.setattr(stepping, "_LOG_STEPS", 1)
        with pytest.raises(InputError, match="the disk is full"):
            run(train(recipe, resume=True))
    assert not (tmp_path / "run" / "small.safetensors").exists()
    assert equal(store.load(str(run(train(recipe, resume=True)))).state, weights(whole))


@pytest.mark.thorough
def test_a_run_may_start_from_weights(recipe, train, tmp_path) -> None:
    path = run(train(recipe))
    trained = store.load(str(path))
    network = loop.make_network(recipe, (str(path),)).state_dict()
    assert equal(network, trained.state)
    preset = recipe.presets["cpu"].model_copy(update={"learning_rate": 1e-12, "muon": None, "steps": 3})
    still = recipe.model_copy(update={"presets": {"cpu": preset}})
    said: list[Progress] = []
    again = store.load(str(run(train(still, "again", weights=(str(path),)), said.append)))
    for name, value in trained.state.items():
        torch.testing.assert_close(again.state[name], value, rtol=1e-3, atol=1e-6)
    assert again.metadata is not None
    assert trained.metadata is not None
    (before,) = [step for step in said if step.message.startswith("before the training: validation ")]
    score = trained.metadata.scores["validation"]["improvement"]
    assert before.notice
    assert before.preview == pytest.approx(score, rel=1e-5)
    assert again.metadata.curve[0][:2] == (0.0, before.preview)
    with (tmp_path / "again" / "log.csv").open() as file:
        first = next(csv.DictReader(file))
    assert (first["step"], first["loss"]) == ("0", "")
    assert float(first["validation"]) == pytest.approx(score, rel=1e-5)
    assert again.metadata.history[0].start == f"small.safetensors (SHA-256 {trained.sha256})"
    assert again.metadata.command.endswith(" --from small.safetensors")
    part = still.model_copy(update={"start": {"": str(path)}})
    run(train(part, "part"))
    longer = preset.model_copy(update={"steps": 4})
    more = part.model_copy(update={"presets": {"cpu": longer}})
    found = store.load(str(run(train(more, "part", resume=True)))).metadata
    assert found is not None
    assert [one.start for one in found.history] == [again.metadata.history[0].start, ""]
    assert found.command.endswith(" --resume")
    shifted = {name: value + 0.02 if value.is_floating_point() else value for name, value in trained.state.items()}
    store.save(tmp_path, "shifted", shifted, trained.metadata)
    both = str(path), str(tmp_path / "shifted.safetensors")
    for name, value in loop.make_network(recipe, both).state_dict().items():
        torch.testing.assert_close(value, trained.state[name] + 0.01 if value.is_floating_point() else shifted[name])
    mixed = store.load(str(run(train(still, "mixed", weights=both)))).metadata
    assert mixed is not None
    assert mixed.command.endswith(" --from small.safetensors --from shifted.safetensors")
    assert mixed.history[0].start.count("SHA-256") == 2
    with pytest.raises(InputError, match="of another network"):
        run(train(recipe, "other", weights=("varnet",)))
    with pytest.raises(InputError, match="not both"):
        run(train(recipe, weights=(str(path),), resume=True))


@pytest.mark.slow
def test_what_the_card_says_is_measured_on_what_is_stored(recipe, train, bank, tmp_path) -> None:
    """Weights are stored in half precision."""
    path = run(train(recipe))
    weights = store.load(str(path))
    assert weights.metadata is not None
    assert all(torch.equal(value, value.half().float()) for value in weights.state.values())
    again = stepping.Run(recipe, recipe.presets["cpu"], bank, tmp_path, torch.device("cpu"), (str(path),))
    run(again.validate())
    assert again.score == weights.metadata.scores["validation"]["improvement"]
    assert again.over_tv == weights.metadata.scores["validation"]["NMSE / TV's"]


def test_the_second_score_is_one_for_tv_itself(recipe, bank, tmp_path) -> None:
    class TV(torch.nn.Module):
        def forward(self, problem: Any) -> Tensor:
            return problem.tv(tv.rule(float(problem.noise)))

    class HalfAsFar(torch.nn.Module):
        """|t| + (|x_tv| - |t|) / 2: a quarter of the NMSE."""

        def forward(self, problem: Any) -> Tensor:
            truth = next(truths)
            return (truth + 0.5 * (problem.tv(tv.rule(float(problem.noise))).abs() - truth)).to(torch.complex64)

    one = stepping.Run(recipe, recipe.presets["cpu"], bank, tmp_path, torch.device("cpu"))
    one.loss = lambda network, example, rng: torch.tensor(1.0)
    one.average.module = TV()
    run(one.validate())
    assert one.over_tv == pytest.approx(1)
    truths = iter([example(one, n).truth.abs() for n in range(len(one.bank.validation))])
    one.average.module = HalfAsFar()
    run(one.validate())
    assert one.over_tv == pytest.approx(0.25, rel=1e-3)


def others(run_folder: Path, cases: Path, **uses: str) -> Path:
    """The same cases as a bank of files that are for these uses."""
    shutil.copytree(cases, run_folder)
    sources = [
        Origin(name=f"{name}.nii", kind="simulated from NIfTI", sha256=64 * name[-1], person=name, use=use)
        for name, use in uses.items()
    ]
    record = Record(sources=sources, validation="of other people")
    (run_folder / "sources.json").write_text(record.model_dump_json())
    return run_folder


@pytest.mark.thorough
def test_nobody_from_whom_the_weights_have_learned_is_for_validation(recipe, bank, tmp_path) -> None:
    """Neither of earlier calls, nor of the weights that a run starts from, nor of those that these started from."""
    cases, data, out = bank.paths[0].parent, tmp_path / "data", tmp_path / "run"
    data.mkdir()
    first = others(tmp_path / "first", cases, a="training", b="training", c="validation")
    path = run(loop.train(recipe, data, out, bank=first))
    for swapped in ({"b": "training", "a": "validation"}, {"b": "training", "x_a": "validation"}):
        second = others(tmp_path / f"second of {len(swapped)} {[*swapped][1]}", cases, **swapped)
        with pytest.raises(InputError, match=r"a.nii is for validation, and the weights have learned from a.nii of"):
            run(loop.train(recipe, data, out, bank=second, resume=True))
        with pytest.raises(InputError, match="have learned from a.nii of the same person"):
            run(loop.train(recipe, data, tmp_path / "from", bank=second, weights=(str(path),)))
    third = others(tmp_path / "third", cases, d="training", c="validation")
    path = run(loop.train(recipe, data, tmp_path / "from", bank=third, weights=(str(path),)))
    metadata = store.load(str(path)).metadata
    assert metadata is not None
    assert metadata.history[0].hardware == metadata.hardware
    assert [(one.name, one.use) for one in metadata.volumes] == [
        ("d.nii", "training"),
        ("c.nii", "validation"),
        ("a.nii", "training"),
        ("b.nii", "training"),
    ]
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert "4, of people: 3 for training, 1 for validation." in card
    assert "the weights had learned from 2 of the volumes below before" in card
    fourth = others(tmp_path / "fourth", cases, d="training", b="validation")
    with pytest.raises(InputError, match="have learned from b.nii of the same person"):
        run(loop.train(recipe, data, tmp_path / "from", bank=fourth, resume=True))


@pytest.mark.parametrize("name", ["hqs-supervised", "unet", "varnet"])
def test_the_shipped_weights_are_gone_on_from_with_the_division_that_ships(name: str) -> None:
    metadata = store.load(name).metadata
    assert metadata is not None
    split = loop.load_recipe(name).bank
    sources = [
        Origin(
            name=file.name,
            kind=file.kind,
            sha256=file.sha256,
            person=split.person([file.name]).id,
            use=split.use([file.name]),
        )
        for file in metadata.volumes
    ]
    assert {origin.use for origin in sources} == {"training", "validation"}
    seen.check_unseen(sources, seen.by_weights([name]))
    turned = [origin.model_copy(update={"use": "validation"}) for origin in sources]
    with pytest.raises(InputError, match="have learned from"):
        seen.check_unseen(turned, seen.by_weights([name]))
    # Other files of the same people are refused by whom they show.
    for origin in sources:
        other = origin.model_copy(update={"use": "validation", "sha256": 64 * "0"})
        if origin.use == "training":
            with pytest.raises(InputError, match=f"of the same person \\({origin.person}\\)"):
                seen.check_unseen([other], seen.by_weights([name]))


@pytest.mark.slow
def test_no_weights_are_saved_without_a_decay_behind_the_end_of_a_preset(recipe, train, tmp_path) -> None:
    interrupted(train(recipe), 6)
    shorter = recipe.model_copy(update={"presets": {"cpu": recipe.presets["cpu"].model_copy(update={"steps": 5})}})
    with pytest.raises(InputError, match="the checkpoint is at step 6, and a preset of 5 steps leaves no room"):
        run(train(shorter, resume=True))
    assert not (tmp_path / "run" / "small.safetensors").exists()
    assert run(train(recipe, resume=True)).exists()
    assert run(train(recipe, resume=True)).exists()  # the whole decay once more


def test_a_time_into_which_no_step_fits_saves_nothing(recipe, train, tmp_path) -> None:
    with pytest.raises(InputError, match="no step fits into this time; give more minutes"):
        run(train(recipe, minutes=1e-9))
    assert not (tmp_path / "run" / "small.safetensors").exists()


def example(run: stepping.Run, number: int) -> Any:
    import numpy as np

    rng = np.random.default_rng((run.recipe.seed, validation.VALIDATION_SEED, number))
    return draw_example(run.bank.validation[number], run.recipe.masks, run.recipe.pixels, rng)


@pytest.mark.parametrize(
    ("network", "alone"),
    [
        ("unet", True),
        ("varnet", True),
        ("hqs-supervised", True),
        ("hyperrecon-supervised", False),
        ("gan-prior", False),
        ("posterior", False),
        ("loupe", False),
    ],
)
def test_which_networks_make_an_image_of_a_problem_alone(network: str, alone: bool) -> None:
    made = loop.make_network(loop.load_recipe(network))
    assert validation.needs_problem_alone(made) is alone


@pytest.mark.thorough
def test_several_recipes_share_the_minutes_and_the_cases(specification, anatomy_folder, clock, tmp_path) -> None:
    def written(name: str, **more: Any) -> Path:
        values = VALUES | {"id": name, "bank": specification.model_dump(mode="json")} | more
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(values))
        return tmp_path / f"{name}.yaml"

    def command(*arguments: Any) -> Any:
        common = ["--data", anatomy_folder, "--output", tmp_path / "runs", "--bank", tmp_path / "bank"]
        return CliRunner().invoke(cli, ["train", *map(str, [*arguments, *common])], catch_exceptions=True)

    recipes = written("long", share=3.0), written("short")
    result = command(*recipes, "--minutes", 4)
    assert result.exit_code == 0, result.output
    described = [
        store.load(str(tmp_path / "runs" / name / f"{name}.safetensors")).metadata for name in ("long", "short")
    ]
    assert [one.command.split()[-1] for one in described if one] == ["3", "1"]
    assert not (tmp_path / "runs" / "long" / "bank").exists()
    result = command(*recipes, "--minutes", 2, "--resume")
    assert result.exit_code == 0, result.output
    for wrong, words in (
        ([recipes[0], recipes[0]], "each may be given once"),
        ([recipes[0], written("odd", bank={"cases": 3})], "odd want other cases than long"),
        ([*recipes, "--from", "varnet"], "cannot start from the same weights"),
        ([recipes[0], "--preset", "gpu"], "no preset 'gpu'"),
        ([written("new"), written("unfit", loss="mixture")], "'mixture' of unfit cannot be used"),
        ([written("new"), recipes[0], "--from-shipped"], "there are no weights 'new'"),
    ):
        result = command(*wrong)
        assert isinstance(result.exception, ReconRobustError)
        assert words in str(result.exception)
    assert not (tmp_path / "runs" / "new").exists()
    result = command(recipes[0], written("new"), "--minutes", 2)  # the first has a checkpoint, and the second trains
    assert isinstance(result.exception, InputError)
    assert "long: " in str(result.exception)
    assert (tmp_path / "runs" / "new" / "new.safetensors").exists()
