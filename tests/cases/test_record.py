import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_recon_robust.cases.record import Case, CaseRecipe, array_hash, load_case, save_case, versions
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.writing import WritingError


@pytest.fixture
def case() -> Case:
    random = np.random.default_rng(0)
    samples = (random.standard_normal((2, 3, 8, 9)) + 1j).astype(np.complex64)
    return Case(
        recipe=CaseRecipe(
            perturbation="worst-case",
            perturbation_knobs={"steps": 5},
            budgets=(0.01, 0.02),
            method="tv",
            method_knobs={"weight": 1e-3},
            input=array_hash(samples[0]),
            source={"slice": 3},
            weights={"unet-4x": "ab12"},
            versions=versions(),
            threads=2,
        ),
        roi=ROI.box(1, 2, 3, 4),
        results=[{"budget": {"nominal": 0.01}}, {"budget": {"nominal": 0.02}}],
        matrix=(8, 9),
        kspace={"clean": samples[0], "mask": np.ones((1, 9), bool), "perturbed": samples},
        images={"clean": np.ones((8, 9), np.float32)},
    )


def test_what_is_saved_is_loaded_again(case, tmp_path):
    folder = save_case(case, tmp_path / "deep" / "case")
    assert {path.name for path in folder.iterdir()} == {"case.json", "kspace.h5", "images.npz"}
    loaded = load_case(folder)
    assert loaded.recipe == case.recipe
    assert loaded.roi == case.roi
    assert loaded.results == case.results
    assert loaded.matrix == case.matrix
    for stored, given in ((loaded.kspace, case.kspace), (loaded.images, case.images)):
        assert stored.keys() == given.keys()
        for name, array in given.items():
            np.testing.assert_array_equal(stored[name], array)
            assert stored[name].dtype == array.dtype


def test_the_description_names_no_path(case, tmp_path):
    folder = save_case(case, tmp_path / "case")
    text = (folder / "case.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert json.loads(text)["schema"] == 1
    assert "Not for diagnostic use" in text


def test_an_own_model_has_one_name_whichever_version_saved_the_case(case: Case, tmp_path: Path) -> None:
    save_case(case, tmp_path / "case")
    rewrite(tmp_path / "case", lambda description: description["recipe"].update(method="mine.py:reconstruct"))
    assert load_case(tmp_path / "case").recipe.method == "mine.py"


def test_an_existing_folder_is_not_touched(case, tmp_path):
    (tmp_path / "case").mkdir()
    save_case(case, tmp_path / "case")
    before = (tmp_path / "case" / "case.json").read_bytes()
    with pytest.raises(InputError, match="not empty"):
        save_case(case, tmp_path / "case")
    assert (tmp_path / "case" / "case.json").read_bytes() == before


def test_a_failure_leaves_nothing_behind(case, tmp_path):
    broken = Case(case.recipe, case.roi, [{"loss": float("nan")}] * 2, case.matrix, case.kspace, case.images)
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_case(broken, tmp_path / "case")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"clean": np.ones((3, 8, 9), complex)}, "since its clean is complex128 of shape 3×8×9"),
        ({"mask": np.ones((1, 9))}, "since its mask is float64 of shape 1×9"),
        ({"sensitivities": np.ones((3, 8, 9), np.complex64)}, "since it has no 'noise'"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_saved(case, tmp_path, change, words):
    with pytest.raises(InputError, match=f"the case cannot be saved, {words}; make it with rr.make_case"):
        save_case(replace(case, kspace={**case.kspace, **change}), tmp_path / "case")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["kspace.h5", "images.npz", "case.json"])
def test_a_missing_file_is_named(case, tmp_path, name):
    folder = save_case(case, tmp_path / "case")
    (folder / name).unlink()
    with pytest.raises(FileFormatError, match=name):
        load_case(folder)


@pytest.mark.parametrize("name", ["kspace.h5", "images.npz"])
def test_an_altered_file_is_named(case, tmp_path, name):
    folder = save_case(case, tmp_path / "case")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(FileFormatError, match=f"{name} .* altered"):
        load_case(folder)


def rewrite(folder: Path, change, *, seal: bool = True) -> None:
    """Change the description, and seal it anew, as a broken writer might."""
    path = folder / "case.json"
    description = json.loads(path.read_text(encoding="utf-8"))
    change(description)
    if seal:
        description.pop("seal")
        text = json.dumps(description, sort_keys=True)
        description["seal"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(description), encoding="utf-8")


@pytest.mark.parametrize("change", [lambda d: d["recipe"].update(budgets=[0.05]), lambda d: d.pop("seal")])
def test_an_altered_description_is_refused(change, tmp_path: Path, case: Case) -> None:
    folder = save_case(case, tmp_path / "case")
    load_case(folder)
    rewrite(folder, change, seal=False)
    with pytest.raises(FileFormatError, match="case.json of the saved case case was altered"):
        load_case(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(schema=99), "schema 99"),
        (lambda d: d.pop("files"), "does not describe"),
        (lambda d: d.pop("recipe"), "cannot be read as a saved case"),
        (lambda d: d["recipe"].pop("method"), "cannot be read as a saved case"),
        (lambda d: d.update(roi={"shapes": 3}), "cannot be read as a saved case"),
    ],
)
def test_a_damaged_description_is_said(case, tmp_path, change, words):
    folder = save_case(case, tmp_path / "case")
    rewrite(folder, change)
    with pytest.raises(FileFormatError, match=words):
        load_case(folder)


def test_a_hash_depends_on_type_shape_and_values():
    array = np.arange(6, dtype=np.float32)
    hashes = {array_hash(x) for x in (array, array + 1, array.reshape(2, 3), array.astype(np.float64))}
    assert len(hashes) == 4
    assert array_hash(array) == array_hash(array.copy())


@pytest.mark.parametrize("place", ["case/other", "case/several/other"])
def test_no_case_is_saved_in_another_one_where_the_gallery_would_not_list_it(case, tmp_path, place):
    save_case(case, tmp_path / "case")
    with pytest.raises(WritingError, match="^other cannot be .* would lie in the saved case case, .* beside case"):
        save_case(case, tmp_path / place)
    assert {one.name for one in (tmp_path / "case").iterdir()} == {"case.json", "kspace.h5", "images.npz"}
