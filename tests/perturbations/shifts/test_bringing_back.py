import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.perturbations.shifts.bringing_back import BringingBack
from napari_recon_robust.perturbations.shifts.pose import Pose
from napari_recon_robust.perturbations.shifts.rotation import Rotation
from napari_recon_robust.physics import fourier
from napari_recon_robust.reconstructors import registry as reconstructors

SIZE = 64
BOX = ROI.box(22, 22, 20, 20)
# Rows and columns that are measured.
ACQUIRED = {
    "all": (slice(0, SIZE), slice(0, SIZE)),
    "padded": (slice(16, 48), slice(16, 48)),
    "partial Fourier": (slice(0, SIZE), slice(24, SIZE)),
}


def scan_of(acquired: str = "all", *, full: bool = True) -> Measurement:
    """A full scan of a disc whose phase turns quickly, with zeros inside, in two coils of other phases."""
    y, x = torch.meshgrid(*[torch.arange(SIZE) - SIZE // 2.0] * 2, indexing="ij")
    disc = torch.sigmoid((22 - (y**2 + x**2).sqrt()) / 1.2)
    image = disc * (torch.cos(0.9 * x + 0.4 * y) + 0.8j * torch.sin(0.7 * y - 0.3 * x) + 0.5 * torch.exp(0.2j * x))
    maps = torch.stack((0.6 * torch.exp(0.02j * y), 0.8 * torch.exp(0.03j * x)))
    points = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    points[ACQUIRED[acquired]] = True
    kspace = fourier.fft(maps * image) * points
    kept = Calibration(maps, torch.full((2,), 1e-3))
    mask = points if not points.any(0, keepdim=True).expand(SIZE, SIZE).equal(points) else points.any(0, keepdim=True)
    return Measurement(kspace, mask, (SIZE, SIZE), kspace if full else None, kept, points)


def worst_of(found):
    """The point of the curve that the result is of."""
    return next(one for one in found.details["curve"] if one["angle"] == found.details["pose"]["angle"])


def turned(scan, method, roi=BOX, **knobs):
    """What a rotation found, and the NMSE of the region of its image and of its fully sampled image, brought back."""
    (found,) = run(Rotation().run(scan, method, roi, **{"angle": 5, "step": 5, "sensitivities": "kept", **knobs}))
    (outcome,) = run(evaluate(scan, method, roi, [found]))
    metrics = outcome.comparison.metrics
    return found, worst_of(found), metrics["perturbed"]["roi"], metrics["perturbed_reference"]["roi"]


def nmse_of_the_magnitude_by_itself(scan, found, kind):
    """What turning back the fully sampled magnitude as it is would cost."""
    pose, inside = Pose(**found.details["pose"]), BOX.mask(scan.matrix)
    wanted = scan.reference(kind)[inside]
    back = pose.undo(found.measurement.reference(kind)).abs()[inside]
    return float((back - wanted).square().sum() / wanted.square().sum())


@pytest.mark.parametrize("acquired", ACQUIRED)
@pytest.mark.parametrize("kind", ["combined", "rss"])
def test_a_full_scan_is_brought_back_to_the_floor_and_no_worse_than_its_reference(request, kind, acquired):
    """Both methods are then the reference itself: only turning, padding and partial Fourier cost anything."""
    _, worst, image, truth = turned(scan_of(acquired), request.getfixturevalue(kind))
    assert worst["nmse"] == pytest.approx(worst["floor_nmse"], rel=1e-3, abs=1e-8)
    assert worst["ssim"] == pytest.approx(worst["floor_ssim"], abs=1e-5)
    assert image.nmse == pytest.approx(worst["nmse"], rel=1e-3, abs=1e-8)
    assert truth.nmse == pytest.approx(worst["floor_nmse"], rel=1e-3, abs=1e-8)


@pytest.mark.parametrize("kind", ["combined", "rss"])
def test_a_full_scan_is_brought_back_with_its_phase(request, kind):
    scan = scan_of()
    found, _, image, truth = turned(scan, request.getfixturevalue(kind))
    assert max(image.nmse, truth.nmse) < 0.1 * nmse_of_the_magnitude_by_itself(scan, found, kind)


def test_without_full_kspace_the_floor_is_that_of_the_object_that_is_turned(combined, rss):
    for method in (combined, rss):
        (found,) = run(
            Rotation().run(scan_of("padded", full=False), method, BOX, angle=5, step=5, sensitivities="kept")
        )
        worst = worst_of(found)
        assert found.measurement.full is None
        assert worst["nmse"] == pytest.approx(worst["floor_nmse"], rel=1e-2, abs=1e-6)


@pytest.mark.parametrize("pose", [Pose(rows=3.0, columns=-5.0), Pose()])
def test_a_move_by_whole_pixels_keeps_every_magnitude(pose):
    scan, magnitude = scan_of(), scan_of().reference("rss")
    back = BringingBack(pose, scan)(magnitude)
    inside = (slice(10, SIZE - 10),) * 2
    torch.testing.assert_close(back[inside], pose.undo(magnitude)[inside], rtol=0, atol=1e-5)
    assert back.dtype == magnitude.dtype


def test_an_image_with_a_phase_is_turned_as_it_is():
    scan, pose = scan_of(), Pose(4.0)
    image = scan.combined_reference
    assert torch.equal(BringingBack(pose, scan)(image), pose.undo(image))


@pytest.mark.parametrize("id", ["zero-filled", "cg-sense"])
def test_a_real_full_scan_loses_by_a_turn_only_what_its_reference_loses(shared, id):
    kspace = torch.from_numpy(np.load(shared / "data" / "kspace" / "brain_16coil_128x128_full.npy")).to(torch.complex64)
    kspace = kspace.movedim(-1, 0) if kspace.shape[0] != 16 else kspace
    scan = Measurement(kspace, torch.ones(1, 128, dtype=torch.bool), (128, 128), kspace)
    method, box = reconstructors.get(id).at(), ROI.box(48, 48, 24, 24)
    _, worst, image, truth = turned(scan, method, box, sensitivities="estimated")
    assert worst["ssim"] == pytest.approx(worst["floor_ssim"], abs=5e-4)
    assert image.ssim == pytest.approx(truth.ssim, abs=5e-4)
    assert truth.ssim > 0.995
