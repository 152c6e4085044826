from dataclasses import replace

import pytest

from helpers.reported import frozen
from napari_recon_robust.reports.case_images import CaseImages
from napari_recon_robust.reports.methods_paragraph import methods


def test_the_paragraph_says_what_was_done_in_figures() -> None:
    case = frozen()
    source = {"slice": 7, "voxel": [0.5, 0.625, 3.0], "sampling": {"pattern": "equispaced", "seed": 2}}
    assert case.results[0]["acceleration"] == pytest.approx(11 / 7)
    # The acceleration is that of the result, which a replay checks, whatever the source says.
    recipe = case.recipe.model_copy(update={"source": {**source, "acceleration": 3.7}})
    text = methods(CaseImages(replace(case, recipe=recipe)))
    for words in (
        "Slice 7 (counted from 0) of a multi-coil scan has 18×22 pixels of 0.5 × 0.625 × 3 mm.",
        "by the pattern “equispaced” (seed 2) at an effective acceleration of 1.57.",
        "Its budgets were 1%, 3% of the norm of each coil's k-space.",
        "It was searched for on the region",
        "white complex Gaussian noise of the same norm in every coil",
        "combined by their sensitivities",
    ):
        assert words in text


def test_a_whole_sampling_is_told() -> None:
    case = frozen()
    sampling = {
        "pattern": "random",
        "acceleration": 4.0,
        "centre_fraction": 0.08,
        "minimum_centre_lines": 12,
        "seed": 3,
    }
    recipe = case.recipe.model_copy(update={"source": {"sampling": sampling}})
    told = "(nominal R 4, the central 8%, at least 12 lines, fully sampled, seed 3) at an effective acceleration of"
    assert f"by the pattern “random” {told} 1.57." in methods(CaseImages(replace(case, recipe=recipe)))


def test_a_feature_that_was_placed_was_not_searched_for() -> None:
    case = frozen("fnaf")
    for place, words in (
        ({"row": 8.0, "column": 9.0}, "placed by hand, and neither"),
        ({"row": -1.0}, "was searched for"),
    ):
        recipe = case.recipe.model_copy(update={"perturbation_knobs": {**case.recipe.perturbation_knobs, **place}})
        assert words in methods(CaseImages(replace(case, recipe=recipe)))


def test_it_says_where_there_is_no_truth_or_another_one() -> None:
    case = frozen()
    bare = replace(case, images={name: case.images[name] for name in ("clean", "perturbed", "random")})
    assert "all measures are against the clean image" in methods(CaseImages(bare))
    assert "is judged by the truth as changed" in methods(CaseImages(frozen("fnaf")))
    assert "so there is no random control" in methods(CaseImages(frozen("rotation")))
    foreign = replace(case, recipe=case.recipe.model_copy(update={"perturbation": "theirs"}))
    assert "“theirs”, which is not installed" in methods(CaseImages(foreign))
