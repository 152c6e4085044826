"""The papers' tables of robustness, ours beside the published figures, from one command.

    python benchmarks/papers.py --output ../runs/papers [--tables fnaf worst-case transfer ...]

Cases: the packaged sample, slices of the held-out anatomy (8 simulated coils) and the real 16-coil brain, each under
equispaced lines. What OUTPUT holds already (results.json, one entry for each measured case) is not computed again, so
an interrupted run goes on. Prints the tables. What the papers measured, and why it differs, stands in docs/papers.md.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from inspect import getdoc
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

import napari_recon_robust as rr
from attack import regions
from cases import lines, real_brain, slices_of
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.ground.writing import write
from napari_recon_robust.perturbations.outcome import Outcome
from napari_recon_robust.studies.transfer import transfer

ACCELERATIONS = (4, 8)
BUDGETS = (0.005, 0.01, 0.025)
ATTACKED = ("unet", "varnet")
FNAF_NETWORKS = ("unet", "irim", "unet-fnaf")
TRAINED = ("unet", "unet-adversarial", "varnet", "varnet-adversarial", "hqs-supervised")
UNTRAINED = ("dip", "conv-decoder")
FAMILIES = ("cg-sense", "tv", "l1-wavelet", *TRAINED, *UNTRAINED)
TURNED = ("cg-sense", "tv", "unet", "varnet", "hqs-supervised")
ATTEMPTS, REGIONS, MATRIX, SLICES = 2, 1, 128, 4
STABLE = ("unet", "varnet", "tv", "cg-sense")  # transfer of noise, each to each
RECEIVING = ("unet", "irim", "varnet", "tv")  # transfer of features, from the first
ROBUST = ("unet", "unet-fnaf", "unet-adversarial", "varnet-cg", "varnet-adversarial")
FEATURES, SIZE, CONTRAST = 24, 4.0, 0.4  # of each case, placed at random
# Of untrained methods, whose reconstruction takes half a minute.
UNTRAINED_SEARCHES: dict[str, dict[str, Any]] = {
    "black-box": {"algorithm": "black-box", "evaluations": 4},
    "transfer": {"algorithm": "transfer", "stand_in": "tv"},
    "last iterations": {"algorithm": "transfer", "stand_in": "itself"},
}

Values = dict[str, Any]


class Measured:
    """What was measured, in a file: a value by its key, computed where it is missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "results.json"
        self.values: dict[str, Values] = json.loads(self.file.read_text()) if self.file.exists() else {}

    def of(self, compute: Callable[[], Values], *key: Any) -> Values:
        """The values of a case."""
        name = " / ".join(map(str, key))
        if name not in self.values:
            self.values[name] = compute()
            write(self.file, json.dumps(self.values, indent=1).encode())
            print(f"  {name}", flush=True)
        return self.values[name]


class Cases:
    """The measurements of each group at an acceleration, made once."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.of = cache(self._of)

    def _of(self, group: str, acceleration: float) -> list[Measurement]:
        if group == "held-out":
            return list(slices_of(self.data, MATRIX, SLICES, acceleration=acceleration))
        if group == "real":
            return [real_brain(self.data, acceleration)]
        with rr.open_sample() as scan:
            return [scan.measurement(len(scan) // 2, lines(acceleration))]


GROUPS = ("held-out", "real", "sample")


def line(*cells: Any) -> str:
    """A row of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def heading(*cells: str) -> str:
    """The first two rows of a table."""
    return f"{line(*cells)}\n{'|---' * len(cells)}|"


def fnaf(cases: Cases, measured: Measured) -> Iterator[str]:
    """Attack rates by the published threshold, and lost features by contrast recovery.

    The thresholds are on a mean over all pixels: 6.25 times easier to reach at 128x128 than on the sample's 320x320.
    """
    searches = ("random-search", "finite-differences", "multiplexed")
    yield heading("", "R", "network", "published RS", "published FD", "preserved", "lost: RS", "FD", "ours")
    for group, acceleration, id in product(GROUPS, ACCELERATIONS, FNAF_NETWORKS):
        rows: dict[str, list[Values]] = {name: [] for name in searches}
        for number, one in enumerate(cases.of(group, acceleration)):
            for seed, algorithm in [*product(range(ATTEMPTS), searches[:2]), (0, searches[2])]:
                search = partial(searched, one, id, algorithm, seed)
                rows[algorithm].append(measured.of(search, "fnaf", group, acceleration, id, number, seed, algorithm))
        rs, fd, ours = (rows[name] for name in searches)
        published = [rate(rs, "success"), rate(fd, "success"), rate([*rs, *fd], "preserved")]
        yield line(group, acceleration, id, *published, *(rate(each, "lost") for each in (rs, fd, ours)))


