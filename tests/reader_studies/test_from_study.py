"""Cases of a study's results, in place of a list of cases."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers.reading import QUALITY, case_of
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.bundle import Bundle
from napari_recon_robust.reader_studies.freezing import freeze
from napari_recon_robust.reader_studies.plan import Plan, read_plan
from napari_recon_robust.reader_studies.planning import new_plan
from napari_recon_robust.studies.store import VERSION, Store
from napari_recon_robust.studies.table import columns

pytest.importorskip("polars")

ARMS = {"unet": {"method": "unet"}, "tv": {"method": "tv"}}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two methods on three lesions of three scans; the U-Net's trial on the third one is not saved."""
    folder = tmp_path / "plan.results"
    folder.mkdir()
    (folder / "store.json").write_text(json.dumps({"version": VERSION, "study": "one"}))
    store = Store(folder, columns())
    for number in range(3):
        for method in ("unet", "tv"):
            trial = f"{number}{method}".ljust(64, "0")
            row = {
                "trial": trial, "scan": f"s{number}.h5", "volume": f"patient {number}", "slice": 0, "region": "l1",
                "region_kind": "lesions", "method": method, "budget": 0.01, "mask": "equispaced", "mask_seed": "0",
                "ssim_region_perturbed": 0.9 - 0.1 * number,
            }  # fmt: skip
            store.add("shard", "attempt", row)
            if (number, method) != (2, "unet"):
                save_case(case_of(number), folder / "cases" / trial[:16])
    store.publish("shard", "attempt")
    return folder


def opened(folder: Path, cases: Any, **changes: Any) -> Plan:
    values = {
        "title": "A study",
        "arms": [{"name": "unet", "image": "clean"}, {"name": "tv", "image": "clean"}],
        "questions": [QUALITY],
        "cases": cases,
    }
    path = folder / "reading.yaml"
    path.write_text(yaml.safe_dump({**values, **changes}), encoding="utf-8")
    return read_plan(path)


def test_the_place_of_an_inserted_feature_is_its_own_and_not_the_region_that_was_searched(
    tmp_path: Path, results: Path
) -> None:
    """It was the plan's region, which is the whole image where the plan names none."""
    case, feature = case_of(0), ROI.box(3, 4, 5, 6)
    whole = ROI.box(0, 0, *case.matrix, label="whole image")
    inserted = [{**case.results[0], "roi": feature.model_dump(mode="json")}, *case.results[1:]]
    for folder in (results / "cases").iterdir():
        shutil.rmtree(folder)
        save_case(replace(case, roi=whole, results=inserted), folder)
    entry = {"study": "plan.results", "where": {"method": "tv", "region": "l1"}, "most": 1}
    plan = opened(tmp_path, entry)
    assert plan.cases[0].source == "simulation"
    assert [place[0].shapes for place in plan.cases[0].places] == [feature.shapes]
    freeze(plan, tmp_path / "frozen", tmp_path)
    other = [{**one, "roi": ROI.box(9, 9, 4, 4).model_dump(mode="json")} for one in case.results]
    folders = sorted((results / "cases").iterdir())
    for folder in folders:
        shutil.rmtree(folder)
        save_case(replace(case, roi=whole, results=inserted if folder.name.startswith("0tv") else other), folder)
    compared = {"study": "plan.results", "where": {"region": "l1"}, "arms": ARMS}
    for found in opened(tmp_path, compared).cases:
        expected = [] if "case-0" in found.id else [ROI.box(9, 9, 4, 4).shapes]
        assert [place[0].shapes for place in found.places] == expected, "each arm has its own"
    shutil.rmtree(folders[0])
    save_case(replace(case, roi=whole), folders[0])
    named = {
        "id": "a",
        "saved": str(folders[0]),
        "patient": "p",
        "lesion": True,
        "place": whole.model_dump(mode="json"),
    }
    freeze(opened(tmp_path, [named]), tmp_path / "no click", tmp_path)
    with pytest.raises(InputError, match="has the whole image for the place of a lesion; give the lesion's own region"):
        freeze(opened(tmp_path, [named], questions="free-response"), tmp_path / "again", tmp_path)


def test_the_worst_cases_come_first_with_their_truth_and_patient(tmp_path: Path, results: Path) -> None:
    plan = opened(tmp_path, {"study": "plan.results", "where": {"method": "tv", "budget": 0.01}, "most": 2})
    assert [case.patient for case in plan.cases] == ["patient 2", "patient 1"]
    assert [case.saved for case in plan.cases] == [f"plan.results/cases/{number}tv".ljust(35, "0") for number in (2, 1)]
    assert all(case.lesion and case.places and case.source == "simulation" for case in plan.cases)
    assert len(Bundle(freeze(plan, tmp_path / "study", tmp_path)).shown) == 2 * 2 * 4


def test_methods_are_compared_where_each_arm_has_a_case(tmp_path: Path, results: Path) -> None:
    plan = opened(tmp_path, [{"study": "plan.results", "arms": ARMS}])
    assert [case.patient for case in plan.cases] == ["patient 1", "patient 0"]
    assert {Path(plan.cases[0].folders(arm)[0]).name.rstrip("0") for arm in ARMS} == {"1unet", "1tv"}


def test_a_study_stands_beside_other_cases(tmp_path: Path, results: Path) -> None:
    other = {"id": "other", "saved": "elsewhere", "patient": "p"}
    plan = opened(tmp_path, [other, {"study": "plan.results", "where": {"method": ["tv"]}, "training": True}])
    assert [case.training for case in plan.cases] == [False, True, True, True]


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ({"study": "nowhere"}, "holds no results of a study yet"),
        ({"study": "plan.results", "where": {"methods": "tv"}}, "no column 'methods'; it has, for instance, method"),
        ({"study": "plan.results", "where": {"method": "dip"}}, "has saved no case for which method is dip"),
        (
            {"study": "plan.results", "arms": {"unet": {}, "tv": {"method": "tv"}}},
            "several saved cases for the arm unet",
        ),
        ({"study": "plan.results", "which": 1}, "which"),
    ],
)
def test_what_cannot_be_found_is_said(tmp_path: Path, results: Path, study: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        opened(tmp_path, study)


def test_a_study_that_has_saved_nothing_says_what_to_do(tmp_path: Path, results: Path) -> None:
    (results / "cases").rename(tmp_path / "away")
    with pytest.raises(InputError, match="add keep"):
        opened(tmp_path, {"study": "plan.results"})


def test_a_new_plan_names_the_study(tmp_path: Path, results: Path) -> None:
    path = new_plan([results], tmp_path / "new.yaml", "quality")
    assert "{study: 'plan.results', most: 12}" in path.read_text(encoding="utf-8")
    assert len(read_plan(path).cases) == 5
