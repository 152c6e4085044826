"""How the kernels are compiled."""

from collections.abc import Callable
from typing import Any

from numba import njit

Decorator = Callable[[Callable[..., Any]], Any]


def jit(fastmath: set[str]) -> tuple[Decorator, Decorator]:
    """Decorators of kernels, which Python calls, and of their parts, which only kernels do.

    A kernel is kept on disk together with its parts, which thus need neither a file nor a way in from Python: both
    would be compiled and written for each. fastmath: what LLVM may assume of floating-point numbers.
    """
    options: dict[str, Any] = {"error_model": "numpy", "fastmath": fastmath}
    kernel = njit(nogil=True, cache=True, **options)
    part = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)
    return kernel, part
