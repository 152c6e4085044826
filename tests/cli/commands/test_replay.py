from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from helpers.saved_cases import saved
from napari_recon_robust.cases.record import load_case, save_case
from napari_recon_robust.cli import cli


@pytest.mark.parametrize(
    ("code", "exit_code", "words"),
    [
        ({}, 1, "The words do not agree with the samples: sentence of result 1 differs."),
        ({"code": 64 * "0"}, 0, "the words may be chosen otherwise now (sentence of result 1 differs)."),
    ],
    ids=["this code", "other code"],
)
def test_another_sentence_fails_where_this_code_saved_the_case(
    tmp_path: Path, code: dict[str, str], exit_code: int, words: str
) -> None:
    case = load_case(saved(tmp_path, "noise-level"))
    recipe = case.recipe.model_copy(update={"versions": {**case.recipe.versions, **code}})
    results = [{**result, "sentence": "Nothing is lost."} for result in case.results]
    folder = save_case(replace(case, recipe=recipe, results=results), tmp_path / "resealed")
    replayed = CliRunner().invoke(cli, ["replay", str(folder)])
    assert replayed.exit_code == exit_code, replayed.output
    assert words in replayed.output
