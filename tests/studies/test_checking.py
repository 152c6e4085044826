import shutil

import h5py
import numpy as np
import pytest

from helpers.studies import another
from napari_recon_robust.data.scan import Scan
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import open_scan
from napari_recon_robust.studies.checking import check_study
from napari_recon_robust.studies.estimate import estimate_study
from napari_recon_robust.studies.running import run_study, study_status


def test_a_plan_is_counted_without_its_kspace(write_plan, monkeypatch) -> None:
    monkeypatch.setattr(Scan, "_slice", None)
    found = run(check_study(write_plan(slices="all", regions=["image"], methods=["tv", "zero-filled"])))
    assert (found.trials, found.slices, found.methods, found.changes) == (30, 3, 2, 5)
    assert "30 trials" in found.sentence


def test_a_region_that_comes_twice_is_told(write_plan, tmp_path) -> None:
    regions = [{"kind": "drawn", "boxes": ["3,4,5,6"]}, {"kind": "image"}]
    assert run(check_study(write_plan(regions=regions))).trials == 10
    with pytest.raises(InputError, match="has no trial"):
        run(check_study(write_plan(slices=[2])))


def test_annotated_slices_need_regions_that_are_annotated(write_plan) -> None:
    with pytest.raises(InputError, match="no trial: annotated slices are those of regions that are annotations, or dr"):
        run(check_study(write_plan(slices="annotated", regions=["image"])))


@pytest.mark.parametrize(("slices", "regions"), [("annotated", ["image"]), ("all", [])])
def test_a_plan_whose_scans_have_no_annotation_is_told_so(write_plan, tmp_path, slices, regions) -> None:
    path = write_plan(slices=slices, regions=[{"kind": "annotations"}, *regions])
    assert run(check_study(path)).trials
    (tmp_path / "head.csv").unlink()
    with pytest.raises(InputError, match=r"no trial: no scan has an annotation; put .* or ask for other"):
        run(check_study(path))


def test_what_is_guessed_of_files_is_told_once(write_plan, tmp_path) -> None:
    with open_scan(tmp_path / "head.h5") as scan:
        kspace = scan.kspace(1).numpy()
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, kspace * (1 + (name == "b.npy")))
    parts = {"scans": "*.npy", "slices": "all", "regions": ["image"]}
    guessed = run(check_study(write_plan(**parts)))
    assert [(note.partition(" of ")[0], count) for note, count in guessed.notes.items()] == [("The axes", 2)]
    named = write_plan(**parts | {"scans": {"files": ["*.npy"], "axes": ["coil", "readout", "phase"]}})
    assert run(check_study(named)).notes == {}
    by_glob = {"a.npy": "coil, readout, phase", "*.npy": ["coil", "phase", "readout"]}
    for axes, count in (("coil,readout,phase", 0), (by_glob, 0), ({"a.npy": "coil,readout,phase"}, 1)):
        found = run(check_study(write_plan(**parts | {"scans": {"files": ["*.npy"], "axes": axes}})))
        assert (found.scans, sum(found.notes.values())) == (2, count)


@pytest.fixture
def mixed(tmp_path, write_plan):
    """The head, and beside it one of which every second line was measured, and the centre."""
    shutil.copy(tmp_path / "head.h5", tmp_path / "under.h5")
    with h5py.File(tmp_path / "under.h5", "a") as file:
        for lines in (slice(1, 36, 2), slice(61, None, 2)):
            file["kspace"][..., lines] = 0
    return {"scans": "*.h5", "slices": "all"}


def test_undersampled_scans_are_left_out_where_lesions_are_inserted(write_plan, mixed) -> None:
    found = run(check_study(write_plan(**mixed, regions=[{"kind": "lesions", "count": 2}])))
    assert (found.scans, found.trials) == (1, 30)
    assert "under.h5 is undersampled, and lesions are inserted into fully sampled scans" in found.faults["under.h5"]


def test_undersampled_scans_have_the_other_regions_alone(write_plan, mixed) -> None:
    found = run(check_study(write_plan(**mixed, regions=[{"kind": "lesions", "count": 2}, "image"])))
    assert (found.scans, found.trials, found.faults) == (2, 57, {})
    assert [one for one in found.notes if "ndersampled" in one] == [
        "Undersampled, so that there are no lesions and no trials without a perturbation; other images are measured "
        "against the clean ones."
    ]


def test_scans_without_a_trial_are_told(write_plan, tmp_path) -> None:
    for name in ("bare.h5", "other.h5"):
        another(tmp_path / "head.h5", tmp_path / name)
    found = run(check_study(write_plan(scans="*.h5", slices="annotated")))
    assert (found.scans, found.slices) == (3, 1)
    assert found.notes == {"No trial, as no slice has a region that the plan asks for.": 2}


def test_undersampled_scans_are_left_out_where_nothing_is_perturbed(write_plan, mixed) -> None:
    found = run(check_study(write_plan(**mixed, regions=["image"], perturbations=["none"])))
    assert (found.scans, found.trials) == (1, 3)
    assert "under.h5 is undersampled, so that its images have no truth" in found.faults["under.h5"]


def test_a_scan_of_zeros_is_left_out_as_one(write_plan, mixed, tmp_path) -> None:
    """It was called undersampled."""
    with h5py.File(tmp_path / "under.h5", "a") as file:
        file["kspace"][:] = 0
    found = run(check_study(write_plan(**mixed)))
    assert (found.scans, list(found.faults)) == (1, ["under.h5"])
    assert found.faults["under.h5"].endswith("under.h5 holds only zeros; leave it out, or export it again.")


