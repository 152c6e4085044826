import pickle
from pathlib import Path
from typing import Any

import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.studies.mistakes import PlanError
from napari_recon_robust.studies.plan import (
    Masks,
    Plan,
    Slices,
    brings_code,
    read_plan,
    schema,
    settings,
)

TEXT = """\
study: mistaken
scans: head.h5
slices: {take: some}
masks:
  - {acceleration: [2, 0.5]}
methods:
  - tv
  - method: tvv
  - method: tv
    knobs:
      weight: [1e-3, 7]
perturbations:
  - kind: worst-case
  - {kind: rotation, knobs: {turn: 3}}
metric: [ssim]
"""


def mistakes(path: Path, **options: Any) -> dict[int, str]:
    with pytest.raises(PlanError) as caught:
        read_plan(path, **options)
    return {one.line: one.sentence for one in caught.value.mistakes}


def test_every_mistake_comes_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(TEXT, encoding="utf-8")
    found = mistakes(path)
    assert sorted(found) == [3, 5, 8, 11, 13, 14, 15]
    assert "tvv" in found[8]
    assert "weight is 7" in found[11]
    assert "needs budgets" in found[13]
    assert "no knob 'turn'" in found[14]
    assert "no setting that is known here" in found[15]
    with pytest.raises(InputError, match=r"plan.yaml, line 3.*and 6 more") as caught:
        read_plan(path)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_what_does_not_fit_is_told_once_and_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(
        "study: mistaken\n"
        "scans: {files: head.h5, where: {coils: {min: many}}}\n"
        "regions: [{kind: circle}]\n"
        "masks: acquired\n"
        "methods: [{method: tv, knobs: {weight: }}]\n"
        "keep: 3\n"
        "threads: two\n"
        "control: maybe\n",
        encoding="utf-8",
    )
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    assert list(map(str, caught.value.mistakes)) == [
        "line 2, scans, where, coils, min: 'many' does not fit: it should be a number.",
        "line 3, regions, 1: there is no kind 'circle'; choose one of 'image', 'annotations', 'drawn', 'grid', "
        "'fragile', 'lesions'.",
        "line 5, methods, 1, knobs, weight: None does not fit: it should be a number.",
        "line 6, keep: 3 does not fit: it should be settings, each as `name: value`.",
        "line 7, threads: 'two' does not fit: it should be a whole number.",
        "line 8, control: 'maybe' does not fit: it should be true or false.",
    ]


def test_mistakes_of_one_line_stand_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("study: s\nscans: head.h5\nmasks: acquired\nmethods: [tvv, tv, hqq, 3]\n", encoding="utf-8")
    with pytest.raises(PlanError) as caught:
        read_plan(path)
    assert [one.where for one in caught.value.mistakes if one.line == 4] == ["methods, 1", "methods, 3", "methods, 4"]


