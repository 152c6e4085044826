"""The package as these tests see it; nothing else here imports it, so that a new interface is followed in one place."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from inspect import signature
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

import napari_recon_robust as rr
from napari_recon_robust.cases.replay import replay
from napari_recon_robust.cli import cli
from napari_recon_robust.data.measurement import Calibration
from napari_recon_robust.ground.errors import ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import FORMATS
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.physics.sampling import PATTERNS
from napari_recon_robust.reconstructors import registry as methods
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.training import loop
from napari_recon_robust.weights import store

from .frozen import INPUTS, Arrays, read_arrays

WIDTH = 100  # of the terminal that help is printed to

Knobs = Mapping[str, Any]


def measurement(name: str, calibrated: bool = True) -> rr.Measurement:
    """One of inputs/measurements, with the calibration that was estimated from it then, or without."""
    stored = {
        key: torch.from_numpy(array) for key, array in read_arrays(INPUTS / "measurements" / f"{name}.npz").items()
    }
    rows, columns = stored["matrix"].tolist()
    kept = Calibration(stored["sensitivities"], stored["noise"]) if calibrated else None
    return rr.Measurement(stored["kspace"], stored["mask"], (rows, columns), full=stored.get("full"), kept=kept)


def calibration(name: str) -> Arrays:
    """What is estimated from one of inputs/measurements."""
    estimated = measurement(name, calibrated=False).calibration
    return {"sensitivities": estimated.sensitivities.numpy(), "noise": estimated.noise.numpy()}


def method_ids() -> list[str]:
    return methods.ids()


def method_knobs(id: str) -> Arrays:
    """Their names, kinds, defaults, ranges and choices, as text."""
    fields = ("name", "kind", "default", "minimum", "maximum", "scale", "choices", "live")
    rows = [[str(getattr(knob, field)) for field in fields] for knob in methods.get(id).knobs]
    return {"knobs": np.array(rows, dtype=np.str_).reshape(-1, len(fields))}


def weights_of(id: str) -> list[str]:
    """SHA-256 of all files of weights that the method may use."""
    return sorted(mark for mark in methods.get(id).fingerprint().values() if len(mark) == 64)


def reconstruct(id: str, measured: rr.Measurement, knobs: Knobs) -> np.ndarray:
    """The image; id: of a method, or a file of weights."""
    return rr.reconstructor(id)(measured, **knobs).detach().numpy()


def perturbation_ids() -> list[str]:
    return perturbations.ids()


def perturb(
    kind: str,
    measured: rr.Measurement,
    method: str,
    method_knobs: Knobs,
    roi: Sequence[int],
    budgets: Sequence[float],
    knobs: Knobs,
) -> Arrays:
    """What each budget came to: what was added to the samples, or the samples instead; what was spent; the search."""
    reconstructor = rr.reconstructor(method)
    found = rr.perturb(
        kind, measured, reconstructor, rr.ROI.box(*roi), budgets, reconstructor_knobs=method_knobs, **knobs
    )
    arrays: Arrays = {}
    for number, one in enumerate(found):
        changed, budget = one.measurement, one.budget
        nominal = np.nan if budget.nominal is None else budget.nominal
        arrays |= {
            f"{number}.budget": np.array([nominal, budget.achieved, budget.thermal, *budget.per_coil]),
            f"{number}.loss": np.array(one.loss, dtype=float),
            f"{number}.added" if one.additive else f"{number}.kspace": (
                one.perturbation if one.additive else changed.kspace
            ).numpy(),
        }
        if one.roi is not None:
            arrays[f"{number}.roi"] = one.roi.mask(measured.matrix).numpy()
        if not torch.equal(changed.mask, measured.mask):
            arrays[f"{number}.mask"] = changed.mask.numpy()
        if one.restore is not None:
            arrays[f"{number}.restored"] = one.restore(reconstructor(changed, **method_knobs)).numpy()
    return arrays


def help_pages() -> dict[str, str]:
    """`--help` of the program and of every command below it, by the command's words with dots between."""
    return dict(_pages((), cli))


