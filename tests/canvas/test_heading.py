"""What is drawn as the title of a panel, beside the name of its layer."""

from napari_recon_robust.window.session import Session


def drawn(review: Session) -> str:
    """The title on the canvas of the window."""
    image = review.panels.panels["clean"].image
    visuals = review.panels.viewer.window._qt_viewer.canvas._layer_overlay_to_visual
    return str(visuals[image][image.name_overlay].node.text)


def test_the_layer_has_a_name_of_one_line_and_the_title_is_drawn_in_lines(review: Session) -> None:
    panel = review.panels.panels["clean"]
    panel.rename("CG-SENSE\nTargeted 1%")
    assert panel.image.name == "CG-SENSE · Targeted 1%"
    assert drawn(review) == "CG-SENSE\nTargeted 1%"
    panel.rename("CG-SENSE · Targeted 1%")
    assert drawn(review) == panel.heading.lines != "CG-SENSE\nTargeted 1%"


def test_a_name_that_the_user_gives_is_drawn_and_stays(review: Session) -> None:
    panel = review.panels.panels["clean"]
    panel.image.name = "mine"
    assert drawn(review) == "mine"
    panel.rename("TV\nTargeted 1%")
    assert drawn(review) == panel.image.name == "mine"
