"""One training: its state, its steps, and the checkpoints from which it goes on.

All random draws of step n depend only on (seed, n). So a run of a number of steps ends with the same weights whether it
was interrupted and resumed or not. A run of a number of minutes depends on the machine.
"""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..ground.errors import InputError
from ..ground.progress import Job, Progress, not_cancelled, relayed
from ..networks.muon import optimisers
from ..weights import store
from ..weights.metadata import Ancestor, SeenFile
from . import ancestors, checkpoint, machine, precision, schedule, seen
from .bank import Bank
from .batches import moved
from .drawing import Drawing, Draws
from .example import Example
from .log import Log, LogLine
from .losses import make_loss
from .recipe import Preset, Recipe, make_network
from .resuming import CHECKPOINT, DECAY, Resumed, reading
from .validation import Validation

_CHECKPOINT_SECONDS = 120.0
_AVERAGE = 0.999  # decay of the running mean of the weights; this mean is validated and saved
_REPORT_SECONDS = 0.2
_LOG_STEPS = 20
_POOL = 16  # examples that are used in turn, if each is used in several steps
# Attributes of a run that its checkpoint keeps as they are.
_KEPT = ("step", "seconds", "core_seconds", "score", "over_tv", "skipped", "returns", "rate", "curve")
_SKIPPED, _RETURNS = 5, 3  # steps in a row before a return to the last checkpoint, and such returns


