"""A panel by itself."""

import pytest

from napari_recon_robust.window.docks.exporting import export_button
from napari_recon_robust.window.session import Session


@pytest.fixture
def renamed(review: Session) -> Session:
    """A review whose clean panel has a name that the user gave."""
    review.panels.panels["clean"].image.name = "mine"
    return review


def test_a_panel_that_the_user_has_renamed_knows_its_title(renamed: Session) -> None:
    """It kept the title of another method, and its figures, in the menu of what is exported."""
    panel = renamed.panels.panels["clean"]
    panel.rename("TV\nSSIM 0.9")
    assert panel.image.name == "mine"
    assert panel.image.metadata["title"] == "TV · SSIM 0.9"
    button = export_button(renamed)
    menu = button.menu()
    menu.aboutToShow.emit()
    assert "TV · SSIM 0.9" in [action.text() for action in menu.actions()]


def test_a_slice_that_was_given_up_empties_a_panel_that_the_user_has_renamed(renamed: Session) -> None:
    scene, panel = renamed.scene, renamed.panels.panels["clean"]
    scene.reading(1)
    assert panel.title == "Clean · reading slice 1…"
    scene.reading(1, given_up=True)
    assert panel.title == "Clean · no image of slice 1"
