"""A trained network with its corrections at zero, where its training started. Each network is compared with it."""

from typing import TYPE_CHECKING, Any

from torch import Tensor

from ...data.measurement import Measurement
from ...networks.correction import without_correction
from ..base import Reconstructor

if TYPE_CHECKING:
    from .trained import TrainedReconstructor


class Start(Reconstructor):
    """x = f(y; theta) of a trained method, with its corrections at zero. The method should be better than this image.

    For an unrolled network that starts at A^H y it is a regularized SENSE image, for one from TV it is nearly TV's.
    """

    def __init__(self, method: "TrainedReconstructor", id: str) -> None:
        """id: the method's own, or the name of its file."""
        self.method = method
        self.id, self.label, self.knobs = f"{id}, start", f"{method.label}, without its correction", method.knobs
        self.summary = "A trained network with its correction at zero: where its training starts."

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image at these knobs."""
        network = without_correction(self.method.network(measurement.kspace.device))
        return self.method.apply(network, measurement, **knobs)
