import os
import sys
from pathlib import Path

import pytest

from helpers.reading import PAIRS, QUALITY, VOLUMES, case_of, plan, under_another_mask
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reader_studies.plan import read_plan
from napari_recon_robust.reader_studies.planning import described, load, new_plan
from napari_recon_robust.reader_studies.questions import QUESTIONNAIRES


@pytest.mark.parametrize("questions", QUESTIONNAIRES)
def test_a_first_plan_can_be_read(cases: Path, tmp_path: Path, questions: str) -> None:
    made = read_plan(new_plan([cases / "c0", cases / "c1"], tmp_path / "plan.yaml", questions))
    assert [tmp_path / case.folders("clean")[0] for case in made.cases] == [cases / "c0", cases / "c1"]
    assert made.questions == QUESTIONNAIRES[questions][1]


@pytest.mark.parametrize("questions", QUESTIONNAIRES)
def test_the_endpoint_of_a_first_plan_fits_its_questions(cases: Path, tmp_path: Path, questions: str) -> None:
    path = new_plan([cases / "c0", cases / "c1"], tmp_path / "plan.yaml", questions)
    text = path.read_text(encoding="utf-8").replace("# endpoint:", "endpoint:")
    path.write_text(text.replace("source: unknown", "lesion: true"), encoding="utf-8")
    made = read_plan(path)
    assert made.endpoint is not None
    assert made.endpoint.question == made.questions[0].id
    assert f"is one of: {', '.join(question.id for question in made.questions)}." in text


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (("tumour-10", "no"), ["tumour-10", "no"]),
        (("a/x", "b/x"), ["case-1", "case-2"]),
        (("x", "Y 1"), ["case-1", "case-2"]),
    ],
)
def test_a_case_is_called_like_its_folder_if_that_can_be(
    tmp_path: Path, names: tuple[str, ...], ids: list[str]
) -> None:
    """Where a shell sorts case-10 before case-2, numbers of their own would call each by the name of another."""
    folders = [save_case(case_of(number), tmp_path / name) for number, name in enumerate(names)]
    assert [case.id for case in read_plan(new_plan(folders, tmp_path / "plan.yaml")).cases] == ids


def test_cases_of_one_slice_begin_as_one_patient(cases: Path, tmp_path: Path) -> None:
    save_case(under_another_mask(case_of(0)), tmp_path / "masked")
    made = read_plan(new_plan([cases / "c0", cases / "c1", tmp_path / "masked"], tmp_path / "plan.yaml"))
    assert [case.patient for case in made.cases] == ["patient-1", "patient-2", "patient-1"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_case_whose_name_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    case = save_case(case_of(0), tmp_path / os.fsdecode(b"sch\xe4del"))
    with pytest.raises(
        InputError, match="the name of sch\N{REPLACEMENT CHARACTER}del or of its folder is not in UTF-8"
    ):
        new_plan([case], tmp_path / "plan.yaml")
    assert not (tmp_path / "plan.yaml").exists()


def test_bad_input_is_refused(cases: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    with pytest.raises(InputError, match="no case to read"):
        new_plan([], path)
    with pytest.raises(InputError, match="no questionnaire 'x'"):
        new_plan([cases / "c0"], path, "x")
    with pytest.raises(FileFormatError):
        new_plan([tmp_path], path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="exists already"):
        new_plan([cases / "c0"], path)


def test_a_plan_says_what_it_asks_of_a_reader() -> None:
    single = load(plan(design={"readers": 2, "repeats": 3}))
    assert (single.presentations, single.sittings, single.minutes) == (15, 1, 1.5)
    assert load(plan(questions=PAIRS)).presentations == 6
    two = load(plan(questions=[QUALITY, {**QUALITY, "id": "noise"}]))
    assert (two.presentations, two.minutes) == (12, 2.4)  # 6 seconds for each question
    found = described(plan())
    assert (found["cases"], found["with lesion"], found["without lesion"]) == (6, 3, 3)
    assert "slices of a case" not in found
    assert described(plan(cases=VOLUMES))["slices of a case"] == 3
