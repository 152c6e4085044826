import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from helpers.saved_cases import COLUMNS, ROI_BOX, compared, saved, slice_of
from napari_recon_robust.cases.checks import MEASURES, Check
from napari_recon_robust.cases.making import CODE, make_case
from napari_recon_robust.cases.record import Case, load_case, save_case
from napari_recon_robust.cases.replay import Replay, _difference, measurement_of, recalled, replay
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.reconstructors import registry as reconstructors
from napari_recon_robust.reconstructors.classical.zero_filled import ZeroFilled


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("worst-case", {"method": "zero-filled"}),
        ("worst-case", {"method": "cg-sense", "seed": 3}),
        ("worst-case", {"method": "cg-sense", "sensitivities": "kept"}),
        ("worst-case", {"full": False}),
        ("worst-case", {"algorithm": "advrec"}),
        ("random", {"seed": 2}),
        ("fnaf", {"row": 24.0, "column": 27.0}),
        ("fnaf", {"full": False, "row": 24.0, "column": 27.0}),
        ("rotation", {"method": "cg-sense", "shift": 1.0, "scale": 2.0, "step": 2.0}),
        ("rotation", {"full": False, "step": 2.0}),
        ("other-mask", {"method": "cg-sense", "other_centre": 0.3}),
        ("other-mask", {"other_pattern": "poisson-disc", "other_centre": 0.3}),
        ("rotation", {"step": 2.0, "voxel": (1.5, 1.0, 3.0)}),
        ("motion", {"seed": 1}),
        ("motion", {"voxel": (1.5, 1.0, 3.0)}),
        ("worst-case", {"padded": True, "method": "cg-sense", "sensitivities": "kept"}),
        ("worst-case", {"padded": True, "full": False, "method": "cg-sense"}),
    ],
)
def test_a_saved_case_is_reproduced_from_its_samples_alone(tmp_path, kind, options):
    folder = saved(tmp_path, kind, **options)
    again = progress.run(replay(folder))
    assert again.reproduced, again.summary()
    assert again.difference <= 1e-6
    assert not again.changes
    stored = load_case(folder).results
    for new, old in zip(again.outcomes, stored, strict=True):
        computed = json.loads(json.dumps(new.to_json(), allow_nan=False))
        assert computed["budget"]["achieved"] == pytest.approx(old["budget"]["achieved"], rel=1e-6)
        assert computed["sentence"] == old["sentence"]
        assert computed.keys() <= old.keys()
    assert "reproduced" in again.summary()
    assert ("exactly" in again.summary()) is (again.difference == 0)


@pytest.mark.parametrize("covered", [True, False, None])
def test_what_a_given_calibration_says_of_the_noise_comes_back(tmp_path, covered):
    one = slice_of(full=True)
    found = replace(one, kept=replace(one.calibration, noise_covered=covered))
    method = reconstructors.get("zero-filled")
    perturbed = progress.run(perturbations.get("random").run(found, method, ROI_BOX, (0.02,)))
    case = make_case(found, method, ROI_BOX, progress.run(evaluate(found, method, ROI_BOX, perturbed)))
    again = measurement_of(load_case(save_case(case, tmp_path / "case")))
    assert again.kept is not None
    assert again.kept.noise_covered is covered


@pytest.mark.parametrize("full", [True, False], ids=["full", "undersampled"])
def test_a_case_of_an_earlier_version_is_reproduced_with_gaps_where_nothing_is_measured(tmp_path, full):
    """A partial echo was one of points then, with sensitivities on all rows of the readout."""
    one = slice_of(full=full, padded=True)
    gaps = replace(one, acquired=torch.ones(1, COLUMNS, dtype=torch.bool), kept=None)
    found = replace(gaps, kept=gaps.calibration)
    method = reconstructors.get("cg-sense")
    perturbed = progress.run(perturbations.get("random").run(found, method, ROI_BOX, (0.02,)))
    outcomes = progress.run(evaluate(found, method, ROI_BOX, perturbed))
    case = make_case(found, method, ROI_BOX, outcomes, perturbation="random")
    assert "acquired" not in case.kspace
    again = progress.run(replay(save_case(case, tmp_path / "case")))
    assert again.reproduced, again.summary()
    assert not any(check.fault for check in again.checks)


