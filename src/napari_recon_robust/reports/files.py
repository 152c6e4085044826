"""Writing what a report or an export made."""

from pathlib import Path

from ..ground.errors import InputError


def write(path: Path, content: bytes) -> None:
    """Write a file; InputError for a place that cannot be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path.name} cannot be written ({error.strerror}); choose another folder.") from None
