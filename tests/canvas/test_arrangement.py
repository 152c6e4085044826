"""Which panels are shown, on a ViewerModel."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_recon_robust.canvas.arrangement import Arrangement
from napari_recon_robust.canvas.comparing import Comparing, Picture
from napari_recon_robust.canvas.layers import Panels


def test_the_picture_is_not_black_while_a_slice_without_a_result_is_turned_to(panels: Panels, later: Any) -> None:
    comparing = Comparing(panels)
    bench: Any = SimpleNamespace(
        acquisition=SimpleNamespace(is_open=True, slice=None, scan=SimpleNamespace(fully_sampled=True)),
        perturbing=SimpleNamespace(current=object(), best=None),
        lining_up=SimpleNamespace(found=None),
    )
    arrangement = Arrangement(bench, comparing)
    comparing.view.panels = ("second",)
    for key in ("reference", "clean", "perturbed"):
        comparing.put(key, Picture(2, np.ones((32, 40), np.float32), key))
    arrangement.lay_out()
    later.run()
    assert panels.shown == ("perturbed",)
    panels.navigation.slice, bench.perturbing.current = 3, None
    comparing.turned_to()
    arrangement.lay_out()
    assert panels.shown == ("clean",)
    assert panels.panels["perturbed"].image.visible, "the layout takes some turns"
    assert panels.panels["perturbed"].stack[3].any()
    later.run()
    assert panels.panels["clean"].image.visible
    assert not panels.panels["perturbed"].image.visible
    assert not panels.panels["perturbed"].stack.any()
