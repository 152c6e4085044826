"""How coil images become one image: the root sum of squares, or weighted by the coil sensitivities."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...physics.model import coil_combined, root_sum_of_squares
from ..base import Kind

COMBINE = Knob(
    name="combine",
    label="Coil combination",
    help="Root sum of squares of the coil images, or weighted by the coil sensitivities.",
    kind="choice",
    default="rss",
    choices=("rss", "combined"),
)


def kind(knobs: Mapping[str, Any]) -> Kind:
    """The kind of image that `combine` chooses."""
    return "combined" if knobs["combine"] == "combined" else "rss"


def combine(measurement: Measurement, coil_images: Tensor, knobs: Mapping[str, Any]) -> Tensor:
    """sqrt(sum_i |x_i|^2) or sum_i conj(S_i) x_i, complex64 (..., rows, columns) of the output matrix.

    coil_images: x_i, complex64 (..., coils, rows, columns) in the model's image space.
    """
    if knobs["combine"] == "combined":
        return measurement.crop(coil_combined(coil_images, measurement.calibration.sensitivities))
    return measurement.crop(root_sum_of_squares(coil_images)).to(coil_images.dtype)
