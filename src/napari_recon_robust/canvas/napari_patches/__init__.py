"""Functions of napari and vispy that are replaced for the whole process, each with the reason in its module."""

from .gl_programs import keep_programs, keep_to_own_context
from .grid_layout import lighten
from .text_shader import shorten_letters
from .text_width import correct_text


def apply() -> None:
    """Replace them; it may be called again."""
    shorten_letters()
    keep_programs()
    keep_to_own_context()
    lighten()
    correct_text()
