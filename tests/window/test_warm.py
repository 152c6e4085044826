"""What is compiled in another thread before the window's needs it, and that it is said."""

import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from napari.layers import Shapes
from numba import njit

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.ground.progress import Job, Progress, run
from napari_recon_robust.window import warm
from napari_recon_robust.window.docks.page import Page
from napari_recon_robust.window.session import Session
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.task import Task

Until = Callable[[Callable[[], object]], None]
BOX = np.array([[2, 3.5, 4.5], [2, 3.5, 9.5], [2, 8.5, 9.5], [2, 8.5, 4.5]])


def signatures(*modules: ModuleType) -> dict[str, int]:
    functions = ((module.__name__, name, value) for module in modules for name, value in vars(module).items())
    return {f"{home}.{name}": len(one.signatures) for home, name, one in functions if hasattr(one, "signatures")}


def test_after_the_warm_up_drawing_compiles_nothing() -> None:
    """It would hold up the window, and wait for whatever else numba compiles."""
    from napari.layers.shapes import _accelerated_triangulate_numba as napari_kernels

    run(warm.warm_up(warm.compiler()))
    before = signatures(napari_kernels)
    layer = Shapes(
        ndim=3, face_color="transparent", **Geometry((5, 64, 64), (4.0, 0.5, 0.5), FIRST_ROW_BELOW).transform
    )
    for kind in ("rectangle", "ellipse", "polygon"):
        layer.add([BOX], shape_type=kind, edge_color="yellow", edge_width=0.3)
    layer.add([np.random.default_rng(0).random((12, 3)) * [0, 30, 30]], shape_type="polygon")
    layer.add([BOX[:2]], shape_type="path")
    layer.selected_data = {0, 1}
    assert signatures(napari_kernels) == before


@pytest.mark.slow
def test_the_small_measurement_needs_the_same_kernels_as_a_scan(scan_file: Path) -> None:
    from napari_recon_robust.kernels import normal
    from napari_recon_robust.kernels import tv as tv_kernels
    from napari_recon_robust.kernels import wavelet as wavelet_kernels

    run(warm.compile_kernels())
    before = signatures(normal, tv_kernels, wavelet_kernels)
    assert sum(before.values()) >= 4  # kernels that are loaded; their parts have signatures only where compiled
    bench = Workbench()
    bench.acquisition.open(scan_file).run()
    bench.acquisition.measure(1).run()
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=1)
    for method in ("cg-sense", "tv", "l1-wavelet"):
        bench.reconstruction.choose(method)
        bench.reconstruction.render().run()
        bench.perturbing.run().run()
    bench.acquisition.close()
    assert signatures(normal, tv_kernels, wavelet_kernels) == before


def test_a_task_waits_until_napari_is_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = threading.Event()
    monkeypatch.setattr(warm, "_warm", ready)
    monkeypatch.setattr(warm, "_LOOK", 0.01)
    monkeypatch.setattr(warm, "_USUAL", 0.015)

    def opening() -> Job[str]:
        yield Progress(0.5, "Opening")
        return "scan"

    accepted: list[str] = []
    said: list[str] = []

    def follow(progress: Progress) -> None:
        said.append(progress.message)
        if len(said) == 3:
            ready.set()

    warm.after_warm_up(Task("Opening", opening(), accepted.append)).run(follow)
    assert accepted == ["scan"]
    assert said[0] == ""
    assert "napari compiles" in said[1], "when it takes longer than it usually does"
    assert said[3:] == ["Opening"]


@pytest.mark.parametrize(("module", "said"), [("napari_recon_robust.any", True), ("elsewhere", False)])
def test_compiling_is_said_at_the_foot_of_every_dock(review: Session, until: Until, module: str, said: bool) -> None:
    until(lambda: not review.jobs.busy("warm"))
    feet = [page.foot for page in review.docks]
    until(lambda: all(foot.compiling.isHidden() for foot in feet))
    seen: list[bool] = []
    warm.compiler().changed.connect(seen.append)

    def plus_one(x: Any) -> Any:
        return x + 1

    plus_one.__module__ = module
    assert njit(plus_one)(1) == 2
    assert seen == ([True, False] if said else [])
    assert all(foot.compiling.isHidden() is not said for foot in feet)
    until(lambda: all(foot.compiling.isHidden() for foot in feet))
    assert "for this machine, once" in feet[0].compiling.text()


@pytest.mark.slow
def test_compiling_that_ends_while_a_dock_is_built_is_said_no_more(
    standing: Session, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler, ours = warm.compiler(), warm.__name__
    compiler._count(ours, 1)
    monkeypatch.setattr("napari_recon_robust.window.docks.page.TabOrder", lambda _: compiler._count(ours, -1))
    built = Page(standing)
    until(built.foot.compiling.isHidden)
    built.deleteLater()
