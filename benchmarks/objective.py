"""How near [hyperrecon] comes to the minimiser of its own objective J, over both of its knobs.

    python benchmarks/objective.py --data ../shared/data [--weights FILE]

Cases: slices of the held-out anatomy and the real 16-coil brain, lines at R = 2 and 4. The minimiser is found by
the primal-dual algorithm of Chambolle and Pock (2011, doi:10.1007/s10851-010-0251-1) with the exact proximal map of
the data term, until J falls by less than 0.02% in 50 iterations; J of the linear start is shown beside it.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cases import real_brain, slices_of
from napari_recon_robust.measurement import Measurement
from napari_recon_robust.reconstructors.hyperrecon import (
    HyperNetwork,
    anchors,
    details_of,
    linear_start,
    objective,
)
from napari_recon_robust.reconstructors.unrolled import Problem, RowInverse, load_trained, problems

WEIGHTS = np.geomspace(2e-4, 2e-2, 5)
MIXES = (0.0, 0.5, 1.0)
STEP = 8.0  # tau: P = (A^H A + 1 / tau)^-1


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
    for acceleration in (2.0, 4.0):
        for noise in (0.003, 0.01):
            for measurement in slices_of(data, 128, 1, noise=noise, acceleration=acceleration):
                yield f"held-out anatomy, noise {noise:g}, {acceleration:g}x", measurement
        yield f"real brain, {acceleration:g}x", real_brain(data, acceleration)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", default="hyperrecon")
    options = parser.parse_args()
    network = load_trained(HyperNetwork, options.weights, torch.device("cpu"))
    everything = []
    print("J above its minimum in % (of the linear start in brackets), by weight")
    print(f"{'':40}mix " + "".join(f"{weight:16.1e}" for weight in WEIGHTS))
    with torch.no_grad():
        for name, measurement in cases(options.data):
            (problem,) = problems(measurement)
            consistency = RowInverse(problem.model, torch.tensor(1 / STEP))
            start, shared = linear_start(problem), anchors(problem)
            for mix in MIXES:
                row = []
                for weight in WEIGHTS:
                    images = (
                        minimise(problem, consistency, start, weight, mix),
                        network.unroll(problem, shared, network.generate(weight, mix)),
                        start,
                    )
                    lowest, reached, linear = (
                        float(objective(problem.model, problem.data, x, weight, mix)) for x in images
                    )
                    row.append((100 * (reached / lowest - 1), 100 * (linear / lowest - 1)))
                everything.append([above for above, _ in row])
                print(f"{name:40}{mix:3.1f} " + "".join(f"{a:7.2f} ({b:5.1f})" for a, b in row), flush=True)
    table = np.array(everything)
    print(f"mean {table.mean():.2f}%, worst {table.max():.2f}%; mean by weight {np.round(table.mean(0), 2)}")


if __name__ == "__main__":
    main()
