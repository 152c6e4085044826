from dataclasses import replace

from napari_recon_robust.canvas.geometry import Geometry
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW


def test_the_sides_of_a_pixel_change_places_with_a_quarter_turn() -> None:
    as_stored = Geometry((1, 40, 56), voxel=(3.0, 0.5, 0.75))
    assert as_stored.aspect == 0.5 / 0.75
    assert replace(as_stored, upright=FIRST_ROW_BELOW).aspect == 0.5 / 0.75
    assert replace(as_stored, turn=as_stored.turn.turned).aspect == 0.75 / 0.5
    assert replace(as_stored, voxel=None).aspect == 1


def test_of_a_square_matrix_lines_are_a_share_of_its_columns() -> None:
    assert Geometry((1, 320, 320)).length == 320
