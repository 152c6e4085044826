"""The plugin's page of napari's Preferences."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from napari.settings import get_plugin_settings

from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.window import worker
from napari_recon_robust.window.session import PLUGIN, Session
from napari_recon_robust.workbench.preferences import COLOURS, MIB, Preferences
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]


def nothing() -> Job[None]:
    yield Progress(0.0)


def test_what_is_preferred_is_followed_at_once(review: Session, until: Until) -> None:
    assert review.preferring.preferences == Preferences(), "the manifest has the same defaults"
    stored = get_plugin_settings(PLUGIN)
    stored.computing.history = 64
    stored.regions.colour = "orange"
    until(lambda: review.bench.history.memory == 64 * MIB)
    edge = review.panels.panels["clean"].regions.edge_color[0]
    assert np.allclose(255 * edge[:3], [int(COLOURS["orange"][place : place + 2], 16) for place in (1, 3, 5)], atol=1)
    assert "history: 64" in stored.config_path.read_text(), "napari keeps it"


def test_jobs_use_the_threads_that_are_preferred(review: Session, until: Until, monkeypatch: Any) -> None:
    stored, set_to = get_plugin_settings(PLUGIN), []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    for wanted in (3, 0):
        stored.computing.threads = wanted
        until(lambda: not review.preferring._soon.isActive())
        review.jobs.start(Task("Nothing", nothing(), lambda _: None))
        until(lambda: not review.jobs.working)
    assert set_to == [3, max(min(worker._most(), (os.cpu_count() or 2) - 1), 1)]
