"""Does the disagreement of two networks show where their mean is wrong? Against the posterior's spread and blind maps.

    python benchmarks/disagreement.py --data ../shared/data [--slices 6] [--matrix 192]
    python benchmarks/disagreement.py --data ../shared/data --attacks [--slices 4] [--matrix 128]

Held-out anatomy (simulated coils, 4x and 8x) against the noise-free truth, and the real 16-coil brain at R = 2, 3, 4
against its fully sampled image. Each map is asked where |mean of the ensemble| - |reference| is large, except for the
posterior's, which is asked about its own mean. Blind maps know the ensemble's image alone: its magnitude, and how steep
it is (the gradient of a Gaussian of one pixel). TV - mean is what is seen without a second network.

rank: Spearman's correlation of the map with the error, over the foreground. top: share of the squared error in the
tenth of the foreground where the map is largest; a map that says nothing has 10%, the error itself has what `best` is.

--attacks: sphere ascent with five gradients on two regions of each slice of the held-out anatomy at 4x, sought on one
of the methods and carried over to the others: by how much the region's RMSE and the disagreement within it rise.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_gradient_magnitude
from scipy.stats import spearmanr
from torch import Tensor

from arguments import parser_of
from attack import finish, interval, regions, rmse
from cases import slices_of
from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.analyses.quality.grid import Grid, UndersampledSlice, cases, groups
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup, coil_norms
from napari_recon_robust.perturbations.noise.ascent import ascend
from napari_recon_robust.perturbations.noise.objective import Objective
from napari_recon_robust.perturbations.noise.sphere_ascent import sphere_ascent
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.learned.ensemble import MEMBERS

ATTACKED = (*MEMBERS, "ensemble")
BUDGETS = (0.005, 0.01)
ROIS = 2

Floats = np.ndarray[Any, np.dtype[np.float64]]


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--attacks", action="store_true")
    parser.add_argument("--slices", type=int)
    parser.add_argument("--matrix", type=int)
    options = parser.parse_args()
    if options.attacks:
        report_attacks(list(slices_of(options.data, options.matrix or 128, options.slices or 4)))
        return
    anatomy = groups({"held-out anatomy": options.data / "anatomy" / "brain_t1_b.nii.gz"})
    brain = groups({"real": options.data / "kspace" / "brain_16coil_128x128_full.npy"})
    grid = Grid(accelerations=(4.0, 8.0), slices=options.slices or 6, matrix=options.matrix or 192)
    report(cases(anatomy, grid))
    report(cases(brain, Grid(accelerations=(2.0, 3.0, 4.0)), axes=("coil", "phase", "readout")))


def report(some: Iterable[UndersampledSlice]) -> None:
    """Prints a table of each group's means and of the least and the largest value."""
    found = defaultdict(list)
    for case in some:
        for name, values in scored(case).items():
            found[f"{case.group} {case.sampling.acceleration:g}x", name].append(values)
    print("| case | map | rank | top | best | n |\n|---|---|---|---|---|---|")
    for (group, name), values in found.items():
        cells = [f"{v.mean():.2f} ({v.min():.2f} to {v.max():.2f})" for v in np.array(values).T]
        print(f"| {group} | {name} | {' | '.join(cells)} | {len(values)} |", flush=True)


def scored(case: UndersampledSlice) -> dict[str, tuple[float, float, float]]:
    """Rank, top and best of each map, by its name."""
    measurement, inside = case.measurement, case.foreground.numpy()
    images = np.stack([registry.get(id)(measurement).numpy() for id in MEMBERS])
    mean = np.abs(images.mean(0))
    tv = MethodEntry.parse("tv, rule")
    others = {
        "disagreement": np.abs(images).std(0, ddof=1),
        "blind: magnitude": mean,
        "blind: steepness": gaussian_gradient_magnitude(mean, 1.0),
        "TV - mean": np.abs(mean - magnitude(run(tv.choose(tv.open(), case))(measurement))),
    }
    posterior = run(registry.get("posterior").samples(measurement, 8, 20))
    reference = case.reference.numpy()
    found = {name: against(map, np.abs(mean - reference), inside) for name, map in others.items()}
    error = np.abs(magnitude(posterior.mean) - reference)
    return found | {"posterior, its own": against(posterior.deviation.numpy(), error, inside)}


def report_attacks(measurements: list[Measurement]) -> None:
    """Prints the geometric means of what rises, with the interval over slices and their regions."""
    print("| η | sought on |", *(f"RMSE of {id} |" for id in ATTACKED), "disagreement |\n" + "|---" * 6 + "|")
    for budget in BUDGETS:
        for sought in ATTACKED:
            random = np.random.default_rng(1)
            rises = np.array(
                [[rise(one, roi, sought, budget) for roi in regions(one, ROIS, random)] for one in measurements]
            )
            columns = np.moveaxis(np.log(rises), -1, 0)
            cells = ["{:.2f} [{:.2f}, {:.2f}]".format(np.exp(x.mean()), *interval(x, random)) for x in columns]
            print(f"| {100 * budget:g}% | {sought} | {' | '.join(cells)} |", flush=True)


def rise(clean: Measurement, roi: ROI, sought: str, budget: float) -> list[float]:
    """The region's RMSE of each method, and the disagreement within it, after an attack ÷ before."""
    method, nothing = registry.get(sought), torch.zeros_like(clean.kspace)
    objective = Objective(Setup.of(clean, method, roi), "reference", "squared-error", keep=False)
    z, _ = finish(ascend(objective, sphere_ascent, budget * coil_norms(clean.full), 5, start=nothing))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "samples.npy"
        errors = [[rmse(clean, registry.get(id), roi, noise, file) for noise in (nothing, z)] for id in ATTACKED]
    inside = roi.mask(clean.matrix)
    found = [
        float(registry.get("ensemble")(one, show="deviation")[inside].abs().square().mean().sqrt())
        for one in (clean, clean.with_kspace((clean.kspace + z) * clean.mask))
    ]
    return [after / before for before, after in (*errors, found)]


def magnitude(image: Tensor) -> Floats:
    return image.abs().double().numpy()


def against(map: Floats, error: Floats, inside: np.ndarray[Any, np.dtype[np.bool_]]) -> tuple[float, float, float]:
    """How a map orders the pixels inside, compared with their error."""
    shown, squared = map[inside], np.square(error[inside], dtype=float)
    tenth = len(shown) // 10

    def share(order: Floats) -> float:
        return float(squared[np.argsort(order)[-tenth:]].sum() / squared.sum())

    return float(spearmanr(shown, squared).statistic), share(shown), share(squared)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
