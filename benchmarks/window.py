"""How long the window's thread is ours: callbacks while docks open, a scan loads, knobs turn, an attack runs, and more.

    xvfb-run -a python benchmarks/window.py [--method tv]

Goals: a dock opens within 300 ms, before torch is needed; each callback <= 100 ms; no gap of the event loop, by a
timer, is longer than 300 ms; from the slider's event to the image handed to napari, p95 <= 16 ms once the range is
prepared; the range prepared within 2 s (one knob) or 8 s (two). Every method of every class of the window is timed at
its outermost call, so what napari does within them counts too, but for one layer that comes or goes, for the layout of
the grid and for collecting what layers leave, which are napari's, and for a dock that is made. "panels": the layouts,
then two by four images of several methods that come, go, and are turned. "another": another scan is opened. The last
lines show all goals beside what was measured. Each dock is opened in a process of its own, in which nothing has been
imported before.
"""

import json
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from compileall import compile_dir
from functools import wraps
from importlib import import_module
from inspect import isclass, isfunction, signature
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import napari
import numpy as np
from napari.components import LayerList
from napari.window import Window
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication, QWidget

from arguments import parser_of
from goals import Goal, report
from napari_recon_robust import canvas, controls, window
from napari_recon_robust.window import keys, session

LIMIT, LATENCY, GAP, OPENING = 100.0, 16.0, 300.0, 300.0
TICK = 5  # ms
DOCKS = ("Gallery", "Studies", *session.DOCKS)
APART = (
    "LayerList.insert",
    "LayerList.remove",
    "Grid.lay_out",
    "Building._collect",
    "Window.add_plugin_dock_widget",
)


class Clock:
    """Wraps our classes' methods; (wall, CPU) milliseconds of each outermost call, by phase and name.

    Adding a layer is one call of napari's; it is counted by itself, and the first of a process builds napari's own
    controls and shaders. So is a dock, whose opening has a goal of its own.
    """

    def __init__(self) -> None:
        self.phase = "start"
        self.spent: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        self._running: list[Any] = []
        for one in ours():
            for name, member in list(vars(one).items()):
                if isfunction(member) and not name.startswith("__"):
                    setattr(one, name, self._timed(f"{one.__name__}.{name}", member))
        for one, name in ((LayerList, "insert"), (LayerList, "remove"), (Window, "add_plugin_dock_widget")):
            setattr(one, name, self._timed(f"{one.__name__}.{name}", getattr(one, name)))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = signature(function).parameters.values()
        # Qt offers more arguments than a slot takes, and a wrapper would take them all.
        most = None if any(one.kind is one.VAR_POSITIONAL for one in parameters) else len(parameters)

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            args = args[:most]
            inside = self._running and name not in APART
            if inside or threading.current_thread() is not threading.main_thread():
                return function(*args, **kwargs)
            start = np.array([time.perf_counter(), time.thread_time()])
            self._running.append(np.zeros(2))
            try:
                return function(*args, **kwargs)
            finally:
                took = np.array([time.perf_counter(), time.thread_time()]) - start
                own = took - self._running.pop()
                if self._running:
                    self._running[-1] += took
                self.spent[self.phase, name].append(tuple(1e3 * own))

        return timed

    def report(self) -> None:
        print(f"{'phase':<8} {'callback':<36} {'calls':>6} {'median':>8} {'max ms':>8} {'CPU':>8}")
        for (phase, name), times in self.spent.items():
            wall, cpu = np.array(times).T
            if cpu.max() >= 2.0:
                mark = " napari" if name in APART else "  over" if cpu.max() > LIMIT else ""
                print(
                    f"{phase:<8} {name:<36} {len(times):>6} {np.median(wall):>8.1f} {wall.max():>8.1f} "
                    f"{cpu.max():>8.1f}{mark}"
                )
        longest = max((max(times), key) for key, times in self.spent.items() if key[1] not in APART)
        print(f"longest callback of ours: {longest[1][1]}, {longest[1][0]}")

    @property
    def longest(self) -> tuple[float, float]:
        """Milliseconds, wall and CPU, of the longest calls of ours."""
        ours = np.array([one for key, times in self.spent.items() if key[1] not in APART for one in times])
        wall, cpu = ours.max(0)
        return float(wall), float(cpu)


