"""Between ROIs and napari's shapes: the same pixels both ways."""

import numpy as np
import pytest
import torch
from napari.layers import Shapes

from napari_recon_robust.canvas.geometry import Outline
from napari_recon_robust.canvas.outlines import of_roi, to_roi
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
