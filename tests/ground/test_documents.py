"""JSON and YAML from elsewhere: no bombs, no depth, one sentence."""

import re
from pathlib import Path

import pytest

from napari_recon_robust.ground.documents import check_names, read_json, read_yaml
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.simulation.sample import SimulationRecipe
from napari_recon_robust.training.recipe import load_recipe

LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "its aliases stand for more than 50,000 values"),
        ("a: &a [*a]", "it holds itself"),
        ("[" * 700 + "]" * 700, "it is nested too deeply"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("seeds:\n- " + "1" * 5001, "(line 2: a number has 5,001 digits, more than any that is meant)"),
        ("seed: 0x" + "f" * 5000, "a number has 5,002 digits"),
        ('a: b\nc: "\\ud800"', "line 2: a text has half of a letter"),
        ("at: 2001-99-99", "month must be in"),
        ("a: [", "expected the node content"),
        ("x" * 300_000, "300 kB"),
    ],
)
def test_yaml_that_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    for read in (
        lambda: read_yaml(path, InputError),
        lambda: load_recipe(str(path)),
        lambda: SimulationRecipe.read(path),
    ):
        with pytest.raises(InputError, match=re.escape(words)) as error:
            read()
        assert len(str(error.value)) <= 300


@pytest.mark.parametrize("text", ["*.h5", "[*.h5]", "*h5", "[ab]*.h5", "{a,b}.h5", "[0-9]/*.h5"])
def test_a_glob_without_quotes_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(f"study: one\nscans:\n  files: {text}\n", encoding="utf-8")
    with pytest.raises(
        FileFormatError, match=r"\(line 3: .*; a text that begins with \*, \[ or { is to be in quotes\); mend it\.$"
    ):
        read_yaml(path)


def test_another_mistake_is_no_matter_of_quotes(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    for text in ("a: [1, 2]]\n", "a: b\n c: d\n", "a: [1\n"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(FileFormatError) as error:
            read_yaml(path)
        assert "quotes" not in str(error.value)


def test_aliases_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("\ufeffranges: &r [4, 8]\nothers: {again: *r}\n", encoding="utf-8")
    assert read_yaml(path) == {"ranges": [4, 8], "others": {"again": [4, 8]}}
    path.write_text("")
    assert read_yaml(path) is None


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000, b"9" * 5000])
def test_json_that_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "case.json"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="case.json cannot be read as JSON"):
        read_json(path)


def test_settings_are_named_by_words() -> None:
    check_names({"a": [{"b": 1}], "c": {}}, "plan.yaml")
    for value in ({1: 2}, {"a": [{None: 1}]}, [[{True: 0}]]):
        with pytest.raises(
            FileFormatError, match=r"plan.yaml names a setting (1|None|True); settings are named by words"
        ):
            check_names(value, "plan.yaml")
