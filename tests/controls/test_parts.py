"""The colours of the docks on napari's themes."""

import numpy as np
import pytest
from napari.utils.theme import get_theme

from helpers.colour_vision import closest, contrast, rgb
from napari_recon_robust.controls import plot
from napari_recon_robust.controls.parts import ACCENT, CAUTION


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("colour", [ACCENT, CAUTION, *plot.COLOURS])
def test_what_is_drawn_in_a_dock_stands_out_on_every_theme(colour: str, theme: str) -> None:
    ground = np.array(get_theme(theme).background.as_rgb_tuple()[:3]) / 255
    assert contrast(rgb(colour), ground) >= 3


def test_marks_of_two_meanings_are_told_apart_by_every_eye() -> None:
    assert closest(rgb(ACCENT), rgb(CAUTION)) > 40
    assert closest(*map(rgb, plot.COLOURS)) > 40
