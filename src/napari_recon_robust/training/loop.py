"""The one training loop, for all recipes.

A recipe (recipes/<id>.yaml) names
  network: an id in `reconstructors.networks`, made with `arguments`; nothing else that a recipe says is imported;
  loss: an entry of `losses.LOSSES`, loss(network, example, rng) -> scalar; it calls network(example.problem);
  bank, masks, pixels: the data (`sources.BankSpecification`, `data.MaskSpecification`, pixels of a crop);
  presets: steps, learning rate, ... for "cpu" and "gpu".
A new architecture is a network whose `forward(problem: unrolled.Problem) -> complex64 (rows, columns)`, a line in the
table of networks, a loss where none fits, and one YAML file. Everything that is drawn at random in step n depends on
(seed, n) alone, so a run that was interrupted and resumed ends with the same weights as one that was not.
"""

import math
import os
import platform
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
import yaml
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from ..errors import InputError
from ..physics.model import ForwardModel
from ..progress import Job, Progress
from ..reconstructors import networks
from ..reconstructors.muon import optimisers
from ..reconstructors.unrolled import Problem
from ..specification import Specification
from ..weights import store
from .data import Bank, Case, Example, MaskSpecification, build_bank, draw_example
from .log import Log
from .losses import LOSSES, SELF_SUPERVISED, make_loss
from .sources import BankSpecification

_CHECKPOINT_SECONDS = 120.0
_VALIDATION_SEED, _EXAMPLES = 2**20, 2**21
_AVERAGE = 0.999  # decay of the running mean of the weights, which is what is validated and saved
_REPORT_SECONDS = 0.2
_LOG_STEPS = 20
_POOL = 16  # examples that are used in turn, where each is used in several steps