def _pages(words: tuple[str, ...], command: click.Command) -> Iterator[tuple[str, str]]:
    result = CliRunner().invoke(
        cli, [*words, "--help"], prog_name="recon-robust", terminal_width=WIDTH, max_content_width=WIDTH
    )
    assert result.exit_code == 0, result.output
    lines = (line.rstrip() for line in result.output.splitlines())
    yield ".".join(("recon-robust", *words)), "\n".join(lines) + "\n"
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _pages((*words, name), below)


def public_names() -> list[str]:
    """What users and other packages write: names, parameters, attributes, groups of entry points, window commands."""
    names = [f"napari_recon_robust.{name}" for name in dir(rr)]
    classes = {"napari_recon_robust.reconstructors.base.Reconstructor": Reconstructor}
    for name in rr.__all__:
        thing = getattr(rr, name)
        if isinstance(thing, type):
            classes[f"napari_recon_robust.{name}"] = thing
        elif callable(thing):  # `reconstructors` is a package as well, which hides the function
            names += [f"napari_recon_robust.{name}({parameter})" for parameter in signature(thing).parameters]
    for name, kind in classes.items():
        own = {*dir(kind), *kind.__annotations__} - set(dir(BaseModel))
        names += [name, *(f"{name}.{attribute}" for attribute in own if not attribute.startswith("_"))]
    groups = (methods.registry.group, perturbations.registry.group, FORMATS.group)
    names += [f"entry points {group}" for group in groups]
    contributions = yaml.safe_load(resources.files(rr).joinpath("napari.yaml").read_text(encoding="utf-8"))
    names += [f"window command {one['id']}" for one in contributions["contributions"]["commands"]]
    names += [f"method {id}" for id in methods.ids()] + [f"perturbation {id}" for id in perturbations.ids()]
    return sorted(set(names))


def sampling_patterns() -> Arrays:
    """Masks of every pattern, 41 by 60, at two accelerations and seeds."""
    return {
        f"{pattern}.{acceleration}.{seed}": rr.Sampling(
            pattern=pattern, acceleration=acceleration, centre_fraction=0.1, seed=seed
        )
        .mask(41, 60)
        .numpy()
        for pattern in PATTERNS
        for acceleration, seed in ((3, 7), (4, "file1000.h5"))
    }


def sampling_weights() -> list[str]:
    """Of the learned lines."""
    return [store.load("loupe").sha256]


def replayed(folder: Path) -> tuple[float, str]:
    """How far the metrics of a saved case are from those that were saved, and a sentence."""
    result = run(replay(folder))
    return result.difference, result.summary()


def described(weights: Path) -> tuple[set[str], str]:
    """The names of a file's tensors, and the title in its header."""
    loaded = store.load(str(weights))
    return set(loaded.state), "" if loaded.metadata is None else loaded.metadata.title


def opens(weights: Path) -> bool:
    """Whether a method runs the file."""
    try:
        rr.reconstructor(str(weights))
    except ReconRobustError:
        return False
    return True


def resumed(run_folder: Path, preset: str, scratch: Path) -> Arrays:
    """The weights that a run ends with when it goes on from its checkpoint, in a copy of its folder."""
    folder = scratch / preset
    shutil.copytree(run_folder, folder)
    bank = folder / "bank"  # of a version that had no validation cases apart
    for case in sorted(bank.glob("case-*.safetensors")):
        shutil.copy(case, case.with_name(case.name.replace("case", "validation")))
    (bank / "sources.json").write_text('{"sources": [], "validation": "of the same cases"}', encoding="utf-8")
    recipe = loop.load_recipe(str(folder / "recipe.yaml")).model_copy(update={"stored": "float32"})  # as it was then
    path = run(loop.train(recipe, folder, folder, preset=preset, resume=True))
    return {name: tensor.numpy() for name, tensor in store.load(str(path)).state.items()}
