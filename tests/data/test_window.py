import numpy as np
import pytest

from napari_recon_robust.data.window import Window, presets


def test_grey_is_linear_between_black_and_white_and_cut_outside() -> None:
    values = np.array([[-1.0, 0.1, 0.3, 0.5, 0.9]], np.float32)
    assert Window(0.1, 0.5).grey(values).tolist() == [[0, 0, 128, 255, 255]]
    assert Window(0.1, 0.5).grey(values).dtype == np.uint8


def test_the_first_window_is_that_of_the_napari_window() -> None:
    image = np.arange(1000, dtype=np.float32).reshape(20, 50)
    assert Window.of(image) == Window(0.0, pytest.approx(np.percentile(image, 99.7)))
    assert Window.of(np.zeros((4, 4), np.float32)) == Window(0.0, 1.0)


def test_presets_open_on_what_they_are_named_after() -> None:
    rng = np.random.default_rng(0)
    reference = rng.uniform(0, 0.02, (40, 40)).astype(np.float32)
    foreground = np.zeros((40, 40), bool)
    foreground[5:35, 5:35] = True
    reference[foreground] += 0.5
    region = np.zeros((40, 40), bool)
    region[10:16, 10:16] = True
    reference[region] = 0.9
    reference[12, 12] = 1.0
    found = presets(reference, region, foreground)
    assert list(found) == ["full", "soft tissue", "lesion", "noise"]
    assert found["full"] == Window(0.0, 1.0)
    assert found["noise"].high < 0.02 < found["soft tissue"].low < 0.55
    assert (found["lesion"].low, found["lesion"].high) == pytest.approx((0.85, 1.05))


def test_a_flat_region_has_a_window_too() -> None:
    flat = np.full((9, 9), 0.5, np.float32)
    everywhere = np.ones((9, 9), bool)
    for window in presets(flat, everywhere, everywhere).values():
        assert window.high > window.low
