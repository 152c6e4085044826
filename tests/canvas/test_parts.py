"""Parts of complex images in the panels, on a ViewerModel."""

import numpy as np
import pytest

from napari_recon_robust.canvas.comparing import Comparing, Picture
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.parts import Parts, limits_of

IMAGE = np.zeros((32, 40), np.complex64)
IMAGE[:, :10], IMAGE[:, 10:20], IMAGE[:, 20:30] = 2, 2j, -2


@pytest.fixture
def comparing(panels: Panels) -> Comparing:
    comparing = Comparing(panels)
    panels.shared_window.start(0.0, 3.0)
    comparing.put("reference", Picture(2, np.abs(IMAGE), "Reference", parts=Parts(IMAGE, 0.0)))
    comparing.put("clean", Picture(2, np.abs(IMAGE), "U-Net · SSIM 0.9\nsimulated scan"))
    return comparing


def test_every_part_is_drawn_in_its_scale_and_named(comparing: Comparing) -> None:
    panels = comparing.panels
    reference, clean = panels.panels["reference"], panels.panels["clean"]
    for name, row, limits in (
        ("phase", [2 * np.pi, np.pi / 2, np.pi, 0], limits_of("phase", (0.0, 3.0))),
        ("real", [2, 0, -2, 0], (-3.0, 3.0)),
        ("imaginary", [0, 2, 0, 0], (-3.0, 3.0)),
        ("magnitude", [2, 2, 2, 0], (0.0, 3.0)),
    ):
        comparing.view.part = name  # type: ignore[assignment]
        panels.shared_window.show(name)  # type: ignore[arg-type]
        comparing.draw()
        np.testing.assert_allclose(reference.stack[2][0, ::10], row, atol=1e-5)
        assert {tuple(one.image.contrast_limits) for one in (reference, clean)} == {limits}
        assert tuple(panels.panels["difference"].image.contrast_limits) != limits or name == "magnitude"
        assert panels.shared_window.limits == (0.0, 3.0), "the window is that of the magnitudes"
        assert (reference.image.colormap.name == "phase") == (name == "phase")
    assert reference.title == "Reference"


def test_what_is_no_complex_image_says_so_and_stays_black(comparing: Comparing) -> None:
    comparing.view.part = "phase"
    comparing.draw()
    clean = comparing.panels.panels["clean"]
    assert clean.title == "U-Net · no phase\nsimulated scan"
    assert not clean.stack.any()
    assert comparing.panels.panels["reference"].title == "Reference · phase"


def test_a_slice_that_comes_again_is_named_by_the_part_that_is_drawn(comparing: Comparing) -> None:
    comparing.view.part = "real"
    comparing.draw()
    reference = comparing.panels.panels["reference"]
    for index in (3, 2):
        comparing.panels.navigation.slice = index
        comparing.turned_to()
    assert reference.title == "Reference · real part"


def test_another_window_is_that_of_the_magnitudes(comparing: Comparing) -> None:
    panels = comparing.panels
    panels.shared_window.show("phase")
    fixed = tuple(panels.panels["clean"].image.contrast_limits)
    panels.shared_window.turn(1.0, 2.0)
    assert tuple(panels.panels["clean"].image.contrast_limits) == fixed
    panels.shared_window.show("real")
    assert tuple(panels.panels["clean"].image.contrast_limits) == (-2.0, 2.0)
    panels.shared_window.show("magnitude")
    assert panels.shared_window.limits == (1.0, 2.0)


def test_where_there_is_no_phase_it_is_black_and_zero_is_not(comparing: Comparing) -> None:
    comparing.panels.shared_window.show("phase")
    image = comparing.panels.panels["reference"].image
    low, high = image.contrast_limits
    phases = Parts(IMAGE, 0.0).drawn("phase")
    colours = image.colormap.map((phases[0, ::10] - low) / (high - low))[:, :3]
    assert colours[0] == pytest.approx((0.3, 0.3, 0.3), abs=0.02)
    assert colours[1] == pytest.approx((0.902, 0.624, 0.0), abs=0.02)
    assert not colours[3].any()
