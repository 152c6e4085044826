"""A program written by torch.export.save (.pt2), whose inputs are named as in `signature.NAMES`."""

import hashlib
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..ground.errors import ModelError, PackageWarning, WeightsError
from ..ground.guard import read
from ..ground.numbers import counted
from ..reconstructors.base import Reconstructor
from . import archive
from .archive import DTYPES, Archive
from .graph import Graph, Name
from .model import CalledModel, ModelInput
from .signature import Input, checked, image_of
from .sizes import Sizes

# inputs of the graph that stand for a tensor of the archive, and the key of that tensor's name
_STORED = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}


class Program:
    """A graph with its parameters, buffers and constants; each run starts from those of the file."""

    def __init__(self, stored: Archive, label: str) -> None:
        """Raises WeightsError, KeyError, TypeError, ValueError, IndexError or AttributeError for a damaged program."""
        module = stored.program["graph_module"]
        self._graph = Graph(module["graph"], label)
        specs = [next(iter(spec.items())) for spec in module["signature"]["input_specs"]]
        if unknown := {kind for kind, _ in specs} - {*_STORED, "user_input", "constant_input"}:
            raise ValueError(f"an input of the kind {unknown.pop()[:40]}")
        self._kinds = [kind for kind, _ in specs]
        # by their places among the graph's inputs
        self._tensors = {
            place: stored.tensors[spec[_STORED[kind]]].detach()
            for place, (kind, spec) in enumerate(specs)
            if kind in _STORED
        }
        self._moved: dict[torch.device, dict[int, Tensor]] = {}
        self._returned = ["user_output" in spec for spec in module["signature"]["output_specs"]]
        given = [
            one.name
            for one, kind in zip(self._graph.inputs, self._kinds, strict=True)
            if kind == "user_input" and isinstance(one, Name)
        ]
        layouts = {name: module["graph"]["tensor_values"].get(name, {"sizes": [], "dtype": 0}) for name in given}
        sizes = {name: [_size(one) for one in layout["sizes"]] for name, layout in layouts.items()}
        self.inputs = [
            Input(
                name,
                tuple(size if isinstance(size, int) else None for size in sizes[name]),
                DTYPES.get(layout["dtype"], torch.int64),  # a number as an input has no type
            )
            for name, layout in layouts.items()
        ]
        ranges = {
            name: (limits["min_val"], limits["max_val"])
            for name, limits in stored.program.get("range_constraints", {}).items()
        }
        self.sizes = Sizes(sizes, ranges, stored.program.get("guards_code", []))

    @property
    def parameters(self) -> int:
        """How many numbers it has learned."""
        return sum(one.numel() for place, one in self._tensors.items() if self._kinds[place] == "parameter")

    @property
    def random(self) -> bool:
        """Whether two runs differ, as an operator draws random numbers."""
        return self._graph.random

    @property
    def trains(self) -> bool:
        """Whether it normalises by the statistics of each slice, as networks do in training."""
        return self._graph.trains

    @property
    def outputs(self) -> int:
        """How many values it returns."""
        return sum(self._returned)

    def uses(self, name: str) -> bool:
        """Whether one of the operators takes this input, or the program returns it."""
        return name in self._graph.used

    def __call__(self, given: dict[str, Tensor], device: torch.device) -> Any:
        """The result of a program with one output for the inputs, given by name; all are on the device."""
        if device not in self._moved:
            self._moved[device] = {place: tensor.to(device) for place, tensor in self._tensors.items()}
        values: list[Any] = []
        for place, one in enumerate(self._graph.inputs):
            value = given.get(one.name) if isinstance(one, Name) else one
            value = self._moved[device].get(place, value)
            if self._graph.writes and isinstance(value, Tensor):
                value = value.clone()
            values.append(value)
        answer = self._graph(values, device)
        (output,) = (one for one, returned in zip(answer, self._returned, strict=True) if returned)
        return output


class Exported(CalledModel):
    """x = f(...), f a graph of torch's own operators; gradients flow through it unless it cuts them."""

    summary = "Own program, exported by torch."

    def __init__(self, id: str, program: Program, sha256: str) -> None:
        super().__init__(id)
        self.sha256 = sha256
        self.inputs = checked(program.inputs, id)
        self.parameters = program.parameters
        self._program = program

    def given(self, one: ModelInput) -> dict[str, Any]:
        """Its inputs, in the form that they were exported with."""
        return {each.name: each.of(one, self.label) for each in self.inputs}

    def image(self, one: ModelInput) -> Any:
        """What the program returns; ModelError for a slice of a size that it was not exported for."""
        given = self.given(one)
        if unmet := self._program.sizes.unmet({name: value.shape for name, value in given.items()}):
            raise ModelError(
                f"{self.label} was exported for other sizes than this slice has ({unmet}); export it for these or "
                "with dynamic sizes."
            )
        return image_of(self._program(given, one.kspace.device))

    def fingerprint(self) -> dict[str, str]:
        """The file's SHA-256."""
        return {self.id: self.sha256}


def open_model(source: str) -> Reconstructor:
    """The method of a file; WeightsError for no program, or one that calls more than torch's operators on tensors.

    A PackageWarning says that a program draws random numbers, or normalises as in training.
    """
    path = Path(source)
    content = read(path, error=WeightsError)
    stored = archive.read(content, path.name)
    with archive.sound(path.name):
        program = Program(stored, path.name)
    model = Exported(path.name, program, hashlib.sha256(content).hexdigest())
    if any(one.name == "kspace" for one in model.inputs) and not program.uses("kspace"):
        raise WeightsError(
            f"{path.name} makes no use of its k-space; export it again with an example of its own for each input "
            "(torch.export takes one tensor that is given twice for one input)."
        )
    if program.outputs != 1:
        raise WeightsError(
            f"{path.name} returns {counted(program.outputs, 'value')}, by themselves or in a list or dictionary; "
            "export a model that returns the image alone."
        )
    if program.random:
        _warn(f"{path.name} draws random numbers, as dropout does in training, so that each run gives another image")
    if program.trains:
        _warn(f"{path.name} normalises by the statistics of each slice, as networks do in training")
    return model


def _warn(what: str) -> None:
    warnings.warn(f"{what}; export it after model.eval() unless this is meant.", PackageWarning, stacklevel=3)


def _size(description: Any) -> int | str:
    """A number, or the formula of a dynamic size."""
    if "as_int" in description:
        return int(description["as_int"])
    return str(description["as_expr"]["expr_str"])