def test_a_single_part_needs_no_list(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    parts = (
        "regions: image\nmasks: acquired\nmethods: tv\nperturbations: {kind: random, budgets: 0.01}\nmetrics: ssim\n"
    )
    path.write_text(f"study: short\nscans: head.h5\n{parts}", encoding="utf-8")
    plan = read_plan(path)
    assert (plan.masks[0].pattern, plan.methods[0].method, plan.metrics) == ("acquired", "tv", ("ssim",))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"methods": ["tv", {"method": "tv", "knobs": {"weight": [0.002]}}]}, "comes twice"),
        ({"methods": [{"method": "tv", "knobs": {"weight": [0.002, "2e-3"]}}]}, "comes twice"),
        ({"perturbations": [{"kind": "random", "budgets": [0.01, 0.01]}]}, "comes twice"),
        ({"masks": [{"acceleration": [4, 8]}, {"acceleration": 8}]}, "comes twice"),
        ({"seeds": [1, 1]}, "comes twice"),
        ({"perturbations": [{"kind": "random", "budgets": [0.01], "seeds": [1, 1]}]}, "comes twice"),
        (
            {
                "methods": [{"method": "tv", "label": "TV"}],
                "perturbations": [{"kind": "worst-case", "budgets": [0.01], "found_on": ["tv", "TV"]}],
            },
            "comes twice",
        ),
        ({"regions": [{"kind": "drawn", "boxes": ["1,2,3,4", "1,2,3,4"]}]}, "comes twice"),
        ({"regions": [{"kind": "lesions", "contrasts": [0.2, 0.2]}]}, "comes twice"),
        ({"regions": [{"kind": "lesions", "diameters": [8, 8.0]}]}, "comes twice"),
        ({"device": "gpu"}, "there is no device 'gpu'; choose auto, cpu, cuda"),
        ({"methods": [{"method": "posterior", "knobs": {"show": "deviation"}}]}, "ask for a map"),
        ({"perturbations": [{"kind": "nonsense"}]}, "there is no perturbation 'nonsense'"),
        ({"perturbations": [{"kind": "rotation", "budgets": [0.1]}]}, "has no budget"),
        ({"perturbations": [{"kind": "random", "budgets": [0.1], "knobs": {"seed": 3}}]}, "set by the plan's seeds"),
        ({"regions": [{"kind": "drawn"}]}, "boxes or a file"),
        ({"regions": [{"kind": "drawn", "boxes": ["1,2,3"]}]}, "four whole numbers"),
        ({"scans": {"files": "*.h5", "where": {"colour": "red"}}}, "no field 'colour'"),
        ({"scans": {"files": "*.h5", "volume": "patient"}}, "there is no table"),
        ({"masks": [{"pattern": "spiral"}]}, "choose one of"),
        ({"perturbations": [{"kind": "fnaf", "found_on": ["tv"]}]}, "'tv' is not one method of the plan"),
        (
            {
                "methods": [{"method": "tv", "knobs": {"weight": [0.001, 0.002]}}],
                "perturbations": [{"kind": "fnaf", "found_on": "tv"}],
            },
            "at one setting",
        ),
        ({"perturbations": [{"kind": "noise-level", "found_on": "zero-filled"}]}, "searches for nothing"),
        ({"perturbations": [{"kind": "none", "seeds": [1]}]}, "changes nothing"),
        ({"seeds": ["a\nb" * 5000]}, "…"),
    ],
)
def test_what_cannot_be_run_is_refused(write_plan, parts: dict[str, Any], sentence: str) -> None:
    found = mistakes(write_plan(**parts))
    assert any(sentence in one for one in found.values()), found
    assert all(len(one) < 600 and "\n" not in one for one in found.values())


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({}, False),
        ({"methods": ["tv", "unet.pt"]}, False),
        ({"methods": [{"method": "package.module:function"}]}, True),
        ({"methods": ["bart:pics {kspace} {image}"]}, True),
        ({"regions": [{"kind": "fragile", "count": 1, "side": 8, "method": "mine.py"}]}, True),
        ({"slices": {"take": "all", "filter": {"proxy": "mine.py", "count": 1}}}, True),
    ],
)
def test_a_plan_with_code_is_told_without_opening_it(write_plan, parts: dict[str, Any], code: bool) -> None:
    assert brings_code(write_plan(**parts)) == code


def test_a_plan_that_runs_code_needs_trust(write_plan, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise RuntimeError('this code was run')\n", encoding="utf-8")
    path = write_plan(methods=["mine.py:model"])
    assert "give --trust" in next(iter(mistakes(path).values()))
    assert "this code was run" in str(mistakes(path, trust=True))


def test_yaml_that_is_no_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("- 1\n", encoding="utf-8")
    with pytest.raises(InputError, match="holds no plan"):
        read_plan(path)


def test_slices_of_a_scan() -> None:
    assert Slices().of(7, []) == [3]
    assert Slices(take="all").of(3, []) == [0, 1, 2]
    assert Slices(take="annotated").of(5, [4, 1, 9, 1]) == [1, 4]
    assert Slices(take="spaced", count=2).of(8, []) == [2, 6]
    assert Slices(numbers=(5, 1, 20)).of(8, []) == [1, 5]


def test_masks_have_every_acceleration_and_seed() -> None:
    masks = [one for one in Masks(acceleration=(4, 8), seeds=(0, "file")).samplings("a.h5") if one is not None]
    assert [(one.acceleration, one.centre_fraction, one.seed) for one in masks] == [
        (4, 0.08, 0),
        (4, 0.08, "a.h5"),
        (8, 0.04, 0),
        (8, 0.04, "a.h5"),
    ]
    assert Masks(pattern="acquired").samplings("a.h5") == [None]


def test_settings_are_all_combinations() -> None:
    assert list(settings({"a": (1, 2), "b": (3,)})) == [{"a": 1, "b": 3}, {"a": 2, "b": 3}]
    assert list(settings({})) == [{}]


def test_the_schema_knows_every_part() -> None:
    found = schema()
    assert set(found["properties"]) == set(Plan.model_fields)
    assert "MethodPart" in found["$defs"]


def test_a_search_may_come_with_other_seeds_and_for_other_methods(write_plan) -> None:
    """The transfer between methods is compared with what each of them suffers by its own search."""
    own = {"kind": "worst-case", "budgets": [0.01]}
    path = write_plan(perturbations=[own, {**own, "seeds": [1]}, {**own, "found_on": ["zero-filled"]}])
    assert len(read_plan(path).perturbations) == 3
