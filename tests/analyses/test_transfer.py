from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from napari_recon_robust.analyses.transfer import _where, transfer, transfer_matrix
from napari_recon_robust.cli import cli
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.io import open_scan
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

ROI_ = ROI.box(30, 30, 20, 20)


@pytest.fixture(scope="module")
def measurement(scan_file: Path) -> Measurement:
    with open_scan(scan_file) as scan:
        return scan.measurement(1, Sampling(acceleration=2, centre_fraction=0.2))


class Twice(Reconstructor):
    """2 A^H y: it changes twice as much as A^H y under the same noise."""

    id, label, summary = "twice", "Twice", "Twice the image."

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        return measurement.crop(2 * measurement.model.adjoint(measurement.data))


class Once(Twice):
    """A^H y."""

    id, label = "once", "Once"

    def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
        return super().reconstruct(measurement) / 2


TWO = {"once": Once(), "twice": Twice()}


def test_each_column_sees_the_same_noise(measurement: Measurement) -> None:
    """A method that is twice another changes twice as much, by what was found on either."""
    matrix = progress.run(transfer(measurement, {"once": Once(), "twice": Twice()}, ROI_, sensitivities="kept"))
    for row in ("once", "twice"):
        once, twice = matrix.change(row)
        assert twice == pytest.approx(2 * once, rel=1e-4)
        assert all(a > 3 * b for a, b in zip(matrix.change(row), matrix.random(row) or [], strict=True))
    assert matrix.features is None
    assert matrix.markdown().count("\n") == 4


def test_methods_of_one_title_are_told_apart_and_one_that_is_given_twice_counts_once(measurement: Measurement) -> None:
    """As the functions of two scripts of one name, of which the later one stood for both."""
    once, twice = Once(), Twice()
    once.label = twice.label
    matrix = transfer_matrix(measurement, [once, twice, once], ROI_, sensitivities="kept")
    assert matrix.columns == ("Twice", "Twice (2)")
    for row in matrix.columns:
        assert matrix.change(row)[1] == pytest.approx(2 * matrix.change(row)[0], rel=1e-4)


def test_a_method_counts_once_however_it_is_given(measurement: Measurement) -> None:
    one = registry.get("zero-filled")
    spelled = ["zero-filled", one, one.at(), "zero-filled", Once()]
    assert transfer_matrix(measurement, spelled, ROI_, kind="spike").columns == ("zero-filled", "Once")


def test_own_models_are_called_as_everywhere_and_searched_on_as_they_were_given(
    measurement: Measurement, tmp_path: Path
) -> None:
    """The head of a column was the script's whole path."""
    scripts = [tmp_path / folder / "mine.py" for folder in ("a", "b")]
    for script in scripts:
        script.parent.mkdir()
        script.write_text("def reconstruct(image):\n    return image\n", encoding="utf-8")
    given = [*map(str, scripts), "zero-filled"]
    matrix = transfer_matrix(measurement, given, ROI_, kind="spike", found_on=[given[1], "zero-filled"])
    assert matrix.columns == ("mine.py", "mine.py (2)", "zero-filled")
    assert list(matrix.found) == ["mine.py (2)", "zero-filled"]
    with pytest.raises(
        InputError, match=r"^one of the methods is <function .*; give an id, or rr.reconstructor\(...\)"
    ):
        transfer_matrix(measurement, [lambda image: image, "tv"], ROI_)  # type: ignore[list-item]


@pytest.mark.slow
def test_what_is_found_on_a_method_is_worst_for_it(measurement: Measurement) -> None:
    methods = {name: registry.get(name) for name in ("cg-sense", "tv")}
    matrix = progress.run(transfer(measurement, methods, ROI_, budget=0.02, target="clean"))
    for column in range(2):
        own, other = (list(methods)[(column + n) % 2] for n in (0, 1))
        assert matrix.change(own)[column] >= matrix.change(other)[column]