class Gaps:
    """A timer of 5 ms; (wall, CPU of the window's thread) milliseconds between two of its ticks, by phase."""

    def __init__(self, phase: Callable[[], str]) -> None:
        self._phase = phase
        self.found: dict[str, list[np.ndarray]] = defaultdict(list)
        self._last = self._now()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK)

    def report(self) -> None:
        for phase, gaps in self.found.items():
            wall, cpu = np.array(gaps).T
            over = "  over" if cpu.max() > GAP else ""
            print(
                f"gaps of the event loop, {phase:<8} median {np.median(wall):.1f} ms, "
                f"p99 {np.percentile(wall, 99):.1f}, longest {wall.max():.1f} "
                f"({cpu.max():.1f} of CPU; goal {GAP:.0f}){over}"
            )

    @property
    def longest(self) -> tuple[float, float]:
        """Milliseconds, wall and CPU, of the longest gaps."""
        wall, cpu = np.concatenate([np.array(gaps) for gaps in self.found.values()]).max(0)
        return float(wall), float(cpu)

    @staticmethod
    def _now() -> np.ndarray:
        return 1e3 * np.array([time.perf_counter(), time.thread_time()])

    def _tick(self) -> None:
        now = self._now()
        self.found[self._phase()].append(now - self._last)
        self._last = now


def ours() -> Iterator[type]:
    """Every class of the window, of its images and of its controls."""
    for part in (window, canvas, controls):
        for found in walk_packages(part.__path__, f"{part.__name__}."):
            module = import_module(found.name)
            yield from (one for one in vars(module).values() if isclass(one) and one.__module__ == module.__name__)


