import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from helpers.method_properties import Directional
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.networks.channels import to_complex
from napari_recon_robust.perturbations.noise.worst_case import WorstCase
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.physics.acs import acs_region, mask_outside_acs
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical.conjugate_gradients import proximal
from napari_recon_robust.reconstructors.problem import problems
from napari_recon_robust.reconstructors.untrained.fitting import (
    SHARE,
    STEPS,
    Tangent,
    Untrained,
    fit,
    held_out_samples,
    upsampled,
)

IDS = ("dip", "deep-decoder", "conv-decoder")


@pytest.fixture(params=IDS)
def method(request: pytest.FixtureRequest) -> Untrained:
    found = registry.get(request.param)
    assert isinstance(found, Untrained)
    return found


@pytest.mark.parametrize("shape", [(48, 48), (37, 50)])
def test_any_size_is_generated(method: Untrained, shape: tuple[int, int]) -> None:
    assert method.generator(8, shape)().shape == (1, 2, *shape)


def test_wider_networks_have_more_parameters(method: Untrained) -> None:
    counts = [sum(p.numel() for p in method.generator(c, (32, 32)).parameters()) for c in (8, 16)]
    assert counts[1] > 2 * counts[0]


@pytest.mark.slow
def test_fitting_explains_the_samples(method: Untrained, lines: Measurement) -> None:
    """The misfit of its previews falls, that of the held-out samples below that of no image at all."""
    (problem,) = problems(lines)
    torch.manual_seed(0)
    job = fit(method.generator(16, problem.model.shape), problem, held_out_samples(lines), 100, method.rate)
    steps: list[progress.Progress] = []
    progress.run(job, steps.append)
    misfits = [float((problem.model.forward(s.preview) - problem.model.mask * problem.data).norm()) for s in steps]
    assert misfits[-1] < 0.5 * misfits[0]
    assert float(steps[-1].message.split()[-1]) < 1


def test_the_last_step_is_consistent_with_the_samples(lines: Measurement) -> None:
    """Nearer to the samples, and with one solution from wherever it starts: zero residual stays zero."""
    (problem,) = problems(lines)
    start = 0.5 * problem.right_hand_side
    image = proximal(problem.model, problem.right_hand_side, start, 0.1, STEPS)
    gradient = problem.model.normal(image) - problem.right_hand_side + 0.1 * (image - start)
    assert gradient.norm() < 0.02 * problem.right_hand_side.norm()


def test_held_out_samples_are_a_share_of_each_row_outside_the_acs(lines: Measurement) -> None:
    model = lines.model
    held_out = held_out_samples(lines)
    assert held_out.shape == model.shape
    assert not (held_out & ~model.mask).any()
    assert not held_out[:, acs_region(model.mask)[1]].any()
    outside = int(model.mask.sum()) - len(range(*acs_region(model.mask)[1].indices(model.shape[1])))
    assert int(held_out.sum()) == pytest.approx(SHARE * outside * model.shape[0], rel=0.5)
    assert held_out.sum(1).float().std() > 0, "rows lack different lines"
    assert torch.equal(held_out, held_out_samples(lines))


@pytest.mark.parametrize("scan", ["lines", "plane"])
@pytest.mark.parametrize("never", [slice(None, 12), np.r_[:8, 40:48]], ids=["partial Fourier", "padded"])
def test_what_is_known_to_be_zero_is_never_held_out(scan: str, never: Any, request: pytest.FixtureRequest) -> None:
    """It has no noise, so its errors would say that the samples are predicted worse or better than they are."""
    whole: Measurement = request.getfixturevalue(scan)
    assert whole.full is not None
    full = whole.full.clone()
    full[..., never] = 0
    one = Measurement(full * whole.mask, whole.mask, whole.matrix, full)
    held_out = held_out_samples(one)
    assert int(one.model.mask.sum()) > int(one.sampled.sum()), "the model knows that what was not measured is zero"
    assert not (held_out & ~one.sampled).any()
    assert int(held_out.sum()) == pytest.approx(
        SHARE * int(mask_outside_acs(one.sampled).expand(held_out.shape).sum()), rel=0.5
    )


def test_one_sample_at_least_is_held_out() -> None:
    """Without one nothing would end the fit, and p would be 0 / 0."""
    for column in range(6):
        mask = torch.zeros(4, 6, dtype=torch.bool)
        mask[2, column] = True
        small = Measurement(torch.ones(1, 4, 6) * mask + 0j, mask, (4, 6), acquired=torch.ones_like(mask))
        assert torch.equal(held_out_samples(small), mask)


def test_a_fully_sampled_slice_is_fitted_too(lines: Measurement) -> None:
    assert lines.full is not None
    full = replace(lines, kspace=lines.full, mask=torch.ones_like(lines.mask))
    assert held_out_samples(full).any()
    image = registry.get("conv-decoder")(full, iterations=20, channels=8)
    reference = full.reference()
    assert reference is not None
    assert float((image.abs() - reference).norm() / reference.norm()) < 0.1


