"""The manifest's commands for what the keys do; napari gives them the viewer."""

from typing import TYPE_CHECKING

from . import keys

if TYPE_CHECKING:
    import napari.viewer


def flicker(viewer: "napari.viewer.Viewer") -> None:
    """Swap clean and perturbed."""
    keys.run("flicker", viewer)


def lineup(viewer: "napari.viewer.Viewer") -> None:
    """Show several methods side by side, or the other panels again."""
    keys.run("lineup", viewer)


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


def next_region(viewer: "napari.viewer.Viewer") -> None:
    """Choose the next region of the scan and go to its slice."""
    keys.run("next_region", viewer)


def previous_region(viewer: "napari.viewer.Viewer") -> None:
    """Choose the previous region of the scan and go to its slice."""
    keys.run("previous_region", viewer)


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


def smooth(viewer: "napari.viewer.Viewer") -> None:
    """Show pixels as squares, or smooth between them."""
    keys.run("smooth", viewer)


def studies(viewer: "napari.viewer.Viewer") -> None:
    """Bring the Studies dock to the front."""
    keys.run("studies", viewer)


def attacks(viewer: "napari.viewer.Viewer") -> None:
    """Open the history of attacks and the queue."""
    keys.run("attacks", viewer)


def undo(viewer: "napari.viewer.Viewer") -> None:
    """Undo the last change of regions, knobs or settings."""
    keys.run("undo", viewer)


def redo(viewer: "napari.viewer.Viewer") -> None:
    """Do again what was undone."""
    keys.run("redo", viewer)


def brush(viewer: "napari.viewer.Viewer") -> None:
    """Brush: paint a region, or lay the brush down."""
    keys.run("brush", viewer)


def brush_smaller(viewer: "napari.viewer.Viewer") -> None:
    """Smaller brush."""
    keys.run("brush_smaller", viewer)


def brush_larger(viewer: "napari.viewer.Viewer") -> None:
    """Larger brush."""
    keys.run("brush_larger", viewer)


def copy_regions(viewer: "napari.viewer.Viewer") -> None:
    """Copy the chosen regions to the next slice."""
    keys.run("copy_regions", viewer)


def images_first(viewer: "napari.viewer.Viewer") -> None:
    """Give the window to the panels, or go back to the laboratory layout."""
    keys.run("images_first", viewer)


def wipe(viewer: "napari.viewer.Viewer") -> None:
    """Lay one image over the left part of the other, or take it away."""
    keys.run("wipe", viewer)


def lens(viewer: "napari.viewer.Viewer") -> None:
    """Show the first image in a lens over the second, or take it away."""
    keys.run("lens", viewer)


def fade(viewer: "napari.viewer.Viewer") -> None:
    """Mix the two images, or show the second again."""
    keys.run("fade", viewer)


def pair(viewer: "napari.viewer.Viewer") -> None:
    """Compare the next two images."""
    keys.run("pair", viewer)


def signed(viewer: "napari.viewer.Viewer") -> None:
    """Show the difference with its sign, or its magnitude."""
    keys.run("signed", viewer)


def part(viewer: "napari.viewer.Viewer") -> None:
    """Show the next of magnitude, phase, real and imaginary part."""
    keys.run("part", viewer)


def kspace(viewer: "napari.viewer.Viewer") -> None:
    """Show the k-space with its sampled points and the perturbation alone, or take them away."""
    keys.run("kspace", viewer)


def profile(viewer: "napari.viewer.Viewer") -> None:
    """Show the profile of all images along a line, or take it away."""
    keys.run("profile", viewer)


def film(viewer: "napari.viewer.Viewer") -> None:
    """Show a film strip below the images, or take it away."""
    keys.run("film", viewer)


def cine(viewer: "napari.viewer.Viewer") -> None:
    """Play the film strip or the slices, or stop."""
    keys.run("cine", viewer)


def distance(viewer: "napari.viewer.Viewer") -> None:
    """Let the left button measure distances, or move the picture again."""
    keys.run("distance", viewer)


def area(viewer: "napari.viewer.Viewer") -> None:
    """Let the left button measure areas, or move the picture again."""
    keys.run("area", viewer)


def erase(viewer: "napari.viewer.Viewer") -> None:
    """Erase the line or outline that was drawn last."""
    keys.run("erase", viewer)


def region_view(viewer: "napari.viewer.Viewer") -> None:
    """Zoom all panels to the region, or back."""
    keys.run("region_view", viewer)


def window_auto(viewer: "napari.viewer.Viewer") -> None:
    """Fit the window to the reference in the region."""
    keys.run("window_auto", viewer)


def window_reset(viewer: "napari.viewer.Viewer") -> None:
    """Take the window as at first."""
    keys.run("window_reset", viewer)


def window_full(viewer: "napari.viewer.Viewer") -> None:
    """Take the full window of the reference."""
    keys.run("window_full", viewer)


def window_soft_tissue(viewer: "napari.viewer.Viewer") -> None:
    """Take the soft tissue window of the reference."""
    keys.run("window_soft_tissue", viewer)


def window_lesion(viewer: "napari.viewer.Viewer") -> None:
    """Take the lesion window of the reference."""
    keys.run("window_lesion", viewer)


def window_noise(viewer: "napari.viewer.Viewer") -> None:
    """Take the noise window of the reference."""
    keys.run("window_noise", viewer)


def panels_1(viewer: "napari.viewer.Viewer") -> None:
    """Show one panel, or what was stored under 1."""
    keys.run("panels_1", viewer)


def keep_panels_1(viewer: "napari.viewer.Viewer") -> None:
    """Store the panels that are shown under 1."""
    keys.run("keep_panels_1", viewer)


def panels_2(viewer: "napari.viewer.Viewer") -> None:
    """Show two panels, or what was stored under 2."""
    keys.run("panels_2", viewer)


def keep_panels_2(viewer: "napari.viewer.Viewer") -> None:
    """Store the panels that are shown under 2."""
    keys.run("keep_panels_2", viewer)


def panels_3(viewer: "napari.viewer.Viewer") -> None:
    """Show three panels, or what was stored under 3."""
    keys.run("panels_3", viewer)


def keep_panels_3(viewer: "napari.viewer.Viewer") -> None:
    """Store the panels that are shown under 3."""
    keys.run("keep_panels_3", viewer)


def panels_4(viewer: "napari.viewer.Viewer") -> None:
    """Show four panels, or what was stored under 4."""
    keys.run("panels_4", viewer)


def keep_panels_4(viewer: "napari.viewer.Viewer") -> None:
    """Store the panels that are shown under 4."""
    keys.run("keep_panels_4", viewer)


def panels_5(viewer: "napari.viewer.Viewer") -> None:
    """Show the reference alone, or what was stored under 5."""
    keys.run("panels_5", viewer)


def keep_panels_5(viewer: "napari.viewer.Viewer") -> None:
    """Store the panels that are shown under 5."""
    keys.run("keep_panels_5", viewer)