class Painted(QObject):
    """Notes when a widget is painted."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self.at: tuple[float, float] | None = None
        widget.installEventFilter(self)

    def eventFilter(self, _: QObject | None, event: QEvent | None) -> bool:
        if event is not None and event.type() == QEvent.Type.Paint and self.at is None:
            self.at = time.perf_counter(), time.thread_time()
        return False


def open_dock(name: str) -> None:
    """Open a dock as the first one, until it is painted, and print how long that takes in milliseconds, as JSON."""
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    end = time.perf_counter() + 0.5
    until(lambda: time.perf_counter() > end)
    start = time.perf_counter(), time.thread_time()
    dock, page = viewer.window.add_plugin_dock_widget(session.PLUGIN, name, tabify=True)
    painted = Painted(page)
    dock.show()
    until(lambda: painted.at)
    wall, cpu = (1e3 * (now - then) for now, then in zip(painted.at or start, start, strict=True))
    print(json.dumps((wall, cpu, "torch" in sys.modules)), flush=True)
    session.Session.of(viewer).jobs.cancel_all()
    viewer.close()


def opened() -> Iterator[Goal]:
    """Open each dock in a process of its own, the best of three; the package is compiled, as pip does it."""
    compile_dir(Path(window.__path__[0]).parent, quiet=1)
    for name in DOCKS:
        took = []
        for _ in range(3):
            command = [sys.executable, __file__, "--dock", name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            took.append(json.loads(done.stdout.strip().splitlines()[-1]))
        wall, cpu, torch = (min(one) for one in zip(*took, strict=True))
        yield Goal(f"{name} dock opened{' (torch is there)' * torch}", OPENING, wall, cpu)


def until(condition: Callable[[], object], seconds: float = 600.0) -> float:
    """Run the window's loop, at least once, until something holds; how long that took."""
    start = time.perf_counter()
    while True:
        QApplication.processEvents()
        if condition():
            return time.perf_counter() - start
        time.sleep(0.001)
        if time.perf_counter() - start > seconds:
            raise TimeoutError


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--method", default="tv")
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--dock", help="only open this dock, and print JSON")
    options = parser.parse_args()
    if options.dock:
        open_dock(options.dock)
        return
    goals = list(opened())
    clock = Clock()
    viewer = napari.Viewer()
    viewer.window.resize(1280, 800)
    QApplication.processEvents()
    gaps = Gaps(lambda: clock.phase)

    clock.phase = "docks"
    complete: list[bool] = []
    for name in DOCKS:
        viewer.window.add_plugin_dock_widget(session.PLUGIN, name, tabify=True)
        QApplication.processEvents()
    review = session.Session.of(viewer)
    review.jobs.failed.connect(print)
    review.complete.connect(lambda: complete.append(True))
    bench = review.bench
    until(lambda: complete)

    clock.phase = "load"
    review.open_sample()
    loaded = until(lambda: bench.acquisition.slice is not None)
    until(lambda: bench.reconstruction.shown is not None and bench.reconstruction.ready)
    review.choose_method(options.method)
    prepared = until(lambda: bench.reconstruction.ready)
    until(lambda: not review.jobs.busy("render"))

    clock.phase = "knob"
    page: Any = next(dock for dock in review.docks if dock.title == "Reconstruct")
    slider = page.method.knobs.controls[bench.reconstruction.axes[0].name].slider
    latency, busy = [], []
    for position in np.random.default_rng(0).integers(0, 1001, options.turns):
        start, began = time.perf_counter(), time.thread_time()
        slider.setValue(int(position))
        latency.append(1e3 * (time.perf_counter() - start))
        busy.append(1e3 * (time.thread_time() - began))
        until(lambda end=start + 1 / 60: time.perf_counter() > end)
    rested = until(lambda: bench.reconstruction.shown.exact)

    clock.phase = "attack"
    bench.regions.choose(bench.regions.on(bench.acquisition.index)[:1])
    bench.perturbing.set(steps=2)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.result is not None and not review.jobs.busy() and review.panels.settled)

    clock.phase = "cancel"
    previews: list[object] = []
    bench.perturbing.previewed.connect(previews.append)
    bench.perturbing.set(steps=200)
    review.attempt(bench.perturbing.run)
    until(lambda: previews)
    start = time.perf_counter()
    review.jobs.cancel()
    until(review.jobs.free)
    usable = time.perf_counter() - start
    until(lambda: not review.jobs.busy())
    cancelled = time.perf_counter() - start

    def press(*pressed: str) -> None:
        for key in pressed:
            next(one for one in keys.KEYS if one.key == key).action(review)
            until(lambda: not review.jobs.working and review.panels.settled)

    clock.phase = "panels"
    review.choose_method(options.method)
    bench.lining_up.choose(("zero-filled", "cg-sense", "tv", "hqs"), anew=False)
    press("Q", "Q", "4", "O", "O", "O", "N", "N", *"TTTT", "M", "M")

    clock.phase = "another"
    review.open_sample()
    until(lambda: bench.reconstruction.ready and bench.perturbing.result is None and review.panels.settled)

    clock.report()
    gaps.report()
    print(f"first look and calibration {loaded:.2f} s; {options.method} prepared in {prepared:.2f} s")
    print(
        f"slider to image handed to napari: median {np.median(latency):.1f} ms, "
        f"p95 {np.percentile(latency, 95):.1f} ms (goal {LATENCY:.0f}); "
        f"exact {1e3 * rested:.0f} ms after the last turn"
    )
    print(
        f"after Cancel another search could be started in {1e3 * usable:.0f} ms; the last step and the comparison of "
        f"the best so far took {cancelled:.2f} s behind it"
    )
    axes = len(bench.reconstruction.axes)
    goals += [
        Goal("longest call of one of our slots", LIMIT, *clock.longest),
        Goal("longest gap of the event loop", GAP, *gaps.longest),
        Goal(
            "slider to image handed to napari, p95",
            LATENCY,
            *(float(np.percentile(one, 95)) for one in (latency, busy)),
        ),
        Goal(f"range of {options.method} prepared", 8.0 if axes > 1 else 2.0, prepared, unit="s"),
    ]
    report(goals)
    review.jobs.cancel_all()
    viewer.close()


if __name__ == "__main__":
    main()
