import numpy as np
import pytest

from helpers.reported import FROZEN, pictured
from napari_recon_robust.reports.case_images import CaseImages
from napari_recon_robust.reports.labels import MODIFIED, RESEARCH, burned_in, warning


def test_a_modified_image_bears_white_letters_with_a_dark_rim_and_keeps_its_other_pixels() -> None:
    perturbed = CaseImages(pictured(200, 220)).image("perturbed", 0)
    grey = np.full((200, 220), 100, np.uint8)
    marked = burned_in(grey, perturbed, white=255)
    assert warning(perturbed) == MODIFIED
    assert set(np.unique(marked)) == {0, 100, 255}
    assert 200 < (marked == 255).sum() < 3000
    assert (marked[:140] == 100).all()
    assert (grey == 100).all()


def test_an_unmodified_image_stays_as_it_is() -> None:
    clean = CaseImages(FROZEN / "worst-case").image("clean", 0)
    grey = np.full((200, 220), 100, np.uint8)
    assert warning(clean) == RESEARCH
    assert (burned_in(grey, clean, white=255) == grey).all()


@pytest.mark.parametrize("shape", [(8, 8), (18, 22), (64, 512)])
def test_small_images_are_marked_as_far_as_letters_fit(shape: tuple[int, int]) -> None:
    perturbed = CaseImages(FROZEN / "worst-case").image("perturbed", 0)
    marked = burned_in(np.full(shape, 7, np.uint16), perturbed, white=900)
    assert marked.shape == shape
    assert (marked == 900).any()
