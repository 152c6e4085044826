from collections.abc import Callable

import numpy as np
import pytest

from helpers.reported import FROZEN, pictured
from napari_recon_robust.reports.case_images import CaseImages
from napari_recon_robust.reports.labels import MODIFIED, RESEARCH, _broken, _written, burned_in, warning


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


@pytest.mark.parametrize("shape", [(20, 20), (24, 20), (33, 28), (64, 48), (64, 64), (64, 512), (96, 72), (300, 40)])
def test_a_label_is_whole_in_a_small_image_and_hides_little_of_it(shape: tuple[int, int]) -> None:
    """Where there is no room for it, it stands in rows that are added."""
    perturbed = CaseImages(FROZEN / "worst-case").image("perturbed", 0)
    marked = burned_in(np.full(shape, 7, np.uint16), perturbed, white=900)
    letters = marked == 900
    assert marked.shape[1] == shape[1]
    assert not letters[:, -1].any(), "cut off on the right"
    hidden = letters[: shape[0]].any(1).sum()
    assert hidden <= shape[0] / 3
    assert (len(marked) > shape[0]) == (hidden == 0)
    assert letters.sum() == _written(MODIFIED.split(" - "), (60, 400))[0].sum(), "all letters are there"


def test_words_are_broken_only_where_they_are_longer_than_a_line() -> None:
    def of(length: int) -> Callable[[str], bool]:
        return lambda words: len(words) <= length

    assert _broken(["NOT FOR CLINICAL USE", "RESEARCH"], of(8)) == ["NOT FOR", "CLINICAL", "USE", "RESEARCH"]
    assert _broken(["NOT FOR CLINICAL USE"], of(4)) == ["NOT", "FOR", "CLIN", "ICAL", "USE"]
    assert _broken(["A LONGER"], of(4)) == ["A", "LONG", "ER"]
    assert _broken(["AB"], of(0)) == ["A", "B"], "a letter at least"
