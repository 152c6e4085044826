"""What cards say beside the scores: whom the training saw, and what became of lesions, under attack, of small features.

    python benchmarks/cards.py [--data ../shared/data] [--methods ID ...] [--measure lesions attack features]

The weights and their hash stay; a section of a card is replaced by its new text. Whom the training saw, and how strong
the network is beside TV, are written for all methods, the measured sections for those of `--methods`. `--measure`
without a name measures nothing.

lesions: SSIM of the packaged sample's annotated lesions at 4x and 8x, as in lesions.py. attack: SSIM of one region in
each of three slices of the held-out anatomy (128 x 128, 4x), clean, under worst-case noise of 1% of each coil's norm,
and under random noise of the same norm. features: how many blobs at 30 random places of one of these slices keep at
least half of their contrast.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

import napari_recon_robust as rr
from arguments import parser_of
from attack import regions
from cases import slices_of
from lesions import BLIND, RESAMPLES, lesions
from napari_recon_robust.analyses.retention import recovery_table
from napari_recon_robust.ground.progress import run
from napari_recon_robust.weights import store
from napari_recon_robust.weights.card import annotate

FIRST = ("unrolled-hqs", "hqs-supervised", "cascade-net", "varnet", "varnet-cg", "hyperrecon", "unet")
BUDGET, MATRIX, SLICES = 0.01, 128, 3
HEADS = ("brain_t1_a (T1)", "brain_t2 (T2)", "brain_lowres (T1, PD and MT weighted)")  # before cards listed volumes
FIVE = "5 simulated from NIfTI"
SIMULATOR = "Training, validation and simulated tests share one simulator of coils, phase and noise."


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--methods", nargs="+", default=list(FIRST))
    parser.add_argument("--measure", nargs="*", choices=SECTIONS, default=list(SECTIONS))
    options = parser.parse_args()
    folder = Path(store.__file__).parent
    for id in store.shipped():
        annotate(folder / f"{id}.md", "Whom the training saw", seen(id))
        if told := strength(id):
            annotate(folder / f"{id}.md", "How strong it is", told)
    for id in options.methods:
        for name in options.measure:
            heading, measure = SECTIONS[name]
            annotate(folder / f"{id}.md", heading, measure(id, options.data))
            print(f"{id}: {name}", flush=True)


def seen(id: str) -> str:
    """How few people the training saw, that it shares a simulator with the tests, and its core hours."""
    metadata = store.load(id).metadata
    assert metadata is not None
    if metadata.volumes:
        people = {one.person for one in metadata.volumes if one.use == "training"}
        who = f"{len(people)} people, listed above."
    else:
        assert FIVE in metadata.data
        who = f"Three heads alone, in five volumes: {', '.join(HEADS)}. No other organ, and nobody else's head."
    spent = f"{metadata.core_seconds / 3600:.2f} core hours."
    if not metadata.core_seconds:
        minutes = f"{metadata.seconds / 60:.0f} minutes"
        spent = f"Core hours were not recorded; it took {minutes} of a shared core by the clock."
    elif metadata.ancestors:
        together = metadata.core_seconds + sum(one.core_seconds for one in metadata.ancestors)
        spent += f" {together / 3600:.2f} with those of the weights before that are listed above."
    elif any(stretch.start for stretch in metadata.history):
        spent += " Those of the weights that it started from come on top."
    return " ".join((who, *([] if SIMULATOR in metadata.notes else [SIMULATOR]), spent))


def strength(id: str) -> str:
    """The NMSE relative to that of TV by its rule where both were scored, and whether TV is the better choice."""
    metadata = store.load(id).metadata
    scores = {} if metadata is None else metadata.scores
    ending = f", {id}"
    cases = [case.removesuffix(ending) for case in scores if case.endswith(ending)]
    ratios = {
        case: scores[f"{case}{ending}"]["NMSE"] / scores[f"{case}, {BLIND}"]["NMSE"]
        for case in cases
        if f"{case}, {BLIND}" in scores
    }
    if not ratios:
        return ""
    behind = sum(ratio > 1 for ratio in ratios.values())
    named = "; ".join(f"{case} {ratio:.2f}" for case, ratio in ratios.items())
    judged = {
        0: "It is ahead of TV in all of them.",
        len(ratios): "It is weak: TV by its rule, which learns nothing, has the smaller error in all of them.",
    }
    verdict = judged.get(behind, f"TV by its rule, which learns nothing, has the smaller error in {behind} of them.")
    return f"NMSE ÷ that of `{BLIND}`: {named}. {verdict} Slices of one head, and one real slice; no interval."


def lesion_section(id: str, data: Path) -> str:
    """The table of the lesions, with the network's start and blind TV."""
    rows = ["| | SSIM | start | tv, rule | above tv, rule |", "|---|---|---|---|---|"]
    for acceleration in (4.0, 8.0):
        values = {name: np.array(each) for name, each in lesions([id], acceleration).items()}
        above = values[id] - values[BLIND]
        chosen = np.random.default_rng(0).integers(len(above), size=(RESAMPLES, len(above)))
        low, high = np.percentile(above[chosen].mean(1), (2.5, 97.5))
        start = values.get(f"{id}, start")
        means = (values[id].mean(), "" if start is None else start.mean(), values[BLIND].mean())
        cells = (f"{value:.3f}" if value != "" else "" for value in means)
        rows.append(f"| {acceleration:g}x | {' | '.join(cells)} | {above.mean():+.3f} [{low:+.3f}, {high:+.3f}] |")
    note = f"{len(above)} lesions of one simulated head (`benchmarks/lesions.py`); the interval is over these lesions."
    return "\n".join((*rows, "", note))


def attack_section(id: str, data: Path) -> str:
    """SSIM of the regions, clean, attacked and under random noise."""
    found = []
    for number, measurement in enumerate(slices_of(data, MATRIX, SLICES)):
        (roi,) = regions(measurement, 1, np.random.default_rng(number))
        method = rr.reconstructor(id)
        (outcome,) = rr.compare(measurement, method, roi, rr.perturb("worst-case", measurement, method, roi, (BUDGET,)))
        metrics = outcome.comparison.metrics
        found.append([metrics[name]["roi"].ssim for name in ("clean", "perturbed", "random")])
    clean, attacked, random = np.mean(found, 0)
    each = "; ".join(" → ".join(f"{value:.2f}" for value in row[:2]) for row in found)
    return (
        f"SSIM of a region falls from {clean:.3f} to {attacked:.3f} under the worst noise found of {100 * BUDGET:g}% "
        f"of each coil's norm (each region: {each}); random noise of the same norm leaves {random:.3f}. "
        f"{SLICES} regions of one held-out head, {MATRIX} x {MATRIX}, 4x; they are too few for an interval."
    )


def feature_section(id: str, data: Path) -> str:
    """The table of recovered blobs."""
    measurement = list(slices_of(data, MATRIX, SLICES))[SLICES // 2]
    table = run(recovery_table(measurement, rr.reconstructor(id), sizes=(2.0, 4.0), contrasts=(0.2, 0.4)))
    return f"{table.markdown()}\n{table.legend} One slice of one held-out head, {MATRIX} x {MATRIX}, 4x."


SECTIONS: dict[str, tuple[str, Callable[[str, Path], str]]] = {
    "lesions": ("Lesions of the packaged sample", lesion_section),
    "attack": ("Under worst-case noise", attack_section),
    "features": ("Small features", feature_section),
}


if __name__ == "__main__":
    main()
