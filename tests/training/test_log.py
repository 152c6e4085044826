import csv
import sys
from pathlib import Path

import pytest

from napari_recon_robust.ground.progress import run
from napari_recon_robust.training import loop
from napari_recon_robust.training import run as stepping
from napari_recon_robust.training.log import COLUMNS, Log, LogLine


def lines(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def recipe(specification) -> loop.Recipe:
    return loop.Recipe(
        id="small",
        title="a small network",
        network="unet",
        arguments={"channels": 4, "pools": 2},
        loss="magnitude",
        bank=specification,
        pixels=24 * 64,
        presets={"cpu": {"steps": 6, "validate_every": 3, "warm_up": 0, "precision": "float32"}},
    )


@pytest.mark.slow
def test_a_resumed_training_logs_as_one_that_was_not(recipe, anatomy_folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(stepping, "_REPORT_SECONDS", -1)
    monkeypatch.setattr(stepping, "_LOG_STEPS", 1)
    run(loop.train(recipe, anatomy_folder, tmp_path / "whole"))
    whole = lines(tmp_path / "whole")
    assert [int(line["step"]) for line in whole] == [1, 2, 3, 4, 5, 6]
    assert [bool(line["validation"]) for line in whole] == [False, False, True] * 2
    assert float(whole[0]["learning_rate"]) == pytest.approx(1e-3)
    assert [line["phase"] for line in whole] == [*[""] * 5, "decay"]
    assert float(whole[-1]["learning_rate"]) == pytest.approx(1e-3 * (1 / 6) / 0.2, rel=1e-5)
    assert all(float(line["nmse_over_tv"]) > 0 for line in whole if line["validation"])
    hours = [float(line["hours"]) for line in whole]
    assert hours == sorted(hours)

    monkeypatch.setattr(stepping, "_CHECKPOINT_SECONDS", -1)
    job = loop.train(recipe, anatomy_folder, tmp_path / "half")
    while not (tmp_path / "half" / "checkpoint.pt").exists():
        next(job)
    next(job)
    saved = (tmp_path / "half" / "checkpoint.pt").read_bytes()
    next(job)
    job.close()
    (tmp_path / "half" / "checkpoint.pt").write_bytes(saved)  # as if killed after the log's line
    run(loop.train(recipe, anatomy_folder, tmp_path / "half", resume=True))
    halves = lines(tmp_path / "half")
    for column in ("step", "phase", "loss", "validation", "nmse_over_tv", "learning_rate", "skipped"):
        assert [line[column] for line in halves] == [line[column] for line in whole]


LINE = LogLine(
    step=20,
    hours=0.25,
    phase="",
    loss=0.5,
    validation=None,
    nmse_over_tv=None,
    learning_rate=1e-3,
    skipped=1,
    core_hours=0.5,
)


def test_without_tensorboard_there_is_the_table_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with Log(tmp_path, 0) as log:
        log.write(LINE)
    values = ("20", "0.25", "", "0.5", "", "", "0.001", "1", "0.5")
    assert lines(tmp_path) == [dict(zip(COLUMNS, values, strict=True))]
    assert not (tmp_path / "tensorboard").exists()


def test_lines_of_what_is_gone_on_from_stay_and_of_finished_decays_too(tmp_path) -> None:
    def written(step: int, phase: str) -> None:
        with (tmp_path / "log.csv").open("a") as file:
            file.write(f"{step},,{phase},,,,,0,\n")

    def kept() -> list[tuple[int, str]]:
        return [(int(line["step"]), line["phase"]) for line in lines(tmp_path)]

    Log(tmp_path, 0)
    for step, phase in ((20, ""), (40, ""), (60, "decay"), (60, ""), (80, ""), (100, "decay"), (120, "decay")):
        written(step, phase)
    Log(tmp_path, 100, decaying=True)
    assert kept() == [(20, ""), (40, ""), (60, "decay"), (60, ""), (80, ""), (100, "decay")]
    Log(tmp_path, 70)
    assert kept() == [(20, ""), (40, ""), (60, "decay"), (60, ""), (100, "decay")]


def test_a_log_of_former_columns_is_gone_on_with(tmp_path) -> None:
    (tmp_path / "log.csv").write_text("step,loss,validation,learning_rate,seconds\n20,0.5,,0.001,3\n40,0.4,,0.001,6\n")
    Log(tmp_path, 20)
    (line,) = lines(tmp_path)
    assert (line["step"], line["loss"], line["hours"]) == ("20", "0.5", "")


def test_tensorboard_gets_the_same(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Log(tmp_path, 0) as log:
        log.write(LINE)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Scalars("loss")[0].value == pytest.approx(0.5)
