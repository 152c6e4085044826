"""How a recipe is trained: its cases, one run of steps (`run`), and the weights with their card (`card`).

The folder of a run holds checkpoint.pt, whose weights are never decayed unless all steps are. While the learning rate
decays at the end of a call it also holds decay.pt. So the training can always be continued (`schedule`).
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import torch

from ..ground.errors import InputError
from ..ground.guard import shown
from ..ground.locks import locked
from ..ground.progress import Job, Progress, not_cancelled
from ..ground.writing import WritingError, keep, said, try_place
from ..weights.metadata import SeenFile
from . import schedule, seen
from .bank import Bank, build_bank
from .card import save_weights
from .drawing import Drawing, Draws
from .losses import LOSSES, SELF_SUPERVISED
from .recipe import Preset, Recipe, load_recipe, make_network, recipes
from .refresh import Making, start_filling, start_refreshing
from .resuming import CHECKPOINT, Resumed, find_checkpoint
from .run import Run
from .trial import check_loss

__all__ = ["LOSSES", "Bank", "Preset", "Recipe", "load_recipe", "make_network", "recipes", "train"]


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    *,
    preset: str = "cpu",
    minutes: float | None = None,
    resume: bool = False,
    weights: tuple[str, ...] = (),
    bank: Path | None = None,
    fresh: int = 0,
    device: str = "cpu",
) -> Job[Path]:
    """Train a recipe on the volumes and scans in `data`; yields Progress whose preview is the last validation score.

    minutes: how long to train, by the clock; None takes the preset's steps. resume: go on from the checkpoint, also
    for another time, or finish an interrupted decay. weights: those to start from, ids of shipped sets or files; their
    mean, if there are several. bank: the folder of the cases, `out`/bank if None; recipes of the same bank may share
    one. fresh: the number of processes that meanwhile replace the cases by new ones (`refresh`); an interrupted run
    then ends with other weights.

    `out` holds bank/ (the cases, made once), checkpoint.pt (written atomically, every two minutes), log.csv (and
    tensorboard/ if that is installed), and at the end <id>.safetensors with its card <id>.md; returns the path of the
    former.
    Raises InputError for data, a preset, weights or a checkpoint that does not fit, a folder that another run trains
    in, and losses that stay not finite. Undersampled scans can only be used with losses that see no truth
    (`losses.SELF_SUPERVISED`). Raises WritingError for a folder that cannot be written; weights that are trained by
    then are saved elsewhere.
    """
    chosen = recipe.preset(preset)
    if minutes is not None and not 0 < minutes < math.inf:
        raise InputError(f"minutes are {minutes}; give a time above 0.")
    if resume and weights:
        raise InputError("a run goes on from its checkpoint or starts from weights, not both; leave one out.")
    place, lock = bank or out / "bank", out / "run.lock"
    with _leaving_no_folders(out, place):
        try_place(out / CHECKPOINT)
        used = check_loss(recipe, weights, chosen)
        with locked(lock, f"another run trains in {shown(out)}; wait for it, stop it, or give another folder."):
            budget: schedule.Budget = schedule.Steps(chosen.steps) if minutes is None else schedule.Minutes(minutes)
            found = yield from _checkpoint(recipe, chosen, out, budget, device, resume)
            learned = _learned(recipe, weights, found)
            drawing_processes = _others(device, fresh)
            cases = yield from _bank(recipe, data, place, max(drawing_processes, fresh), learned)
            drawing = Drawing(Draws(cases, recipe, chosen.batch, used), drawing_processes)
            run = Run(recipe, chosen, cases, out, torch.device(device), weights, drawing)
            if found:
                run.restore(found)
                budget, found = found.budget, None  # its tensors are not held beside those of the run
            with _refreshed(place, data, fresh), closing(drawing):
                with _written(out):
                    yield from run.go(budget)
                command = _command(recipe, preset, minutes, resume, weights, fresh)
                path = out / f"{recipe.id}.safetensors"
                with not_cancelled():
                    keep(path, partial(save_weights, run, command))
                    with _written(out):
                        run.close()
            return path


@contextmanager
def _leaving_no_folders(*folders: Path) -> Iterator[None]:
    """If it fails, remove these folders and those above again, where they were not there and hold nothing."""
    paths = {path for folder in folders for path in (folder, *folder.parents) if not os.path.lexists(path)}
    try:
        yield
    except BaseException:
        for path in sorted(paths, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):
                path.rmdir()
        raise


def _checkpoint(
    recipe: Recipe, preset: Preset, out: Path, budget: schedule.Budget, device: str, resume: bool
) -> Job[Resumed | None]:
    """The checkpoint to resume; notices tell how its recipe differs. InputError if a new run would replace one."""
    if resume:
        found = find_checkpoint(recipe, preset, out, budget, torch.device(device))
        for name, (before, now) in found.changed.items():
            yield Progress(0.0, f"the checkpoint's recipe had {name} {before}; now {now}", notice=True)
        return found
    if (out / CHECKPOINT).exists():
        raise InputError(f"{shown(out)} holds a checkpoint already; resume it, or give another folder.")
    return None


def _learned(recipe: Recipe, weights: tuple[str, ...], found: Resumed | None) -> list[SeenFile]:
    """The files that the first weights of this call have learned from; the first checkpoints do not name theirs."""
    if found and "learned" in found.state:
        return [SeenFile(**one) for one in found.state["learned"]]
    return seen.by_weights(weights or recipe.start.values())


def _others(device: str, fresh: int) -> int:
    """How many processes draw the examples for a GPU: one for each core that is left. A processor draws its own."""
    if device == "cpu":
        return 0
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed - 1 - fresh)


def _command(
    recipe: Recipe, preset: str, minutes: float | None, resume: bool, weights: tuple[str, ...], fresh: int
) -> str:
    """The command of the last call, for the card, which also says what came before it.

    A recipe that is not the package's is named as a file.
    """
    packaged = recipe.id in recipes() and load_recipe(recipe.id) == recipe
    start = "".join(f" --from {Path(one).name}" for one in weights)
    parts = (
        f"recon-robust train {recipe.id}{'' if packaged else '.yaml'} --data FOLDER --preset {preset}",
        "" if minutes is None else f" --minutes {minutes:g}",
        " --resume" if resume else "",
        " --from-shipped" if weights == (recipe.id,) else start,
        f" --fresh {fresh}" if fresh else "",
    )
    return "".join(parts)


@contextmanager
def _refreshed(folder: Path, data: Path, processes: int) -> Iterator[None]:
    """Replace cases by new ones meanwhile; InputError if that failed and nothing else did."""
    refreshing = start_refreshing(folder, data, processes)
    failure = None
    with _stopping(refreshing):
        try:
            yield
        finally:
            failure = refreshing.failure()
    if failure is not None:
        raise InputError(f"the network is trained and saved, but its cases were not made afresh: {failure}")


@contextmanager
def _stopping(making: Making) -> Iterator[None]:
    """Stop these processes at the end, however it comes."""
    try:
        yield
    finally:
        making.stop()


def _bank(recipe: Recipe, data: Path, folder: Path, helpers: int, learned: Sequence[SeenFile]) -> Job[Bank]:
    """The cases of a recipe; InputError for undersampled ones that its loss cannot learn from.

    helpers: processes that help to make those that are missing. What is wrong with the data is said by this one.
    learned: the files that the weights have learned from (`build_bank`).
    """
    self_supervised = recipe.loss in SELF_SUPERVISED
    missing = recipe.bank.cases - len(Bank(folder))
    with _stopping(start_filling(folder, data, min(helpers, missing), self_supervised)):
        bank = yield from build_bank(recipe.bank, data, folder, self_supervised, learned)
    if bank.undersampled and not self_supervised:
        raise InputError(
            f"{shown(folder.parent)} holds cases of undersampled scans, and the loss {recipe.loss!r} needs the truth; "
            f"give another folder, or a recipe with one of the losses {', '.join(SELF_SUPERVISED)}."
        )
    return bank


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """Add to an error on writing a file of the run what is kept."""
    try:
        with said(folder):
            yield
    except WritingError as error:
        raise WritingError(
            f"the run in {folder} cannot be written ({error.reason}); its last checkpoint is whole: go on by --resume.",
            error.reason,
        ) from None
