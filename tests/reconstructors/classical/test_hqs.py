from itertools import pairwise

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors.classical import hqs, sparsity, tv
from napari_recon_robust.reconstructors.classical.energy import objective
from napari_recon_robust.reconstructors.classical.hqs import HQS, Splitting
from napari_recon_robust.reconstructors.classical.wavelet import L1Wavelet


@pytest.mark.parametrize("mix", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_no_alternation_raises_the_objective(mix: float, pattern: str, request: pytest.FixtureRequest) -> None:
    measurement: Measurement = request.getfixturevalue(pattern)
    b = sparsity.right_hand_side(measurement)
    solver, weight, penalty = Splitting(measurement.model, mix), 3e-3, 0.5
    images = [torch.zeros_like(b), *solver.alternate(b, weight, penalty, torch.zeros_like(b), 20)]
    values = [float(solver.objective(b, weight, penalty, image)) for image in images]
    assert all(later <= before + 1e-6 * abs(values[-1]) for before, later in pairwise(values))
    assert values[-1] < values[1]


@pytest.mark.slow
@pytest.mark.parametrize("mix", [0.0, 1.0])
def test_it_finds_the_minimiser_that_the_other_solvers_know(lines: Measurement, mix: float) -> None:
    weight, data = 3e-3, lines.data / lines.scale
    other = tv.TotalVariation() if mix == 0 else L1Wavelet()
    images = [method / lines.scale for method in (HQS()(lines, weight=weight, mix=mix), other(lines, weight=weight))]
    split, exact = (float(objective(lines.model, data, image, weight, mix)) for image in images)
    assert exact * 0.999 < split < 1.01 * exact


def test_a_split_objective_lies_below_its_own(lines: Measurement) -> None:
    """Huber's function is below the magnitude, the closer the larger the penalty."""
    b, weight, mix = sparsity.right_hand_side(lines), 3e-3, 0.4
    solver = Splitting(lines.model, mix)
    image = HQS()(lines, weight=weight, mix=mix) / lines.scale
    misfit = ((lines.model.normal(image) / 2 - b).conj() * image).real.sum()
    zero = torch.zeros_like(lines.data)
    regularizer = objective(lines.model, zero, image, weight, mix) - objective(lines.model, zero, image, 0.0, mix)
    values = [float(solver.objective(b, weight, weight / width, image)) for width in hqs.WIDTHS]
    assert all(a < b for a, b in pairwise(values))
    assert values[-1] < float(misfit + regularizer)
