import json
import signal

import numpy as np
import pytest
import torch

from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics import coils
from napari_recon_robust.training.bank import Draw, build_bank, fill_bank
from napari_recon_robust.training.bank_specification import BankSpecification


@pytest.mark.slow
def test_a_bank_is_continued_where_it_was_interrupted(anatomy_folder, specification, bank, tmp_path):
    job = build_bank(specification, anatomy_folder, tmp_path)
    while len(list(tmp_path.glob("case-*"))) < 2:
        next(job)
    job.close()
    half = sorted(path.name for path in tmp_path.glob("case-*"))
    assert 0 < len(half) < specification.cases
    whole = run(build_bank(specification, anatomy_folder, tmp_path))
    assert len(whole) == specification.cases
    for number in range(len(whole)):
        assert torch.equal(whole[number].coil_images, bank[number].coil_images)


def test_strong_noise_is_that_of_every_fifth_case_for_training(anatomy_folder, specification, bank, tmp_path):
    """All other cases, and those for validation, are as without it."""
    wanted = specification.model_copy(update={"strong_noise": (0.1, 0.2)})
    noisy = run(build_bank(wanted, anatomy_folder, tmp_path))
    assert noisy[0].noise > 0.05
    assert bank[0].noise < 0.05
    assert torch.equal(noisy[1].coil_images, bank[1].coil_images)
    assert torch.equal(noisy.validation[0].coil_images, bank.validation[0].coil_images)
    assert [number for number in range(12) if wanted.of_training_case(number).noise == (0.1, 0.2)] == [0, 5, 10]
    assert wanted.all_noise == (0.0015, 0.2)
    assert specification.all_noise == (0.0015, 0.025)


def test_a_bank_of_another_recipe_is_not_used(anatomy_folder, specification, bank):
    other = specification.model_copy(update={"seed": 9, "exclude": ("head_c",)})
    with pytest.raises(InputError, match="another recipe, whose bank has other exclude, seed;"):
        run(build_bank(other, anatomy_folder, bank.paths[0].parent))


@pytest.mark.slow
def test_a_bank_that_another_run_is_making_is_left_alone(anatomy_folder, specification, tmp_path):
    job = build_bank(specification, anatomy_folder, tmp_path)
    next(job)
    with pytest.raises(InputError, match="another run is making the cases"):
        run(build_bank(specification, anatomy_folder, tmp_path))
    job.close()
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == specification.cases


def test_a_bank_goes_on_with_the_same_files_alone(anatomy_folder, specification, bank, tmp_path):
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "case-00001.safetensors").unlink()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "head_a.nii.gz").write_bytes((anatomy_folder / "head_a.nii.gz").read_bytes())
    with pytest.raises(InputError, match="was made from other files than"):
        run(build_bank(specification, tmp_path / "data", tmp_path))


def test_of_a_complete_bank_the_data_that_it_does_not_show_are_named(anatomy_folder, specification, bank, tmp_path):
    folder = bank.paths[0].parent

    def notices(data):
        said = []
        assert len(run(build_bank(specification, data, folder), said.append)) == len(bank)
        return [step.message for step in said if step.notice]

    (tmp_path / "data").mkdir()
    assert notices(tmp_path / "data") == [f"the cases in {folder.name} show head_a.nii.gz, head_b.nii.gz, not in data"]
    for name in ("head_a", "head_b"):
        (tmp_path / "data" / f"{name}.nii.gz").write_bytes((anatomy_folder / f"{name}.nii.gz").read_bytes())
    assert notices(tmp_path / "data") == []
    for name in "vwxyz":
        (tmp_path / "data" / f"{name}.nii").touch()
    (words,) = notices(tmp_path / "data")
    assert "are complete and show nothing of v.nii, w.nii, x.nii and 2 others; give another folder" in words
    with pytest.raises(InputError, match="there is no folder"):
        run(build_bank(specification, tmp_path / "missing", folder))


def test_of_a_new_bank_it_is_said_who_is_for_validation(anatomy_folder, specification, bank, tmp_path, monkeypatch):
    monkeypatch.setattr(Draw, "save", lambda draw: None)

    def notices(data, folder):
        said = []
        run(build_bank(specification, data, tmp_path / folder), said.append)
        return [step.message for step in said if step.notice]

    chosen = bank.record.validation.rpartition(" ")[2]
    assert notices(anatomy_folder, "two") == [f"1 person is for training, 1 for validation ({chosen})"]
    assert notices(anatomy_folder, "two") == []
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.nii.gz").write_bytes((anatomy_folder / "head_a.nii.gz").read_bytes())
    words = "one person alone (a.nii.gz), from whom other cases are for validation"
    assert notices(tmp_path / "data", "one") == [words]


def test_a_bank_that_was_begun_with_other_sensitivities_is_not_continued(
    anatomy_folder, specification, bank, tmp_path, monkeypatch
):
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "case-00001.safetensors").unlink()
    monkeypatch.setattr(coils, "EIGENVALUE_THRESHOLD", 0.97)
    with pytest.raises(InputError, match="was begun by another version, which simulates or calibrates otherwise"):
        run(build_bank(specification, anatomy_folder, tmp_path))
    with pytest.raises(InputError, match="was begun by another version"):
        run(fill_bank(tmp_path, anatomy_folder, False, 0, 1))
    assert not (tmp_path / "case-00001.safetensors").exists()
    monkeypatch.undo()
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == specification.cases