@pytest.mark.thorough
def test_no_trial_of_a_mixed_folder_fails(write_plan, mixed) -> None:
    path = write_plan(**mixed, regions=["image"], masks=[{"pattern": "acquired"}])
    found = run(run_study(path))
    assert (found.trials, found.finished, found.failed) == (27, 27, 0)
    assert run(study_status(path)) == found
    assert run(estimate_study(path)).errors == ()


def test_a_scan_whose_middle_is_damaged_has_lesions_in_its_other_slices(write_plan, tmp_path) -> None:
    with h5py.File(tmp_path / "head.h5", "a") as file:
        file["kspace"][1] = np.nan
    assert run(check_study(write_plan(slices=[0], regions=["lesions"]))).trials == 5


def test_one_file_twice_is_refused_before_it_is_run(write_plan, tmp_path) -> None:
    path = write_plan(scans="*.h5")
    shutil.copy(tmp_path / "head.h5", tmp_path / "copy.h5")
    for job in (check_study(path), run_study(path)):
        with pytest.raises(InputError, match=r"line 2, scans: copy.h5 and head.h5 are one file twice"):
            run(job)


def test_results_that_have_no_place_are_refused_before_a_study_is_run(write_plan, tmp_path) -> None:
    path = write_plan()
    (tmp_path / "plan.results").mkdir()
    (tmp_path / "plan.results" / "letter.txt").write_text("dear")
    for job in (check_study(path), run_study(path)):
        with pytest.raises(InputError, match=r"line 1, study: plan.results is not empty and holds no study"):
            run(job)
    (tmp_path / "case.json").write_text("{}")
    (tmp_path / "plan.results" / "letter.txt").unlink()
    for job in (check_study(path), run_study(path)):
        with pytest.raises(InputError, match=r"line 1, study: plan.results .* would lie in the saved case"):
            run(job)


def test_what_this_machine_lacks_is_told(write_plan) -> None:
    path = write_plan(device="cuda:99")
    assert [one for one in run(check_study(path)).notes if "has no device 'cuda:99'" in one]
    with pytest.raises(InputError, match="has no device 'cuda:99'"):
        run(run_study(path))


def test_masks_that_are_another_than_they_say_are_told(write_plan) -> None:
    path = write_plan(masks=[{"acceleration": 8, "centre_fraction": 0.9}])
    assert run(check_study(path)).notes == {"The centre of 90% makes the acceleration 1.1, not 8.": 1}
    path = write_plan(masks=["acquired", {"acceleration": 8, "minimum_centre_lines": 400}])
    with pytest.raises(InputError, match=r"line \d+, masks, 2: the mask leaves none of the 96 lines of head.h5 out"):
        run(check_study(path))


def test_regions_outside_of_the_image_are_told(write_plan) -> None:
    drawn = [{"kind": "drawn", "boxes": ["3,4,5,6", "90,4,50,6"]}]
    (note,) = run(check_study(write_plan(regions=drawn))).notes
    assert note.startswith(
        "The trials of a drawn region will fail: the ROI with rows 90 to 139 and columns 4 to 9 reach"
    )


def test_annotations_that_get_no_trial_are_told(write_plan, tmp_path) -> None:
    table = tmp_path / "head.csv"
    sound = table.read_text(encoding="utf-8")
    whole = sound + "head,0,Yes,,,,,Global\n"
    table.write_text(whole, encoding="utf-8")
    assert run(check_study(write_plan())).notes == {}
    table.write_text(whole + "head,0,No,-5,24,12,10,Edema\nhead,9,No,48,24,12,10,Edema\n", encoding="utf-8")
    (note,) = run(check_study(write_plan())).notes
    assert note == (
        "No trial for 2 annotations of head.h5. "
        "'Edema' on slice 0: its box (x -5, y 24, width 12, height 10) is empty or reaches outside the image."
    )
    assert run(check_study(write_plan(regions=[{"kind": "annotations", "labels": ["lesion"]}]))).notes == {}
    table.write_text(sound + "head,9,No,48,24,12,10,Edema\n", encoding="utf-8")
    (note,) = run(check_study(write_plan())).notes
    assert note == "No trial for 1 annotation of head.h5. 'Edema' on slice 9: the scan has slices 0 to 2."


def test_undersampled_scans_have_no_slices_to_filter(write_plan, mixed) -> None:
    path = write_plan(
        scans="*.h5",
        slices={"take": "all", "filter": {"proxy": "cg-sense", "count": 2}},
        regions=["image"],
        perturbations=[{"kind": "random", "budgets": [0.01]}],
    )
    found = run(check_study(path))
    assert (found.scans, found.slices <= 3) == (1, True)
    assert "under.h5 is undersampled, so that no proxy can be judged on it" in found.faults["under.h5"]


@pytest.mark.parametrize(
    ("perturbations", "states"),
    [
        (["none"], "1 state of the samples (1 clean)"),
        ([{"kind": "noise-level"}], "1 state of the samples (1 perturbed)"),
        ([{"kind": "random", "budgets": [0.01]}], "2 states of the samples (1 perturbed, 1 control)"),
        (
            ["none", {"kind": "random", "budgets": [0.01, 0.05]}],
            "5 states of the samples (1 clean, 2 perturbed, 2 controls)",
        ),
    ],
)
def test_states_of_the_samples_are_named(write_plan, perturbations, states: str) -> None:
    found = run(check_study(write_plan(perturbations=perturbations)))
    assert f"1 slice (1 measurement with all masks), 1 method, {states}" in found.sentence
