"""What the knobs of supervised HyperRecon show, and what its image is worth.

    python benchmarks/hyperrecon_supervised.py --data ../shared/data [--weights FILE ...] [--slices 6]

For each set of weights (the shipped one; of another conditioning, sampling or body as files) and each knob, on the
held-out anatomy (192 x 192, 8 coils, noise 0.005 and 0.01, against the noise-free truth's coil combination) and on the
real 16-coil brain, equispaced lines at 4x: the NRMSE between the images at the knob's ends, the others at their
defaults; that of each half of its range, which says how evenly it acts; SSIM and NMSE on the foreground at the ends
and the default; the norm of the residual A x - y and the mean gradient there, relative to the default's.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arguments import parser_of
from cases import real_brain, slices_of
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.reconstructors.learned.hyperrecon_supervised import HyperReconSupervised


def main() -> None:
    parser = parser_of(__doc__, "data")
    parser.add_argument("--weights", nargs="+", default=["hyperrecon-supervised"])
    parser.add_argument("--slices", type=int, default=6)
    options = parser.parse_args()
    every = {name: list(measurements) for name, measurements in cases(options.data, options.slices)}
    print("| weights | case | knob | NRMSE of the ends | halves | SSIM | NMSE | residual | gradient |")
    print("|---|---|---|---|---|---|---|---|---|")
    with torch.no_grad():
        for weights in options.weights:
            method = HyperReconSupervised(weights)
            for case, measurements in every.items():
                tables = np.mean([rows(method, one) for one in measurements], axis=0)
                for knob, table in zip(method.knobs, tables, strict=True):
                    ends, low, high = (f"{100 * change:.1f}" for change in table[:3])
                    parts = zip(table[3:].reshape(4, 3), (4, 3, 3, 3), strict=True)
                    scores = (" / ".join(f"{value:.{digits}g}" for value in line) for line, digits in parts)
                    cells = (Path(weights).stem, case, knob.name, f"{ends}%", f"{low}, {high}", *scores)
                    print(f"| {' | '.join(cells)} |", flush=True)


def rows(method: HyperReconSupervised, measurement: Measurement) -> NDArray[np.float64]:
    """For each knob NRMSE of the ends, of the halves; SSIM, NMSE, residual, gradient at the low end, default, high."""
    points = [{knob.name: knob.from_unit(place)} for knob in method.knobs for place in (0.0, 0.5, 1.0)]
    default, *images = method.at().family(measurement, [{}, *points])
    reference = measurement.reference()
    assert reference is not None
    tissue = foreground(reference)

    def residual(x: Tensor) -> Tensor:
        return (measurement.model.forward(x) - measurement.mask * measurement.data).norm()

    table = []
    for low, middle, high in zip(images[::3], images[1::3], images[2::3], strict=True):
        shown = (low, default, high)
        scores = [metrics.measure(image, reference, tissue=tissue)["foreground"] for image in shown]
        relative = [float(of(image) / of(default)) for of in (residual, gradient) for image in shown]
        changes = nrmse(high, low), nrmse(middle, low), nrmse(high, middle)
        table.append([*changes, *(s.ssim for s in scores), *(s.nmse for s in scores), *relative])
    return np.array(table)


def nrmse(image: Tensor, reference: Tensor) -> float:
    return float((image.abs() - reference.abs()).norm() / reference.abs().norm())


def gradient(image: Tensor) -> Tensor:
    return (image[1:] - image[:-1]).abs().mean() + (image[:, 1:] - image[:, :-1]).abs().mean()


def cases(data: Path, count: int) -> Iterator[tuple[str, Iterator[Measurement]]]:
    """Each case's name and its slices."""
    for noise in (0.005, 0.01):
        yield f"held-out anatomy, noise {noise:g}", slices_of(data, 192, count, noise=noise)
    yield "real brain", iter([real_brain(data)])


if __name__ == "__main__":
    main()
