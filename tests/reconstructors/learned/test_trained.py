"""The properties of all reconstructors, for small networks of random weights: what ships is tested by being listed."""

import copy

import pytest
import torch

from helpers.method_properties import (  # noqa: F401
    measurement,
    test_a_batch_is_a_loop,
    test_a_family_is_its_members,
    test_it_is_reproducible,
    test_it_looks_like_the_object,
    test_shape_and_type,
    test_the_gradient,
    test_the_units_of_the_scan_do_not_matter,
)
from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.reconstructors.learned.cascade_net import CascadeNet
from napari_recon_robust.reconstructors.learned.irim import IRIM
from napari_recon_robust.reconstructors.problem import problems


@pytest.fixture(scope="session")
def method(trained: Reconstructor) -> Reconstructor:
    return trained


def test_the_assumed_noise_is_told_to_the_network(trained, lines):
    if not trained.knobs:
        pytest.skip("is told no noise level")
    low, high = trained(lines, noise=0.5), trained(lines, noise=2.0)
    assert float((low - high).norm() / high.norm()) > 1e-5


def test_a_gradient_reaches_every_weight(trained, lines):
    """A weight without one would never be trained."""
    network = copy.deepcopy(trained.network(torch.device("cpu"))).requires_grad_(True)
    (problem,) = problems(lines)
    network(problem).abs().square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name


def test_the_default_weights_are_those_of_the_id():
    assert CascadeNet().weights == "cascade-net"


def test_weights_of_another_method_are_refused(trained, lines):
    other = IRIM if not isinstance(trained, IRIM) else CascadeNet
    with pytest.raises(WeightsError, match="not of a"):
        other(trained.weights)(lines)
