import json
import sys
from types import SimpleNamespace

import pytest
import torch

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.features.lesion import tissue_around
from napari_recon_robust.studies.columns import BLACK_BOX, DRAWN
from napari_recon_robust.studies.measure import (
    VISIBLE,
    Measurements,
    Measurer,
    _contrast,
    _contrast_to_spread,
    _found,
    _searched,
)
from napari_recon_robust.studies.running import open_study
from napari_recon_robust.studies.shared import OpenScan, SharedSlice

EVERYTHING = ("ssim", "psnr", "nmse", "contrast_recovery", "detectability")


@pytest.fixture
def measure(write_plan):
    """The measurements of all trials of a plan, by region, method and change."""
    opened = []

    def measured(*, trust: bool = False, **parts) -> dict[tuple[str, str, str, bool], Measurements]:
        study = run(open_study(write_plan(**parts), trust=trust))
        (group,) = study.groups()
        opened.append(OpenScan(study, "cpu"))
        measurer = Measurer(SharedSlice(opened[-1], group))
        return {
            (one.region.id, one.setting.label, one.change.kind, one.change.control): measurer.measure(
                one, study.plan.metrics, starts=study.plan.starts
            )
            for one in group.trials()
        }

    yield measured
    for one in opened:
        one.close()


def test_the_regions_of_a_slice_share_its_reference(measure, monkeypatch) -> None:
    """It takes longer than all metrics of a clean image."""
    asked: list[str] = []
    real = Measurement.reference

    def reference(measurement: Measurement, kind: str = "combined") -> torch.Tensor | None:
        asked.append(kind)
        return real(measurement, kind)

    monkeypatch.setattr(Measurement, "reference", reference)
    regions = [{"kind": "grid", "side": 24}, {"kind": "lesions", "count": 2, "contrasts": [0.3, -0.3]}]
    trials = measure(regions=regions, methods=["zero-filled"], perturbations="none", metrics=["ssim"])
    assert len(trials) == 16 + 4
    assert all("error" not in one.values for one in trials.values())
    assert asked.count("rss") == 1 + 4  # of the slice, and with each lesion


@pytest.mark.slow
def test_an_inserted_lesion_is_recovered_by_full_sampling_and_hardly_by_little(measure) -> None:
    found = {}
    for acceleration in (1, 4):
        trials = measure(
            regions=[{"kind": "lesions", "diameters": [6], "contrasts": [0.4]}],
            masks=[{"acceleration": acceleration, "centre_fraction": 0.1, "minimum_centre_lines": 0}],
            methods=["cg-sense"],
            metrics=list(EVERYTHING),
        )
        found[acceleration] = {kind: one.values for (_, _, kind, control), one in trials.items() if not control}
    full, few = found[1]["none"], found[4]["none"]
    assert full["contrast_recovery_region_clean"] == pytest.approx(1, abs=0.1)
    assert full["contrast_recovery_region_clean"] > few["contrast_recovery_region_clean"]
    assert full["region_pixels"] > 20
    assert full["detectability_region_clean"] > 0
    attacked = found[4]["random"]
    assert attacked["contrast_recovery_region_perturbed"] != few["contrast_recovery_region_clean"]


def test_a_lesion_that_comes_out_reversed_has_negative_recovery_and_detectability(measure, monkeypatch) -> None:
    """A dark lesion that looks bright is not detected better than one that is hardly seen."""
    parts = {
        "regions": [{"kind": "lesions", "diameters": [8], "contrasts": [-0.4]}],
        "masks": [{"acceleration": 1, "centre_fraction": 0.1, "minimum_centre_lines": 0}],
        "methods": ["zero-filled"],
        "perturbations": ["none"],
        "metrics": ["contrast_recovery", "detectability"],
    }
    usual = [one.values for one in measure(**parts).values()]
    real = SharedSlice.clean

    def reversed_contrast(*arguments: object) -> torch.Tensor:
        image = real(*arguments).abs()
        return image.max() - image

    monkeypatch.setattr(SharedSlice, "clean", reversed_contrast)
    found = [one.values for one in measure(**parts).values()]
    for before, after in zip(usual, found, strict=True):
        assert before["detectability_region_reference"] == after["detectability_region_reference"] > 0
        assert before["detectability_region_clean"] == pytest.approx(before["detectability_region_reference"], rel=0.05)
        assert after["detectability_region_clean"] == pytest.approx(-before["detectability_region_clean"])
        assert after["contrast_recovery_region_clean"] == pytest.approx(-before["contrast_recovery_region_clean"])