def test_a_case_holds_the_calibration_lines_that_were_measured_apart(tmp_path):
    one = slice_of(full=False)
    every = one.mask & (torch.arange(COLUMNS) % 2 == 0)
    apart = replace(one, kspace=one.kspace * every, mask=every, acs=3 * one.kspace, kept=None)
    method = reconstructors.get("cg-sense")
    perturbed = progress.run(perturbations.get("random").run(apart, method, ROI_BOX, (0.02,)))
    outcomes = progress.run(evaluate(apart, method, ROI_BOX, perturbed))
    folder = save_case(make_case(apart, method, ROI_BOX, outcomes, perturbation="random"), tmp_path / "case")
    again = progress.run(replay(folder))
    assert again.reproduced, again.summary()


def test_a_case_whose_images_are_doubted_is_reproduced(tmp_path):
    """One coil cannot unfold: that follows from the samples, and the perturbation does not say it."""
    four, method = slice_of(), reconstructors.get("zero-filled")
    one = replace(four, kspace=four.kspace[:1], full=four.full[:1])
    perturbed = progress.run(perturbations.get("noise-level").run(one, method, ROI_BOX, ()))
    outcomes = progress.run(evaluate(one, method, ROI_BOX, perturbed))
    case = make_case(one, method, ROI_BOX, outcomes, perturbation="noise-level")
    findings = case.results[0]["findings"]
    assert set(findings) == {"few_coils"}
    assert not faults(save_case(case, tmp_path / "case"))
    assert faults(resealed(case, tmp_path, results={"findings": {}})) == {
        "the perturbation": "findings of result 1 differs"
    }


@pytest.mark.slow
def test_the_attack_hurts_after_everything_is_estimated_again(tmp_path):
    results = load_case(saved(tmp_path, method="cg-sense")).results
    for result in results:
        change = result["stability"]
        assert change["perturbed"]["change"] > 2 * change["random"]["change"]
        assert result["perturbed"]["roi"]["nmse"] > result["clean"]["roi"]["nmse"]
        assert not result["warnings"]
    assert results[0]["perturbed"]["roi"]["nmse"] > results[1]["perturbed"]["roi"]["nmse"]


def test_what_was_tampered_with_shows(tmp_path):
    case = load_case(saved(tmp_path))
    results = [
        {**result, "clean": {**result["clean"], "roi": {"ssim": 0.9, "psnr": 40.0, "nmse": 0.1}}}
        for result in case.results
    ]
    again = progress.run(replay(replace(case, results=results)))
    assert not again.reproduced
    assert "differ" in again.summary()
    samples = {**case.kspace, "clean": 2 * case.kspace["clean"]}
    with pytest.raises(InputError, match="not those that the recipe"):
        progress.run(replay(replace(case, kspace=samples)))
    with pytest.raises(FileFormatError, match="holds no case"):
        progress.run(replay(tmp_path))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda measured: {"ssim": measured["ssim"]},
            "nmse was not computed then; the metric psnr was not computed then",
        ),
        (lambda measured: {**measured, "sharpness": 1.0}, "sharpness is not computed any more"),
    ],
)
def test_a_case_of_a_version_with_other_metrics_is_reproduced(tmp_path, change, words):
    case = load_case(saved(tmp_path))

    def of_then(result, places=(*MEASURES, "degradation")):
        return result | {part: {region: change(one) for region, one in result[part].items()} for part in places}

    again = progress.run(replay(replace(case, results=[of_then(result) for result in case.results])))
    assert again.reproduced, again.summary()
    assert f"What has changed: the metric {words}." in again.summary()


def test_metrics_that_were_taken_out_show(tmp_path):
    case = load_case(saved(tmp_path))
    first = case.results[0]["clean"]
    without_one = case.results[0] | {"clean": first | {"roi": {"ssim": first["roi"]["ssim"]}}}
    assert not progress.run(replay(replace(case, results=[without_one, *case.results[1:]]))).reproduced
    none = [result | {part: {key: {} for key in result[part]} for part in MEASURES} for result in case.results]
    assert not progress.run(replay(replace(case, results=none))).reproduced


def resealed(case: Case, folder: Path, *, results=None, recipe=None, images=None) -> Path:
    """The case with other values in every result, in its recipe and in its images, sealed like any other."""
    changed = replace(
        case,
        results=[result | (results or {}) for result in case.results],
        recipe=case.recipe.model_copy(update=recipe or {}),
        images={**case.images, **(images or {})},
    )
    return save_case(changed, folder / "resealed")


def faults(folder: Path, **options) -> dict[str, str]:
    again = progress.run(replay(folder, **options))
    assert again.reproduced == (not any(check.fault for check in again.checks) and again.difference <= 1e-6)
    assert all(check.fault in again.summary() for check in again.checks)
    return {check.part: check.fault for check in again.checks if check.fault}


