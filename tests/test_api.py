"""A method, and what was given in its place before, through the public functions."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

import napari_recon_robust as rr
from napari_recon_robust.analyses import fragility, retention, samples, transfer
from napari_recon_robust.cli import cli
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.knob import Knob, Value
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.reconstructors.base import Reconstructor

read: list[Any] = []


class Counting(Knob):
    """A knob that counts how often a value is read."""

    def parse(self, value: Any) -> Value:
        read.append(value)
        return super().parse(value)


class Faint(Reconstructor):
    """x -> w A^H y."""

    id, label, summary = "faint", "Faint", ""
    knobs = (Counting(name="weight", label="Weight", help="", default=1.0, live=True),)

    def reconstruct(self, measurement: rr.Measurement, **knobs: Any) -> Tensor:
        return knobs["weight"] * measurement.crop(measurement.model.adjoint(measurement.data))


@pytest.fixture(autouse=True)
def nothing_read() -> Iterator[None]:
    read.clear()
    yield
    read.clear()


@pytest.fixture(scope="module")
def measurement(scan_file: Path) -> rr.Measurement:
    with rr.open_scan(scan_file) as scan:
        return scan.measurement(1, rr.Sampling(acceleration=2, centre_fraction=0.2))


ROI = rr.ROI.box(30, 30, 20, 20)


@pytest.mark.thorough
def test_knobs_are_read_once(measurement: rr.Measurement) -> None:
    method = Faint().at(weight="0.5")
    assert read == ["0.5"]
    found = rr.perturb("worst-case", measurement, method, ROI, [0.01, 0.02], steps=2)
    outcomes = rr.compare(measurement, method, ROI, found)
    case = rr.make_case(measurement, method, ROI, outcomes, perturbation="worst-case")
    rr.fragility_map(measurement, method, tile=16, gradients=1, replicas=2)
    rr.retention_map(measurement, method, ROI, size=3, spacing=8)
    rr.quality_by_samples(measurement, method, [2, 3])
    assert read == ["0.5"]
    assert (case.recipe.method, case.recipe.method_knobs) == ("faint", {"weight": 0.5})


def test_knobs_beside_the_reconstructor_are_still_taken(measurement: rr.Measurement) -> None:
    faint, knobs = Faint(), {"weight": 0.5}
    with pytest.warns(DeprecationWarning, match="give reconstructor.at"):
        (beside,) = rr.perturb("worst-case", measurement, faint, ROI, steps=1, reconstructor_knobs=knobs)
    (found,) = rr.perturb("worst-case", measurement, faint.at(**knobs), ROI, steps=1)
    assert torch.equal(beside.perturbation, found.perturbation)
    with pytest.warns(DeprecationWarning, match="give reconstructor.at"):
        (outcome,) = rr.compare(measurement, faint, ROI, [found], reconstructor_knobs=knobs)
    torch.testing.assert_close(outcome.comparison.clean, faint(measurement, weight=0.5).abs())
    with pytest.warns(DeprecationWarning, match="give reconstructor.at"):
        case = rr.make_case(
            measurement,
            reconstructor=faint,
            roi=ROI,
            outcomes=[outcome],
            perturbation="worst-case",
            reconstructor_knobs=knobs,
        )
    assert case.recipe.method_knobs == knobs
    with pytest.warns(DeprecationWarning, match="will go"), pytest.raises(InputError, match="no knob 'wait'"):
        rr.retention_map(measurement, faint, ROI, reconstructor_knobs={"wait": 1})


def test_what_is_no_method_and_no_region_is_told(measurement: rr.Measurement) -> None:
    with pytest.raises(InputError, match=r"a name; give rr.reconstructor\('tv'\)"):
        rr.perturb("random", measurement, "tv", ROI)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the reconstructor is <built-in function abs>; .* by its file"):
        rr.compare(measurement, abs, ROI, [])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the ROI is '30,30,20,20'; give a region, such as rr.ROI.box"):
        rr.perturb("random", measurement, Faint(), "30,30,20,20")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the ROI is"):
        rr.retention_map(measurement, Faint(), "30,30,20,20")  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, "scan.h5", torch.zeros(4, 8, 8, dtype=torch.complex64)])
def test_what_is_no_measurement_is_told(given: Any, measurement: rr.Measurement) -> None:
    method = Faint().at()
    calls = (
        lambda: method(given),
        lambda: rr.perturb("random", given, method, ROI),
        lambda: rr.compare(given, method, ROI, rr.perturb("random", measurement, method, ROI)),
        lambda: rr.diverse(given, method),
        lambda: rr.posterior_contrast(given, ROI),
        lambda: rr.fragility_map(given, method),
        lambda: rr.retention_map(given, method),
        lambda: rr.recovery_table(given, method),
        lambda: rr.quality_by_samples(given, method, [2]),
    )
    for call in calls:
        with pytest.raises(InputError, match=r"the measurement is .*; give one slice of a scan, such as scan\."):
            call()


def test_what_stands_as_an_example_is_of_the_kind_that_is_asked_for(measurement: rr.Measurement) -> None:
    method = Faint().at()
    with pytest.raises(InputError, match=r"the accelerations are 4; give numbers, such as \(2, 4, 8\)\."):
        rr.quality_by_samples(measurement, method, 4)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the budgets are 0.01; give numbers, such as \(0\.01, 0\.02\)\."):
        rr.perturb("random", measurement, method, ROI, 0.01)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the accelerations are '24'; give numbers"):
        rr.quality_by_samples(measurement, method, "24")  # type: ignore[arg-type]


def test_results_of_another_function_are_told(measurement: rr.Measurement, tmp_path: Path) -> None:
    method = Faint().at()
    perturbed = rr.perturb("random", measurement, method, ROI)
    wrong: Any
    for wrong in (None, perturbed[0], ["x"]):
        with pytest.raises(InputError, match=r"the perturbed (is|are) .*; give the list that rr\.perturb returns"):
            rr.compare(measurement, method, ROI, wrong)
    with pytest.raises(InputError, match=r"the outcomes is .*; give the list that rr\.compare returns"):
        rr.make_case(measurement, method, ROI, perturbed, perturbation="random")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"the case is None; give what rr\.make_case returns"):
        rr.save_case(None, tmp_path / "case")  # type: ignore[arg-type]


def test_results_of_another_measurement_are_told(scan_file: Path, measurement: rr.Measurement) -> None:
    """The images of two slices were compared, and their difference was told as the perturbation's."""
    with rr.open_scan(scan_file) as scan:
        other = scan.measurement(0, rr.Sampling(acceleration=2, centre_fraction=0.2))
    perturbed = rr.perturb("random", measurement, Faint(), ROI)
    batch = replace(measurement, kspace=measurement.kspace[None])
    for wrong in (other, batch):
        with pytest.raises(InputError, match=r"those of another measurement; give the one that rr\.perturb was"):
            rr.compare(wrong, Faint(), ROI, perturbed)
    assert len(rr.compare(measurement, Faint(), ROI, perturbed)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in perturbations.ids() if kind != "rotation"])
