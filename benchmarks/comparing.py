"""Frames and our share of them while the wipe or the window is dragged and while it flickers, four panels at 320².

    xvfb-run -a python benchmarks/comparing.py

Goals: at least 10 frames a second while dragging with 4 panels, of which at most 15 ms are ours (95th percentile); at
4 Hz in 2-up each image of the flicker is drawn; no gap of the event loop, by a timer, is longer than 300 ms. The last
lines show all goals beside what was measured; CPU time stands beside wall time, for machines that do other work too.
"slider" puts another clean and another perturbed image and their difference, as a knob that is turned does.
"""

import gc
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from goals import Goal, report
from napari_recon_robust.canvas.comparing import Picture
from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.panel import ORDER
from napari_recon_robust.window.session import PLUGIN, Session
from napari_recon_robust.window.warm import is_warm
from window import Gaps

SIDE, MOVES, OURS, RATE, GAP, PATIENCE = 320, 60, 15.0, 10.0, 300.0, 60.0


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what was waited for did not come; is something that is drawn no longer changed?")
        QApplication.processEvents()
        time.sleep(0.001)


def dragged(name: str, move: Callable[[int], object], drawn: list[float]) -> list[Goal]:
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
    shares = [float(np.percentile(one, 95)) for one in (ours, cpu)]
    return [
        Goal(f"{name} dragged, 4 panels at {SIDE}²", RATE, MOVES / wall, MOVES / busy, "fps", least=True),
        Goal(f"{name} dragged, our share of a frame, p95", OURS, *shares),
    ]


def main() -> None:
    viewer = napari.Viewer()
    viewer.window.resize(1280, 720)
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    session = Session.of(viewer)
    until(lambda: len(session.docks) == 3)
    until(lambda: is_warm() and not session.jobs.working)
    session.asked_layout.emit()
    panels, comparing = session.panels, session.scene.comparing
    panels.open(Geometry((1, SIDE, SIDE), (3.0, 0.7, 0.7)))
    panels.show(ORDER)
    until(lambda: panels.settled)
    panels.shared_window.start(0.0, 1.0)
    random = np.random.default_rng(0)
    for key in ORDER:
        comparing.put(key, Picture(0, random.random((SIDE, SIDE), np.float32), key.capitalize()))
    gc.freeze()  # as it is done when a scan is opened
    drawn: list[float] = []
    scene: Any = viewer.window._qt_viewer.canvas._scene_canvas
    scene.events.draw.connect(lambda _: drawn.append(time.perf_counter()), position="last")
    comparing.view.wipe = 0.5
    comparing.draw()
    phase = "wipe"
    gaps = Gaps(lambda: phase)
    goals = dragged("wipe", lambda step: comparing.move_wipe((20 + 4.5 * step) / SIDE), drawn)
    phase = "window"
    goals += dragged("window", lambda step: panels.shared_window.turn(0.002 * step, 1.0), drawn)
    comparing.view.wipe = None
    comparing.draw()
    phase = "slider"
    images = [random.random((SIDE, SIDE), np.float32) for _ in range(8)]

    def turn(step: int) -> None:
        for place, key in enumerate(("clean", "perturbed")):
            comparing.put(key, Picture(0, images[(step + 3 * place) % 8], key.capitalize()))
        comparing.write_difference()

    goals += dragged("slider", turn, drawn)
    panels.show(("clean", "perturbed"))
    until(lambda: panels.settled)
    phase = "flicker"
    flips, seen, ours, cpu = 24, 0, [], []
    for flip in range(flips):
        due = time.perf_counter() + 0.125
        drawn.clear()
        before, began = time.perf_counter(), time.thread_time()
        session.look(flicker=flip % 2 == 0)
        ours.append(1e3 * (time.perf_counter() - before))
        cpu.append(1e3 * (time.thread_time() - began))
        until(lambda due=due: time.perf_counter() >= due)
        seen += bool(drawn)
    gaps.report()
    goals += [
        Goal("images of the flicker drawn at 4 Hz, 2-up", flips, seen, unit=f"of {flips}", least=True),
        Goal("flicker, our share of a frame, p95", OURS, *(float(np.percentile(one, 95)) for one in (ours, cpu))),
        Goal("longest gap of the event loop", GAP, *gaps.longest),
    ]
    report(goals)
    session.jobs.cancel_all()
    viewer.close()


if __name__ == "__main__":
    main()
