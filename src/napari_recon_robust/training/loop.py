"""The one training loop, for all recipes.

A recipe (recipes/<id>.yaml) names
  network: "module:Class" in napari_recon_robust.reconstructors, an nn.Module made with `arguments`;
  loss: an entry of `losses.LOSSES`, loss(network, example, rng) -> scalar; it calls network(example.problem);
  bank, masks, rows: the simulated data (`data.BankSpecification`, `data.MaskSpecification`, rows of a crop);
  presets: steps, learning rate, ... for "cpu" and "gpu".
A new architecture is a network whose `forward(problem: unrolled.Problem) -> complex64 (rows, columns)`, a loss
where none fits, and one YAML file. Everything that is drawn at random in step n depends on (seed, n) alone, so a
run that was interrupted and resumed ends with the same weights as one that was not.
"""

import math
import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib import import_module, resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import yaml
from pydantic import Field
from torch import Tensor, nn

from ..errors import InputError
from ..physics.model import ForwardModel
from ..progress import Job, Progress
from ..reconstructors.unrolled import Problem
from ..specification import Specification
from ..weights import store
from .data import Bank, BankSpecification, Example, MaskSpecification, build_bank, draw_example
from .losses import LOSSES

_CHECKPOINT_SECONDS = 120.0
_VALIDATION_CASES = 24
_VALIDATION_SEED = 2**20
_AVERAGE = 0.999  # decay of the running mean of the weights, which is what is validated and saved
_REPORT_SECONDS = 0.2


