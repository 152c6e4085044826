"""The table of networks: what recipes, weights and checkpoints may name. A new one is one line here.

Files name an id and arguments, never a Python module, so that opening one imports nothing but what stands in this
table. The id is that of the method that runs the network, if there is one. Other packages add their networks by the
entry point `napari_recon_robust.networks`, and their methods by the same ids.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..ground.errors import InputError
from ..ground.registry import Registry

registry: Registry[nn.Module] = Registry(
    kind="network",
    package="napari_recon_robust",
    group="napari_recon_robust.networks",
    table={
        "unet": "reconstructors.learned.unet:TrainableUNet",
        # before "varnet": the first headers named neither
        "varnet-cg": "reconstructors.learned.varnet_from_cg:VarNetFromCGNetwork",
        "varnet": "reconstructors.learned.varnet:TrainableVarNet",
        "cascade-net": "reconstructors.learned.cascade_net:CascadeNetwork",
        "unrolled-gd": "reconstructors.learned.unrolled_gd:GradientDescentNetwork",
        "neumann": "reconstructors.learned.neumann:NeumannNetwork",
        "neumann-preconditioned": "reconstructors.learned.neumann:NeumannNetwork",
        "irim": "reconstructors.learned.irim:IRIMNetwork",
        "dagan": "reconstructors.generative.dagan:GeneratorNetwork",
        "gan-prior": "reconstructors.generative.gan_prior:PriorNetwork",
        "hqs-net": "reconstructors.learned.hqs_net:HQSNetwork",
        "hqs-net-tv": "reconstructors.learned.hqs_net_from_tv:HQSNetNetwork",
        "unrolled-hqs": "reconstructors.learned.unrolled_hqs:UnrolledHQSNetwork",
        "hqs-supervised": "reconstructors.learned.hqs_supervised:HQSNetwork",
        "hyperrecon": "reconstructors.learned.hyperrecon:HyperNetwork",
        "hyperrecon-tv": "reconstructors.learned.hyperrecon_from_tv:HyperNetwork",
        "hyperrecon-supervised": "reconstructors.learned.hyperrecon_supervised:HyperNetwork",
        "posterior": "reconstructors.generative.posterior:Denoiser",
        "loupe": "training.loupe:LOUPENetwork",  # of no method: `physics.learned_lines` draws its lines
    },
)
ids = registry.ids

# How recipes, weights and checkpoints named them before they had ids.
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

_MAKES_TENSORS = (torch.empty, torch.zeros, torch.ones, torch.full, torch.tensor)
_MADE = 100  # tensors for each that a network keeps, at most, while it is made
_LARGEST = 10_000  # argument: none of a network's sizes or numbers of parts comes near


def identify(name: str) -> str:
    """The id of a network that a file names, also by its former name; InputError for anything else."""
    id = _FORMER.get(name, name)
    if id not in registry.ids():
        raise InputError(f"there is no network {name!r}; choose one of {', '.join(registry.ids())}.")
    return id


def make(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The network of that id, with its first weights; InputError for an unknown one or arguments that do not fit."""
    id = identify(name)
    try:
        kind = registry.kind_of(id)
        network: nn.Module = kind(**_typed(kind, arguments))
    except Exception as error:  # constructors raise whatever wrong arguments lead them to
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"no network {id!r} can be made with the arguments {dict(arguments)} ({reason}).") from None
    return network


def describes(kind: Callable[..., nn.Module], arguments: Mapping[str, Any], state: Mapping[str, Tensor]) -> bool:
    """Whether a network of that class and these arguments has tensors of the names and shapes of `state`.

    Found out without memory for the tensors, since the arguments come from a file: a width of 10^9 costs nothing, and
    a network of more parts than the file has tensors is given up.
    """
    if any(abs(number) > _LARGEST for number in _numbers(arguments)):
        return False
    try:
        with torch.device("meta"), _Limited(_MADE * (len(state) + 1)):
            described = kind(**_typed(kind, arguments)).state_dict()
    except Exception:  # constructors raise whatever wrong arguments lead them to
        return False
    return {name: value.shape for name, value in described.items()} == {
        name: value.shape for name, value in state.items()
    }


def matching(arguments: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    """The first network of the table that these arguments make and these tensors fit; InputError if there is none."""
    for id in registry.table:
        if describes(registry.kind_of(id), arguments, state):
            return id
    raise InputError(f"no network can be made with the arguments {dict(arguments)} that has these tensors.")


def _typed(kind: Callable[..., nn.Module], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the class's annotations want them; ValueError, one sentence, for one of another type."""
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
    """Raises RuntimeError when that many tensors have been made."""

    def __init__(self, tensors: int) -> None:
        super().__init__()
        self.left = tensors

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Iterable[type],
        arguments: tuple[Any, ...] = (),
        named: dict[str, Any] | None = None,
    ) -> Any:
        self.left -= function in _MAKES_TENSORS
        if self.left < 0:
            raise RuntimeError("more parts than there are tensors")
        return function(*arguments, **(named or {}))


def _numbers(value: Any) -> Iterable[float]:
    """All numbers within values of JSON."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, int | float):
        yield value