@pytest.mark.slow
def test_features_have_a_recovery(measurement: Measurement) -> None:
    matrix = progress.run(
        transfer(
            measurement, {"once": Once(), "cg-sense": registry.get("cg-sense")}, ROI_, kind="fnaf", row=40, column=40
        )
    )
    assert matrix.features is not None
    recovery = matrix.recovery("cg-sense")
    found = matrix.found["cg-sense"]
    assert recovery[1] is not None
    assert recovery[1] == pytest.approx(found.details["recovery"], abs=2e-3)  # sensitivities are estimated anew
    assert torch.equal(found.perturbation, matrix.outcomes["cg-sense"][0].perturbed.perturbation)


@pytest.mark.slow
def test_rows_of_features_say_what_was_inserted_where(measurement: Measurement) -> None:
    methods = {"once": Once(), "twice": Twice()}
    options: dict[str, Any] = {"row": 40, "column": 44, "size": 4, "contrast": -0.3}
    matrix = progress.run(transfer(measurement, methods, ROI_, kind="fnaf", **options))
    details = matrix.found["once"].details
    head, _, first, _ = matrix.markdown().splitlines()
    assert head.split(" | ")[1:6] == ["feature", "row, column", "size (px)", "contrast", "detectability"]
    shown = first.split(" | ")
    assert shown[1:5] == ["blob", "40, 44", "4", "−0.3"]
    assert float(shown[5]) == round(details["detectability"])
    assert [one.to_json() for one in matrix.features or []] == matrix.to_json()["features"]
    assert "detectability" in matrix.legend
    faint = progress.run(transfer(measurement, methods, ROI_, kind="fnaf", **options | {"size": 1, "contrast": 0.01}))
    assert ", not carried" in faint.markdown()


@pytest.mark.slow
def test_another_pose_has_no_random_noise_beside(measurement: Measurement) -> None:
    matrix = progress.run(transfer(measurement, TWO, ROI_, kind="rotation", angle=2, step=2))
    assert matrix.random("once") is None
    assert matrix.to_json()["random"] == [None, None]
    assert matrix.to_json()["acceleration"] == measurement.acceleration
    assert "(" not in matrix.markdown()
    assert "random" not in matrix.legend


def test_only_features_have_recoveries(measurement: Measurement) -> None:
    """Another tone curve was told of as a lesion that is lost below 0.5."""
    matrix = progress.run(transfer(measurement, TWO, ROI_, kind="contrast"))
    assert "recovery" not in matrix.markdown() + matrix.legend + str(matrix.to_json())
    assert f"{matrix.change('once')[1]:.4f}" in matrix.markdown()


def test_what_makes_the_figures_doubtful_is_said_with_its_rows_and_columns(measurement: Measurement) -> None:
    """Air where no coil is seen had "nan (nan)", no word, and an SSIM of which nothing was lost."""
    seen = measurement.calibration.sensitivities.clone()
    seen[:, :12, :12] = 0
    blind = replace(measurement, kept=replace(measurement.calibration, sensitivities=seen))
    matrix = progress.run(transfer(blind, TWO, ROI.box(0, 0, 2, 1), kind="random", sensitivities="kept"))
    assert "nan" not in matrix.markdown()
    assert "| — (—) | — (—) |" in matrix.markdown()
    assert [remark.split(" ", 3)[:3] for remark in matrix.remarks][:2] == [["There", "is", "no"]] * 2
    everywhere = [[row, column] for row in TWO for column in TWO]
    found = matrix.to_json()
    assert [one["outcomes"] for one in found["cautions"][:2]] == [everywhere] * 2
    assert found["ssim_lost"] == found["change"] == [[None, None], [None, None]]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")], ""),
        ([("a", "b"), ("b", "b")], " (seen by b)"),
        ([("b", "a"), ("b", "b")], " (found on b)"),
        ([("a", "a"), ("a", "b"), ("b", "a")], " (found on a; found on b, seen by a)"),
    ],
)
def test_rows_and_columns_in_words(pairs: list[tuple[str, str]], words: str) -> None:
    assert _where(pairs, ["a", "b"], ["a", "b"]) == words


