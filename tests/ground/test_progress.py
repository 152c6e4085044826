from pathlib import Path

import pytest

from napari_recon_robust.ground.progress import Cancelled, Job, Progress, cancellable, not_cancelled, relayed, run
from napari_recon_robust.ground.writing import write


def counting(steps: int, log: list[str]) -> Job[int]:
    try:
        for step in range(steps):
            yield Progress((step + 1) / steps, f"step {step}")
        return steps
    finally:
        log.append("closed")


def test_run_returns_the_result_and_shows_every_step() -> None:
    seen: list[float] = []
    assert run(counting(4, []), lambda progress: seen.append(progress.fraction)) == 4
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_an_error_while_showing_cancels_the_job() -> None:
    log: list[str] = []
    job = counting(4, log)

    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(job, interrupt)
    assert log == ["closed"]


def test_a_relayed_job_has_other_steps_and_the_same_result() -> None:
    log: list[str] = []
    job = relayed(counting(4, log), lambda progress: progress.message)
    assert [next(job) for _ in range(4)] == ["step 0", "step 1", "step 2", "step 3"]
    with pytest.raises(StopIteration) as stop:
        next(job)
    assert stop.value.value == 4
    assert log == ["closed"]


def test_closing_a_relayed_job_closes_what_it_relays() -> None:
    log: list[str] = []
    job = relayed(counting(4, log), lambda progress: progress)
    next(job)
    job.close()
    assert log == ["closed"]


def test_a_job_that_is_run_within_another_is_cancelled_with_it() -> None:
    log: list[str] = []
    with cancellable(lambda: True), pytest.raises(Cancelled):
        run(counting(4, log))
    assert log == ["closed"]
    assert run(counting(4, log)) == 4, "only there"


def test_a_cancelled_job_writes_what_it_has_when_it_is_closed(tmp_path: Path) -> None:
    """As a training keeps its last steps."""

    def job() -> Job[None]:
        try:
            yield Progress(0.5)
        finally:
            write(tmp_path / "kept", b"steps")

    with cancellable(lambda: True):
        with pytest.raises(Cancelled):
            run(job())
        assert (tmp_path / "kept").read_bytes() == b"steps"
        with pytest.raises(Cancelled):
            write(tmp_path / "other", b"")
        with not_cancelled():
            write(tmp_path / "other", b"")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["kept", "other"]
