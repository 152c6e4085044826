import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.knob import Knob, resolve, stored

WEIGHT = Knob(name="weight", label="Weight", help="", default=1e-3, minimum=1e-4, maximum=1e-1, scale="log")
STEPS = Knob(name="steps", label="Steps", help="", default=5, kind="int", minimum=1, maximum=10)
LOSS = Knob(name="loss", label="Loss", help="", default="l2", kind="choice", choices=("l2", "ssim"))
MASKED = Knob(name="masked", label="Masked", help="", default=True, kind="bool")


@given(st.floats(0, 1))
def test_position_and_value_are_inverse(position: float) -> None:
    for knob in (WEIGHT, STEPS):
        assert knob.to_unit(knob.from_unit(position)) == pytest.approx(position, abs=1e-9)


def test_log_scale_is_even_in_ratios() -> None:
    assert WEIGHT.from_unit(1 / 3) == pytest.approx(1e-3)


@pytest.mark.parametrize(
    ("knob", "text", "value"),
    [(WEIGHT, "2e-3", 2e-3), (STEPS, "7", 7), (LOSS, "ssim", "ssim"), (MASKED, "no", False)],
)
def test_text_from_the_command_line_is_parsed(knob: Knob, text: str, value: object) -> None:
    assert knob.parse(text) == value


@pytest.mark.parametrize(
    ("knob", "value"),
    [(WEIGHT, "abc"), (WEIGHT, 1.0), (WEIGHT, float("nan")), (STEPS, 2.5), (LOSS, "l3"), (MASKED, "perhaps")],
)
def test_a_value_that_does_not_fit_is_refused_by_name(knob: Knob, value: object) -> None:
    with pytest.raises(InputError, match=knob.name):
        knob.parse(value)


def test_whole_numbers_are_told_in_full() -> None:
    seed = Knob(name="seed", label="", help="", default=0, kind="int", maximum=2**31 - 1)
    assert seed.range == "0 to 2147483647"
    with pytest.raises(InputError, match=r"^seed is 3000000000; give a value from 0 to 2147483647\.$"):
        seed.parse("3000000000")
    assert WEIGHT.range == "0.0001 to 0.1"
    with pytest.raises(InputError, match=r"^weight is 1e\+30;"):
        WEIGHT.parse(1e30)


def test_resolve_fills_in_defaults_and_refuses_unknown_names() -> None:
    assert resolve([WEIGHT, STEPS], {"steps": "3"}) == {"weight": 1e-3, "steps": 3}
    with pytest.raises(InputError, match="'wieght'.*weight, steps"):
        resolve([WEIGHT, STEPS], {"wieght": 1})


def test_inconsistent_specifications_are_refused() -> None:
    with pytest.raises(ValueError, match="positive minimum"):
        Knob(name="w", label="", help="", default=1, minimum=0, maximum=1, scale="log")
    with pytest.raises(ValueError, match="kind float can be live"):
        Knob(name="n", label="", help="", default=1, kind="int", minimum=0, maximum=5, live=True)


def test_a_knob_matters_where_one_of_its_conditions_holds() -> None:
    assert WEIGHT.matters({})
    assert WEIGHT.condition == ""
    trials = WEIGHT.model_copy(update={"only_when": (("loss", ("ssim", "l2")), ("steps", (1, 2, 2.5)))})
    assert trials.condition == "Matters only where loss is ssim or l2, or steps is 1, 2 or 2.5."
    assert trials.matters({"loss": "ssim", "steps": 3})
    assert trials.matters({"loss": "l1", "steps": 1})
    assert not trials.matters({"loss": "l1", "steps": 3})
    assert trials.matters({"steps": 3}), "the loss may be any"


@pytest.mark.parametrize("text", ["7", "[1]", "{", "null", '"angle"', "[" * 100_000])
def test_knobs_of_a_damaged_table_are_one_sentence(text: str) -> None:
    with pytest.raises(FileFormatError, match="a study writes them as JSON") as found:
        stored(text)
    assert len(str(found.value)) < 200


def test_stored_knobs_are_an_object_and_none_where_there_is_no_text() -> None:
    assert stored('{"angle": 2.0}') == {"angle": 2.0}
    assert stored("") == stored(None) == {}
