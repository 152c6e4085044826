"""Reading the members of an archive of torch.export without torch.export.

torch.export.load loads libraries that lie in the archive, executes pickles, compiles conditions as Python, and looks up
operators and types by any name. What torch.export.save writes for an ordinary model needs none of that.
"""

import json
import re
import zipfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import torch
from torch import Tensor

from ..ground.errors import WeightsError
from ..ground.guard import check_zip, opening
from ..weights.pickled import check_extent, load_pickled

# the types of values by their numbers in these files
DTYPES: Mapping[int, torch.dtype] = dict(
    enumerate(
        (
            *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
            *(torch.float16, torch.float32, torch.float64, torch.complex32, torch.complex64, torch.complex128),
            *(torch.bool, torch.bfloat16),
        ),
        1,
    )
)
_PROGRAM, _OLD_PROGRAM = "models/model.json", "serialized_exported_program.json"
# what torch.export.save writes, since torch 2.8 and before
_MEMBERS = re.compile(
    r"models/model\.json"
    r"|data/weights/(weight_\d+|model_weights_config\.json|model\.pt)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json|model\.pt)"
    r"|data/sample_inputs/model\.pt"
    r"|archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)"
    r"|serialized_(exported_program\.json|(state_dict|constants|example_inputs)\.pt)"
    r"|(extra|extra_files)/\w+(\.\w+)*",
    re.ASCII,
)


@dataclass(frozen=True)
class Archive:
    """program: the JSON that describes it; tensors: parameters, buffers and constants by their names, on the CPU."""

    program: Any
    tensors: dict[str, Tensor]


def read(content: bytes, name: str) -> Archive:
    """The program and its tensors; WeightsError if the file is damaged or holds anything else."""
    with sound(name):
        members = _members(content, name)
        if _OLD_PROGRAM in members:
            places = "serialized_constants.pt", "serialized_state_dict.pt"
            tensors = [_unpickled(members.get(place, b""), place, name) for place in places]
        else:
            tensors = [_tensors(members, folder, name) for folder in ("constants", "weights")]
        program = json.loads(members[_OLD_PROGRAM if _OLD_PROGRAM in members else _PROGRAM])
        return Archive(program, tensors[0] | tensors[1])


def sound(name: str) -> AbstractContextManager[None]:
    """Turn any error that a damaged file causes in its reader into a WeightsError, one sentence."""
    return opening(name, "a program of torch.export", "write it again with torch.export.save", WeightsError)


def _members(content: bytes, name: str) -> dict[str, bytes]:
    """The members, by their names below the folder in which all of them lie."""
    check_zip(content, name, WeightsError)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = archive.namelist()
        folder = "" if _OLD_PROGRAM in names else f"{names[0].split('/')[0]}/" if names else ""
        if not {_OLD_PROGRAM, f"{folder}{_PROGRAM}"} & set(names):
            raise ValueError(f"it has no {_PROGRAM}")
        for one in names:
            if not one.startswith(folder) or not _MEMBERS.fullmatch(one.removeprefix(folder)):
                raise WeightsError(
                    f"{name} holds {one[:80]!r}, which torch.export.save does not write for a model of tensors "
                    "alone; what else it holds could run code."
                )
        if len(set(names)) < len(names):
            raise ValueError("it holds a name twice")
        return {one.removeprefix(folder): archive.read(one) for one in names}


def _tensors(members: dict[str, bytes], folder: str, name: str) -> dict[str, Tensor]:
    """The tensors of one folder, from their bytes and the layout of these; in the files of torch 2.8 from a pickle."""
    pickled = f"data/{folder}/model.pt"
    if pickled in members:
        return _unpickled(members[pickled], pickled, name)
    tensors = {}
    for key, place in json.loads(members[f"data/{folder}/model_{folder}_config.json"])["config"].items():
        layout = place["tensor_meta"]
        if place["use_pickle"] or layout is None:
            raise WeightsError(f"{name} holds {key[:80]!r} as a Python object; export a model that holds only tensors.")
        data, dtype = members[f"data/{folder}/{place['path_name']}"], DTYPES[layout["dtype"]]
        flat = torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0, dtype=dtype)
        sizes, strides = ([one["as_int"] for one in layout[axes]] for axes in ("sizes", "strides"))
        tensors[key] = flat.as_strided(sizes, strides, layout["storage_offset"]["as_int"])
        check_extent(tensors[key])
    return tensors


def _unpickled(data: bytes, place: str, name: str) -> dict[str, Tensor]:
    """The tensors of a pickle that holds nothing else."""
    if not data:
        return {}
    try:
        # the files of torch.save before 1.6 have readers of their own
        tensors = load_pickled(data, name) if data[:2] == b"PK" else None
    except WeightsError:
        raise
    except Exception:  # whatever the bytes lead the unpickler to
        tensors = None
    if not isinstance(tensors, dict) or not all(isinstance(one, Tensor) for one in tensors.values()):
        raise WeightsError(
            f"{name} holds Python objects ({place}) whose loading could run code; "
            "export a model that holds only tensors."
        )
    return {str(key): one.detach() for key, one in tensors.items()}
