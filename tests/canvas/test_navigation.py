"""The slider, on a ViewerModel."""

from napari_recon_robust.canvas.layers import Panels


def test_the_slice_is_naparis_own_slider(panels: Panels) -> None:
    seen: list[int] = []
    panels.navigation.slice_changed.connect(seen.append)
    panels.viewer.dims.set_current_step(0, 4)
    assert seen[-1] == 4 == panels.navigation.slice
    panels.navigation.go_to(1)
    assert panels.viewer.dims.current_step[0] == 1
    assert str(panels.panels["clean"].image.units[1]) == "millimeter"


def test_a_slice_is_turned_to_where_the_slider_stands_there_already(panels: Panels) -> None:
    stands_at = int(panels.viewer.dims.current_step[0])
    panels.navigation.slice = stands_at + 1  # as after a new scan, whose layers come later
    seen: list[int] = []
    panels.navigation.slice_changed.connect(seen.append)
    panels.navigation.go_to(stands_at)
    assert seen == [stands_at]
    panels.navigation.go_to(stands_at)
    assert seen == [stands_at], "that is no other slice"