@pytest.mark.slow
def test_an_image_or_a_word_that_was_changed_is_found(tmp_path):
    case = load_case(saved(tmp_path))
    brighter = case.images["perturbed"].copy()
    brighter[1, 5, 5] += 0.1 * brighter.max()
    found = faults(resealed(case, tmp_path / "image", images={"perturbed": brighter}))
    assert found == {"the images": "the image 'perturbed' is another one"}
    found = faults(resealed(case, tmp_path / "words", results={"statement": "Nothing was found."}))
    assert found == {"the words": "sentence of result 1 differs"}
    found = faults(resealed(case, tmp_path / "further", results={"data_range": 2 * case.results[0]["data_range"]}))
    assert found == {"the further results": "data range of result 1 differs"}


@pytest.mark.slow
def test_an_image_that_is_gone_is_found(tmp_path):
    case = load_case(saved(tmp_path))
    some = {name: image for name, image in case.images.items() if name != "perturbed"}
    assert faults(save_case(replace(case, images=some), tmp_path / "gone")) == {
        "the images": "the image 'perturbed' is missing"
    }
    found = faults(resealed(case, tmp_path / "none", images={"perturbed": case.images["perturbed"][:0]}))
    assert found == {"the images": "the image 'perturbed' is another one"}


@pytest.mark.slow
def test_what_earlier_code_measured_without_a_truth_is_no_fault(tmp_path):
    """Of an inserted feature on an undersampled scan, against the clean image."""
    case = load_case(saved(tmp_path, "fnaf", full=False, row=24.0, column=27.0))
    measured = {"ssim": 0.9, "psnr": 30.0, "nmse": 0.01}
    results = [
        one
        | {"perturbed": dict.fromkeys(one["clean"], measured), "degradation": one["degradation"] | {"roi": measured}}
        for one in case.results
    ]
    again = progress.run(replay(save_case(replace(case, results=results), tmp_path / "same")))
    assert not again.reproduced
    assert again.to_json()["difference"] is None
    versions = {**case.recipe.versions, CODE: "another"}
    older = replace(case, results=results, recipe=case.recipe.model_copy(update={"versions": versions}))
    again = progress.run(replay(save_case(older, tmp_path / "older")))
    assert again.reproduced
    assert "perturbed images whose truth is not known are not judged any more" in again.changes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ({"sampling": {"pattern": "random", "acceleration": 8.0, "seed": 7}}, "its pattern draws other lines"),
        ({"sampling": {"pattern": "spiral"}}, "there is no such pattern"),
        ({"acceleration": 8.0}, "the effective acceleration is another one"),
    ],
)
def test_a_source_with_another_sampling_is_found(tmp_path, source, fault):
    case = load_case(saved(tmp_path))
    assert faults(resealed(case, tmp_path / "wrong", recipe={"source": source})) == {"the sampling": fault}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("nominal", "recipe", "fault"),
    [
        (0.005, (0.005, 0.005), "the samples spend 2%, more than the 0.5% that it names"),
        (0.005, (0.02, 0.01), "the recipe names others than the results"),
        (None, (), "one of them is not named"),
    ],
)
def test_a_nominal_budget_that_was_changed_is_found(tmp_path, nominal, recipe, fault):
    case = load_case(saved(tmp_path))
    results = [result | {"budget": result["budget"] | {"nominal": nominal}} for result in case.results]
    folder = resealed(replace(case, results=results), tmp_path, recipe={"budgets": recipe})
    assert faults(folder) == {"the budgets": fault}


def test_what_was_spent_is_held_against_the_samples(tmp_path):
    case = load_case(saved(tmp_path, "motion"))
    budget = case.results[0]["budget"]
    spent = f"{100 * budget['achieved']:.3g}%"
    folder = resealed(case, tmp_path, results={"budget": budget | {"achieved": budget["achieved"] / 2}})
    assert faults(folder) == {"the budgets": f"the samples spend {spent} and the case says otherwise"}


