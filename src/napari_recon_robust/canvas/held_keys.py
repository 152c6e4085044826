"""Switches off those of napari's own keys that would undo a review, and gives them back afterwards."""

from napari.settings import get_settings
from qtpy.compat import isalive
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QShortcut, QWidget

# What they do: change the window behind the lock, move one panel against the others, leave the plane or the grid,
# switch layers off or delete them, or make a layer active that takes the mouse.
ACTIONS = (
    "auto_contrast_once",
    "activate_image_transform_mode",
    "toggle_ndisplay",
    "roll_axes",
    "transpose_axes",
    "rotate_layers",
    "toggle_grid",
    "toggle_selected_visibility",
    "toggle_unselected_visibility",
    "show_only_layer_above",
    "show_only_layer_below",
    "select_layer_above",
    "select_layer_below",
    "delete_selected_layers",
)


class HeldKeys:
    """Shortcuts that do nothing, in place of napari's; the keys in `free` mean something else and are left out."""

    def __init__(self, window: QWidget, free: set[str]) -> None:
        bound = get_settings().shortcuts.shortcuts
        keys = {str(key) for action in ACTIONS for key in bound.get(f"napari:{action}", ())}
        self._shortcuts = [QShortcut(QKeySequence(key), window) for key in sorted(keys - free)]

    def give_back(self) -> None:
        """Let napari have them again."""
        for shortcut in self._shortcuts:
            if isalive(shortcut):
                shortcut.setEnabled(False)
                shortcut.deleteLater()
        self._shortcuts = []