def test_a_region_without_contrast_in_the_reference_has_no_recovery(measure) -> None:
    """Errors of a few percent in its mean were recoveries of -2 or 20, which decided the mean of all lesions."""
    boxes = [f"{row},{column},10,10" for row in (20, 35, 50) for column in (25, 40, 55)]
    trials = measure(
        regions=[{"kind": "drawn", "boxes": boxes}],
        masks=[{"acceleration": 4, "centre_fraction": 0.1, "minimum_centre_lines": 0}],
        methods=["zero-filled"],
        perturbations=["none"],
        metrics=["contrast_recovery", "detectability"],
    )
    found = []
    for (region, *_), one in trials.items():
        mask = ROI.parse(boxes[int(region.rpartition("-")[2]) - 1]).mask((96, 96))
        visible = abs(_contrast(one.images["reference"], mask, tissue_around(mask))) >= VISIBLE
        assert ("contrast_recovery_region_clean" in one.values) == visible
        assert "detectability_region_clean" in one.values
        found.append(visible)
    assert set(found) == {True, False}


def test_contrast_and_detectability_are_relative_to_what_lies_around() -> None:
    """Means are 6 and 2; around it the sum of squares is 2 over 4 pixels, inside it is 2 over 2."""
    image = torch.tensor([[5.0, 7.0, 1.0, 2.0, 3.0, 2.0]])
    region = torch.tensor([[True, True, False, False, False, False]])
    assert _contrast(image, region, ~region) == pytest.approx(2)
    assert _contrast_to_spread(image, region, ~region) == pytest.approx(4 / (2 / 3) ** 0.5)


def test_recovery_is_that_of_the_change_that_a_perturbation_makes(measure) -> None:
    """Full sampling shows the change as it is, though the region's own contrast is another one by then."""
    trials = measure(
        masks=[{"acceleration": 1, "centre_fraction": 0.1, "minimum_centre_lines": 0}],
        methods=["cg-sense"],
        perturbations=["none", {"kind": "contrast"}],
        metrics=["contrast_recovery"],
    )
    clean, changed = (one.values for one in trials.values())
    assert clean["contrast_recovery_region_clean"] == pytest.approx(1, abs=0.05)
    assert changed["contrast_recovery_region_perturbed"] == pytest.approx(1, abs=0.05)


def test_a_lesion_is_brighter_or_darker_by_its_contrast(measure) -> None:
    regions = [{"kind": "lesions", "diameters": [6], "contrasts": [0.3, -0.3]}]
    trials = measure(regions=regions, perturbations=["none"], methods=["zero-filled"])
    bright, dark = (one.images["reference"] for one in trials.values())
    change = bright - dark
    assert float(change.max()) > 5 * float(-change.min()) > 0


def test_a_lesion_lies_in_the_same_place_under_every_mask(write_plan) -> None:
    masks = [{"pattern": "acquired"}, {"acceleration": [2, 4], "centre_fraction": 0.1}]
    regions = [{"kind": "lesions", "count": 3, "diameters": [6]}]
    study = run(open_study(write_plan(regions=regions, masks=masks, perturbations=["none"])))
    opened = OpenScan(study, "cpu")
    found = [[SharedSlice(opened, group).of(region)[1] for region in group.regions] for group in study.groups()]
    opened.close()
    assert len(found) == 3
    assert found[0] == found[1] == found[2]