@pytest.mark.slow
def test_knobs_that_were_changed_are_found(tmp_path):
    case = load_case(saved(tmp_path, "noise-level"))
    knobs = case.recipe.perturbation_knobs
    assert not faults(resealed(case, tmp_path / "same"))
    found = faults(resealed(case, tmp_path / "knob", recipe={"perturbation_knobs": knobs | {"factor": 3.0}}))
    assert found == {"the perturbation": "the recipe's knobs and budgets lead to other samples"}
    found = faults(resealed(case, tmp_path / "seed", recipe={"seed": 5}))
    assert found == {"the random controls": "they are not those of seed 5"}
    statement = "The thermal noise is half that of the scan."
    sentence = case.results[0]["sentence"].replace(case.results[0]["statement"], statement)
    found = faults(resealed(case, tmp_path / "words", results={"statement": statement, "sentence": sentence}))
    assert found == {"the perturbation": "statement of result 1 differs"}


@pytest.mark.slow
def test_a_search_is_repeated_where_it_is_asked_for(tmp_path):
    case = load_case(saved(tmp_path, steps=3))
    again = progress.run(replay(case))
    assert "Not checked, since the search was not repeated" in again.summary()
    again = progress.run(replay(case, search=True))
    assert again.reproduced
    assert "Not checked" not in again.summary()
    assert again.to_json()["checks"]["the perturbation"] == "agree"
    more = {"perturbation_knobs": case.recipe.perturbation_knobs | {"steps": 4}}
    folder = resealed(case, tmp_path, recipe=more)
    assert not faults(folder)
    assert faults(folder, search=True) == {"the perturbation": "the recipe's knobs and budgets lead to other samples"}
    results = [result | {"budget": result["budget"] | {"nominal": 0.1}} for result in case.results]
    folder = resealed(replace(case, results=results), tmp_path / "budget", recipe={"budgets": (0.1, 0.1)})
    assert faults(folder, search=True) == {"the perturbation": "the recipe's knobs and budgets lead to other samples"}
    folder = resealed(case, tmp_path / "early", results={"complete": False})
    assert "since the search was ended early" in progress.run(replay(folder, search=True)).summary()


@pytest.mark.parametrize(
    ("kind", "knobs", "other"),
    [
        ("fnaf", {"row": 24.0, "column": 27.0}, {"row": 20.0}),
        ("image-domain", {"insert": "symbol"}, {"size": 12.0}),
    ],
)
def test_what_is_placed_is_made_again_without_a_search(
    tmp_path: Path, kind: str, knobs: dict[str, Any], other: dict[str, Any]
) -> None:
    case = load_case(saved(tmp_path, kind, **knobs))
    again = progress.run(replay(case))
    assert again.reproduced
    assert "search" not in again.summary()
    folder = resealed(case, tmp_path, recipe={"perturbation_knobs": {**case.recipe.perturbation_knobs, **other}})
    assert faults(folder) == {"the perturbation": "the recipe's knobs and budgets lead to other samples"}


def test_rounding_that_spends_more_than_a_tiny_budget_is_no_fault(tmp_path: Path) -> None:
    case = load_case(saved(tmp_path, budgets=(1e-7,)))
    budget = {**case.results[0]["budget"], "nominal": 0.98e-7}
    assert not faults(resealed(case, tmp_path, results={"budget": budget}, recipe={"budgets": (0.98e-7,)}))


@pytest.mark.parametrize(
    ("part", "verb"), [("the perturbation", "does"), ("the sampling", "does"), ("the words", "do")]
)
def test_what_does_not_agree_is_told_in_a_sentence(part: str, verb: str) -> None:
    found = Replay(mock.Mock(), mock.Mock(), [], 0.0, [], [Check(part, "it differs"), Check("the perturbation")])
    assert f"{part.capitalize()} {verb} not agree with the samples: it differs." in found.summary()
    assert "The perturbation agrees with the samples." in found.summary()


@pytest.mark.parametrize(
    ("saved_metrics", "difference", "reproduced"),
    [
        ({"ssim": 0.9, "psnr": 30.0, "nmse": 0.01}, 0.0, True),
        ({"ssim": 0.9 + 9e-7, "psnr": 30.0, "nmse": 0.01}, 9e-7, True),
        ({"ssim": 0.9, "psnr": 30.0, "nmse": 0.01 - 2e-6}, 2e-6, False),
        ({"ssim": 0.9, "psnr": 30.0 - 9e-5, "nmse": 0.01}, 9e-7, True),
        ({"ssim": 0.9, "psnr": 30.0 + 2e-4, "nmse": 0.01}, 2e-6, False),
        ({"ssim": 0.9, "psnr": None, "nmse": 0.01}, math.inf, False),
        ({"ssim": 0.9, "nmse": 0.01}, math.inf, False),
    ],
)
def test_metrics_are_reproduced_to_a_millionth_and_psnr_to_a_ten_thousandth_of_a_decibel(
    saved_metrics, difference, reproduced
):
    found = _difference({"roi": saved_metrics}, {"roi": {"ssim": 0.9, "psnr": 30.0, "nmse": 0.01}})
    assert found == pytest.approx(difference, rel=1e-6)
    again = Replay(mock.Mock(), mock.Mock(), [], found, [])
    assert again.reproduced is reproduced
    assert again.summary().startswith("The metrics are reproduced") is reproduced