def searched(measurement: Measurement, id: str, algorithm: str, seed: int) -> Values:
    """One search over the whole image, and what it found; the published ones draw the published feature."""
    whole = ROI.box(0, 0, *measurement.matrix)
    shape = "any" if algorithm == "multiplexed" else "walk"
    (found,) = rr.perturb("fnaf", measurement, rr.reconstructor(id), whole, algorithm=algorithm, shape=shape, seed=seed)
    details = found.details
    return {
        "success": bool(details["published_success"]),
        "preserved": bool(details["published_preserved"]),
        "lost": bool(details["lost"] and details["information_preserved"]),
        "recovery": float(details["recovery"]),
    }


def rate(rows: Sequence[Values], name: str) -> str:
    """A share with its exact 95% interval."""
    hits = sum(row[name] for row in rows)
    low, high = binomtest(hits, len(rows)).proportion_ci(method="exact")
    return f"{100 * hits / len(rows):.0f}% [{100 * low:.0f}, {100 * high:.0f}]"


ATTACKS: dict[str, Values | None] = {
    "published, ROI": {"algorithm": "advrec", "steps": 10},
    "ours, ROI": {"algorithm": "sphere-ascent"},
    "ours, ROI, 1 − SSIM": {"algorithm": "sphere-ascent", "loss": "ssim"},
    "ours, whole image": {"algorithm": "sphere-ascent", "region": "image"},
    "random": None,
}


def worst_case(cases: Cases, measured: Measured) -> Iterator[str]:
    """Relative loss of ROI SSIM against the budget: the same ROIs under ROI and under whole-image attacks."""
    yield heading("", "R", "network", "attack", "clean", *(f"{100 * budget:g}%" for budget in BUDGETS))
    for group, acceleration, id, (name, knobs) in product(GROUPS, ACCELERATIONS, ATTACKED, ATTACKS.items()):
        rows = []
        for number, one in enumerate(cases.of(group, acceleration)):
            for place, roi in enumerate(regions(one, REGIONS, np.random.default_rng(number))):
                attack = partial(attacked, one, id, roi, knobs)
                rows.append(measured.of(attack, "worst-case", group, acceleration, id, name, number, place))
        clean = np.mean([row["clean"] for row in rows])
        lost = np.mean([[1 - ssim / row["clean"] for ssim in row["ssim"]] for row in rows], 0)
        yield line(group, acceleration, id, name, f"{clean:.3f}", *(f"{100 * value:.1f}%" for value in lost))


def attacked(measurement: Measurement, id: str, roi: ROI, knobs: Mapping[str, Any] | None) -> Values:
    """ROI SSIM of the clean image, and at each budget."""
    method = rr.reconstructor(id)
    kind = "random" if knobs is None else "worst-case"
    found = rr.perturb(kind, measurement, method, roi, BUDGETS, **(knobs or {}))
    outcomes = rr.compare(measurement, method, roi, found)
    return {
        "clean": outcomes[0].comparison.metrics["clean"]["roi"].ssim,
        "ssim": [outcome.comparison.metrics["perturbed"]["roi"].ssim for outcome in outcomes],
        "nmse": [outcome.comparison.metrics["perturbed"]["roi"].nmse for outcome in outcomes],
    }


def transfer_of_noise(cases: Cases, measured: Measured) -> Iterator[str]:
    """Change of the region at 1%: found on the row, evaluated on the column; a ROI of each of three held-out slices."""
    yield heading("", *STABLE)
    for acceleration in ACCELERATIONS:
        found = []
        for number, one in enumerate(cases.of("held-out", acceleration)[:3]):
            (roi,) = regions(one, 1, np.random.default_rng(number))
            matrix = partial(transferred, one, roi, STABLE, STABLE, kind="worst-case")
            found.append(measured.of(matrix, "transfer", acceleration, number))
        for id in STABLE:
            yield line(
                f"{id}, {acceleration}x", *(f"{x:.3f}" for x in np.mean([one["change"][id] for one in found], 0))
            )


