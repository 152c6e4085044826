"""A simulated slice, fully sampled, and small networks with weights of their own."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.simulated import SIZE, lines, plane, simulated, undersampled  # noqa: F401
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.reconstructors.generative.dagan import DAGAN
from napari_recon_robust.reconstructors.learned.cascade_net import CascadeNet, CascadeNetwork
from napari_recon_robust.reconstructors.learned.hqs_net import HQSNet, HQSNetNetwork
from napari_recon_robust.reconstructors.learned.hqs_supervised import HQSSupervised, SupervisedHQSNetwork
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperRecon, HyperReconNetwork
from napari_recon_robust.reconstructors.learned.irim import IRIM, IRIMNetwork
from napari_recon_robust.reconstructors.learned.neumann import Neumann, NeumannNetwork, PreconditionedNeumann
from napari_recon_robust.reconstructors.learned.unet_joint import ComplexUNet, JointUNet
from napari_recon_robust.reconstructors.learned.unrolled_gd import GradientDescentNetwork, UnrolledGD
from napari_recon_robust.reconstructors.learned.unrolled_hqs import UnrolledHQS, UnrolledHQSNetwork
from napari_recon_robust.reconstructors.problem import Problem
from napari_recon_robust.weights import store
from napari_recon_robust.weights.metadata import Domain, Metadata


def saved(network: torch.nn.Module, arguments: dict, path: Path) -> Path:
    domain = Domain(acceleration=(2, 6), noise=(0.001, 0.02), coils=(4, 4), matrix=(48, 48), patterns=(), anatomy="")
    metadata = Metadata(
        title="", trained_for=domain, command="", data="", hardware="", seconds=0, steps=0, architecture=arguments
    )
    return store.save(path, "small", network.state_dict(), metadata)


def random(kind: type[torch.nn.Module], arguments: dict, size: float) -> torch.nn.Module:
    """A network whose weights are all a little off their first values, so that nothing vanishes."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = kind(**arguments)
        for parameter in network.parameters():
            parameter.data += size * torch.randn_like(parameter)
    return network


@pytest.fixture(scope="session")
def make_random() -> Callable[[type[torch.nn.Module], dict, float], torch.nn.Module]:
    """`random`, for tests that make their own networks."""
    return random


@pytest.fixture(scope="session")
def save() -> Callable[[torch.nn.Module, dict, Path], Path]:
    """`saved`, likewise."""
    return saved


@pytest.fixture(scope="session")
def hqs(tmp_path_factory: pytest.TempPathFactory) -> HQSSupervised:
    """A small network of random weights."""
    arguments = {"unrolls": 2, "widths": [8, 8]}
    return HQSSupervised(
        saved(random(SupervisedHQSNetwork, arguments, 0.003), arguments, tmp_path_factory.mktemp("hqs"))
    )


@pytest.fixture(scope="session")
def astray(tmp_path_factory: pytest.TempPathFactory) -> HQSSupervised:
    """A network whose corrections are large and random: there is much to learn."""
    arguments = {"unrolls": 2, "widths": [8, 8]}
    return HQSSupervised(
        saved(random(SupervisedHQSNetwork, arguments, 0.1), arguments, tmp_path_factory.mktemp("astray"))
    )


@pytest.fixture(scope="session")
def hyperrecon(tmp_path_factory: pytest.TempPathFactory) -> HyperRecon:
    """A small network of random weights."""
    arguments = {"unrolls": 2, "convolutions": 2, "width": 8, "features": 4, "levels": 1}
    return HyperRecon(saved(random(HyperReconNetwork, arguments, 0.02), arguments, tmp_path_factory.mktemp("hyper")))


@pytest.fixture(scope="session")
def directional() -> Callable[[Callable[[torch.Tensor], torch.Tensor], torch.Tensor, float], tuple[float, float]]:
    """The derivative of a function along its gradient: by differences, and by the gradient itself."""

    def derivatives(
        function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, step: float
    ) -> tuple[float, float]:
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(function(x), x)
        direction = gradient / gradient.norm()
        with torch.no_grad():
            difference = (function(x + step * direction) - function(x - step * direction)) / (2 * step)
        return float(difference), float(gradient.norm())

    return derivatives


