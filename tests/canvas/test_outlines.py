"""Between ROIs and napari's shapes: the same pixels both ways."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from napari.layers import Shapes

from napari_recon_robust.canvas.geometry import Outline
from napari_recon_robust.canvas.outlines import edited, of_roi, to_roi
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError

SIZE = (40, 48)
ROIS = {
    "box": ROI.box(3, 4, 5, 6),
    "pixel": ROI.box(7, 9, 1, 1),
    "polygon": ROI.polygon([(3, 3), (10, 14), (20, 5)]),
    "ellipse": ROI.ellipse(20, 24, 9, 5),
    "turned": ROI.ellipse(20, 24, 5, 9, 0.5),
}


@pytest.mark.parametrize("roi", ROIS.values(), ids=ROIS)
def test_the_same_pixels_as_napari_and_back(roi: ROI) -> None:
    mask = roi.mask(SIZE)
    (outline,) = of_roi(roi, 2)
    drawn = Shapes([outline.vertices], shape_type=outline.kind).to_masks(SIZE)[0]
    assert np.count_nonzero(drawn != mask.numpy()) <= 2  # on the edge of an ellipse
    assert torch.equal(to_roi(outline, *SIZE).mask(SIZE), mask)


def test_several_shapes_are_several_outlines() -> None:
    roi = ROI(shapes=(*ROIS["box"].shapes, *ROIS["ellipse"].shapes))
    assert [outline.kind for outline in of_roi(roi, 0)] == ["rectangle", "ellipse"]


def test_a_brush_is_framed() -> None:
    mask = np.zeros(SIZE, bool)
    mask[5:8, 10:20] = True
    (outline,) = of_roi(ROI.brush(mask), 0)
    assert torch.equal(to_roi(outline, *SIZE).mask(SIZE), torch.from_numpy(mask))


def test_a_rectangle_is_cut_off_at_the_edge() -> None:
    outline = Outline("rectangle", np.array([[-5, -5], [-5, 6], [4, 6], [4, -5.0]]), 0)
    assert to_roi(outline, *SIZE) == ROI.box(0, 0, 4, 6)


@pytest.mark.parametrize("kind", ["rectangle", "ellipse", "polygon"])
def test_outside_of_the_image(kind: str) -> None:
    outline = Outline(kind, np.array([[60, 60], [60, 70], [70, 70], [70, 60.0]]), 0)
    with pytest.raises(InputError):
        to_roi(outline, *SIZE)


def test_a_line_has_no_inside() -> None:
    with pytest.raises(InputError, match="has no inside"):
        to_roi(Outline("line", np.array([[1, 1], [5, 5.0]]), 0), *SIZE)


def moved(roi: ROI, by: float, *numbers: int) -> ROI | None:
    """The ROI after these of its outlines were moved by so many rows."""
    outlines = of_roi(roi, 0)
    shift = np.array([by, 0.0])
    edits = {number: replace(outlines[number], vertices=outlines[number].vertices + shift) for number in numbers}
    return edited(roi, edits, *SIZE)


def test_one_of_several_shapes_is_moved_or_removed_and_the_others_stay() -> None:
    box, polygon = ROIS["box"].shapes[0], ROIS["polygon"].shapes[0]
    roi = ROI(shapes=(box, polygon), label="tumour")
    assert moved(roi, 2, 0) == ROI(shapes=(*ROI.box(5, 4, 5, 6).shapes, polygon), label="tumour")
    assert moved(roi, 2, 0, 1) == ROI(
        shapes=(*ROI.box(5, 4, 5, 6).shapes, *ROI.polygon([(5, 3), (12, 14), (22, 5)]).shapes), label="tumour"
    )
    assert edited(roi, {0: None}, *SIZE) == ROI(shapes=(polygon,), label="tumour")
    assert edited(roi, {0: None, 1: None}, *SIZE) is None
    with pytest.raises(InputError, match="outside of the image"):
        moved(roi, 60, 0)


PART, RING = np.zeros((2, *SIZE), bool)
PART[3:6, 20:30] = PART[4, 30:33] = True
RING[12:24, 4:16] = True
RING[15:20, 8:12] = False
HOLE = RING.copy()
HOLE[12:24, 4:16] ^= True


def test_what_is_painted_is_moved_by_whole_pixels_and_the_rest_of_it_stays() -> None:
    painted = ROI.brush(PART | RING)
    assert moved(painted, 0.4, 0) == painted
    assert moved(painted, 2.6, 0) == ROI.brush(np.roll(PART, 3, 0) | RING)
    assert moved(painted, 8, 0, 1, 2) == ROI.brush(np.roll(PART | RING, 8, 0))
    outline = replace(of_roi(painted, 0)[0], kind="rectangle", vertices=of_roi(ROIS["box"], 0)[0].vertices)
    assert edited(painted, {0: outline}, *SIZE) == ROI.brush(ROIS["box"].mask(SIZE).numpy() | RING)


def test_a_part_that_is_moved_onto_another_joins_it_and_a_hole_moves_by_itself() -> None:
    painted = ROI.brush(PART | np.roll(PART, 8, 0))
    assert moved(painted, 6, 0) == ROI.brush(np.roll(PART, 6, 0) | np.roll(PART, 8, 0))
    ring = ROI.brush(RING)
    full, (hole,) = RING | HOLE, [number for number, one in enumerate(of_roi(ring, 0)) if len(one.vertices) < 25]
    assert moved(ring, 2, hole) == ROI.brush(full & ~np.roll(HOLE, 2, 0))
    assert edited(ring, {hole: None}, *SIZE) == ROI.brush(full)
    assert edited(ring, {1 - hole: None}, *SIZE) is None
