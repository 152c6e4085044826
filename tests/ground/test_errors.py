"""Whatever comes into an error for the user, it is one line of bearable length."""

import pickle

from napari_recon_robust.ground.errors import LONGEST, InputError, left_out, one_line


def test_lines_control_characters_and_long_words_go() -> None:
    said = str(InputError(f"the file a\nb\x1b[31m {'x' * 5000} is none;\r\n give another."))
    assert said.isprintable()
    assert len(said) < 200
    assert said.startswith("the file a b")
    assert said.endswith("is none; give another.")


def test_a_long_sentence_loses_its_middle() -> None:
    said = str(InputError(f"it came as {list(range(1000))}; give one."))
    assert len(said) == LONGEST
    assert said.startswith("it came as [0, 1")
    assert said.endswith("999]; give one.")
    assert "…" in said


def test_a_usual_sentence_stays_as_it_is() -> None:
    said = "the budget is 3; give a fraction above 0 and up to 1, such as 0.01 for 1%."
    assert str(InputError(said)) == said
    assert one_line(one_line(said * 9)) == one_line(said * 9)
    assert str(pickle.loads(pickle.dumps(InputError(said)))) == said


def test_what_is_left_out_is_named_once() -> None:
    assert left_out("a/b.h5", "line 2: b.h5 is damaged, b.h5") == "left out: line 2: a/b.h5 is damaged, b.h5"
    assert left_out("b.h5", "b.h5 is damaged") == "left out: b.h5 is damaged"
    assert left_out("slice 3 of b.h5", InputError("it has NaN.")) == "left out: slice 3 of b.h5: it has NaN."
