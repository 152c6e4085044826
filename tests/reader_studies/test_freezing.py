"""Freezing: what lies in the folder tells no arm, and what does not fit is refused before anything is written."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.reading import VOLUMES, case_of, draw_the_same, plan, under_another_mask
from helpers.reported import pictured
from napari_recon_robust.cases.record import load_case, save_case, slice_hash
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.writing import WritingError
from napari_recon_robust.reader_studies import freezing
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.bundle import Bundle, key_of
from napari_recon_robust.reader_studies.freezing import check_cases, freeze
from napari_recon_robust.reader_studies.order import draw


@pytest.mark.slow
def test_images_are_those_of_the_cases_under_names_that_tell_nothing(cases: Path, tmp_path: Path) -> None:
    bundle = Bundle(freeze(plan(), tmp_path / "study", cases))
    key = bundle.unsealed()
    behind = {one["id"]: one for one in key["presentations"]}
    for shown in bundle.shown:
        one = behind[shown.id]
        stored = load_case(cases / one["case"]).images
        wanted = np.abs(stored["clean"] if one["arms"] == ["clean"] else stored["perturbed"][-1])
        np.testing.assert_allclose(bundle.image(shown.images[0], shown), wanted[None], rtol=1e-6)
        assert shown.window[1] == pytest.approx(float(np.percentile(np.abs(stored["reference"]), 99.7)), rel=1e-5)
    names = {image for shown in bundle.shown for image in shown.images}
    assert len(names) == 12
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in names)


@pytest.mark.slow
def test_the_slices_of_a_case_are_those_of_its_saved_cases_in_their_order(cases: Path, tmp_path: Path) -> None:
    bundle = Bundle(freeze(plan(cases=VOLUMES, viewing={"reference": True}), tmp_path / "study", cases))
    key = bundle.unsealed()
    arms = {one["id"]: one for one in key["presentations"]}
    assert (bundle.slices, {one.slices for one in bundle.shown}) == (3, {3})
    for shown in bundle.shown:
        first = 0 if arms[shown.id]["case"] == "v0" else 3
        stored = [load_case(cases / f"c{at}").images for at in range(first, first + 3)]
        name = arms[shown.id]["arms"][0]
        wanted = [one["clean"] if name == "clean" else one["perturbed"][-1] for one in stored]
        np.testing.assert_allclose(bundle.image(shown.images[0], shown), np.abs(wanted), rtol=1e-6)
        references = np.abs([one["reference"] for one in stored])
        np.testing.assert_allclose(bundle.image(shown.reference, shown), references, rtol=1e-6)
        assert shown.window[1] == pytest.approx(float(np.percentile(references, 99.7)), rel=1e-5)
        assert shown.maximum == pytest.approx(float(references.max()), rel=1e-5)
    assert [len(hashes) for hashes in key["sources"]["v0"].values()] == [3, 3]


@pytest.mark.slow
def test_all_images_of_a_case_have_its_own_length(cases: Path, tmp_path: Path) -> None:
    """In all arms, and of the reference: so that a length tells a case, as presentations do, and no arm."""
    several = [*VOLUMES, {"id": "c0", "saved": "c0", "patient": "p0"}]
    bundle = Bundle(freeze(plan(cases=several, viewing={"reference": True}), tmp_path / "study", cases))
    lengths = {
        (shown.slices, (bundle.folder / f"{name}.f32").stat().st_size)
        for shown in bundle.shown
        for name in (*shown.images, shown.reference)
    }
    assert lengths == {(1, 4 * 18 * 22), (3, 4 * 3 * 18 * 22)}


def test_what_lies_in_the_folder_does_not_tell_the_arm(cases: Path, tmp_path: Path) -> None:
    folder = freeze(plan(), tmp_path / "study", cases)
    texts = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.json"))
    assert "attacked" not in texts
    assert "perturbed" not in texts
    assert "c0" not in json.loads((folder / "study.json").read_text(encoding="utf-8"))
    assert '"case"' not in texts


def test_the_order_and_the_times_of_files_do_not_tell_the_arm(cases: Path, tmp_path: Path) -> None:
    """Cases, and the images of each, were written and are listed in the order of names that were drawn by lot."""
    bundle = Bundle(freeze(plan(viewing={"reference": True}), tmp_path / "study", cases))
    assert len({path.stat().st_mtime_ns for path in bundle.folder.iterdir()}) == 1
    listed = [name.removesuffix(".f32") for name in bundle.manifest["files"] if name.endswith(".f32")]
    of_case = {name: one.same for one in bundle.shown for name in (*one.images, one.reference)}
    assert listed == sorted(listed, key=lambda name: (of_case[name], name))


def test_who_has_the_plan_but_the_arms_cannot_draw_the_order_again(cases: Path, tmp_path: Path) -> None:
    """The title is in the folder and on the page, and a seed is soon guessed."""
    orders = []
    for name in ("one", "two"):
        key = Bundle(freeze(plan(seed=1), tmp_path / name, cases)).unsealed()
        orders.append([(one["case"], one["arms"]) for one in key["presentations"]])
        again = draw(plan(seed=1), str, key["secret"])
        assert orders[-1] == [(one.case, [*one.arms]) for one in again]
    assert orders[0] != orders[1]


@pytest.mark.parametrize("arms", [("clean", "perturbed"), ("reference", "clean")])
def test_no_window_is_that_of_one_arm_alone(cases: Path, tmp_path: Path, arms: tuple[str, str]) -> None:
    """Whoever can read the numbers of the page would look for the image whose percentile or maximum they are."""
    kept = load_case(cases / "c0")
    images = {name: image for name, image in kept.images.items() if name != "reference" or "reference" in arms}
    save_case(replace(kept, images=images), tmp_path / "c0")
    compared = [{"name": name, "image": name} for name in arms]
    entry = {"id": "c0", "saved": "c0", "patient": "p"}
    bundle = Bundle(freeze(plan(arms=compared, cases=[entry]), tmp_path / "study", tmp_path))
    for shown in bundle.shown:
        image = bundle.image(shown.images[0], shown)
        assert shown.window[1] != pytest.approx(float(np.percentile(image, 99.7)), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"cases": VOLUMES, "viewing": {"region": True}}])
def test_two_studies_that_differ_in_the_arm_alone_differ_in_pixels_alone(
    cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Names, sizes and words are compared with the same secret and the same opaque names in both."""
    told = []
    for image in ("clean", "perturbed"):
        draw_the_same(monkeypatch)
        folder = freeze(plan(arms=[{"name": "one", "image": image}], **changes), tmp_path / image, cases)
        sizes = sorted((path.name, path.stat().st_size) for path in folder.glob("*.f32"))
        told.append((sizes, *((folder / name).read_bytes() for name in ("presentations.json", "study.json"))))
    assert told[0] == told[1]


