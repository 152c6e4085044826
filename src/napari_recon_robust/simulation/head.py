"""An individual head from the skull-stripped MNI152 template. Tissues are sharpened, folds are made individual, and
CSF, dura, skull, muscle, fat and skin are put around the brain by their distance from it.

Coordinates are the template's, in mm: x to the right, y to the front, z up. All fields are continuous, so that a
slice may be rendered at any resolution.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, spline_filter

from ..ground.cached_property import cached_property
from ..ground.errors import InputError

Field = NDArray[np.float32]

# Signal of each tissue for the usual sequences at 3 T, relative to the brightest.
CONTRASTS: Mapping[str, Mapping[str, float]] = {
    "t2": {
        "csf": 1.0, "grey": 0.50, "white": 0.34, "lesion": 0.66, "dura": 0.06, "bone": 0.03, "marrow": 0.38,
        "muscle": 0.15, "fat": 0.66, "skin": 0.30, "blood": 0.05, "template": -1.0,
    },
    "t1": {
        "csf": 0.14, "grey": 0.44, "white": 0.62, "lesion": 0.40, "dura": 0.28, "bone": 0.03, "marrow": 0.62,
        "muscle": 0.36, "fat": 1.0, "skin": 0.45, "blood": 0.30, "template": 1.0,
    },
    "flair": {
        "csf": 0.09, "grey": 0.60, "white": 0.46, "lesion": 1.0, "dura": 0.20, "bone": 0.03, "marrow": 0.40,
        "muscle": 0.25, "fat": 0.80, "skin": 0.40, "blood": 0.08, "template": -0.6,
    },
}  # fmt: skip
_OUTSIDE = 40  # mm around the template, for skull and scalp
_STEP = 2  # mm, grid of the distance from the brain


@dataclass(frozen=True)
class Lesion:
    """An ellipsoid in white matter: centre and radii in mm, rotation in the axial plane.

    strength: how far the tissue's signal moves to the full signal of lesions (0 not at all, 1 all the way).
    """

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    angle: float
    strength: float

    def weight(self, points: Field) -> Field:
        """The weight at points (3, ...): 1 inside, 0 outside, with an edge of a millimetre."""
        x, y, z = (points[axis] - self.centre[axis] for axis in range(3))
        along = (np.cos(self.angle) * x + np.sin(self.angle) * y) / self.radii[0]
        across = (np.cos(self.angle) * y - np.sin(self.angle) * x) / self.radii[1]
        distance = (np.sqrt(along**2 + across**2 + (z / self.radii[2]) ** 2) - 1) * min(self.radii)
        return _above(-distance, 0.4)


@dataclass(frozen=True, eq=False)
class Template:
    """Grey and white matter fractions and T1 signal of a skull-stripped brain, 1 mm; origin: mm of voxel (0, 0, 0)."""

    grey: Field
    white: Field
    t1: Field
    origin: tuple[float, float, float]

    @classmethod
    def mni152(cls) -> "Template":
        """The ICBM 2009a template that nilearn carries; InputError where nilearn is not installed."""
        try:
            from nilearn import datasets
        except ImportError:
            raise InputError(
                "the MNI152 template is not installed; it comes with nilearn: pip install nilearn."
            ) from None
        t1 = datasets.load_mni152_template(resolution=1)
        grey = datasets.load_mni152_gm_template(resolution=1)
        white = datasets.load_mni152_wm_template(resolution=1)
        x, y, z = (float(value) for value in t1.affine[:3, 3])
        grey, white, brain = (np.asarray(image.dataobj, dtype=np.float32) for image in (grey, white, t1))
        return cls(grey, white, brain, origin=(x, y, z))


class Head:
    """One individual drawn from the template: `tissues(points)` gives the fraction of every tissue anywhere."""

    def __init__(self, template: Template, rng: Generator) -> None:
        self._template = template
        self._fields = {
            name: spline_filter(getattr(template, name), order=3, output=np.float32) for name in ("grey", "white", "t1")
        }
        self._size = np.exp(rng.normal(0, 0.02, 3))
        # Displacements in mm of head shape, gyri and folds, and the width in mm of the fields that they are made of.
        self._shape = [
            (amplitude, [Noise(scale, rng) for _ in range(3)])
            for amplitude, scale in ((2.5, 60.0), (1.2, 14.0), (0.5, 5.0))
        ]
        self._layers = {
            name: Noise(scale, rng)
            for name, scale in (("csf", 30.0), ("table", 30.0), ("marrow", 40.0), ("fat", 50.0), ("muscle", 25.0))
        }
        self._texture = {
            name: Noise(scale, rng)
            for name, scale in (("slow", 14.0), ("fine", 2.0), ("vessels", 1.1), ("septa", 1.6), ("spaces", 0.8))
        }
        self._fatness = rng.uniform(0.7, 1.4)

    @cached_property
    def _outside(self) -> Field:
        """The distance in mm from the brain's smooth hull (negative inside) on the coarse, padded grid."""
        brain = np.pad(self._template.t1[::_STEP, ::_STEP, ::_STEP] > 0, _OUTSIDE // _STEP)
        closed = distance_transform_edt(~brain, sampling=_STEP) <= 20
        closed = distance_transform_edt(closed, sampling=_STEP) > 20
        signed = distance_transform_edt(~closed, sampling=_STEP) - distance_transform_edt(closed, sampling=_STEP)
        return spline_filter(gaussian_filter(signed.astype(np.float32), 1.5), order=3, output=np.float32)

    def _voxels(self, points: Field) -> Field:
        return points - np.asarray(self._template.origin, np.float32).reshape(3, *[1] * (points.ndim - 1))

    def _sample(self, name: str, voxels: Field) -> Field:
        return map_coordinates(self._fields[name], voxels, order=3, prefilter=False, mode="constant")

    def place_lesions(self, count: int, heights: tuple[float, ...], rng: Generator) -> tuple[Lesion, ...]:
        """Small lesions deep in white matter, of several sizes and signals, in slices at the given z in turn.

        There are fewer than `count` if there is no more room at 12 mm from the others.
        """
        lesions: list[Lesion] = []
        for number in range(count):
            z = heights[number % len(heights)]
            points = axial_points(z, 128, 192.0)
            depth = distance_transform_edt(self.tissues(points)["white"] > 0.9, sampling=1.5)
            for other in lesions:
                near = np.linalg.norm(points - np.reshape(other.centre, (3, 1, 1)), axis=0) < 12
                depth[near] = 0
            radius = float(np.exp(rng.uniform(np.log(1.2), np.log(3.6))))
            places = np.argwhere(depth > radius + 1)
            if len(places) == 0:
                continue
            row, column = places[rng.integers(len(places))]
            x, y = float(points[0, row, column]), float(points[1, row, column])
            radii = (radius, radius * float(rng.uniform(0.7, 1.0)), float(rng.uniform(2.5, 4.0)))
            lesions.append(Lesion((x, y, z), radii, float(rng.uniform(0, np.pi)), float(rng.uniform(0.5, 1.2))))
        return tuple(lesions)

    def lesion(self, lesion: Lesion, points: Field) -> Field:
        """The lesion's weight at points (3, ...); its outline is as irregular as the folds."""
        noises = self._shape[-1][1]
        return lesion.weight(points + np.stack([0.6 * noise(points) for noise in noises]))

    def _moved(self, points: Field) -> Field:
        """The positions of points in the template's voxels, for the shape of this head."""
        size = self._size.astype(np.float32).reshape(3, *[1] * (points.ndim - 1))
        amplitude, noises = self._shape[0]
        return self._voxels(points * size + np.stack([amplitude * noise(points) for noise in noises]))

    def _depth(self, voxels: Field) -> Field:
        """Distance in mm from the brain's surface, negative inside."""
        at = (voxels + _OUTSIDE) / _STEP
        return map_coordinates(self._outside, at, order=3, prefilter=False, mode="nearest")

    def tissues(self, points: Field) -> dict[str, Field]:
        """The fraction of each tissue at points (3, ...) in mm, each (...); air makes their sum 1.

        "template" is the T1 template's deviation from its tissue's usual signal.
        """
        folded = self._moved(points)
        depth = self._depth(folded)
        cortex = _above(depth + 24, 6)  # folds vary from head to head, nuclei and ventricles less
        for amplitude, noises in self._shape[1:]:
            folded = folded + cortex * np.stack([amplitude * noise(points) for noise in noises])

        grey, white = self._sample("grey", folded), self._sample("white", folded)
        t1 = self._sample("t1", folded)
        fluid = (2.4 - 0.7 * cortex) * np.clip(1 - grey - white, 0, 1)
        # The average of 152 brains is blurred; an individual's tissue is one thing or the other.
        power = [np.exp(np.clip(x, 0, 1.2) / 0.07) for x in (grey, white, fluid)]
        total = np.sum(power, axis=0)
        usual = (0.64 * power[0] + 0.87 * power[1]) / (power[0] + power[1])
        fractions = dict(zip(("grey", "white", "csf"), (x / total for x in power), strict=True))
        fractions |= self._envelope(points, depth, fractions)
        fractions["template"] = np.where(depth < 0, np.clip(t1 / usual - 1, -0.25, 0.25), 0)
        return fractions

    def _envelope(self, points: Field, depth: Field, brain: Mapping[str, Field]) -> dict[str, Field]:
        """The brain's tissues, cut at the dura, and the layers around it, each from one depth to the next."""
        x, y, z = points
        thickness = {name: np.clip(noise(points), -2, 2) for name, noise in self._layers.items()}
        azimuth = np.arctan2(np.abs(x), y + 10)  # 0 at the front
        temple = np.exp(-(((azimuth - 1.2) / 0.5) ** 2)) * np.clip((52 - z) / 45, 0, 1)
        edges = np.cumsum([
            1.0 + 0.7 * thickness["csf"],
            np.full_like(depth, 0.9),
            1.6 + 0.3 * thickness["table"],
            np.maximum(3.0 + 1.3 * thickness["marrow"] - 2.5 * temple, 0.3),
            1.7 + 0.3 * thickness["table"],
            np.maximum(0.8 + temple * (5.5 + 1.2 * thickness["muscle"]), 0),
            self._fatness * np.maximum(3.4 + 1.1 * thickness["fat"] + 1.5 * _above(-y - 60, 20), 1.0),
            np.full_like(depth, 1.7),
        ], axis=0)  # fmt: skip
        names = ("csf", "dura", "bone", "marrow", "bone", "muscle", "fat", "skin")
        inside = 1 - _above(depth, 0.4)
        layers = {name: inside * fraction for name, fraction in brain.items()}
        below = 1 - inside
        for name, edge in zip(names, edges, strict=True):
            beyond = _above(depth - np.maximum(edge, 0.3), 0.25)
            layers[name] = layers.get(name, 0) + below - np.minimum(beyond, below)
            below = np.minimum(beyond, below)
        falx = (
            layers["csf"]
            * np.exp(-(((x - 0.8 * thickness["table"]) / 0.6) ** 2))
            * _above(np.abs(y + 15) - 25, 4)
            * _above(z - 5, 5)
        )
        layers["csf"] = layers["csf"] - falx
        layers["dura"] = layers["dura"] + falx
        sinus = layers["csf"] * np.exp(-((x / 4) ** 2)) * np.exp(-(((depth - 0) / 4) ** 2)) * _above(-y - 30, 10)
        vessels = (layers["csf"] - sinus) * _above(self._texture["vessels"](points) - 1.9, 0.15) * _above(depth + 25, 5)
        layers["csf"] = layers["csf"] - sinus - vessels
        layers["blood"] = sinus + vessels
        return layers

    def signal(self, points: Field, contrast: Mapping[str, float], lesions: tuple[Lesion, ...] = ()) -> Field:
        """The magnitude at points (3, ...), about 0 to 1."""
        image = np.zeros(points.shape[1:], np.float32)
        inside = self._depth(self._voxels(points)) < 32
        image[inside] = self._signal(points[:, inside], contrast, lesions)
        return image

    def _signal(self, points: Field, contrast: Mapping[str, float], lesions: tuple[Lesion, ...]) -> Field:
        fractions = self.tissues(points)
        template = fractions.pop("template")
        brain = fractions["grey"] + fractions["white"]
        image = np.zeros_like(template)
        for name, fraction in fractions.items():
            image += fraction * contrast[name]
        image *= 1 + brain * (contrast["template"] * template + 0.03 * self._texture["slow"](points))
        image *= 1 + 0.05 * self._texture["fine"](points)
        septa = _above(np.abs(self._texture["septa"](points)) - 1.2, 0.2)
        image *= 1 - 0.35 * septa * (fractions["fat"] + fractions["marrow"])
        spaces = fractions["white"] * _above(self._texture["spaces"](points) - 3.0, 0.1)
        image += 0.4 * spaces * (contrast["csf"] - contrast["white"])
        for lesion in lesions:
            image += self.lesion(lesion, points) * lesion.strength * (contrast["lesion"] - contrast["white"]) * brain
        return np.maximum(image, 0)


class Noise:
    """A smooth random function of space with mean 0 and deviation 1, whose features are `scale` mm wide."""

    _PERIOD = 96  # grid points, four to a feature; the function repeats after that, along turned axes

    def __init__(self, scale: float, rng: Generator) -> None:
        grid = gaussian_filter(rng.standard_normal((self._PERIOD,) * 3, dtype=np.float32), 1.6, mode="wrap")
        self._grid = (grid - grid.mean()) / grid.std()
        self._axes = (np.linalg.qr(rng.standard_normal((3, 3)))[0] * (4 / scale)).astype(np.float32)

    def __call__(self, points: Field) -> Field:
        """The values at points (3, ...) in mm."""
        return map_coordinates(self._grid, np.tensordot(self._axes, points, axes=1), order=1, mode="grid-wrap")


def _above(x: NDArray[np.floating], width: float) -> Field:
    """A step from 0 below to 1 above zero, which rises smoothly over about +-2 `width`."""
    return 1 / (1 + np.exp(-np.clip(x / (width / 2), -30, 30)))


def axial_points(z: float, matrix: int, field_of_view: float) -> Field:
    """Points of an axial slice, float32 (3, rows, columns) in mm.

    It lies as a radiologist looks at it: the front is up, the patient's right on the left.
    """
    along = (np.arange(matrix) - matrix // 2) * (field_of_view / matrix)
    centre = -18.0  # the middle of the template's brain lies behind its origin
    x, y = np.broadcast_arrays(along[None, :], centre - along[:, None])
    return np.stack([x, y, np.full_like(x, z)]).astype(np.float32)
