"""Test-time training: a trained network goes on learning, from the samples of the slice that it reconstructs."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from ...data.measurement import Calibration, Measurement
from ...ground.errors import InputError
from ...ground.knob import Knob
from ...ground.progress import Job, Progress, relayed, run
from ..auto import folds, without
from ..base import Method, Reconstructor

EVERY = 5  # steps from one look at the held-out samples to the next
PATIENCE = 0.4  # training ends after this share of all steps without a better held-out error
NETWORKS = ("hqs-supervised", "varnet", "hyperrecon", "dagan")


class Trained(Protocol):
    """What a reconstructor needs for test-time training: its network, and the image by any network of this kind."""

    def network(self, device: torch.device) -> nn.Module:
        """The trained network; all instances share it, so it must never be changed."""
        ...

    def apply(self, network: nn.Module, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by a network of this kind, in the scan's units."""
        ...


class TestTimeTraining(Reconstructor):
    """x = f_theta(y), theta = argmin_theta ||A f_theta(y) - y||_1 / ||y||_1 from the trained weights on, stopped early.

    An eighth of the samples outside the ACS is held out of input and loss. The weights that predict them best are kept
    (the trained weights may be the best), and reconstruct from all samples at the end. The shipped network is not
    changed. Darestani, Liu, Heckel 2022, https://arxiv.org/abs/2204.07204; their code keeps the last network, and
    divides by the scale of the fully sampled image.

    method: the one that is adapted; a reconstructor is at its defaults. If it is None, the knob `network` chooses it.
    """

    __test__ = False  # despite its name this is no test class
    id = "test-time-training"
    label = "Test-time training"
    summary = "A trained network that goes on learning on this slice's samples, stopped by held-out ones."
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
            help="Of training on this slice, at most; it ends earlier when held-out samples are predicted no better.",
            kind="int",
            default=40,
            minimum=1,
            maximum=2500,
        ),
        Knob(
            name="rate",
            label="Learning rate",
            help="Of Adam: more adapts faster, and overshoots.",
            default=1e-4,
            minimum=1e-6,
            maximum=1e-2,
            scale="log",
        ),
    )

    def __init__(self, method: Method | Reconstructor | None = None) -> None:
        self.method = None if method is None else method.at()

    def fingerprint(self) -> dict[str, str]:
        """The fingerprints of the networks that it may adapt."""
        found: dict[str, str] = {}
        for method in [self.method] if self.method else map(_shipped, NETWORKS):
            found |= method.fingerprint()
        return found

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image for `network`, `steps` and `rate`."""
        return run(self.steps(measurement, **knobs))

    def steps(self, measurement: Measurement, **knobs: Any) -> Job[Tensor]:
        """The image as a job, with a preview every few steps."""
        method = self._adapted(knobs)
        batch, matrix = measurement.kspace.shape[:-3], measurement.matrix
        slices = list(_slices(measurement))
        images: list[Tensor] = []
        for one in slices:
            done = tuple(images)

            def shown(step: Progress, done: tuple[Tensor, ...] = done) -> Progress:
                missing = [torch.zeros_like(step.preview)] * (len(slices) - len(done) - 1)
                preview = torch.stack([*done, step.preview, *missing]).reshape(*batch, *matrix)
                return Progress((len(done) + step.fraction) / len(slices), step.message, preview)

            adapting = _adapt(method, one, knobs["steps"], knobs["rate"])
            network = yield from relayed(adapting, shown)
            with torch.no_grad():
                images.append(_image(method, network, one))
        return torch.stack(images).reshape(*batch, *matrix)

    def continuation(self, measurement: Measurement, **knobs: Any) -> Reconstructor:
        """The method with the network as adapted to this slice; it learns no further."""
        method = self._adapted(knobs)
        return Adapted(method, run(_adapt(method, measurement, knobs["steps"], knobs["rate"])))

    def _adapted(self, knobs: Mapping[str, Any]) -> Method:
        """The method whose network goes on learning."""
        method = self.method or _shipped(knobs["network"])
        if not hasattr(method.reconstructor, "apply") or method.reference_kind == "rss":
            raise InputError(f"{method.label} has no trained network with a complex image; choose a network that has.")
        return method


class Adapted(Reconstructor):
    """x = f_theta(y), theta adapted to other samples than y. It is differentiable; the adaptation itself is not.

    method: the one whose network was adapted.
    """

    id = "adapted"
    label = "The adapted network"
    summary = "A trained network after test-time training."

    def __init__(self, method: Method, network: nn.Module) -> None:
        self.method, self.network = method, network.requires_grad_(False)

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        """The image by the adapted network."""
        return _image(self.method, self.network, measurement)


def _image(method: Method, network: nn.Module, measurement: Measurement) -> Tensor:
    """The image by this network in place of the method's own."""
    return cast(Trained, method.reconstructor).apply(network, measurement, **method.knobs)


def _adapt(method: Method, measurement: Measurement, steps: int, rate: float) -> Job[nn.Module]:
    """The network, adapted to one slice, with previews of its image."""
    held_out = next(folds(measurement.mask))
    seen = without(measurement, held_out)
    data, hidden = seen.data, held_out * measurement.data.detach()
    unseen = replace(measurement.model, mask=held_out)
    shipped = cast(Trained, method.reconstructor).network(measurement.kspace.device)
    network = copy.deepcopy(shipped).requires_grad_(True)
    size, hidden_size = (_l1(one).clamp_min(torch.finfo(torch.float32).tiny) for one in (data, hidden))  # of air: zero
    best, least, since = copy.deepcopy(network.state_dict()), float("inf"), 0
    optimizer = torch.optim.Adam(network.parameters(), rate)
    for n in range(steps):
        with torch.enable_grad():
            image = _image(method, network, seen)
            loss = _l1(seen.model.forward(image) - data) / size
        if n % EVERY == 0:
            with torch.no_grad():
                error = float(_l1(unseen.forward(image) - hidden) / hidden_size)
            if error < least:
                best, least, since = copy.deepcopy(network.state_dict()), error, n
            preview = measurement.crop(image.detach())
            yield Progress(n / steps, f"step {n}, held-out error {error:.4f}", preview)
            if n - since > PATIENCE * steps:
                break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.load_state_dict(best)
    return network


def _slices(measurement: Measurement) -> Iterator[Measurement]:
    """Each item of a batch as its own measurement, with its calibration kept."""
    shape, calibration = measurement.kspace.shape, measurement.calibration
    batch = shape[:-3]
    maps, noise = calibration.sensitivities, calibration.noise
    maps = maps.expand(*batch, *maps.shape[-3:]).reshape(-1, *maps.shape[-3:])
    noise = noise.expand(*batch, noise.shape[-1]).reshape(-1, noise.shape[-1])
    for kspace, one_map, one_noise in zip(
        measurement.kspace.detach().reshape(-1, *shape[-3:]), maps, noise, strict=True
    ):
        yield replace(measurement, kspace=kspace, full=None, kept=Calibration(one_map, one_noise))


def _shipped(id: str) -> Method:
    from ..registry import get  # which lists this module

    return get(id).at()


def _l1(data: Tensor) -> Tensor:
    """The sum of |d|, with a gradient of zero where d is zero."""
    return data.abs().sum()
