"""How a slice is sampled: a specification, a given mask, or None for what was acquired. Importing it is cheap."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from .sampling import Sampling

# The least width of a centre in comparisons and studies, where no mask is to fail for want of sensitivities.
USUAL_CENTRE_LINES = 12


def as_values(sampling: "Sampling | Tensor | None") -> dict[str, Any] | None:
    """A sampling as plain values; None for the acquired samples, or those of a given mask."""
    from .sampling import Sampling

    return sampling.model_dump(mode="json") if isinstance(sampling, Sampling) else None


def has_values(sampling: "Sampling | Tensor | None") -> bool:
    """Whether `as_values` says what is sampled, which it cannot of a given mask."""
    return sampling is None or as_values(sampling) is not None


def same_sampling(one: "Sampling | Tensor | None", other: "Sampling | Tensor | None") -> bool:
    """Whether two samplings are equal: specifications, masks, or None."""
    if one is None or other is None:
        return one is other
    import torch

    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return torch.equal(one, other)
    return type(one) is type(other) and bool(one == other)
