"""Loops against the analytic field on their axis, and their noise against the integral of the field over the body."""

import numpy as np
import pytest
from numpy.random import default_rng

from napari_recon_robust.simulation.loops import loop_field, resistance


@pytest.mark.parametrize("normal", [(0, 0, 1), (1, -2, 0.5)])
def test_the_field_on_a_loops_axis_is_the_analytic_one(normal: tuple[float, ...]) -> None:
    direction = np.array(normal) / np.linalg.norm(normal)
    centre, radius, distance = np.array([0.3, -0.2, 0.1]), 0.7, np.linspace(0, 3, 7)
    field = loop_field(centre + distance[:, None] * direction, centre, direction, radius)
    expected = 2 * np.pi * radius**2 / (radius**2 + distance**2) ** 1.5
    np.testing.assert_allclose(field, expected[:, None] * direction, rtol=1e-6, atol=1e-9)


def test_the_field_has_no_sources() -> None:
    """Its divergence, by central differences, vanishes beside its gradient (Gauss's law for magnetism)."""
    step, at = 1e-3, default_rng(0).uniform(-0.5, 0.5, (20, 3))

    def field(points: np.ndarray) -> np.ndarray:
        return loop_field(points, np.array([1.2, 0, 0.1]), np.array([1.0, 0.1, 0]), 0.5, segments=200)

    gradient = np.stack([(field(at + e * step) - field(at - e * step)) / (2 * step) for e in np.eye(3)], axis=-1)
    assert np.abs(np.trace(gradient, axis1=-2, axis2=-1)).max() < 1e-3 * np.abs(gradient).max()


def vector_potential(points: np.ndarray, height: float, radius: float) -> np.ndarray:
    """A = sum dl / r of a loop around the third axis, (..., 3): without charges, E is proportional to it."""
    angle = (np.arange(120) + 0.5) * (2 * np.pi / 120)
    position = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(120, height)], axis=-1)
    step = radius * 2 * np.pi / 120 * np.stack([-np.sin(angle), np.cos(angle), np.zeros(120)], axis=-1)
    return (step / np.linalg.norm(points[..., None, :] - position, axis=-1, keepdims=True)).sum(-2)


def test_the_noise_of_coaxial_loops_is_the_integral_of_their_fields() -> None:
    """Around the axis of a sphere A has no radial part, so that no charges arise and E is A times the frequency."""
    heights, radii = (1.1, -1.0, 0.9), (0.5, 0.7, 0.6)
    side = np.linspace(-0.75, 0.75, 41)
    points = np.stack(np.meshgrid(side, side, side, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = points[np.linalg.norm(points, axis=-1) <= 0.75]
    fields = np.stack([vector_potential(inside, *loop).ravel() for loop in zip(heights, radii, strict=True)])
    expected = fields @ fields.T * (side[1] - side[0]) ** 3
    centres, normals = np.outer(heights, (0, 0, 1)), np.tile((0.0, 0, 1), (3, 1))
    found = resistance(centres, normals, np.array(radii), sphere=0.75)
    np.testing.assert_allclose(found, expected, rtol=0.02)


def test_noise_is_the_same_wherever_the_loops_are_turned_together() -> None:
    turned = np.linalg.qr(default_rng(0).standard_normal((3, 3)))[0]
    centres, normals = default_rng(1).uniform(0.8, 1.1, (4, 3)), default_rng(2).standard_normal((4, 3))
    radii = np.full(4, 0.4)
    one = resistance(centres, normals, radii, sphere=0.7)
    other = resistance(centres @ turned.T, normals @ turned.T * np.linalg.det(turned), radii, sphere=0.7)
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * one.max())
