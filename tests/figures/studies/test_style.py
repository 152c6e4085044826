from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_rgb

from napari_recon_robust.figures.studies import style
from napari_recon_robust.figures.studies.style import COLOURS, MARKS, Sheet, line_looks, shortened


def data() -> pl.DataFrame:
    return pl.DataFrame({"x": [2.0, 1.0], "mean": [0.5, 0.6], "low": [0.4, 0.61], "high": [0.7, 0.7]})


def test_a_figure_comes_with_its_data_and_says_what_its_bars_are(tmp_path: Path) -> None:
    sheet = Sheet("Title", ["TV"])
    sheet.means(sheet.panels[0][0], data(), "x", "TV")
    sheet.legend()
    drawn = sheet.finish(tmp_path / "figure.png", data(), "Each mean: 5 volumes.")
    assert drawn.path == tmp_path / "figure.svg"
    assert pl.read_csv(drawn.data).equals(data())
    assert all(words in drawn.path.read_text() for words in ("Each mean: 5 volumes.", "Not for diagnostic use."))


@pytest.mark.slow
def test_the_same_figure_gives_the_same_picture(tmp_path: Path) -> None:
    pictures = []
    for name in ("a.svg", "b.svg"):
        sheet = Sheet("Title", ["TV"])
        sheet.means(sheet.panels[0][0], data(), "x", "TV")
        sheet.legend()
        drawn = sheet.finish(tmp_path / name, data(), "words")
        pictures.append([drawn.path.with_suffix(suffix).read_bytes() for suffix in (".svg", ".pdf")])
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


def test_a_line_tells_the_kind_and_a_mark_its_settings() -> None:
    known = {"region": {"linestyle": "-"}, "absent": {"linestyle": ":"}}
    settings = [("random", "random"), ("region", "region steps=1"), ("region", "region steps=5"), ("other", "other")]
    looks = line_looks(settings, known)
    assert list(looks) == ["region steps=1", "region steps=5", "random", "other"]
    assert looks["region steps=1"] == {"linestyle": "-"}
    assert looks["region steps=5"] == {"linestyle": "-", "marker": "+", "markersize": 5}
    assert looks["random"]["linestyle"] != looks["other"]["linestyle"]


def test_panels_that_are_left_over_are_empty_and_long_titles_are_broken(tmp_path: Path) -> None:
    sheet = Sheet.grid("Title", ["TV"], 3, 2)
    for axes in sheet.flat[:3]:
        sheet.means(axes, data(), "x", "TV")
    sheet.flat[0].set_title("a perturbation with many knobs that have several values each: 4 methods")
    sheet.legend()
    sheet.finish(tmp_path / "figure.svg", data(), "words")
    assert [axes.axison for axes in sheet.flat] == [True, True, True, False]
    assert max(map(len, sheet.flat[0].get_title().split("\n"))) < 52


@pytest.mark.parametrize("columns", [1, 2])
def test_long_names_leave_the_panels_their_room_and_are_not_cut_off(tmp_path: Path, columns: int) -> None:
    """Panels were pressed until no axes were left, and what is written beside them stood over others or outside."""
    names = [f"unet_{'finetuned_on_brains_of_one_scanner_' * 3}seed{number}.pt2" for number in range(8)]
    sheet = Sheet("Title", names, columns=columns)
    for axes in sheet.flat:
        sheet.means(axes, data(), "x", names[0])
        axes.set(xlabel=f"SSIM less that of {names[0]}", ylabel="detectability (contrast ÷ spread around)")
    sheet.legend()
    sheet.finish(tmp_path / "figure.svg", data(), f"Trials are missing of {', '.join(names)}.")
    sheet.figure.draw_without_rendering()
    *words, name = sheet.flat[0].get_xlabel().split()
    assert (words, name[:5], name[-9:]) == (["SSIM", "less", "that", "of"], "unet_", "seed0.pt2"), "in one piece"
    page = sheet.figure.bbox
    panel = sheet.flat[0].get_window_extent()
    assert panel.height > sheet.figure.dpi
    written = [one.get_window_extent() for one in (*sheet.figure.legends, *sheet.figure.texts)]
    written += [one.label.get_window_extent() for axes in sheet.flat for one in (axes.xaxis, axes.yaxis)]
    for one in written:
        assert page.x0 <= one.x0 < one.x1 <= page.x1
        assert page.y0 <= one.y0 < one.y1 <= page.y1
    labels = [axes.xaxis.label.get_window_extent() for axes in sheet.flat]
    assert labels[0].x1 < labels[-1].x0 or columns == 1
    assert max(one.y1 for one in written[: len(sheet.figure.legends)]) < min(one.y0 for one in labels)


def test_a_name_on_a_tick_keeps_its_ends() -> None:
    assert shortened("CG-SENSE") == "CG-SENSE"
    assert shortened("unet_finetuned_seed12.pt2") == "unet_fi…12.pt2"


def test_long_numbers_at_the_ticks_keep_their_distance(tmp_path: Path) -> None:
    sheet = Sheet("T", ["a"], columns=2)
    for axes in sheet.flat:
        sheet.point(axes, [-0.139, -0.187, 0.007], [0, 0, 0], "a")
        axes.set_yticks([])
    sheet.flat[0].set_yticks([0], ["tv weight=0.02"])
    sheet.legend()
    sheet.finish(tmp_path / "ticks", pl.DataFrame({"x": [1]}), "words")
    with rc_context(style._SIZES):
        sheet.figure.draw_without_rendering()
        for axes in sheet.flat:
            boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
            assert len(boxes) > 2
            assert all(left.x1 + 3 < right.x0 for left, right in pairwise(boxes))