def test_the_worst_place_of_a_map_and_its_control(measure) -> None:
    trials = measure(
        regions=[{"kind": "fragile", "count": 2, "side": 16, "method": "zero-filled"}],
        perturbations=[{"kind": "worst-case", "budgets": [0.02], "knobs": {"steps": 1}}],
    )
    assert len(trials) == 4
    for rank in ("fragile-1", "fragile-2"):
        attack, control = (trials[rank, "zero-filled", "worst-case", one].values for one in (False, True))
        assert attack["ssim_region_clean"] == control["ssim_region_clean"]
        assert attack["nmse_region_perturbed"] > control["nmse_region_perturbed"]
        assert attack["budget_reached"] == pytest.approx(control["budget_reached"], rel=1e-3)


@pytest.mark.slow
def test_the_start_of_a_trained_method_is_measured_where_asked(measure) -> None:
    trials = measure(methods=["unrolled-hqs", "zero-filled"], perturbations=["none"], starts=True)
    trained, other = (one.values for one in trials.values())
    assert trained["start_ssim_image_clean"] != trained["ssim_image_clean"]
    assert not any(name.startswith("start_") for name in other)


@pytest.mark.parametrize("kept", ["a state", "nothing"])
def test_an_own_model_that_keeps_a_state_is_told_on_clean_images_too(measure, tmp_path, kept: str) -> None:
    """Its numbers depend on what it was asked before, and so on the number of workers; one more call finds it out."""
    (tmp_path / "own.py").write_text(
        f"asked = []\ndef reconstruct(image):\n    asked.append(1)\n"
        f"    return image * (1 + 0.01 * {'len(asked)' if kept == 'a state' else 'asked[0]'})\n",
        encoding="utf-8",
    )
    methods = ["own.py", "zero-filled"]
    trials = measure(trust=True, methods=methods, regions=[{"kind": "grid", "side": 32}], perturbations="none")
    told = {key: one.values.get("cautions", "") for key, one in trials.items()}
    assert len(told) > 2 * len(methods)
    for (_, method, *_), words in told.items():
        assert ("different images for the same samples" in words) == (kept == "a state" and method == "own.py")
    script = next(one for one in sys.modules.values() if getattr(one, "__file__", None) == str(tmp_path / "own.py"))
    assert len(script.asked) == 2


def test_only_the_wanted_metrics_are_measured(measure) -> None:
    (one,) = measure(perturbations=["none"], metrics=["psnr"]).values()
    names = {"psnr_region_clean", "psnr_foreground_clean", "psnr_image_clean"}
    assert set(one.values) == names | {"region_pixels", "effective_acceleration", "seconds"}


def test_a_trial_that_fails_is_a_sentence(measure, monkeypatch) -> None:
    def broken(*_):
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("napari_recon_robust.studies.measure.outcome_of", broken)
    trials = measure(perturbations=[{"kind": "random", "budgets": [0.01]}])
    (sentence,) = {one.values["error"] for one in trials.values()}
    assert sentence == "the trial failed (ZeroDivisionError: by zero)."


def test_what_neighbours_share_is_computed_once(write_plan, monkeypatch) -> None:
    study = run(open_study(write_plan(regions=["image", {"kind": "grid", "side": 32}], perturbations=["none"])))
    (group,) = study.groups()
    opened = OpenScan(study, "cpu")
    shared = SharedSlice(opened, group)
    first = shared.clean(group.trial(0).setting, group.trial(0).region)
    assert shared.clean(group.trial(5).setting, group.trial(5).region) is first
    assert torch.equal(shared.measurement.mask, shared.of(group.trial(3).region)[0].mask)
    opened.close()


