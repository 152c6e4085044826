"""An ONNX file, run by onnxruntime (the extra `onnx`); its inputs are named as in `signature.NAMES`."""

import hashlib
import re
from pathlib import Path
from typing import Any

import torch

from ..ground.errors import ModelError, WeightsError, to_install
from ..ground.guard import is_file, read, said_by
from ..reconstructors.base import Reconstructor
from ..reconstructors.fingerprint import of_file
from .model import CalledModel, ModelInput
from .signature import Input, checked, image_of

DTYPES = {
    "tensor(float)": torch.float32,
    "tensor(double)": torch.float64,
    "tensor(float16)": torch.float16,
    "tensor(complex64)": torch.complex64,
    "tensor(bool)": torch.bool,
    "tensor(int64)": torch.int64,
    "tensor(uint8)": torch.uint8,
}
# the key of the name of such a file in protobuf, and the length of the name
_LOCATION = re.compile(rb"\n\x08location\x12([\x01-\x7f])")


class ONNX(CalledModel):
    """x = f(...), f a graph of ONNX operators, on the CPU; onnxruntime gives no gradients."""

    differentiable = False
    summary = "Own network as ONNX, without gradients."

    def __init__(self, path: Path, session: Any) -> None:
        super().__init__(path.name)
        self.path, self.session = path, session
        self.inputs = checked([_input(one, path.name) for one in session.get_inputs()], path.name)
        outputs = [one.name for one in session.get_outputs()]
        if len(outputs) > 1:
            self.caution = f"{path.name} has {len(outputs)} outputs; the first, {outputs[0]}, is taken for the image."
        content = read(path, error=WeightsError)
        self._fingerprint = {path.name: hashlib.sha256(content).hexdigest()}
        for name in _beside(content):
            if is_file(weights := path.parent / name):
                self._fingerprint |= of_file(weights)

    def given(self, one: ModelInput) -> dict[str, Any]:
        """Its inputs, as arrays in the form that they were exported with."""
        return {each.name: each.of(one, self.label).detach().cpu().contiguous().numpy() for each in self.inputs}

    def image(self, one: ModelInput) -> Any:
        """The network's first output."""
        return image_of(torch.from_numpy(self.session.run(None, self.given(one))[0]))

    def fingerprint(self) -> dict[str, str]:
        """SHA-256 of the file, and of those beside it that hold its weights."""
        return self._fingerprint


def _beside(content: bytes) -> list[str]:
    """The names of the files in which an ONNX file has its large tensors, sorted."""
    found = {content[one.end() : one.end() + one[1][0]] for one in _LOCATION.finditer(content)}
    return sorted(name.decode(errors="replace") for name in found)


def open_model(source: str) -> Reconstructor:
    """The method of a file; ModelError without onnxruntime, WeightsError for a file that is not sound ONNX."""
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(f"ONNX files need onnxruntime; {to_install('onnx')}.") from None
    path = Path(source)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what goes wrong is said below
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds share no base
        raise WeightsError(
            f"{path.name} is no ONNX file that onnxruntime {onnxruntime.__version__} runs ({said_by(error)}); "
            "export it again."
        ) from error
    return ONNX(path, session)


def _input(node: Any, label: str) -> Input:
    if node.type not in DTYPES:
        raise WeightsError(f"{label} takes {node.name} as {node.type}; one of {', '.join(DTYPES)} was expected.")
    return Input(node.name, tuple(size if isinstance(size, int) else None for size in node.shape), DTYPES[node.type])
