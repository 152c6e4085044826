from dataclasses import replace

import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.perturbations.shifts.pose import Pose
from napari_recon_robust.perturbations.shifts.rotation import Rotation, angle_grid, curve_of
from napari_recon_robust.physics import fourier
from napari_recon_robust.reconstructors import registry as reconstructors

SIZE = 48
ROI_BOX = ROI.box(14, 14, 20, 20)


def uniform(mask: torch.Tensor, *, symmetric: bool = False, full: bool = True) -> Measurement:
    """A smooth object without noise, a disc or one with structure off the centre, seen by two uniform coils."""
    y, x = torch.meshgrid(*[torch.arange(SIZE) - SIZE // 2.0] * 2, indexing="ij")
    image = torch.sigmoid((14 - (y**2 + x**2).sqrt()) / 1.2)
    if not symmetric:
        image = image + 0.6 * torch.exp(-((y - 6) ** 2 + (x + 4) ** 2) / 12) * torch.sigmoid(y)
    sensitivities = torch.tensor([0.6, 0.8j])[:, None, None].expand(2, SIZE, SIZE).to(torch.complex64)
    kspace = fourier.fft(sensitivities * image)
    calibration = Calibration(sensitivities, torch.full((2,), 1e-3))
    return Measurement(kspace * mask, mask, (SIZE, SIZE), kspace if full else None, calibration)


def lines() -> torch.Tensor:
    mask = torch.zeros(1, SIZE, dtype=torch.bool)
    mask[:, ::3] = True
    mask[:, SIZE // 2 - 4 : SIZE // 2 + 4] = True
    return mask


def disc() -> torch.Tensor:
    y, x = torch.meshgrid(*[torch.arange(SIZE) - SIZE // 2] * 2, indexing="ij")
    return y**2 + x**2 < 7.5**2


def curve(measurement, method, **knobs):
    (found,) = run(Rotation().run(measurement, method, ROI_BOX, sensitivities="kept", **knobs))
    return found, {point["angle"]: point for point in found.details["curve"]}


def test_the_grid_holds_zero_and_both_ends():
    assert sorted(angle_grid(2.0, 0.5)) == [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2]
    assert sorted(angle_grid(1.2, 0.5)) == [-1.2, -1, -0.5, 0, 0.5, 1, 1.2]
    assert sorted(angle_grid(0.3, 0.5)) == [-0.3, 0, 0.3]
    assert angle_grid(0.0, 0.5) == [0]


@pytest.mark.parametrize("symmetric", [True, False])
def test_full_sampling_does_not_depend_on_the_pose(combined, symmetric):
    found, points = curve(uniform(torch.ones(1, SIZE, dtype=torch.bool), symmetric=symmetric), combined, angle=5)
    assert len(points) == 21
    for point in points.values():
        assert point["ssim"] == pytest.approx(point["floor_ssim"], abs=1e-4)
        assert point["nmse"] == pytest.approx(point["floor_nmse"], abs=1e-6)
        assert point["nmse"] < 1e-5
    assert "its fully sampled image, brought back, has an SSIM of 1.00" in found.statement


def test_an_odd_crop_of_an_even_image_is_brought_back_about_the_same_pixel(combined):
    whole = uniform(torch.ones(1, SIZE, dtype=torch.bool))
    maps = whole.calibration.sensitivities[:, :41]
    cropped = Measurement(whole.kspace, whole.mask, (41, 41), whole.full, Calibration(maps, whole.calibration.noise))
    _, points = curve(cropped, combined, angle=5, step=5)
    for point in points.values():
        assert point["floor_nmse"] < 1e-5
        assert point["nmse"] < 1e-5


def test_an_equivariant_method_loses_nothing_and_lines_of_samples_do(combined):
    """A disc of k-space looks the same from every angle, lines do not."""
    _, even = curve(uniform(disc()), combined, angle=10, step=5)
    _, uneven = curve(uniform(lines()), combined, angle=10, step=5)
    still, crossed = even[0.0]["nmse"], uneven[0.0]["nmse"]
    assert still > 1e-4
    for angle in (-10.0, -5.0, 5.0, 10.0):
        assert even[angle]["nmse"] == pytest.approx(still, rel=0.05)
    assert max(abs(point["nmse"] / crossed - 1) for point in uneven.values()) > 0.2


def test_the_worst_pose_is_what_is_measured_and_brought_back(combined):
    measurement = uniform(lines())
    found, points = curve(measurement, combined, angle=3, step=1)
    worst = max((point for angle, point in points.items() if angle), key=lambda point: point["nmse"])
    assert found.details["pose"]["angle"] == worst["angle"]
    assert not found.additive
    assert found.loss == ()
    (outcome,) = run(evaluate(measurement, combined, ROI_BOX, [found]))
    after, truth = (outcome.comparison.metrics[name]["roi"] for name in ("perturbed", "perturbed_reference"))
    assert after.nmse == pytest.approx(worst["nmse"], rel=1e-4)
    assert after.ssim == pytest.approx(worst["ssim"], abs=1e-4)
    assert truth.nmse < 1e-5
    worst_words = f"The worst of 6 poses beside the scan's own is turned by {worst['angle']:g}°; ".replace("-", "−")
    assert outcome.comparison.sentence.startswith(worst_words)
    assert "random noise" not in outcome.comparison.sentence
    again = Rotation().recalled(replace(found, restore=None, curve=None))
    assert torch.equal(again.restore(found.image), found.restore(found.image))
    assert again.curve == found.curve


def test_the_worst_pose_is_the_farthest_whatever_its_ssim_says(combined, monkeypatch):
    """Here that is the distance itself, and so disagrees on every pair of poses."""
    nmse = metrics.nmse
    monkeypatch.setattr(metrics, "ssim", lambda image, wanted, data_range, mask: nmse(image, wanted, mask))
    found, points = curve(uniform(lines()), combined, angle=3, step=1)
    worst = max((point for angle, point in points.items() if angle), key=lambda point: point["nmse"])
    assert worst["ssim"] == max(point["ssim"] for angle, point in points.items() if angle)
    assert found.details["pose"]["angle"] == worst["angle"]


def test_the_curve_of_the_whole_image_has_the_scores_of_its_comparison(combined):
    measurement, whole = uniform(lines()), ROI.box(0, 0, SIZE, SIZE)
    (found,) = run(Rotation().run(measurement, combined, whole, angle=5, step=5, sensitivities="kept"))
    (outcome,) = run(evaluate(measurement, combined, whole, [found]))
    points = {point["angle"]: point for point in found.details["curve"]}
    for name, angle in (("clean", 0), ("perturbed", found.details["pose"]["angle"])):
        assert points[angle]["ssim"] == pytest.approx(outcome.comparison.metrics[name]["image"].ssim, abs=1e-6)


def test_the_curve_shows_the_worst_of_all_poses():
    """The line joins what is turned alone; what is moved as well is marked, and the worst named."""

    def pose(angle, rows=0.0, nmse=0.04):
        scores = {"ssim": 0.9 - angle / 100, "nmse": nmse, "floor_ssim": 0.99, "floor_nmse": 1e-4}
        return {"angle": angle, "shift": [rows, 0.0], "scale": 1.0, **scores}

    poses = [pose(2.0), pose(-2.0), pose(0.0, nmse=1.0), pose(2.0, -1.0), pose(2.0, 1.0, nmse=0.09)]
    curve = curve_of(poses, Pose(2.0, 1.0))
    assert (curve.over, curve.title) == ("rotation (degrees)", "SSIM, −2° to 2°")
    assert curve.values == (0.92, 0.9, 0.88)
    assert curve.note == "0.880 to 0.920"
    ssim, rmse = curve.panels
    assert (ssim.label, rmse.label) == ("SSIM of the region", "relative RMSE of the region (fraction)")
    assert ssim.series[0].at == (-2.0, 0.0, 2.0)
    assert ssim.series[1].values == (0.99,) * 3
    assert rmse.series[0].values[0] == pytest.approx(0.2)
    for measure in (ssim, rmse):
        _, _, moved, worst = measure.series
        assert moved.at == (2.0, 2.0)
        assert worst.at == (2.0,)
        assert worst.values[0] in moved.values
        assert worst.name == "worst by RMSE: turned by 2°, moved by 1 and 0 pixels"
    assert rmse.series[3].values == pytest.approx([0.3])


def test_the_scan_as_it_is_is_never_the_worst_pose_of_the_curve():
    still, turned = (
        {"angle": a, "shift": [0, 0], "scale": 1, "ssim": 0.9, "nmse": e, "floor_ssim": None, "floor_nmse": 0}
        for a, e in ((0.0, 0.05), (-1.0, 0.04))
    )
    curve = curve_of([still, turned], Pose(-1.0))
    assert curve.panels[0].series[-1].at == (-1.0,)
    assert len(curve.panels[0].series) == 3, "nothing was moved"


def test_translations_and_scales_are_tried_at_the_worst_pose(combined):
    found, _ = curve(uniform(lines()), combined, angle=1, step=1, shift=1.5, scale=4)
    points = found.details["curve"]
    assert len(points) == 3 + 4 + 2
    assert {tuple(point["shift"]) for point in points} == {(0, 0), (1.5, 0), (-1.5, 0), (0, 1.5), (0, -1.5)}
    assert {point["scale"] for point in points} == {0.96, 1, 1.04}
    moved = [point["nmse"] for point in points if (point["angle"], *point["shift"], point["scale"]) != (0, 0, 0, 1)]
    pose = found.details["pose"]
    (taken,) = (
        point
        for point in points
        if [point["angle"], *point["shift"], point["scale"]]
        == [pose["angle"], pose["rows"], pose["columns"], pose["scale"]]
    )
    assert taken["nmse"] == max(moved)
    turned, shifted, scaled = (
        [point for point in points if (any(point["shift"]), point["scale"] != 1) == kind]
        for kind in ((False, False), (True, False), (True, True))
    )
    farthest = max((point for point in turned if point["angle"]), key=lambda point: point["nmse"])
    assert {point["angle"] for point in shifted} == {farthest["angle"]}
    farthest = max(shifted, key=lambda point: point["nmse"])
    assert [(point["angle"], point["shift"]) for point in scaled] == [(farthest["angle"], farthest["shift"])] * 2


def test_what_the_sensitivities_do_not_explain_stays(measurement, combined, roi):
    """Noise of the coils that lies outside of S x is that of the scan; S x is turned."""
    (found,) = run(Rotation().run(measurement, combined, roi, angle=2, step=2, sensitivities="kept"))
    s = measurement.kept.sensitivities

    def parts(full):
        coil_images = fourier.ifft(full)
        x = (s.conj() * coil_images).sum(-3)
        return x, coil_images - s * x

    x, rest = parts(measurement.full)
    turned, same = parts(found.measurement.full)
    torch.testing.assert_close(same, rest, rtol=0, atol=1e-5)
    torch.testing.assert_close(turned, Pose(**found.details["pose"]).apply(x), rtol=0, atol=1e-5)


def test_the_coils_turn_with_the_patient(measurement, rss, roi):
    (found,) = run(Rotation().run(measurement, rss, roi, angle=2, step=2, coils="patient"))
    before, after = fourier.ifft(measurement.full), fourier.ifft(found.measurement.full)
    torch.testing.assert_close(Pose(**found.details["pose"]).apply(before), after, rtol=0, atol=1e-5)


def within_support(*, full: bool = True) -> tuple[Measurement, torch.Tensor]:
    """The object with sensitivities that end a few pixels beyond it, as those of ESPIRiT, and it alone."""
    whole = uniform(torch.ones(1, SIZE, dtype=torch.bool))
    y, x = torch.meshgrid(*[torch.arange(SIZE) - SIZE // 2] * 2, indexing="ij")
    support = y**2 + x**2 < 17**2
    maps = whole.calibration.sensitivities
    image = support * (maps.conj() * fourier.ifft(whole.kspace)).sum(0)
    kspace, kept = fourier.fft(maps * image), Calibration(maps * support, whole.calibration.noise)
    return replace(whole, kspace=kspace, full=kspace if full else None, kept=kept), image


@pytest.mark.parametrize("full", [True, False])
def test_tissue_that_leaves_the_clean_support_is_measured(rss, full):
    """Uniform coils see it as well elsewhere, though the sensitivities end where the clean scan's tissue does."""
    measurement, image = within_support(full=full)
    knobs = {"angle": 0, "shift": 7, "sensitivities": "kept"}
    (found,) = run(Rotation().run(measurement, rss, ROI.box(0, 0, SIZE, SIZE), **knobs))
    moved = Pose(**found.details["pose"]).apply(image)
    change = found.measurement.kspace - measurement.kspace
    uniform_maps = uniform(measurement.mask).calibration.sensitivities
    torch.testing.assert_close(change, fourier.fft(uniform_maps * (moved - image)), rtol=0, atol=2e-3)
    for point in found.details["curve"]:
        assert point["nmse"] == pytest.approx(point["floor_nmse"], abs=1e-4)
    assert found.findings == {}
    if full:
        (outcome,) = run(evaluate(measurement, rss, ROI.box(0, 0, SIZE, SIZE), [found]))
        assert outcome.comparison.metrics["perturbed_reference"]["image"].nmse < 1e-3


def test_estimated_sensitivities_show_what_left_the_clean_support_and_kept_ones_say_that_they_do_not(measurement):
    method, everything = reconstructors.get("cg-sense").at(), ROI.box(0, 0, SIZE, SIZE)
    scan, _ = within_support()
    knobs = {"angle": 0, "shift": 7}
    (estimated,), (kept,) = (
        run(Rotation().run(scan, method, everything, sensitivities=sensitivities, **knobs))
        for sensitivities in ("estimated", "kept")
    )
    (shown,), (cut,) = (run(evaluate(scan, method, everything, [one])) for one in (estimated, kept))
    lost = {
        name: [float(one.comparison.metrics[name]["image"].nmse) for one in (shown, cut)]
        for name in ("perturbed", "perturbed_reference")
    }
    assert all(after[0] < 0.1 * after[1] for after in lost.values())
    assert estimated.findings == {}
    assert "cannot be shown: let them be estimated" in kept.findings["unseen"]
    share = float(kept.findings["unseen"].partition("%")[0]) / 100
    assert lost["perturbed_reference"][1] == pytest.approx(share**2, rel=0.2)
    (still,) = run(Rotation().run(scan, method, everything, angle=1, step=1, sensitivities="kept"))
    assert still.findings == {}


def test_without_full_kspace_the_clean_image_is_turned(make_measurement, combined, roi):
    measurement = make_measurement(full=False)
    (found,) = run(Rotation().run(measurement, combined, roi, angle=2, step=2, sensitivities="kept"))
    assert "clean reconstruction" in found.statement
    assert found.measurement.full is None
    still = next(point for point in found.details["curve"] if point["angle"] == 0)
    assert still["ssim"] == pytest.approx(1)
    (outcome,) = run(evaluate(measurement, combined, roi, [found]))
    assert outcome.to_json()["reference"] is None


def test_previews_bring_the_worst_so_far(measurement, combined, roi):
    job = Rotation().run(measurement, combined, roi, angle=1, step=0.5, sensitivities="kept")
    previews = [step.preview[0] for step in job if step.preview]
    assert len(previews) == 4
    assert not any(one.complete for one in previews)
    assert all(one.restore is not None and one.image is not None for one in previews)


@pytest.mark.parametrize(
    ("knobs", "words"),
    [({"angle": 0}, "nothing moves"), ({"coils": "patient", "sensitivities": "kept"}, "turn with the patient")],
)
def test_what_does_not_fit_is_said(measurement, combined, roi, knobs, words):
    with pytest.raises(InputError, match=words):
        run(Rotation().run(measurement, combined, roi, **knobs))


@pytest.mark.parametrize("aspect", [1.0, 0.6])
def test_a_disc_in_millimetres_stays_one_where_pixels_are_not_square(combined, aspect):
    y, x = torch.meshgrid(*[torch.arange(SIZE) - SIZE // 2.0] * 2, indexing="ij")
    image = torch.sigmoid((9 - ((0.6 * y) ** 2 + x**2).sqrt()) / 1.2)
    mask = torch.ones(1, SIZE, dtype=torch.bool)
    measurement = uniform(mask)
    kspace = fourier.fft(measurement.calibration.sensitivities * image)
    found, _ = curve(replace(measurement, kspace=kspace, full=kspace, aspect=aspect), combined, angle=8, step=4)
    change = float((found.measurement.kspace - kspace).abs().square().sum() / kspace.abs().square().sum())
    assert change < 1e-4 if aspect == 0.6 else change > 1e-3
    assert found.details["pose"]["aspect"] == aspect
    again = Rotation().recalled(replace(found, restore=None))
    torch.testing.assert_close(again.restore(found.image), found.restore(found.image))
