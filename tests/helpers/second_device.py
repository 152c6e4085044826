"""A second device where there is none, so that tests see what a GPU would refuse: tensors of two devices in one step.

Its tensors hold their numbers on the CPU, and so give the CPU's results. They say that they are on `NAME`, which is no
CPU for any code that asks, they refuse numpy, and meet no CPU tensor but single numbers and indices, as on a GPU.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

NAME = "meta"  # a type of device that torch knows on every machine

_ATEN = torch.ops.aten
_COPIES = (_ATEN.copy_.default, _ATEN._to_copy.default, _ATEN.copy.default)
_INDEXED = (_ATEN.index.Tensor, _ATEN.index_put.default, _ATEN.index_put_.default, _ATEN._index_put_impl_.default)
_INDICES = (torch.bool, torch.int32, torch.int64)
# Below a dispatch mode torch does not resolve what these leave for later.
_AT_ONCE = {_ATEN._conj.default: torch.conj_physical, _ATEN._neg_view.default: torch.neg}


class There(Tensor):
    """A tensor of the second device. held: its numbers, on the CPU."""

    @staticmethod
    def __new__(cls, held: Tensor) -> "There":
        like = {"strides": held.stride(), "dtype": held.dtype, "device": NAME}
        return Tensor._make_wrapper_subclass(cls, held.shape, **like)

    def __init__(self, held: Tensor) -> None:
        self.held = held

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})

    def numpy(self, **_: Any) -> Any:
        raise TypeError("can't convert a tensor of the second device to numpy.")

    def tolist(self) -> Any:
        return self.held.tolist()


class _Computing(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


class _Making(TorchFunctionMode):
    """Tensors made of Python's numbers, which no dispatch shows."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        device = kwargs.pop("device", None) if func in (torch.tensor, torch.as_tensor) else None
        made = func(*args, **kwargs)
        return made if device is None else made.to(device)


@contextmanager
def second_device() -> Iterator[None]:
    """Inside, `.to(NAME)` and `device=NAME` give tensors of the second device."""
    with _Computing(), _Making():
        yield


def here(given: Any) -> Any:
    """The same numbers on the CPU; of lists and tuples those of their entries. Anything else stays what it is."""
    if isinstance(given, There):
        return given.held
    return type(given)(map(here, given)) if type(given) in (list, tuple) else given


def _computed(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    given = list(_tensors((args, *kwargs.values())))
    there = any(isinstance(one, There) for one in given)
    if there and func not in _COPIES:
        _refuse_two_devices(func, args, given)
    if kwargs.get("device") is not None:
        there = torch.device(kwargs["device"]).type == NAME
        kwargs = kwargs | {"device": torch.device("cpu")}
    found = _AT_ONCE.get(func, func)(*here(args), **{name: here(one) for name, one in kwargs.items()})
    if func._schema.is_mutable and args and isinstance(args[0], Tensor):
        return args[0]
    return _put(found) if there else found


def _put(found: Any) -> Any:
    """The opposite of `here`."""
    if isinstance(found, Tensor):
        return There(found)
    return type(found)(map(_put, found)) if type(found) in (list, tuple) else found


def _tensors(given: Any) -> Iterator[Tensor]:
    """Those among arguments. (torch's trees take several times as long, for each operation of a test.)"""
    for one in given:
        if isinstance(one, Tensor):
            yield one
        elif type(one) in (list, tuple):
            yield from _tensors(one)


def _refuse_two_devices(func: Any, args: Any, given: list[Tensor]) -> None:
    indexed = func in _INDEXED and isinstance(args[0], There)
    for one in given:
        apart = not isinstance(one, There) and one.ndim
        if apart and not (indexed and one.dtype in _INDICES):
            raise RuntimeError(f"{func} met tensors of two devices, {tuple(one.shape)} of them on the CPU.")
