"""The operators that an exported program may call. They are found by their schema, and by closed lists beyond it.

None of them reads or writes a file, calls back into Python, or changes anything but the tensors that it is given. They
include what torch.export writes for a network, whether its decompositions were run or not.
"""

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..ground.errors import WeightsError
from .sizes import power

Call = Callable[..., Any]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# what a schema's arguments may be
_PLAIN = _words(
    "TensorType IntType SymIntType FloatType SymFloatType BoolType SymBoolType NumberType ComplexType ScalarTypeType "
    "LayoutType MemoryFormatType GeneratorType"
)
# operators that may take words and devices besides: modes and messages, new tensors and casts
_WITH_WORDS = _words(
    "einsum meshgrid pad pad_sequence stft conv1d conv2d conv3d gelu gelu_ div div_ divide divide_ searchsorted "
    "quantile nanquantile scatter scatter_ scatter_reduce scatter_reduce_ index_reduce index_reduce_ "
    "fft_fft fft_fft2 fft_fftn fft_hfft fft_hfft2 fft_hfftn fft_ifft fft_ifft2 fft_ifftn fft_ihfft fft_ihfft2 "
    "fft_ihfftn fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn fft_fftfreq fft_rfftfreq "
    "linalg_cond linalg_eigh linalg_eigvalsh linalg_lstsq linalg_matrix_norm linalg_norm linalg_qr linalg_svd "
    "linalg_svdvals _linalg_check_errors _linalg_eigh _linalg_svd _assert_async _assert_scalar _assert_tensor_metadata "
    "arange bartlett_window blackman_window empty empty_like empty_permuted empty_strided eye full full_like "
    "hamming_window hann_window iota kaiser_window linspace logspace new_empty new_empty_strided new_full new_ones "
    "new_zeros normal ones ones_like rand rand_like randint randint_like randn randn_like randperm range "
    "scalar_tensor tril_indices triu_indices zeros zeros_like to _to_copy device_put "
    "sym_constrain_range sym_constrain_range_for_size"
)
# the internal operators, whose names begin with an underscore, that torch.export writes
_INTERNAL = _words(
    "__and__ __iand__ __ior__ __ixor__ __lshift__ __or__ __rshift__ __xor__ _adaptive_avg_pool2d "
    "_adaptive_avg_pool3d _assert_async _assert_scalar _assert_tensor_metadata _cdist_forward _conj _conj_physical "
    "_euclidean_dist _fft_c2c _fft_c2r _fft_r2c _is_all_true _is_any_true _linalg_check_errors _linalg_det "
    "_linalg_eigh _linalg_eigvals _linalg_slogdet _linalg_solve_ex _linalg_svd _local_scalar_dense _log_softmax "
    "_native_batch_norm_legit _native_batch_norm_legit_functional _native_batch_norm_legit_no_training _neg_view "
    "_pdist_forward _prelu_kernel _safe_softmax _scaled_dot_product_attention_math "
    "_scaled_dot_product_flash_attention_for_cpu _shape_as_tensor _softmax _to_copy _unsafe_index _unsafe_index_put "
    "_unsafe_view _upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d _weight_norm"
)
# what trusts the indices or the layout that it is given, and reaches other memory if they are wrong
_TRUSTING = re.compile(r".*backward.*|(cudnn|fbgemm|miopen|mkldnn|quantized)_.*|ctc_loss|fractional_max_pool.*")


# of sizes, which are Python's numbers
_NUMBERS: Mapping[str, Call] = {
    **{
        f"_operator.{name}": getattr(operator, name)
        for name in _words("add sub mul neg pos floordiv truediv mod eq ne lt le gt ge and_ or_ not_")
    },
    "_operator.pow": power,
    **{f"math.{name}": getattr(math, name) for name in ("ceil", "floor", "trunc", "sqrt")},
    **{f"torch.sym_{name}": getattr(torch, f"sym_{name}") for name in ("float", "int", "ite", "max", "min", "not")},
    "torch.sym_sqrt": math.sqrt,
    "torch._sym_sqrt": math.sqrt,
}


@dataclass(frozen=True)
class Operator:
    """writes: whether it changes a tensor that it is given. draws: whether it draws random numbers, given these.

    trains: whether it normalises as in training, given these.
    """

    call: Call
    writes: bool = False
    draws: Callable[[Mapping[str | int, Any]], bool] = lambda given: False
    trains: Callable[[Mapping[str | int, Any]], bool] = lambda given: False


def find(target: str, program: str) -> Operator:
    """The operator with that name; WeightsError unless a program may call it."""
    if target in _NUMBERS:
        return Operator(_on_numbers(_NUMBERS[target]))
    named = re.fullmatch(r"torch\.ops\.(aten|prims)\.(\w+)\.(\w+)", target, re.ASCII)
    found = _overload(*named.groups()) if named else None
    if found is None:
        raise WeightsError(
            f"{program} calls {target[:80]!r}, which is no operator of torch's that takes only tensors and numbers; "
            "export a model that consists of such."
        )
    return Operator(_checked(found), found._schema.is_mutable, partial(_draws, found), partial(_trains, found))


