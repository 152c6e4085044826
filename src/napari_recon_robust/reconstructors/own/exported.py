"""A program written by torch.export.save (.pt2), inputs named as in `signature.NAMES`."""

import hashlib
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

from ...errors import WeightsError
from ..base import Reconstructor
from . import archive
from .model import CalledModel, Slice, first_line
from .signature import Input, checked, image_of


class Exported(CalledModel):
    """x = f(...), f a graph of torch's own operators; gradients flow through it unless it cuts them."""

    summary = "Own program, exported by torch."

    def __init__(self, id: str, program: ExportedProgram, sha256: str) -> None:
        super().__init__(id)
        self.sha256 = sha256
        self.inputs = checked(_inputs(program, id), id)
        self._program = program
        self._modules: dict[torch.device, Any] = {}

    def image(self, one: Slice) -> Any:
        """What the program returns."""
        return image_of(self._module(one.kspace.device)(*(each.of(one, self.label) for each in self.inputs)))

    def fingerprint(self) -> dict[str, str]:
        """The file's SHA-256."""
        return {self.id: self.sha256}

    def _module(self, device: torch.device) -> Any:
        """The program on a device; the one that it was exported on is written into its graph."""
        if device not in self._modules:
            from torch.export.passes import move_to_device_pass

            self._modules[device] = move_to_device_pass(self._program, device).module().requires_grad_(False)
        return self._modules[device]


def open_model(source: str) -> Reconstructor:
    """The program of a file; WeightsError if it is none, or would run other code than torch's operators."""
    path = Path(source)
    content = path.read_bytes()
    archive.check(content, path.name)
    try:
        program = torch.export.load(BytesIO(content))
    except Exception as error:
        raise WeightsError(
            f"{path.name} is no program of torch.export that torch {torch.__version__} reads ({first_line(error)}); "
            "write it with torch.export.save."
        ) from error
    return Exported(path.name, program, hashlib.sha256(content).hexdigest())


def _inputs(program: ExportedProgram, label: str) -> list[Input]:
    """What the program takes, in its order; WeightsError for an input that has no influence."""
    nodes = {node.name: node for node in program.graph.nodes if node.op == "placeholder"}
    inputs = []
    for name in program.graph_signature.user_inputs:
        value = nodes[str(name)].meta["val"]
        sizes = tuple(size if isinstance(size, int) else None for size in value.shape)
        inputs.append(Input(str(name), sizes, value.dtype))
        if name == "kspace" and not nodes[name].users:
            raise WeightsError(
                f"{label} makes no use of its k-space; export it again with an example of its own for each input "
                "(torch.export takes one tensor that is given twice for one input)."
            )
    return inputs
