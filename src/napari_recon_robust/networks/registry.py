"""The table of networks that recipes, weights and checkpoints may name.

Files name an id and arguments, never a Python module, so opening a file imports only what stands in this table. A
network has the id of the method that runs it, and stands in the same line of `reconstructors.registry`. Other packages
add their networks by the entry point `napari_recon_robust.networks`, and their methods by the same ids.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..ground.errors import InputError
from ..ground.guard import reason
from ..ground.registry import Registry
from .first_weights import first_weights

_METHODS = "napari_recon_robust.reconstructors.registry"  # a floor above, imported only at its use


def _table() -> dict[str, str]:
    """The networks of the methods, and one that belongs to no method: `physics.learned_lines` draws its lines."""
    methods: dict[str, str] = import_module(_METHODS).networks()
    return {id: f"reconstructors.{place}" for id, place in methods.items()} | {"loupe": "training.loupe:LOUPENetwork"}


registry: Registry[nn.Module] = Registry(
    kind="network",
    package="napari_recon_robust",
    group="napari_recon_robust.networks",
    table=_table,
)
ids = registry.ids

# The names that recipes, weights and checkpoints used before networks had ids.
_FORMER = {
    "unet:TrainableUNet": "unet",
    "varnet:TrainableVarNet": "varnet-cg",
    "cascade_net:CascadeNetwork": "cascade-net",
    "unrolled_gd:GradientDescentNetwork": "unrolled-gd",
    "neumann:NeumannNetwork": "neumann",
    "irim:IRIMNetwork": "irim",
    "dagan:GeneratorNetwork": "dagan",
    "gan_prior:PriorNetwork": "gan-prior",
    "hqs_net:HQSNetNetwork": "hqs-net-tv",
    "hqs_supervised:HQSNetwork": "hqs-supervised",
    "hyperrecon:HyperNetwork": "hyperrecon-tv",
    "hyperrecon_supervised:HyperNetwork": "hyperrecon-supervised",
    "posterior:Denoiser": "posterior",
    "loupe:LOUPENetwork": "loupe",
}

_FIRST = "varnet-cg"  # "varnet" has the same tensors, and is younger than the headers that name no network

# What makes tensors, and what makes one of the same size on the device "meta" without torch's compiler, whose import
# takes longer than most images.
_MAKES = {make: make for make in (torch.empty, torch.zeros, torch.ones, torch.full, torch.tensor, torch.rand)}
_MAKES[torch.randn] = torch.rand
_MADE = 100  # making a network may create at most so many tensors for each that it keeps
_NUMBERS = 4  # and so many numbers for each of those that it keeps
_SPARE = 1_000_000  # numbers for which no file is needed
_LARGEST = 10_000  # the largest argument; no network's sizes or numbers of parts come near


def identify(name: str) -> str:
    """The id of a network from its id or former name in a file; InputError for anything else."""
    id = _FORMER.get(name, name)
    if not registry.lists(id):
        raise InputError(f"there is no network {name!r}; choose one of {', '.join(registry.ids())}.")
    return id


def make(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The network with that id and its first weights; InputError for an unknown id or arguments that do not fit."""
    id = identify(name)
    try:
        kind = registry.kind_of(id)
        network: nn.Module = kind(**_typed(kind, arguments))
    except Exception as error:  # constructors raise whatever wrong arguments lead them to
        raise InputError(
            f"no network {id!r} can be made with the arguments {dict(arguments)} ({reason(error)})."
        ) from error
    return network


def describes(kind: Callable[..., nn.Module], arguments: Mapping[str, Any], state: Mapping[str, Tensor]) -> bool:
    """Whether a network of that class and these arguments has tensors of the names and shapes of `state`."""
    return described(kind, arguments, state) is not None


def described(
    kind: Callable[..., nn.Module], arguments: Mapping[str, Any], state: Mapping[str, Tensor]
) -> nn.Module | None:
    """The network of that class and these arguments, with first weights; None unless its tensors are like `state`.

    They are if names and shapes are the same. The arguments come from a file: a network with more parts than the file
    has tensors, or more numbers, is abandoned before they take memory, so that a width of 10^9 costs nothing.
    """
    if any(abs(number) > _LARGEST for number in _numbers(arguments)):
        return None
    numbers = _NUMBERS * sum(value.numel() for value in state.values()) + _SPARE
    try:
        with first_weights(), _Limited(_MADE * (len(state) + 1), numbers):
            network = kind(**_typed(kind, arguments))
            own = network.state_dict()
    except Exception:  # constructors raise whatever wrong arguments lead them to
        return None
    alike = {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in state.items()}
    return network if alike else None


def matching(arguments: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    """The id of the first network that fits these arguments and tensors; InputError if none does."""
    for id in (_FIRST, *registry.table):
        if describes(registry.kind_of(id), arguments, state):
            return id
    raise InputError(f"no network can be made with the arguments {dict(arguments)} that has these tensors.")


def _typed(kind: Callable[..., nn.Module], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments in the types of the class's annotations; ValueError, one sentence, for one of another type."""
    annotated = {name: one.annotation for name, one in inspect.signature(kind, eval_str=True).parameters.items()}
    typed = {}
    for name, value in arguments.items():
        if name not in annotated:
            raise ValueError(f"{name} is none of {', '.join(annotated)}")
        if annotated[name] is inspect.Parameter.empty:
            typed[name] = value
            continue
        try:
            typed[name] = TypeAdapter(annotated[name]).validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{name}: {error.errors()[0]['msg'].lower()}") from None
    return typed


class _Limited(TorchFunctionMode):
    """Raises RuntimeError before more than `tensors` tensors, or more than `numbers` numbers in them, are made."""

    def __init__(self, tensors: int, numbers: int) -> None:
        super().__init__()
        self.tensors, self.numbers = tensors, numbers

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        arguments: tuple[Any, ...] = (),
        named: dict[str, Any] | None = None,
    ) -> Any:
        named = named or {}
        if function in _MAKES:
            self.tensors -= 1
            self.numbers -= _MAKES[function](*arguments, **named | {"device": "meta"}).numel()
        if min(self.tensors, self.numbers) < 0:
            raise RuntimeError("more parts or numbers than there are in the file")
        return function(*arguments, **named)


def _numbers(value: Any) -> Iterable[float]:
    """All numbers inside a JSON value."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int | float):
        yield value
