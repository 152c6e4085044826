import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_recon_robust.data.orientation import Turn
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.perturbations.shifts.pose import Pose
from napari_recon_robust.perturbations.shifts.rotation import Rotation

ROWS, COLUMNS = 60, 64
STILL = Pose()
BLOBS = ((-8.0, 5.0, 3.0, 1.0), (6.0, -9.0, 2.5, 0.7), (2.0, 3.0, 4.0, -0.4))


def blobs(pose: Pose = STILL) -> torch.Tensor:
    """Round Gaussians about the centre (row, column, width, height), where the pose should bring them."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS].astype(float)
    image = np.zeros((ROWS, COLUMNS))
    cosine, sine = np.cos(np.radians(pose.angle)), np.sin(np.radians(pose.angle))
    for row, column, width, height in BLOBS:
        y = ROWS // 2 + pose.rows + pose.scale * (cosine * row - sine * column / pose.aspect)
        x = COLUMNS // 2 + pose.columns + pose.scale * (sine * row * pose.aspect + cosine * column)
        distance = (pose.aspect * (rows - y)) ** 2 + (columns - x) ** 2
        image += height * np.exp(-distance / (2 * (pose.scale * pose.aspect * width) ** 2))
    return torch.from_numpy(image).to(torch.complex64) * np.exp(0.7j)


@pytest.mark.parametrize(
    "pose",
    [
        Pose(3.0),
        Pose(-15.0),
        Pose(0.0, 2.3, -1.6),
        Pose(scale=1.05),
        Pose(scale=0.95),
        Pose(5.0, -1.5, 0.5, 1.03),
        Pose(6.0, aspect=0.625),
        Pose(45.0),
    ],
)
def test_it_brings_the_object_where_it_says_and_back(pose):
    scanned = blobs(Pose(aspect=pose.aspect))
    moved = pose.apply(scanned)
    assert float((moved - blobs(pose)).abs().max()) < 2e-3
    assert float((moved - scanned).abs().max()) > 0.02
    assert float((pose.undo(moved) - scanned).abs().max()) < 1e-3


@pytest.mark.parametrize("view", [Turn(), Turn(quarters=1), Turn(mirrored=True), Turn(quarters=2, mirrored=True)])
def test_positive_angles_turn_as_the_knob_says(view):
    angle = next(knob for knob in Rotation.knobs if knob.name == "angle")
    assert "Positive ones turn the stored image counter-clockwise; a view that is mirrored or flipped" in angle.help
    rows, columns = torch.meshgrid(*[torch.arange(65) - 32.0] * 2, indexing="ij")
    stored = torch.exp(-((columns - 20) ** 2 + rows**2) / 20)
    images = (view.shown(image.numpy()) for image in (stored, Pose(angle=20).apply(stored)))
    (row, column), (turned_row, turned_column) = (np.array(divmod(int(image.argmax()), 65)) - 32 for image in images)
    up = row * turned_column - column * turned_row  # above zero for a turn counter-clockwise on the screen
    assert (up < 0) == view.mirrored
    assert up != 0


@pytest.mark.parametrize("angle", [45.5, -90.0, 180.0, float("nan")])
def test_a_turn_too_large_for_shears_is_refused(angle):
    """At 180° the tangent of half the angle has no value, and what came back was no image of the object."""
    with pytest.raises(InputError, match=r"turned by .*°; give at most 45° either way"):
        Pose(angle)


def test_a_turn_agrees_with_a_spline_of_high_order():
    angle = 7.0
    turn = np.array([[np.cos(np.radians(angle)), -np.sin(np.radians(angle))], [0, 0]])
    turn[1] = -turn[0, 1], turn[0, 0]
    centre = np.array([ROWS // 2, COLUMNS // 2])
    image = (blobs() * np.exp(-0.7j)).real
    expected = ndimage.affine_transform(image.numpy(), turn.T, centre - turn.T @ centre, order=5)
    assert float((Pose(angle).apply(image) - torch.from_numpy(expected)).abs().max()) < 2e-3


def test_a_translation_by_whole_pixels_is_exact():
    image = torch.zeros(40, 50, dtype=torch.complex64)
    image[15:25, 20:30] = torch.randn(10, 10, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    moved = Pose(rows=3, columns=-7).apply(image)
    torch.testing.assert_close(moved, torch.from_numpy(np.roll(image.numpy(), (3, -7), (0, 1))), rtol=0, atol=1e-5)


def test_noise_keeps_its_level_and_comes_back():
    noise = torch.randn(128, 128, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    inner = (slice(32, 96), slice(32, 96))
    turned = Pose(4.0).apply(noise)
    assert float(turned[inner].norm() / noise[inner].norm()) == pytest.approx(1, abs=0.02)
    assert float((Pose(4.0).undo(turned) - noise)[inner].norm() / noise[inner].norm()) < 0.05


def test_magnitudes_stay_real_and_batches_agree():
    pose, image = Pose(2.0, 1.0, 0.0, 0.98), blobs()
    both = pose.undo(torch.stack([image, 2 * image]))
    torch.testing.assert_close(both[1], 2 * pose.undo(image), rtol=0, atol=1e-5)
    magnitude = pose.undo(image.abs())
    assert magnitude.dtype == torch.float32
    assert STILL.apply(image) is image
    assert Pose(**pose.to_json()) == pose


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        (Pose(), "as scanned"),
        (Pose(-1.5), "turned by −1.5°"),
        (Pose(0.0, 2.0, -0.5), "moved by 2 and −0.5 pixels"),
        (Pose(1.0, 0.0, 2.0, 1.02), "turned by 1°, moved by 0 and 2 pixels, scaled by 1.02"),
    ],
)
def test_a_pose_in_words_is_whole(pose, words):
    assert str(pose) == words
