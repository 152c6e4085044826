import csv
import sys
from pathlib import Path

import pytest

from napari_recon_robust.progress import run
from napari_recon_robust.training import loop
from napari_recon_robust.training.log import COLUMNS, Log


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


def test_a_resumed_training_logs_as_one_that_was_not(recipe, anatomy_folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(loop, "_REPORT_SECONDS", -1)
    monkeypatch.setattr(loop, "_LOG_STEPS", 1)
    run(loop.train(recipe, anatomy_folder, tmp_path / "whole"))
    whole = lines(tmp_path / "whole")
    assert [int(line["step"]) for line in whole] == [1, 2, 3, 4, 5, 6]
    assert [bool(line["validation"]) for line in whole] == [False, False, True] * 2
    assert float(whole[0]["learning_rate"]) == pytest.approx(1e-3)
    assert float(whole[-1]["learning_rate"]) < 3e-4
    seconds = [float(line["seconds"]) for line in whole]
    assert seconds == sorted(seconds)

    monkeypatch.setattr(loop, "_CHECKPOINT_SECONDS", -1)
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
    for column in ("step", "loss", "validation", "learning_rate"):
        assert [line[column] for line in halves] == [line[column] for line in whole]


def test_without_tensorboard_there_is_the_table_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with Log(tmp_path, 0) as log:
        log.write(20, 0.5, None, 1e-3, 2.0)
    assert lines(tmp_path) == [dict(zip(COLUMNS, ("20", "0.5", "", "0.001", "2"), strict=True))]
    assert not (tmp_path / "tensorboard").exists()


def test_tensorboard_gets_the_same(tmp_path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with Log(tmp_path, 0) as log:
        log.write(20, 0.5, 0.4, 1e-3, 2.0)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Scalars("validation")[0].value == pytest.approx(0.4)
