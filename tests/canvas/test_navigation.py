"""The slider, on a ViewerModel."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from napari_recon_robust.canvas.layers import Panels


def click(panels: Panels, row: float, column: float, moved: int = 0) -> None:
    image = panels.panels["reference"].image
    position = image.data_to_world((panels.navigation.slice, row, column))
    event = SimpleNamespace(button=1, type="mouse_press", pos=(50, 50), position=position)
    pressed = panels._on_drag(panels.viewer, event)
    next(pressed, None)
    event.type, event.pos = "mouse_move", (50 + moved, 50)
    next(pressed, None)
    event.type = "mouse_release"
    next(pressed, None)


def test_the_slice_is_naparis_own_slider(panels: Panels) -> None:
    seen: list[int] = []
    panels.navigation.slice_changed.connect(seen.append)
    panels.viewer.dims.set_current_step(0, 4)
    assert seen[-1] == 4 == panels.navigation.slice
    panels.navigation.go_to(1)
    assert panels.viewer.dims.current_step[0] == 1
    assert str(panels.panels["clean"].image.units[1]) == "millimeter"


def test_a_layer_of_more_axes_turns_no_slice_and_leaves_the_slider_to_them(panels: Panels, later: Any) -> None:
    seen: list[int] = []
    panels.navigation.slice_changed.connect(seen.append)
    panels.viewer.add_image(np.zeros((3, 5, 32, 40), np.float32), scale=(1.0, 4.0, 0.5, 0.5))
    later.run()
    assert (seen, panels.navigation.slice, panels.viewer.dims.current_step[1]) == ([], 2, 2)
    panels.navigation.go_to(4)
    assert panels.viewer.dims.current_step[1] == 4
    panels.viewer.dims.set_current_step(1, 0)
    assert seen == [4, 0]


def test_a_slice_is_turned_to_where_the_slider_stands_there_already(panels: Panels) -> None:
    stands_at = int(panels.viewer.dims.current_step[0])
    panels.navigation.slice = stands_at + 1  # as after a new scan, whose layers come later
    seen: list[int] = []
    panels.navigation.slice_changed.connect(seen.append)
    panels.navigation.go_to(stands_at)
    assert seen == [stands_at]
    panels.navigation.go_to(stands_at)
    assert seen == [stands_at], "that is no other slice"


def test_a_click_points_to_a_place_and_a_drag_or_a_tool_in_hand_does_not(panels: Panels) -> None:
    places: list[tuple[float, float]] = []
    panels.navigation.pointed.connect(lambda *place: places.append(tuple(map(round, place))))
    click(panels, 7, 12)
    assert places == [(7, 12)]
    click(panels, 7, 12, moved=30)
    panels.drawing.begin("polygon")
    click(panels, 7, 12)
    assert places == [(7, 12)]
    panels.drawing.stop()
    panels.navigation.pick(True)
    click(panels, 7, 12)
    assert places == [(7, 12)], "it places a feature"
