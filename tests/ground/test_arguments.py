"""Arguments of a wrong type get one sentence that names them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_recon_robust.ground.arguments import as_list, as_number, as_numbers, as_options, as_text, as_texts, as_whole
from napari_recon_robust.ground.errors import InputError


def test_what_fits_is_given_back() -> None:
    assert as_text("tv", "the method") == "tv"
    assert as_whole(np.int64(3), "the slice") == 3
    assert as_number("0.5", "the budget") == as_number(torch.tensor(0.5), "the budget") == 0.5
    assert as_numbers(np.array([0.5, 1]), "the budgets") == (0.5, 1.0)
    assert as_list(("a", 1), "the files") == ["a", 1]
    assert as_texts({"tv": 1}, "the methods") == ["tv"]


@pytest.mark.parametrize(
    ("take", "value"),
    [
        (as_text, 3),
        (as_text, None),
        (as_whole, 1.0),
        (as_whole, "1"),
        (as_whole, [1]),
        (as_whole, True),
        (as_whole, np.True_),
        (as_whole, torch.tensor(True)),
        (as_number, "abc"),
        (as_number, [1]),
        (as_number, None),
        (as_number, 10**400),
        (as_numbers, 0.1),
        (as_numbers, "abc"),
        (as_numbers, "24"),
        (as_numbers, b"ab"),
        (as_numbers, {4: 1}),
        (as_numbers, [None]),
        (as_numbers, [10**400]),
        (as_list, "scan.h5"),
        (as_list, 5),
        (as_texts, ["tv", 3]),
    ],
)
def test_what_does_not_fit_is_named(take: Callable[[Any, str], Any], value: Any) -> None:
    with pytest.raises(InputError, match="the methods (is|are) .*; give"):
        take(value, "the methods")


def test_a_number_may_have_a_least_value() -> None:
    assert as_whole(1, "samples", 1) == 1
    with pytest.raises(InputError, match="samples is 0; give a whole number from 1"):
        as_whole(0, "samples", 1)


def test_a_whole_number_lies_within_its_limits() -> None:
    assert as_whole(1000, "steps", 1, 1000) == 1000
    for value in (0, 1001, 10**18):
        with pytest.raises(InputError, match=rf"steps is {value}; give a whole number from 1 to 1000\."):
            as_whole(value, "steps", 1, 1000)


def test_an_option_is_an_argument_that_is_given_by_its_name_alone() -> None:
    def function(first: int, *, size: float = 4.0, shape: str = "blob") -> None: ...

    assert as_options({"size": 3}, function) == {"size": 3}
    for name, near in (("sizes", "size, or "), ("first", ""), ("Shape", "shape, or ")):
        with pytest.raises(InputError, match=rf"^there is no option '{name}' here; choose {near}one of size, shape\.$"):
            as_options({name: 3}, function)
