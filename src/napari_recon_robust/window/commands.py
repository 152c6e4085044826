"""The manifest's commands for what the keys do; napari gives them the viewer."""

from typing import TYPE_CHECKING

from . import keys

if TYPE_CHECKING:
    import napari.viewer


def flicker(viewer: "napari.viewer.Viewer") -> None:
    """Swap clean and perturbed."""
    keys.run("flicker", viewer)


def random(viewer: "napari.viewer.Viewer") -> None:
    """Show the random control, or the perturbation again."""
    keys.run("random", viewer)


def truth(viewer: "napari.viewer.Viewer") -> None:
    """Show the fully sampled image of the perturbed k-space, or of the clean one again."""
    keys.run("truth", viewer)


def next_layout(viewer: "napari.viewer.Viewer") -> None:
    """Step forward through the layouts."""
    keys.run("next_layout", viewer)


def previous_layout(viewer: "napari.viewer.Viewer") -> None:
    """Step back through the layouts."""
    keys.run("previous_layout", viewer)


def regions(viewer: "napari.viewer.Viewer") -> None:
    """Show or hide the regions."""
    keys.run("regions", viewer)


def list_keys(viewer: "napari.viewer.Viewer") -> None:
    """Show the list of keys."""
    keys.run("keys", viewer)


def ring(viewer: "napari.viewer.Viewer") -> None:
    """Show or hide the ring around what was inserted or attacked."""
    keys.run("ring", viewer)


def jump(viewer: "napari.viewer.Viewer") -> None:
    """Jump to what was inserted or attacked."""
    keys.run("jump", viewer)


def turn(viewer: "napari.viewer.Viewer") -> None:
    """Turn the picture by 90 degrees."""
    keys.run("turn", viewer)


def mirror(viewer: "napari.viewer.Viewer") -> None:
    """Exchange left and right of the picture."""
    keys.run("mirror", viewer)


def flip(viewer: "napari.viewer.Viewer") -> None:
    """Exchange top and bottom of the picture."""
    keys.run("flip", viewer)
