"""HyperRecon against HQS-Nets that are trained separately at three of its weights: the paper's claim is 0.01 SSIM.

    python benchmarks/hqs_nets.py --data ../shared/data --output FOLDER [--steps 1500] [--bank FOLDER]

Wang, Dalca, Sabuncu 2021, https://arxiv.org/abs/2101.02194. Trains the recipe hqs-net at each weight (mix 0.25) in
FOLDER, resumes what was interrupted, and keeps what is done. Cases: axial slices of the held-out anatomy, 8 coils,
noise 0.005 and 0.01, and the real 16-coil brain, equispaced lines at 4x. SSIM on the foreground against the fully
sampled coil-combined image, and the objective J relative to the linear start, which is what both minimise.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from cases import real_brain, slices_of
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.reconstructors.classical.energy import objective
from napari_recon_robust.reconstructors.learned.hqs_net import HQSNet
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperRecon
from napari_recon_robust.reconstructors.problem import linear_start, problems
from napari_recon_robust.training import loop
from trained import weights_of

WEIGHTS = (5e-4, 2e-3, 8e-3)
MIX = 0.25
CLAIM = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, help="of the recipe's preset, unless given")
    parser.add_argument("--bank", type=Path, help="cases of the recipe that are there already")
    parser.add_argument("--slices", type=int, default=6)
    options = parser.parse_args()
    networks = {weight: trained(weight, options) for weight in WEIGHTS}
    hyper, differences = HyperRecon(), []
    print("| case | weight | HyperRecon SSIM | HQS-Net SSIM | difference | HyperRecon J | HQS-Net J |")
    print("|---|---|---|---|---|---|---|")
    with torch.no_grad():
        for name, measurements in cases(options.data, options.slices):
            for weight, network in networks.items():
                rows = np.array(
                    [
                        [*judge(hyper, one, weight, knobs=True), *judge(network, one, weight, knobs=False)]
                        for one in measurements
                    ]
                ).mean(0)
                difference = rows[0] - rows[2]
                differences.append(difference)
                print(
                    f"| {name} | {weight:g} | {rows[0]:.4f} | {rows[2]:.4f} | {difference:+.4f} "
                    f"| {rows[1]:.4f} | {rows[3]:.4f} |",
                    flush=True,
                )
    worst = min(differences)
    print(f"\nHyperRecon at worst {worst:+.4f} SSIM from a network of its own; {CLAIM} is claimed: {worst > -CLAIM}.")


def trained(weight: float, options: argparse.Namespace) -> HQSNet:
    """The network at one weight: as it was left, resumed, or trained."""
    recipe = loop.load_recipe("hqs-net")
    preset = recipe.presets["cpu"]
    if options.steps:
        preset = preset.model_copy(update={"steps": options.steps})
    arguments = {**recipe.arguments, "weight": weight, "mix": MIX}
    recipe = recipe.model_copy(update={"arguments": arguments, "presets": {"cpu": preset}})
    return HQSNet(weights_of(recipe, options.data, options.output / f"{weight:g}", options.bank))


def judge(method: HyperRecon | HQSNet, measurement: Measurement, weight: float, *, knobs: bool) -> tuple[float, float]:
    """SSIM, and J relative to the linear start's."""
    chosen = {"weight": weight, "mix": MIX} if knobs else {}
    reference = measurement.reference()
    assert reference is not None
    ssim = metrics.measure(method(measurement, **chosen), reference, tissue=foreground(reference))
    (problem,) = problems(measurement)
    network = method.network(measurement.kspace.device)
    image = network(problem, **chosen)
    reached, start = (
        float(objective(problem.model, problem.data, x, weight, MIX)) for x in (image, linear_start(problem))
    )
    return ssim["foreground"].ssim, reached / start


def cases(data: Path, count: int) -> Iterator[tuple[str, list[Measurement]]]:
    """Each case's name and its slices."""
    for noise in (0.005, 0.01):
        yield f"held-out anatomy, noise {noise:g}", list(slices_of(data, 192, count, noise=noise))
    yield "real brain", [real_brain(data)]


if __name__ == "__main__":
    main()
