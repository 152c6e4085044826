"""napari's readers and sample data: they open in the review, not as plain layers."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..ground.guard import is_file

LayerData = list[tuple[Any, ...]]
_NOTHING: LayerData = [(None,)]  # napari's sign for "read, and no layer to add"


def get_reader(path: str | list[str]) -> Callable[[str], LayerData] | None:
    """A reader for k-space, fastMRI+ annotations, saved cases and folders of them; None for other files.

    A quick look tells.
    """
    if not isinstance(path, str) or not _is_ours(Path(path)):
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


def _is_ours(path: Path) -> bool:
    if os.path.isdir(path):  # False for a name that no file can have
        from ..cases.gallery.listing import holds_cases

        return is_file(path / "case.json") or holds_cases(path)
    if path.suffix == ".npy" and _is_plain(path):
        return False
    from ..io import annotations, format_of

    if path.suffix == annotations.SUFFIX:
        return annotations.is_table(path)
    return format_of(path) is not None


def _is_plain(path: Path) -> bool:
    """Whether an array holds an image and no k-space; False if it cannot be read, so that opening it says why."""
    from ..ground.arrays import open_npy
    from ..ground.errors import FileFormatError

    try:
        array = open_npy(path)
    except FileFormatError:
        return False
    array.close()
    return array.dtype.kind != "c"


def _session() -> Any:
    import napari

    from .session import PLUGIN, Session

    viewer = napari.current_viewer()
    viewer.window.add_plugin_dock_widget(PLUGIN, "Reconstruct", tabify=True)
    return Session.of(viewer)
