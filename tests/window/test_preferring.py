"""The plugin's page of napari's Preferences."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from napari.settings import get_plugin_settings, get_settings

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


def test_words_on_the_picture_grow_with_the_letters(review: Session) -> None:
    appearance, panels = get_settings().appearance, review.panels
    title, overlays = panels.panels["clean"].image.name_overlay, panels.viewer.canvas.overlays
    before, usual = appearance.font_size, (title.font_size, overlays["text"].font_size, overlays["scale_bar"].font_size)
    try:
        appearance.font_size = round(1.5 * before)
        grown = (title.font_size, overlays["text"].font_size, overlays["scale_bar"].font_size)
        wanted = np.multiply(usual, round(1.5 * before) / before)
        assert np.allclose(grown, wanted, rtol=0, atol=0.5), "as the letters, to whole points"
    finally:
        appearance.font_size = before
    assert title.font_size == usual[0]


def test_jobs_use_the_threads_that_are_preferred(review: Session, until: Until, monkeypatch: Any) -> None:
    stored, set_to = get_plugin_settings(PLUGIN), []
    monkeypatch.setattr(torch, "set_num_threads", set_to.append)
    for wanted in (3, 0):
        stored.computing.threads = wanted
        until(lambda: not review.preferring._soon.isActive())
        review.jobs.start(Task("Nothing", nothing(), lambda _: None))
        until(lambda: not review.jobs.working)
    assert set_to == [3, max(min(worker._most(), (os.cpu_count() or 2) - 1), 1)]
