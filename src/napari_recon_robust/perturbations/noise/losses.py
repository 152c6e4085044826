"""The losses that a worst-case search may make large; a new one is one function and one line of the table.

Each takes the image's magnitude and the wanted one, float64 (rows, columns) in the scan's units, and the region,
bool (rows, columns), and returns a scalar that does not depend on the scan's units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...evaluation import metrics
from ...evaluation.contrast import surroundings
from ...ground.errors import InputError, ReconRobustError, dimensions

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]

# Of the wanted image's maximum; a region that differs less from its surroundings has no contrast to speak of.
FLAT = 1e-6


def squared_error(image: Tensor, wanted: Tensor, region: Tensor) -> Tensor:
    """Mean of (|f| - X)^2 / max(X)^2 over the region."""
    return ((image - wanted) / metrics.data_range_of(wanted))[region].square().mean()


def absolute_error(image: Tensor, wanted: Tensor, region: Tensor) -> Tensor:
    """Mean of ||f| - X| / max(X) over the region."""
    return ((image - wanted) / metrics.data_range_of(wanted))[region].abs().mean()


def dissimilarity(image: Tensor, wanted: Tensor, region: Tensor) -> Tensor:
    """1 - SSIM on the region; of a whole image without its border, as `metrics.ssim` reports it."""
    return 1 - metrics.ssim(image, wanted, metrics.data_range_of(wanted), None if region.all() else region)


def contrast_lost(image: Tensor, wanted: Tensor, region: Tensor) -> Tensor:
    """1 - c(|f|) / c(X): 0 for the wanted contrast, 1 if none is left, above 1 if it is inverted.

    c(x) = mean of x over the region - mean over its surroundings (`evaluation.contrast`). It has a sign on purpose: the
    harm is a lesion that fades into its surroundings, and without a sign a search would take whichever way is steeper.
    """
    around = surroundings(region)
    if not around.any():
        raise InputError("the region leaves nothing around it to have a contrast with; choose a smaller one.")
    before = wanted[region].mean() - wanted[around].mean()
    if not before.abs() > FLAT * metrics.data_range_of(wanted):
        raise InputError("the region has no contrast with its surroundings; choose another region or loss.")
    return 1 - (image[region].mean() - image[around].mean()) / before


def contrast_raised(image: Tensor, wanted: Tensor, region: Tensor) -> Tensor:
    """c(|f|) / c(X) - 1, c as of `contrast_lost`: how much a structure is exaggerated."""
    return -contrast_lost(image, wanted, region)


def contrast_left(image: Tensor, wanted: Tensor, region: Tensor) -> float:
    """c(|f|) / c(X), c as of `contrast_lost`: 1 for the wanted contrast."""
    return float(1 - contrast_lost(image, wanted, region))


@dataclass(frozen=True)
class NamedLoss:
    """A loss of the table. words: what a search made large. of_contrast: whether it is about the region's contrast."""

    loss: Loss
    words: str
    of_contrast: bool = False

    def __call__(self, image: Tensor, wanted: Tensor, region: Tensor) -> Tensor:
        """The loss of an image."""
        return self.loss(image, wanted, region)


LOSSES = {
    "squared-error": NamedLoss(squared_error, "the squared error"),
    "l1": NamedLoss(absolute_error, "the absolute error"),
    "ssim": NamedLoss(dissimilarity, "1 − SSIM"),
    "contrast": NamedLoss(contrast_lost, "the loss of contrast", of_contrast=True),
    "contrast-up": NamedLoss(contrast_raised, "the gain of contrast", of_contrast=True),
}

CONTRASTS = tuple(name for name, loss in LOSSES.items() if loss.of_contrast)


def user_loss(function: Callable[..., Any]) -> Loss:
    """A user's function as a loss; InputError if it fails or returns anything but a finite scalar."""
    name = name_of(function)

    def loss(image: Tensor, wanted: Tensor, region: Tensor) -> Tensor:
        try:
            value = torch.as_tensor(function(image, wanted, region), dtype=torch.float64)
        except ReconRobustError:
            raise
        except Exception as error:
            raise InputError(
                f"the loss {name} failed ({type(error).__name__}: {' '.join(str(error).split())}); "
                "it is called with the image, the wanted image (float64) and the region (bool), all torch tensors."
            ) from error
        if value.numel() != 1:
            raise InputError(f"the loss {name} returned {dimensions(value.shape)} numbers; return one.")
        if not value.isfinite():
            raise InputError(f"the loss {name} returned {float(value.detach()):g}; return a finite number.")
        if image.requires_grad and not value.requires_grad:
            raise InputError(
                f"the loss {name} has no gradient; compute it from the image in torch, or choose black-box."
            )
        return value.reshape(())

    return loss


def name_of(function: Callable[..., Any]) -> str:
    """The name of a function in results."""
    return str(getattr(function, "__name__", type(function).__name__))