def test_a_bank_whose_validation_shows_the_same_people_is_refused(anatomy_folder, specification, bank, tmp_path):
    """As earlier versions made them."""
    for path in (*bank.paths, bank.paths[0].parent / "bank.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(InputError, match="made by an earlier version"):
        run(build_bank(specification, anatomy_folder, tmp_path))


@pytest.mark.slow
def test_a_full_disk_loses_nothing(anatomy_folder, specification, tmp_path):
    """The error comes from the system, as it would: the limit on a file's size stands for the disk's."""
    resource = pytest.importorskip("resource")
    job = build_bank(specification, anatomy_folder, tmp_path)
    while not (tmp_path / "case-00000.safetensors").exists():
        next(job)
    before = (tmp_path / "case-00000.safetensors").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(
            InputError, match=r"case-00001.safetensors cannot be written to .*: what has been made is kept"
        ):
            run(job)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.glob(".*"))
    assert (tmp_path / "case-00000.safetensors").read_bytes() == before
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == specification.cases


@pytest.mark.slow
def test_what_is_damaged_is_made_again_or_named(anatomy_folder, specification, tmp_path):
    first, second = (tmp_path / f"case-0000{number}.safetensors" for number in range(2))
    bank = run(build_bank(specification, anatomy_folder, tmp_path))
    before, content = [case.truth for case in bank], bytearray(second.read_bytes())
    first.write_bytes(first.read_bytes()[:1000])
    second.write_bytes(b"")
    again = run(build_bank(specification, anatomy_folder, tmp_path))
    assert all(torch.equal(case.truth, truth) for case, truth in zip(again, before, strict=True))
    content[-100] ^= 1
    second.write_bytes(bytes(content))
    with pytest.raises(
        InputError, match=r"case-00001.safetensors cannot be read .* \(it is damaged\); delete it and start"
    ):
        again[1]
    for name in ("bank.json", "sources.json"):
        whole = (tmp_path / name).read_text(encoding="utf-8")
        for half in ("", whole[: len(whole) // 2]):
            (tmp_path / name).write_text(half, encoding="utf-8")
            second.unlink(missing_ok=True)
            with pytest.raises(InputError, match=f"{name} in .* is damaged; delete bank.json and sources.json"):
                run(build_bank(specification, anatomy_folder, tmp_path))
        (tmp_path / name).write_text(whole, encoding="utf-8")
    (tmp_path / "bank.json").unlink()
    (tmp_path / "sources.json").unlink()
    assert torch.equal(run(build_bank(specification, anatomy_folder, tmp_path))[1].truth, before[1])


@pytest.mark.slow
def test_a_volume_of_one_slice_is_drawn_from(specification, tmp_path):
    import nibabel

    row, column = np.mgrid[-1:1:96j, -1:1:96j]
    head = 500.0 * (np.hypot(row / 0.8, column / 0.7) < 1) - 200 * (np.hypot(row - 0.2, column) < 0.3)
    nibabel.save(nibabel.Nifti1Image(head[..., None].astype(np.int16), np.eye(4)), tmp_path / "slice.nii.gz")
    bank = run(build_bank(specification, tmp_path, tmp_path / "bank"))
    assert all(bank[number].truth.abs().mean() > 0.05 for number in range(len(bank)))


def test_a_volume_of_nan_is_refused(specification, tmp_path):
    import nibabel

    volume = np.full((64, 64, 64), np.nan, np.float32)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "nan.nii.gz")
    with pytest.raises(ReconRobustError, match="no positive values"):
        run(build_bank(specification, tmp_path, tmp_path / "bank"))


def test_a_bank_of_an_older_version_is_used(anatomy_folder, specification, bank, tmp_path):
    """Its record lacks fields that have come since; their defaults are what it was made with."""
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    values = json.loads((tmp_path / "bank.json").read_text(encoding="utf-8"))
    del values["other_contrast"]
    (tmp_path / "bank.json").write_text(json.dumps(values), encoding="utf-8")
    assert len(run(build_bank(specification, anatomy_folder, tmp_path))) == len(bank)


def test_a_bank_from_before_its_people_had_ids_is_used_where_it_shows_the_same(anatomy_folder, specification, tmp_path):
    """Its list of people had beginnings of names, the first of which was what is now the id."""
    data, folder = tmp_path / "data", tmp_path / "bank"
    data.mkdir()
    for head, name in (("head_a", "knee_mese_te6"), ("head_b", "brain_stroke_t1")):
        (data / f"{name}.nii.gz").write_bytes((anatomy_folder / f"{head}.nii.gz").read_bytes())
    wanted = BankSpecification(**specification.model_dump() | {"cases": 1, "people": "anatomy"})
    run(build_bank(wanted, data, folder))
    described, recorded, case = (folder / name for name in ("bank.json", "sources.json", "case-00000.safetensors"))
    values, record = (json.loads(path.read_text(encoding="utf-8")) for path in (described, recorded))
    assert [origin["person"] for origin in record["sources"]] == ["knee_mese_te", "brain_stroke_"]
    for person in values["people"]:
        person["files"] = [person.pop("id")]
    before = json.dumps(values)

    described.write_text(before, encoding="utf-8")
    assert len(run(build_bank(wanted, data, folder))) == 1
    case.unlink()
    assert len(run(build_bank(wanted, data, folder))) == 1

    described.write_text(before, encoding="utf-8")
    record["sources"][1]["name"] = "brain_stroke_001.nii.gz"  # a user's, which the beginning took for one of the list
    recorded.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(InputError, match="another recipe"):
        run(build_bank(wanted, data, folder))
    for changed in ({"use": "test"}, {"files": ["knee"]}):
        people = [dict(person) for person in values["people"]]
        people[0] |= changed
        described.write_text(json.dumps(values | {"people": people}), encoding="utf-8")
        record["sources"][1]["name"] = "brain_stroke_t1.nii.gz"
        recorded.write_text(json.dumps(record), encoding="utf-8")
        with pytest.raises(InputError, match="another recipe"):
            run(build_bank(wanted, data, folder))
