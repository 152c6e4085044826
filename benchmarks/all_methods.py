"""All methods, the untrained ones too, on few cases: the tables of docs/all-methods.md from one command.

    python benchmarks/all_methods.py --data ../shared/data --output FOLDER [--page docs/all-methods.md]

Two slices of the held-out anatomy (192 x 192, 8 simulated coils) at 4x and 8x, and the real 16-coil brain at 2x, 3x and
4x, under equispaced and random lines; NMSE is divided by that of TV at its oracle weight. What FOLDER holds already is
not computed again. The tables take the place of those of the page; what it says of them is written by hand.
"""

import re
from pathlib import Path

import torch

from arguments import parser_of
from napari_recon_robust.analyses.quality.comparing import compare_methods
from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.ground.writing import write
from napari_recon_robust.reconstructors import registry
from quality import cases

# Beside each method at its default knobs and its start.
MORE = {
    "zero-filled": ("zero-filled, combine=combined",),
    "grappa": ("grappa", "grappa, combine=combined"),
    "cg-sense": ("cg-sense", "cg-sense, oracle"),
    "tv": ("tv", "tv, rule", "tv, oracle"),
    "l1-wavelet": ("l1-wavelet", "l1-wavelet, oracle"),
    "varnet": ("varnet", "varnet, consistency=0.01", "varnet, start"),
    "hyperrecon": ("hyperrecon", "hyperrecon, start", "hyperrecon, oracle"),
}
BASELINE = "tv, oracle"


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--page", type=Path, help="the page that gets the tables")
    options = parser.parse_args()
    torch.set_num_threads(1)
    entries = [MethodEntry.parse(row) for id in registry.ids() for row in rows(id)]
    simulated, real = cases(options.data, matrix=192, slices=2, seeds=1).values()
    tables = []
    for name, (file, grid) in {"real": real, "simulated": simulated}.items():
        job = compare_methods(
            {name: [file]},
            entries,
            grid,
            folder=options.output / name,
            baseline=BASELINE,
            axes=("coil", "phase", "readout"),
        )
        _, *sections = follow(job, name).markdown().split("\n## ")
        tables += [without_intervals(section) for section in sections if section.startswith(name)]
        print("\n## ".join(["", *sections]))
    if options.page is not None:
        said, _, _ = options.page.read_text(encoding="utf-8").partition("\n## ")
        write(options.page, ("\n## ".join([said, *(f"{table.strip()}\n" for table in tables)])).encode())


def without_intervals(section: str) -> str:
    """A table as the page has it: four masks of two slices of one head are too few for intervals."""
    return re.sub(
        r"intervals over .*(?=\.\n)|\d+ masks are too few for intervals",
        "too few for intervals",
        re.sub(r" \[[^]]*\](?= \|)", "", section),
    )


def rows(id: str) -> tuple[str, ...]:
    """The rows of a method."""
    own = (id,) if registry.get(id).start() is None else (id, f"{id}, start")
    return MORE.get(id, own)


if __name__ == "__main__":
    main()
