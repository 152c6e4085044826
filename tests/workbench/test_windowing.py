from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.data.window import Window
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import windowing


@pytest.fixture
def measured() -> Any:
    target = torch.rand(40, 40, generator=torch.Generator().manual_seed(0)) * 0.01
    foreground = torch.zeros(40, 40, dtype=torch.bool)
    foreground[5:35, 5:35] = True
    target[foreground] += 0.5
    target[10:20, 10:20] = torch.linspace(0.8, 0.9, 100).reshape(10, 10)
    return SimpleNamespace(target=target, foreground=foreground)


def test_every_preset_is_of_the_reference(measured: Any) -> None:
    roi = ROI.box(10, 10, 10, 10)
    found = {name: windowing.preset(name, measured, roi) for name in windowing.PRESETS}
    assert found["full"] == Window(0.0, pytest.approx(0.9))
    assert (found["lesion"].low, found["lesion"].high) == (pytest.approx(0.75), pytest.approx(0.95))
    assert found["noise"].high < 0.02


def test_the_lesion_needs_a_region(measured: Any) -> None:
    with pytest.raises(InputError, match="choose one"):
        windowing.preset("lesion", measured, None)
    assert windowing.preset("full", measured, None) == Window(0.0, pytest.approx(0.9))


def test_automatic_is_on_the_region_or_else_on_the_tissue(measured: Any) -> None:
    on_region = windowing.automatic(measured, ROI.box(10, 10, 10, 10))
    assert (on_region.low, on_region.high) == (pytest.approx(0.801, abs=1e-4), pytest.approx(0.899, abs=1e-4))
    on_tissue = windowing.automatic(measured, None)
    assert on_tissue.low == pytest.approx(0.5, abs=1e-3)
    flat = SimpleNamespace(target=torch.full((40, 40), 0.5), foreground=measured.foreground)
    assert windowing.automatic(flat, None).high > 0.5


def test_white_is_above_black(measured: Any) -> None:
    assert windowing.typed(0.1, 0.2, 5.0) == Window(0.5, 1.0)
    for low, high in ((0.2, 0.2), (0.6, 0.4), (0.1, float("nan"))):
        with pytest.raises(InputError, match="larger than black"):
            windowing.typed(low, high, 5.0)
    with pytest.raises(InputError, match=r"white \(40%\) must be larger than black \(60%\)"):
        windowing.typed(0.6, 0.4, 3e-4)
    for low, high in ((0.0, float("inf")), (-float("inf"), 1.0), (1e298, 1e306)):
        with pytest.raises(InputError, match="must lie between −100000% and 100000%"):
            windowing.typed(low, high, 5.0)  # of which napari draws nothing, and no other window after it


def test_a_drag_widens_to_the_right_brightens_upwards_and_stays_within_the_limits() -> None:
    start, limits = Window(0.4, 0.6), (0.0, 2.0)
    wider = windowing.turned(start, 1.0, 0.0, limits)
    assert (wider.low, wider.high) == (pytest.approx(0.5 - 0.1 * np.e), pytest.approx(0.5 + 0.1 * np.e))
    brighter = windowing.turned(start, 0.0, -0.5, limits)
    assert (brighter.low, brighter.high) == (pytest.approx(0.3), pytest.approx(0.5))
    for across, down in ((9, 0), (-9, 0), (0, 90), (0, -90)):
        far = windowing.turned(start, across, down, limits)
        assert 0.0 <= far.low < far.high <= 2.0
