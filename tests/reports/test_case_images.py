from dataclasses import replace

import numpy as np
import pytest

from helpers.reported import FROZEN, frozen, pictured
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reports.case_images import (
    ATTACKED,
    INTERPOLATED,
    NAMES,
    NO_TRUTH,
    SIMULATED,
    SYNTHETIC,
    CaseImages,
)
from napari_recon_robust.reports.labels import burned_in
from napari_recon_robust.reports.methods_paragraph import methods


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        ("worst-case", (ATTACKED,)),
        ("targeted", (ATTACKED,)),
        ("random", (SYNTHETIC,)),
        ("motion", (SYNTHETIC,)),
        ("fnaf", (SYNTHETIC,)),
        ("contrast", (SYNTHETIC,)),
        ("rotation", (SYNTHETIC, INTERPOLATED)),
    ],
)
def test_a_perturbed_image_says_what_was_done(kind: str, marks: tuple[str, ...]) -> None:
    shown = CaseImages(FROZEN / kind)
    perturbed = shown.image("perturbed", 0)
    assert perturbed.marks == marks
    assert perturbed.modified
    if kind != "rotation":  # to which nothing is added, and which has no random control
        assert shown.image("random", 0).marks == (SYNTHETIC,)
    for name in ("reference", "clean"):
        assert shown.image(name, 0).marks == ()
        assert not shown.image(name, 0).modified


def test_without_a_reference_every_image_says_so_and_the_clean_one_gives_the_window() -> None:
    case = frozen()
    images = {name: image for name, image in case.images.items() if "reference" not in name}
    shown = CaseImages(replace(case, images=images))
    assert [case_image.name for case_image in shown.images(0)] == ["clean", "perturbed", "random"]
    assert all(NO_TRUTH in case_image.marks for case_image in shown.images(0))
    assert shown.window.high == pytest.approx(np.percentile(case.images["clean"], 99.7))


def test_every_image_of_a_simulated_scan_says_so() -> None:
    shown = CaseImages(pictured(80, 90, simulated=True))
    assert all(case_image.marks[-1] == SIMULATED for case_image in shown.images(0))
    clean = shown.image("clean", 0)
    assert not clean.modified
    grey = np.full((80, 90), 100, np.uint8)
    assert (burned_in(grey, clean, white=255) != grey).any()
    assert "of a simulated multi-coil scan" in methods(shown)


def test_each_budget_has_its_own_images() -> None:
    shown = CaseImages(frozen())
    assert not shown.case.kspace, "samples take too much room in a report on many cases"
    assert [shown.strength(number) for number in range(2)] == ["1%", "3%"]
    assert [case_image.name for case_image in shown.images(1)] == list(NAMES)
    assert np.array_equal(shown.image("perturbed", 1).image, shown.case.images["perturbed"][1])
    assert (shown.number(None), shown.number(0.01)) == (1, 0)
    with pytest.raises(InputError, match=r"no result of the budget 0.5; it has 0.01 or 0.03\."):
        shown.number(0.5)


def test_without_an_addition_there_is_no_random_control() -> None:
    shown = CaseImages(FROZEN / "rotation")
    assert [case_image.name for case_image in shown.images(0)] == [name for name in NAMES if name != "random"]
    with pytest.raises(InputError, match="no image 'random'"):
        shown.image("random", 0)


def test_a_method_that_is_not_installed_here_keeps_its_name() -> None:
    case = frozen()
    strange = case.recipe.model_copy(update={"method": "their own", "perturbation": "their noise"})
    shown = CaseImages(replace(case, recipe=strange))
    assert (shown.method, shown.kind) == ("their own", "their noise")
    assert ATTACKED in shown.image("perturbed", 0).marks


def test_complex_images_are_shown_by_their_magnitude() -> None:
    case = frozen()
    images = {**case.images, "clean": 1j * case.images["clean"]}
    found = CaseImages(replace(case, images=images)).image("clean", 0).image
    assert np.allclose(found, case.images["clean"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"clean": np.full((18, 22), np.nan + 1j, np.complex64)}, "“clean” of the case has NaN or infinite values"),
        ({"clean": np.ones((18, 20), np.float32)}, "has 18×20 values and the case 18×22 pixels"),
        ({"perturbed": np.ones((1, 18, 22), np.float32)}, "has 1×18×22 values"),
    ],
)
def test_bad_images_are_refused_in_one_sentence(change: dict[str, np.ndarray], sentence: str) -> None:
    case = frozen()
    shown = CaseImages(replace(case, images={**case.images, **change}))
    with pytest.raises(InputError, match=sentence):
        shown.images(1)


def test_cases_without_results_or_images_are_refused() -> None:
    case = frozen()
    with pytest.raises(InputError, match="holds no result"):
        CaseImages(replace(case, results=[]))
    with pytest.raises(InputError, match="holds no image “perturbed”"):
        CaseImages(replace(case, images={"clean": case.images["clean"]}))
    with pytest.raises(FileFormatError, match=r"holds no case.json"):
        CaseImages(FROZEN)
    with pytest.raises(InputError, match="no image 'truth'; it has reference, clean"):
        CaseImages(case).image("truth", 0)
