"""A U-Net that has also learned to agree with the samples: the one that test-time training was published for."""

import torch

from ...networks.loading import load_trained
from ..generative.dagan import GeneratorNetwork
from .trained import TrainedReconstructor


class JointUNet(TrainedReconstructor):
    """x = u (z + G(z)),  z = A^H y / u, u the local phase of A^H y, G a U-Net; no data consistency.

    G is trained by ||x - t||_1 / ||t||_1 + ||A x - y||_1 / ||y||_1, t the truth. The second term needs no truth, so that
    `test_time_training` can go on with it on the slice at hand: Darestani, Liu, Heckel 2022,
    https://arxiv.org/abs/2204.07204, for a U-Net.
    """

    id = "unet-joint"
    label = "U-Net, for test-time training"
    summary = "U-Net on the complex zero-filled image that also learned to agree with the samples; no data consistency."
    caution = "Nothing ties the image to the samples; test-time training lets it go on learning from them."

    def network(self, device: torch.device) -> GeneratorNetwork:
        """The trained network; all instances share it."""
        return load_trained(GeneratorNetwork, self.weights, device)