class Preset(Specification):
    """How long and how a recipe is trained on one kind of machine.

    precision: of the convolutions in training; weights, data consistency and validation stay in float32.
    accumulate: examples in a step. reuse: steps that see each example; drawing one (its mask, its classical start)
    can cost more than a step.
    muon: learning rate of hidden convolutions by `Muon`; None trains them by AdamW like all else.
    """

    steps: int = Field(gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    muon: float | None = Field(default=None, gt=0)
    reuse: int = Field(default=1, ge=1)
    warm_up: int = Field(default=200, ge=0)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    validate_every: int = Field(default=500, gt=0)


class Recipe(Specification):
    """Everything that determines a set of weights; the fields are explained at the head of this module.

    id: the name of the files that are written.
    stored: precision of the weights in their file; they are computed with in float32.
    start: parts of the network (submodules by their names, "" is all of it) that start from trained weights, an id of a
    shipped set or a file: tensors of the same name are taken.
    """

    id: str = Field(pattern=r"^\w[\w.-]*$")
    title: str
    network: Annotated[str, AfterValidator(networks.identify)]
    arguments: dict[str, Any]
    loss: str
    bank: BankSpecification
    masks: MaskSpecification = MaskSpecification()
    pixels: int = Field(default=16384, gt=0)
    seed: int = 0
    start: dict[str, str] = Field(default_factory=dict)
    stored: Literal["float32", "float16"] = "float32"
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
    """The recipe's network with its first weights, which depend on the seed, and on what it starts from.

    Raises InputError for arguments that do not fit, WeightsError for weights to start from that are missing, InputError
    for ones that do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = networks.make(recipe.network, recipe.arguments)
    for part, weights in recipe.start.items():
        try:
            own = network.get_submodule(part)
        except AttributeError:
            raise InputError(f"{recipe.id} has no part {part!r} that could start from {weights!r}.") from None
        found = {name: value for name, value in store.load(weights).state.items() if name in own.state_dict()}
        try:
            own.load_state_dict(found, strict=False)
        except RuntimeError:
            found = {}
        if not found:
            raise InputError(f"{recipe.id} cannot start from the weights {weights!r}: they are of another network.")
    return network


def train(
    recipe: Recipe, data: Path, out: Path, *, preset: str = "cpu", resume: bool = False, device: str = "cpu"
) -> Job[Path]:
    """Train a recipe on the volumes and scans in `data`; yields Progress whose preview is the last validation score.

    Keeps in `out`: bank/ (the cases, made once), checkpoint.pt (written atomically, every two minutes), log.csv (and
    tensorboard/ where that is installed), <id>.safetensors with its card <id>.md at the end; returns the path of the
    former. resume: go on from the checkpoint, also with another preset (more steps, say).
    Raises InputError for data, a preset or a checkpoint that does not fit. Undersampled scans fit losses alone that
    see no truth (`losses.SELF_SUPERVISED`).
    """
    if preset not in recipe.presets:
        raise InputError(f"{recipe.id} has no preset {preset!r}; choose one of {', '.join(recipe.presets)}.")
    if recipe.loss not in LOSSES:
        raise InputError(f"there is no loss {recipe.loss!r}; choose one of {', '.join(LOSSES)}.")
    self_supervised = recipe.loss in SELF_SUPERVISED
    bank = yield from build_bank(recipe.bank, data, out / "bank", undersampled=self_supervised)
    if bank.undersampled and not self_supervised:
        raise InputError(
            f"{out} holds cases of undersampled scans, and the loss {recipe.loss!r} needs the truth; give another "
            f"folder, or a recipe with one of the losses {', '.join(SELF_SUPERVISED)}."
        )
    run = _Run(recipe, recipe.presets[preset], bank, out, torch.device(device))
    if resume:
        run.restore()
    elif run.checkpoint.exists():
        raise InputError(f"{out} holds a checkpoint already; resume it, or give another folder.")
    yield from run.go()
    scores = {"validation": {recipe.loss: run.score}}
    metadata = _metadata(recipe, bank, preset, scores, run.seconds, run.step, device)
    return store.save(out, recipe.id, run.averaged_state(), metadata, half=recipe.stored == "float16")


class _Run:
    """The state of one training: network, running mean of its weights, optimiser, step, time, score."""

    def __init__(self, recipe: Recipe, preset: Preset, bank: Bank, out: Path, device: torch.device) -> None:
        self.recipe, self.preset, self.bank, self.device = recipe, preset, bank, device
        self.checkpoint = out / "checkpoint.pt"
        self.network = make_network(recipe).to(device)
        self.average = torch.optim.swa_utils.AveragedModel(self.network, multi_avg_fn=_running_mean, use_buffers=True)
        self.optimisers = optimisers(self.network, preset.learning_rate, preset.muon)
        self.loss = make_loss(recipe.loss, recipe.seed)
        if isinstance(self.loss, nn.Module):
            self.loss.to(device)
        self.step, self.seconds, self.score = 0, 0.0, math.inf
        self._drawn = lru_cache(_POOL)(self._draw)

    def go(self) -> Job[None]:
        """The remaining steps."""
        started, saved, reported = time.monotonic() - self.seconds, time.monotonic(), 0.0
        running, losses = math.nan, list[float]()
        with Log(self.checkpoint.parent, self.step) as log:
            while self.step < self.preset.steps:
                rate = self.preset.learning_rate * self._schedule()
                losses.append(self._take_step())
                running = losses[-1] if math.isnan(running) else 0.98 * running + 0.02 * losses[-1]
                self.step += 1
                self.seconds = time.monotonic() - started
                last = self.step == self.preset.steps
                validated = last or self.step % self.preset.validate_every == 0
                if validated:
                    self.score = self.validate()
                if validated or self.step % _LOG_STEPS == 0:
                    score = self.score if validated else None
                    log.write(self.step, sum(losses) / len(losses), score, rate, self.seconds)
                    losses.clear()
                if time.monotonic() - saved > _CHECKPOINT_SECONDS or last:
                    self.save()
                    saved = time.monotonic()
                if time.monotonic() - reported > _REPORT_SECONDS:
                    reported = time.monotonic()
                    yield Progress(
                        self.step / self.preset.steps,
                        f"step {self.step}: loss {running:.4f}, validation {self.score:.4f}",
                        preview=self.score,
                    )
        if math.isinf(self.score):  # resumed behind the last step, before any validation
            self.score = self.validate()

    def validate(self) -> float:
        """The mean loss of the averaged weights over the held-out cases, in float32, with the same draws each time."""
        network = self.average.module.eval()
        with torch.no_grad():
            losses = [
                float(self.loss(network, self._example(case, rng), rng))
                for number, case in enumerate(self.bank.validation)
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
        try:
            state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        except Exception as error:  # the unpickler raises whatever the bytes lead it to
            raise InputError(f"{self.checkpoint} is no checkpoint of tensors and numbers alone; start anew.") from error
        if state["recipe"] != self._description():
            raise InputError(f"the checkpoint in {self.checkpoint.parent} is of another recipe; start anew.")
        for name in ("network", "average"):
            getattr(self, name).load_state_dict(state[name])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        if isinstance(self.loss, nn.Module):
            self.loss.load_state_dict(state["loss"])
        self.step, self.seconds, self.score = state["step"], state["seconds"], state["score"]

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "loss": self.loss.state_dict() if isinstance(self.loss, nn.Module) else {},
            "recipe": self._description(),
            "step": self.step,
            "seconds": self.seconds,
            "score": self.score,
        }

    def _description(self) -> str:
        left_out = {"title", "presets", "notes", "stored"} | (set() if self.recipe.start else {"start"})
        return self.recipe.model_dump_json(exclude=left_out)

    def _take_step(self) -> float:
        """One update; a loss that is not finite stops the training, since its data must be at fault."""
        rng = np.random.default_rng((self.recipe.seed, self.step))
        self.network.train()
        total = 0.0
        for part in range(self.preset.accumulate):
            example = self._drawn(self._number(self.step * self.preset.accumulate + part))
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.preset.precision == "bfloat16"):
                loss = self.loss(self.network, example, rng) / self.preset.accumulate
            if not torch.isfinite(loss):
                raise InputError(f"the loss became {loss.item()} in step {self.step}; check the training data for NaN.")
            loss.backward()
            total += loss.item()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * self._schedule()
            optimiser.step()
        self.network.zero_grad(set_to_none=True)
        self.average.update_parameters(self.network)
        return total

    def _schedule(self) -> float:
        """Linear warm-up, then half a cosine down to 1%."""
        warm_up = min(1.0, (self.step + 1) / (self.preset.warm_up + 1))
        return warm_up * (0.505 + 0.495 * math.cos(math.pi * self.step / self.preset.steps))

    def _number(self, use: int) -> int:
        """Which example is used: pools of examples, each pool `reuse` times in turn."""
        if self.preset.reuse == 1:
            return use
        pool, position = divmod(use, _POOL * self.preset.reuse)
        return pool * _POOL + position % _POOL

    def _draw(self, number: int) -> Example:
        rng = np.random.default_rng((self.recipe.seed, _EXAMPLES, number))
        return self._example(self.bank[int(rng.integers(len(self.bank)))], rng)

    def _example(self, case: Case, rng: np.random.Generator) -> Example:
        example = draw_example(case, self.recipe.masks, self.recipe.pixels, rng)
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
    recipe: Recipe,
    bank: Bank,
    preset: str,
    scores: dict[str, dict[str, float]],
    seconds: float,
    steps: int,
    device: str,
) -> store.Metadata:
    wanted, masks = recipe.bank, recipe.masks
    ranges: dict[str, Any] = {"noise": wanted.noise, "coils": wanted.coils, "matrix": wanted.matrix}
    kinds = ", ".join(f"{count} {kind}" for kind, count in bank.origins.items()) or "simulated from NIfTI"
    anatomy = "brain slices in all planes, simulated" if bank.simulated else f"slices of {kinds}"
    return store.Metadata(
        title=recipe.title,
        trained_for=store.Domain(
            **({"acceleration": masks.acceleration} | (ranges if bank.simulated else bank.ranges())),
            patterns=masks.patterns,
            anatomy=f"{anatomy}; validation is {bank.record.validation}",
        ),
        command=f"recon-robust train {recipe.id} --data FOLDER --preset {preset}",
        data=f"{wanted.cases} acquisitions from FOLDER ({kinds}; seed {wanted.seed})",
        hardware=_hardware(device),
        seconds=seconds,
        steps=steps,
        scores=scores,
        network=recipe.network,
        architecture=recipe.arguments,
        notes=recipe.notes,
    )


def _hardware(device: str) -> str:
    if device.startswith("cuda"):
        return f"one {torch.cuda.get_device_name(device)}"
    cpu = f"{torch.get_num_threads()} thread(s) of a {os.cpu_count()}-core {platform.machine()} CPU"
    return f"{cpu}, no GPU" if device == "cpu" else f"{cpu} with {device}"
