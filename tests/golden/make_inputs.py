"""How the inputs were made, at commit 8fa70a4: `python -m tests.golden.make_inputs`, into an empty inputs/.

Their use is that they were written by the code of that day, and this module needs not run with later code. Only the
cases were made again, when sensitivities came from other kernels: a replay estimates them anew. In the rotation's the
fully sampled image was measured again, when it was brought back with its phase.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import nibabel
import numpy as np
import torch
import yaml
from click.testing import CliRunner

from napari_recon_robust.cli import cli
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import run
from napari_recon_robust.networks.fastmri_layout import FastMRIUNet, FastMRIVarNet
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.generative.gan_prior import PriorNetwork
from napari_recon_robust.reconstructors.generative.posterior import Denoiser
from napari_recon_robust.reconstructors.learned.cascade_net import CascadeNetwork
from napari_recon_robust.reconstructors.learned.hqs_net import HQSNetNetwork
from napari_recon_robust.reconstructors.learned.hqs_supervised import SupervisedHQSNetwork
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperReconNetwork
from napari_recon_robust.reconstructors.learned.hyperrecon_supervised import SupervisedHyperReconNetwork
from napari_recon_robust.reconstructors.learned.irim import IRIMNetwork
from napari_recon_robust.reconstructors.learned.neumann import NeumannNetwork
from napari_recon_robust.reconstructors.learned.unet import TrainableUNet
from napari_recon_robust.reconstructors.learned.unet_joint import ComplexUNet
from napari_recon_robust.reconstructors.learned.unrolled_gd import GradientDescentNetwork
from napari_recon_robust.reconstructors.learned.varnet import TrainableVarNet
from napari_recon_robust.simulation.acquisition import SimulatedSlice, simulate_slice
from napari_recon_robust.training import loop
from napari_recon_robust.training.loupe import LOUPENetwork
from napari_recon_robust.weights import store
from napari_recon_robust.weights.metadata import Domain, Metadata

from .frozen import INPUTS, write_arrays, write_index

WIDTHS = {"widths": [6, 4]}
TERMS = ["improvement", "consistency", "sharpness"]
# id: (network, arguments, size of what is added to its first weights)
NETWORKS: dict[str, tuple[type[torch.nn.Module], dict[str, Any], float]] = {
    "cascade-net": (CascadeNetwork, {"cascades": 2, "width": 6}, 0.05),
    "dagan": (ComplexUNet, WIDTHS, 0.05),
    "gan-prior": (PriorNetwork, {"widths": [8, 6, 4]}, 0.02),
    "hqs-net": (HQSNetNetwork, {"unrolls": 2, "width": 6, "weight": 0.002, "mix": 0.25}, 0.05),
    "hqs-supervised": (SupervisedHQSNetwork, {"unrolls": 2, **WIDTHS}, 0.05),
    "hyperrecon": (HyperReconNetwork, {"unrolls": 2, "convolutions": 3, "width": 4, "features": 2}, 0.02),
    "hyperrecon-supervised": (
        SupervisedHyperReconNetwork,
        {"unrolls": 2, **WIDTHS, "terms": TERMS, "conditioning": "scale-and-shift", "features": 4},
        0.05,
    ),
    "irim": (IRIMNetwork, {"steps": 2, "channels": 34, "strides": [1, 2], "width": 4}, 0.02),
    "loupe": (LOUPENetwork, {"cascades": 1, "width": 8, "accelerations": [2, 4, 8], "grid": 9}, 0.1),
    "neumann": (NeumannNetwork, {"terms": 3, **WIDTHS}, 0.05),
    "neumann-preconditioned": (NeumannNetwork, {"terms": 3, **WIDTHS, "preconditioned": True}, 0.05),
    "posterior": (Denoiser, WIDTHS, 0.05),
    "unet": (TrainableUNet, {"channels": 4, "pools": 2}, 0.05),
    "unrolled-gd": (GradientDescentNetwork, {"blocks": 3, **WIDTHS}, 0.05),
    "varnet": (TrainableVarNet, {"cascades": 2, "channels": 4, "pools": 1, "sensitivity": [4, 1]}, 0.05),
    "varnet-learned": (
        TrainableVarNet,
        {"cascades": 2, "channels": 4, "pools": 1, "sensitivity": [4, 1], "learned": True},
        0.05,
    ),
}


def head(rows: int, columns: int) -> np.ndarray:
    """An ellipse with a rim, discs and lines."""
    row, column = np.mgrid[-1 : 1 : 1j * rows, -1 : 1 : 1j * columns]
    image = 0.9 * (np.hypot(row / 0.85, column / 0.75) < 1) - 0.4 * (np.hypot(row / 0.75, column / 0.65) < 1)
    image += 0.3 * (np.hypot(row + 0.2, column - 0.2) < 0.18) - 0.2 * (np.hypot(row - 0.2, column + 0.2) < 0.2)
    return image + 0.1 * (np.abs(image - 0.5) < 0.01) * (np.sin(14 * (row + column)) > 0)


def simulated(rows: int, columns: int, coils: int, seed: int, oversampling: int = 1) -> SimulatedSlice:
    rng = np.random.default_rng(seed)
    return simulate_slice(head(rows, columns), rng, coils=coils, noise_level=0.01, oversampling=oversampling)


def make_measurements(folder: Path) -> None:
    """The seeds are those, of a dozen, whose calibration depends least on the last bits of the samples."""
    lines = Sampling(acceleration=3, minimum_centre_lines=10).mask(96, 48)
    keep(folder / "lines.npz", simulated(48, 48, coils=4, seed=17, oversampling=2), lines, (48, 48))
    disc = Sampling(pattern="poisson-disc", acceleration=2.5, centre_fraction=0.25, seed=5).mask(45, 51)
    keep(folder / "plane.npz", simulated(45, 51, coils=5, seed=12), disc, (41, 47))
    few = Sampling(acceleration=2, minimum_centre_lines=10).mask(26, 30)
    keep(folder / "small.npz", simulated(26, 30, coils=3, seed=12), few, (26, 30), full=True)


def keep(path: Path, one: SimulatedSlice, mask: torch.Tensor, matrix: tuple[int, int], full: bool = False) -> None:
    """The samples, what was estimated from them, and where asked for the full k-space."""
    measured = Measurement(one.kspace * mask, mask, matrix)
    estimated = measured.calibration
    arrays = {
        "kspace": measured.kspace,
        "mask": mask,
        "matrix": torch.tensor(matrix),
        "sensitivities": estimated.sensitivities,
        "noise": estimated.noise,
    }
    if full:
        arrays["full"] = one.kspace
    write_arrays(path, {name: array.numpy() for name, array in arrays.items()})


def make_weights(folder: Path) -> None:
    domain = Domain(
        acceleration=(2, 6), noise=(0.001, 0.02), coils=(3, 4), matrix=(26, 48), patterns=("equispaced",), anatomy=""
    )
    for id, (kind, arguments, size) in NETWORKS.items():
        metadata = Metadata(
            title=f"{id}, random",
            trained_for=domain,
            command="",
            data="",
            hardware="",
            seconds=0,
            steps=0,
            network=f"{kind.__module__.rsplit('.', 1)[1]}:{kind.__name__}",
            architecture=arguments,
        )
        half = id in ("dagan", "gan-prior")  # as their recipes store them
        store.save(folder, id, randomised(kind(**arguments), size), metadata, half=half)
        (folder / f"{id}.md").unlink()
    # As fastMRI publishes them: a state dict, no description.
    torch.save({"state_dict": randomised(FastMRIUNet(1, 1, 4, 2), 0.05)}, folder / "published-unet.pt")
    torch.save(randomised(FastMRIVarNet(2, 4, 1, (4, 1)), 0.05), folder / "published-varnet.pt")


def randomised(network: torch.nn.Module, size: float) -> store.State:
    """All weights a little off their first values, so that nothing vanishes."""
    for parameter in network.parameters():
        parameter.data += size * torch.randn_like(parameter)
    return network.state_dict()


def make_run(folder: Path) -> None:
    """A run that has ended after four steps, with its bank and its checkpoint."""
    x, y, z = np.mgrid[-1:1:48j, -1:1:48j, -1:1:48j]
    radius = np.sqrt((x / 0.7) ** 2 + (y / 0.85) ** 2 + (z / 0.8) ** 2)
    volume = 1.0 * (radius < 1) - 0.5 * (radius < 0.85) + 0.4 * (np.hypot(x - 0.2, y + 0.1) < 0.2) * (radius < 0.8)
    preset = {"learning_rate": 0.001, "muon": 0.01, "warm_up": 2, "validate_every": 100, "precision": "float32"}
    recipe = {
        "id": "small",
        "title": "a small network",
        "network": "hqs_supervised:HQSNetwork",
        "arguments": {"unrolls": 1, **WIDTHS},
        "loss": "improvement",
        "bank": {"cases": 2, "seed": 3, "coils": [4, 4], "matrix": [24, 32], "minimum_centre_lines": 8},
        "pixels": 600,
        "seed": 5,
        "presets": {"here": {**preset, "steps": 4}, "further": {**preset, "steps": 6}},
    }
    folder.mkdir()
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8", newline="\n")
    with TemporaryDirectory() as data:
        nibabel.save(nibabel.Nifti1Image((1000 * volume).astype(np.int16), np.eye(4)), Path(data) / "head.nii.gz")
        run(loop.train(loop.load_recipe(str(folder / "recipe.yaml")), Path(data), folder, preset="here"))
    for made in folder.iterdir():
        if made.name not in ("recipe.yaml", "checkpoint.pt", "bank"):
            made.unlink() if made.is_file() else shutil.rmtree(made)


# What each kind is saved with beside --roi; for the others that is all.
OPTIONS = {
    "worst-case": ["--budget", "0.01,0.03", "--steps", "2"],
    "targeted": ["--budget", "0.02", "--steps", "2"],
    "image-domain": ["--budget", "0.02", "--steps", "3"],
    "fnaf": ["--at", "8,11", "--sensitivities", "kept"],
    "rotation": ["--angle", "1"],
    "other-mask": ["--other-centre", "0.25"],
    "random": ["--budget", "0.02"],
}


def make_cases(folder: Path) -> None:
    """By the command line, of a raw array and with a classical method, whose images do not depend on weights."""
    folder.mkdir(parents=True)
    with TemporaryDirectory() as scratch:
        scan = Path(scratch) / "scan.npy"
        np.save(scan, simulated(18, 22, coils=2, seed=13).kspace.numpy()[:, None])
        for kind in perturbations.ids():
            method = "tv" if kind == "worst-case" else "cg-sense"
            words = ["perturb", kind, str(scan), "--axes", "coil,slice,readout,phase", "--method", method]
            words += ["--pattern", "equispaced", "--acceleration", "2", "--centre-fraction", "0.3"]
            words += ["--roi", "5,8,7,6", "--seed", "3", *OPTIONS.get(kind, []), "--output", str(folder / kind)]
            result = CliRunner().invoke(cli, words)
            if result.exit_code:
                raise RuntimeError(f"{kind}: {result.output}") from result.exception
            click.echo(f"{kind}: {result.output}")


def main() -> None:
    """Everything that is not there yet."""
    torch.set_num_threads(1)
    torch.manual_seed(8)
    for name, make in {
        "measurements": make_measurements,
        "weights": make_weights,
        "training": make_run,
        "cases": make_cases,
    }.items():
        if not (INPUTS / name).exists():
            make(INPUTS / name)
            click.echo(f"made {name}")
    write_index({})


if __name__ == "__main__":
    main()
