"""SSIM of the packaged sample's annotated lesions: each network beside its start and blind TV.

    python benchmarks/lesions.py [--methods "ID[, KNOB=VALUE]" ...] [--accelerations 4 8]

Each lesion's box as it is annotated; the SSIM map of the whole slice, averaged over the box, against the fully sampled
coil-combined image. Equispaced lines with 8% of them in the centre (4% from 8x on), at least 12. The interval is a
bootstrap over the lesions; all of them are of one simulated head, so that it does not speak of people.
"""

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.simulation.sample import open_sample

NETWORKS = ("unrolled-hqs", "varnet", "cascade-net", "hqs-net", "hyperrecon", "unet", "hqs-supervised", "varnet-cg")
BLIND = "tv, rule"
RESAMPLES = 2000


def sampling(acceleration: float) -> Sampling:
    fraction = 0.08 if acceleration < 8 else 0.04
    return Sampling(acceleration=acceleration, centre_fraction=fraction, minimum_centre_lines=12)


def images(ids: list[str], measurement: Measurement) -> dict[str, Tensor]:
    """Of every method, at knobs or with its start, and of TV by its rule."""
    found = {BLIND: registry.get("tv")(measurement, weight=tv.auto_weight(measurement))}
    for id in ids:
        entry = MethodEntry.parse(id)
        method = entry.open()
        found[id] = method(measurement)
        if not entry.knobs and (start := method.reconstructor.start()) is not None:
            found[f"{id}, start"] = start(measurement)
    return found


def lesions(ids: list[str], acceleration: float) -> dict[str, list[float]]:
    """SSIM of each lesion by each method."""
    values: dict[str, list[float]] = {}
    with open_sample() as scan, torch.no_grad():
        found = [one for one in scan.annotations if one.box is not None]
        for index in sorted({one.slice for one in found}):
            measurement = scan.measurement(index, sampling(acceleration))
            reference = measurement.reference("combined")
            assert reference is not None
            regions = [one.box.mask(measurement.matrix) for one in found if one.slice == index]
            for name, image in images(ids, measurement).items():
                similarity = metrics.ssim_map(image, reference, float(reference.abs().max()))
                values.setdefault(name, []).extend(float(similarity[inside].mean()) for inside in regions)
    return values


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--methods", nargs="+", default=list(NETWORKS))
    parser.add_argument("--accelerations", nargs="+", type=float, default=[4.0, 8.0])
    options = parser.parse_args()
    for acceleration in options.accelerations:
        values = {name: np.array(each) for name, each in lesions(options.methods, acceleration).items()}
        count = len(values[BLIND])
        chosen = np.random.default_rng(0).integers(count, size=(RESAMPLES, count))
        print(f"\n{acceleration:g}x, {count} lesions\n\n| method | SSIM | above {BLIND} |\n|---|---|---|")
        for name, each in values.items():
            above = each - values[BLIND]
            low, high = np.percentile(above[chosen].mean(1), (2.5, 97.5))
            print(f"| {name} | {each.mean():.3f} | {above.mean():+.3f} [{low:+.3f}, {high:+.3f}] |", flush=True)


if __name__ == "__main__":
    main()
