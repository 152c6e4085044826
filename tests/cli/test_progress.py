"""A job says how far it is, in a bar or in a log."""

import pytest

from napari_recon_robust.cli import progress
from napari_recon_robust.ground.progress import Job, Progress


def test_a_log_gets_a_line_each_half_minute_and_after_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines = progress.Lines("study", lambda: now[0])
    for now[0], fraction in ((1, 0.2), (4, 0.25), (6, 0.26), (12, 0.29), (37, 0.295), (38, 0.3), (43, 0.31)):
        lines(Progress(fraction, f"{100 * fraction:g} of 100 trials"))
    assert capsys.readouterr().err.splitlines() == [
        "study: 26 of 100 trials",
        "study: 29.5 of 100 trials",
        "study: 31 of 100 trials",
    ]


def test_whatever_takes_long_says_so_in_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def job() -> Job[int]:
        yield Progress(0.25, "2 of 8")
        yield Progress(0.5)
        return 7

    monkeypatch.setattr(progress, "_QUICK", 0)
    assert progress.follow(job(), "searching") == 7
    assert capsys.readouterr().err.splitlines() == ["searching: 2 of 8", "searching: 50%"]


@pytest.mark.parametrize("timed", [True, False])
def test_a_bar_tells_the_time_left_unless_the_job_does(
    timed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That of a bar counts what earlier runs of a study have finished to the speed of this one."""

    def job() -> Job[int]:
        yield Progress(0.5, "4 of 8")
        return 7

    monkeypatch.setenv("FORCE_COLOR", "1")
    assert progress.follow(job(), "searching", timed=timed) == 7
    said = capsys.readouterr().err
    assert "4 of 8" in said
    assert any(sign in said for sign in (":--", "0:00:")) == timed
