"""napari's readers and sample data: they open in the review, not as plain layers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .recognised_files import is_recognised

LayerData = list[tuple[Any, ...]]
_NOTHING: LayerData = [(None,)]  # napari's sign for "read, and no layer to add"


def get_reader(path: str | list[str]) -> Callable[[str], LayerData] | None:
    """A reader for k-space, fastMRI+ annotations, saved cases and folders of them; None for other files.

    A quick look tells.
    """
    if not isinstance(path, str) or not is_recognised(Path(path)):
        return None
    return read


def read(path: str | list[str]) -> LayerData:
    """Open a file in the review of the current viewer."""
    _session().open(path if isinstance(path, str) else path[0])
    return _NOTHING


def open_sample() -> LayerData:
    """Open the packaged sample in the review of the current viewer."""
    _session().open_sample()
    return _NOTHING


def _session() -> Any:
    import napari

    from .session import PLUGIN, Session

    viewer = napari.current_viewer()
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    return Session.of(viewer)