def test_other_versions_are_named(tmp_path):
    case = load_case(saved(tmp_path, "random"))
    recipe = case.recipe.model_copy(update={"versions": {**case.recipe.versions, "torch": "1.0"}, "threads": 99})
    again = progress.run(replay(replace(case, recipe=recipe)))
    assert any(change.startswith("torch 1.0 is now") for change in again.changes)
    assert any(change.startswith("threads 99") for change in again.changes)


def by_other_code(case: Case, code: str | None = "0" * 64) -> dict[str, dict[str, str]]:
    """What a recipe says that another state of the code wrote, or one that did not mark cases yet."""
    versions = {name: version for name, version in case.recipe.versions.items() if name != "code"}
    return {"versions": versions | ({} if code is None else {"code": code})}


@pytest.mark.parametrize(("code", "state"), [(None, "an earlier"), ("0" * 64, "another")])
def test_another_state_of_the_code_under_the_same_version_is_named(tmp_path, code, state):
    case = load_case(saved(tmp_path, "random"))
    recipe = case.recipe.model_copy(update=by_other_code(case, code))
    again = progress.run(replay(replace(case, recipe=recipe)))
    (change,) = again.changes
    assert change.startswith(f"{state} state of this package's code saved the case")
    assert again.reproduced


def moved_further(result: dict) -> dict:
    """Its error ratio as another definition gives it."""
    perturbed = result["stability"]["perturbed"]
    return {"stability": result["stability"] | {"perturbed": perturbed | {"error_ratio": 2 * perturbed["error_ratio"]}}}


@pytest.mark.parametrize("code", [None, "0" * 64])
@pytest.mark.parametrize(
    ("change", "knobs", "words"),
    [
        (moved_further, {}, "the derived results may be defined otherwise now (stability of result 1 differs)"),
        (lambda result: {"sentence": "As before."}, {}, "the words may be chosen otherwise now (sentence of result 1"),
        (
            lambda result: {"findings": {"few_coils": "There is one coil."}},
            {},
            "the perturbation may be drawn or described otherwise now (findings of result 1 differs)",
        ),
        (
            lambda result: {},
            {"factor": 3.0},
            "the perturbation may be drawn or described otherwise now (the recipe's knobs and budgets lead to other",
        ),
    ],
    ids=["definition", "word", "description", "draw"],
)
def test_what_other_code_defined_otherwise_is_a_change_and_no_fault(tmp_path, code, change, knobs, words):
    case = load_case(saved(tmp_path, "noise-level"))
    results, recipe = change(case.results[0]), {"perturbation_knobs": case.recipe.perturbation_knobs | knobs}
    assert faults(resealed(case, tmp_path / "here", results=results, recipe=recipe))
    then = recipe | by_other_code(case, code)
    again = progress.run(replay(resealed(case, tmp_path / "other", results=results, recipe=then)))
    assert again.reproduced, again.summary()
    assert any(words in one for one in again.changes)
    assert words.partition(" may")[0] not in again.to_json()["checks"]
    assert "only the code that saved the case can tell whether its record was changed" in again.unchecked


def test_what_follows_from_the_samples_must_agree_whatever_code_saved_the_case(tmp_path):
    case = load_case(saved(tmp_path, "noise-level"))
    result, recipe = case.results[0], by_other_code(case)
    spent = result["budget"] | {"achieved": result["budget"]["achieved"] / 2}
    found = faults(
        resealed(
            case,
            tmp_path,
            results={"budget": spent, "data_range": 2 * result["data_range"], **moved_further(result)},
            recipe=recipe | {"seed": 5},
            images={"perturbed": 2 * case.images["perturbed"]},
        )
    )
    assert found.keys() == {"the budgets", "the further results", "the random controls", "the images"}
    metrics = {"clean": result["clean"] | {"roi": result["clean"]["roi"] | {"ssim": 0.9}}}
    assert not progress.run(replay(resealed(case, tmp_path / "metrics", results=metrics, recipe=recipe))).reproduced


