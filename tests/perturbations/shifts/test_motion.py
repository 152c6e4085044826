from dataclasses import replace

import pytest
import torch
from scipy import stats

from helpers.toy_slice import PARTS, fully_sampled_part
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.shifts.motion import Motion
from napari_recon_robust.perturbations.shifts.pose import Pose
from napari_recon_robust.physics import fourier
from napari_recon_robust.reconstructors import registry as reconstructors


def test_no_amplitude_is_no_motion(measurement, combined, roi):
    (found,) = run(Motion().run(measurement, combined, roi, shift=0, angle=0, sensitivities="kept"))
    assert not found.perturbation.any()
    assert torch.equal(found.measurement.full, measurement.full)


def test_the_central_segment_keeps_its_pose(measurement, combined, roi):
    (found,) = run(Motion().run(measurement, combined, roi, segments=3, sensitivities="kept"))
    moved = (found.measurement.full - measurement.full).abs().amax((0, 1)) > 0
    assert moved.tolist() == [True] * 12 + [False] * 12 + [True] * 12
    assert found.details["poses"][1] == {"angle": 0, "rows": 0, "columns": 0, "scale": 1, "aspect": 1}
    assert all(abs(pose["angle"]) <= 1 and abs(pose["rows"]) <= 1 for pose in found.details["poses"])


def test_a_turn_is_one_of_millimetres(measurement, combined, roi):
    flat = replace(measurement, aspect=0.5)
    (found,) = run(Motion().run(flat, combined, roi, segments=3, shift=0, angle=4, sensitivities="kept"))
    (square,) = run(Motion().run(measurement, combined, roi, segments=3, shift=0, angle=4, sensitivities="kept"))
    assert [pose["aspect"] for pose in found.details["poses"]] == [0.5] * 3
    assert not torch.equal(found.measurement.kspace, square.measurement.kspace)


@pytest.mark.parametrize("part", ["padded", "partial Fourier"])
def test_the_lines_that_were_measured_fill_the_segments(combined, part):
    """Padding and the part that a partial Fourier scan leaves out are not moved, and their poses are not told."""
    measurement = fully_sampled_part(*PARTS[part])
    lines = measurement.acquired.any(0).expand(measurement.kspace.shape[-1])
    (found,) = run(Motion().run(measurement, combined, ROI.box(12, 14, 8, 8), segments=5, sensitivities="kept"))
    still = Pose(aspect=measurement.aspect).to_json()
    assert [pose == still for pose in found.details["poses"]].count(True) == 1
    moved = found.perturbation.abs().amax((0, 1)) > 0
    assert not (moved & ~lines).any()
    parts = torch.tensor_split(torch.nonzero(lines).flatten(), 5)
    assert sum(bool(moved[some].any()) for some in parts) >= 4


def test_translations_are_phase_ramps_on_their_lines(combined):
    """By the shift theorem, for an object within the field of view and a uniform coil."""
    y, x = torch.meshgrid(torch.arange(40) - 20.0, torch.arange(40) - 20.0, indexing="ij")
    kspace = fourier.fft(torch.exp(-(y**2 + (x - 3) ** 2) / 18).to(torch.complex64))[None]
    mask = torch.ones(1, 40, dtype=torch.bool)
    kept = Calibration(torch.ones(1, 40, 40, dtype=torch.complex64), torch.ones(1))
    measurement = Measurement(kspace, mask, (40, 40), kspace, kept, mask)
    (found,) = run(
        Motion().run(measurement, combined, ROI.box(0, 0, 40, 40), segments=5, shift=3, angle=0, sensitivities="kept")
    )
    for index, pose in enumerate(found.details["poses"]):
        lines = slice(8 * index, 8 * index + 8)
        ramp = torch.exp(-2j * torch.pi * (pose["rows"] * y + pose["columns"] * x) / 40)
        torch.testing.assert_close(
            found.measurement.full[..., lines],
            (ramp * kspace)[..., lines],
            rtol=0,
            atol=1e-4 * float(kspace.abs().max()),
        )


def test_a_segment_may_be_a_line(measurement, combined, roi):
    """Or none: there are more segments than lines."""
    (found,) = run(Motion().run(measurement, combined, roi, segments=64, sensitivities="kept"))
    moved = (found.measurement.full - measurement.full).abs().amax((0, 1)) > 0
    assert moved.tolist() == [line != 18 for line in range(36)]


