"""Recipes: everything that determines a set of weights, as YAML (recipes/<id>.yaml).

  network: an id in `networks.registry`, made with `arguments`; a recipe can make the package import nothing else;
  loss: an entry of `losses.LOSSES`, loss(network, example, rng) -> scalar; it calls network(example.problem);
  bank, masks, pixels: the data (`bank_specification.BankSpecification`, `example.MaskSpecification`, pixels of a crop);
  presets: steps, learning rate, ... for "cpu" and "gpu", and to "finish" weights that were trained by "cpu", at lower
    rates that fall all the time.
A new architecture is a network with `forward(problem: Problem) -> complex64 (rows, columns)`, its name in the line of
the method that runs it (`reconstructors.registry`), a loss if none fits, and one YAML file.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from ..ground.documents import read_yaml
from ..ground.errors import InputError
from ..ground.guard import opening, shown
from ..ground.specification import Misfit, Specification
from ..networks import registry as networks
from ..networks.first_weights import first_weights
from ..weights import store
from .bank_specification import BankSpecification
from .example import MaskSpecification


class Preset(Specification):
    """How long and how a recipe is trained on one kind of machine.

    steps: how many, if no time is given. precision: that of the convolutions in training; weights, data consistency and
    validation stay in float32. accumulate: examples in a step. reuse: steps that use each example, since drawing one
    (its mask, its classical start) can cost more than a step. batch: examples of one size that a GPU computes together
    in place of one; not every network takes them (`trial.check_loss` tells). muon: learning rate of `Muon` for hidden
    convolutions; None trains them by AdamW like the rest. weight_decay: Muon's; kernels' spectral norms stay below its
    inverse. decay: the share of the steps or minutes over which the rates fall to zero at the end.
    """

    steps: int = Field(gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    muon: float | None = Field(default=None, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    reuse: int = Field(default=1, ge=1)
    warm_up: int = Field(default=200, ge=0)
    decay: float = Field(default=0.2, gt=0, le=1)
    accumulate: int = Field(default=1, ge=1)
    batch: int = Field(default=1, ge=1)
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    validate_every: int = Field(default=500, gt=0)


class Recipe(Specification):
    """Everything that determines a set of weights; the fields are explained at the head of this module.

    id: the name of the files that are written. share: this recipe's part of the time given to several recipes.
    stored: precision of the weights in their file; computations use float32.
    start: parts of the network (submodules by name, "" for all of it) that start from trained weights, an id of a
    shipped set or a file; tensors of the same name are taken.
    """

    id: str = Field(pattern=r"^\w[\w.-]*$")
    title: str
    network: Annotated[str, AfterValidator(networks.identify)]
    arguments: dict[str, Any]
    loss: str
    bank: BankSpecification
    masks: MaskSpecification = MaskSpecification()
    pixels: int = Field(default=16384, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    start: dict[str, str] = Field(default_factory=dict)
    stored: Literal["float32", "float16"] = "float16"
    share: float = Field(default=1.0, gt=0)
    presets: dict[str, Preset]
    notes: str = ""

    def preset(self, name: str) -> Preset:
        """The preset with that name; InputError if there is none."""
        if name not in self.presets:
            raise InputError(f"{self.id} has no preset {name!r}; choose one of {', '.join(self.presets)}.")
        return self.presets[name]


def recipes() -> list[str]:
    """The ids of the recipes in the package."""
    names = (entry.name for entry in resources.files(__package__).joinpath("recipes").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def load_recipe(name: str) -> Recipe:
    """The packaged recipe with that id, or the one in a YAML file; InputError if there is none or it is not valid."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if name not in recipes():
            known = ", ".join(recipes())
            raise InputError(f"there is no recipe {shown(path)!r}; give a YAML file, or choose {known}.")
        path = Path(str(resources.files(__package__) / "recipes" / f"{name}.yaml"))
    values = read_yaml(path, InputError)
    if not isinstance(values, Mapping):
        raise InputError(f"{shown(path)} holds no recipe; fields with values are expected.")
    with opening(path, "a recipe", "mend it", InputError), _placed(path):
        return Recipe(**{str(name): value for name, value in values.items()})


@contextmanager
def _placed(path: Path) -> Iterator[None]:
    """Put before what is wrong with a recipe its file, one of several, and the place of the field."""
    try:
        yield
    except Misfit as error:
        raise InputError(f"{shown(path)} ({'.'.join(map(str, error.place))}): {error}") from None


def make_network(recipe: Recipe, weights: tuple[str, ...] = ()) -> nn.Module:
    """The recipe's network with its first weights, which depend on the seed and on the recipe's `start`.

    weights: ids of shipped sets, or files, from whose mean the whole network starts. Sets that were trained on from one
    another are often better at their mean than any of them (Wortsman et al. 2022, "Model soups").
    Raises WeightsError if weights to start from are missing, InputError if they or the arguments do not fit.
    """
    with first_weights(recipe.seed):
        network = networks.make(recipe.network, recipe.arguments)
    for part, start in recipe.start.items():
        try:
            own = network.get_submodule(part)
        except AttributeError:
            raise InputError(f"{recipe.id} has no part {part!r} that could start from {start!r}.") from None
        _start(own, start, recipe.id, strict=False)
    states = []
    for one in weights:
        _start(network, one, recipe.id, strict=True)
        states.append(copy.deepcopy(network.state_dict()))
    if states:
        network.load_state_dict({name: _mean([state[name] for state in states]) for name in states[0]})
    return network


def _mean(values: Sequence[Tensor]) -> Tensor:
    """The mean of a tensor over sets of weights; counts are those of the last one."""
    return torch.stack(list(values)).mean(0) if values[0].is_floating_point() or values[0].is_complex() else values[-1]


def _start(network: nn.Module, weights: str, id: str, *, strict: bool) -> None:
    """Take over the tensors of these weights: all of them, or, if not strict, those of the same names."""
    state = store.load(weights).state
    if not strict:
        state = {name: value for name, value in state.items() if name in network.state_dict()}
    try:
        network.load_state_dict(state, strict=strict)
    except RuntimeError:
        state = {}
    if not state:
        raise InputError(f"{id} cannot start from the weights {weights!r}: they are of another network.")
