import pytest
import torch

from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation.metrics import nmse
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics.acs import acs_region
from napari_recon_robust.reconstructors import auto, registry


def test_held_out_lines_choose_a_good_weight(simulated, lines):
    """Nearly the best of the values it may choose from, judged by the truth that it never saw."""
    tv = registry.get("tv")
    knob = tv.knobs[0]
    truth = simulated.image.abs()
    inside = foreground(truth)
    values = [knob.from_unit(n / (auto.VALUES - 1)) for n in range(auto.VALUES)]
    errors = {value: float(nmse(tv(lines, weight=value), truth, inside)) for value in values}
    chosen = run(auto.auto_knobs(tv, lines))["weight"]
    assert errors[chosen] < 1.25 * min(errors.values())
    assert errors[chosen] < 0.8 * max(errors.values())


@pytest.mark.parametrize("which", ["lines", "plane"])
def test_in_much_noise_the_image_is_not_suppressed(simulated, which, request):
    """No held-out sample tells an image of half the intensity from a good one; the ACS does."""
    measurement, cg = request.getfixturevalue(which), registry.get("cg-sense")
    truth = simulated.image.abs()
    inside = foreground(truth)
    noise = torch.randn(measurement.kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    noisy = measurement.added(0.2 * float(measurement.scale) * noise)
    weight = run(auto.auto_knobs(cg, noisy))["weight"]
    values = [cg.knobs[0].from_unit(n / (auto.VALUES - 1)) for n in range(auto.VALUES)]
    errors = {value: float(nmse(cg(noisy, weight=value), truth, inside)) for value in values}
    assert errors[weight] < 1.5 * min(errors.values())


@pytest.mark.parametrize("padding", [24, 96])
def test_padding_does_not_weigh_what_is_held_out(lines, padding):
    """Its zeros are known, and no method has to predict them; else in noise the image would be suppressed."""
    cg = registry.get("cg-sense")
    noise = torch.randn(lines.kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    noisy = lines.added(0.2 * float(lines.scale) * noise)
    clean, full, mask = (torch.nn.functional.pad(x, (padding, padding)) for x in (lines.full, noisy.full, lines.mask))
    padded = Measurement(full * mask, mask, full.shape[-2:], full)
    truth = padded.with_kspace(padded.kspace, full=clean, keep=True).reference()
    inside = foreground(truth)
    values = [cg.knobs[0].from_unit(n / (auto.VALUES - 1)) for n in range(auto.VALUES)]
    errors = {value: float(nmse(cg(padded, weight=value), truth, inside)) for value in values}
    assert errors[run(auto.auto_knobs(cg, padded))["weight"]] < 1.3 * min(errors.values())


@pytest.mark.slow
def test_the_choice_is_always_the_same_and_yields_its_steps(lines):
    tv = registry.get("tv")
    steps = list(auto.auto_knobs(tv, lines))
    assert len(steps) == auto.FOLDS * auto.VALUES
    assert steps[-1].fraction == 1
    assert run(auto.auto_knobs(tv, lines)) == run(auto.auto_knobs(tv, lines))


@pytest.mark.parametrize("which", ["lines", "plane"])
def test_the_folds_are_disjoint_and_spare_the_calibration_region(which, request):
    mask = request.getfixturevalue(which).mask
    folds = list(auto.folds(mask))
    assert len(folds) == auto.FOLDS
    assert not (folds[0] & folds[1]).any()
    for held_out in folds:
        assert held_out.any()
        assert not (held_out & ~mask).any()
        assert not held_out[acs_region(mask)].any()


def test_lines_of_a_scan_without_a_centre_are_held_out(simulated):
    """One whose calibration lines were measured apart."""
    mask = torch.arange(simulated.kspace.shape[-1])[None] % 3 == 1
    one = Measurement(simulated.kspace * mask, mask, simulated.kspace.shape[-2:], acs=simulated.kspace)
    assert run(auto.auto_knobs(registry.get("cg-sense"), one)).keys() == {"weight"}


def test_the_output_matrix_may_be_smaller_than_the_encoded_one(lines):
    cropped = Measurement(lines.kspace, lines.mask, (lines.matrix[0], 32))
    assert run(auto.auto_knobs(registry.get("cg-sense"), cropped))["weight"] > 0


def test_what_it_cannot_choose_is_said(simulated, lines):
    with pytest.raises(InputError, match="no live knob"):
        run(auto.auto_knobs(registry.get("zero-filled"), lines))
    mask = torch.ones(1, 48, dtype=torch.bool)
    with pytest.raises(InputError, match="outside the ACS"):
        run(auto.auto_knobs(registry.get("tv"), Measurement(simulated.kspace, mask, (48, 48))))
