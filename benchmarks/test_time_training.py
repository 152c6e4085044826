"""How much of the gap of another contrast test-time training closes.

    python benchmarks/test_time_training.py --data ../shared/data/anatomy --output FOLDER [--network unet]

Two networks (VarNets, or U-Nets without data consistency), trained alike and for as long by the packaged loop with the
loss `joint`: one on T1-weighted heads alone,
one on the lower half of a T2-weighted head, without changes of contrast. Both are tested on axial slices of its upper
half (8 simulated coils, 4x, equispaced and random lines), as they are and after test-time training on each slice. The
share closed is (TTT - shifted) / (trained on the target - shifted), of the means over slices, with the 95% interval of
a bootstrap over slices. What FOLDER holds already is not trained again.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from numpy.typing import NDArray

from napari_recon_robust.cli.options import follow
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.generative.dagan import DAGAN
from napari_recon_robust.reconstructors.learned.test_time_training import TestTimeTraining
from napari_recon_robust.reconstructors.learned.trained import TrainedReconstructor
from napari_recon_robust.reconstructors.learned.varnet import VarNet
from napari_recon_robust.simulation.acquisition import NOISE_RANGE, simulate_slice
from napari_recon_robust.simulation.anatomy import from_image, slices
from napari_recon_robust.training import loop
from napari_recon_robust.training.bank import MaskSpecification
from napari_recon_robust.training.sources import BankSpecification

SHIFTED, TARGET = "T1", "T2"
MATRIX, COILS, NOISE = 192, 8, 0.005
KINDS: dict[str, tuple[type[TrainedReconstructor] | type[VarNet], dict[str, Any]]] = {
    "varnet": (VarNet, {"cascades": 3, "channels": 12, "pools": 2, "sensitivity": [4, 2]}),
    "unet": (DAGAN, {"widths": [24, 48, 72]}),  # DAGAN's complex U-Net, trained without a discriminator here
}
ROWS = ("trained on T1", "trained on T1, adapted", "trained on T2", "trained on T2, adapted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with brain_t1_a, brain_lowres_t1w, brain_t2")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--network", choices=KINDS, default="varnet")
    parser.add_argument("--training-steps", type=int, default=800)
    parser.add_argument("--slices", type=int, default=10)
    parser.add_argument("--steps", type=int, help="of test-time training, at most")
    parser.add_argument("--rate", type=float, help="of test-time training")
    options = parser.parse_args()
    knobs = {name: value for name in ("steps", "rate") if (value := getattr(options, name)) is not None}

    kind, _ = KINDS[options.network]
    shifted, target = (
        kind(str(network(options.network, name, options.data, options.output, options.training_steps)))
        for name in (SHIFTED, TARGET)
    )
    methods = {
        ROWS[0]: shifted.at(),
        ROWS[1]: TestTimeTraining(shifted).at(**knobs),
        ROWS[2]: target.at(),
        ROWS[3]: TestTimeTraining(target).at(**knobs),
    }
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in methods}
    for measurement, truth in test_slices(options.data, options.slices):
        tissue = foreground(truth)
        for name, method in methods.items():
            one = metrics.measure(method(measurement), truth, tissue=tissue)["foreground"]
            scores[name].append((one.ssim, one.psnr))
    report({name: np.array(rows) for name, rows in scores.items()})


def network(kind: str, name: str, data: Path, output: Path, steps: int) -> Path:
    """The weights of the network for one contrast, trained where they are not there yet."""
    run = output / name
    weights = run / f"{kind}-{name}.safetensors"
    if weights.exists():
        return weights
    anatomies = output / "anatomy" / name
    anatomies.mkdir(parents=True, exist_ok=True)
    if name == SHIFTED:
        for file in ("brain_t1_a.nii.gz", "brain_lowres_t1w.nii.gz"):
            (anatomies / file).write_bytes((data / file).read_bytes())
    else:
        nibabel.save(half(data, upper=False), anatomies / "brain_t2_lower.nii.gz")
    method, arguments = KINDS[kind]
    recipe = loop.load_recipe(method.id).model_copy(
        update={
            "id": f"{kind}-{name}",
            "title": f"{kind} for {name}-weighted images",
            "arguments": arguments,
            "loss": "joint",
            "pixels": 4096,
            "masks": MaskSpecification(patterns=("equispaced", "random"), acceleration=(4, 4)),
            "bank": BankSpecification(
                cases=240, seed=1, coils=(6, 10), matrix=(160, 224), noise=NOISE_RANGE, other_contrast=0
            ),
            "presets": {
                "cpu": loop.Preset(steps=steps, warm_up=50, learning_rate=0.001, muon=0.01, validate_every=300)
            },
        }
    )
    job = loop.train(recipe, anatomies, run, resume=(run / "checkpoint.pt").exists())
    return follow(job, f"training on {name}")


def half(data: Path, *, upper: bool) -> nibabel.Nifti1Image:
    """The upper or the lower half of the T2-weighted head."""
    head = nibabel.as_closest_canonical(nibabel.load(data / "brain_t2.nii.gz"))
    middle = head.shape[2] // 2
    return head.slicer[:, :, middle:] if upper else head.slicer[:, :, :middle]


def test_slices(data: Path, count: int) -> Iterator[tuple[Measurement, torch.Tensor]]:
    """Slices of the upper half, under equispaced and random lines in turn, and their magnitudes without noise."""
    volume = from_image(half(data, upper=True))
    for number, image in enumerate(slices(volume, "axial", count, (MATRIX, MATRIX))):
        acquired = simulate_slice(image, np.random.default_rng(number), coils=COILS, noise_level=NOISE)
        pattern = ("equispaced", "random")[number % 2]
        mask = Sampling(pattern=pattern, minimum_centre_lines=12, seed=number).mask(MATRIX, MATRIX)
        yield Measurement(acquired.kspace * mask, mask, (MATRIX, MATRIX)), acquired.image.abs()


def report(scores: dict[str, NDArray[np.float64]]) -> None:
    """Means, and the share of the gap that is closed."""
    print(f"| {len(scores[ROWS[0]])} slices of T2 | SSIM | PSNR |\n|---|---|---|")
    for name, rows in scores.items():
        print(f"| {name} | {rows[:, 0].mean():.4f} | {rows[:, 1].mean():.2f} |")
    shifted, adapted, target = (scores[name] for name in ROWS[:3])
    drawn = np.random.default_rng(0).integers(len(shifted), size=(10_000, len(shifted)))
    for column, measure in enumerate(("SSIM", "PSNR")):
        won, gap = (x[:, column] - shifted[:, column] for x in (adapted, target))
        low, high = np.percentile(won[drawn].mean(1) / gap[drawn].mean(1), (2.5, 97.5))
        print(f"share of the gap in {measure} closed: {won.mean() / gap.mean():.0%} ({low:.0%} to {high:.0%})")


if __name__ == "__main__":
    main()
