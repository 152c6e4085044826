"""The user's cache folder: what is kept there can be made again, and is used only to be quicker."""

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_NAME = "napari-recon-robust"


def cache_folder() -> Path:
    """The folder of this program in the user's cache, which need not exist yet."""
    if sys.platform == "win32":
        found = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        found = Path.home() / "Library" / "Caches"
    else:
        found = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(found) / _NAME


def cached(name: str) -> bytes | None:
    """The content that was kept under a name (a path below the cache folder), or None."""
    try:
        return (cache_folder() / name).read_bytes()
    except OSError:
        return None


def keep_cached(name: str, content: bytes) -> None:
    """Keep content under a name, completely or not at all; where it cannot be written nothing is kept.

    Only the user may read it, since it can hold images of patients.
    """
    place = cache_folder() / name
    with suppress(OSError):
        cache_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        number, made = tempfile.mkstemp(dir=place.parent)  # with mode 0600
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
            os.replace(made, place)
        except OSError:
            os.unlink(made)
