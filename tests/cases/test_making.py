from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.saved_cases import ROI_BOX, compared, saved, slice_of
from napari_recon_robust.cases.making import make_case, size_of_case
from napari_recon_robust.cases.record import load_case, save_case
from napari_recon_robust.data.measurement import Calibration
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground import progress
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry as reconstructors


@pytest.mark.parametrize("full", [True, False])
def test_the_size_of_a_case_is_known_before_it_is_made(tmp_path, full):
    folder = saved(tmp_path, full=full)
    size, least = (folder / "kspace.h5").stat().st_size, size_of_case(slice_of(full=full), 2)
    assert 0.3 * size < least < size


def test_nothing_to_save_is_said():
    with pytest.raises(InputError, match="run a perturbation first"):
        make_case(slice_of(), reconstructors.get("zero-filled"), ROI_BOX, [], perturbation="random")


def test_the_perturbation_and_its_knobs_are_those_of_the_outcomes():
    one, method, outcomes = compared(1, sensitivities="kept")
    recipe = make_case(one, method, ROI_BOX, outcomes).recipe
    assert (recipe.perturbation, recipe.perturbation_knobs) == ("random", {"sensitivities": "kept", "seed": 0})
    unnamed = [replace(outcomes[0], perturbed=replace(outcomes[0].perturbed, kind=""))]
    assert make_case(one, method, ROI_BOX, unnamed, perturbation="random").recipe.perturbation == "random"
    with pytest.raises(InputError, match="the perturbation is missing; give the kind"):
        make_case(one, method, ROI_BOX, unnamed)


def test_outcomes_of_something_else_are_refused():
    one, method, outcomes = compared()
    others = {
        "measurement": (one.with_kspace(2 * one.kspace), method, ROI_BOX),
        "method": (one, reconstructors.get("tv"), ROI_BOX),
        "region": (one, method, ROI.box(9, 9, 9, 9, label=ROI_BOX.label)),
    }
    for what, given in others.items():
        with pytest.raises(
            InputError, match=f"the outcomes are those of another {what}; give what one call of rr.comp"
        ):
            make_case(*given, outcomes)
    with pytest.raises(InputError, match="those of another method"):
        make_case(one, method.at(combine="combined"), ROI_BOX, outcomes)
    with pytest.raises(InputError, match="those of another seed"):
        make_case(one, method, ROI_BOX, [*outcomes, *compared(1)[2]])
    with pytest.raises(InputError, match="of the perturbation 'random', and not of 'noise-level'; give 'random'"):
        make_case(one, method, ROI_BOX, outcomes, perturbation="noise-level")
    with pytest.raises(InputError, match="the outcomes are of seed 0, and not of 3; leave perturbation_knobs out"):
        make_case(one, method, ROI_BOX, outcomes, perturbation_knobs={"seed": 3})
    same = replace(one, kspace=one.kspace.clone())
    assert make_case(same, method.reconstructor, ROI_BOX, outcomes).recipe.method == "zero-filled"


def test_double_precision_is_refused():
    """Its case could not be opened again; rounded, it would not be reproduced."""
    one, method = slice_of(), reconstructors.get("zero-filled")
    one = replace(one, kspace=one.kspace.to(torch.complex128), full=one.full.to(torch.complex128))
    found = progress.run(perturbations.get("random").run(one, method, ROI_BOX, (0.02,)))
    outcomes = progress.run(evaluate(one, method, ROI_BOX, found))
    with pytest.raises(
        InputError, match="the k-space of the measurement is complex128, .* single precision; give complex64"
    ):
        make_case(one, method, ROI_BOX, outcomes)


@pytest.mark.parametrize("name", ["k-space of the calibration lines", "noise"])
def test_double_precision_of_what_belongs_to_the_samples_is_refused_before_saving(name):
    one, method = slice_of(), reconstructors.get("zero-filled")
    kept = Calibration(one.calibration.sensitivities, one.calibration.noise.double())
    one = replace(one, kept=kept) if name == "noise" else replace(one, acs=one.kspace.to(torch.complex128))
    found = progress.run(perturbations.get("random").run(one, method, ROI_BOX, (0.02,)))
    outcomes = progress.run(evaluate(one, method, ROI_BOX, found))
    with pytest.raises(InputError, match=f"the {name} of the measurement is (complex128|float64), and a case holds"):
        make_case(one, method, ROI_BOX, outcomes)


def test_the_facts_of_a_source_are_plain(tmp_path):
    one, method, outcomes = compared()
    facts = {"slice": np.int64(3), "snr": np.float32(2), "voxel": (1.0, 2.0, 3.0), "sampling": Sampling(seed=2)}
    case = make_case(one, method, ROI_BOX, outcomes, source=facts)
    assert case.recipe.source["voxel"] == [1.0, 2.0, 3.0]
    assert case.recipe.source["sampling"]["seed"] == 2
    assert load_case(save_case(case, tmp_path / "case")).recipe.source == case.recipe.source
    for wrong in (float("nan"), {"snr": np.float32("inf")}, tmp_path, {1}):
        with pytest.raises(InputError, match=r"the source has .* as 'fact'; give texts, finite numbers, and lists and"):
            make_case(one, method, ROI_BOX, outcomes, source={"fact": wrong})


def test_the_source_is_by_default_that_of_the_measurement():
    one, method, outcomes = compared()
    assert make_case(one, method, ROI_BOX, outcomes).recipe.source == {"acceleration": one.acceleration}
    known = replace(one, source={"slice": 3, "upright": {"quarters": 2, "mirrored": True}})
    facts = {"slice": 3, "upright": {"quarters": 2, "mirrored": True}, "acceleration": one.acceleration}
    assert make_case(known, method, ROI_BOX, outcomes).recipe.source == facts
    assert make_case(known, method, ROI_BOX, outcomes, source={"slice": 4}).recipe.source == {"slice": 4}


def test_a_case_in_another_unit_than_the_file_says_so():
    one = slice_of()
    zero_filled, box = reconstructors.get("zero-filled"), ROI_BOX
    found = progress.run(perturbations.get("random").run(one, zero_filled, box, (0.01,)))
    outcomes = progress.run(evaluate(one, zero_filled, box, found))
    usual = make_case(one, zero_filled, box, outcomes, perturbation="random")
    other = make_case(replace(one, unit=2.0**-80), zero_filled, box, outcomes, perturbation="random")
    assert "unit" not in usual.recipe.source
    assert other.recipe.source == {**usual.recipe.source, "unit": 2.0**-80}
