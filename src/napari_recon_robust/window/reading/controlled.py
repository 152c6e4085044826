"""What the controls beside the images ask of the reading room."""

from typing import Protocol

from qtpy.QtWidgets import QWidget

from ...workbench.reading import Reading
from .looking import Looking


class Controlled(Protocol):
    """A room in which a reader reads; `room.ReadingRoom` is one."""

    reading: Reading
    looking: Looking

    @property
    def canvas(self) -> QWidget:
        """The widget of the images."""

    @property
    def smooth(self) -> bool:
        """Whether values are interpolated between pixels."""

    def submit(self) -> None:
        """Store the answers and go on."""

    def close(self) -> None:
        """Close the window."""

    def fit(self) -> None:
        """Show the whole image."""

    def show_region(self) -> None:
        """Zoom to the square in which to look."""

    def reset_window(self) -> None:
        """Set the window with which the case began."""

    def toggle_smooth(self) -> None:
        """Interpolate between pixels, or show them as squares."""
