"""HyperRecon against HQS-Nets that are trained separately at three of its weights: the paper's claim is 0.01 SSIM.

    python benchmarks/hqs_nets.py --data ../shared/data --output FOLDER [--steps 1500] [--bank FOLDER]

Wang, Dalca, Sabuncu 2021, https://arxiv.org/abs/2101.02194. Trains the recipe hqs-net at each weight (mix 0.25), and
the recipe hyperrecon for as many steps, in FOLDER, resumes what was interrupted, and keeps what is done. HyperRecon as
it ships had more steps than the three together. Cases: axial slices of the held-out anatomy, 8 coils,
noise 0.005 and 0.01, and the real 16-coil brain, equispaced lines at 4x. SSIM on the foreground against the fully
sampled coil-combined image, and the objective J relative to the linear start, which is what both minimise.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from arguments import parser_of
from cases import real_brain, slices_of
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.reconstructors.classical.tv_wavelet import objective
from napari_recon_robust.reconstructors.learned.hqs_net import HQSNet
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperRecon
from napari_recon_robust.reconstructors.problem import linear_start, problems
from napari_recon_robust.training import loop
from trained import weights_of

WEIGHTS = (5e-4, 2e-3, 8e-3)
MIX = 0.25
CLAIM = 0.01


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--steps", type=int, help="of the recipe's preset, unless given")
    parser.add_argument("--bank", type=Path, help="cases of the recipe that are there already")
    parser.add_argument("--slices", type=int, default=6)
    options = parser.parse_args()
    methods: dict[str, HyperRecon] = {"ships": HyperRecon(), "equal steps": hyperrecon(options)}
    networks = {weight: hqs_net(weight, options) for weight in WEIGHTS}
    differences: dict[str, list[float]] = {name: [] for name in methods}
    columns = [
        "case",
        "weight",
        *(f"HyperRecon, {name}: SSIM | difference | J" for name in methods),
        "HQS-Net: SSIM | J",
    ]
    print(f"| {' | '.join(columns)} |")
    print("|---" * (4 + 3 * len(methods)) + "|")
    with torch.no_grad():
        for case, measurements in cases(options.data, options.slices):
            for weight, network in networks.items():
                ssim, energy = np.mean([judge(network, one, weight, knobs=False) for one in measurements], 0)
                cells = []
                for name, method in methods.items():
                    its, reached = np.mean([judge(method, one, weight, knobs=True) for one in measurements], 0)
                    differences[name].append(its - ssim)
                    cells.append(f"{its:.4f} | {its - ssim:+.4f} | {reached:.4f}")
                print(f"| {case} | {weight:g} | {' | '.join(cells)} | {ssim:.4f} | {energy:.4f} |", flush=True)
    for name, found in differences.items():
        print(f"\nHyperRecon, {name}, at worst {min(found):+.4f} SSIM from a network of its own: {CLAIM} is claimed.")


def hqs_net(weight: float, options: argparse.Namespace) -> HQSNet:
    """The network at one weight."""
    return HQSNet(trained("hqs-net", options, f"{weight:g}", weight=weight, mix=MIX))


def hyperrecon(options: argparse.Namespace) -> HyperRecon:
    """The hypernetwork after as many steps for all weights as each network has for one."""
    return HyperRecon(trained("hyperrecon", options, "hyperrecon"))


def trained(name: str, options: argparse.Namespace, folder: str, **arguments: float) -> Path:
    """The weights of a recipe: as they were left, resumed, or trained."""
    recipe = loop.load_recipe(name)
    preset = recipe.presets["cpu"]
    if options.steps:
        preset = preset.model_copy(update={"steps": options.steps})
    recipe = recipe.model_copy(update={"arguments": recipe.arguments | arguments, "presets": {"cpu": preset}})
    return weights_of(recipe, options.data, options.output / folder, options.bank)


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
