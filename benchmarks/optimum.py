"""How near sphere ascent comes to the worst noise that there is, where that is known: of linear methods.

    python benchmarks/optimum.py --regions 4

Cases: regions of the real 16-coil brain and of a slice of the held-out anatomy (8 simulated coils), equispaced 4x with
at least 12 central lines. The clean image is the target, the budget is 0.2% of all coils together, and the
sensitivities are kept. So small a change of the region's magnitudes is linear in the noise z, Re(e^(-i phi) R z), R the
method's matrix and phi the phase of its clean image. The worst z is the first right singular vector, by power iteration
on the explicit operator and its adjoint. CG-SENSE takes 60 iterations, so that it is the linear minimiser. The table
shows the squared error on the region that searches with 1, 5, 10 and 30 gradients reach, in percent of that of the
worst z: the mean, the least and the most of the regions.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import napari_recon_robust as rr
from arguments import parser_of
from attack import regions
from cases import real_brain, slices_of
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.table import markdown
from napari_recon_robust.perturbations.base import coil_norms
from napari_recon_robust.perturbations.random_noise import white_noise
from napari_recon_robust.physics.fourier import centre_pad_image
from napari_recon_robust.reconstructors.base import Method
from napari_recon_robust.reconstructors.classical.conjugate_gradients import tikhonov

BUDGET, GRADIENTS, MULTIPLICATIONS = 0.002, (1, 5, 10, 30), 60
WEIGHT, ITERATIONS = 5e-3, 60
Map = Callable[[Tensor], Tensor]


def methods() -> dict[str, Method]:
    return {
        "zero-filled": rr.reconstructor("zero-filled").at(combine="combined"),
        "cg-sense": rr.reconstructor("cg-sense").at(weight=WEIGHT, iterations=ITERATIONS),
    }


def operators(measurement: Measurement, name: str) -> tuple[Map, Map]:
    """R from k-space (coils, readout, phase) to the image (rows, columns), and its adjoint."""
    model = measurement.model

    def solved(b: Tensor) -> Tensor:
        return b if name == "zero-filled" else tikhonov(model, b, WEIGHT * model.largest_eigenvalue, ITERATIONS)

    def combined(z: Tensor) -> Tensor:
        return model.adjoint(measurement.to_data(z * measurement.mask))

    def image(z: Tensor) -> Tensor:
        return measurement.crop(solved(combined(z)))

    def adjoint(v: Tensor) -> Tensor:
        z = torch.zeros_like(measurement.kspace, requires_grad=True)
        (found,) = torch.autograd.grad(combined(z), z, solved(centre_pad_image(v, model.shape)))
        return found

    return image, adjoint


def worst(measurement: Measurement, name: str, region: Tensor) -> Tensor:
    """The first right singular vector, of norm 1."""
    image, adjoint = operators(measurement, name)
    carrier = torch.sgn(image(measurement.kspace))
    z = white_noise(measurement, torch.ones(measurement.coils), seed=1)
    for _ in range(MULTIPLICATIONS):
        z = adjoint(region * carrier * (carrier.conj() * image(z / z.norm())).real)
    return z / coil_norms(z).norm()


def shares(measurement: Measurement, name: str, roi: ROI) -> list[float]:
    """The squared error of each number of gradients, relative to that of the worst noise."""
    method, region = methods()[name], roi.mask(measurement.matrix)
    with torch.no_grad():
        clean = method(measurement).abs()

    @torch.no_grad()
    def error(z: Tensor) -> float:
        changed = method(measurement.added(z, keep=True)).abs()
        return float((changed - clean)[region].square().sum())

    most = error(BUDGET * coil_norms(measurement.full).norm() * worst(measurement, name, region))
    knobs = {"target": "clean", "norm": "global", "sensitivities": "kept"}
    found = (
        rr.perturb("worst-case", measurement, method, roi, [BUDGET], steps=steps, **knobs)[0] for steps in GRADIENTS
    )
    return [error(one.perturbation) / most for one in found]


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--regions", type=int, default=4, help="of each case")
    arguments = parser.parse_args()
    cases = {"real brain": real_brain(arguments.data), "held-out anatomy": next(slices_of(arguments.data, 128, 1))}
    rows = []
    for case, measurement in cases.items():
        chosen = list(regions(measurement, arguments.regions, np.random.default_rng(0)))
        for name in methods():
            found = 100 * np.array([shares(measurement, name, roi) for roi in chosen])
            cells = [f"{one.mean():.0f} ({one.min():.0f} to {one.max():.0f})" for one in found.T]
            rows.append([case, name, *cells])
    print(markdown(["case", "method", *(f"gradients: {steps}" for steps in GRADIENTS)], rows))


if __name__ == "__main__":
    main()
