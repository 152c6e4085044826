"""The head around a brain: its layers in their order, its tissues, its lesions."""

import numpy as np
import pytest
from numpy.random import default_rng

from napari_recon_robust.simulation.head import CONTRASTS, Head, Lesion, Noise, Template, axial_points


@pytest.fixture(scope="module")
def ball_head(ball: Template) -> Head:
    return Head(ball, default_rng(0))


def test_noise_is_smooth_normal_and_as_wide_as_asked() -> None:
    points = default_rng(0).uniform(-60, 60, (3, 4000)).astype(np.float32)
    noise = Noise(10.0, default_rng(1))
    values = noise(points)
    assert np.mean(values) == pytest.approx(0, abs=0.15)
    assert np.std(values) == pytest.approx(1, abs=0.1)
    near, far = (np.corrcoef(values, noise(points + np.float32(step)))[0, 1] for step in (0.5, 20.0))
    assert near > 0.97
    assert abs(far) < 0.15


@pytest.mark.slow
def test_the_layers_follow_each_other_outwards(ball_head: Head) -> None:
    """Along a ray backwards from the centre: CSF, bone, marrow, bone, fat, skin, air."""
    y = -np.linspace(0, 75, 1500, dtype=np.float32)
    points = np.stack([np.full_like(y, 6), y, np.full_like(y, 30)])
    fractions = ball_head.tissues(points)
    template = fractions.pop("template")
    total = sum(fractions.values())
    assert np.all(total < 1 + 1e-4)
    assert np.allclose(total[y > -40], 1, atol=1e-4)
    assert np.all(total[y < -74] < 1e-3)
    assert all(fraction.min() > -1e-4 for fraction in fractions.values())
    order = [float(-(y * fractions[name]).sum() / fractions[name].sum())
             for name in ("white", "grey", "csf", "bone", "fat", "skin")]  # fmt: skip
    assert order == sorted(order)
    bone = fractions["bone"] > 0.5
    assert np.count_nonzero(np.diff(bone.astype(int)) == 1) == 2, "marrow lies between two tables of bone"
    assert np.abs(template).max() <= 0.25


def test_fat_is_bright_and_bone_dark_in_every_contrast(ball_head: Head) -> None:
    points = axial_points(0.0, 96, 160.0)
    fractions = ball_head.tissues(points)
    for contrast in CONTRASTS.values():
        image = ball_head.signal(points, contrast)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image[fractions["fat"] > 0.9].mean() > 0.6 * contrast["fat"]
        assert image[fractions["bone"] > 0.9].mean() < 0.06
        assert image[sum(fractions[name] for name in fractions if name != "template") < 0.01].max() < 0.02


@pytest.mark.thorough
def test_another_seed_is_another_head(ball: Template, ball_head: Head) -> None:
    points = axial_points(0.0, 48, 160.0)
    heads = (ball_head, Head(ball, default_rng(0)), Head(ball, default_rng(1)))
    first, again, other = (head.signal(points, CONTRASTS["t1"]) for head in heads)
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.slow
def test_lesions_lie_in_white_matter_apart_from_each_other(ball_head: Head) -> None:
    lesions = ball_head.place_lesions(6, (-5.0, 10.0), default_rng(2))
    assert len(lesions) >= 4
    centres = np.array([lesion.centre for lesion in lesions], np.float32)
    assert np.all(ball_head.tissues(centres.T)["white"] > 0.9)
    assert set(centres[:, 2]) == {-5.0, 10.0}
    distances = np.linalg.norm(centres[:, None] - centres, axis=-1) + 100 * np.eye(len(lesions))
    assert distances.min() >= 12
    assert len({lesion.radii for lesion in lesions}) == len(lesions)


def test_a_lesion_is_an_ellipsoid_and_brightens_its_place_alone(ball_head: Head) -> None:
    lesion = Lesion((3.0, -18.0, 0.0), (6.0, 3.0, 4.0), np.pi / 2, 1.0)
    along = np.array([[3, 3, 3, 3, 7, 3], [-18, -13, -11, -25, -18, -18], [0, 0, 0, 0, 0, 5]], np.float32)
    weight = lesion.weight(along)
    assert np.all(weight[:2] > 0.9)
    assert np.all(weight[2:] < 0.1)
    points = axial_points(0.0, 96, 160.0)
    changed = ball_head.signal(points, CONTRASTS["t2"], (lesion,)) - ball_head.signal(points, CONTRASTS["t2"])
    assert changed.max() == pytest.approx(CONTRASTS["t2"]["lesion"] - CONTRASTS["t2"]["white"], rel=0.1)
    assert np.abs(changed[np.hypot(points[0] - 3, points[1] + 18) > 9]).max() < 1e-3
