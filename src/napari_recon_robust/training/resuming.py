"""What a run goes on from, its checkpoint or an interrupted decay: read and checked before any case is made."""

import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..ground.errors import InputError
from ..ground.guard import opening, shown
from . import checkpoint, schedule
from .recipe import Preset, Recipe, make_network

CHECKPOINT, DECAY = "checkpoint.pt", "decay.pt"


@dataclass(frozen=True, eq=False)
class Resumed:
    """A checkpoint that fits a run.

    path: its file. state: its content, on the run's device. changed: the fields of the recipe in which it differs,
    {field: [before, now]}. budget: what is left of the call's.
    """

    path: Path
    state: dict[str, Any]
    changed: dict[str, list[Any]]
    budget: schedule.Budget

    @property
    def decaying(self) -> bool:
        """Whether it is of an interrupted decay."""
        return self.path.name == DECAY


def find_checkpoint(
    recipe: Recipe, preset: Preset, out: Path, budget: schedule.Budget, device: torch.device
) -> Resumed:
    """The checkpoint in a run's folder, or that of a decay of the same steps, or of minutes, that was interrupted.

    InputError if there is none, it is damaged or of another network, or its step is behind the one at which the decay
    of the budget begins: its weights would be saved without one.
    """
    path, branch = out / CHECKPOINT, out / DECAY
    if not os.path.lexists(path):
        raise InputError(f"{shown(out)} holds no checkpoint to resume; start without --resume.")
    if branch.exists():
        with reading(branch):
            state, changed = _read(branch, recipe, preset, device)
            left = _left(state["budget"], budget)
        if left is not None:
            return Resumed(branch, state, changed, left)
    with reading(path):
        state, changed = _read(path, recipe, preset, device)
    step = state["step"]
    if isinstance(budget, schedule.Steps) and _leaves_no_decay(budget, step, preset.decay):
        raise InputError(
            f"the checkpoint is at step {step}, and a preset of {preset.steps} steps leaves no room for a decay behind "
            "it; give --minutes, or a preset with more steps."
        )
    return Resumed(path, state, changed, budget)


def reading(path: Path) -> AbstractContextManager[None]:
    """Turn errors into an InputError that says what to do about a checkpoint, or about that of a decay."""
    advice = f"delete it to go on from {CHECKPOINT}" if path.name == DECAY else "start anew"
    return opening(path, "a checkpoint", advice, InputError)


def _read(
    path: Path, recipe: Recipe, preset: Preset, device: torch.device
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The content of a checkpoint, and the fields of the recipe in which it differs."""
    state = checkpoint.read(path, device)
    changed = checkpoint.differences(state, path, recipe, preset)
    if not checkpoint.fits(state, make_network(recipe).state_dict()):
        raise InputError(f"the tensors in {shown(path)} are not those of the network of {recipe.id}; start anew.")
    return state, changed


def _leaves_no_decay(budget: schedule.Steps, step: int, decay: float) -> bool:
    """Whether no step for a decay is left; where the rate falls all the time, the decay goes on if there is any."""
    return budget.spent(step) >= 1 if decay == 1 else schedule.decays(budget.spent(step - 1), decay)


def _left(saved: dict[str, Any], budget: schedule.Budget) -> schedule.Budget | None:
    """The rest of an interrupted decay; None if it belongs to another number of steps, which ends elsewhere."""
    if isinstance(budget, schedule.Minutes):
        return schedule.Minutes(saved["minutes"], saved["spent"]) if "minutes" in saved else None
    return budget if saved == budget.state(0) else None