def test_a_search_tells_what_it_found(measure) -> None:
    search = {"kind": "fnaf", "knobs": {"algorithm": "random-search", "search": 1}}
    turn = {"kind": "rotation", "knobs": {"angle": 2.0, "step": 2.0}}
    trials = measure(perturbations=[search, turn], methods=["zero-filled"])
    found = {kind: one.values for (_, _, kind, control), one in trials.items() if not control}
    feature, rotation = found["fnaf"], found["rotation"]
    assert 0 <= feature["feature_row"] <= 1
    assert feature["published_loss"] > 0
    assert feature["input_mse"] > 0
    assert rotation["worst_angle"] in (-2, 0, 2)
    assert 0.5 < rotation["floor_ssim_region_perturbed"] <= 1
    assert feature["image_pixels"] == 96 * 96
    for (_, _, _, control), one in trials.items():
        assert not control or "published_loss" not in one.values


def test_a_method_without_gradients_is_told_to_be_searched_otherwise(measure, tmp_path) -> None:
    """A study compared it with others as if the same search had been made."""
    (tmp_path / "own.py").write_text("def f(kspace, mask):\n    return abs(kspace.detach()).sum(0)\n")
    for algorithm, expected in (("auto", {"own.py:f"}), ("black-box", set())):
        search = {"kind": "worst-case", "budgets": [0.01], "knobs": {"algorithm": algorithm, "evaluations": 2}}
        trials = measure(methods=["zero-filled", "own.py:f"], perturbations=[search], trust=True)
        told = {label for (_, label, _, _), one in trials.items() if BLACK_BOX in one.values.get("cautions", "")}
        assert told == expected
        assert all("error" not in one.values for one in trials.values())


@pytest.mark.parametrize(
    "knobs",
    [{"search": 21}, {"row": 40, "column": 44}, {"algorithm": "random-search", "search": 1}],
    ids=["no method moves them", "given", "published"],
)
def test_a_feature_for_which_no_method_needs_gradients_is_told_nothing_of_them(measure, tmp_path, knobs) -> None:
    (tmp_path / "own.py").write_text("def f(kspace, mask):\n    return abs(kspace.detach()).sum(0)\n")
    (one,) = measure(methods=["own.py:f"], perturbations=[{"kind": "fnaf", "knobs": knobs}], trust=True).values()
    assert "error" not in one.values
    assert DRAWN not in one.values.get("cautions", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("search", "name"),
    [
        ({"kind": "worst-case", "budgets": [0.01], "knobs": {"evaluations": 2}}, BLACK_BOX),
        ({"kind": "fnaf", "knobs": {"search": 22}}, DRAWN),
    ],
)
def test_what_was_found_without_gradients_is_told_of_whoever_it_is_given_to(measure, tmp_path, search, name) -> None:
    """The transfer from a method without gradients looked like that from any other."""
    (tmp_path / "own.py").write_text("def f(kspace, mask):\n    return abs(kspace.detach()).sum(0)\n")
    methods = ["zero-filled", "own.py:f"]
    for found_on, whom in (("zero-filled", set()), ("own.py:f", set(methods))):
        trials = measure(methods=methods, perturbations=[{**search, "found_on": [found_on]}], trust=True)
        assert all("error" not in one.values for one in trials.values())
        cautions = {
            label: json.loads(one.values.get("cautions", "{}"))
            for (_, label, _, control), one in trials.items()
            if not control
        }
        assert {label for label, said in cautions.items() if any(key.startswith(name) for key in said)} == whom
    assert cautions["own.py:f"][name].startswith("it gives no gradients to follow")
    words = cautions["zero-filled"][f"{name}_on_own.py:f"]
    assert words.startswith("own.py:f, on which it was searched for, gives no gradients to follow")


def test_a_feature_of_a_method_whose_gradients_are_not_finite_is_told_of() -> None:
    """Each method of a study is asked for gradients by itself; those that turn out to hold NaN on the way are some."""
    method = SimpleNamespace(gives_gradient=lambda measurement: True)
    shared = SimpleNamespace(method=lambda setting: method, of=lambda region: [None])
    change = SimpleNamespace(kind="fnaf", knobs={"row": -1, "algorithm": "multiplexed", "search": 60}, found_on=None)
    trial = SimpleNamespace(change=change, setting=SimpleNamespace(number=0), region=None)
    assert _searched(shared, trial, SimpleNamespace(details={})) == {}
    (words,) = _searched(shared, trial, SimpleNamespace(details={"no_gradient": "NaN"})).values()
    assert words.startswith("it gives gradients that are not finite, so that its feature is the worst of those drawn")


