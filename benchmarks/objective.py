"""How near [hyperrecon] comes to the minimiser of its own objective J, over both of its knobs, and what else does.

    python benchmarks/objective.py --data ../shared/data [--weights FILE] [--kept FOLDER] [--fixed FILE]

Equispaced lines at 4x: the packaged sample at 320 x 320, the held-out anatomy at 128 x 128 and 256 x 256, the real
16-coil brain at 128 x 128. Beside the network stand the same unrolls with the correction at zero (where its training
starts), conjugate gradients, and one image for all knobs, TV at 2e-3, which is what a dead knob would show. The
minimiser is found by the primal-dual algorithm of Chambolle and Pock (2011, doi:10.1007/s10851-010-0251-1) with the
exact proximal map of the data term, until J falls by less than 0.02% in 50 iterations; --kept keeps the minimisers for
the next time. --fixed: weights of an HQS-Net, compared at its own weight and mix.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from cases import lines, real_brain, slices_of
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.networks.correction import without_correction
from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.reconstructors.classical.tv_wavelet import details_of, objective
from napari_recon_robust.reconstructors.learned.data_consistency import RowInverse
from napari_recon_robust.reconstructors.learned.hqs_net import HQSNetNetwork
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperReconNetwork
from napari_recon_robust.reconstructors.problem import Problem, linear_start, problems
from napari_recon_robust.simulation.sample import open_sample

WEIGHTS = (2e-4, 2e-3, 2e-2)
MIXES = (0.0, 0.5, 1.0)
FIXED = 2e-3  # of the TV image that is shown at all knobs
STEP = 8.0  # tau: P = (A^H A + 1 / tau)^-1
NAMES = ("network", "its start", "CG", "one TV image")


def minimise(problem: Problem, consistency: RowInverse, start: Tensor, weight: float, mix: float) -> Tensor:
    """argmin_x J(x; weight, mix)."""
    radii = [weight * (1 - mix), *(weight * mix / 2**level for level in (1, 2, 3))]
    x, old_x = start, start
    duals = [torch.zeros_like(part) for part in analysis(x)]
    sigma = 0.99 / (STEP * 9)
    best, best_value, value = x, float("inf"), float("inf")
    for iteration in range(2000):
        # The bands of level l are scaled by 2^-l, which makes the wavelet part a Parseval frame.
        for n, (dual, part) in enumerate(zip(duals, analysis(2 * x - old_x), strict=True)):
            dual = dual + sigma * part
            length = dual.abs() if n else torch.linalg.vector_norm(dual, dim=0, keepdim=True)
            duals[n] = dual * (radii[n] / length.clamp_min(max(radii[n], 1e-20)))
        old_x = x
        x = consistency.solve(problem.right_hand_side + (x - STEP * synthesis(duals)) / STEP)
        if iteration % 50 == 49:
            last, value = value, float(objective(problem.model, problem.data, x, weight, mix))
            if value < best_value:
                best, best_value = x, value
            if abs(last - value) < 2e-4 * value:
                break
    return best


def analysis(x: Tensor) -> list[Tensor]:
    """Differences, and wavelet bands scaled by 2^-level."""
    down = torch.nn.functional.pad(x[1:] - x[:-1], (0, 0, 0, 1))
    right = torch.nn.functional.pad(x[:, 1:] - x[:, :-1], (0, 1))
    return [torch.stack((down, right)), *(band / 2**level for level, band in enumerate(details_of(x), start=1))]


def synthesis(duals: list[Tensor]) -> Tensor:
    """The adjoint of `analysis`."""
    x = torch.zeros(duals[0].shape[-2:], dtype=duals[0].dtype, requires_grad=True)
    with torch.enable_grad():
        products = [
            (torch.view_as_real(a) * torch.view_as_real(b)).sum() for a, b in zip(analysis(x), duals, strict=True)
        ]
        (gradient,) = torch.autograd.grad(torch.stack(products).sum(), x)
    return gradient


def cases(data: Path) -> Iterator[tuple[str, Measurement]]:
    with open_sample() as scan:
        yield "sample, 320", scan.measurement(3, lines(4))
    for matrix in (128, 256):
        (measurement,) = slices_of(data, matrix, 1)
        yield f"held-out anatomy, {matrix}", measurement
    yield "real brain, 128", real_brain(data)


def kept_minimiser(problem: Problem, weight: float, mix: float, file: Path | None) -> Tensor:
    """`minimise`, or what an earlier call has kept."""
    if file is not None and file.exists():
        kept: Tensor = torch.load(file, weights_only=True)
        return kept
    image = minimise(problem, RowInverse(problem.model, torch.tensor(1 / STEP)), linear_start(problem), weight, mix)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(image, file)
    return image


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--weights", default="hyperrecon")
    parser.add_argument("--fixed", nargs="*", default=["hqs-net"])
    parser.add_argument("--kept", type=Path)
    options = parser.parse_args()
    network = load_trained(HyperReconNetwork, options.weights, torch.device("cpu"))
    fixed = [load_trained(HQSNetNetwork, weights, torch.device("cpu")) for weights in options.fixed]
    rows = []
    print(
        f"J above its minimum in %; NRMSE of the network's image to the minimiser in %\n\n| case | w | m | "
        f"{' | '.join(NAMES)} | NRMSE |\n|---|---|---|{'---|' * 5}"
    )
    with torch.no_grad():
        for name, measurement in cases(options.data):
            (problem,) = problems(measurement)
            points = [(weight, mix, network) for weight in WEIGHTS for mix in MIXES]
            points += [(one.weight, one.mix, one) for one in fixed]
            for weight, mix, one in points:
                file = options.kept and options.kept / f"{name}-{weight:g}-{mix:g}.pt"
                lowest = kept_minimiser(problem, weight, mix, file)
                arguments = (weight, mix) if one is network else ()
                images = (
                    one(problem, *arguments),
                    without_correction(one)(problem, *arguments),
                    linear_start(problem),
                    problem.tv(FIXED),
                )
                least = float(objective(problem.model, problem.data, lowest, weight, mix))
                above = [
                    100 * (float(objective(problem.model, problem.data, x, weight, mix)) / least - 1) for x in images
                ]
                distance = 100 * float((images[0] - lowest).norm() / lowest.norm())
                label = name if one is network else f"{name}, HQS-Net"
                if one is network:
                    rows.append([weight, *above, distance])
                print(
                    f"| {label} | {weight:g} | {mix:g} | {' | '.join(f'{a:.2f}' for a in above)} | {distance:.2f} |",
                    flush=True,
                )
    table = np.array(rows)
    print(
        f"\nHyperRecon: mean {table[:, 1].mean():.2f}%, worst {table[:, 1].max():.2f}%; NRMSE {table[:, 5].mean():.2f}%"
    )
    for column, other in enumerate(NAMES[1:], start=2):
        ends = table[:, 0] != FIXED if other == NAMES[3] else np.ones(len(table), bool)
        better = int((table[ends, 1] < table[ends, column]).sum())
        print(f"below {other} in {better} of {int(ends.sum())} settings")


if __name__ == "__main__":
    main()
