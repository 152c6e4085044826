"""What a retention map says of features that share an image, against the same features inserted alone.

    python benchmarks/retention.py [--methods ID ...] [--places 25]

The packaged sample, slice 3, at R = 4 and 8, lines equispaced and random; a blob of 4 pixels, contrast 0.4. Places are
drawn from the grid of 20 pixels, whose steps are distances of aliases, and lie on the map's usual grid of 4 pixels too.
Columns: images with features in the map, the median, 90% quantile and maximum of the recovery's error, and the share
that is lost among others and alone.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from arguments import parser_of
from napari_recon_robust.analyses.retention import RetentionMap, retention_map
from napari_recon_robust.cli.progress import follow
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.io import open_scan
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.features.feature import Feature
from napari_recon_robust.perturbations.features.insertion import LOST, Insertion
from napari_recon_robust.physics.sampling import samplings
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Method
from napari_recon_robust.simulation.packaged import sample_path

SIZE, CONTRAST = 4.0, 0.4
SPACINGS = (20, 4)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--methods", nargs="+", default=["tv", "unrolled-hqs"])
    parser.add_argument("--places", type=int, default=25)
    arguments = parser.parse_args()
    print("R pattern method spacing images | median p90 max | lost among others, alone")
    with open_scan(sample_path()) as scan:
        for sampling, name in product(
            samplings(("equispaced", "random"), (4.0, 8.0), (0,), None, 0), arguments.methods
        ):
            rows = compared(scan.measurement(3, sampling), registry.get(name).at(), arguments.places)
            for spacing, row in zip(SPACINGS, rows, strict=True):
                print(f"{sampling.acceleration:g} {sampling.pattern} {name} {spacing} {row}", flush=True)


def compared(measurement: Measurement, method: Method, count: int) -> list[str]:
    """A row for each spacing."""
    maps = [
        follow(retention_map(measurement, method, size=SIZE, contrast=CONTRAST, spacing=spacing), "mapping")
        for spacing in SPACINGS
    ]
    places = np.random.default_rng(1).permutation(maps[0].positions)[:count]
    insertion = Insertion(Setup.of(measurement, method, ROI.box(0, 0, *measurement.matrix)), keep=True)
    alone = np.array(
        [insertion.trial(Feature.of("blob", *place, SIZE, CONTRAST)).recovery for place in places.tolist()]
    )
    rows = []
    for found in maps:
        shared = among_others(found, places)
        median, most, worst = np.quantile(np.abs(shared - alone), (0.5, 0.9, 1))
        images = found.reconstructions - 1 - len(found.worst)
        lost = " ".join(f"{(recoveries < LOST).mean():.2f}" for recoveries in (shared, alone))
        rows.append(f"{images} | {median:.3f} {most:.3f} {worst:.3f} | {lost}")
    return rows


def among_others(found: RetentionMap, places: NDArray[np.intp]) -> NDArray[np.floating]:
    """The recoveries at places (n, 2) before the worst were tried alone."""
    known = dict(zip(map(tuple, found.positions.tolist()), found.recoveries.tolist(), strict=True))
    known |= {(place.row, place.column): place.multiplexed for place in found.worst}
    return np.array([known[row, column] for row, column in places.tolist()])


if __name__ == "__main__":
    main()
