"""Frames and our share of them while the wipe or the window is dragged and while it flickers, four panels at 320².

    xvfb-run -a python benchmarks/comparing.py

Goals: at least 10 frames a second while dragging with 4 panels, of which at most 15 ms are ours (95th percentile); at
4 Hz in 2-up each image of the flicker is drawn; no gap of the event loop, by a timer, is longer than 300 ms. CPU time
stands beside wall time, for machines that do other work too.
"""

import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from napari_recon_robust.window.canvas.comparing import Picture
from napari_recon_robust.window.canvas.geometry import Geometry
from napari_recon_robust.window.canvas.panel import ORDER
from napari_recon_robust.window.session import PLUGIN, Session
from window import Gaps

SIDE, MOVES, OURS, RATE = 320, 60, 15.0, 10.0


def until(condition: Callable[[], object]) -> None:
    while not condition():
        QApplication.processEvents()
        time.sleep(0.001)


def dragged(name: str, move: Callable[[int], object], drawn: list[float]) -> None:
    """Move, draw, and so on as napari does it: `ours` is the move, the rest is the drawing of all panels."""
    ours, cpu = [], []
    drawn.clear()
    start = time.perf_counter(), time.process_time()
    for step in range(MOVES):
        before, began = time.perf_counter(), time.thread_time()
        move(step)
        ours.append(1e3 * (time.perf_counter() - before))
        cpu.append(1e3 * (time.thread_time() - began))
        count = len(drawn)
        until(lambda count=count: len(drawn) > count)
    wall, busy = time.perf_counter() - start[0], time.process_time() - start[1]
    print(
        f"{name}: {MOVES / wall:.1f} frames/s ({MOVES / busy:.1f} by CPU time; goal {RATE:.0f}), ours p95 "
        f"{np.percentile(ours, 95):.1f} ms ({np.percentile(cpu, 95):.1f} ms of CPU; goal {OURS:.0f})"
    )


def main() -> None:
    viewer = napari.Viewer()
    viewer.window.resize(1280, 720)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    session = Session.of(viewer)
    until(lambda: len(session.docks) == 3)
    until(lambda: not session.jobs.working)
    session.asked_layout.emit()
    panels, comparing = session.panels, session.scene.comparing
    panels.open(Geometry((1, SIDE, SIDE), (3.0, 0.7, 0.7)))
    panels.show(ORDER)
    until(lambda: panels.settled)
    panels.set_window(0.0, 1.0)
    random = np.random.default_rng(0)
    for key in ORDER:
        comparing.put(key, Picture(0, random.random((SIDE, SIDE), np.float32), key.capitalize()))
    drawn: list[float] = []
    scene: Any = viewer.window._qt_viewer.canvas._scene_canvas
    scene.events.draw.connect(lambda _: drawn.append(time.perf_counter()), position="last")
    comparing.view.wipe = 0.5
    comparing.draw()
    phase = "wipe"
    gaps = Gaps(lambda: phase)
    dragged("wipe", lambda step: comparing.move_wipe(20 + 4.5 * step), drawn)
    phase = "window"
    dragged("window", lambda step: panels.shared_window.turn(0.002 * step, 1.0), drawn)

    comparing.view.wipe = None
    panels.show(("clean", "perturbed"))
    until(lambda: panels.settled)
    phase = "flicker"
    flips, seen, ours = 24, 0, []
    for flip in range(flips):
        due = time.perf_counter() + 0.125
        drawn.clear()
        began = time.perf_counter()
        session.look(flicker=flip % 2 == 0)
        ours.append(1e3 * (time.perf_counter() - began))
        until(lambda due=due: time.perf_counter() >= due)
        seen += bool(drawn)
    print(f"flicker at 4 Hz, 2-up: {seen} of {flips} images drawn, ours p95 {np.percentile(ours, 95):.1f} ms")
    gaps.report()
    session.jobs.cancel_all()
    viewer.close()


if __name__ == "__main__":
    main()
