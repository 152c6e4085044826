"""The graph of an exported program, called operator by operator.

Its description is the JSON of torch/_export/serde/schema.py. torch makes Python source from it and executes that; here
names are only keys of a dictionary.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from . import operators
from .archive import DTYPES
from .operators import Operator

_REGION = "torch.ops.higher_order.wrap_with_"
_LAYOUTS = {7: torch.strided}
_MEMORY_FORMATS = dict(
    enumerate((torch.contiguous_format, torch.channels_last, torch.channels_last_3d, torch.preserve_format), 1)
)
_DEVICE = object()  # stands for the device that the program runs on, whichever it was exported on


@dataclass(frozen=True)
class Name:
    """The name of a value that the graph computes, in place of the value."""

    name: str


class Graph:
    """Operators that are called in order; `inputs` are names, or constants of the export.

    `used` are the names of all values that an operator takes or gives, or that are returned; `random` says whether an
    operator draws random numbers, `trains` whether one normalises as in training.
    """

    def __init__(self, description: Any, program: str) -> None:
        """Raises WeightsError if the graph calls anything but torch's operators; program: the file's name, for that.

        Raises KeyError, TypeError, ValueError, IndexError or AttributeError if the description is not of a graph.
        """
        self.inputs = [_value(one) for one in description["inputs"]]
        self.outputs = [_value(one) for one in description["outputs"]]
        self.steps = [_step(node, program) for node in description["nodes"]]
        self.writes = any(step.operator.writes for step in self.steps)
        self.random = any(step.operator.draws(step.arguments) for step in self.steps)
        self.trains = any(step.operator.trains(step.arguments) for step in self.steps)
        known = set(_names(self.inputs))
        for step in self.steps:
            _check_known(step.arguments, known)
            known.update(_names(step.outputs))
        _check_known(self.outputs, known)
        self.used = set(_names(self.outputs))
        for step in reversed(self.steps):
            here = {*_names(step.arguments), *_names(step.outputs)}
            step.last = here - self.used
            self.used |= here

    def __call__(self, values: list[Any], device: torch.device) -> list[Any]:
        """The outputs for these values of the inputs; all are on the device."""
        known = {one.name: value for one, value in zip(self.inputs, values, strict=True) if isinstance(one, Name)}
        for step in self.steps:
            step.run(known, device)
        return [_filled(one, known, device) for one in self.outputs]


@dataclass
class Step:
    """One call of an operator; its arguments are given by name, or by order if they are numbered."""

    operator: "Operator | GraphRegion"
    arguments: dict[str | int, Any]
    outputs: Any
    last: set[str] = field(default_factory=set)  # names of values that no later step needs

    def run(self, known: dict[str, Any], device: torch.device) -> None:
        """Run the operator and add its results to the known values."""
        filled = {key: _filled(one, known, device) for key, one in self.arguments.items()}
        ordered = [one for key, one in filled.items() if isinstance(key, int)]
        if isinstance(self.operator, GraphRegion):
            answer = self.operator.call(ordered, device)
        else:
            answer = self.operator.call(*ordered, **{key: one for key, one in filled.items() if isinstance(key, str)})
            _check_dense(answer)
        _bind(self.outputs, answer, known)
        for name in self.last:
            del known[name]


@dataclass(frozen=True)
class GraphRegion:
    """A graph whose operators are called without gradients, or in another precision."""

    graph: Graph
    kind: str

    @property
    def writes(self) -> bool:
        """Whether any operator in it changes a tensor that it is given."""
        return self.graph.writes

    def draws(self, given: Mapping[str | int, Any]) -> bool:
        """Whether any operator in it draws random numbers."""
        return self.graph.random

    def trains(self, given: Mapping[str | int, Any]) -> bool:
        """Whether any operator in it normalises as in training."""
        return self.graph.trains

    def call(self, arguments: list[Any], device: torch.device) -> list[Any]:
        """Run the graph; its settings come first among the arguments, then the values of its inputs."""
        count = len(arguments) - len(self.graph.inputs)
        with self._settings(arguments[:count], device):
            return self.graph(arguments[count:], device)

    def _settings(self, settings: list[Any], device: torch.device) -> AbstractContextManager[Any]:
        if self.kind == "set_grad_enabled":
            (enabled,) = settings
            return torch.set_grad_enabled(enabled)
        _, dtype, enabled, cached = settings
        return torch.autocast(device.type, dtype=dtype, enabled=enabled, cache_enabled=cached)


def _step(node: Any, program: str) -> Step:
    target, given = node["target"], [one["arg"] for one in node["inputs"]]
    if not isinstance(target, str):
        raise TypeError("an operator without a name")
    outputs: Any = [_value(one) for one in node["outputs"]]
    if target in (f"{_REGION}set_grad_enabled", f"{_REGION}autocast"):
        (graph,) = (one["as_graph"]["graph"] for one in given if "as_graph" in one)
        region = GraphRegion(Graph(graph, program), target.removeprefix(_REGION))
        values = [_value(one) for one in given if "as_graph" not in one]
        flat = [leaf for one in outputs for leaf in (one if isinstance(one, list) else [one])]
        return Step(region, dict(enumerate(values)), flat)
    operator = operators.find(target, program)
    names = [one["name"] for one in node["inputs"]] if target.startswith("torch.ops.") else range(len(given))
    arguments = dict(zip(names, map(_value, given), strict=True))
    return Step(operator, arguments, outputs[0] if len(outputs) == 1 else outputs or None)


def _value(argument: Any) -> Any:
    """The value that an argument stands for; a value of the graph is given as its `Name`."""
    ((kind, value),) = argument.items()
    match kind, value:
        case "as_none", _:
            return None
        case ("as_tensor", {"name": str() as name}) | (
            "as_sym_int" | "as_sym_float" | "as_sym_bool",
            {"as_name": str() as name},
        ):
            return Name(name)
        case "as_sym_int" | "as_sym_float" | "as_sym_bool" | "as_optional_tensor", dict():
            return _value(value)
        case "as_tensors", list():
            return [_value({"as_tensor": one}) for one in value]
        case (("as_sym_ints" | "as_sym_floats" | "as_sym_bools"), list()):
            return [_value({"as_sym_int": one}) for one in value]
        case "as_optional_tensors", list():
            return [_value(one) for one in value]
        case ("as_int", int()) | ("as_bool", bool()) | ("as_string", str()):
            return value
        case "as_float", int() | float() | str():
            return float(value)
        case "as_complex", {"real": real, "imag": imaginary}:
            return complex(float(real), float(imaginary))
        case (("as_ints" | "as_bools" | "as_floats"), list()):
            one = kind.removesuffix("s")
            return [_value({one: each}) for each in value]
        case "as_scalar_type", int():
            return DTYPES[value]
        case "as_layout", int():
            return _LAYOUTS[value]
        case "as_memory_format", int():
            return _MEMORY_FORMATS[value]
        case "as_device", dict():
            return _DEVICE
    raise ValueError(f"a value {kind[:40]} that is neither a tensor nor a number")


def _filled(value: Any, known: Mapping[str, Any], device: torch.device) -> Any:
    if isinstance(value, Name):
        return known[value.name]
    if isinstance(value, list):
        return [_filled(one, known, device) for one in value]
    return device if value is _DEVICE else value


def _names(value: Any) -> Iterator[str]:
    """All names inside a value."""
    if isinstance(value, Name):
        yield value.name
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _names(one)


def _check_known(value: Any, known: set[str]) -> None:
    if unknown := set(_names(value)) - known:
        raise KeyError(f"{unknown.pop()[:40]} before it is there")


def _bind(outputs: Any, answer: Any, known: dict[str, Any]) -> None:
    """Add the parts of an answer to the known values, under their names."""
    if isinstance(outputs, Name):
        known[outputs.name] = answer
    elif isinstance(outputs, list):
        for one, part in zip(outputs, answer, strict=True):
            _bind(one, part, known)


def _check_dense(answer: Any) -> None:
    """Raise ValueError for sparse, quantized and nested tensors, since operators trust the indices in them."""
    if isinstance(answer, list | tuple):
        for one in answer:
            _check_dense(one)
    elif isinstance(answer, Tensor) and (answer.layout is not torch.strided or answer.is_quantized or answer.is_nested):
        raise ValueError("a tensor that is not dense")
