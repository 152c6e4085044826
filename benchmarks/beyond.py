"""How networks do outside of the domain that their cards state: other coils, noise and matrices, against TV.

    python benchmarks/beyond.py --data ../shared/data/anatomy --output FOLDER [--methods ID|FILE ...]
        [--rows ROW ...]

Whole slices of the validation people, each under one random mask of lines (R = 2 to 10, less with few coils) or, in one
row, of points, simulated anew for each row of the table in one respect that training has not seen, or with lines that
were never measured.
OUTPUT keeps the cases. A method may be a file of weights, named as its recipe. The error is the NMSE of the magnitude
within the foreground.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from arguments import parser_of
from domain import LINES, against, at_defaults, example, in_domain
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.training.bank import VALIDATION_CASES, build_bank
from napari_recon_robust.training.example import MaskSpecification, padded
from napari_recon_robust.training.recipe import load_recipe
from napari_recon_robust.training.validation import foreground_error

NETWORKS = ("hqs-supervised", "unrolled-hqs", "cascade-net", "irim", "varnet-cg", "varnet")
ROWS: dict[str, dict[str, Any]] = {
    "as trained": {},
    "1 coil": {"coils": (1, 1)},
    "2 coils": {"coils": (2, 2)},
    "4 coils": {"coils": (4, 4)},
    "24 to 32 coils": {"coils": (24, 32)},
    "noise 0.0003 to 0.001": {"noise": (0.0003, 0.001)},
    "noise 0.03 to 0.06": {"noise": (0.03, 0.06)},
    "noise 0.1 to 0.2": {"noise": (0.1, 0.2)},
    "48 to 80 pixels": {"matrix": (48, 80)},
    "384 to 448 pixels": {"matrix": (384, 448)},
}
PADDED: dict[str, tuple[float, float]] = {
    "5% of the lines zero-padded at each end": (0.05, 0.05),
    "15% at each end": (0.15, 0.15),
    "partial Fourier, 6/8": (0.25, 0.0),
    "partial Fourier, 5/8": (0.375, 0.0),
}
MASKS = {"points (Poisson discs)": MaskSpecification(patterns=("poisson-disc",))}


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--methods", nargs="+", default=list(NETWORKS))
    every = [*ROWS, *PADDED, *MASKS]
    parser.add_argument("--rows", nargs="+", metavar="ROW", default=every, choices=every)
    options = parser.parse_args()
    networks = {name: at_defaults(load_recipe(Path(name).stem), name) for name in options.methods}
    print(f"NMSE ÷ that of tv, rule: mean (largest; how many of {VALIDATION_CASES} are above 1)\n")
    print("| |", *(f"{id} |" for id in networks))
    print("|---" * (len(networks) + 1) + "|")
    for row in options.rows:
        changed, ends, masks = ROWS.get(row, {}), PADDED.get(row, (0.0, 0.0)), MASKS.get(row, LINES)
        bank = follow(build_bank(in_domain(**changed), options.data, options.output / _folder(row)), row)
        ratios: dict[str, list[float]] = {id: [] for id in networks}
        for number, case in enumerate(bank.validation):
            one = example(masks, padded(case, *ends), number, 0)
            of_tv = foreground_error(one.problem.tv(tv.rule(float(one.problem.noise))), one)
            for id, network in networks.items():
                ratios[id].append(against(network, one)[0] / of_tv)
        print(f"| {row} |", *(f"{_cell(np.array(found))} |" for found in ratios.values()), flush=True)


def _folder(row: str) -> str:
    return (row if row in ROWS else next(iter(ROWS))).replace(" ", "-")


def _cell(ratios: np.ndarray[Any, Any]) -> str:
    mean = math.exp(float(np.log(ratios).mean()))
    return f"{mean:.2f} ({ratios.max():.2f}; {(ratios > 1).sum()})"


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
