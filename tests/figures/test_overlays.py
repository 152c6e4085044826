"""What is drawn over the anatomy, read from matplotlib's own figure."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_recon_robust.data.orientation import FIRST_ROW_BELOW, Turn
from napari_recon_robust.data.roi import Box
from napari_recon_robust.figures.overlays import (
    ALPHA,
    LOST_COLOUR,
    UNKNOWN_COLOUR,
    Underlay,
    fragility_figure,
    retention_figure,
)
from napari_recon_robust.ground.errors import InputError

IMAGE = np.outer(np.linspace(0.1, 1, 20), np.linspace(1, 0.5, 24)).astype(np.float32)
# What people without one kind of cone see, linear RGB (Machado et al. 2009, doi:10.1109/TVCG.2009.113).
BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}


def retention(path: Path, anatomy: Underlay, figures: list[Figure]) -> Figure:
    """A map that is lost on the left, kept on the right, and unknown in the first rows."""
    recoveries = np.full_like(IMAGE, 0.9)
    recoveries[:, :12], recoveries[:4] = 0.2, np.nan
    nowhere = np.zeros(IMAGE.shape, bool)
    retention_figure(path, anatomy, recoveries, nowhere, [(6, 3), (10, 5)], title="U-Net, effective R = 3.28")
    return figures[-1]


def test_what_the_samples_do_not_carry_is_grey_and_said_so(tmp_path: Path, drawn: list[Figure]) -> None:
    recoveries, not_carried = np.full_like(IMAGE, 0.9), np.zeros(IMAGE.shape, bool)
    recoveries[:4], not_carried[:4] = np.nan, True
    retention_figure(tmp_path / "map.png", Underlay(IMAGE), recoveries, not_carried, [], title="U-Net")
    *_, grey = drawn[-1].axes[1].images
    shown = grey.to_rgba(grey.get_array())
    assert shown[2, 3, :3] == pytest.approx(to_rgb(UNKNOWN_COLOUR))
    assert shown[8, 3, 3] == 0
    (legend,) = drawn[-1].legends
    assert "not carried by the samples" in [one.get_text() for one in legend.get_texts()]


@pytest.mark.slow
def test_what_is_lost_has_one_colour_and_the_anatomy_stays_visible(tmp_path: Path, drawn: list[Figure]) -> None:
    figure = retention(tmp_path / "map.png", Underlay(IMAGE), drawn)
    anatomy, panel, bar = figure.axes
    assert len(anatomy.images) == 1
    grey, overlay = panel.images
    assert grey.get_cmap().name == "gray"
    assert overlay.get_alpha() == ALPHA < 0.7
    shown = overlay.to_rgba(overlay.get_array())
    assert shown[8, 3, :3] == pytest.approx(to_rgb(LOST_COLOUR))
    assert shown[8, 20, :3] != pytest.approx(to_rgb(LOST_COLOUR), abs=0.2)
    assert shown[2, 3, 3] == 0  # nothing was inserted there
    assert "recovered contrast" in bar.get_xlabel()


@pytest.mark.slow
def test_every_mark_is_named(tmp_path: Path, drawn: list[Figure]) -> None:
    figure = retention(tmp_path / "map.png", Underlay(IMAGE), drawn)
    panel = figure.axes[1]
    assert [(*line.get_ydata(), *line.get_xdata()) for line in panel.lines] == [(6, 3), (10, 5)]
    assert [text.get_text() for text in panel.texts] == ["1", "2"]
    (legend,) = figure.legends
    lost, least, rest = (text.get_text() for text in legend.get_texts())
    assert "lost (recovery below 0.5)" in lost
    assert "2 least recovered, inserted again alone" in least
    assert "nothing inserted" in rest
    assert figure.get_suptitle() == "U-Net, effective R = 3.28"
    assert any("Not for diagnostic use" in text.get_text() for text in figure.texts)


@pytest.mark.slow
@pytest.mark.parametrize("kind", BLIND)
def test_the_colour_blind_tell_what_is_lost(tmp_path: Path, drawn: list[Figure], kind: str) -> None:
    """Over dark and bright tissue: CIEDE2000 of at least 8, where 2 can be seen side by side."""
    overlay = retention(tmp_path / "map.png", Underlay(IMAGE), drawn).axes[1].images[1]
    for grey in (0.2, 0.5, 0.9):
        kept, lost = (
            ALPHA * overlay.cmap(np.atleast_1d(values))[..., :3] + (1 - ALPHA) * grey
            for values in (np.linspace(0, 1, 64), -1.0)
        )
        seen = [_seen(colours, np.array(BLIND[kind])) for colours in (kept, lost)]
        assert deltaE_ciede2000(*seen).min() > 8


@pytest.mark.slow
def test_axes_are_in_pixels_of_their_size_and_the_picture_is_turned(tmp_path: Path, drawn: list[Figure]) -> None:
    figure = retention(tmp_path / "map.svg", Underlay(IMAGE, (0.5, 1.0, 3.0), FIRST_ROW_BELOW), drawn)
    left, right, _ = figure.axes
    assert left.get_xlabel() == right.get_xlabel() == "column (pixels of 1 mm)"
    assert left.get_ylabel() == "row (pixels of 0.5 mm)"
    bottom, top = left.get_ylim()
    assert top > bottom  # row 0 at the bottom
    assert left.get_aspect() == right.get_aspect() == 0.5
    turned = retention(tmp_path / "turned.svg", Underlay(IMAGE, (0.5, 1.0, 3.0), Turn(quarters=1)), drawn).axes[0]
    assert (turned.get_xlabel(), turned.get_ylabel()) == ("row (pixels of 0.5 mm)", "column (pixels of 1 mm)")
    assert turned.xaxis_inverted()  # turned clockwise, the first row is on the right
    assert turned.yaxis_inverted()
    assert turned.get_aspect() == 2
    np.testing.assert_array_equal(turned.images[0].get_array(), IMAGE.T)
    plain = retention(tmp_path / "map.pdf", Underlay(IMAGE), drawn).axes[0]
    assert plain.get_ylabel() == "row (pixels)"
    assert plain.yaxis_inverted()


@pytest.mark.slow
def test_the_fragile_regions_are_numbered_and_the_noise_stands_beside(tmp_path: Path, drawn: list[Figure]) -> None:
    change, boxes = np.where(IMAGE > 0.3, 2 * IMAGE, np.nan), [Box(row=4, column=5, height=6, width=8)]
    path = tmp_path / "map.png"
    fragility_figure(path, Underlay(IMAGE), change, IMAGE, boxes, title="title", relative_to="the reference")
    anatomy, expected, noise, *bars = drawn[0].axes
    for panel in (anatomy, expected):
        (side,) = panel.patches
        assert side.get_bbox().bounds == (4.5, 3.5, 8, 6)
        assert [text.get_text() for text in panel.texts] == ["1"]
    assert not noise.patches
    assert noise.get_title() == "Noise amplification"
    assert bars[0].get_xlabel() == "expected change (% of the reference's maximum)"
    assert "g-factor" in bars[1].get_xlabel()
    fragility_figure(path, Underlay(IMAGE), change, None, boxes, title="title", relative_to="the reference")
    assert len(drawn[1].axes) == 3  # two panels and a bar


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, drawn: list[Figure]) -> None:
    (tmp_path / "map.png").mkdir()
    with pytest.raises(InputError, match="map.png cannot be written"):
        retention(tmp_path / "map.png", Underlay(IMAGE), drawn)


def _seen(colours: np.ndarray, cones: np.ndarray) -> np.ndarray:
    """CIELAB of sRGB colours as someone without one kind of cone sees them."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ cones.T, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))
