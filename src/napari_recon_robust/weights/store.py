"""Trained weights: data, never code.

A shipped set is two files of this folder: `<id>.safetensors`, whose header carries its `Metadata`, and
`<id>.md`, the card that a person reads, which states the file's SHA-256. A set whose hash differs from its
card's is not used. Weights from elsewhere are given as a path.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor

from ..errors import WeightsError

State = dict[str, Tensor]
Range = tuple[float, float]

_SUFFIX = ".safetensors"
_CHECKPOINTS = (".pt", ".pth", ".ckpt")


class Domain(BaseModel):
    """What a set of weights was trained for. Ranges are (smallest, largest); `noise` is the standard deviation
    of the complex noise of a coil relative to `Measurement.scale`, `matrix` the image's sides in pixels.
    """

    model_config = ConfigDict(frozen=True)

    acceleration: Range
    noise: Range
    coils: tuple[int, int]
    matrix: tuple[int, int]
    patterns: tuple[str, ...]
    anatomy: str


class Metadata(BaseModel):
    """How a set of weights came to be: kept as JSON in the header of the safetensors file.

    network: its id in `reconstructors.networks`, which is that of the method that runs it; architecture: the arguments
    that make it again. scores: {case: {measure: value}} on data that training did not see. command: what makes the set
    again. seconds: time spent on training.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    trained_for: Domain
    command: str
    data: str
    hardware: str
    seconds: float
    steps: int
    scores: dict[str, dict[str, float]] = {}
    network: str = ""
    architecture: dict[str, Any] = {}
    notes: str = ""


@dataclass(frozen=True, eq=False)
class Weights:
    """A state dict, what is known about it (None for a file without our header), the file's SHA-256 and its bytes."""

    state: State
    metadata: Metadata | None
    sha256: str
    size: int


def shipped() -> list[str]:
    """The ids of the sets in the wheel."""
    names = (entry.name for entry in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))


def load(name: str) -> Weights:
    """The shipped set of that id, or a user's file (.safetensors, .pt, .pth, .ckpt); read once, and when it changed.

    Of a PyTorch checkpoint nothing is executed: it may hold tensors alone, as a state dict (fastMRI's published
    ones) or with one under "state_dict".
    Raises WeightsError if the file is missing or damaged, holds other objects, or if a shipped set is not the
    one that its card describes.
    """
    return _load(name, _stamp(name))


@cache
def _load(name: str, stamp: tuple[int, int] | None) -> Weights:
    content = _read(name)
    sha256 = hashlib.sha256(content).hexdigest()
    if name.endswith(_CHECKPOINTS):
        return Weights(_checkpoint(content, Path(name).name), None, sha256, len(content))
    if not name.endswith(_SUFFIX) and sha256 != (expected := _card_hash(name)):
        raise WeightsError(
            f"the weights {name!r} have the SHA-256 {sha256[:12]}…, but their card says {expected[:12]}…; "
            "install the package again."
        )
    try:
        stored = load_bytes(content)
    except SafetensorError as error:
        raise WeightsError(f"{name} is no valid safetensors file ({error}); get it again.") from None
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

    half: float16 in the file, at half its size; `load` gives float32 again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    if half:
        tensors = {key: value.half() if value.dtype == torch.float32 else value for key, value in tensors.items()}
    content = save_bytes(tensors, {"recon_robust": metadata.model_dump_json()})
    path = folder / f"{name}{_SUFFIX}"
    path.write_bytes(content)
    parameters = sum(tensor.numel() for tensor in tensors.values())
    card = _card(name, metadata, parameters, content)
    (folder / f"{name}.md").write_text(card, encoding="utf-8", newline="\n")
    return path


def _place(name: str) -> Traversable:
    if name.endswith((_SUFFIX, *_CHECKPOINTS)):
        return Path(name)
    return resources.files(__package__).joinpath(f"{name}{_SUFFIX}")


def _stamp(name: str) -> tuple[int, int] | None:
    """When the file was written, and its size; None where it is no file of its own."""
    place = _place(name)
    if not isinstance(place, Path) or not place.is_file():
        return None
    status = place.stat()
    return status.st_mtime_ns, status.st_size


def _read(name: str) -> bytes:
    try:
        return _place(name).read_bytes()
    except OSError:
        choices = ", ".join(shipped()) or "none yet"
        raise WeightsError(
            f"there are no weights {name!r}; shipped are: {choices}; others are given as a .safetensors or .pt file."
        ) from None


def _checkpoint(content: bytes, name: str) -> State:
    try:
        loaded = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        raise WeightsError(
            f"{name} is no PyTorch checkpoint of tensors alone, and anything else in it could run code; "
            "save the network's state_dict(), best as safetensors."
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{name} holds no state dict of tensors; save the network's state_dict() alone.")
    return dict(state)


def _metadata(content: bytes) -> Metadata | None:
    """A safetensors file starts with the length of its header (8 bytes, little endian) and the header, JSON."""
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
    match = re.search(r"SHA-256 `([0-9a-f]{64})`", card)
    if match is None:
        raise WeightsError(f"the weights {name!r} have no card with their hash; install the package again.")
    return match[1]


def _card(name: str, metadata: Metadata, parameters: int, content: bytes) -> str:
    domain = metadata.trained_for
    patterns = ", ".join(domain.patterns) or "lines of its own"
    lines = [
        f"# {name}: {metadata.title}",
        "",
        f"{parameters:,} parameters, {len(content) / 1e6:.2f} MB, SHA-256 `{hashlib.sha256(content).hexdigest()}`.",
        "Not for diagnostic use.",
        "",
        "## Trained for",
        "",
        f"- acceleration {domain.acceleration[0]:g} to {domain.acceleration[1]:g}, {patterns}",
        f"- noise {domain.noise[0]:g} to {domain.noise[1]:g} of the image's scale",
        f"- {domain.coils[0]} to {domain.coils[1]} coils, {domain.matrix[0]} to {domain.matrix[1]} pixels",
        f"- {domain.anatomy}",
        "",
        "## Training",
        "",
        f"- command: `{metadata.command}`",
        f"- data: {metadata.data}",
        f"- hardware and time: {metadata.hardware}, {metadata.seconds / 60:.0f} minutes, {metadata.steps} steps",
    ]
    if metadata.scores:
        measures = list(dict.fromkeys(measure for case in metadata.scores.values() for measure in case))
        lines += ["", "## Scores on data held out of training", ""]
        lines += [f"| case | {' | '.join(measures)} |", f"|---|{'---|' * len(measures)}"]
        for case, values in metadata.scores.items():
            cells = (f"{values[measure]:.4g}" if measure in values else "" for measure in measures)
            lines.append(f"| {case} | {' | '.join(cells)} |")
    if metadata.notes:
        lines += ["", metadata.notes]
    return "\n".join(lines) + "\n"
