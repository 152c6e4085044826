"""Checkpoints: written completely or not at all, read without running code, and compared with the run."""

import inspect
import json
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from ..ground import writing
from ..ground.errors import InputError, ReconRobustError
from ..ground.guard import read as read_file
from ..ground.guard import shown
from ..networks import registry as networks
from ..weights.metadata import Ancestor, SeenFile, Stretch
from ..weights.pickled import load_pickled
from .recipe import Preset, Recipe

_NOT_COMPARED = {"title", "notes", "stored", "share", "network", "arguments"}


class _State(BaseModel):
    """What the entries of a checkpoint are; those with a default are not in the first ones."""

    model_config = ConfigDict(strict=True)

    network: dict[str, Any]
    average: dict[str, Any]
    optimisers: list[dict[str, Any]]
    loss: dict[str, Any]
    recipe: str
    step: int = Field(ge=0)
    seconds: float = Field(ge=0)
    score: float
    core_seconds: float = Field(default=0.0, ge=0)
    over_tv: float | None = None
    rate: float = Field(default=1.0, gt=0)
    skipped: int = Field(default=0, ge=0)
    returns: int = Field(default=0, ge=0)
    curve: list[tuple[float, float, float | None]] = []
    history: list[Stretch] = []
    learned: list[SeenFile] = []
    ancestors: list[Ancestor] = []
    budget: dict[str, Any] = {}


def write(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint; WritingError if that fails, and then the last one stays."""
    content = BytesIO()
    torch.save(dict(state), content)
    writing.write(path, content.getbuffer())


def read(path: Path, device: torch.device) -> dict[str, Any]:
    """The content of a checkpoint, which may be only tensors, numbers and text; InputError for anything else."""
    content = read_file(path, error=InputError)
    try:
        state = load_pickled(content, shown(path), device, InputError)
        if content[:2] == b"PK" and zipfile.ZipFile(BytesIO(content)).testzip() is not None:  # torch compares no sums
            raise InputError(f"{shown(path)} is damaged; start anew, or put a copy in its place.")
    except ReconRobustError:
        raise
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        raise InputError(f"{shown(path)} is no checkpoint with only tensors and numbers; start anew.") from error
    try:
        _State.model_validate(state)
    except ValidationError:
        raise InputError(f"{shown(path)} is no checkpoint of a training; start anew.") from None
    return state


def description(recipe: Recipe, preset: Preset) -> str:
    """The recipe and its preset as a checkpoint keeps them, in JSON."""
    values = recipe.model_dump(mode="json", exclude={"presets"})
    return json.dumps(values | {"preset": preset.model_dump(mode="json", exclude={"steps"})})


def differences(state: Mapping[str, Any], path: Path, recipe: Recipe, preset: Preset) -> dict[str, list[Any]]:
    """Fields of the recipe in which a checkpoint differs from the run: {field: [before, now]}.

    Raises InputError for a checkpoint of another network: of another id, architecture, or other names or shapes of
    tensors.
    """
    try:
        before = json.loads(state["recipe"])
        network = networks.identify(before["network"])
        id, arguments = before["id"], dict(before["arguments"])
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{shown(path)} does not say what it is a checkpoint of; start anew.") from None
    if id != recipe.id:
        raise InputError(f"{shown(path)} is of the recipe {id!r}, and this is {recipe.id!r}; give another folder.")
    came, wanted = _architecture(network, arguments), _architecture(recipe.network, recipe.arguments)
    if came != wanted:
        raise InputError(
            f"{shown(path)} is of the network {_shown(came)}, and {_shown(wanted)} was expected; start anew."
        )
    return _differences(_comparable(before), _comparable(json.loads(description(recipe, preset))))


def fits(state: Mapping[str, Any], expected: Mapping[str, Tensor]) -> bool:
    """Whether a checkpoint's network has tensors of the expected names and shapes."""
    return {name: value.shape for name, value in state["network"].items()} == {
        name: value.shape for name, value in expected.items()
    }


def _architecture(network: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The network's id and arguments, with defaults filled in, and without arguments that the class does not know."""
    parameters = inspect.signature(networks.registry.kind_of(network)).parameters
    values = {name: arguments.get(name, one.default) for name, one in parameters.items()}
    return network, json.loads(json.dumps(values, default=str))


def _shown(architecture: tuple[str, dict[str, Any]]) -> str:
    network, arguments = architecture
    return f"{network} ({', '.join(f'{name} {value}' for name, value in arguments.items())})"


def _comparable(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by their path, for instance bank.cases."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name in _NOT_COMPARED:
            continue
        if isinstance(value, Mapping):
            flat |= {f"{name}.{field}": one for field, one in value.items()}
        else:
            flat[name] = value
    return flat


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The fields of both that differ, {field: [before, now]}."""
    return {name: [before[name], now[name]] for name in before if name in now and before[name] != now[name]}
