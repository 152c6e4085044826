"""Two networks that were trained apart: the mean of their images, or where these disagree."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...data.measurement import Measurement
from ...ground.knob import Knob
from ...ground.progress import Job, Progress
from ..base import Reconstructor
from .trained import NOISE

MEMBERS = ("unrolled-hqs", "hqs-supervised")
"""The networks with the least error on the people for validation. One begins at A^H y, the other at TV's image."""


class Ensemble(Reconstructor):
    """x = (f_1(y) + f_2(y)) / 2, or the standard deviation of the magnitudes, ||f_1(y)| - |f_2(y)|| / sqrt(2).

    f_1 and f_2 are `unrolled-hqs` and `hqs-supervised`, networks of other structure that were trained apart. What only
    one of them gets wrong is halved in the mean, and shows where they disagree. What both get wrong does not show, and
    that is most of it (docs/figures.md, "The mean of two networks"). A mean of networks is a deep ensemble,
    Lakshminarayanan et al. 2017, https://arxiv.org/abs/1612.01474; theirs differ in their seeds alone.
    """

    id = "ensemble"
    label = "Mean of two networks"
    summary = "Mean of Unrolled HQS and of TV improved by HQS-Net, or where the two disagree."
    sources = ("lakshminarayanan2017", "wang2020")
    caution = (
        "Where the two networks agree they may both be wrong: they learned from the same people, and worst-case noise "
        "that misleads one misleads the other."
    )
    knobs = (
        NOISE,
        Knob(
            name="show",
            label="Show",
            help="The mean of both images, or the standard deviation of their magnitudes.",
            kind="choice",
            choices=("mean", "deviation"),
            default="mean",
        ),
    )

    def __init__(self, members: tuple[Reconstructor, ...] | None = None) -> None:
        """members: trained reconstructors with the knob `noise`, the shipped ones by default."""
        self._members = members

    @property
    def members(self) -> tuple[Reconstructor, ...]:
        """The reconstructors whose images are averaged."""
        from ..registry import get  # which lists this module

        return self._members or tuple(map(get, MEMBERS))

    @property
    def all_weights(self) -> tuple[str, ...]:
        """The weights of all members."""
        return tuple(weights for member in self.members for weights in member.all_weights)

    def start(self) -> Reconstructor:
        """The mean of the members with their corrections at zero."""
        return _Start(tuple(start for member in self.members if (start := member.start())))

    def is_image(self, knobs: Mapping[str, Any]) -> bool:
        """Whether the mean is shown; the map of the standard deviation is no image."""
        return bool(knobs["show"] == "mean")

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The image as a job; the first network's image is a preview of the mean."""
        images = list[Tensor]()
        for number, member in enumerate(self.members):
            preview = images[0] if images and knobs["show"] == "mean" else None
            yield Progress(number / len(self.members), f"Reconstructing with {member.label}", preview)
            images.append(member(measurement, noise=knobs["noise"]))
        both = torch.stack(images)
        return both.mean(0) if knobs["show"] == "mean" else both.abs().std(0).to(both.dtype)


class _Start(Ensemble):
    """The mean of images that networks start from."""

    id = "ensemble, start"
    label = "Mean of two networks, without their corrections"
    summary = "Two trained networks with their corrections at zero: where their trainings start."
