"""What a user sets once for all reviews."""

from dataclasses import dataclass
from typing import Any

from ..ground.errors import InputError

MIB = 2**20
COLOURS = {  # told apart by those who do not see red and green, too
    "blue": "#5fd3f3",
    "yellow": "#ffd23f",
    "orange": "#e69f00",
    "green": "#009e73",
    "pink": "#cc79a7",
    "white": "#ffffff",
}


@dataclass(frozen=True)
class Preferences:
    """device: on which slices are reconstructed, "cpu", "cuda" or "mps". threads: of torch; 0 for all cores but one.

    history: MiB that the history of attacks may take. regions, chosen: the colours of outlines, of those that are
    chosen too.
    """

    device: str = "cpu"
    threads: int = 0
    history: int = 1024
    regions: str = "blue"
    chosen: str = "yellow"


def usable(device: str) -> Any:
    """The torch device of that name; InputError, one sentence, if this machine has none."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(device, False):
        choice = " or ".join(name for name, one in there.items() if one)
        raise InputError(f"this machine has no device {device!r} for torch; choose {choice} in the preferences.")
    return torch.device(device)
