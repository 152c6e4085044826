"""The table of networks: what files may name, and how wrong arguments of a file are found out."""

import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.networks import registry as networks
from napari_recon_robust.reconstructors.registry import registry
from napari_recon_robust.weights import store

SMALL = {"unrolls": 2, "widths": [8, 8]}

SAME_TENSORS = ("varnet", "unet-joint", "neumann-preconditioned")  # as those of varnet-cg, dagan and neumann


def test_every_line_is_a_network_and_most_are_of_the_method_of_that_id() -> None:
    for id in networks.ids():
        assert issubclass(networks.registry.kind_of(id), torch.nn.Module)
    assert set(networks.ids()) - set(registry.ids()) == {"loupe", "hqs-net-tv", "hyperrecon-tv"}
    assert registry.running("hqs-net-tv").id == "hqs-net-tv"
    assert registry.running("hyperrecon-tv").id == "hyperrecon-tv"


@pytest.mark.slow
@pytest.mark.parametrize("name", store.shipped())
def test_shipped_weights_are_of_their_networks(name: str) -> None:
    """Also by the names that their headers have had, and by their tensors where the header has none."""
    weights = store.load(name)
    assert weights.metadata is not None
    arguments = weights.metadata.architecture
    id = networks.identify(weights.metadata.network) if weights.metadata.network else None
    found = networks.matching(arguments, weights.state)
    assert found == (id or name) or id in SAME_TENSORS
    assert networks.describes(networks.registry.kind_of(found), arguments, weights.state)


@pytest.mark.parametrize(
    "name", ["own.function:open_model", "hqs_supervised:HQSSupervised", "os:system", "unet:", "", "tv", "../unet"]
)
def test_nothing_but_the_table_can_be_named(name: str) -> None:
    with pytest.raises(InputError, match="there is no network"):
        networks.identify(name)
    with pytest.raises(InputError, match="there is no network"):
        networks.make(name, {"source": "evil.py"})


@pytest.mark.parametrize(
    "arguments",
    [
        {"unrolls": 2},
        {"source": "evil.py"},
        {"unrolls": "two", "widths": [8, 8]},
        {"unrolls": 2, "widths": []},
        {"unrolls": 2, "widths": [-8, 8]},
        {"unrolls": 2, "widths": [[8], 8]},
    ],
)
def test_arguments_that_make_no_network(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError, match="no network 'hqs-supervised' can be made with the arguments"):
        networks.make("hqs-supervised", arguments)
    state = networks.make("hqs-supervised", SMALL).state_dict()
    assert not networks.describes(networks.registry.kind_of("hqs-supervised"), arguments, state)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("id", "arguments", "wrong"),
    [
        ("hqs-supervised", SMALL, {"widths": [10**9, 8]}),
        ("hqs-supervised", SMALL, {"widths": [9999, 9999]}),
        ("hqs-supervised", SMALL, {"widths": [8] * 10**6}),
        ("hqs-supervised", SMALL, {"unrolls": 10**9}),
        ("hqs-supervised", SMALL, {"widths": [float("inf"), 8]}),
        ("hqs-supervised", SMALL, {"widths": [8, 9]}),
        ("hqs-net", {"unrolls": 1, "width": 8}, {"unrolls": 10**9}),
        ("hqs-net", {"unrolls": 1, "width": 8}, {"unrolls": 9999}),
        ("hqs-net", {"unrolls": 1, "width": 8}, {"convolutions": 10**9}),
        ("unet", {"channels": 4, "pools": 2}, {"pools": 10**9}),
    ],
)
def test_sizes_from_a_file_are_compared_before_memory_is_taken(
    id: str, arguments: dict[str, object], wrong: dict[str, object]
) -> None:
    """At most 300 MB more, where the network would take up to 10^19 bytes."""
    resource = pytest.importorskip("resource")
    kind = networks.registry.kind_of(id)
    state = networks.make(id, arguments).state_dict()
    assert networks.describes(kind, arguments, state)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not networks.describes(kind, arguments | wrong, state)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
