"""The fragility map: does a cheap map rank regions as real attacks on them do?

    python benchmarks/fragility.py --methods varnet unet cg-sense tv

Square ROIs in the tissue of slices of the held-out anatomy, 8 simulated coils, equispaced 4x; sensitivities estimated
again from the perturbed samples. Each ROI is attacked with 5 gradients at 1%; its change is the root mean square of
| |f(k+z)| - |f(k)| | on it. Printed for each map, read as its mean on the ROI: Spearman's rank correlation with that
change, within each slice, as the mean over the slices (least to largest); for the maps that predict a change, the
median of real over predicted; and the seconds that a map takes, where the real attacks' seconds are those of one ROI.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr
from torch import Tensor

from arguments import parser_of
from cases import slices_of
from napari_recon_robust.analyses.fragility import REPLICAS, FragilityMap, fragility
from napari_recon_robust.analyses.noise_map import noise_amplification
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.noise.worst_case import WorstCase
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

BUDGET, GRADIENTS = 0.01, 5
MAPS = ("attack", "gain", "edges", "noise")


def regions(tissue: Tensor, side: int, count: int, random: np.random.Generator) -> Iterator[ROI]:
    """Squares that lie in tissue; they may overlap."""
    while count:
        row, column = (int(random.integers(0, n - side + 1)) for n in tissue.shape)
        if float(tissue[row : row + side, column : column + side].double().mean()) > 0.9:
            count -= 1
            yield ROI.box(row, column, side, side)


def real_change(measurement: Measurement, reconstructor: Reconstructor, roi: ROI) -> float:
    """That of an attack on the ROI alone, in the scan's units."""
    (found,) = run(WorstCase().run(measurement, reconstructor, roi, (BUDGET,), steps=GRADIENTS))
    change = found.image.abs() - found.clean.abs()
    return float(change[roi.mask(measurement.matrix)].square().mean().sqrt())


def maps_of(
    measurement: Measurement, reconstructor: Reconstructor, side: int
) -> tuple[dict[str, Tensor], dict[str, float], FragilityMap]:
    """The maps by name, their seconds, and the one of the attack."""
    seconds, found = {}, {}
    for how in ("attack", "gain"):
        start = time.perf_counter()
        options = {"budget": BUDGET, "gradients": GRADIENTS, "tile": side, "replicas": 0}
        found[how] = run(fragility(measurement, reconstructor, how=how, **options))
        seconds[how] = time.perf_counter() - start
    start = time.perf_counter()
    noise = run(noise_amplification(measurement, reconstructor, replicas=REPLICAS))
    seconds |= {"noise": time.perf_counter() - start, "edges": 0.0}
    attack = found["attack"]
    maps = {"attack": attack.expected_change, "gain": found["gain"].expected_change, "edges": attack.edges}
    return maps | {"noise": noise}, seconds, attack


def compare(measurements: list[Measurement], reconstructor: Reconstructor, side: int, rois: int) -> list[str]:
    """The cells of the table's row."""
    random = np.random.default_rng(0)
    correlations: dict[str, list[float]] = {name: [] for name in MAPS}
    ratios: dict[str, list[float]] = {"attack": [], "gain": []}
    times: dict[str, list[float]] = {name: [] for name in (*MAPS, "real")}
    for measurement in measurements:
        maps, seconds, found = maps_of(measurement, reconstructor, side)
        real, read = [], {name: [] for name in MAPS}
        for roi in regions(measurement.foreground, side, rois, random):
            start = time.perf_counter()
            real.append(real_change(measurement, reconstructor, roi) / found.maximum)
            times["real"].append(time.perf_counter() - start)
            inside = roi.mask(measurement.matrix) & found.foreground
            for name in MAPS:
                read[name].append(float(maps[name][inside].mean()))
        for name in MAPS:
            correlations[name].append(spearmanr(read[name], real).statistic)
            times[name].append(seconds[name])
        for name in ratios:
            ratios[name] += (np.array(real) / np.array(read[name])).tolist()
    cells = []
    for name in MAPS:
        values = correlations[name]
        spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
        cells.append(f"{np.mean(values):.2f}{spread}")
    cells += [f"{np.median(values):.2f}" for values in ratios.values()]
    return [*cells, " / ".join(f"{np.mean(times[name]):.1f}" for name in ("attack", "gain", "noise", "real"))]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--methods", nargs="+", default=["varnet", "unet", "cg-sense", "tv"])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--matrix", type=int, default=192)
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--rois", type=int, default=24)
    arguments = parser.parse_args()
    side = round(24 * arguments.matrix / 192)
    measurements = list(slices_of(arguments.data, arguments.matrix, arguments.slices))
    print(
        f"{arguments.slices} slices × {arguments.rois} ROIs of {side}×{side}, {arguments.matrix}², "
        f"R = {measurements[0].acceleration:.2f}, η = {100 * BUDGET:g}%, {GRADIENTS} gradients\n"
    )
    head = [
        "method",
        *MAPS,
        "real ÷ attack",
        "real ÷ gain",
        "seconds: attack / gain / noise / real, one ROI",
    ]
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for method in arguments.methods:
        cells = compare(measurements, registry.get(method), side, arguments.rois)
        print(f"| {method} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
