"""Formulas of sizes, in Python's and sympy's spelling, and what is none."""

import pytest

from napari_recon_robust.own_models.sizes import Formula, Sizes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2*s0 + 1", 15),
        ("Add(Mul(Integer(2), Symbol('s0', positive=True, integer=True)), Integer(-1))", 13),
        ("max(1, s0 // 2) != 1", True),
        ("not (s0 % 2 == 0) and s0 < 8 or s0 >= 100", True),
        ("(3 if s0 == 7 else 4) * -s0 / 2", -10.5),
        ("math.ceil(s0 / 2) + math.floor(torch._sym_sqrt(s0)) ** 2", 8),
    ],
)
def test_formulas_have_the_values_of_their_spelling(text: str, expected: float) -> None:
    formula = Formula(text)
    assert formula.names == {"s0"}
    assert formula.value({"s0": 7}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "eval('1')",
        "().__class__",
        "s0.bit_length()",
        "[1][0]",
        "lambda: 1",
        "(s0 := 3)",
        "max(*[1])",
        "round(1.0, ndigits=2)",
        "f'{s0}'",
        "'a' * 3",
        "1; 2",
        "+".join(["s0"] * 10_000),
        "(" * 5_000 + "1" + ")" * 5_000,
    ],
)
def test_anything_else_is_no_formula(text: str) -> None:
    with pytest.raises(ValueError, match="no formula"):
        Formula(text)


def test_a_power_of_powers_ends_at_once() -> None:
    with pytest.raises(OverflowError):
        Formula("9 ** 9 ** 9").value({})


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "((((9**64)**64)**64)**64)**64",
        f"{'9**64*' * 1000}1",
        f"Mul({', '.join(['9**64'] * 1000)})",
        "9" * 4000,
        "round(1e308)**64",
        f"{'(' * 150}9{'**60)' * 150}",
    ],
)
def test_a_formula_whose_value_would_fill_memory_is_refused(text: str) -> None:
    with pytest.raises((OverflowError, ValueError)):
        Formula(text).value({})


def test_sizes_that_fit_and_those_that_do_not() -> None:
    half = "Mul(Integer(2), Symbol('s1', integer=True))"
    sizes = Sizes(
        {"kspace": [4, "Symbol('s0')", half], "mask": ["Symbol('s0')", half]},
        {"s0": (2, 64), "s1": (2, None), "2*s1": (0, None)},
        ["L['kspace'].size()[1] % 4 == 0", "L['flat_args'][1].size()[1] != 34"],
    )
    assert sizes.unmet({"kspace": (4, 32, 30), "mask": (32, 30)}) is None
    for kspace, mask, words in (
        ((4, 32, 31), (32, 31), r"another kspace[2] than 31"),
        ((4, 32, 30), (28, 30), r"another mask[0] than 28"),
        ((3, 32, 30), (32, 30), r"another kspace[0] than 3"),
        ((4, 68, 30), (68, 30), "s0 <= 64"),
        ((4, 30, 30), (30, 30), "kspace[1] % 4 == 0"),
        ((4, 32, 34), (32, 34), "mask[1] != 34"),
    ):
        assert words in str(sizes.unmet({"kspace": kspace, "mask": mask}))


def test_conditions_on_what_there_is_not() -> None:
    for condition in ("L['other'].size()[0] == 1", "L['flat_args'][7].size()[0] == 1", "L['image'].size()[5] == 1"):
        with pytest.raises(ValueError, match="input that there is not|no formula"):
            Sizes({"image": [48, 48]}, {}, [condition])
    Sizes({"image": [48, 48]}, {}, ["L['image']._base.size()[0] == 7", "L['image'].stride()[0] == 7"])
