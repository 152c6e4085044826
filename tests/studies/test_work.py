import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars
import pytest

from helpers.studies import measured
from napari_recon_robust.ground import writing
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies import running
from napari_recon_robust.studies.running import prepare_study, run_study
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.work import results_of, store_beside


class Ended(BaseException):
    """The process is no more."""


class Steps:
    """Ends at one of the steps by which files are written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        for name in ("replace", "fsync"):
            monkeypatch.setattr(writing.os, name, self.counted(getattr(os, name)))
        monkeypatch.setattr("napari_recon_robust.studies.store.append", self.counted(writing.append))
        monkeypatch.setattr(Path, "unlink", self.counted(Path.unlink))

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise Ended
            return function(*arguments, **options)

        return called


@pytest.mark.thorough
def test_ended_at_every_step_of_writing_it_goes_on_to_the_same_bytes(write_plan, monkeypatch) -> None:
    """The n-th attempt ends at its n-th step, until one comes to the end."""
    parts = {"keep": {"images": "all"}, "shard": 2}
    undisturbed, disturbed = write_plan("undisturbed.yaml", **parts), write_plan("disturbed.yaml", **parts)
    run(run_study(undisturbed))
    monkeypatch.setattr(running, "_EVERY", math.inf)  # else the clock adds steps
    steps = Steps(monkeypatch)
    for ends in range(1, 200):
        steps.left = ends
        try:
            status = run(run_study(disturbed))
            break
        except Ended:
            steps.left = -1
            store = Store(store_beside(disturbed), {})
            kept = store.finished() if store.folder.exists() else set()
            assert len(kept) <= 5
    assert ends > 10
    assert status.ended
    assert measured(disturbed) == measured(undisturbed)
    every = polars.read_parquet(store_beside(disturbed) / "trials")
    assert every["trial"].n_unique() == every.height == 5
    assert not list((store_beside(disturbed) / "rows").iterdir())


def test_results_of_another_study_are_not_those_of_a_plan(write_plan) -> None:
    path = write_plan(perturbations=["none"])
    run(prepare_study(path, store=store_beside(path)))
    assert results_of(path).folder == results_of(store_beside(path)).folder
    other = write_plan("other.yaml", study="other")
    with pytest.raises(InputError, match="holds the study 'small', and this plan is 'other'"):
        results_of(other, store_beside(path))