def _overload(space: str, name: str, overload: str) -> torch._ops.OpOverload | None:
    """The operator, if its name and its schema are among the allowed ones."""
    if (name.startswith("_") and name not in _INTERNAL) or _TRUSTING.fullmatch(name):
        return None
    packet = getattr(getattr(torch.ops, space), name, None)
    if not isinstance(packet, torch._ops.OpOverloadPacket) or overload not in packet.overloads():
        return None
    found = getattr(packet, overload)
    kinds = {_kind(argument.real_type) for argument in found._schema.arguments}
    if name in _WITH_WORDS:
        return found if kinds <= _PLAIN | {"StringType", "DeviceObjType"} else None
    return found if kinds <= _PLAIN and "TensorType" in kinds else None


def _draws(found: torch._ops.OpOverload, given: Mapping[str | int, Any]) -> bool:
    """Whether it draws random numbers; dropout does not after `model.eval()`, nor with a probability of zero."""
    if torch.Tag.nondeterministic_seeded not in found.tags:
        return False
    known: dict[str | int, Any] = {one.name: one.default_value for one in found._schema.arguments}
    known.update(given)
    while_training = known.get("train", known.get("training")) is not False
    return while_training and all(known.get(name) != 0 for name in ("p", "dropout", "dropout_p"))


def _trains(found: torch._ops.OpOverload, given: Mapping[str | int, Any]) -> bool:
    """Whether it normalises by the statistics of what it is given, although it knows those of its training."""
    known, name = given.get("running_mean") is not None, found._schema.name
    while_training = given.get("use_input_stats" if "instance_norm" in name else "training") is True
    return known and while_training and ("instance_norm" in name or "batch_norm" in name)


def _kind(of: Any) -> str:
    """The kind of a type in a schema; for a list or an optional value it is that of the element."""
    while of.kind() in ("ListType", "OptionalType"):
        of = of.getElementType()
    return str(of.kind())


def _on_numbers(function: Call) -> Call:
    """The function, only for numbers of 64 bits: a list times a number, or a power of a power, could fill memory."""

    def call(*arguments: Any) -> Any:
        if not all(isinstance(one, int | float) for one in arguments):
            raise TypeError("a size that is no number")
        answer = function(*arguments)
        if isinstance(answer, int) and answer.bit_length() > 63:
            raise OverflowError("a size of more than 63 bits")
        return answer

    return call


def _checked(found: torch._ops.OpOverload) -> Call:
    """The operator with a check of its arguments, if torch leaves that check to its callers."""
    check = _CHECKS.get(found._schema.name.partition("::")[2])
    if check is None:
        return found
    arguments = found._schema.arguments

    def call(**given: Any) -> Any:
        if not check({one.name: given.get(one.name, one.default_value) for one in arguments}):
            raise ValueError(f"{found} with arguments that do not fit together")
        return found(**given)

    return call


def _channels_fit(given: dict[str, Any]) -> bool:
    """Whether a batch normalization has one weight, offset, mean and variance for each channel."""
    vectors = (given.get(name) for name in ("weight", "bias", "running_mean", "running_var"))
    return given["input"].ndim > 1 and all(
        one is None or (one.is_floating_point() and one.shape == (given["input"].shape[1],)) for one in vectors
    )


def _axes_fit(given: dict[str, Any]) -> bool:
    """Whether a Fourier transform's axes exist, each is given once, and the half spectrum has as many samples."""
    tensor: Tensor = given["self"]
    axes, length = given["dim"], given.get("last_dim_size")
    there = all(0 <= axis < tensor.ndim for axis in axes) and len(set(axes)) == len(axes) > 0
    return there and (length is None or (length > 0 and length // 2 + 1 == tensor.shape[axes[-1]]))


def _attention_fits(given: dict[str, Any]) -> bool:
    """Whether in an attention keys are as long as queries, and each key has a value."""
    query, key, value = given["query"], given["key"], given["value"]
    grouped = bool(given.get("enable_gqa")) and query.shape[:-3] == key.shape[:-3]
    return (
        (grouped or query.shape[:-2] == key.shape[:-2])
        and key.shape[:-1] == value.shape[:-1]
        and query.shape[-1] == key.shape[-1]
    )


def _norms_fit(given: dict[str, Any]) -> bool:
    """Whether weights given by direction and norm have one norm for each row, or for each column."""
    direction, norm, axis = given["v"], given["g"], given["dim"]
    if axis not in (0, direction.ndim - 1):
        return True
    return norm.shape == tuple(size if at == axis else 1 for at, size in enumerate(direction.shape))


_CHECKS: Mapping[str, Callable[[dict[str, Any]], bool]] = {
    **dict.fromkeys(
        (
            "native_batch_norm",
            "_native_batch_norm_legit",
            "_native_batch_norm_legit_functional",
            "_native_batch_norm_legit_no_training",
        ),
        _channels_fit,
    ),
    **dict.fromkeys(("_fft_c2c", "_fft_c2r", "_fft_r2c"), _axes_fit),
    **dict.fromkeys(
        ("scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu"),
        _attention_fits,
    ),
    "_weight_norm": _norms_fit,
}