@pytest.mark.parametrize(("seed", "knobs"), [(7, {}), (0, {"seed": 7}), (7, {"seed": 7}), (7, {"seed": 3})])
def test_random_controls_of_any_seed_are_reproduced(tmp_path, seed, knobs):
    """That of the perturbation was taken for that of the controls, which then did not agree."""
    one, method, outcomes = compared(seed, **knobs)
    case = make_case(one, method, ROI_BOX, outcomes, perturbation_knobs=knobs)
    assert (case.recipe.seed, case.recipe.perturbation_knobs["seed"]) == (seed, knobs.get("seed", 0))
    assert not faults(save_case(case, tmp_path / "case"))


def test_a_preview_says_its_kind_and_its_knobs():
    """The last one is the result of a search that is cancelled."""
    search = perturbations.get("worst-case").run(
        slice_of(), reconstructors.get("zero-filled"), ROI_BOX, (0.02,), steps=2
    )
    shown = next(step.preview for step in search if step.preview)
    assert {(one.kind, one.knobs["steps"]) for one in shown} == {("worst-case", 2)}


def test_a_mask_of_lines_may_be_given_by_its_points(tmp_path):
    one, method, outcomes = compared()
    same = replace(one, mask=one.mask.expand(one.kspace.shape[-2:]).clone())
    assert same.mask.shape != one.mask.shape
    case = make_case(same, method, ROI_BOX, outcomes)
    assert "perturbed_mask" not in case.kspace
    save_case(case, tmp_path / "case")
    again = progress.run(replay(tmp_path / "case"))
    assert again.reproduced, again.summary()


def test_a_case_has_the_label_that_its_region_is_given_and_is_reproduced_with_it(tmp_path):
    one, method, outcomes = compared()
    case = make_case(one, method, ROI_BOX.labelled("lesion"), outcomes)
    assert case.roi.label == "lesion"
    assert "In the region “lesion” SSIM" in case.results[0]["sentence"]
    save_case(case, tmp_path / "case")
    again = progress.run(replay(tmp_path / "case"))
    assert again.reproduced, again.summary()


def test_a_replay_takes_the_method_at_the_knobs_of_the_case():
    one, method, outcomes = compared()
    case = make_case(one, method, ROI_BOX, outcomes)
    for given in (method, method.reconstructor):
        assert progress.run(replay(case, given)).reproduced
    with pytest.raises(InputError, match="at other knobs than the case's, Zero-filled; give the reconstructor without"):
        progress.run(replay(case, method.at(combine="combined")))


class Elsewhere(ZeroFilled):
    """An own model that is stored in another place now."""

    id = "elsewhere.py:model"

    def fingerprint(self):
        return {"elsewhere.py": 64 * "a"}


def test_a_replay_takes_the_method_of_the_case_alone(tmp_path):
    case = load_case(saved(tmp_path))
    with pytest.raises(InputError, match="made with zero-filled, and elsewhere.py:model is another method; leave it"):
        progress.run(replay(case, Elsewhere()))
    own = replace(
        case, recipe=case.recipe.model_copy(update={"method": "mine.py:model", "weights": {"mine.py": 64 * "a"}})
    )
    with pytest.raises(InputError, match="'mine.py:model', which is none of the methods here; if it is an own model"):
        progress.run(replay(own))
    again = progress.run(replay(own, Elsewhere()))
    assert again.reproduced
    assert again.changes == ["the method was mine.py:model and is now elsewhere.py:model"]
    with pytest.raises(InputError, match="made with mine.py:model and its knob 'combine', which tv does not have"):
        progress.run(replay(own, reconstructors.get("tv")))
    strange = replace(case, recipe=case.recipe.model_copy(update={"perturbation": "plugin-noise"}))
    with pytest.raises(InputError, match="perturbation 'plugin-noise', which is not installed here"):
        progress.run(replay(strange))


def test_a_folder_without_a_name_is_named(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(FileFormatError, match="^empty holds no case.json"):
        load_case(".")


def test_what_was_done_is_recalled_without_computing(tmp_path, monkeypatch):
    case = load_case(saved(tmp_path, "rotation", step=2.0))
    monkeypatch.setattr("napari_recon_robust.physics.coils.espirit_by_length", None)
    (turned,) = recalled(case)
    assert turned.curve is not None
    assert turned.restore is not None
    assert turned.budget.achieved == case.results[0]["budget"]["achieved"]
    assert np.array_equal(turned.measurement.kspace.numpy(), case.kspace["perturbed"][0])