def test_results_of_the_measurement_itself_are_compared(kind: str, measurement: rr.Measurement) -> None:
    """What each kind calls its perturbation is what it added to the samples, whose calibration may be another one."""
    short = {"steps": 2, "search": 4, "other_centre": 0.2}
    knobs = {knob.name: short[knob.name] for knob in perturbations.get(kind).knobs if knob.name in short}
    perturbed = rr.perturb(kind, measurement, Faint(), ROI, **knobs)
    assert len(rr.compare(measurement, Faint(), ROI, perturbed)) == 1


@pytest.mark.parametrize("seed", ["a", -1, 1.5, 2**70])
def test_a_seed_is_a_whole_number(seed: Any, measurement: rr.Measurement) -> None:
    with pytest.raises(InputError, match=r"the seed is .*; give a whole number from 0 to 2147483647\."):
        rr.compare(measurement, Faint(), ROI, rr.perturb("random", measurement, Faint(), ROI), seed=seed)


@pytest.mark.slow
def test_double_precision_is_told_before_the_work(measurement: rr.Measurement) -> None:
    """Only `make_case` said that no case can be made of it, when the attack had run."""
    double = rr.Measurement(measurement.kspace.to(torch.complex128), measurement.mask, measurement.matrix)
    with pytest.warns(UserWarning, match="complex128, and no case can be made .* give complex64") as told:
        rr.perturb("random", double, Faint().at(), ROI)
    assert told[0].filename == __file__


