"""Does ahead of time, in another thread, what napari does once in a process and numba once on a machine."""

import gc
import threading
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import numpy as np
from napari.layers import Image, Shapes
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QObject, Signal

from ..canvas.geometry import Geometry
from ..ground.progress import Job, Progress
from ..workbench.compiling import watch
from ..workbench.task import Task
from .torch_preload import load_libraries

COMPILING = (
    "Compiling TV and other fast methods for this machine, once: for about ten seconds images come late; "
    "everything else can be used meanwhile."
)
_PREPARING = "Preparing the window for shapes: napari compiles, once for this machine"
_LOOK, _USUAL = 0.1, 3.0  # s between two looks at whether napari is warm, and which that usually takes at most
_COMPILED = ("tv", "l1-wavelet")  # their kernels and those of the forward model
T = TypeVar("T")
_PACKAGE = __name__.partition(".")[0]
_warm = threading.Event()
_compiled = threading.Event()


def warm_up(compiler: "Compiler") -> Job[None]:
    """Do what napari does once, for the first image and the first shapes of a process: units, compiled geometry.

    It takes most of a second; in another thread the window does not notice. The layers made here are thrown away.
    What is imported meanwhile stays, and is left out of all collecting of garbage, which would take a third of a second
    each time, whichever thread it happens to be in.
    """
    yield Progress(0.0, "Warming up")
    try:
        load_libraries()
        import torch  # noqa: F401  which is about to be needed

        compiler.watch()
        geometry = Geometry((1, 4, 4), (1.0, 1.0, 1.0))
        Image(np.zeros((1, 4, 4), np.float32), **geometry.transform)
        yield Progress(0.5)
        corners = np.array([[0, 0, 0], [0, 0, 2], [0, 2, 2], [0, 2, 0.0]])
        crossed = corners[[0, 2, 1, 3]]
        drawn = (("rectangle", corners), ("ellipse", corners), ("path", corners[:2]), ("polygon", crossed))
        for kind, vertices in drawn:
            layer = Shapes(ndim=3, face_color="transparent", **geometry.transform)
            layer.add([vertices], shape_type=kind)
            yield Progress(0.9)
    finally:
        gc.freeze()
        _warm.set()


def is_warm() -> bool:
    """Whether napari is warm."""
    return _warm.is_set()


def after_warm_up(task: Task[Any]) -> Task[Any]:
    """Begin a task when napari is warm: layers that are made before would wait for numba's lock.

    Both at a time would take as long together, and the window would share Python's lock with two threads.
    """
    return replace(task, job=_after_warm_up(task.job))


def _after_warm_up(job: Job[T]) -> Job[T]:
    waited = 0.0
    while not _warm.wait(_LOOK):
        waited += _LOOK
        yield Progress(0.0, _PREPARING if waited > _USUAL else "")
    return (yield from job)


def compile_kernels() -> Job[None]:
    """Compile the kernels, or load them if that was done before, by reconstructing a small measurement.

    Once in a process: nothing is left to do when another scan is opened.
    """
    if _compiled.is_set():
        return
    import torch

    from ..data.measurement import Calibration, Measurement
    from ..reconstructors import registry

    coils, size = 2, 32
    flat = torch.full((coils, size, size), coils**-0.5, dtype=torch.complex64)
    mask = torch.arange(size)[None] % 2 == 0
    kept = Calibration(flat, torch.ones(coils))
    measurement = Measurement(flat * mask, mask, (size, size), kept=kept)
    for number, id in enumerate(_COMPILED):
        yield Progress(number / len(_COMPILED), COMPILING)
        registry.get(id)(measurement)
    _compiled.set()


class Compiler(QObject):
    """Knows whether numba is compiling a function of this package, in any thread. Signal: `changed(bool)`."""

    changed = Signal(bool)

    def __init__(self) -> None:
        super().__init__(QCoreApplication.instance())  # at the end of a script it outlives what follows it
        self._depth, self._watching = 0, False

    @property
    def busy(self) -> bool:
        """Whether numba is compiling now."""
        return self._depth > 0

    def watch(self) -> None:
        """Begin to watch. Call this in another thread: to import numba takes half a second."""
        if self._watching:
            return
        self._watching = True
        watch(self._count)

    def _count(self, module: str, change: int) -> None:
        """Count one compilation more, or one less."""
        if not module.startswith(_PACKAGE):
            return
        was, self._depth = self.busy, max(self._depth + change, 0)
        if self.busy != was and isalive(self):
            self.changed.emit(self.busy)


@cache
def compiler() -> Compiler:
    """The one of this process. The first call must be in the window's thread."""
    return Compiler()
