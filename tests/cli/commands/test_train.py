import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.cli.commands.train import _aloud
from napari_recon_robust.cli.progress import Lines
from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.training import loop


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_is_told_to_end_does_so_after_its_step(
    number: signal.Signals, kept: bool, in_front: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps = []

    def train(recipe: Any, data: Path, folder: Path, **_: Any) -> Job[Path]:
        folder.mkdir()
        try:
            while True:
                yield Progress(0.5)
                signal.raise_signal(number)
                steps.append("whole")
        finally:
            if kept:
                (folder / "checkpoint.pt").touch()

    monkeypatch.setattr(loop, "train", train)
    result = CliRunner().invoke(cli, ["train", "unet", "--data", str(tmp_path), "--output", str(tmp_path / "run")])
    assert result.exit_code == 1
    assert steps == ["whole"]
    assert (f"the run is kept in {tmp_path / 'run'}; --resume, in place of any --from" in result.stderr) == kept


def test_a_notice_stands_in_a_log_once(capsys: pytest.CaptureFixture[str]) -> None:
    """It was printed, and once more as a line of progress where the step before had taken long."""
    times = iter((0.0, 60.0, 60.0))
    lines = Lines("training unet", lambda: next(times))
    lines(_aloud(Progress(0.1, "two people are for training", preview=1, notice=True)))
    assert capsys.readouterr().err.splitlines() == ["two people are for training", "training unet: 10%"]
    step = Progress(0.2, "step 3", preview=2)
    assert _aloud(step) is step
