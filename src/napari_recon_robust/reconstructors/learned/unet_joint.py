"""A U-Net that has also learned to agree with the samples: the one that test-time training was published for."""

from collections.abc import Sequence

from torch import Tensor, nn

from ...ground.knob import Knob
from ...networks.channels import local_phase
from ...networks.image_network import ImageNetwork
from ..problem import Problem
from .trained import TrainedReconstructor

REACH = 0.3  # what an output of size 1 changes, relative to the image's scale: aliasing is that large


class JointUNet(TrainedReconstructor):
    """x = u (z + G(z)),  z = A^H y / u, u the local phase of A^H y, G a U-Net; no data consistency.

    G is trained by ||x - t||_1 / ||t||_1 + ||A x - y||_1 / ||y||_1, t the truth. The second term needs no truth, so
    that `test_time_training` can go on with it on the slice at hand: Darestani, Liu, Heckel 2022,
    https://arxiv.org/abs/2204.07204, for a U-Net.
    """

    id = "unet-joint"
    label = "U-Net, for test-time training"
    summary = "U-Net on the complex zero-filled image that also learned to agree with the samples; no data consistency."
    sources = ("darestani2022",)
    knobs: tuple[Knob, ...] = ()
    caution = "Nothing ties the image to the samples; test-time training lets it go on learning from them."


class ComplexUNet(nn.Module):
    """The network of `JointUNet` and `DAGAN`, x = u (z + G(z)); it starts at the zero-filled image.

    Gradients go through u as well, unlike those of `Problem.without_phase`: so attacks of 0.5 and 2% on the shipped
    weights reach a loss that is 0.4 to 8% higher (a real brain).

    widths: the U-Net's channels at its levels.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.body = ImageNetwork(widths, levels=0, reach=REACH)

    def forward(self, problem: Problem) -> Tensor:
        """The image, complex64 (rows, columns), relative to the problem's scale."""
        zero_filled = problem.right_hand_side
        phase = local_phase(zero_filled, problem.noise)
        aligned = zero_filled * phase.conj()
        return phase * (aligned + self.body(aligned))
