"""The words of the list of regions."""

import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.window.docks.region_list import describe
from napari_recon_robust.workbench.regions import Region


@pytest.mark.parametrize(
    ("roi", "words"),
    [
        (ROI.box(4, 6, 10, 12), "Edema, 10×12 px = 7.19×6 mm"),
        (ROI.ellipse(12, 12, 4.2, 4.2), "Edema, 9×9 px = 6.47×4.5 mm"),
    ],
)
def test_a_region_has_its_size_in_mm_where_the_voxel_is_known(roi: ROI, words: str) -> None:
    region = Region(roi, 0, "Edema")
    assert describe(region, (32, 32), (0.719, 0.5, 3.0)) == words
    assert describe(region, (32, 32)) == words.partition(" = ")[0]
