"""deepinv's reconstructors, where it is installed."""

from pathlib import Path

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

pytest.importorskip("deepinv")


def script(folder: Path, *body: str) -> Reconstructor:
    path = folder / "deep.py"
    path.write_text("\n".join(("import torch, deepinv", *body, "")), encoding="utf-8")
    return registry.get(str(path))


@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_its_operator_is_ours(tmp_path: Path, pattern: str, request: pytest.FixtureRequest) -> None:
    """Its adjoint gives our A^H y, its forward operator keeps the samples of a consistent image."""
    measurement: Measurement = request.getfixturevalue(pattern)
    adjoint = script(
        tmp_path,
        "class Adjoint(deepinv.models.Reconstructor):",
        "    def forward(self, y, physics):",
        "        assert 0 < float(physics.noise_model.sigma) < 0.1 and 0.1 < y.abs().max() < 100",
        "        return physics.A_adjoint(y)",
        "reconstruct = Adjoint()",
    )
    expected = measurement.crop(measurement.model.adjoint(measurement.data))
    for factor in (1.0, 1e-4):
        scaled = Measurement(measurement.kspace * factor, measurement.mask, measurement.matrix)
        image = adjoint(scaled)
        assert float((image / factor - expected).norm() / expected.norm()) < 1e-4
    assert adjoint.gives_gradient(measurement)
    assert "deepinv" in adjoint.fingerprint()


def test_an_optimiser_lowers_the_error(tmp_path: Path, lines: Measurement) -> None:
    method = script(
        tmp_path,
        "from deepinv.optim import PGD, L2, Tikhonov",
        "reconstruct = PGD(data_fidelity=L2(), prior=Tikhonov(), stepsize=1.0, lambda_reg=1e-3, max_iter=20)",
    )
    reference = lines.reference()
    assert reference is not None
    error = float((method(lines).abs() - reference).norm())
    assert error < 0.6 * float((lines.combined.abs() - reference).norm())
    assert torch.equal(method(lines), method(lines))
