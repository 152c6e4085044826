"""The device of a worker: with "auto" a GPU of its own, as long as there is one that no other worker has."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from ..ground.devices import has_device
from ..ground.errors import InputError
from ..ground.locks import locked

AUTO = "auto"


@contextmanager
def claimed(wanted: str) -> Iterator[str]:
    """The device that a plan asks for, held until the end; "auto" is a GPU that no other process of this user holds.

    With fewer GPUs than workers they share them in turn, and without any GPU it is the processor. The locks are files,
    so that it is the same for Dask's workers, the elements of a job array, and processes that were started by hand.
    InputError for a device that this machine does not have.
    """
    if wanted != AUTO:
        if not has_device(wanted):
            raise InputError(lacking(wanted))
        yield wanted
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    with ExitStack() as held:
        number = next((n for n in range(count) if _is_ours(held, n)), os.getpid() % max(count, 1))
        yield f"cuda:{number}" if count else "cpu"


def lacking(wanted: str) -> str:
    """What is to be done on a machine that lacks the device that a plan asks for."""
    return f"This machine has no device {wanted!r}; run the study where there is one, or let the plan say cpu or auto."


def _is_ours(held: ExitStack, number: int) -> bool:
    """Whether nobody else has the GPU of that number; from now on this process has it."""
    # the same one has other numbers in processes that see others of them
    name = getattr(torch.cuda.get_device_properties(number), "uuid", number)
    try:
        return held.enter_context(locked(_folder() / f"{name}.lock", "another worker has this GPU."))
    except InputError:
        return False


def _folder() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else ""
    return Path(tempfile.gettempdir()) / f"recon-robust-gpus-{user}"
