from pathlib import Path
from typing import Any

import pytest

from helpers.reading import LESION, PAIRS, QUALITY, VOLUMES, plan
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reader_studies.plan import read_plan

BOX = {"shapes": [{"kind": "box", "row": 1, "column": 2, "height": 1, "width": 1}]}
ONE = {"id": "c0", "saved": "c0", "patient": "p"}
MEAN = {"question": "sharpness", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.5}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cases": [ONE, ONE]}, "c0 is there 2 times"),
        ({"cases": [{**ONE, "training": True}]}, "at least one has to be read"),
        ({"cases": [{**ONE, "saved": {"clean": "c0"}}]}, "name one for each arm"),
        (
            {"cases": [{**ONE, "saved": {"clean": ["a", "b"], "attacked": "c"}}]},
            "c0 has 2 slices for clean and 1 slice for attacked; name the same slices for each arm",
        ),
        ({"cases": [{**ONE, "saved": []}]}, "saved is "),
        ({"cases": [{**VOLUMES[0], "place": BOX}]}, "has 3 slices, and a place does not say on which it is"),
        ({"cases": [{**VOLUMES[0], "place": {**BOX, "slice": 3}}]}, "has 3 slices, counted from 0, .* on slice 3"),
        ({"cases": [{**ONE, "place": {**BOX, "slice": 1}}]}, "has 1 slice, counted from 0, .* on slice 1"),
        ({"cases": [{**VOLUMES[0], "place": {"regions": 2 * [{**BOX, "slice": 1}]}}]}, "two regions on a slice"),
        ({"arms": [{"name": "a", "image": "clan"}]}, "it should be 'reference', 'clean'"),
        ({"questions": "opinions"}, "choose preference, ranking"),
        ({"questions": PAIRS, "arms": [{"name": "a", "image": "clean"}]}, "compares 2 to 4 arms, and the plan has 1"),
        ({"questions": [*PAIRS, QUALITY]}, "ask them in two studies"),
        ({"questions": [{**QUALITY, "id": "comment"}]}, "comment is stored under this name"),
        ({"questions": [{**QUALITY, "reference": True}, LESION[0]]}, "beside the reference come last"),
        ({"design": {"repeats": 7}}, "7 repeats are more than the 6 cases"),
        ({"design": {"sittings": "separate", "washout_days": 7}}, "say why in washout_reason"),
        ({"design": {"readers": 3, "kind": "split-plot", "groups": 2}}, "cannot be divided into 2 equal groups"),
        ({"design": {"kind": "split-plot"}}, "at least 2 groups"),
        ({"schema_version": 2}, "update the software"),
        ({"arm": 1}, "no setting that is known"),
        (
            {"endpoint": {"question": "sharpness", "measure": "auc", "arms": ["clean", "attacked"], "margin": 0.05}},
            "auc cannot be measured by the question sharpness; choose mean, visual-grading or interchangeability",
        ),
        (
            {"endpoint": {"question": "x", "measure": "mean", "arms": ["clean", "attacked"], "margin": 0.05}},
            "the endpoint's question is 'x', which the plan does not ask; choose sharpness",
        ),
        (
            {"questions": "quality", "endpoint": {**MEAN, "question": "quality"}},
            "is 'quality', which the plan does not ask; choose artifacts, sharpness or contrast-to-noise",
        ),
        (
            {"endpoint": {**MEAN, "arms": ["clean", "atacked"]}},
            "arm 'atacked' is none of the plan's; choose two of clean, ",
        ),
        (
            {"endpoint": {**MEAN, "arms": ["clean", "clean"]}},
            "compares clean with itself; choose two of clean, attacked",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan(**changes)


def test_an_endpoint_on_lesions_needs_the_truth_of_each_case() -> None:
    endpoint = {"question": "lesion", "measure": "auc", "arms": ["clean", "attacked"], "margin": 0.05}
    assert plan(questions=LESION, endpoint=endpoint).endpoint is not None
    with pytest.raises(InputError, match="add lesion: true or lesion: false"):
        plan(questions=LESION, endpoint=endpoint, cases=[ONE])


@pytest.mark.parametrize(
    ("patient", "taken"), [("12", "12"), ("007", "7"), ("no", "False"), ("2024-05-01", "2024-05-01")]
)
def test_a_patient_that_yaml_takes_for_no_text_is_told_to_be_quoted(tmp_path: Path, patient: str, taken: str) -> None:
    path = tmp_path / "plan.yaml"
    text = (
        "title: t\narms: [{name: clean, image: clean}]\nquestions: quality\ncases: [{id: a, saved: c0, patient: %s}]\n"
    )
    path.write_text(text % patient, encoding="utf-8")
    with pytest.raises(InputError, match=rf"line 4.*takes the patient for {taken}, .*write it in quotes"):
        read_plan(path)
    path.write_text(text % f"'{patient}'", encoding="utf-8")
    assert read_plan(path).cases[0].patient == patient


def test_a_case_may_have_several_lesions() -> None:
    one, other = ROI.box(1, 2, 3, 4), ROI.box(9, 9, 3, 3)
    places = [(), ({0: one},), ({0: one}, {0: other})]
    for given, found in zip((None, one, [one, other]), places, strict=True):
        values = (
            given if given is None or isinstance(given, ROI) else [place.model_dump(mode="json") for place in given]
        )
        assert plan(cases=[{**ONE, "place": values}]).cases[0].places == found


def test_a_case_of_several_slices_says_which_of_them_show_a_lesion() -> None:
    regions = {"regions": [{**BOX, "slice": at} for at in (0, 1)]}
    case = plan(cases=[{**VOLUMES[0], "place": [{**BOX, "slice": 2}, regions]}]).cases[0]
    assert (case.slices, case.folders("clean")) == (3, ("c0", "c1", "c2"))
    assert [sorted(place) for place in case.places] == [[2], [0, 1]]
    assert case.model_validate(case.model_dump(mode="json")) == case
    assert case.model_copy(update={"saved": {"clean": ("a",), "attacked": "b"}}).folders("attacked") == ("b",)


def test_a_wrong_question_of_the_endpoint_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "title: t\narms: [{name: clean, image: clean}, {name: x, image: random}]\nquestions: quality\n"
        "cases: [{id: a, saved: c0, patient: p}]\nendpoint:\n"
        "  measure: mean\n  question: lesion\n  arms: [clean, x]\n  margin: 0.1\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=r"plan\.yaml, line 7: the endpoint's question is 'lesion', which"):
        read_plan(path)


def test_one_question_of_a_step_is_answered_by_clicks(tmp_path: Path) -> None:
    """The reader who had seen a lesion could never mark it for the second question, nor go on."""
    path, lesion, marks = tmp_path / "plan.yaml", "id: a, kind: lesion, text: A", "id: b, kind: free-response, text: B"
    for questions, refused in (
        (f"{{{lesion}}}, {{{marks}}}", True),
        (f"{{{lesion}, place: false}}, {{{marks}}}", False),
        (f"{{{lesion}}}, {{{marks}, reference: true}}", False),
    ):
        path.write_text(
            "title: t\narms: [{name: clean, image: clean}, {name: x, image: random}]\n"
            f"questions: [{questions}]\ncases: [{{id: a, saved: c0, patient: p}}]\n",
            encoding="utf-8",
        )
        if refused:
            with pytest.raises(InputError, match=r"plan\.yaml, line 3: a and b are answered by clicks on the same"):
                read_plan(path)
        else:
            assert len(read_plan(path).questions) == 2


def test_the_name_of_a_questionnaire_stands_for_its_questions() -> None:
    made = plan(questions="quality")
    assert [question.id for question in made.questions] == ["artifacts", "sharpness", "contrast-to-noise"]
    assert "doi:" in made.questionnaire


def test_a_file_that_is_no_plan_is_said(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("- a\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match="no plan of a reader study"):
        read_plan(path)
    path.write_text("title: [", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"line \d+"):
        read_plan(path)


def test_a_place_without_a_lesion_is_refused() -> None:
    with pytest.raises(InputError, match="c1 has lesion: false, and place says where one is; take one of the two out"):
        plan(cases=[{"id": "c1", "saved": "c1", "patient": "p1", "lesion": False, "place": BOX}])
    assert plan(cases=[{"id": "c1", "saved": "c1", "patient": "p1", "lesion": True, "place": BOX}]).cases[0].places


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{id: b, saved: c1}", r"plan\.yaml, line 6, b: patient is missing"),
        ("{id: b, saved: c1, patient: p, lesion: maybe}", r"plan\.yaml, line 6, b: lesion is 'maybe'"),
        ("{id: b, saved: c1, patient: p,\n     places: 3}", r"plan\.yaml, line 7, b: places is no setting"),
        ("{id: b, saved: {clean: c1}, patient: p}", r"plan\.yaml, line 6: b names folders for clean"),
    ],
)
def test_what_does_not_fit_a_case_is_told_with_its_line(tmp_path: Path, entry: str, words: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "title: t\narms: [{name: clean, image: clean}, {name: x, image: random}]\nquestions: lesion\ncases:\n"
        f"  - {{id: a, saved: c0, patient: p}}\n  - {entry}\n",
        encoding="utf-8",
    )
    with pytest.raises(InputError, match=words):
        read_plan(path)
