"""Quality of all methods on the held-out anatomy and on the real 16-coil brain, by the evaluation protocol.

    python benchmarks/quality.py --data ../shared/data [--only simulated|real] [--json FILE] [--cards]

Simulated: axial slices of brain_t1_b, coils and noise by seed, against the noise-free truth. Real: the brain at
R = 2, 3, 4, against the fully sampled image combined by the sensitivities of the undersampled scan. Lines with 8%
in the centre (at least 12), equispaced and random, mask seeds from 0; the effective R is printed.
All figures are of the foreground. NMSE as geometric means; the ratios are paired with the same cases, and their
spread is the geometric standard deviation over cases (slices of one head are not independent).
"oracle" is the best of 15 values by NMSE against the reference, which no user has; "auto" holds lines out, "rule" is
0.12 sigma; without either a method has its default knobs.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from napari_recon_robust.errors import ReconRobustError
from napari_recon_robust.evaluation.metrics import foreground, measure
from napari_recon_robust.io import open_scan
from napari_recon_robust.measurement import Measurement
from napari_recon_robust.physics.anatomy import load_volume, slices
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.physics.simulate import NOISE_RANGE, simulate_slice
from napari_recon_robust.progress import run
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.auto import auto_knobs
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.reconstructors.tv import auto_weight
from napari_recon_robust.weights import store

ORACLE = np.geomspace(1e-4, 5e-2, 15)
PATTERNS = ("equispaced", "random")
Scores = dict[str, dict[str, float]]


def simulated(data: Path, matrix: int, count: int, acceleration: float) -> Iterator[tuple[str, Measurement, Tensor]]:
    volume = load_volume(data / "anatomy" / "brain_t1_b.nii.gz")
    for seed, image in enumerate(slices(volume, "axial", count, (matrix, matrix))):
        rng = np.random.default_rng(seed)
        level = float(np.exp(rng.uniform(*np.log(NOISE_RANGE))))
        acquired = simulate_slice(image, rng, coils=8, noise_level=level)
        for pattern in PATTERNS:
            mask = masks(pattern, acceleration, seed % 5).mask(matrix, matrix)
            measurement = Measurement(acquired.kspace * mask, mask, (matrix, matrix), acquired.kspace)
            yield f"simulated {acceleration:g}x", measurement, acquired.image.abs()


def real(data: Path, seeds: int) -> Iterator[tuple[str, Measurement, Tensor]]:
    with open_scan(data / "kspace" / "brain_16coil_128x128_full.npy", axes=("coil", "phase", "readout")) as scan:
        for acceleration in (2, 3, 4):
            for pattern in PATTERNS:
                for seed in range(seeds):
                    measurement = scan.measurement(0, masks(pattern, acceleration, seed))
                    reference = measurement.reference("combined")
                    assert reference is not None
                    yield f"real {acceleration}x", measurement, reference


def masks(pattern: str, acceleration: float, seed: int) -> Sampling:
    fraction = 0.08 if acceleration < 8 else 0.04
    return Sampling(
        pattern=pattern, acceleration=acceleration, centre_fraction=fraction, minimum_centre_lines=12, seed=seed
    )


def evaluate(measurement: Measurement, reference: Tensor) -> Scores:
    inside = foreground(reference)

    def score(image: Tensor) -> dict[str, float]:
        return vars(measure(image, reference, tissue=inside)["foreground"])

    def oracle(method: Reconstructor, knob: str, values: np.ndarray) -> dict[str, float]:
        images = method.family(measurement, [{knob: float(value)} for value in values])
        return min((score(image) for image in images), key=lambda one: one["nmse"])

    def auto(method: Reconstructor) -> dict[str, float]:
        return score(method(measurement, **run(auto_knobs(method, measurement))))

    get = registry.get
    cg, tv = get("cg-sense"), get("tv")
    weights = ORACLE
    hyper = np.geomspace(2e-4, 2e-2, 15)
    variants: dict[str, Callable[[], dict[str, float]]] = {
        "zero-filled (combined)": lambda: score(measurement.crop(measurement.model.adjoint(measurement.data))),
        "zero-filled": lambda: score(get("zero-filled")(measurement)),
        "cg-sense": lambda: score(cg(measurement)),
        "cg-sense, oracle": lambda: oracle(cg, "weight", weights),
        "tv": lambda: score(tv(measurement)),
        "tv, rule": lambda: score(tv(measurement, weight=auto_weight(measurement))),
        "tv, auto": lambda: auto(tv),
        "tv, oracle": lambda: oracle(tv, "weight", weights),
        "unet": lambda: score(get("unet")(measurement)),
        "varnet": lambda: score(get("varnet")(measurement)),
        "hqs-supervised": lambda: score(get("hqs-supervised")(measurement)),
        "hqs-supervised, oracle": lambda: oracle(get("hqs-supervised"), "noise", np.geomspace(0.5, 2, 7)),
        "hyperrecon": lambda: score(get("hyperrecon")(measurement)),
        "hyperrecon, auto": lambda: auto(get("hyperrecon")),
        "hyperrecon, oracle": lambda: oracle(get("hyperrecon"), "weight", hyper),
    }
    scores = {}
    with torch.no_grad():
        for name, variant in variants.items():
            try:
                scores[name] = variant()
            except ReconRobustError as error:  # weights that were not trained yet: the table goes without them
                print(f"{name}: {error}")
    return scores


def table(group: str, cases: list[Scores], accelerations: list[float]) -> None:
    print(f"\n{group}: {len(cases)} cases, effective R {min(accelerations):.2f} to {max(accelerations):.2f}")
    print(f"{'':24}{'NMSE':>9}{'SSIM':>8}{'PSNR':>7}   NMSE ÷ oracle CG    ÷ the better of oracle CG and TV")
    for name in cases[0]:
        nmse = np.array([case[name]["nmse"] for case in cases])
        cg = np.array([case["cg-sense, oracle"]["nmse"] for case in cases])
        better = np.minimum(cg, [case["tv, oracle"]["nmse"] for case in cases])
        ssim, psnr = (np.mean([case[name][measure] for case in cases]) for measure in ("ssim", "psnr"))
        cells = "".join(f"{geometric(nmse / base):8.3f} ×/÷ {spread(nmse / base):4.2f}    " for base in (cg, better))
        print(f"{name:24}{geometric(nmse):9.5f}{ssim:8.4f}{psnr:7.2f}   {cells}")


def geometric(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean()))


def spread(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).std()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", choices=("simulated", "real"))
    parser.add_argument("--matrix", type=int, default=256)
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--cards", action="store_true", help="write the networks' scores into their cards")
    options = parser.parse_args()

    cases: dict[str, list[Scores]] = defaultdict(list)
    accelerations: dict[str, list[float]] = defaultdict(list)
    if options.only != "real":
        collect(simulated(options.data, options.matrix, options.slices, 4), cases, accelerations)
    if options.only != "simulated":
        collect(real(options.data, options.seeds), cases, accelerations)
    for group in cases:
        table(group, cases[group], accelerations[group])
    if options.json:
        options.json.write_text(json.dumps(cases, indent=1), encoding="utf-8")
    if options.cards:
        write_cards(cases)


def write_cards(cases: dict[str, list[Scores]]) -> None:
    """Each network's scores at its default knobs, beside those of the best TV."""
    for name in store.shipped():
        weights = store.load(name)
        if weights.metadata is None or not all(name in case for group in cases.values() for case in group):
            continue
        scores = {
            f"{group}, {method}": {
                "NMSE": geometric(np.array([case[method]["nmse"] for case in group_cases])),
                "SSIM": float(np.mean([case[method]["ssim"] for case in group_cases])),
                "PSNR": float(np.mean([case[method]["psnr"] for case in group_cases])),
            }
            for group, group_cases in cases.items()
            for method in (name, "tv, oracle")
        }
        metadata = weights.metadata.model_copy(update={"scores": weights.metadata.scores | scores})
        store.save(Path(store.__file__).parent, name, weights.state, metadata)


def collect(
    source: Iterator[tuple[str, Measurement, Tensor]],
    cases: dict[str, list[Scores]],
    accelerations: dict[str, list[float]],
) -> None:
    for group, measurement, reference in source:
        cases[group].append(evaluate(measurement, reference))
        accelerations[group].append(measurement.acceleration)


if __name__ == "__main__":
    main()
