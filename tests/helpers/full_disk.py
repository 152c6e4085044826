"""A disk that has no more room, by the system's limit of a file's size, which is this process's own."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def room_for(length: int) -> Iterator[None]:
    """No file can be written beyond so many bytes; what is there already can be read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