class Run:
    """The state of one training: network, running mean of its weights, optimisers, step, times, scores."""

    def __init__(
        self,
        recipe: Recipe,
        preset: Preset,
        bank: Bank,
        out: Path,
        device: torch.device,
        weights: tuple[str, ...] = (),
        drawing: Drawing | None = None,
    ) -> None:
        self.recipe, self.preset, self.bank, self.device = recipe, preset, bank, device
        self.checkpoint, self.branch = out / CHECKPOINT, out / DECAY
        self.network = make_network(recipe, weights).to(device)
        self.average = torch.optim.swa_utils.AveragedModel(self.network, multi_avg_fn=_running_mean, use_buffers=True)
        self.optimisers = optimisers(self.network, preset.learning_rate, preset.muon, preset.weight_decay)
        self.loss = make_loss(recipe.loss, recipe.seed)
        if isinstance(self.loss, nn.Module):
            self.loss.to(device)
        self._drawing = drawing or Drawing(Draws(bank, recipe, preset.batch))
        self._validation = Validation(bank, recipe)
        self._drawn = lru_cache(_POOL)(self._draw)
        self.half = recipe.stored == "float16"
        self.decaying = False
        self.step, self.seconds, self.core_seconds = 0, 0.0, 0.0
        self.score = math.inf
        self.over_tv: float | None = None
        # skipped: steps whose loss or gradient was not finite; rate: factor of the preset's, halved by each return.
        self.skipped, self.returns, self.rate, self._bad = 0, 0, 1.0, 0
        self.curve: list[tuple[float, float, float | None]] = []
        self.history: list[dict[str, Any]] = []
        self.changed: dict[str, list[Any]] = {}
        starts = weights or tuple(recipe.start.values())
        self.learned = seen.by_weights(starts)  # what the weights have learned from before this call
        self.ancestors = ancestors.of_weights(starts)
        self.weights = ", ".join(f"{Path(start).name} (SHA-256 {store.load(start).sha256})" for start in starts)

    def go(self, budget: schedule.Budget) -> Job[None]:
        """Take the remaining steps of a budget, the last ones at a rate that decays to zero."""
        call = {"first": self.step, "version": machine.version(), "changed": self.changed, "start": self.weights}
        self.history.append(call | {"hardware": machine.hardware(self.device, self.preset)})
        begins = self.step == 0 and bool(self.weights)
        if begins:  # so that what the training brings can be told
            yield from self.validate()
            yield Progress(0.0, f"before the training: {self._scores()}", notice=True, preview=self.score)
        missed = self._missed(budget)
        if missed:
            with budget.outside():
                yield from self.validate(budget.spent(self.step))
        started, began = time.monotonic() - self.seconds, time.process_time() - self.core_seconds
        if not self.decaying:
            self.branch.unlink(missing_ok=True)
        self.save(budget)  # there is always one to go back to
        saved, reported, running = time.monotonic(), 0.0, math.nan
        losses = list[float]()
        spent, validated = budget.spent(self.step), False
        with Log(self.checkpoint.parent, self.step, self.decaying) as log:
            if begins or missed:
                log.write(self._line(math.nan, 0.0, validated=True))
            while spent < 1:
                if schedule.decays(spent, self.preset.decay) and not self.decaying:
                    self.save(budget)
                    self.decaying = True  # from here on into the branch
                    self.save(budget)
                rate = self.rate * schedule.rate(self.step, self.preset.warm_up, spent, self.preset.decay)
                loss = self._take_step(rate)
                if loss is not None:
                    losses.append(loss)
                    running = loss if math.isnan(running) else 0.98 * running + 0.02 * loss
                self.step += 1
                self.seconds, self.core_seconds = time.monotonic() - started, time.process_time() - began
                if self._bad == _SKIPPED:
                    self._return(budget)
                spent = budget.spent(self.step)
                last = spent >= 1
                if last:
                    self._end(budget)
                validated = last or self.step % self.preset.validate_every == 0
                if validated:
                    with nullcontext() if last else self._saved_if_closed(budget), budget.outside():
                        yield from self.validate(min(spent, 1.0))
                if validated or self.step % _LOG_STEPS == 0:
                    mean = sum(losses) / len(losses) if losses else math.nan
                    log.write(self._line(mean, rate * self.preset.learning_rate, validated))
                    losses.clear()
                if time.monotonic() - saved > _CHECKPOINT_SECONDS and not last and not self._bad:
                    self.save(budget)
                    saved = time.monotonic()
                if time.monotonic() - reported > _REPORT_SECONDS:
                    reported = time.monotonic()
                    with self._saved_if_closed(budget):
                        yield Progress(min(spent, 1.0), self._words(min(spent, 1.0), running), preview=self.score)
            yield from self._finish(budget, validated, log)

    def _finish(self, budget: schedule.Budget, validated: bool, log: Log) -> Job[None]:
        """Score what no step has, and tell a call that had no time for a decay; InputError for a score of NaN."""
        if not validated:  # resumed at the end, or too short a time
            if isinstance(budget, schedule.Minutes) and not self.decaying:
                raise InputError("no step fits into this time; give more minutes.")
            self._end(budget)
            yield from self.validate(1.0)
            log.write(self._line(math.nan, 0.0, validated=True))
        elif isinstance(budget, schedule.Minutes) and not self.decaying:
            words = f"there was no time for a step of {self.recipe.id} at a decaying rate; go on with more minutes"
            yield Progress(1.0, words, notice=True)
        if not math.isfinite(self.score):
            raise InputError(
                f"the validation of {self.recipe.id} is {self.score}; check the training data for NaN, or give lower "
                "learning rates."
            )

    @contextmanager
    def _saved_if_closed(self, budget: schedule.Budget) -> Iterator[None]:
        """Whoever cancels the training loses no step of it."""
        try:
            yield
        except GeneratorExit:
            if not self._bad:
                self.save(budget)
            raise

    def _missed(self, budget: schedule.Budget) -> bool:
        """Whether the run was ended within a validation that was due at the step from which it goes on."""
        due = self.step > 0 and self.step % self.preset.validate_every == 0 and budget.spent(self.step) < 1
        return due and (not self.curve or self.curve[-1][0] < self.seconds / 3600)

    def validate(self, spent: float = 0.0) -> Job[None]:
        """Set the scores of the averaged weights on the validation cases (`Validation.scores`).

        spent: the share of the budget, of which the steps tell.
        """

        def told(step: Progress) -> Progress:
            return Progress(spent, f"step {self.step}, {spent:.0%}: {step.message}")

        scores = self._validation.scores(self.average.module.eval(), self.loss, self.device)
        self.score, self.over_tv = yield from relayed(scores, told)
        self.curve.append((self.seconds / 3600, self.score, self.over_tv))

    @property
    def volumes(self) -> list[SeenFile]:
        """The files of the bank, and those that the weights have learned from before."""
        return seen.together(self.bank.record.sources, self.learned)

    def averaged_state(self) -> store.State:
        """The running mean of the weights."""
        state: store.State = self.average.module.state_dict()
        return state

    def save(self, budget: schedule.Budget) -> None:
        """Write the checkpoint, or, while the rate decays, the checkpoint of the decay, also of a cancelled run."""
        with not_cancelled():
            checkpoint.write(self.branch if self.decaying else self.checkpoint, self._state(budget))

    def restore(self, found: Resumed) -> None:
        """Go on from a checkpoint of this network; InputError if its tensors cannot be taken over."""
        self.weights = ""  # they are in the checkpoint's history
        self.changed, self.decaying = found.changed, found.decaying
        with reading(found.path):
            self._load(found.state)

    def close(self) -> None:
        """Note the end of the call in the checkpoint, which a later call may continue, and remove that of the decay.

        A later call has all returns again, at the rates that were found low enough.
        """
        state = checkpoint.read(self.checkpoint, torch.device("cpu"))
        checkpoint.write(self.checkpoint, state | {"history": self.history_so_far(), "returns": 0})
        self.branch.unlink(missing_ok=True)

    def _load(self, state: dict[str, Any]) -> None:
        """Optimisers and losses take their state if they are of the same kind; their settings are the recipe's."""
        for name in ("network", "average"):
            getattr(self, name).load_state_dict(state[name])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=False):
            groups = optimiser.state_dict()["param_groups"]
            if [group["params"] for group in groups] == [group["params"] for group in saved["param_groups"]]:
                optimiser.load_state_dict({**saved, "param_groups": groups})
        if isinstance(self.loss, nn.Module) and self.loss.state_dict().keys() == state["loss"].keys():
            self.loss.load_state_dict(state["loss"])
        for name in (*_KEPT, "history"):  # the first checkpoints lack some
            setattr(self, name, state.get(name, getattr(self, name)))
        self.curve, self.history = list(self.curve), list(self.history)
        if "learned" in state:
            self.learned = [SeenFile(**one) for one in state["learned"]]
        if "ancestors" in state:
            self.ancestors = [Ancestor(**one) for one in state["ancestors"]]

    def _state(self, budget: schedule.Budget) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "loss": self.loss.state_dict() if isinstance(self.loss, nn.Module) else {},
            "recipe": checkpoint.description(self.recipe, self.preset),
            "budget": budget.state(self.step),
            "history": self.history_so_far(),
            "ancestors": [one.model_dump() for one in self.ancestors],
            "learned": [file.model_dump() for file in self.volumes if file.use == "training"],
            **{name: getattr(self, name) for name in _KEPT},
        }

    def history_so_far(self) -> list[dict[str, Any]]:
        """The history, with what the present call has done so far."""
        scores = {"score": self.score, "over_tv": self.over_tv}
        hours = {"hours": self.seconds / 3600, "core_hours": self.core_seconds / 3600}
        return [*self.history[:-1], {**self.history[-1], "last": self.step, **hours, **scores}]

    def _return(self, budget: schedule.Budget) -> None:
        """Return to the last checkpoint and halve the learning rates from there on.

        The time spent stays spent, while a budget of steps is that of the steps that are left at the checkpoint.
        InputError after too many returns. Then a later call, with mended data or lower rates, has all of them again,
        and its rates in full.
        """
        path = self.branch if self.decaying else self.checkpoint
        state = checkpoint.read(path, self.device)
        if self.returns == _RETURNS:
            checkpoint.write(path, state | {"returns": 0, "rate": 1.0})
            raise InputError(
                f"the loss of {self.recipe.id} was not finite in {_SKIPPED} steps in a row, and again after {_RETURNS} "
                "returns to the last checkpoint, each at half the rate; check the training data for NaN, or give lower "
                "learning rates."
            )
        spent = self.seconds, self.core_seconds, self.skipped, self.returns + 1, self.rate / 2
        self._load(state)
        self.seconds, self.core_seconds, self.skipped, self.returns, self.rate = spent
        self._bad = 0
        self.save(budget)

    def _take_step(self, rate: float) -> float | None:
        """Update at a share of the learning rates and return the loss; None, without update, if it is not finite."""
        rng = np.random.default_rng((self.recipe.seed, self.step))
        self.network.train()
        total = 0.0
        for part in range(self.preset.accumulate):
            example = self._drawn(self._number(self.step * self.preset.accumulate + part))
            with precision.autocast(self.preset, self.device):
                loss = self.loss(self.network, example, rng) / self.preset.accumulate
            total += loss.item()
            if not math.isfinite(total):
                break
            loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        if not math.isfinite(total) or not bool(torch.isfinite(norm)):
            self.network.zero_grad(set_to_none=True)
            self.skipped, self._bad = self.skipped + 1, self._bad + 1
            return None
        self._bad = 0
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = optimiser.defaults["lr"] * rate
            optimiser.step()
        self.network.zero_grad(set_to_none=True)
        self.average.update_parameters(self.network)
        return total

    @torch.no_grad()
    def _end(self, budget: schedule.Budget) -> None:
        """Round the averaged weights to the precision of their file, so that the stored weights are validated.

        Where the rate fell all the time, nothing that was learned lies before the decay: later calls go on from here.
        """
        if not (self.decaying and self._bad):  # as it is before the rounding, should the validation be cancelled
            self.save(budget)
        if self.decaying and self.preset.decay == 1:
            checkpoint.write(self.checkpoint, self._state(budget))
        if self.half:
            for value in self.average.module.state_dict().values():
                if value.dtype == torch.float32:
                    value.copy_(value.half())

    def _number(self, use: int) -> int:
        """The number of the example for a use: examples come in pools, and each pool is used `reuse` times."""
        if self.preset.reuse == 1:
            return use
        pool, position = divmod(use, _POOL * self.preset.reuse)
        return pool * _POOL + position % _POOL

    def _draw(self, number: int) -> Example:
        return moved(self._drawing[number], self.device)

    def _line(self, loss: float, rate: float, validated: bool) -> LogLine:
        return LogLine(
            step=self.step,
            hours=self.seconds / 3600,
            phase="decay" if self.decaying else "",
            loss=loss,
            validation=self.score if validated else None,
            nmse_over_tv=self.over_tv if validated else None,
            learning_rate=rate,
            skipped=self.skipped,
            core_hours=self.core_seconds / 3600,
        )

    def _words(self, spent: float, loss: float) -> str:
        """How far the run is, for a line of a log too; a score is said once there is one."""
        words = f"step {self.step}, {spent:.0%}: loss {loss:.3g}"
        if math.isfinite(self.score):
            words += f", {self._scores()}"
        return f"{words}, {self.skipped} steps skipped" if self.skipped else words

    def _scores(self) -> str:
        return f"validation {self.score:.4g}" + ("" if self.over_tv is None else f", NMSE {self.over_tv:.3f} of TV's")


def _running_mean(mean: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
    """Update an exponential mean, faster at first, so that the first weights are forgotten."""
    if not (mean[0].is_floating_point() or mean[0].is_complex()):  # counts, as of batch normalization
        torch._foreach_copy_(list(mean), list(current))
        return
    decay = min(_AVERAGE, (1 + int(count)) / (10 + int(count)))
    torch._foreach_lerp_(list(mean), list(current), 1 - decay)