def transfer_of_features(cases: Cases, measured: Measured) -> Iterator[str]:
    """Features found on the U-Net by random search, held-out: mean recovery and share that is lost by each method."""
    yield heading("R", "", *RECEIVING)
    for acceleration in ACCELERATIONS:
        found = []
        for number, one in enumerate(cases.of("held-out", acceleration)):
            whole = ROI.box(0, 0, *one.matrix)
            for seed in range(ATTEMPTS):
                knobs = {"kind": "fnaf", "algorithm": "random-search", "shape": "walk", "seed": seed}
                matrix = partial(transferred, one, whole, RECEIVING, RECEIVING[:1], **knobs)
                found.append(measured.of(matrix, "transfer-fnaf", acceleration, number, seed)["recovery"][RECEIVING[0]])
        yield line(acceleration, "recovery", *(f"{value:.2f}" for value in np.mean(found, 0)))
        yield line(acceleration, "lost", *(f"{100 * value:.0f}%" for value in np.mean(np.array(found) < 0.5, 0)))


def transferred(
    measurement: Measurement, roi: ROI, ids: Sequence[str], found_on: Sequence[str], **knobs: Any
) -> Values:
    """Changes and recoveries by the method that the perturbation was found on, a list over `ids` each."""
    table = run(transfer(measurement, {id: rr.reconstructor(id) for id in ids}, roi, found_on=found_on, **knobs))
    return {name: {row: getattr(table, name)(row) for row in table.found} for name in ("change", "recovery")}


def robust(cases: Cases, measured: Measured) -> Iterator[str]:
    """What robust training costs and brings: held-out slices and the real brain at 4x, a ROI and some features each."""
    heads = ("network", "SSIM held-out", "real", "change at 1%", "2.5%", "SSIM lost at 1%", "2.5%", "features lost")
    yield heading(*heads, "mean recovery")
    for id in ROBUST:
        rows = []
        for group in ("held-out", "real"):
            for number, one in enumerate(cases.of(group, 4)):
                rows.append(measured.of(partial(robustness, one, id, number), "robust", group, id, number))
        held, real = (np.mean([row["ssim"] for row in part]) for part in (rows[:-1], rows[-1:]))
        moved, lost = (np.mean([row[name] for row in rows], 0) for name in ("change", "lost"))
        recoveries = np.concatenate([row["recoveries"] for row in rows])
        scores = (f"{value:.3f}" for value in (held, real, *moved, *lost))
        yield line(id, *scores, f"{(recoveries < 0.5).sum()} of {len(recoveries)}", f"{recoveries.mean():.3f}")


def robustness(measurement: Measurement, id: str, number: int) -> Values:
    """SSIM of the foreground; the attack on a region at 1 and 2.5%; recoveries of features placed at random."""
    method, random = rr.reconstructor(id), np.random.default_rng(number)
    (roi,) = regions(measurement, 1, random)
    outcomes = rr.compare(measurement, method, roi, rr.perturb("worst-case", measurement, method, roi, (0.01, 0.025)))
    metrics = outcomes[0].comparison.metrics["clean"]
    recoveries = []
    for row, column in random.permutation(measurement.foreground.nonzero().numpy())[:FEATURES]:
        place = {"row": float(row), "column": float(column), "size": SIZE}
        contrast = float(random.choice((-1, 1))) * CONTRAST
        (found,) = rr.perturb("fnaf", measurement, method, roi, shape="blob", contrast=contrast, **place)
        recoveries.append(float(found.details["recovery"]))
    return {
        "ssim": metrics["foreground"].ssim,
        "change": [outcome.comparison.stability["perturbed"]["change"] for outcome in outcomes],
        "lost": [metrics["roi"].ssim - outcome.comparison.metrics["perturbed"]["roi"].ssim for outcome in outcomes],
        "recoveries": recoveries,
    }