@pytest.fixture(scope="session", params=[2, 3, 4], ids="R={}".format)
def real_brain(request: pytest.FixtureRequest, shared: Path) -> Measurement:
    """The real 16-coil brain, equispaced lines."""
    with open_scan(shared / "data/kspace/brain_16coil_128x128_full.npy", axes=("coil", "phase", "readout")) as scan:
        return scan.measurement(0, Sampling(acceleration=request.param, minimum_centre_lines=12))


# The class, its network, and arguments that make a small one.
TRAINED = {
    kind.id: (kind, network, arguments)
    for kind, network, arguments in (
        (CascadeNet, CascadeNetwork, {"cascades": 2, "width": 8}),
        (HQSNet, HQSNetNetwork, {"unrolls": 2, "width": 8}),
        (UnrolledHQS, UnrolledHQSNetwork, {"unrolls": 2, "widths": [8, 8]}),
        (UnrolledGD, GradientDescentNetwork, {"blocks": 6, "widths": [8, 8]}),
        (Neumann, NeumannNetwork, {"terms": 6, "widths": [8, 8]}),
        (PreconditionedNeumann, NeumannNetwork, {"terms": 3, "widths": [8, 8], "preconditioned": True}),
        (DAGAN, ComplexUNet, {"widths": [8, 8]}),
        (JointUNet, ComplexUNet, {"widths": [8, 8]}),
        (IRIM, IRIMNetwork, {"steps": 2, "channels": 34, "strides": [1, 2], "width": 8}),
    )
}


@pytest.fixture(params=TRAINED)
def network_kind(request: pytest.FixtureRequest) -> tuple[type[torch.nn.Module], dict]:
    """The class of each network, and arguments that make a small one."""
    return TRAINED[request.param][1:]


@pytest.fixture(scope="session", params=TRAINED)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reconstructor:
    """Each of them with random weights, small."""
    kind, network, arguments = TRAINED[request.param]
    return kind(saved(random(network, arguments, 0.02), arguments, tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[type[torch.nn.Module], dict, float], Path]:
    """A file of `random` weights of a network with these arguments."""

    def write(kind: type[torch.nn.Module], arguments: dict, size: float) -> Path:
        return saved(random(kind, arguments, size), arguments, tmp_path_factory.mktemp(kind.__name__))

    return write


@pytest.fixture
def tiny() -> Problem:
    """A problem so small that A^H A is a matrix (`dense`): 4 coils, 6 x 12 pixels, half of the lines."""
    generator = torch.Generator().manual_seed(1)
    maps = torch.randn(4, 6, 12, dtype=torch.complex64, generator=generator)
    mask = torch.rand(1, 12, generator=generator) < 0.6
    model = ForwardModel(maps / torch.linalg.vector_norm(maps, dim=0), mask, (-1,))
    data = model.forward(torch.randn(6, 12, dtype=torch.complex64, generator=generator))
    return Problem(model, data, torch.tensor([[0.01]]))


@pytest.fixture
def dense(tiny: Problem) -> np.ndarray:
    """A^H A of `tiny`, column by column through the forward model and its adjoint: complex128 (72, 72)."""
    units = torch.eye(72, dtype=torch.complex64).reshape(-1, 6, 12)
    columns = [tiny.model.adjoint(tiny.model.forward(unit)).flatten() for unit in units]
    return torch.stack(columns, dim=1).numpy().astype(np.complex128)


@pytest.fixture(scope="module")
def image(method: Reconstructor, measurement: Measurement) -> torch.Tensor:
    """The image of a module's method at its defaults, made once for all properties that it has to have."""
    from helpers.method_properties import reconstruct

    return reconstruct(method, measurement)
