"""What is drawn as the title of a panel, beside the name of its layer."""

import pytest

from napari_recon_robust.window.session import Session


def drawn(review: Session) -> str:
    """The title on the canvas of the window."""
    image = review.panels.panels["clean"].image
    visuals = review.panels.viewer.window._qt_viewer.canvas._layer_overlay_to_visual
    return str(visuals[image][image.name_overlay].node.text)


@pytest.mark.thorough
def test_the_layer_has_a_name_of_one_line_and_the_title_is_drawn_in_lines(review: Session) -> None:
    panel = review.panels.panels["clean"]
    panel.rename("CG-SENSE\nTargeted 1%")
    assert panel.image.name == "CG-SENSE · Targeted 1%"
    assert drawn(review) == "CG-SENSE\nTargeted 1%"
    panel.rename("CG-SENSE · Targeted 1%")
    assert drawn(review) == panel.heading.lines != "CG-SENSE\nTargeted 1%"


@pytest.mark.thorough
def test_a_name_that_the_user_gives_is_drawn_and_stays(review: Session) -> None:
    panel = review.panels.panels["clean"]
    panel.image.name = "mine"
    assert drawn(review) == "mine"
    panel.rename("TV\nTargeted 1%")
    assert drawn(review) == panel.image.name == "mine"


def test_what_has_to_be_said_of_an_image_stays_behind_a_name_that_the_user_gives(review: Session) -> None:
    """An attacked image stood on screen without a word on that."""
    panel = review.panels.panels["clean"]
    panel.rename("TV\nTargeted 1% · SSIM 0.9 · attacked")
    panel.image.name = "mine"
    assert drawn(review) == "mine · attacked"
    panel.rename("Slice 3 · Random 1% · random noise added · reading slice 4…")
    assert drawn(review) == "mine · random noise added"
    panel.rename("TV")
    assert drawn(review) == panel.image.name == "mine"
