"""Trained weights: data, never code.

A shipped set is two files of this folder: `<id>.safetensors`, whose header carries its `metadata.Metadata`, and
`<id>.md`, the card that a person reads (`card`), which states the file's SHA-256. A set whose hash differs from its
card's is not used. Weights from elsewhere are given as a path.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor

from ..ground.errors import WeightsError, one_line
from ..ground.guard import is_file, opening, read, shown, status
from ..ground.writing import write
from .card import card_text, stated_hash
from .metadata import Metadata
from .pickled import state_dict

State = dict[str, Tensor]

KEPT = 8  # how many sets of weights, and how many networks of a kind, stay in memory after their use
_SUFFIX = ".safetensors"
_CHECKPOINTS = (".pt", ".pth", ".ckpt")


@dataclass(frozen=True, eq=False)
class Weights:
    """A state dict, its metadata (None for a file without our header), and the file's SHA-256 and size in bytes."""

    state: State
    metadata: Metadata | None
    sha256: str
    size: int

    @property
    def published(self) -> bool:
        """Whether the network's authors published them; training writes a header, so that weights without one are."""
        return self.metadata is None or self.metadata.published


def shipped() -> list[str]:
    """The ids of the sets in the wheel."""
    names = (entry.name for entry in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def load(name: str) -> Weights:
    """The shipped set with that id, or a user's file (.safetensors, .pt, .pth, .ckpt); read again only if it changed.

    A PyTorch checkpoint may hold only tensors, as a state dict (like fastMRI's published ones) or with one under
    "state_dict"; nothing in it is executed.
    Raises WeightsError if the file is missing or damaged, holds other objects, or if a shipped set is not the
    one that its card describes.
    """
    return _load(name, _stamp(name))


@lru_cache(KEPT)
def _load(name: str, stamp: tuple[int, int] | None) -> Weights:
    content = _read(name)
    sha256 = hashlib.sha256(content).hexdigest()
    if _ends(name, *_CHECKPOINTS):
        return Weights(state_dict(content, shown(Path(name))), None, sha256, len(content))
    if not _ends(name, _SUFFIX) and sha256 != (expected := _card_hash(name)):
        raise WeightsError(
            f"the weights {name!r} have the SHA-256 {sha256[:12]}…, but their card says {expected[:12]}…; "
            "install the package again."
        )
    with opening(Path(name), "safetensors", "get it again", WeightsError):
        stored = load_bytes(content)
        state = {key: value.float() if value.dtype == torch.float16 else value for key, value in stored.items()}
        return Weights(state, _metadata(content), sha256, len(content))


def describe(name: str) -> dict[str, Any]:
    """What is known about a set, as JSON: id, parameters, megabytes, sha256, trained_for, scores."""
    weights = load(name)
    metadata = weights.metadata
    return {
        "id": name,
        "parameters": sum(tensor.numel() for tensor in weights.state.values()),
        "megabytes": round(weights.size / 1e6, 2),
        "sha256": weights.sha256,
        "trained_for": metadata.trained_for.model_dump(mode="json") if metadata else None,
        "scores": metadata.scores if metadata else {},
    }


def save(folder: Path, name: str, state: State, metadata: Metadata, *, half: bool = False) -> Path:
    """Write `<name>.safetensors` and its card `<name>.md`; returns the path of the former.

    half: store float16, which halves the file's size; `load` gives float32 again. Raises WritingError.
    """
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    if half:
        tensors = {key: value.half() if value.dtype == torch.float32 else value for key, value in tensors.items()}
    content = save_bytes(tensors, {"recon_robust": metadata.model_dump_json()})
    path = folder / f"{name}{_SUFFIX}"
    write(path, content)
    parameters = sum(tensor.numel() for tensor in tensors.values())
    card = card_text(name, metadata, parameters, content)
    write(folder / f"{name}.md", card.encode())
    return path


def _ends(name: str, *suffixes: str) -> bool:
    """Whether a name is that of a user's file, also in capitals."""
    return name.lower().endswith(suffixes)


def _place(name: str) -> Traversable:
    if _ends(name, _SUFFIX, *_CHECKPOINTS):
        return Path(name)
    return resources.files(__package__).joinpath(f"{name}{_SUFFIX}")


def _stamp(name: str) -> tuple[int, int] | None:
    """When the file was written, and its size; None if it is not a file of its own."""
    place = _place(name)
    if not isinstance(place, Path) or not is_file(place):
        return None
    found = status(place)
    return found.st_mtime_ns, found.st_size


def _read(name: str) -> bytes:
    place = _place(name)
    if isinstance(place, Path) and _ends(name, _SUFFIX, *_CHECKPOINTS):
        return read(place, error=WeightsError)
    try:
        return place.read_bytes()
    except (OSError, ValueError):
        choices = ", ".join(shipped()) or "none yet"
        raise WeightsError(
            f"there are no weights {one_line(name, 60)!r}; shipped are: {choices}; others are given as a .safetensors "
            "or .pt file."
        ) from None


def _metadata(content: bytes) -> Metadata | None:
    """The metadata in the header. A file starts with the header's length (8 bytes, little endian) and its JSON."""
    length = int.from_bytes(content[:8], "little")
    text = json.loads(content[8 : 8 + length]).get("__metadata__", {}).get("recon_robust")
    try:
        return None if text is None else Metadata.model_validate_json(text)
    except ValidationError as error:
        raise WeightsError(f"the weights' description cannot be read ({error.errors()[0]['msg']}).") from None


def _card_hash(name: str) -> str:
    try:
        card = resources.files(__package__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    except OSError:
        card = ""
    if (stated := stated_hash(card)) is None:
        raise WeightsError(f"the weights {name!r} have no card with their hash; install the package again.")
    return stated
