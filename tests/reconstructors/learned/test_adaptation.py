from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics.acs import acs_region
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.reconstructors.learned import adaptation
from napari_recon_robust.reconstructors.learned.adaptation import ERRORS, EVERY, PATIENCE, SHARE, adapt
from napari_recon_robust.reconstructors.problem import Problem, assemble, problems


class Seen(nn.Module):
    """x = (1 + e) t, t the image of least total variation. It notes the masks of the problems that it sees."""

    def __init__(self, error: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0 + error))
        self.masks: list[Tensor] = []

    def forward(self, problem: Problem) -> Tensor:
        self.masks.append(problem.model.mask)
        return self.scale * problem.tv(0.003)


class Scaled(Reconstructor):
    """The method of `Seen`."""

    id = label = "scaled"
    summary = ""

    def __init__(self, error: float) -> None:
        self.trained = Seen(error).requires_grad_(False)

    def network(self, device: torch.device) -> nn.Module:
        return self.trained

    def problem(self, measurement: Measurement) -> Problem:
        (problem,) = problems(measurement)
        return problem

    def solve(self, network: nn.Module, problem: Problem) -> Tensor:
        image: Tensor = network(problem)
        return image

    def apply(self, network: nn.Module, measurement: Measurement) -> Tensor:
        return assemble([self.solve(network, problem) for problem in problems(measurement)], measurement)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        return self.apply(self.trained, measurement)


@pytest.fixture(params=["lines", "plane"])
def measurement(request: pytest.FixtureRequest) -> Measurement:
    found: Measurement = request.getfixturevalue(request.param)
    return found


def test_no_sample_of_the_acs_and_an_eighth_of_the_others_is_held_out(measurement: Measurement) -> None:
    held_out = adaptation._held_out(measurement, measurement.model.shape)
    assert held_out is not None
    outside = measurement.mask.clone()
    outside[acs_region(measurement.mask)] = False
    outside = outside.expand(measurement.model.shape)
    assert not (held_out & ~outside).any()
    assert int(held_out.sum()) == round(SHARE * int(outside.sum()))
    if measurement.lines:  # each row has its own, so that every line is judged
        assert (held_out.any(0) == outside[0]).all()


@pytest.mark.slow
def test_a_network_that_is_too_bright_learns_its_scale(measurement: Measurement) -> None:
    method = Scaled(2.0)
    found = run(adapt(method.at(), measurement, 60, 0.05))
    assert found.network is not None
    assert found.fall > ERRORS * found.error > 0
    assert found.steps % EVERY == 0
    assert float(found.network.scale.detach()) < 2
    assert float(method.trained.scale) == 3
    assert found.words.startswith("adapted: the held-out error fell by ")


def test_held_out_samples_are_in_no_input_until_all_are(measurement: Measurement) -> None:
    method = Scaled(2.0)
    found = run(adapt(method.at(), measurement, EVERY, 0.05))
    assert isinstance(found.network, Seen)
    held_out = adaptation._held_out(measurement, measurement.model.shape)
    assert held_out is not None
    assert not any((mask & held_out).any() for mask in method.trained.masks)
    assert all(torch.equal(mask, measurement.mask) for mask in found.network.masks[-EVERY:])


def test_a_network_that_gets_worse_is_left_as_it_is(lines: Measurement) -> None:
    """The steps are so large that the first look finds it worse already."""
    steps: list[Any] = []
    found = run(adapt(Scaled(0.0).at(), lines, 1000, 1.0), steps.append)
    assert found.network is None
    assert (found.steps, found.fall) == (0, 0)
    assert found.words == "not adapted: the held-out error does not fall"
    assert len(steps) == PATIENCE


def test_a_fall_within_its_error_is_none(lines: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptation, "ERRORS", 1e6)
    found = run(adapt(Scaled(2.0).at(), lines, EVERY, 0.05))
    assert found.network is None
    assert found.fall > 0
    assert found.words.startswith("not adapted: the held-out error fell by ")


def test_a_full_scan_leaves_nothing_to_hold_out(lines: Measurement) -> None:
    assert lines.full is not None
    full = replace(lines, kspace=lines.full, mask=torch.ones_like(lines.mask))
    found = run(adapt(Scaled(2.0).at(), full, 5, 0.05))
    assert found.network is None
    assert found.words == "not adapted: too few samples lie outside the ACS to hold some out"


def test_a_noisier_coil_counts_less(lines: Measurement) -> None:
    (problem,) = problems(lines)
    held_out = adaptation._held_out(lines, lines.model.shape)
    assert held_out is not None
    noise = lines.calibration.noise.clone()
    noise[0] *= 100
    louder = replace(lines, kept=replace(lines.calibration, noise=noise))
    method = Scaled(2.0)
    fit = adaptation._Fit(method.at(), problem)
    even, weighted = (
        adaptation._Hidden.of(problem, held_out, one).errors(fit, method.trained).sum() for one in (lines, louder)
    )
    residual = (problem.model.forward(fit.image(method.trained)) - problem.data) * held_out
    power = (residual * lines.scale).abs().square().sum((-2, -1)) / lines.calibration.noise.square()
    torch.testing.assert_close(even.float(), power.sum(), rtol=1e-3, atol=0.0)
    torch.testing.assert_close(weighted.float(), power[1:].sum() + 1e-4 * power[0], rtol=1e-3, atol=0.0)
