"""What robust training brings beside a control: quality, the worst-case attack, and small features that are lost.

    python benchmarks/robust_training.py unet=unet control=runs/unet-control.safetensors fnaf=unet-fnaf

Each network is a U-Net: NAME=WEIGHTS, an id of shipped weights or a file. Cases: slices of the held-out anatomy and
the real brain, equispaced 4x, two regions in each. Columns: SSIM of the foreground; by how much the region changes
under worst-case noise of 1% and 2.5% of each coil's norm, which is found anew for each network, and the SSIM that the
region loses; how many of 24 blobs (4 pixels, contrast 0.4 and -0.4) at random places lose more than half of their
contrast. Below: differences from the last network named with --against, with a 95% bootstrap over slices. These are of
two heads, so that no interval is one over people.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import napari_recon_robust as rr
from arguments import parser_of
from attack import regions
from cases import real_brain, slices_of
from napari_recon_robust.analyses.retention import recovery_table
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import run
from napari_recon_robust.reconstructors.learned.unet import UNet

BUDGETS, MATRIX, SLICES, REGIONS, BLOBS, RESAMPLES = (0.01, 0.025), 128, 5, 2, 24, 2000
CONTRASTS = (0.4, -0.4)
COLUMNS = ("SSIM", "change at 1%", "2.5%", "SSIM lost at 1%", "2.5%", f"lost of {BLOBS * len(CONTRASTS)}")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("networks", nargs="+", metavar="NAME=WEIGHTS")
    parser.add_argument("--against", default="control", help="the network that the others are compared with")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    options = parser.parse_args()
    cases = [*slices_of(options.data, MATRIX, SLICES), real_brain(options.data)]
    found = {}
    for name, _, weights in (one.partition("=") for one in options.networks):
        found[name] = np.array([measured(case, UNet(weights), seed) for seed, case in enumerate(cases)])
        print(f"{name}: {' '.join(f'{value:.3f}' for value in found[name].mean(0))}", flush=True)
    print(table(found, options.against))


def measured(measurement: Measurement, network: UNet, seed: int) -> list[float]:
    """One row of the table, of one slice."""
    rows = []
    for roi in regions(measurement, REGIONS, np.random.default_rng(seed)):
        perturbed = rr.perturb("worst-case", measurement, network, roi, BUDGETS)
        compared = [one.comparison for one in rr.compare(measurement, network, roi, perturbed)]
        ssim = [[one.metrics[image]["roi"].ssim for image in ("clean", "perturbed")] for one in compared]
        whole = compared[0].metrics["clean"]["foreground"].ssim
        rows.append(
            [
                whole,
                *(one.stability["perturbed"]["change"] for one in compared),
                *(before - after for before, after in ssim),
            ]
        )
    blobs = run(recovery_table(measurement, network, sizes=(4.0,), contrasts=CONTRASTS, count=BLOBS, seed=seed))
    lost = sum(cell.carried - cell.recovered for cell in blobs.cells)
    return [*np.mean(rows, 0), float(lost)]


def table(found: Mapping[str, NDArray[np.float64]], against: str) -> str:
    """Means over the slices, and the differences from one network."""
    lines = [f"| network | {' | '.join(COLUMNS)} |", "|---" * (1 + len(COLUMNS)) + "|"]
    lines += [f"| {name} | {' | '.join(f'{value:.3f}' for value in rows.mean(0))} |" for name, rows in found.items()]
    chosen = np.random.default_rng(0).integers(SLICES + 1, size=(RESAMPLES, SLICES + 1))
    for name, rows in found.items():
        if name != against and against in found:
            apart = rows - found[against]
            low, high = np.percentile(apart[chosen].mean(1), (2.5, 97.5), axis=0)
            cells = (f"{a:+.3f} [{b:+.3f}, {c:+.3f}]" for a, b, c in zip(apart.mean(0), low, high, strict=True))
            lines.append(f"| {name} − {against} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