def test_another_seed_is_another_motion(measurement, combined, roi):
    poses = [
        run(Motion().run(measurement, combined, roi, seed=seed, sensitivities="kept"))[0].details["poses"]
        for seed in (1, 1, 2)
    ]
    assert poses[0] == poses[1] != poses[2]


def test_without_full_kspace_every_method_is_given_the_same_motion(make_measurement, combined, rss, roi):
    """That of the CG-SENSE image, whose size is near that of the object's own."""
    scan = make_measurement(full=False)
    found, other = (run(Motion().run(scan, method, roi, sensitivities="kept"))[0] for method in (combined, rss))
    assert found.measurement.full is None
    assert torch.equal(found.perturbation, other.perturbation)
    assert found.details["object"] == "CG-SENSE image"
    assert found.statement.endswith("The object that moves is the CG-SENSE image, as no full k-space is known.")
    (known,) = run(Motion().run(make_measurement(), combined, roi, sensitivities="kept"))
    assert known.details["object"] == "fully sampled"
    assert "full k-space" not in known.statement
    assert float(found.perturbation.norm() / known.perturbation.norm()) == pytest.approx(1, abs=0.3)
    image, maps, expected = reconstructors.get("cg-sense")(scan), scan.kept.sensitivities, []
    for pose in found.details["poses"]:
        expected.append(fourier.fft(maps * (Pose(**pose).apply(image) - image)))
    segments = torch.arange(36) * 5 // 36
    expected = torch.stack([expected[segment][..., line] for line, segment in enumerate(segments)], -1) * scan.mask
    torch.testing.assert_close(found.perturbation, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_poses_are_uniform_in_both_directions(measurement, combined, roi):
    knobs = {"segments": 64, "shift": 3, "angle": 2, "sensitivities": "kept"}
    drawn = [run(Motion().run(measurement, combined, roi, seed=seed, **knobs))[0].details["poses"] for seed in range(4)]
    poses = [pose for one in drawn for pose in one if pose["angle"]]  # not those of the centre
    assert len(poses) == 4 * 63
    for name, most in (("angle", 2), ("rows", 3), ("columns", 3)):
        assert stats.kstest([pose[name] for pose in poses], stats.uniform(-most, 2 * most).cdf).pvalue > 0.01


@pytest.mark.parametrize("segments", [3, 64])
def test_it_tells_the_motion_that_was_drawn(measurement, combined, roi, segments):
    """Of segments with sampled lines: there are 36 lines."""
    knobs = {"segments": segments, "shift": 3, "angle": 2, "sensitivities": "kept"}
    (found,) = run(Motion().run(measurement, combined, roi, **knobs))
    lines = torch.nonzero(measurement.mask[0]).flatten().tolist()
    poses = [found.details["poses"][index] for index in {line * segments // 36 for line in lines}]
    shift = max(abs(pose[axis]) for pose in poses for axis in ("rows", "columns"))
    angle = max(abs(pose["angle"]) for pose in poses)
    assert 0 < shift < 3
    assert 0 < angle < 2
    assert f"moves by up to {shift:.3g} px along either axis and turns by up to {angle:.3g}°." in found.statement


def test_tissue_that_leaves_the_clean_support_is_measured(combined):
    """Translations are phase ramps on all of the object, also where the kept sensitivities are zero."""
    y, x = torch.meshgrid(torch.arange(40) - 20.0, torch.arange(40) - 20.0, indexing="ij")
    support = y**2 + x**2 < 81
    kspace = fourier.fft((support * torch.exp(-(y**2 + x**2) / 12)).to(torch.complex64))[None]
    mask = torch.ones(1, 40, dtype=torch.bool)
    measurement = Measurement(kspace, mask, (40, 40), kspace, Calibration(support[None].to(kspace), torch.ones(1)))
    (found,) = run(
        Motion().run(measurement, combined, ROI.box(0, 0, 40, 40), segments=5, shift=10, angle=0, sensitivities="kept")
    )
    for index, pose in enumerate(found.details["poses"]):
        lines = slice(8 * index, 8 * index + 8)
        ramp = torch.exp(-2j * torch.pi * (pose["rows"] * y + pose["columns"] * x) / 40)
        expected = (ramp * kspace)[..., lines]
        torch.testing.assert_close(found.measurement.full[..., lines], expected, rtol=0, atol=2e-4)
    assert "unseen" in found.findings
