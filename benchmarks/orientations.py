"""One real scan in the eight ways in which it can lie, under equispaced lines 4x: networks against TV.

    python benchmarks/orientations.py --data ../shared/data

The k-space of the 16-coil brain is mirrored and its axes are exchanged, both exactly; then lines are left out along the
other side of the head. 8% or 12% of the lines are in the centre. Printed is the NMSE of the magnitude within the
foreground over that of `tv, rule`: the mean of the four mirrored scans (least to largest).
With --even the noise is first made white: that of the coils is prewhitened, and the scanner's filter along the readout,
which otherwise lies along the lines' direction once the axes are exchanged, is divided out.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from arguments import parser_of
from cases import real_brain
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation.metrics import nmse
from napari_recon_robust.physics import fourier, noise
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry

NETWORKS = ("unet", "varnet", "cascade-net", "unrolled-hqs", "hqs-supervised", "ensemble")
MIRRORED: tuple[tuple[int, ...], ...] = ((), (-2,), (-1,), (-2, -1))
AIR = 12  # columns on either side without an object
PLATEAU = 26  # rows at either end, where the filter is not flat
ENDS = (slice(None, 14), slice(-14, None))
SIDES = ("as it was measured", "along the other side")


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--methods", nargs="+", default=list(NETWORKS))
    parser.add_argument("--even", action="store_true", help="make the noise white first")
    options = parser.parse_args()
    full = real_brain(options.data).full
    assert full is not None
    full = evened(full) if options.even else full
    print("| lines left out | in the centre |", *(f"{id} |" for id in options.methods))
    print("|---" * (2 + len(options.methods)) + "|")
    for (exchanged, side), centre in itertools.product(enumerate(SIDES), (0.08, 0.12)):
        scans = [laid(full, bool(exchanged), axes, centre) for axes in MIRRORED]
        print(f"| {side} | {100 * centre:.0f}% |", *(f"{over_tv(id, scans)} |" for id in options.methods), flush=True)


def evened(full: Tensor) -> Tensor:
    """The brain with noise as strong in all coils and rows, and independent between coils, as its air shows it."""
    image = fourier.ifft(full)
    beside = torch.cat([image[..., :AIR], image[..., -AIR:]], -1).abs().square().mean((0, 2)).sqrt()
    level = (beside + beside.flip(0)) / 2  # the object's ghosts are on one side of the middle
    level[PLATEAU:-PLATEAU] = level[PLATEAU:-PLATEAU].median()
    image = image / (level / level.max())[:, None]
    corners = torch.cat([image[:, rows, columns].flatten(1) for rows, columns in itertools.product(ENDS, ENDS)], 1)
    covariance = corners @ corners.mH / corners.shape[1]
    return fourier.fft(noise.prewhiten(image, covariance)) * covariance.diagonal().real.mean().sqrt()


def laid(full: Tensor, exchanged: bool, axes: Sequence[int], centre: float) -> Measurement:
    """The brain, mirrored along these axes of the image, under lines."""
    full = mirrored(full.mT if exchanged else full, axes).contiguous()
    shape = (full.shape[-2], full.shape[-1])
    mask = Sampling(acceleration=4, centre_fraction=centre).mask(*shape)
    return Measurement(full * mask, mask, shape, full)


def mirrored(array: Tensor, axes: Sequence[int]) -> Tensor:
    """The samples or the image, mirrored about the centre n // 2."""
    return torch.roll(array.flip(axes), [1 - array.shape[axis] % 2 for axis in axes], axes) if axes else array


def over_tv(id: str, scans: Sequence[Measurement]) -> str:
    """The mean of the errors over TV's (least to largest)."""
    ratios = [error(id, scan) / error("tv", scan) for scan in scans]
    return f"{np.mean(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def error(id: str, scan: Measurement) -> float:
    """The NMSE of a method by its rule, against the reference of its kind."""
    method = registry.get(id)
    reference = scan.reference(method.reference_kind)
    assert reference is not None
    return float(nmse(method(scan, **method.rule(scan)).abs(), reference, scan.foreground))


if __name__ == "__main__":
    main()
