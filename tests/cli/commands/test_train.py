import pytest

from napari_recon_robust.cli.commands.train import _aloud
from napari_recon_robust.cli.options import Lines
from napari_recon_robust.ground.progress import Progress


def test_a_notice_stands_in_a_log_once(capsys: pytest.CaptureFixture[str]) -> None:
    """It was printed, and once more as a line of progress where the step before had taken long."""
    times = iter((0.0, 60.0, 60.0))
    lines = Lines("training unet", lambda: next(times))
    lines(_aloud(Progress(0.1, "two people are for training", preview=1, notice=True)))
    assert capsys.readouterr().err.splitlines() == ["two people are for training", "training unet: 10%"]
    step = Progress(0.2, "step 3", preview=2)
    assert _aloud(step) is step