def test_a_place_is_told_as_parts_of_rows_and_columns_and_the_floor_is_that_of_the_worst_pose() -> None:
    """Of an image that is not square, and a curve with poses that are turned alike."""
    details = {"published_loss": 2.0, "input_mse": 0.5}
    feature = SimpleNamespace(feature=SimpleNamespace(position=(10.0, 60.0)), details=details)
    place = {"feature_row": 0.25, "feature_column": 0.75}
    assert _found(feature, (40, 80)) == {**details, "image_pixels": 3200, **place}
    places = ((0, [0, 0], 1), (2, [0, 0], 1), (2, [0, 3], 1), (2, [0, 3], 1.1))
    curve = [
        {"angle": angle, "shift": shift, "scale": scale, "floor_ssim": 0.9 - number / 10}
        for number, (angle, shift, scale) in enumerate(places)
    ]
    pose = {"angle": 2, "rows": 0, "columns": 3, "scale": 1, "aspect": 1}
    turned = SimpleNamespace(feature=None, details={"pose": pose, "curve": curve})
    assert _found(turned, (40, 80)) == {"worst_angle": 2, "floor_ssim_region_perturbed": pytest.approx(0.7)}


@pytest.mark.slow
def test_a_feature_that_was_found_on_one_method_is_measured_on_all(measure) -> None:
    search = {"kind": "fnaf", "knobs": {"algorithm": "random-search", "search": 2}}
    methods = ["zero-filled", "cg-sense"]
    (own, *_), (transferred, received) = (
        [one.values for one in measure(methods=methods, perturbations=[search | more]).values()]
        for more in ({}, {"found_on": ["zero-filled"]})
    )
    assert transferred.pop("published_loss") == pytest.approx(own.pop("published_loss"), rel=1e-4)
    assert {**own, "seconds": 0} == {**transferred, "seconds": 0}
    places = [(one["feature_row"], one["feature_column"]) for one in (own, received)]
    assert places[0] == places[1]
    assert received["ssim_region_perturbed"] != own["ssim_region_perturbed"]


@pytest.mark.slow
def test_the_loss_of_a_transferred_feature_is_that_of_the_method_which_receives_it(measure) -> None:
    search = {"kind": "fnaf", "knobs": {"algorithm": "random-search", "search": 1, "size": 8}}
    methods = ["zero-filled", "cg-sense"]
    found, received = measure(methods=methods, perturbations=[search | {"found_on": methods[:1]}]).values()
    back, own = measure(methods=methods, perturbations=[search | {"found_on": methods[1:]}]).values()
    losses = [one.values["published_loss"] for one in (found, received, back, own)]
    assert losses == [pytest.approx(loss, rel=1e-4) for loss in (losses[0], losses[3], losses[0], losses[3])]
    assert losses[0] != pytest.approx(losses[3], rel=0.1)


@pytest.mark.thorough
def test_intervals_of_a_method_that_draws_its_image_are_held_against_the_reference(measure) -> None:
    drawn = {"method": "posterior", "knobs": {"steps": 2, "samples": 2}}
    trials = measure(methods=[drawn, "zero-filled"], metrics=["ssim", "coverage"])
    found = {name: one.values for (_, name, kind, _), one in trials.items() if kind == "none"}
    names = [f"coverage_{level}_foreground_clean" for level in (50, 80, 90, 95)]
    shares = [found["posterior steps=2, samples=2"][name] for name in names]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    assert not set(names) & set(found["zero-filled"])
    assert all(set(names).isdisjoint(one.values) for (_, _, kind, _), one in trials.items() if kind != "none")
