"""The plan of a study: opened, made, edited, checked."""

from pathlib import Path

import pytest
import yaml

from helpers.plans import PLAN
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.planning import Planning


@pytest.fixture
def path(plan: Path) -> Path:
    return plan


@pytest.fixture
def planning() -> Planning:
    return Workbench().planning


def test_a_plan_is_opened_edited_and_checked(planning: Planning, path: Path) -> None:
    heard: list[str] = []
    planning.opened.connect(lambda: heard.append("opened"))
    planning.changed.connect(lambda: heard.append("changed"))
    with pytest.raises(InputError, match="no plan is open"):
        planning.check()
    planning.open(path).run()
    assert (planning.text, planning.edited, heard) == (PLAN, False, ["opened", "changed"])
    assert planning.results == path.with_suffix(".results")
    planning.check().run()
    assert planning.checked is not None
    assert planning.checked.extent is not None
    assert planning.checked.extent.trials == 3
    planning.appraise().run()
    assert planning.estimate is not None
    assert "on one worker" in planning.estimate.sentence

    planning.edit(PLAN.replace("zero-filled", "nonsense").replace("random", "noise"))
    assert planning.checked is None
    assert planning.estimate is None
    assert path.read_text() == PLAN, "it is written when it is checked"
    planning.check().run()
    assert not planning.checked.good
    assert [one.line for one in planning.checked.mistakes] == [6, 7]
    assert path.read_text() == planning.text
    planning.edit("a: [")
    planning.check().run()
    assert "line 1" in planning.checked.fault or "line 2" in planning.checked.fault
    planning.edit(PLAN.replace("head.h5", "other.h5"))
    planning.check().run()
    (mistake,) = planning.checked.mistakes
    assert "matches no file" in mistake.sentence
    assert "other.h5" in planning.text.splitlines()[mistake.line - 1]


def test_a_check_of_an_older_text_is_dropped(planning: Planning, path: Path) -> None:
    planning.open(path).run()
    task = planning.check()
    planning.edit(PLAN + "# more\n")
    task.run()
    assert planning.checked is None
    assert planning.edited


def test_code_of_a_plan_is_run_only_if_it_is_trusted(planning: Planning, path: Path) -> None:
    (path.parent / "own.py").write_text(
        "import torch\n\ndef reconstruct(kspace, mask, sensitivities):\n"
        "    return torch.zeros(kspace.shape[-2:], dtype=torch.complex64)\n"
    )
    path.write_text(PLAN.replace("zero-filled", "own.py"))
    planning.open(path).run()
    planning.check().run()
    assert "runs code" in planning.checked.mistakes[0].sentence
    planning.allow(True)
    planning.check().run()
    assert planning.checked.good
    planning.open(path).run()
    assert not planning.trust, "another plan, or the same again, is not trusted"


def test_what_was_edited_is_not_lost_to_another_plan(planning: Planning, path: Path) -> None:
    planning.open(path).run()
    planning.edit(PLAN + "# more\n")
    for other in (
        lambda: planning.open(path.with_name("other.yaml")),
        lambda: planning.begin(path.with_name("new.yaml")),
        lambda: planning.demonstrate(path.parent),
        lambda: planning.draft(path.with_name("draft.yaml")),
    ):
        with pytest.raises(InputError, match="was edited and is not written"):
            other()
    planning.open(path).run()
    assert planning.text == PLAN, "opened again it is as it was"


def test_plans_are_made(planning: Planning, tmp_path: Path) -> None:
    planning.begin(tmp_path / "new.yaml").run()
    assert planning.path == tmp_path / "new.yaml"
    assert "methods:" in planning.text
    assert (tmp_path / "study.schema.json").exists()
    with pytest.raises(InputError, match="is there already"):
        planning.begin(tmp_path / "new.yaml").run()
    planning.demonstrate(tmp_path).run()
    assert planning.path == tmp_path / "demo.yaml"
    with pytest.raises(InputError, match="no scan is open"):
        planning.draft(tmp_path / "mine.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no text"):
        planning.open(tmp_path / "image.yaml").run()


def test_the_beginning_of_a_plan_is_made_from_the_review_and_has_no_mistake(bench: Workbench, tmp_path: Path) -> None:
    bench.perturbing.choose("worst-case", steps=2)
    bench.planning.draft(tmp_path / "mine.yaml").run()
    assert yaml.safe_load(bench.planning.text)["study"] == "mine"
    bench.planning.check().run()
    assert bench.planning.checked is not None
    assert bench.planning.checked.good, bench.planning.checked
