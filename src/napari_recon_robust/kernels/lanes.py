"""A numba type for the vector units of the CPU: 16 float32 numbers that are added and multiplied at once.

Numba's own vectorisation gives up on the short loops of a Fourier transform. LLVM turns the type into whatever
the machine has (one register of AVX-512, two of AVX2, four of NEON or SSE).
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

WIDTH = 16

_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
_FLAGS = ("contract", "nsz")  # allows fused multiply-add


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"lanes{WIDTH}")


_lanes = _Lanes()


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, type_: Any) -> None:
        super().__init__(manager, type_, _VECTOR)


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@intrinsic
def load(typing_context: Any, array: Any, index: Any) -> Any:
    """The 16 numbers of a contiguous float32 array from a flat index on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], *arguments), align=4)

    return _lanes(array, types.intp), generate


@intrinsic
def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Write 16 numbers into a contiguous float32 array from a flat index on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _pointer(context, builder, signature.args[0], *arguments[:2]), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _lanes), generate


@intrinsic
def minimum(typing_context: Any, a: Any, b: Any) -> Any:
    """The smaller of each pair."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *arguments), *arguments)

    return _lanes(_lanes, _lanes), generate


@intrinsic
def inverse_root(typing_context: Any, a: Any) -> Any:
    """1 / sqrt(a) to 5e-6, large and finite at 0, from a guess by the exponent and two steps of Newton's method.

    It takes a third of the time of a square root and a division.
    """
    integers = ir.VectorType(ir.IntType(32), WIDTH)

    def constant(type_: Any, value: Any) -> Any:
        return ir.Constant(type_, [value] * WIDTH)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (value,) = arguments
        bits = builder.lshr(builder.bitcast(value, integers), constant(integers, 1))
        guess = builder.bitcast(builder.sub(constant(integers, 0x5F375A86), bits), _VECTOR)
        half = builder.fmul(value, constant(_VECTOR, 0.5))
        for _ in range(2):
            square = builder.fmul(builder.fmul(half, guess, flags=_FLAGS), guess, flags=_FLAGS)
            guess = builder.fmul(guess, builder.fsub(constant(_VECTOR, 1.5), square, flags=_FLAGS), flags=_FLAGS)
        return guess

    return _lanes(_lanes), generate


def _splat(builder: Any, value: Any) -> Any:
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, zeros)


def _define(function: Callable[..., Any], instruction: str) -> None:
    """Lanes with lanes, or with one number for all; single instructions, which compile far faster than calls do."""

    @type_callable(function)
    def type_of(context: Any) -> Any:
        return lambda a, b: _lanes if a == _lanes and b in (_lanes, types.float32) else None

    @lower_builtin(function, _lanes, _lanes)
    def with_lanes(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return getattr(builder, instruction)(*arguments, flags=_FLAGS)

    @lower_builtin(function, _lanes, types.float32)
    def with_number(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, b = arguments
        return getattr(builder, instruction)(a, _splat(builder, b), flags=_FLAGS)


for _function, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _define(_function, _instruction)
