"""Trained weights: data, never code.

A shipped set is two files of this folder: `<id>.safetensors`, whose header carries its `Metadata`, and
`<id>.md`, the card that a person reads, which states the file's SHA-256. A set whose hash differs from its
card's is not used. Weights from elsewhere are given as a path.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor

from ..ground.errors import WeightsError, one_line
from ..ground.guard import is_file, opening, read, shown, status
from ..ground.table import markdown
from ..ground.writing import write
from .pickled import load_pickled

State = dict[str, Tensor]
Range = tuple[float, float]

KEPT = 8  # how many sets of weights, and how many networks of a kind, stay in memory after their use
_SUFFIX = ".safetensors"
_CHECKPOINTS = (".pt", ".pth", ".ckpt")
_CURVE_POINTS = 8  # on a card


class Domain(BaseModel):
    """The kind of data that a set of weights was trained for. Ranges are (smallest, largest).

    noise: the standard deviation of the complex noise of a coil relative to `Measurement.scale`. matrix: the image's
    sides in pixels.
    """

    model_config = ConfigDict(frozen=True)

    acceleration: Range
    noise: Range
    coils: tuple[int, int]
    matrix: tuple[int, int]
    patterns: tuple[str, ...]
    anatomy: str


class SeenFile(BaseModel):
    """A file or scan that a training has seen: whom it shows, and whether it was used to train or to validate."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    sha256: str
    person: str
    use: str = "training"
    licence: str = ""


class Stretch(BaseModel):
    """One call of a training, from step `first` to `last`; hours are counted from the first call.

    changed: fields of the recipe that differ from the call before, {field: [before, after]}. start: the weights that
    the call began with. hardware: of the call, with the precision of its convolutions. score: the validation's loss at
    its end; over_tv: NMSE relative to TV's at its end.
    """

    model_config = ConfigDict(frozen=True)

    first: int
    last: int
    hours: float
    core_hours: float
    version: str = ""
    changed: dict[str, list[Any]] = {}
    start: str = ""
    hardware: str = ""
    score: float | None = None
    over_tv: float | None = None


class Metadata(BaseModel):
    """How a set of weights was made; the header of the safetensors file holds it as JSON.

    network: its id in `networks.registry`, which is that of the method that runs it; architecture: the arguments
    that make it again. scores: {case: {measure: value}} on data that training did not see. command: the command that
    makes the set again. seconds: the time of training by the clock; core_seconds: by the processors. skipped: steps
    whose loss was not finite. curve: (hours, loss, NMSE relative to TV's) of each validation. version: of this package.
    published: whether the network's authors trained and published these weights, so that a method runs them as they
    did.
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
    volumes: tuple[SeenFile, ...] = ()
    core_seconds: float = 0.0
    skipped: int = 0
    version: str = ""
    curve: tuple[tuple[float, float, float | None], ...] = ()
    history: tuple[Stretch, ...] = ()
    network: str = ""
    architecture: dict[str, Any] = {}
    notes: str = ""
    published: bool = False


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
    if name.endswith(_CHECKPOINTS):
        return Weights(_checkpoint(content, shown(Path(name))), None, sha256, len(content))
    if not name.endswith(_SUFFIX) and sha256 != (expected := _card_hash(name)):
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
    card = _card(name, metadata, parameters, content)
    write(folder / f"{name}.md", card.encode())
    return path


def annotate(card: Path, heading: str, text: str) -> None:
    """Write a section of a card, in place of the one with that heading; the weights and their hash stay.

    `save` makes a card anew, without sections that were measured on other weights. Raises WritingError.
    """
    parts = card.read_text(encoding="utf-8").rstrip("\n").split("\n## ")
    section = f"{heading}\n\n{text.strip()}\n"
    places = [n for n, part in enumerate(parts) if part.partition("\n")[0] == heading]
    if places:
        parts[places[0]] = section
    else:
        parts.append(section)
    write(card, ("\n\n## ".join(part.strip("\n") for part in parts) + "\n").encode())


def _place(name: str) -> Traversable:
    if name.endswith((_SUFFIX, *_CHECKPOINTS)):
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
    if isinstance(place, Path) and name.endswith((_SUFFIX, *_CHECKPOINTS)):
        return read(place, error=WeightsError)
    try:
        return place.read_bytes()
    except (OSError, ValueError):
        choices = ", ".join(shipped()) or "none yet"
        raise WeightsError(
            f"there are no weights {one_line(name, 60)!r}; shipped are: {choices}; others are given as a .safetensors "
            "or .pt file."
        ) from None


def _checkpoint(content: bytes, name: str) -> State:
    try:
        loaded = load_pickled(content, name)
    except WeightsError:
        raise
    except BadZipFile as error:
        raise WeightsError(f"{name} is cut off or damaged; copy or download it again.") from error
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        raise WeightsError(
            f"{name} is no PyTorch checkpoint of tensors alone, and anything else in it could run code; "
            "save the network's state_dict(), best as safetensors, or give the whole model as .pt2 or in a .py file."
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if not state or not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{name} holds no state dict of tensors; save only the network's state_dict().")
    return dict(state)


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
        *(["Published by the network's authors; the method runs them as they do."] if metadata.published else []),
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
        f"- hardware and time: {metadata.hardware}, {metadata.seconds / 60:.0f} minutes"
        + (f" ({metadata.core_seconds / 3600:.2f} core hours)" if metadata.core_seconds else "")
        + f", {metadata.steps} steps"
        + (f", {metadata.skipped} of them skipped for a loss that was not finite" if metadata.skipped else ""),
        *_course(metadata),
        *_volumes(metadata.volumes),
    ]
    if metadata.scores:
        measures = list(dict.fromkeys(measure for case in metadata.scores.values() for measure in case))
        rows = [
            [case, *(f"{values[measure]:.4g}" if measure in values else "" for measure in measures)]
            for case, values in metadata.scores.items()
        ]
        lines += ["", "## Scores on data held out of training", "", markdown(["case", *measures], rows)]
    if metadata.notes:
        lines += ["", metadata.notes]
    return "\n".join(lines) + "\n"


def _course(metadata: Metadata) -> list[str]:
    """Lines on the validation's loss, and on where the training went on from another call or other weights."""
    lines = [f"- version: {metadata.version}"] if metadata.version else []
    if metadata.curve:
        every = max(1, -(-len(metadata.curve) // _CURVE_POINTS))
        points = [*metadata.curve[::-1][::every]][::-1]
        curve = ", ".join(f"{loss:.4g} after {hours:.2g} h" for hours, loss, _ in points)
        lines.append(f"- validation: {curve}")
    for one in metadata.history:
        if one.start:
            lines.append(f"- started from {one.start}")
        elif one.first:
            changes = ", ".join(f"{name} {before} → {after}" for name, (before, after) in one.changed.items())
            lines.append(f"- went on from step {one.first}{f' with {changes}' if changes else ''}")
    return lines


def _volumes(volumes: Sequence[SeenFile]) -> list[str]:
    """A table of the volumes for training and validation, with the number of people."""
    if not volumes:
        return []
    people = {use: len({one.person for one in volumes if one.use == use}) for use in ("training", "validation")}
    counted = ", ".join(f"{count} for {use}" for use, count in people.items())
    rows = [[v.name, v.person, v.use, v.kind, v.licence, f"`{v.sha256}`"] for v in volumes]
    table = markdown(["file", "person", "for", "source", "licence", "SHA-256"], rows)
    return ["", "## Volumes", "", f"{len(volumes)}, of people: {counted}.", "", table]
