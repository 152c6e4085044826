"""Worst-case noise: sphere ascent against the published AdvRec algorithm (10 gradients), on one machine in one run.

    python benchmarks/attack.py --methods cg-sense tv unet varnet

Cases: ROIs of five slices of the held-out anatomy, 8 simulated coils, equispaced 4x with at least 12 central lines;
sensitivities estimated again from the perturbed samples. Each perturbation is written to a file, and the ROI's RMSE
is that of a reconstruction from the samples read back from it. Three questions, each a ratio of ROI RMSE to AdvRec's:
  2 and 5 gradients at the same nominal ball; 5 gradients at the norms that AdvRec's result really has in each coil.
--loss ssim: both attack 1 - SSIM, and shown is how much of the ROI's SSIM is lost, ours relative to AdvRec's.
Beside each, the processor seconds that the search took. --budgets: the shares of each coil's norm.
Geometric means; the interval is a 95% bootstrap over slices and over the ROIs within them (slices of one head are
not independent, so it is not one for other heads).
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from cases import slices_of
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.perturbations.base import Setup, coil_norms
from napari_recon_robust.perturbations.noise.advrec import advrec
from napari_recon_robust.perturbations.noise.ascent import Search, ascend
from napari_recon_robust.perturbations.noise.objective import Objective
from napari_recon_robust.perturbations.noise.sphere_ascent import sphere_ascent
from napari_recon_robust.perturbations.random_noise import white_noise
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

BUDGETS = (0.005, 0.01, 0.025)
LINEAR = dict(zip(BUDGETS, (1.10, 1.15, 1.30), strict=True))
NETWORKS = dict(zip(BUDGETS, (1.04, 1.09, 1.21), strict=True))


def regions(measurement: Measurement, count: int, random: np.random.Generator) -> Iterator[ROI]:
    """Boxes of 24 to 40 pixels (at 192; in proportion else) that lie in tissue."""
    tissue = measurement.foreground.numpy()
    unit = measurement.matrix[0] / 192
    while count:
        height, width = (int(unit * size) for size in random.integers(24, 41, 2))
        row, column = (int(random.integers(0, n - m)) for n, m in zip(measurement.matrix, (height, width), strict=True))
        if tissue[row : row + height, column : column + width].mean() > 0.95:
            count -= 1
            yield ROI.box(row, column, height, width)


def finish(search: Search) -> tuple[Tensor, float]:
    """What a search finds, and its seconds of processor time."""
    start = time.process_time()
    while True:
        try:
            next(search)
        except StopIteration as stop:
            return stop.value.z, time.process_time() - start


def rmse(measurement: Measurement, reconstructor: Reconstructor, roi: ROI, z: Tensor, file: Path) -> float:
    """The ROI's RMSE after a round through a file."""
    np.save(file, (measurement.kspace + z).numpy() * measurement.mask.numpy())
    stored = measurement.with_kspace(torch.from_numpy(np.load(file)))
    with torch.no_grad():
        image = reconstructor(stored).abs()
    reference = measurement.reference(reconstructor.reference_kind)
    return float((image - reference)[roi.mask(measurement.matrix)].square().mean().sqrt())


def lost(measurement: Measurement, reconstructor: Reconstructor, roi: ROI, z: Tensor, file: Path) -> float:
    """1 - SSIM of the ROI after a round through a file."""
    setup = Setup.of(measurement, reconstructor, roi)
    np.save(file, (z * measurement.mask).numpy())
    return Objective(setup, "reference", "ssim", keep=False).value(torch.from_numpy(np.load(file)))[0]


def attack(
    measurement: Measurement, reconstructor: Reconstructor, roi: ROI, budget: float, seed: int, file: Path, loss: str
):
    """ROI RMSE of clean, random, AdvRec, ours with 1, 2, 5 gradients and at AdvRec's norms; seconds; AdvRec's share."""
    objective = Objective(Setup.of(measurement, reconstructor, roi), "reference", loss, keep=False)
    radius = budget * coil_norms(measurement.full)
    everywhere = torch.ones_like(measurement.mask)
    zero = torch.zeros_like(measurement.kspace)
    _ = objective.value(zero)  # what is compiled or loaded at first use
    published, spent = finish(
        advrec(objective, radius, 10, start=white_noise(measurement, radius, seed, mask=everywhere))
    )
    published = published * measurement.mask
    found = {
        "clean": (zero, 0.0),
        "random": (white_noise(measurement, radius, seed + 1), 0.0),
        "advrec": (published, spent),
        **{f"ours {n}": finish(ascend(objective, sphere_ascent, radius, n, start=zero)) for n in (1, 2, 5)},
        "ours at its norm": finish(ascend(objective, sphere_ascent, coil_norms(published), 5, start=zero)),
    }
    judge = lost if loss == "ssim" else rmse
    errors = {name: judge(measurement, reconstructor, roi, z, file) for name, (z, _) in found.items()}
    seconds = {name: one for name, (_, one) in found.items()}
    return errors, seconds, float(coil_norms(published).norm() / radius.norm())


