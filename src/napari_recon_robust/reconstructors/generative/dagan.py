"""DAGAN: a U-Net trained against a discriminator."""

from ...ground.knob import Knob
from ..learned.trained import TrainedReconstructor
from ..learned.unet_joint import ComplexUNet as ComplexUNet  # where the table of networks looks for it


class DAGAN(TrainedReconstructor):
    """x = u (z + G(z)),  z = A^H y / u, u the local phase of A^H y.

    G is a U-Net, trained by 5 ||x - t|| / ||A^H y - t|| + 0.1 ||A x - y||^2 / ||y||^2 + a distance in the features of
    a discriminator D + log(1 + exp -D(x)), D trained to tell images x from truths t. Yang et al. 2018,
    doi:10.1109/TMI.2017.2785879, did this for magnitudes of one coil. Their first term was 15 times the mean square,
    their features came from a network trained on photographs (VGG), which we do not use, and their term of the samples
    was over all of k-space, where it equals the first one by Parseval's theorem. Nothing ties the image to the samples:
    what the network invents stays.
    """

    id = "dagan"
    label = "DAGAN"
    summary = "U-Net on the zero-filled image, trained to look real to a discriminator; no data consistency."
    sources = ("yang2018",)
    knobs: tuple[Knob, ...] = ()
    caution = "Trained to look real; detail may be invented, and nothing ties it to the samples."
