"""Zero-filled reconstruction: samples that are missing count as zero."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...physics import fourier
from ...physics.model import root_sum_of_squares
from ..base import Kind, Reconstructor


class ZeroFilled(Reconstructor):
    """x = sqrt(sum_i |F^-1 y_i|^2), or x = A^H y = sum_i conj(S_i) F^-1 y_i.

    The first (root sum of squares) needs no sensitivities and yields a magnitude; the second keeps the phase
    that the sensitivities leave.
    """

    id = "zero-filled"
    label = "Zero-filled"
    summary = "Inverse Fourier transform of the sampled k-space; shows the aliasing as it is."
    knobs = (
        Knob(
            name="combine",
            label="Coil combination",
            help="Root sum of squares of the coil images, or weighted by the coil sensitivities.",
            kind="choice",
            default="rss",
            choices=("rss", "combined"),
        ),
    )
    needs_sensitivities = False
    reference_kind = "rss"

    def reference_kind_at(self, knobs: Mapping[str, Any]) -> Kind:
        """The kind that `combine` chooses."""
        return "combined" if knobs["combine"] == "combined" else "rss"

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `combine`."""
        if knobs["combine"] == "combined":
            return measurement.crop(measurement.model.adjoint(measurement.data))
        magnitude = root_sum_of_squares(fourier.ifft(measurement.data, measurement.dims))
        return measurement.crop(magnitude).to(measurement.kspace.dtype)