def test_a_method_that_is_named_twice_is_one_row(measurement: Measurement) -> None:
    methods = {"once": Once(), "twice": Twice()}
    matrix = progress.run(transfer(measurement, methods, ROI_, kind="spike", found_on=["once", "once"]))
    assert list(matrix.outcomes) == ["once"]
    assert len(matrix.change("once")) == 2


def test_what_is_searched_on_is_named_by_itself_too(measurement: Measurement) -> None:
    once = Once()
    for given in ([once], [once.at(), once.at().title]):
        matrix = transfer_matrix(measurement, [once, Twice()], ROI_, kind="spike", found_on=given)
        assert list(matrix.outcomes) == [once.at().title]
    for wrong in (registry.get("tv"), ["once"]):
        with pytest.raises(InputError, match="is none of the methods once, twice; name one of them"):
            progress.run(transfer(measurement, TWO, ROI_, found_on=[wrong]))


def test_the_recovery_is_known_without_a_fully_sampled_reference(measurement: Measurement) -> None:
    scanned = Measurement(measurement.kspace, measurement.mask, measurement.matrix)
    methods = {"once": Once(), "twice": Twice()}
    matrix = progress.run(transfer(scanned, methods, ROI_, kind="fnaf", row=40, column=40))
    for row in methods:  # of what was inserted, whichever method's image stands in for the object
        assert matrix.recovery(row) == pytest.approx([0.97, 1.94], abs=0.03)
    columns = {line.count("|") for line in matrix.markdown().splitlines()}
    assert columns == {9}


def test_a_row_must_be_one_of_the_methods(measurement: Measurement) -> None:
    with pytest.raises(InputError, match="'tv' is none of the methods once, twice"):
        progress.run(transfer(measurement, TWO, ROI_, found_on=["tv"]))
    with pytest.raises(InputError, match="the methods to search on are 'once'; give a list"):
        progress.run(transfer(measurement, TWO, ROI_, found_on="once"))


def test_what_is_no_transfer_is_refused(measurement: Measurement) -> None:
    with pytest.raises(InputError, match="once alone transfers nothing"):
        progress.run(transfer(measurement, {"once": Once()}, ROI_))
    with pytest.raises(InputError, match="found on the methods themselves"):
        progress.run(transfer(measurement, TWO, ROI_, algorithm="transfer", stand_in="tv"))


@pytest.mark.slow
@pytest.mark.parametrize(("method", "itself"), [("tv", True), ("cg-sense", False)])
def test_a_method_that_is_its_own_stand_in_is_said(measurement: Measurement, method: str, itself: bool) -> None:
    search = perturbations.get("worst-case").run(
        measurement, registry.get(method), ROI_, (0.01, 0.02), algorithm="transfer", stand_in="tv", steps=2
    )
    for found in progress.run(search):
        assert ("stand_in_itself" in found.findings) == itself


@pytest.mark.slow
def test_command(scan_file: Path) -> None:
    options = ["--slice", "1", "--pattern", "equispaced", "--roi", "30,30,20,20", "--found-on", "cg-sense"]
    result = CliRunner().invoke(cli, ["transfer", str(scan_file), *options, "--method", "cg-sense", "--method", "tv"])
    assert result.exit_code == 0, result.output
    assert "| cg-sense |" in result.output
    assert "budget 1%; effective R = 3." in result.output
    assert "random noise of equal norm" in result.output
    none = CliRunner().invoke(cli, ["transfer", str(scan_file), *options])
    assert "give --method for each" in none.output
    unknown = CliRunner().invoke(cli, ["transfer", str(scan_file), *options, "--method", "tv", "--kind", "wrost"])
    assert "no perturbation 'wrost'" in str(unknown.exception)


def test_it_is_printed_in_a_line(measurement: Measurement) -> None:
    methods = {name: registry.get(name) for name in ("zero-filled", "cg-sense")}
    matrix = progress.run(transfer(measurement, methods, ROI_, kind="random", found_on=["cg-sense"]))
    assert repr(matrix) == "Transfer(found_on=['cg-sense'], evaluated_on=['zero-filled', 'cg-sense'])"
