"""Where the autocalibration signal (ACS) lies in a sampling mask: what is fully sampled around the centre."""

from contextlib import suppress

import torch
from torch import Tensor

from ..ground.errors import InputError


def acs_lines(mask: Tensor) -> slice:
    """The autocalibration signal (ACS): the run of sampled lines around line phase // 2.

    mask: bool (1, phase) or (phase,). InputError if the centre itself is not sampled.
    """
    return _run(mask.reshape(-1), "line")


def lines_outside_acs(mask: Tensor) -> Tensor:
    """The sampled lines outside the ACS, as their numbers, int64.

    mask: bool (1, phase) or (phase,). InputError if the centre itself is not sampled.
    """
    outside = mask.reshape(-1).clone()
    outside[acs_lines(mask)] = False
    return outside.nonzero().flatten()


def mask_outside_acs(mask: Tensor) -> Tensor:
    """The sampled lines or points outside the ACS, as the mask; all where the centre is not sampled."""
    outside = mask.clone()
    with suppress(InputError):
        outside[acs_region(mask)] = False
    return outside


def acs_region(mask: Tensor) -> tuple[slice, slice]:
    """The largest fully sampled block around the centre of k-space as (readout, phase) slices.

    A block counts only up to twice its shorter side, since a thin one is too narrow for kernels; of blocks that are
    equal in this the one with more points is taken.
    mask: bool (readout, phase), or (1, phase); then the whole readout belongs to the block.
    InputError if the centre is not sampled.
    """
    if mask.shape[0] == 1:
        return slice(None), acs_lines(mask)
    row, column = mask.shape[0] // 2, mask.shape[1] // 2
    _run(mask[row], "point")
    right = mask[:, column:].long().cummin(1).values.sum(1)
    left = mask[:, : column + 1].flip(1).long().cummin(1).values.sum(1)
    # How far every row from the centre to here reaches, upwards [i] and downwards [j].
    reach = [(side[: row + 1].flip(0).cummin(0).values[:, None], side[row:].cummin(0).values) for side in (left, right)]
    to_left, to_right = (torch.minimum(up, down) for up, down in reach)
    rows = torch.arange(len(mask), device=mask.device)
    height = rows[: row + 1, None] + rows[: len(mask) - row] + 1
    width = (to_left + to_right - 1) * (to_left > 0)
    effective_area = torch.minimum(height, 2 * width) * torch.minimum(width, 2 * height)
    score = effective_area * (mask.numel() + 1) + height * width
    up, down = divmod(int(score.argmax()), score.shape[1])
    first, last = column - int(to_left[up, down]) + 1, column + int(to_right[up, down])
    return slice(row - up, row + down + 1), slice(first, last)


def _run(sampled: Tensor, what: str) -> slice:
    """The run of True around the middle."""
    middle = len(sampled) // 2
    if not bool(sampled[middle]):
        raise InputError(
            f"the central k-space {what} ({middle} of {len(sampled)}) is not sampled, so there is no ACS to estimate "
            "coil sensitivities from; use a mask with a fully sampled centre."
        )
    gaps = (~sampled).nonzero().flatten().tolist()
    first = max((gap + 1 for gap in gaps if gap < middle), default=0)
    last = min((gap for gap in gaps if gap > middle), default=len(sampled))
    return slice(first, last)


def too_many_centre_lines(centre: int, width: int, acceleration: float) -> InputError:
    """The error for a fully sampled centre that alone has more lines than the acceleration leaves."""
    return InputError(
        f"the {centre} centre lines of {width} alone give an acceleration of {width / centre:.3g}, "
        f"and {acceleration:.3g} is asked for; choose a smaller acceleration or centre fraction."
    )
