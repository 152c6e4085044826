from pathlib import Path

import polars as pl
import pytest
from matplotlib.colors import to_rgb

from napari_recon_robust.figures.studies.style import COLOURS, MARKS, Sheet


def data() -> pl.DataFrame:
    return pl.DataFrame({"x": [2.0, 1.0], "mean": [0.5, 0.6], "low": [0.4, 0.61], "high": [0.7, 0.7]})


def test_a_figure_comes_with_its_data_and_says_what_its_bars_are(tmp_path: Path) -> None:
    sheet = Sheet("Title", ["TV"])
    sheet.means(sheet.panels[0][0], data(), "x", "TV")
    sheet.legend()
    drawn = sheet.finish(tmp_path / "figure.png", data(), "Each mean: 5 volumes.")
    assert drawn.path == tmp_path / "figure.svg"
    assert pl.read_csv(drawn.data).equals(data())
    assert "Each mean: 5 volumes." in [text.get_text() for text in sheet.figure.texts]
    assert "Not for diagnostic use." in [text.get_text() for text in sheet.figure.texts]


@pytest.mark.slow
def test_the_same_figure_gives_the_same_picture(tmp_path: Path) -> None:
    pictures = []
    for name in ("a.svg", "b.svg"):
        sheet = Sheet("Title", ["TV"])
        sheet.means(sheet.panels[0][0], data(), "x", "TV")
        sheet.legend()
        drawn = sheet.finish(tmp_path / name, data(), "words")
        pictures.append([line for line in drawn.path.read_text().splitlines() if "dc:date" not in line])
    assert pictures[0] == pictures[1]


def test_methods_beyond_the_colours_differ_by_their_mark() -> None:
    sheet = Sheet("Title", range(2 * len(COLOURS)))
    assert len({(look["color"], look["marker"]) for look in sheet.looks.values()}) == 2 * len(COLOURS)
    assert len(MARKS) > len(COLOURS)


def test_the_colours_differ_in_lightness_or_hue_for_the_colour_blind() -> None:
    """The least distance in the plane that deuteranopes see, luminance and blue against yellow."""
    seen = [(0.625 * r + 0.375 * g, b) for r, g, b in map(to_rgb, COLOURS)]
    distances = [
        ((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) ** 0.5
        for number, one in enumerate(seen)
        for other in seen[:number]
    ]
    assert min(distances) > 0.1


def test_a_bar_that_does_not_hold_its_mean_has_no_negative_length() -> None:
    sheet = Sheet("Title", ["TV"])
    axes = sheet.panels[0][0]
    sheet.means(axes, data(), "x", "TV")
    (bar,) = axes.containers[0].lines[2]
    assert bar.get_segments()[0].tolist() == [[1.0, pytest.approx(0.6)], [1.0, pytest.approx(0.7)]]
