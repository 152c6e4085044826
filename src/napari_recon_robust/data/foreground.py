"""Where an image shows tissue."""

import torch
from torch import Tensor

from ..ground.errors import InputError

SMOOTHING, THRESHOLD = 2.0, 0.08


def foreground(image: Tensor) -> Tensor:
    """The foreground of an image, real or complex (rows, columns): bool of the same shape, on the CPU.

    The magnitude smoothed by a Gaussian of 2 pixels > 8% of its 99th percentile; the largest component, holes filled.
    Raises InputError for an image that is zero everywhere.
    """
    import numpy as np
    from scipy import ndimage

    magnitude = image.detach().abs().cpu().double().numpy()
    if not magnitude.max() > 0:
        raise InputError("the image is zero everywhere, and so has no foreground; give one with signal.")
    smooth = ndimage.gaussian_filter(magnitude, SMOOTHING)
    labels, count = ndimage.label(smooth > THRESHOLD * np.percentile(smooth, 99))
    sizes = np.bincount(labels.ravel())[1:]
    return torch.from_numpy(ndimage.binary_fill_holes(labels == 1 + int(sizes.argmax()) if count else smooth > 0))
