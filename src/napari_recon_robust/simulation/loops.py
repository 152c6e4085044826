"""Receive loops in free space: their magnetic field, and the noise that they receive together from the body."""

import numpy as np
from numpy.typing import NDArray

_SEGMENTS = 24
_POINTS = 512  # on the sphere
_DEGREES = 16


def loop_field(
    points: NDArray[np.floating],
    centre: NDArray[np.floating],
    normal: NDArray[np.floating],
    radius: float,
    *,
    segments: int = _SEGMENTS,
    wire: float = 0.0,
) -> NDArray[np.floating]:
    """B(p) = sum over segments of dl x r / (|r|^2 + wire^2)^(3/2), in units of mu_0 I / 4 pi (Biot-Savart).

    points: (..., 3). The loop lies around `centre`, perpendicular to `normal`. Returns (..., 3).
    On the axis, at the distance z, |B| = 2 pi radius^2 / (radius^2 + z^2)^(3/2).
    """
    normal = normal / np.linalg.norm(normal)
    across = np.cross(normal, np.eye(3)[np.argmin(np.abs(normal))])
    across /= np.linalg.norm(across)
    along = np.cross(normal, across)
    # Segments of equal angle, each at its middle; the polygon is circumscribed so that its length is the circle's.
    angle = (np.arange(segments) + 0.5) * (2 * np.pi / segments)
    sine, cosine = np.sin(angle)[:, None], np.cos(angle)[:, None]
    position = centre + radius * (cosine * across + sine * along)
    step = radius * (2 * np.pi / segments) * (cosine * along - sine * across)
    weight = ((points[..., None, :] - position) ** 2).sum(-1)
    weight = (weight + wire**2) ** -1.5
    # sum w dl x (p - q) = (sum w dl) x p - sum w (dl x q)
    field: NDArray[np.floating] = np.cross(weight @ step, points) - weight @ np.cross(step, position)
    return field


def resistance(
    centres: NDArray[np.floating],
    normals: NDArray[np.floating],
    radii: NDArray[np.floating],
    *,
    sphere: float,
    wire: float = 0.0,
) -> NDArray[np.float64]:
    """R_ij = integral of E_i E_j over a conducting sphere around the origin, (coils, coils): body noise is N(0, R).

    centres, normals: (coils, 3). radii: (coils,), of loops outside of the sphere, whose radius is `sphere`. E is the
    electric field per frequency of a current of one in a coil, long waves assumed; units mu_0 / 4 pi.
    Without a radial part E = r x grad psi, where psi_lm = (r B)_lm / l (l + 1), so that the integral is
    radius^3 sum_lm (r B)_lm^i (r B)_lm^j / l (l + 1) (2 l + 3), by spherical harmonics of r B on the surface, which the
    addition theorem sums over m.
    Source: Roemer et al., The NMR phased array, 1990, doi:10.1002/mrm.1910160203 (mutual resistance).
    """
    # Points of a Fibonacci lattice stand for equal areas.
    number = np.arange(_POINTS) + 0.5
    height = 1 - 2 * number / _POINTS
    turn = np.pi * (1 + 5**0.5) * number
    beside = np.sqrt(1 - height**2)
    directions = np.stack([beside * np.cos(turn), beside * np.sin(turn), height], axis=-1)
    degree = np.arange(1, _DEGREES + 1)
    weights = (2 * degree + 1) / (4 * np.pi * degree * (degree + 1) * (2 * degree + 3))
    cosines = np.clip(directions @ directions.T, -1, 1)
    kernel = np.polynomial.legendre.legval(cosines, np.concatenate([[0.0], weights]))
    radial = np.stack(
        [
            sphere * (loop_field(sphere * directions, centre, normal, radius, wire=wire) * directions).sum(-1)
            for centre, normal, radius in zip(centres, normals, radii, strict=True)
        ]
    )
    found: NDArray[np.float64] = sphere**3 * (4 * np.pi / _POINTS) ** 2 * (radial @ kernel @ radial.T)
    return found