def test_a_budget_in_place_of_budgets_is_told(measurement: rr.Measurement) -> None:
    with pytest.raises(InputError, match=r"budget is 0\.02; give the list budgets in its place, such as \[0\.01\]"):
        rr.perturb("random", measurement, Faint(), ROI, budget=0.02)
    for wrong in ("a", [0.01]):
        with pytest.raises(InputError, match=r"the budget is .*; give a number\."):
            rr.transfer_matrix(measurement, ["cg-sense", "tv"], ROI, budget=wrong)


def test_budgets_of_a_perturbation_that_has_none_are_told(measurement: rr.Measurement) -> None:
    with pytest.raises(InputError, match=r"noise-level has no budgets; leave them out\."):
        rr.perturb("noise-level", measurement, Faint(), ROI, budgets=[0.02])
    assert len(rr.perturb("noise-level", measurement, Faint(), ROI)) == 1
    assert [one.budget.nominal for one in rr.perturb("random", measurement, Faint(), ROI)] == [0.01]


def test_what_is_no_region_is_told_by_transfer(measurement: rr.Measurement) -> None:
    with pytest.raises(InputError, match=r"the ROI is \[30, 30, 20, 20\]; give a region, such as rr.ROI.box"):
        rr.transfer_matrix(measurement, ["cg-sense", "tv"], [30, 30, 20, 20])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    [
        lambda place: rr.write_report("case", place),
        lambda place: rr.write_report([place], "report.html"),
        lambda place: rr.export_film("case", place),
        lambda place: rr.export_image("case", "clean", place),
        lambda place: rr.list_cases(place),
        lambda place: rr.judge_case(place, verdict="agree"),
        lambda place: rr.compare_methods(["scan.h5"], ["tv"], output=place),
    ],
)
def test_what_is_no_path_is_told(call: Callable[[Any], object], tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("scan.h5").touch()
    with pytest.raises(InputError, match="the path is 3; give the name of a file or folder"):
        call(3)


def test_a_number_in_place_of_cases_and_a_device_that_is_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the cases are 3; give a list"):
        rr.write_report(3, tmp_path / "report.html")  # type: ignore[arg-type]
    scan = tmp_path / "scan.h5"
    scan.touch()
    with pytest.raises(InputError, match="the device 'gpu' is not available here; use the device cpu"):
        rr.compare_methods([scan], ["tv"], device="gpu")


def test_values_without_their_names_are_told() -> None:
    with pytest.raises(InputError, match=r"Sampling takes its values by their names alone: pattern=\.\.\., accel"):
        rr.Sampling("random", 4)  # type: ignore[arg-type]


def test_arrays_in_place_of_tensors_are_told(measurement: rr.Measurement) -> None:
    array: Any = measurement.kspace.numpy()
    for change in ({"kspace": array}, {"mask": None}, {"full": array}, {"acs": array}):
        with pytest.raises(InputError, match="give a tensor, such as torch.from_numpy"):
            replace(measurement, **change)


def test_a_study_has_one_worker_at_least() -> None:
    with pytest.raises(InputError, match="the workers"):
        rr.run_study("plan.yaml", workers=0)


def test_a_reconstructor_is_the_method_at_its_defaults(measurement: rr.Measurement) -> None:
    (found,) = rr.perturb("random", measurement, Faint(), ROI)
    (one,), (other,) = (rr.compare(measurement, method, ROI, [found]) for method in (Faint(), Faint().at()))
    assert one.to_json() == other.to_json()
    assert read == []


def test_diverse_images_are_of_the_given_knobs(measurement: rr.Measurement) -> None:
    with pytest.raises(InputError, match="no knob 'wait'"), pytest.warns(DeprecationWarning, match="wait beside"):
        rr.diverse(measurement, Faint(), 1, wait=1)
    assert rr.diverse(measurement, Faint().at(weight=0.5), 1)[0].knobs.keys() == {"weight"}


@pytest.mark.parametrize(
    ("call", "mistyped", "meant"),
    [
        (rr.fragility_map, "budgets", "budget"),
        (rr.retention_map, "sizes", "size"),
        (rr.recovery_table, "size", "sizes"),
        (partial(rr.quality_by_samples, accelerations=[2]), "seed", "seeds"),
        (partial(rr.make_case, roi=rr.ROI.box(30, 30, 20, 20), outcomes=[]), "perturbations", "perturbation"),
    ],
)
def test_a_mistyped_option_is_answered_with_the_one_that_is_near(
    measurement: rr.Measurement, call: Callable[..., object], mistyped: str, meant: str
) -> None:
    sentence = rf"there is no option '{mistyped}' here; choose {meant}, or one of .*\."
    with pytest.raises(InputError, match=sentence):
        call(measurement, rr.reconstructor("zero-filled"), **{mistyped: 3})


def test_a_case_is_replayed_with_what_other_functions_take(measurement: rr.Measurement) -> None:
    method = rr.reconstructor("zero-filled").at()
    outcomes = rr.compare(measurement, method, ROI, rr.perturb("random", measurement, method, ROI), seed=7)
    case = rr.make_case(measurement, method, ROI, outcomes)
    again = rr.replay_case(case, method)
    assert again.reproduced
    assert repr(again) == "Replay(reproduced=True, difference=0.0e+00)"
    assert repr(again.case) == "Case(perturbation='random', budgets=(0.01,), method='zero-filled')"
    with pytest.raises(InputError, match=r"'zero-filled', a name; give rr\.reconstructor\('zero-filled'\)"):
        rr.replay_case(case, "zero-filled")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_case_knows_as_much_of_its_scan_as_that_of_the_command(scan_file: Path, tmp_path: Path) -> None:
    method, sampling = rr.reconstructor("zero-filled"), rr.Sampling(acceleration=2, centre_fraction=0.2)
    with rr.open_scan(scan_file) as scan:
        measurement = scan.measurement(1, sampling)
    outcomes = rr.compare(measurement, method, ROI, rr.perturb("random", measurement, method, ROI, [0.01]))
    case = rr.make_case(measurement, method, ROI, outcomes)
    given = "--slice 1 --acceleration 2 --centre-fraction 0.2 --method zero-filled --roi 30,30,20,20 --budget 0.01"
    command = ["perturb", "random", str(scan_file), *given.split(), "--output", str(tmp_path / "case")]
    result = CliRunner().invoke(cli, command)
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert case.recipe.source == rr.load_case(tmp_path / "case").recipe.source
    assert case.recipe.source["upright"] == FIRST_ROW_BELOW.model_dump()
    assert case.recipe.source["slice"] == 1


def test_a_reconstructor_is_given_by_a_path_or_itself(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def reconstruct(image):\n    return image\n", encoding="utf-8")
    assert rr.reconstructor(tmp_path / "mine.py").id == "mine.py"
    method = rr.reconstructor("tv").at(weight=0.01)
    assert rr.reconstructor(method) is method
    assert rr.reconstructor(method.reconstructor) is method.reconstructor


@pytest.mark.parametrize("given", [None, torch.zeros(3), torch.nn.Conv2d(1, 1, 3).state_dict()])
def test_what_is_no_reconstructor_is_answered_with_what_one_is(given: object) -> None:
    """And not with the thirty ids."""
    with pytest.raises(
        InputError, match=r"^the reconstructor is .{4,62}; give an id of rr\.reconstructors\(\), the file"
    ):
        rr.reconstructor(given)  # type: ignore[call-overload]


def test_a_comparison_asks_for_the_name_of_what_is_given_itself() -> None:
    with pytest.raises(InputError, match="one of the methods is reconstructor.*; give its id, or the file of an own"):
        rr.compare_methods(["scan.h5"], ["tv", rr.reconstructor("zero-filled")])  # type: ignore[list-item]


@pytest.mark.slow
def test_each_gives_its_result_and_follows_the_options(measurement: rr.Measurement) -> None:
    cg, roi, steps = rr.reconstructor("cg-sense"), rr.ROI.box(30, 30, 20, 20), []
    found = rr.fragility_map(measurement, cg, tile=16, gradients=1, replicas=0, on_progress=steps.append)
    assert isinstance(found, fragility.FragilityMap)
    assert (found.tile, found.noise) == (16, None)
    assert steps
    kept = rr.retention_map(measurement, cg, roi, spacing=8)
    assert isinstance(kept, retention.RetentionMap)
    assert kept.spacing == 8
    table = rr.recovery_table(measurement, cg, roi, sizes=[3], contrasts=[0.4], count=4)
    assert table.markdown().count("| 3 px |") == 1
    matrix = rr.transfer_matrix(measurement, ["cg-sense", "zero-filled"], roi, found_on=["cg-sense"], budget=0.02)
    assert isinstance(matrix, transfer.Transfer)
    assert matrix.columns == ("cg-sense", "zero-filled")
    assert matrix.found["cg-sense"].budget.nominal == 0.02
    set_knobs = [cg.at(iterations=2), "zero-filled", cg]
    matrix = rr.transfer_matrix(measurement, set_knobs, roi, found_on=["zero-filled"])
    assert matrix.columns == ("CG-SENSE (iterations 2)", "zero-filled", "CG-SENSE")
    curve = rr.quality_by_samples(measurement, cg, [2, 4], sampling=rr.Sampling(centre_fraction=0.2))
    assert isinstance(curve, samples.SamplesCurve)
    assert [level.acceleration for level in curve.levels] == [4, 2]


def test_a_module_does_not_take_a_functions_place() -> None:
    assert callable(rr.fragility_map)
    assert callable(rr.transfer_matrix)
    assert not {"fragility", "transfer"} & set(rr.__all__)
    with pytest.raises(InputError, match="no reconstructor"):
        rr.transfer_matrix(None, ["nonsense"], rr.ROI.box(0, 0, 2, 2))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_function_of_the_program_is_perturbed_saved_and_replayed(measurement: rr.Measurement, tmp_path: Path) -> None:
    def zero_filled(image: torch.Tensor) -> torch.Tensor:
        return image

    method = rr.reconstructor(zero_filled)
    assert method.id == "zero_filled (object)"
    assert any(name.endswith("test_api.py") for name in method.fingerprint())
    (found,) = rr.perturb("worst-case", measurement, method, ROI, [0.01], steps=2)
    (outcome,) = rr.compare(measurement, method, ROI, [found])
    case = rr.make_case(measurement, method, ROI, [outcome], perturbation="worst-case")
    rr.save_case(case, tmp_path / "case")
    again = rr.load_case(tmp_path / "case")
    with pytest.raises(InputError, match=r"if it is an own model give it again \(--method, rr\.replay_case"):
        rr.replay_case(again)
    assert rr.replay_case(tmp_path / "case", method).reproduced


@pytest.mark.slow
def test_results_are_printed_in_a_line_each(measurement: rr.Measurement) -> None:
    """In a notebook whatever a cell gives is printed: arrays say nothing there and hide the figures."""
    method = rr.reconstructor("zero-filled").at()
    (found,) = rr.perturb("worst-case", measurement, method, ROI, [0.01], steps=2)
    (outcome,) = rr.compare(measurement, method, ROI, [found])
    case = rr.make_case(measurement, method, ROI, [outcome], perturbation="worst-case")
    maps = rr.fragility_map(measurement, method), rr.retention_map(measurement, method)
    for one in (found, outcome, outcome.comparison, *maps):
        assert len(repr(one)) < 400
        assert "\n" not in repr(one)
    assert outcome.comparison.sentence in repr(outcome)
    assert "achieved=0.01" in repr(found) or "achieved=0.00999" in repr(found)
    assert "array" not in repr(case)


@pytest.mark.parametrize("function", [rr.diverse, rr.fragility_map, rr.retention_map, rr.recovery_table])
def test_an_id_in_place_of_a_reconstructor_is_refused_in_a_sentence(function: Any, measurement: rr.Measurement) -> None:
    """`transfer_matrix` takes either, `compare_methods` ids."""
    with pytest.raises(InputError, match=r"give rr\.reconstructor\('tv'\) in its place"):
        function(measurement, "tv")
