"""Functions and networks of the running program: what is known of them, and that they stay as they are."""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import ModelError
from napari_recon_robust.own_models.objects import opened


class Scaled(nn.Module):
    """The zero-filled image times a learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(()))

    def forward(self, image: Tensor) -> Tensor:
        return self.factor * image


def test_a_network_stays_as_it_is_and_so_does_its_method(lines: Measurement) -> None:
    network = Scaled()
    method = opened(network)
    before = method(lines)
    assert network.training
    assert network.factor.requires_grad
    with torch.no_grad():
        network.factor *= 2
    torch.testing.assert_close(method(lines), before)
    torch.testing.assert_close(opened(network)(lines), 2 * before)
    known, now = method.fingerprint(), opened(network).fingerprint()
    assert known.keys() == now.keys()
    assert any(name.endswith("test_objects.py") for name in known)
    assert {name for name in known if known[name] != now[name]} == {"Scaled (weights)"}


class Dropping(Scaled):
    """A network that draws random numbers while it is trained, with a method beside `forward`."""

    def predict(self, image: Tensor) -> Tensor:
        return self(nn.functional.dropout(image.real, training=self.training))


def through(image: Tensor, network: Dropping) -> Tensor:
    """What a function makes of a network that it is given."""
    return network.predict(image)


@pytest.mark.parametrize("given", [lambda one: one.predict, lambda one: partial(through, network=one)])
def test_a_network_behind_a_function_stays_as_it_is_and_evaluates(
    lines: Measurement, given: Callable[[Dropping], Callable[..., Tensor]]
) -> None:
    network = Dropping()
    method = opened(given(network))
    before = method(lines)
    torch.testing.assert_close(before, lines.combined.real.to(before))
    assert network.training
    with torch.no_grad():
        network.factor *= 2
    torch.testing.assert_close(method(lines), before)
    known, now = method.fingerprint(), opened(given(network)).fingerprint()
    assert len({name for name in known if known[name] != now[name]}) == 1


def test_a_method_of_a_network_is_called_by_both() -> None:
    assert opened(Dropping().predict).id == "Dropping.predict (object)"


def test_a_compiled_network_is_called_and_known_as_the_network(lines: Measurement) -> None:
    """Any was an "OptimizedModule", whose parameters were not known, and that was known by torch's version alone."""
    network = Scaled()
    method, plain = opened(torch.compile(network, backend="eager")), opened(network)
    assert method.id == "Scaled (object)"
    assert method.fingerprint() == plain.fingerprint()
    torch.testing.assert_close(method(lines), plain(lines))


def test_of_a_definition_without_a_file_its_text_is_known_where_python_has_it() -> None:
    """As in a notebook, whose cells are files for Python alone."""
    import linecache

    text = "def mine(image):\n    return image\n"
    linecache.cache["<cell>"] = len(text), None, text.splitlines(keepends=True), "<cell>"
    found: dict[str, object] = {"__name__": "no_module"}
    exec(compile(text, "<cell>", "exec"), found)
    (name,) = opened(found["mine"]).fingerprint()
    assert name == "mine (source)"
    exec("def other(image): return image", found)
    assert opened(found["other"]).fingerprint() == {}


def scaled(image: Tensor, factor: float | Tensor = 1.0) -> Tensor:
    """The zero-filled image times a number."""
    return factor * image


@pytest.mark.parametrize("factors", [(1.0, 2.0), (torch.ones(100, 100), 2 * torch.ones(100, 100))])
def test_what_is_set_of_a_function_beforehand_is_known(factors: tuple[float | Tensor, ...]) -> None:
    first, again, second = (opened(partial(scaled, factor=one)) for one in (factors[0], factors[0], factors[1]))
    known, now = first.fingerprint(), second.fingerprint()
    assert again.fingerprint() == known
    assert any(name.endswith("test_objects.py") for name in known)
    assert {name for name in known if known[name] != now[name]} == {"scaled(factor)"}
    assert first.id != second.id


def test_a_network_that_cannot_be_copied_is_a_sentence() -> None:
    uncopied = Scaled()
    uncopied.kept = 2 * uncopied.factor
    with pytest.raises(ModelError, match=r"cannot be read as a model \(.*\); give a function that calls it"):
        opened(uncopied)


def scripted(network: nn.Module, way: str) -> Any:
    """A network as TorchScript."""
    program = torch.jit.script(network) if way != "traced" else torch.jit.trace(network, torch.ones(9, 9) + 0j)
    if way != "loaded":
        return program
    torch.jit.save(program, content := BytesIO())
    return torch.jit.load(BytesIO(content.getvalue()))


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("way", ["scripted", "traced", "loaded"])
def test_a_network_of_torchscript_is_one_as_any_other(lines: Measurement, way: str) -> None:
    program = scripted(Scaled(), way)
    method = opened(program)
    assert method.id == "Scaled (object)"
    before = method(lines)
    torch.testing.assert_close(before, lines.combined)
    assert method.gives_gradient(lines)
    assert program.training
    assert all(one.requires_grad for one in program.parameters())
    with torch.no_grad():
        program.factor.mul_(2)
    torch.testing.assert_close(method(lines), before)
    known, now = method.fingerprint(), opened(program).fingerprint()
    assert {name for name in known if known[name] != now[name]} == {"Scaled (weights)"}
    other = opened(scripted(Twice(), way)).fingerprint()
    assert other["Twice (weights)"] == known["Scaled (weights)"]
    assert other["Twice (source)"] != known["Scaled (source)"]


class Twice(Scaled):
    """The same with twice the number."""

    def forward(self, image: Tensor) -> Tensor:
        return 2 * self.factor * image


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_function_of_torchscript_is_called_by_the_names_of_its_parameters(lines: Measurement) -> None:
    method = opened(torch.jit.script(scaled_by_mask))
    assert method.id == "scaled_by_mask (object)"
    torch.testing.assert_close(method(lines), lines.combined * lines.sampled)


def scaled_by_mask(image: Tensor, mask: Tensor, factor: float = 1.0) -> Tensor:
    """Nothing that one would do."""
    return factor * mask * image


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_method_of_a_torchscript_network_is_refused() -> None:
    """It does not tell of which network, with which weights, it is."""
    scripted: Any = torch.jit.script(Scaled())
    with pytest.raises(ModelError, match="forward is a method of a TorchScript network; give the network"):
        opened(scripted.forward)
