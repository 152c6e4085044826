"""Rings, outlines and letters over the panels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.canvas.layers import Panels
from napari_recon_robust.canvas.marks import Rule
from napari_recon_robust.canvas.panel import ORDER
from napari_recon_robust.data.orientation import Directions, Turn

AXIAL = Directions(row=(0, 1, 0), column=(1, 0, 0))


def test_the_layers_are_hidden_while_there_is_nothing_to_mark(panels: Panels, later: Any) -> None:
    panels.marks.ring()
    panels.marks.show(True)
    later.run()
    assert not any(panel.marks.visible for panel in panels.panels.values())


def test_a_ring_is_in_every_panel_and_regions_stay_as_they_are(panels: Panels, later: Any) -> None:
    edits: list[object] = []
    panels.drawing.edited.connect(lambda *edit: edits.append(edit))
    outline = np.array([[5.0, 5], [5, 9], [9, 9], [5, 5]])
    panels.marks.ring(2, (7.0, 8.0, 4.0), [outline])
    later.run()
    for panel in panels.panels.values():
        assert [str(kind) for kind in panel.marks.shape_type] == ["ellipse", "path"]
        ring = panel.marks.data[0]
        np.testing.assert_allclose((ring.min(0) + ring.max(0)) / 2, [2, 7, 8])
        np.testing.assert_allclose(np.ptp(ring, axis=0), [0, 8, 8])
        assert panel.marks.visible
        assert panels.viewer.layers.index(panel.marks) == panels.viewer.layers.index(panel.regions) + 1
    assert panels.viewer.canvas.grid.stride == 3
    assert panels.viewer.layers.selection.active is panels.panels["reference"].image
    panels.marks.show(False)
    later.run()
    assert not any(panel.marks.visible for panel in panels.panels.values())
    panels.marks.show(True)
    panels.marks.ring()
    assert [len(panel.marks.data) for panel in panels.panels.values()] == [0] * 4
    assert not edits


def test_no_ring_is_on_a_slice_of_a_film_strip_that_is_seen_instead(panels: Panels, later: Any) -> None:
    panels.marks.ring(2, (7.0, 8.0, 4.0))
    later.run()
    panels.navigation.slice, image = 2, np.ones((32, 40), np.float32)
    for index, rings in ((3, 0), (2, 1)):
        panels.write("reference", index, image, f"Slice {index}", of_strip=True)
        assert [len(panels.panels[key].marks.data) for key in ("reference", "clean")] == [rings, 1]


def test_a_panel_that_comes_later_has_the_marks_too(later: Any) -> None:
    panels = Panels(ViewerModel(), later)
    panels.open(Geometry((5, 32, 40)))
    panels.show(ORDER[:2])
    later.run()
    layers = list(panels.viewer.layers)
    panels.marks.ring(2, (7.0, 8.0, 4.0))
    later.run()
    assert list(panels.viewer.layers) == layers, "nothing is built for them"
    panels.show(ORDER)
    later.run()
    assert [len(panel.marks.data) for panel in panels.panels.values()] == [1] * 4
    assert all(panel.marks.visible for panel in panels.panels.values())


def test_marks_of_a_scan_go_with_it(panels: Panels, later: Any) -> None:
    panels.marks.ring(2, (7.0, 8.0, 4.0))
    later.run()
    panels.open(Geometry((5, 32, 40)))
    panels.show(ORDER)
    later.run()
    assert [len(panel.marks.data) for panel in panels.panels.values()] == [0] * 4
    assert not any(panel.marks.visible for panel in panels.panels.values())


@pytest.mark.parametrize(
    "turn", [Turn(), Turn().turned, Turn().mirror, Turn().turned.flip], ids=lambda turn: turn.words
)
def test_letters_stand_where_they_are_seen(panels: Panels, later: Any, turn: Turn) -> None:
    geometry = panels.geometry
    assert geometry is not None
    panels.open(replace(geometry, directions=AXIAL))
    panels.show(ORDER)
    later.run()
    panels.lay(turn)
    now = panels.geometry
    assert now is not None
    layer = panels.panels["clean"].marks
    assert len(layer.data) == 4 * 5
    words = list(layer.features["side"])
    world = {words[n]: np.mean([layer.data_to_world(v)[1:] for v in layer.data[n]], axis=0) for n in range(4)}
    letters = now.letters
    assert world[letters["top"]][0] < world[letters["left"]][0] < world[letters["bottom"]][0]
    assert world[letters["left"]][1] < world[letters["top"]][1] < world[letters["right"]][1]
    assert list(layer.text.values)[:4] == words[:4]
    assert (layer.face_color[:, 3] > 0.5).all(), "they are read on bright tissue too"
    assert letters["top"] == turn.after(Turn().flip).letters(AXIAL)["top"]


def test_a_turn_takes_everything_along_and_leaves_the_arrays(panels: Panels, later: Any) -> None:
    panels.marks.ring(2, (7.0, 8.0, 4.0))
    later.run()
    seen: list[None] = []
    panels.turned.connect(lambda: seen.append(None))
    panels.lay(Turn().turned)
    for panel in panels.panels.values():
        places = [layer.data_to_world((2, 7, 8)) for layer in panel.layers]
        assert all(np.allclose(place, places[0]) for place in places)
        # stored upside down and turned by 90°: columns run down, rows to the right
        np.testing.assert_allclose(places[0][1:], [8 * 0.5, 7 * 0.5])
        assert panel.image.data.shape == (5, 32, 40)
    assert len(seen) == 1


def test_marks_are_as_thin_on_a_magnified_image(panels: Panels, later: Any) -> None:
    panels.marks.ring(2, (7.0, 8.0, 4.0))
    later.run()

    def widths() -> list[float]:
        return [panel.marks.edge_width[0] for panel in panels.panels.values()]

    before = widths()
    panels.thin(0.25)
    assert widths() == [width / 4 for width in before]
    panels.thin(4.0)
    assert widths() == before, "never thicker"


def test_words_stay_beside_their_line_on_a_magnified_image(panels: Panels, later: Any) -> None:
    panels.marks.rule([Rule(np.array([[5.0, 5.0], [5.0, 9.0]]), 2, "4 px", closed=False)])
    later.run()

    def distances() -> list[float]:
        lines = [panel.marks.data for panel in panels.panels.values()]
        return [abs(words[:, 1].mean() - line[:, 1].mean()) for words, line in lines]

    before = distances()
    assert min(before) > 0
    panels.thin(0.25)
    assert distances() == pytest.approx([distance / 4 for distance in before], rel=1e-5)


@pytest.mark.parametrize(
    "turn", [Turn(quarters=quarters, mirrored=on) for quarters in range(4) for on in (False, True)]
)
def test_words_of_a_line_at_an_edge_are_not_cut_off(panels: Panels, later: Any, turn: Turn) -> None:
    panels.lay(turn)
    panels.viewer.scene.camera.zoom = 15.0  # 240×300 pixels of the screen, and the words are about 80 wide
    corners = np.array([[0.0, 0.0], [31.0, 39.0]])
    for line in (corners, corners * [[1, -1]] + [[0, 39]]):
        panels.marks.rule([Rule(line, 2, "25.3 mm", closed=False)])
        later.run()
        for panel in panels.panels.values():
            ends = [panel.image.data_to_world((2, *corner))[2] for corner in corners]
            low, high = min(ends), max(ends)
            words, _ = panel.marks.data
            seen = np.array([panel.marks.data_to_world(corner)[1:] for corner in words])
            assert low + 40 / 15 < seen.mean(0)[1] < high - 40 / 15
            # They are read on bright tissue too, whose ground lies as they do: 98 by 20 pixels of the screen.
            np.testing.assert_allclose(np.ptp(seen, axis=0) * 15, [20, 98], rtol=1e-3)
            assert panel.marks.face_color[0, 3] > 0.5


@pytest.mark.parametrize("turn", [Turn(quarters=quarters) for quarters in range(4)])
@pytest.mark.parametrize("ends", [([0.6, 0.4], [0.99, 0.6]), ([0.01, 0.4], [0.4, 0.6]), ([0.0, 0.5], [1.0, 0.5])])
def test_words_of_a_line_lie_neither_over_titles_nor_over_the_scale_bar(
    panels: Panels, later: Any, turn: Turn, ends: tuple[list[float], list[float]]
) -> None:
    panels.lay(turn)
    geometry = panels.geometry
    assert geometry is not None
    down, right = geometry.laid.matrix
    middle = np.array([15.5, 19.5])
    screen = np.array(ends) - 0.5  # shares of the picture as it is seen, down and to the right
    line = middle + 2 * (screen[:, :1] * np.abs(down @ middle) * down + screen[:, 1:] * np.abs(right @ middle) * right)
    panels.marks.rule([Rule(line, 2, "8 px", closed=False)])
    later.run()
    words, _ = panels.panels["clean"].marks.data
    place = float((words[:, 1:].mean(0) - middle) @ down / np.abs(down @ middle)) / 2 + 0.5
    assert 0.1 < place < 0.9
    assert not 0.02 < place - ends[0][0] < 0.4 or ends[1][0] == 1.0, "beside the line and not on it"


def test_words_stay_whole_where_the_picture_becomes_small(panels: Panels, later: Any) -> None:
    panels.marks.rule([Rule(np.array([[10.0, 20.0], [20.0, 39.0]]), 2, "78.2 mm", closed=False)])
    later.run()
    right = panels.panels["clean"].image.data_to_world((2, 10, 39))[2]

    def beside() -> float:
        """From the middle of the words to the edge of the picture, in pixels of the screen."""
        marks = panels.panels["clean"].marks
        middle = np.mean([marks.data_to_world(corner)[2] for corner in marks.data[0]])
        return float(right - middle) * panels.viewer.scene.camera.zoom

    for zoom in (20.0, 6.0):
        panels.viewer.scene.camera.zoom = zoom
        panels.thin(1.0)
        assert beside() == pytest.approx(49, abs=1)
    panels.viewer.scene.camera.zoom = 2.0
    panels.thin(1.0)
    assert beside() == pytest.approx(39 / 2, abs=1), "in the middle of a picture that is narrower"


@pytest.mark.parametrize("turn", [Turn(quarters=quarters) for quarters in range(4)])
def test_words_stand_over_the_middle_of_a_line_that_is_nearly_level(panels: Panels, later: Any, turn: Turn) -> None:
    panels.lay(turn)
    geometry = panels.geometry
    assert geometry is not None
    panels.viewer.scene.camera.zoom = 40.0  # there is room for them anywhere
    down, right = geometry.laid.matrix

    def beside(fall: float) -> float:
        """From the middle of a line of 8 pixels to that of its words, to the right."""
        half, middle = 4 * right + fall / 2 * down, np.array([15.5, 19.5])
        panels.marks.rule([Rule(np.array([middle - half, middle + half]), 2, "8 px", closed=False)])
        later.run()
        return float((panels.panels["clean"].marks.data[0][:, 1:].mean(0) - middle) @ right)

    assert [beside(fall) for fall in (0, 1, -1)] == pytest.approx([0, 0, 0], abs=1e-5)
    assert [beside(fall) for fall in (6, -6)] == pytest.approx([-4, 4]), "at the upper end of one that is steep"


def test_the_ground_of_words_covers_no_other_line(panels: Panels, later: Any) -> None:
    lines = [Rule(np.array([[row, 5.0], [row, 20.0]]), 2, "15 px", closed=False) for row in (10.0, 11.0)]
    panels.marks.rule(lines)
    later.run()
    assert [str(kind) for kind in panels.panels["clean"].marks.shape_type] == ["rectangle"] * 2 + ["path"] * 2


@pytest.mark.parametrize("turn", [Turn(quarters=quarters) for quarters in range(4)])
def test_words_of_lines_beside_each_other_are_all_read(panels: Panels, later: Any, turn: Turn) -> None:
    panels.lay(turn)
    panels.viewer.scene.camera.zoom = 12.0
    lines = [np.array([[row, 12.0], [row, 24.0]]) for row in (16.0, 16.5, 18.0)]
    other = Rule(lines[0], 3, "6.1 mm", closed=False)  # which is never seen with the rest
    panels.marks.rule([other, *(Rule(line, 2, "6.0 mm", closed=False) for line in lines)])
    later.run()
    marks = panels.panels["clean"].marks
    words = [shape for shape, kind in zip(marks.data, marks.shape_type, strict=True) if str(kind) == "rectangle"]
    np.testing.assert_allclose(words[0][:, 1:], words[1][:, 1:], err_msg="words of another slice are in nobody's way")
    places = np.array([[marks.data_to_world(corner)[1:] for corner in shape] for shape in words[1:]])
    for number, one in enumerate(places):
        for another in places[number + 1 :]:
            apart = np.abs(one.mean(0) - another.mean(0)) - (np.ptp(one, axis=0) + np.ptp(another, axis=0)) / 2
            assert apart.max() > -1e-6


def test_what_was_measured_on_a_slice_is_not_drawn_over_the_image_of_another_one(panels: Panels, later: Any) -> None:
    line = np.array([[10.0, 12], [10, 20]])
    panels.marks.letter({"top": "A"})
    panels.marks.rule([Rule(line, 3, "4 mm", closed=False), Rule(line + 5, None, "profile", closed=False)])
    later.run()

    def drawn(key: str) -> list[str]:
        return sorted({str(word) for word in panels.panels[key].marks.features["side"] if word})

    panels.navigation.slice = 3
    for key in ORDER:
        panels.write(key, 2, np.ones((32, 40)), "TV")
        assert drawn(key) == ["A", "profile"], "it would be taken for a measure of what is seen"
    panels.write("clean", 3, np.ones((32, 40)), "TV")
    assert drawn("clean") == ["4 mm", "A", "profile"]
    assert drawn("reference") == ["A", "profile"]
