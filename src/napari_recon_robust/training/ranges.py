"""Ranges that data are drawn from, as a recipe gives them."""

from typing import Annotated, TypeVar

import numpy as np
from numpy.random import Generator
from pydantic import AfterValidator, ValidationInfo

from ..ground.errors import InputError

N = TypeVar("N", int, float)


def _in_order(limits: tuple[N, N], info: ValidationInfo) -> tuple[N, N]:
    if not 0 < limits[0] <= limits[1] < np.inf:
        raise InputError(f"{info.field_name} is {list(limits)}; give the smallest and the largest value, both above 0.")
    return limits


def _below_one(limits: tuple[float, float], info: ValidationInfo) -> tuple[float, float]:
    if limits[1] >= 1:
        raise InputError(f"{info.field_name} is {list(limits)}; give shares below 1.")
    return limits


Range = Annotated[tuple[float, float], AfterValidator(_in_order)]
ShareRange = Annotated[Range, AfterValidator(_below_one)]
WholeRange = Annotated[tuple[int, int], AfterValidator(_in_order)]


def log_uniform(limits: tuple[float, float], rng: Generator) -> float:
    """A number from a range, uniform in its logarithm."""
    return float(np.exp(rng.uniform(*np.log(limits))))