class Preset(Specification):
    """How long and how a recipe is trained on one kind of machine.

    precision: of the convolutions in training; weights, data consistency and validation stay in float32.
    accumulate: examples in a step.
    """

    steps: int = Field(gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    warm_up: int = Field(default=200, ge=0)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    validate_every: int = Field(default=500, gt=0)


class Recipe(Specification):
    """Everything that determines a set of weights; the fields are explained at the head of this module."""

    id: str
    title: str
    network: str
    arguments: dict[str, Any]
    loss: str
    bank: BankSpecification
    masks: MaskSpecification = MaskSpecification()
    rows: int = Field(default=96, gt=0)
    seed: int = 0
    presets: dict[str, Preset]
    notes: str = ""


def recipes() -> list[str]:
    """The ids of the recipes in the package."""
    names = (entry.name for entry in resources.files(__package__).joinpath("recipes").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def load_recipe(name: str) -> Recipe:
    """The packaged recipe of that id, or the one in a YAML file; InputError if there is none or it does not fit."""
    path = Path(name)
    source = path if path.suffix in (".yaml", ".yml") else resources.files(__package__) / "recipes" / f"{name}.yaml"
    try:
        values = yaml.safe_load(source.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"there is no recipe {name!r}; choose {', '.join(recipes())}, or give a YAML file.") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path.name} is no valid YAML ({' '.join(str(error).split())}).") from None
    if not isinstance(values, Mapping):
        raise InputError(f"{path.name} holds no recipe; fields with values are expected.")
    return Recipe(**values)


def make_network(recipe: Recipe) -> nn.Module:
    """The recipe's network with its first weights, which depend on the seed alone."""
    module, name = recipe.network.split(":")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network: nn.Module = getattr(import_module(f"..reconstructors.{module}", __package__), name)(**recipe.arguments)
    return network


def train(
    recipe: Recipe, data: Path, out: Path, *, preset: str = "cpu", resume: bool = False, device: str = "cpu"
) -> Job[Path]:
    """Train a recipe on the volumes in `data`; yields Progress whose preview is the last validation score.

    Keeps in `out`: bank/ (simulated cases, made once), checkpoint.pt (written atomically, every two minutes),
    <id>.safetensors with its card <id>.md at the end; returns the path of the former. resume: go on from the
    checkpoint, also with another preset (more steps, say).
    Raises InputError for data, a preset or a checkpoint that does not fit.
    """
    if preset not in recipe.presets:
        raise InputError(f"{recipe.id} has no preset {preset!r}; choose one of {', '.join(recipe.presets)}.")
    if recipe.loss not in LOSSES:
        raise InputError(f"there is no loss {recipe.loss!r}; choose one of {', '.join(LOSSES)}.")
    bank = yield from build_bank(recipe.bank, data, out / "bank")
    run = _Run(recipe, recipe.presets[preset], bank, out, torch.device(device))
    if resume:
        run.restore()
    elif run.checkpoint.exists():
        raise InputError(f"{out} holds a checkpoint already; resume it, or give another folder.")
    yield from run.go()
    scores = {"validation": {recipe.loss: run.score}}
    metadata = _metadata(recipe, preset, scores, run.seconds, run.step, device)
    return store.save(out, recipe.id, run.averaged_state(), metadata)


class _Run:
    """The state of one training: network, running mean of its weights, optimiser, step, time, score."""

    def __init__(self, recipe: Recipe, preset: Preset, bank: Bank, out: Path, device: torch.device) -> None:
        self.recipe, self.preset, self.bank, self.device = recipe, preset, bank, device
        self.checkpoint = out / "checkpoint.pt"
        self.network = make_network(recipe).to(device)
        self.average = torch.optim.swa_utils.AveragedModel(self.network, multi_avg_fn=_running_mean, use_buffers=True)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), preset.learning_rate, weight_decay=0.0)
        self.loss = LOSSES[recipe.loss]
        self.step, self.seconds, self.score = 0, 0.0, math.inf
        self.held_out = min(_VALIDATION_CASES, max(len(bank) // 10, 1))
        if len(bank) <= self.held_out:
            raise InputError(f"the bank has {len(bank)} case; at least 2 are needed, one of them for validation.")

    def go(self) -> Job[None]:
        """The remaining steps."""
        started, saved, reported = time.monotonic() - self.seconds, time.monotonic(), 0.0
        running = math.nan
        while self.step < self.preset.steps:
            loss = self._take_step()
            running = loss if math.isnan(running) else 0.98 * running + 0.02 * loss
            self.step += 1
            self.seconds = time.monotonic() - started
            if self.step % self.preset.validate_every == 0 or self.step == self.preset.steps:
                self.score = self.validate()
            if time.monotonic() - saved > _CHECKPOINT_SECONDS or self.step == self.preset.steps:
                self.save()
                saved = time.monotonic()
            if time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                yield Progress(
                    self.step / self.preset.steps,
                    f"step {self.step}: loss {running:.4f}, validation {self.score:.4f}",
                    preview=self.score,
                )

    def validate(self) -> float:
        """The mean loss of the averaged weights over the held-out cases, in float32, with the same draws each time."""
        network = self.average.module.eval()
        with torch.no_grad():
            losses = [
                float(self.loss(network, self._example(number, rng), rng))
                for number in range(self.held_out)
                for rng in [np.random.default_rng((self.recipe.seed, _VALIDATION_SEED, number))]
            ]
        return sum(losses) / len(losses)

    def averaged_state(self) -> store.State:
        """The running mean of the weights."""
        state: store.State = self.average.module.state_dict()
        return state

    def save(self) -> None:
        """Write the checkpoint; one that is half written never replaces a whole one."""
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(self._state(), partial)
        partial.replace(self.checkpoint)

    def restore(self) -> None:
        """Go on from the checkpoint; InputError if there is none, or it is of another recipe."""
        if not self.checkpoint.exists():
            raise InputError(f"{self.checkpoint.parent} holds no checkpoint to resume; start without --resume.")
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["recipe"] != self._description():
            raise InputError(f"the checkpoint in {self.checkpoint.parent} is of another recipe; start anew.")
        for name in ("network", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds, self.score = state["step"], state["seconds"], state["score"]

    def _state(self) -> dict[str, Any]:
        modules = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimiser")}
        return modules | {
            "recipe": self._description(),
            "step": self.step,
            "seconds": self.seconds,
            "score": self.score,
        }

    def _description(self) -> str:
        return self.recipe.model_dump_json(exclude={"title", "presets", "notes"})

    def _take_step(self) -> float:
        """One update; a loss that is not finite stops the training, since its data must be at fault."""
        rng = np.random.default_rng((self.recipe.seed, self.step))
        self.network.train()
        total = 0.0
        for _ in range(self.preset.accumulate):
            example = self._example(int(rng.integers(self.held_out, len(self.bank))), rng)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.preset.precision == "bfloat16"):
                loss = self.loss(self.network, example, rng) / self.preset.accumulate
            if not torch.isfinite(loss):
                raise InputError(f"the loss became {loss.item()} in step {self.step}; check the training data for NaN.")
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = self.preset.learning_rate * self._schedule()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.average.update_parameters(self.network)
        return total

    def _schedule(self) -> float:
        """Linear warm-up, then half a cosine down to 1%."""
        warm_up = min(1.0, (self.step + 1) / (self.preset.warm_up + 1))
        return warm_up * (0.505 + 0.495 * math.cos(math.pi * self.step / self.preset.steps))

    def _example(self, number: int, rng: np.random.Generator) -> Example:
        example = draw_example(self.bank[number], self.recipe.masks, self.recipe.rows, rng)
        if self.device.type == "cpu":
            return example
        problem, model = example.problem, example.problem.model
        maps, mask = model.sensitivities.to(self.device), model.mask.to(self.device)
        moved = Problem(
            ForwardModel(maps, mask, model.dims), problem.data.to(self.device), problem.noise.to(self.device)
        )
        return Example(moved, example.truth.to(self.device), example.magnitude.to(self.device))


def _running_mean(mean: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
    """Exponential, faster at first so that the first weights are forgotten."""
    decay = min(_AVERAGE, (1 + int(count)) / (10 + int(count)))
    torch._foreach_lerp_(list(mean), list(current), 1 - decay)


def _metadata(
    recipe: Recipe, preset: str, scores: dict[str, dict[str, float]], seconds: float, steps: int, device: str
) -> store.Metadata:
    bank, masks = recipe.bank, recipe.masks
    return store.Metadata(
        title=recipe.title,
        trained_for=store.Domain(
            acceleration=masks.acceleration,
            noise=bank.noise,
            coils=bank.coils,
            matrix=bank.matrix,
            patterns=masks.patterns,
            anatomy=f"brain slices in all planes, simulated; held out: {', '.join(bank.exclude) or 'none'}",
        ),
        command=f"recon-robust train {recipe.id} --data FOLDER --preset {preset}",
        data=f"{bank.cases} simulated acquisitions from the NIfTI volumes in FOLDER (seed {bank.seed})",
        hardware=_hardware(device),
        seconds=seconds,
        steps=steps,
        scores=scores,
        architecture=recipe.arguments,
        notes=recipe.notes,
    )


def _hardware(device: str) -> str:
    if device.startswith("cuda"):
        return f"one {torch.cuda.get_device_name(device)}"
    cpu = f"{torch.get_num_threads()} thread(s) of a {os.cpu_count()}-core {platform.machine()} CPU"
    return f"{cpu}, no GPU" if device == "cpu" else f"{cpu} with {device}"
