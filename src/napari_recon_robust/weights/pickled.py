"""Files of torch.save, read without executing anything: only tensors, numbers and text, and nothing compressed."""

import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import torch
from torch import Tensor

from ..ground.errors import ReconRobustError, WeightsError
from ..ground.guard import check_zip


def load_pickled(
    content: bytes, name: str, device: torch.device | str = "cpu", error: type[ReconRobustError] = WeightsError
) -> Any:
    """What torch.load gives; `error` for TorchScript, a packed archive, or a tensor with more elements than are stored.

    Other damage raises whatever torch's unpickler raises.
    """
    if content[:2] == b"PK":
        _refuse_torchscript(content, name, error)
        check_zip(content, name, error)
    loaded = torch.load(BytesIO(content), map_location=device, weights_only=True)
    for tensor in _tensors(loaded):
        check_extent(tensor)
    return loaded


def state_dict(content: bytes, name: str) -> dict[str, Tensor]:
    """The state dict that a checkpoint is, or holds under "state_dict"; WeightsError for anything else."""
    try:
        loaded = load_pickled(content, name)
    except WeightsError:
        raise
    except zipfile.BadZipFile as error:
        raise WeightsError(f"{name} is cut off or damaged; copy or download it again.") from error
    except Exception as error:  # the unpickler raises whatever the bytes lead it to
        raise WeightsError(
            f"{name} is no PyTorch checkpoint of tensors alone, and anything else in it could run code; "
            "save the network's state_dict(), best as safetensors, or give the whole model as .pt2 or in a .py file."
        ) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, Mapping) else None
    if not state or not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise WeightsError(f"{name} holds no state dict of tensors; save only the network's state_dict().")
    return dict(state)


def _refuse_torchscript(content: bytes, name: str, error: type[ReconRobustError]) -> None:
    """Raise `error` for an archive of torch.jit.save, which is code and not tensors alone."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = {member.partition("/")[2] for member in archive.namelist()}
    if "constants.pkl" in members and any(member.startswith("code/") for member in members):
        raise error(
            f"{name} is TorchScript, which is not run here; export the model by torch.export as .pt2, or give a .py "
            "file with a function that loads it."
        )


def check_extent(tensor: Tensor) -> None:
    """Raise ValueError for a tensor with more elements than are stored: a copy of it could fill the memory."""
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise ValueError("a tensor is larger than what is stored of it")


def _tensors(value: Any) -> Iterator[Tensor]:
    waiting, seen = [value], set[int]()
    while waiting:
        one = waiting.pop()
        if isinstance(one, Tensor):
            yield one
        elif isinstance(one, Mapping | list | tuple) and id(one) not in seen:
            seen.add(id(one))
            waiting.extend(one.values() if isinstance(one, Mapping) else one)
