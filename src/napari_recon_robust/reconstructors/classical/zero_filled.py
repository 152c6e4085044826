"""Zero-filled reconstruction: samples that are missing count as zero."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...data.measurement import Measurement, coil_images_of
from ..base import Kind, Reconstructor
from . import combination


class ZeroFilled(Reconstructor):
    """x = sqrt(sum_i |F^-1 y_i|^2), or x = A^H y = sum_i conj(S_i) F^-1 y_i.

    The first (root sum of squares) needs no sensitivities and yields a magnitude; the second keeps the phase
    that the sensitivities leave.
    """

    id = "zero-filled"
    label = "Zero-filled"
    summary = "Inverse Fourier transform of the sampled k-space; shows the aliasing as it is."
    knobs = (combination.COMBINE,)
    needs_sensitivities = False
    reference_kind = "rss"

    def reference_kind_at(self, knobs: Mapping[str, Any]) -> Kind:
        """The kind that `combine` chooses."""
        return combination.kind(knobs)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `combine`."""
        return combination.combine(measurement, coil_images_of(measurement, measurement.kspace), knobs)
