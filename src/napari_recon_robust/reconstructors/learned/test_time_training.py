"""Test-time training: a trained network goes on learning, from the samples of the slice that it reconstructs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...data.measurement import Measurement, single_slices
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress, run
from ..base import Method, Reconstructor
from ..problem import one_by_one
from .adaptation import adapt
from .trained import TrainedReconstructor

NETWORKS = ("hqs-supervised", "unrolled-hqs", "varnet", "hyperrecon", "unet", "unet-joint", "dagan")


class TestTimeTraining(Reconstructor):
    """x = f_theta(y), theta = argmin_theta ||A f_theta(y) - y||_1 / ||y||_1 from the trained weights on, stopped early.

    It stays away unless the samples say that it helps: theta are the trained weights, and x is exactly the network's
    own image, if held-out samples are not predicted better by more than three standard errors (`adaptation.adapt`). The
    shipped network is not changed. Darestani, Liu, Heckel 2022, https://arxiv.org/abs/2204.07204; their code always
    adapts, keeps the last network, and divides by the scale of the fully sampled image.

    method: the one that is adapted; a reconstructor is at its defaults. If it is None, the knob `network` chooses it.
    """

    __test__ = False  # despite its name this is no test class
    id = "test-time-training"
    label = "Test-time training"
    summary = "A trained network that goes on learning on this slice's samples, if held-out ones are predicted better."
    sources = ("darestani2022",)
    differentiable = False
    knobs = (
        Knob(
            name="network",
            label="Network",
            help="Which trained network goes on learning; its own file and its other uses are not changed.",
            kind="choice",
            choices=NETWORKS,
            default="hqs-supervised",
        ),
        Knob(
            name="steps",
            label="Steps",
            help="Steps of training on this slice, at most; it ends when held-out samples are predicted no better.",
            kind="int",
            default=40,
            minimum=1,
            maximum=2500,
        ),
        Knob(
            name="rate",
            label="Learning rate",
            help="Learning rate of Adam: more adapts faster, and overshoots.",
            default=1e-3,
            minimum=1e-6,
            maximum=1e-2,
            scale="log",
        ),
    )

    def __init__(self, method: Method | Reconstructor | None = None) -> None:
        self.method = None if method is None else method.at()

    def sources_at(self, knobs: Mapping[str, Any]) -> tuple[str, ...]:
        """`sources`, and those of the network that is adapted."""
        network = knobs.get("network", self.knobs[0].default)
        shipped = _shipped(network) if network in NETWORKS else None  # a case may name one of another version
        method = self.method or shipped
        return (*self.sources, *(method.reconstructor.sources_at(method.knobs) if method else ()))

    def fingerprint(self) -> dict[str, str]:
        """The fingerprints of the networks that it may adapt."""
        found: dict[str, str] = {}
        for method in [self.method] if self.method else map(_shipped, NETWORKS):
            found |= method.fingerprint()
        return found

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The image as a job, with a preview every few steps."""
        method = self._adapted(knobs)
        batch, matrix = measurement.kspace.shape[:-3], measurement.matrix

        def solve(one: Measurement) -> Job[Tensor]:
            adaptation = yield from adapt(method, one, knobs["steps"], knobs["rate"])
            with torch.no_grad():
                image = _image(method, adaptation.network, one)
            yield Progress(1.0, adaptation.words, image)
            return image

        def assembled(images: list[Tensor]) -> Tensor:
            return torch.stack(images).reshape(*batch, *matrix)

        # The samples alone, which no gradient reaches and beside which no fully sampled image is kept.
        slices = [
            replace(one, kspace=one.kspace.detach(), full=None, kept=one.calibration)
            for one in single_slices(measurement)
        ]
        return assembled((yield from one_by_one(slices, solve, assembled)))

    def continuation(self, measurement: Measurement, **knobs: Any) -> Reconstructor:
        """The method with the network as adapted to this slice, or as trained; it learns no further."""
        method = self._adapted(knobs)
        return Adapted(method, run(adapt(method, measurement, knobs["steps"], knobs["rate"])).network)

    def _adapted(self, knobs: Mapping[str, Any]) -> Method:
        """The method whose network goes on learning."""
        method = self.method or _shipped(knobs["network"])
        if not isinstance(method.reconstructor, TrainedReconstructor):
            raise InputError(f"{method.label} has no trained network that could go on learning; choose one that has.")
        return method


class Adapted(Reconstructor):
    """x = f_theta(y), theta adapted to other samples than y. It is differentiable; the adaptation itself is not.

    method: the one whose network was adapted. network: the adapted one, or None for the trained one.
    """

    id = "adapted"
    label = "The adapted network"
    summary = "A trained network after test-time training."

    def __init__(self, method: Method, network: nn.Module | None) -> None:
        self.method, self.network = method, None if network is None else network.requires_grad_(False)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by the adapted network."""
        return _image(self.method, self.network, measurement)


def _image(method: Method, network: nn.Module | None, measurement: Measurement) -> Tensor:
    """The image by this network in place of the method's own, or the method's own image without one."""
    if network is None:
        return method(measurement)
    return cast(TrainedReconstructor, method.reconstructor).apply(network, measurement, **method.knobs)


def _shipped(id: str) -> Method:
    from ..registry import get  # which lists this module

    return get(id).at()
