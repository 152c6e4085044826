"""FNAF: the multiplexed search against random search in the same time.

    python benchmarks/fnaf.py --methods cg-sense tv unet

Slices of the held-out anatomy. Both draw from the same features (place in tissue, shape, size, sign and size of the
contrast); random search tries one after another, alone, for as long as the search took. Shown is the least recovery
among features that the samples carry (1: kept, below 0.5: lost) and what each method would have shown after one draw.
"""

import time
from pathlib import Path

import numpy as np

from arguments import parser_of
from cases import slices_of
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.knob import resolve
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.features.fnaf import FNAF
from napari_recon_robust.perturbations.features.multiplexed import Multiplexed
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor


def compare(measurement: Measurement, reconstructor: Reconstructor, effort: int, seed: int) -> dict[str, float]:
    """Least recovery of both, their number of features, and the seconds that each took."""
    whole = ROI.box(0, 0, *measurement.matrix)
    setup = Setup.of(measurement, reconstructor, whole)
    knobs = resolve(FNAF.knobs, {"search": effort, "seed": seed})
    _ = measurement.calibration

    start = time.perf_counter()
    (found,) = run(Multiplexed(setup, knobs).run())
    seconds = time.perf_counter() - start

    start, control = time.perf_counter(), Multiplexed(setup, knobs)
    trials = []
    while time.perf_counter() - start < seconds:
        trials.append(control.insertion.trial(control.draw_anywhere()))
    return {
        "search": found.details["recovery"],
        "random": min(trials, key=lambda trial: trial.rank).recovery,
        "one draw": trials[0].recovery,
        "features": len(found.details["candidates"]),
        "trials": len(trials),
        "seconds": seconds,
    }


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--methods", nargs="+", default=["cg-sense", "tv", "unet"])
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--matrix", type=int, default=192)
    parser.add_argument("--slices", type=int, default=5)
    parser.add_argument("--search", type=int, default=60, help="reconstructions that the search may take")
    arguments = parser.parse_args()
    measurements = list(slices_of(arguments.data, arguments.matrix, arguments.slices))
    for method in arguments.methods:
        rows = [
            compare(measurement, registry.get(method), arguments.search, seed)
            for seed, measurement in enumerate(measurements)
        ]
        print(f"\n{method}: recovery on {arguments.slices} slices, {arguments.matrix}²")
        for name in ("search", "random", "one draw"):
            values = np.array([row[name] for row in rows])
            each = np.round(values, 3).tolist()
            print(f"  {name:9s} mean {values.mean():.3f}, median {np.median(values):.3f}, each {each}")
        ahead = sum(row["search"] < row["random"] for row in rows)
        print(f"  search ahead on {ahead} of {len(rows)}; {np.mean([row['seconds'] for row in rows]):.1f} s each,")
        features, trials = (np.mean([row[name] for row in rows]) for name in ("features", "trials"))
        print(f"  {features:.0f} features screened against {trials:.0f} tried at random", flush=True)


if __name__ == "__main__":
    main()
