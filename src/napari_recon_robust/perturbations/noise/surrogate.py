"""Transfer: the perturbation of one method's gradients, applied to another method."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ...ground.progress import relayed
from ...reconstructors import registry
from .ascent import Ascent, Search, ascend
from .objective import Objective
from .sphere_ascent import sphere_ascent

ITSELF = "The stand-in is the method itself: its own gradients were followed, and nothing was transferred."
# Of a method that fits a network to the slice: its own last iterations.
CONTINUATION = "itself"
# The others give gradients, need no choice of knobs, and run on any scan.
STAND_INS = ("tv", "cg-sense", "hqs-supervised", "varnet", "unet", CONTINUATION)


def stand_in_for(objective: Objective, name: str) -> Objective:
    """The same objective of one of STAND_INS, at its default knobs; InputError for one that there is not."""
    setup = objective.setup
    itself = name == CONTINUATION
    other = setup.method.continuation(setup.measurement) if itself else registry.get(name).at()
    return replace(objective, setup=replace(setup, method=other))


def transfer(
    objective: Objective,
    stand_in: Objective,
    radius: Tensor,
    steps: int,
    *,
    start: Tensor,
    warm: bool = False,
    clean_loss: float | None = None,
    noise: Callable[[], Tensor] | None = None,
) -> Search:
    """Max L'(z) by sphere ascent, L' the objective of a differentiable stand-in; L is of the method at hand.

    stand_in: L', as of `stand_in_for`. The loss is that of the method at hand, of the clean samples and of the result:
    it is reconstructed once or twice, whatever the number of gradients. Other arguments as of `ascend`. Yields
    after each gradient of the stand-in, its best so far.
    """
    clean = None
    if clean_loss is None:
        clean_loss, clean = objective.value(torch.zeros_like(start))
    search = ascend(stand_in, sphere_ascent, radius, steps, start=start, warm=warm, noise=noise)
    own = stand_in.setup.method.id == objective.setup.method.id
    begun = Ascent(start, None, (clean_loss,), clean=clean, findings={"stand_in_itself": ITSELF} if own else {})

    def of_this_method(state: Ascent) -> Ascent:
        return replace(begun, z=state.z, flat=state.flat)

    found = of_this_method((yield from relayed(search, of_this_method)))
    loss, image = objective.value(found.z)
    return replace(found, image=image, loss=(clean_loss, loss))