@pytest.mark.slow
def test_a_frozen_study_is_never_written_over(cases: Path, tmp_path: Path) -> None:
    freeze(plan(), tmp_path / "study", cases)
    with pytest.raises(InputError, match="never written over"):
        freeze(plan(), tmp_path / "study", cases)


def test_a_case_that_is_missing_leaves_nothing_behind(cases: Path, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError):
        freeze(plan(), tmp_path / "study", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_key_without_its_folder_is_not_left(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = freezing.write

    def fails(path: Path, content: object, **how: bool) -> None:
        if path.suffix != ".json":
            raise WritingError("study cannot be written (the disk is full); make room.")
        written(path, content, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(freezing, "write", fails)
    with pytest.raises(WritingError, match="the disk is full"):
        freeze(plan(), tmp_path / "study", cases)
    assert not list(tmp_path.iterdir())


def test_arms_of_one_case_show_one_slice(cases: Path, tmp_path: Path) -> None:
    one = {"id": "c0", "saved": {"clean": "c0", "attacked": "c1"}, "patient": "p"}
    with pytest.raises(InputError, match="c1 shows another slice than c0"):
        freeze(plan(cases=[one]), tmp_path / "study", cases)
    shutil.copytree(cases / "c0", tmp_path / "c0")
    shutil.copytree(cases / "c0", tmp_path / "again")
    freeze(plan(cases=[{**one, "saved": {"clean": "c0", "attacked": "again"}}]), tmp_path / "study", tmp_path)


@pytest.mark.slow
def test_a_slice_is_known_by_its_samples_whatever_its_mask(cases: Path, tmp_path: Path) -> None:
    for number in range(3):
        shutil.copytree(cases / f"c{number}", tmp_path / f"c{number}")
    save_case(under_another_mask(case_of(0)), tmp_path / "masked")
    listed = [{"id": name, "saved": name, "patient": name} for name in ("c0", "c1", "c2", "masked")]
    with pytest.raises(InputError, match="c0 and masked show the same anatomy, and are of the patients 'c0' and"):
        check_cases(plan(cases=listed), tmp_path)
    listed[-1]["patient"] = "c0"
    bundle = Bundle(freeze(plan(cases=listed), tmp_path / "study", tmp_path))
    behind = {one["id"]: one["case"] for one in bundle.unsealed()["presentations"]}
    same = {behind[one.id]: one.same for one in bundle.shown}
    assert same["c0"] == same["masked"]
    assert len(set(same.values())) == 3
    with pytest.raises(InputError, match="masked shows the same slice as c0; name each slice once"):
        check_cases(plan(cases=[{"id": "v", "saved": ["c0", "masked"], "patient": "p"}]), tmp_path)
    check_cases(plan(cases=[{"id": "v", "saved": {"clean": "c0", "attacked": "masked"}, "patient": "p"}]), tmp_path)


@pytest.mark.slow
def test_a_slice_is_known_under_a_lesion_that_a_study_inserted(cases: Path, tmp_path: Path) -> None:
    shutil.copytree(cases / "c0", tmp_path / "c0")
    other = case_of(1)
    source = {**other.recipe.source, "anatomy": slice_hash(case_of(0))}
    save_case(replace(other, recipe=other.recipe.model_copy(update={"source": source})), tmp_path / "c1")
    listed = [{"id": name, "saved": name, "patient": "p"} for name in ("c0", "c1")]
    assert len({one.same for one in Bundle(freeze(plan(cases=listed), tmp_path / "study", tmp_path)).shown}) == 1
    wrong = [{"id": "c0", "saved": {"clean": "c0", "attacked": "c1"}, "patient": "p"}]
    with pytest.raises(InputError, match="c1 shows another slice than c0"):
        check_cases(plan(cases=wrong), tmp_path)


def test_cases_that_share_slices_through_others_are_of_one_patient(cases: Path, tmp_path: Path) -> None:
    chain = [["c0"], ["c2", "c3"], ["c0", "c1"], ["c1", "c2"], ["c4"]]
    listed = [{"id": f"v{at}", "saved": saved, "patient": "p"} for at, saved in enumerate(chain)]
    listed[1]["patient"] = "other"
    with pytest.raises(InputError, match="v0 and v1 show the same anatomy"):
        check_cases(plan(cases=listed), cases)


def _save(folder: Path, rows: int = 40, brighter: float = 1.0, top: int = 8, **source: Any) -> None:
    """A case of (rows, 56) pixels with a region of 4×4 from row `top` and column 30 on."""
    case = pictured(rows, **source)
    images = {name: image if image.dtype == bool else brighter * image for name, image in case.images.items()}
    samples = np.full((2, 1, rows, 56), brighter, np.complex64)
    kspace = {"clean": samples[0], "mask": np.ones((1, 56), bool), "perturbed": samples, "random": samples}
    save_case(replace(case, images=images, kspace=kspace, roi=ROI.box(top, 30, 4, 4)), folder)


@pytest.mark.slow
def test_slices_that_cannot_be_shown_in_one_view_are_said(tmp_path: Path) -> None:
    _save(tmp_path / "first")
    _save(tmp_path / "wide", 44, 2.0)
    _save(tmp_path / "thick", brighter=2.0, voxel=[1, 1, 5])
    _save(tmp_path / "turned", brighter=2.0, turn=FIRST_ROW_BELOW)
    for name, words in {
        "first": "first shows the same slice as first; name each slice once",
        "wide": "wide has 44×56 pixels and first 40×56; the slices of a case are of one scan",
        "thick": "thick has another voxel size or orientation than first",
        "turned": "turned has another voxel size or orientation than first",
        "nowhere": "nowhere",
    }.items():
        wrong = plan(cases=[{"id": "v", "saved": ["first", name], "patient": "p"}])
        with pytest.raises((InputError, FileFormatError), match=words):
            check_cases(wrong, tmp_path)
        with pytest.raises((InputError, FileFormatError), match=words):
            freeze(wrong, tmp_path / "study", tmp_path)


@pytest.mark.slow
def test_the_square_of_several_slices_is_around_the_regions_of_all(tmp_path: Path) -> None:
    for number, top in enumerate((20, 60)):
        _save(tmp_path / f"c{number}", 200, 1.0 + number, top)
    several = plan(cases=[{"id": "v", "saved": ["c0", "c1"], "patient": "p"}], viewing={"region": True})
    assert {one.region for one in Bundle(freeze(several, tmp_path / "study", tmp_path)).shown} == {(12, 0, 60, 56)}


@pytest.mark.slow
def test_a_lesion_beside_the_square_is_refused(tmp_path: Path) -> None:
    """Readers are told that only what is in the square counts."""
    _save(tmp_path / "c0", 200, top=20)  # the square has the rows 6 to 37 and the columns 16 to 47
    for corner, inside in (((10, 20), True), ((36, 46), True), ((38, 20), False), ((20, 48), False)):
        box = {"kind": "box", "row": corner[0], "column": corner[1], "height": 4, "width": 4}
        case = {"id": "c0", "saved": "c0", "patient": "p", "lesion": True, "place": {"shapes": [box]}}
        check_cases(plan(cases=[case]), tmp_path)
        if inside:
            check_cases(plan(cases=[case], viewing={"region": True}), tmp_path)
        else:
            with pytest.raises(InputError, match="c0 has a lesion outside of the square"):
                check_cases(plan(cases=[case], viewing={"region": True}), tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_the_key_is_for_its_user_alone(cases: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(key_of(freeze(plan(), tmp_path / "study", cases)).stat().st_mode) == 0o600


@pytest.mark.slow
def test_the_square_that_shows_where_to_look_holds_the_region(study: Callable[..., Answers]) -> None:
    bundle = study(viewing={"region": True}).bundle
    rows, columns = np.nonzero(case_of(0).roi.mask(case_of(0).matrix).numpy())
    for shown in bundle.shown:
        assert shown.region is not None
        row, column, height, width = shown.region
        assert row <= rows.min()
        assert rows.max() < row + height
        assert column <= columns.min()
        assert columns.max() < column + width
        assert row + height <= shown.rows
        assert column + width <= shown.columns