def interval(logs: np.ndarray, random: np.random.Generator, draws: int = 4000) -> tuple[float, float]:
    """The bootstrap interval of a geometric mean of ratios; logs (slices, rois)."""
    slices, rois = logs.shape
    picked = random.integers(0, slices, (draws, slices))
    within = random.integers(0, rois, (draws, slices, rois))
    means = logs[picked[..., None], within].mean((1, 2))
    low, high = np.exp(np.quantile(means, [0.025, 0.975]))
    return float(low), float(high)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--methods", nargs="+", default=["cg-sense", "tv", "unet", "varnet"])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--matrix", type=int, default=192)
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--rois", type=int, default=4)
    parser.add_argument("--budgets", type=float, nargs="+", choices=BUDGETS, default=BUDGETS)
    parser.add_argument("--loss", choices=["squared-error", "ssim"], default="squared-error")
    arguments = parser.parse_args()
    measurements = list(slices_of(arguments.data, arguments.matrix, arguments.slices))
    size = f"{arguments.slices} slices × {arguments.rois} ROIs, {arguments.matrix}²"
    print(f"{size}, R = {measurements[0].acceleration:.2f}; ROI RMSE ÷ AdvRec's with 10 gradients [95%]")
    for method in arguments.methods:
        for budget in arguments.budgets:
            errors, seconds, shares = run(measurements, registry.get(method), budget, arguments.rois, arguments.loss)
            ahead = int((errors["ours 2"] > errors["advrec"]).sum())
            print(f"\n{method}, η = {100 * budget:g}%")
            if arguments.loss == "ssim":
                drops = {name: (values - errors["clean"]).mean() for name, values in errors.items()}
                shown = ", ".join(f"{name} {drop:.4f}" for name, drop in drops.items() if name != "clean")
                ratio = drops["ours 5"] / drops["advrec"]
                print(f"  SSIM lost: {shown}; 5 gradients {ratio:.2f} times AdvRec's (goal 1.6 at 1%)", flush=True)
                continue
            harm = np.exp(np.log(errors["advrec"] / errors["clean"]).mean())
            share = f"{100 * shares.mean():.0f}% of it in {seconds['advrec']:.2f} s"
            print(f"  AdvRec spends {share}; its RMSE ÷ clean {harm:.3f}")
            for name in ("random", "ours 1", "ours 2", "ours 5", "ours at its norm"):
                logs = np.log(errors[name] / errors["advrec"]).reshape(arguments.slices, arguments.rois)
                low, high = interval(logs, np.random.default_rng(1))
                took = f" in {seconds[name]:.2f} s" if seconds[name] else ""
                print(f"  {name:17s} {np.exp(logs.mean()):.3f} [{low:.3f}, {high:.3f}]{took}")
            goal = (LINEAR if method in ("cg-sense", "tv") else NETWORKS)[budget]
            print(f"  2 gradients ahead on {ahead} of {len(shares)}; goal for 5: {goal}", flush=True)


def run(
    measurements: list[Measurement], reconstructor: Reconstructor, budget: float, rois: int, loss: str
) -> tuple[dict[str, np.ndarray], dict[str, float], np.ndarray]:
    """All cases of a method and a budget: errors by name, slices first; median seconds by name; AdvRec's shares."""
    random = np.random.default_rng(0)
    errors, seconds, shares = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kspace.npy"
        for index, measurement in enumerate(measurements):
            for number, roi in enumerate(regions(measurement, rois, random)):
                one, took, share = attack(measurement, reconstructor, roi, budget, 100 * index + number, file, loss)
                errors.append(one)
                seconds.append(took)
                shares.append(share)
    by_name = {name: np.array([one[name] for one in errors]) for name in errors[0]}
    return by_name, {name: float(np.median([one[name] for one in seconds])) for name in by_name}, np.array(shares)


if __name__ == "__main__":
    main()