def rotation(cases: Cases, measured: Measured) -> Iterator[str]:
    """SSIM around the object over the angle: as it lies, at the worst angle, and interpolation alone.

    The mean over the whole object hides what happens in a lesion. A pose spends no budget, so it has no random control.
    """
    yield heading("", "method", "as it lies", "worst within 2°", "at", "worst within 5°", "at", "interpolation alone")
    for group, id in product(GROUPS, TURNED):
        found = measured.of(partial(turned, cases.of(group, 4)[0], id), "rotation", group, id)
        (near, within), (far, beyond) = found["2"], found["5"]
        still, within, beyond, floor = (f"{value:.4f}" for value in (found["still"], within, beyond, found["floor"]))
        yield line(group, id, still, within, f"{near:g}°", beyond, f"{far:g}°", floor)


def turned(measurement: Measurement, id: str) -> Values:
    """The curve of one method: the least SSIM within 2 and 5 degrees."""
    tissue = measurement.foreground
    rows, columns = (tissue.any(dim).nonzero().flatten().tolist() for dim in (1, 0))
    middle = ROI.box(rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1)
    (found,) = rr.perturb("rotation", measurement, rr.reconstructor(id), middle, angle=5, step=1)
    curve = {point["angle"]: point["ssim"] for point in found.details["curve"]}
    within = {f"{limit}": min((s, a) for a, s in curve.items() if 0 < abs(a) <= limit) for limit in (2, 5)}
    floor = min(point["floor_ssim"] for point in found.details["curve"])
    return {"still": curve[0.0], "floor": floor, **{name: [a, s] for name, (s, a) in within.items()}}


def families(cases: Cases, measured: Measured) -> Iterator[str]:
    """Every family under the same ball of 1% of each coil: how far the region moves, and its error before and after."""
    heads = ("", "method", "found by", "change of the region", "random noise")
    yield heading(*heads, "relative RMSE, clean", "attacked", "SSIM, clean", "attacked")
    for group, id in product(GROUPS[:2], FAMILIES):
        slow = id in UNTRAINED
        if slow and group != "real":
            continue
        searches = UNTRAINED_SEARCHES if slow else {"sphere-ascent": {"algorithm": "sphere-ascent"}}
        for algorithm, knobs in searches.items():
            rows = []
            for number, one in enumerate(cases.of(group, 4)[: 1 if slow else 2]):
                (roi,) = regions(one, 1, np.random.default_rng(number))
                attack = partial(stability, one, id, roi, knobs)
                rows.append(measured.of(attack, "families", group, id, algorithm, number))
            means = [np.mean([row[name] for row in rows]) for name in rows[0]]
            yield line(group, id, algorithm, *(f"{value:.4f}" for value in means))


def stability(measurement: Measurement, id: str, roi: ROI, knobs: Values) -> Values:
    """The outcome of one attack of 1%."""
    method = rr.reconstructor(id)
    found = rr.perturb("worst-case", measurement, method, roi, (0.01,), **knobs)
    (outcome,) = rr.compare(measurement, method, roi, found)
    return described(outcome)


def described(outcome: Outcome) -> Values:
    """Absolute stability, and the error."""
    comparison = outcome.comparison
    clean, perturbed = (comparison.metrics[name]["roi"] for name in ("clean", "perturbed"))
    return {
        "change": comparison.stability["perturbed"]["change"],
        "random": comparison.stability["random"]["change"],
        "before": clean.nmse**0.5,
        "after": perturbed.nmse**0.5,
        "ssim before": clean.ssim,
        "ssim after": perturbed.ssim,
    }


TABLES = {
    "fnaf": fnaf,
    "worst-case": worst_case,
    "transfer": transfer_of_noise,
    "transfer-fnaf": transfer_of_features,
    "robust": robust,
    "rotation": rotation,
    "families": families,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    options = parser.parse_args()
    cases, measured = Cases(options.data), Measured(options.output)
    for name in options.tables:
        text = "\n".join(TABLES[name](cases, measured))
        (options.output / f"{name}.md").write_text(f"{text}\n", encoding="utf-8")
        print(f"\n{name}: {getdoc(TABLES[name])}\n\n{text}", flush=True)


if __name__ == "__main__":
    main()
