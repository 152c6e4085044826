"""Quality of all methods on the held-out anatomy and on the real 16-coil brain, by the evaluation protocol.

    python benchmarks/quality.py --data ../shared/data --output FOLDER [--methods ID ...] [--cards]

Simulated: axial slices of brain_t1_b at 4x and 8x, coils and noise by the slice's number, against the noise-free truth.
Real: the brain at R = 2, 3, 4, against the fully sampled image combined by the sensitivities of the undersampled scan.
Equispaced and random lines with 8% (4% at 8x) in the centre, at least 12. A thin view on `analyses.quality`:
what FOLDER holds already is not computed again. Untrained methods and test-time training take minutes a slice and
come with --all. With --methods there are those, their starts and TV by its rule.

A network is shipped by copying its file of weights and its card from the run's folder into the package; --cards then
stores the weights in half precision and writes these scores into the card.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from arguments import parser_of
from napari_recon_robust.analyses.quality.comparing import compare_methods
from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.analyses.quality.grid import Grid
from napari_recon_robust.analyses.quality.results import MethodResult
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.weights import store

SLOW = ("dip", "deep-decoder", "conv-decoder", "posterior", "test-time-training")
CHOSEN = (
    "zero-filled, combine=combined",
    "grappa, combine=combined",
    "cg-sense, oracle",
    "tv, rule",
    "tv, auto",
    "tv, oracle",
    "l1-wavelet, oracle",
    "hqs-supervised, oracle",
    "hyperrecon, rule",
    "hyperrecon, auto",
    "hyperrecon, oracle",
    "varnet, consistency=0.01",
)
BASELINE = "tv, rule"


def main() -> None:
    parser = parser_of(__doc__, "data", "output")
    parser.add_argument("--methods", nargs="+", metavar="ID", help="these alone, with knobs if wanted (default: all)")
    parser.add_argument("--matrix", type=int, default=192)
    parser.add_argument("--slices", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="the slow methods too")
    parser.add_argument("--cards", action="store_true", help="write the networks' scores into their cards")
    options = parser.parse_args()

    methods = options.methods or [id for id in registry.ids() if options.all or id not in SLOW]
    starts = [f"{id}, start" for id in methods if "," not in id and registry.get(id).start() is not None]
    chosen = (BASELINE,) if options.methods else CHOSEN
    entries = [MethodEntry.parse(text) for text in sorted({*methods, *starts, *chosen})]
    studies = cases(options.data, options.matrix, options.slices, options.seeds)
    for name, (file, grid) in studies.items():
        job = compare_methods(
            {name: [file]},
            entries,
            grid,
            folder=options.output,
            baseline=BASELINE,
            axes=("coil", "phase", "readout"),
        )
        table = follow(job, name)
    print(table.markdown())
    if options.cards:
        write_cards(table.results)


def cases(data: Path, matrix: int, slices: int, seeds: int) -> dict[str, tuple[Path, Grid]]:
    """The file and the masks of each group."""
    patterns = ("equispaced", "random")
    return {
        "held-out anatomy, simulated": (
            data / "anatomy" / "brain_t1_b.nii.gz",
            Grid(patterns=patterns, accelerations=(4.0, 8.0), slices=slices, matrix=matrix),
        ),
        "real scan": (
            data / "kspace" / "brain_16coil_128x128_full.npy",
            Grid(patterns=patterns, accelerations=(2.0, 3.0, 4.0), seeds=tuple(range(seeds))),
        ),
    }


def write_cards(results: Iterable[MethodResult]) -> None:
    """Each network's scores at its default knobs, beside those of its start and of TV by its rule.

    They take the place of all others but the training's own; `save` then makes the card anew, without the sections that
    cards.py writes.
    """
    done = [result for result in results if not result.error]
    for name in set(store.shipped()) & {result.method for result in done}:
        weights = store.load(name)
        if weights.metadata is None:
            continue
        scores = {}
        for group, acceleration in dict.fromkeys((result.group, result.acceleration) for result in done):
            for method in (name, f"{name}, start", BASELINE):
                mine = [
                    one for one in done if (one.group, one.acceleration, one.method) == (group, acceleration, method)
                ]
                if mine:
                    scores[f"{group} {acceleration:g}x, {method}"] = {
                        "NMSE": float(np.exp(np.mean(np.log([one.nmse for one in mine])))),
                        "SSIM": float(np.mean([one.ssim for one in mine])),
                        "PSNR": float(np.mean([one.psnr for one in mine])),
                    }
        judged = {case: of for case, of in weights.metadata.scores.items() if case == "validation"}
        metadata = weights.metadata.model_copy(update={"scores": judged | scores})
        store.save(Path(store.__file__).parent, name, weights.state, metadata, half=True)


if __name__ == "__main__":
    main()
