"""The weights that a run saves, with what their card says of it."""

from pathlib import Path
from typing import Any

from ..weights import store
from ..weights.metadata import Domain, Metadata, Stretch
from . import machine
from .run import Run

_SIMULATOR = "Training, validation and simulated tests share one simulator of coils, phase and noise."
_NOISY = "The reference of a scan holds the noise of the samples that the network gets."


def save_weights(run: Run, command: str, path: Path) -> None:
    """Write the averaged weights and their card. command: what the card says they were trained by."""
    store.save(path.parent, path.stem, run.averaged_state(), _metadata(run, command), half=run.half)


def _metadata(run: Run, command: str) -> Metadata:
    recipe, bank = run.recipe, run.bank
    wanted, masks = recipe.bank, recipe.masks
    ranges: dict[str, Any] = {"noise": wanted.all_noise, "coils": wanted.coils, "matrix": wanted.matrix}
    ranges = ranges if bank.simulated else bank.ranges()
    kinds = ", ".join(f"{count} {kind}" for kind, count in bank.origins.items()) or "simulated from NIfTI"
    anatomy = "slices in all planes of the volumes below, simulated" if bank.simulated else f"slices of {kinds}"
    replaced = f", replaced one after the other by {made}" if (made := bank.drawn - wanted.cases) > 0 else ""
    earlier = len(run.volumes) - len(bank.record.sources)
    before = f"; the weights had learned from {earlier} of the volumes below before" if earlier else ""
    scores = {recipe.loss: run.score} | ({} if run.over_tv is None else {"NMSE / TV's": run.over_tv})
    return Metadata(
        title=recipe.title,
        trained_for=Domain(
            **({"acceleration": masks.reached(int(ranges["coils"][1]))} | ranges),
            patterns=() if bank.all_undersampled else masks.patterns,
            anatomy=f"{anatomy}; validation is {bank.record.validation}",
        ),
        command=command,
        data=f"{wanted.cases} acquisitions from FOLDER ({kinds}; seed {wanted.seed}){replaced}{before}",
        volumes=tuple(run.volumes),
        hardware="; then ".join(dict.fromkeys(filter(None, (one.get("hardware") for one in run.history)))),
        seconds=run.seconds,
        core_seconds=run.core_seconds,
        steps=run.step,
        skipped=run.skipped,
        version=machine.version(),
        scores={"validation": scores},
        curve=tuple(run.curve),
        history=tuple(Stretch(**one) for one in run.history_so_far()),
        ancestors=tuple(run.ancestors),
        network=recipe.network,
        architecture=recipe.arguments,
        notes=" ".join(filter(None, (recipe.notes, _SIMULATOR if bank.simulated else _NOISY))),
    )
