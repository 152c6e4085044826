"""A gallery of many cases: how long it takes to list them, and to draw each frame while they are scrolled.

    xvfb-run -a python benchmarks/gallery.py [--cases 5000]

The cases are one saved case with other names, labels and metrics, each sealed; their k-space and images are links to
the same two files. The cache is empty at first. A frame is one step of the scroll bar with all that is drawn for it.
Times are those of the clock and, in brackets, those that this thread had a processor, which other work on the machine
does not change. In the former is napari's canvas, which OpenGL composes anew whenever anything in the window changes.
Goals: 15 ms of ours a frame (95th percentile), and a dock that is open after 300 ms.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from arguments import parser_of
from napari_recon_robust.cases import record
from napari_recon_robust.cases.gallery.listing import list_cases

CASE = Path(__file__).parents[1] / "tests" / "golden" / "inputs" / "cases" / "worst-case"
METHODS, KINDS = ("tv", "unet", "varnet", "hqs-supervised"), ("worst-case", "fnaf", "targeted", "motion")


def write_cases(folder: Path, count: int, side: int) -> None:
    """Synthetic cases whose images have `side` pixels, a region of 32 among them."""
    draw, rng = random.Random(0), np.random.default_rng(0)
    description = record.read_description(CASE)
    del description["seal"]
    image = rng.random((side, side), dtype=np.float32)
    region = np.zeros((side, side), bool)
    region[100:132, 120:152] = True
    with np.load(CASE / record.IMAGES) as stored:
        budgets = len(stored["perturbed"])
    stack = np.repeat(image[None], budgets, 0)
    images = {"clean": image, "reference": image, "roi": region, "perturbed": 0.8 * stack, "random": stack}
    np.savez_compressed(folder / "images.npz", allow_pickle=False, **images)
    description["files"][record.IMAGES] = record.file_hash(folder / "images.npz")
    cases = folder / "cases"
    for number in range(count):
        case = cases / f"case-{number:05d}"
        case.mkdir(parents=True)
        description["recipe"] |= {"method": draw.choice(METHODS), "perturbation": draw.choice(KINDS)}
        description["roi"]["label"] = f"Lesion {number}"
        for result in description["results"]:
            result["stability"]["perturbed"]["change"] = draw.random()
        sealed = {**description, "seal": record._seal(description)}
        (case / record.DESCRIPTION).write_text(json.dumps(sealed, indent=2), encoding="utf-8")
        (case / record.IMAGES).symlink_to(folder / "images.npz")
        (case / record.KSPACE).symlink_to(CASE / record.KSPACE)


def timed(words: str, action: Callable[[], object]) -> None:
    start = np.array([time.perf_counter(), time.thread_time()])
    action()
    clock, ours = 1e3 * (np.array([time.perf_counter(), time.thread_time()]) - start)
    print(f"{words:<36} {clock:>8.0f} ms ({ours:.0f} ms)")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--side", type=int, default=320)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = f"{scratch}/cache"
        write_cases(Path(scratch), options.cases, options.side)
        folder = Path(scratch) / "cases"
        timed("listed the first time", lambda: list_cases(folder))
        timed("listed the second time", lambda: list_cases(folder))
        timed(
            "filtered and sorted, listed again", lambda: list_cases(folder, filter="method:tv change>50%", sort="ssim")
        )
        in_window(folder)


def in_window(folder: Path) -> None:
    import napari
    from qtpy.QtCore import QTimer
    from qtpy.QtGui import QPixmap
    from qtpy.QtWidgets import QApplication

    from napari_recon_robust.window.session import PLUGIN, Session
    from napari_recon_robust.window.warm import is_warm

    def until(condition: Callable[[], object]) -> None:
        while not condition():
            QApplication.processEvents()
            time.sleep(0.001)

    viewer = napari.Viewer()
    viewer.window.resize(1280, 720)
    until(lambda: viewer.window._qt_window.isVisible())
    docks = []
    timed("the dock opened", lambda: docks.append(viewer.window.add_plugin_dock_widget(PLUGIN, "Gallery")[1]))
    print(f"torch was imported for it: {'torch' in sys.modules}")
    (dock,) = docks
    session = Session.of(viewer)
    until(lambda: len(session.docks) == 4 and is_warm() and not session.jobs.working)
    dock.open_folder(folder)
    timed("listed in the window", lambda: until(lambda: dock.browsing.entries))
    first = dock.browsing.shown[0]
    timed("the first picture was there", lambda: until(lambda: isinstance(dock.loader.picture(first), QPixmap)))
    ticks = [time.perf_counter()]
    timer = QTimer()
    timer.setInterval(1)
    timer.timeout.connect(lambda: ticks.append(time.perf_counter()))
    for words in ("thumbnails being made", "thumbnails from the cache"):
        ticks[:] = [time.perf_counter()]
        timer.start()
        frames = scrolled(dock, until)
        timer.stop()
        print(f"scrolling, {words}, {len(frames)} frames:")
        for name, value in (("median", 50), ("95th percentile", 95), ("longest", 100)):
            clock, ours = np.percentile(frames, value, axis=0)
            print(f"    {name:<32} {clock:>8.1f} ms ({ours:.1f} ms)")
        print(f"    {'longest gap of the event loop':<32} {np.diff(ticks).max() * 1e3:>8.0f} ms")
        until(lambda: not session.jobs.busy("thumbnails"))
    timed("sorted in the window", lambda: dock.browsing.sort("case"))
    timed("filtered in the window", lambda: dock.browsing.look_for("method:tv"))
    timed("judged", lambda: dock.judging.judge("failure"))
    session.jobs.shut()
    viewer.close()


def scrolled(dock: object, until: Callable[[Callable[[], object]], None], steps: int = 200) -> np.ndarray:
    """Milliseconds of each step and its drawing (of the clock, of ours), to a third of the list and back."""
    from qtpy.QtWidgets import QApplication

    view = dock.view  # type: ignore[attr-defined]
    bar, frames = view.verticalScrollBar(), []
    values = np.linspace(0, bar.maximum() // 3, steps // 2).astype(int)
    for value in (*values, *values[::-1]):
        start = np.array([time.perf_counter(), time.thread_time()])
        bar.setValue(int(value))
        view.viewport().repaint()
        frames.append(1e3 * (np.array([time.perf_counter(), time.thread_time()]) - start))
        end = time.perf_counter() + 0.01
        while time.perf_counter() < end:
            QApplication.processEvents()
            time.sleep(0.001)
    return np.array(frames)


if __name__ == "__main__":
    main()