def test_rows_may_lack_different_lines(lines: Measurement) -> None:
    """A^H A with a mask of each row's own, against A and its adjoint."""
    model = replace(lines.model, mask=lines.model.mask & ~held_out_samples(lines))
    image = lines.combined
    torch.testing.assert_close(model.normal(image), model.adjoint(model.forward(image)), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_the_seed_decides(lines: Measurement) -> None:
    method = registry.get("conv-decoder")
    images = [method(lines, iterations=20, channels=8, seed=seed) for seed in (0, 0, 1)]
    assert torch.equal(images[0], images[1])
    assert not torch.equal(images[0], images[2])


def test_it_leaves_the_generator_of_random_numbers_alone(lines: Measurement) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    registry.get("dip")(lines, iterations=20, channels=8)
    assert torch.equal(torch.rand(4), expected)


def test_previews_look_like_the_result_and_closing_cancels(lines: Measurement) -> None:
    job = registry.get("dip").job(replace(lines), iterations=20000, channels=8)
    first = next(job)
    assert first.preview.shape == lines.matrix
    assert 0 < first.fraction < 0.01
    job.close()
    assert next(job, None) is None


def test_it_never_sees_the_full_data(lines: Measurement) -> None:
    method = registry.get("deep-decoder")
    knobs = {"iterations": 20, "channels": 8}
    assert torch.equal(method(lines, **knobs), method(replace(lines, full=None), **knobs))


def test_sizes_double() -> None:
    assert upsampled((48, 37), 2) == [(12, 10), (24, 19), (48, 37)]
    assert upsampled((6, 9), 5) == [(1, 1), (1, 2), (1, 2), (2, 3), (3, 5), (6, 9)]


def test_the_tangent_is_the_derivative_and_its_transpose(lines: Measurement) -> None:
    """J d by finite differences, and <J d, u> = <d, J^T u>."""
    (problem,) = problems(lines)
    torch.manual_seed(0)
    network = registry.get("deep-decoder").generator(8, problem.model.shape).double()  # type: ignore[attr-defined]
    tangent = Tangent(network, problem.model)
    direction = torch.randn(1, sum(one.numel() for one in network.parameters()), dtype=torch.complex128).real + 0j
    moved = tangent.push(direction)
    parts = direction[0].real.split([one.numel() for one in network.parameters()])
    images = []
    for step in (1e-4, -1e-4):
        changed = copy.deepcopy(network)
        with torch.no_grad():
            for one, part in zip(changed.parameters(), parts, strict=True):
                one += step * one.norm() / one.numel() ** 0.5 * part.view_as(one)
            images.append(to_complex(changed()))
    assert float(((images[0] - images[1]) / 2e-4 - moved).norm()) < 0.02 * float(moved.norm())
    image = torch.randn_like(moved)
    inner = torch.vdot(image.flatten(), moved.flatten()).real
    assert float(inner) == pytest.approx(float((tangent.pull(image).real * direction.real).sum()), rel=1e-6)


@pytest.mark.thorough
def test_the_last_iterations_give_the_clean_image_and_a_gradient(
    method: Untrained, lines: Measurement, directional: Directional
) -> None:
    """The gradient along itself: along a random direction the difference is rounding."""
    knobs = {"iterations": 60, "channels": 8, "seed": 0}
    continuation = method.continuation(lines, **knobs)
    torch.testing.assert_close(continuation(lines), method(lines, **knobs), rtol=1e-4, atol=1e-4 * float(lines.scale))

    def loss(kspace: torch.Tensor) -> torch.Tensor:
        image = continuation(lines.with_kspace(kspace, keep=True))
        return image.abs().square().sum() / lines.scale.squeeze() ** 2

    difference, gradient = directional(loss, lines.kspace, 5e-4 * float(lines.kspace.norm()))
    assert difference == pytest.approx(gradient, rel=0.02)


@pytest.mark.thorough
def test_an_attack_through_the_last_iterations_beats_random_noise(lines: Measurement) -> None:
    """On the method itself, whose fit starts again from nothing."""
    method, roi = registry.get("conv-decoder"), ROI.box(20, 20, 12, 12)
    knobs = {"iterations": 150, "channels": 16}
    attack = WorstCase().run(lines, method.at(**knobs), roi, (0.03,), algorithm="transfer", stand_in="itself")
    found = progress.run(attack)
    (outcome,) = progress.run(evaluate(lines, method.at(**knobs), roi, found))
    stability = outcome.comparison.stability
    assert stability["perturbed"]["change"] > 1.5 * stability["random"]["change"]
    assert "the method's last iterations" in outcome.comparison.sentence


def test_what_fits_nothing_has_no_last_iterations(lines: Measurement) -> None:
    search = WorstCase().run(
        lines, registry.get("cg-sense"), ROI.box(20, 20, 12, 12), (0.01,), algorithm="transfer", stand_in="itself"
    )
    with pytest.raises(InputError, match="no last iterations to follow; choose another stand-in"):
        progress.run(search)
