"""Where an image shows tissue."""

import torch
from torch import Tensor

from ..ground.errors import InputError

SMOOTHING, THRESHOLD = 2.0, 0.08
# Of the noise's sigma: the magnitude of noise alone, 0.89 sigma, is smoothed to 0.066 sigma about it.
ABOVE_NOISE = 1.15


def foreground(image: Tensor, noise: float = 0.0) -> Tensor:
    """The foreground of an image, real or complex (rows, columns): bool of the same shape, on the CPU.

    The magnitude smoothed by a Gaussian of 2 pixels > 8% of its 99th percentile; the largest component, holes filled.
    noise: sigma of the complex noise of a pixel, in the image's units. At low field the magnitude of noise alone is
    more than those 8%, so that tissue begins at 1.15 sigma there.
    Raises InputError for an image that is zero everywhere.
    """
    import numpy as np
    from scipy import ndimage

    magnitude = image.detach().abs().cpu().double().numpy()
    if not magnitude.max() > 0:
        raise InputError("the image is zero everywhere, and so has no foreground; give one with signal.")
    smooth = ndimage.gaussian_filter(magnitude, SMOOTHING)
    labels, count = ndimage.label(smooth > max(THRESHOLD * np.percentile(smooth, 99), ABOVE_NOISE * noise))
    sizes = np.bincount(labels.ravel())[1:]
    return torch.from_numpy(ndimage.binary_fill_holes(labels == 1 + int(sizes.argmax()) if count else smooth > 0))
