"""No person is in two of training, validation and test."""

import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.training.bank import VALIDATION_CASES, Division, build_bank, shares
from napari_recon_robust.training.bank_specification import BankSpecification
from napari_recon_robust.training.contents import Acquisition, Content
from napari_recon_robust.training.people import Split
from napari_recon_robust.training.sources import Origin, Source, find_sources
from napari_recon_robust.weights.metadata import SeenFile

KNEE = ("knee_te6.nii.gz", "knee_te25.nii.gz")


@pytest.fixture
def people_folder(anatomy_folder: Path, tmp_path: Path) -> Path:
    """Two files of one knee, a head, and a neck; the head has the bytes of the first knee."""
    head = (anatomy_folder / "head_a.nii.gz").read_bytes()
    other = (anatomy_folder / "head_b.nii.gz").read_bytes()
    (tmp_path / "data").mkdir()
    plain = gzip.decompress(other)
    neck = gzip.compress(plain[:352] + np.frombuffer(plain[352:], np.int16)[::-1].tobytes())  # another image
    for name, content in zip((*KNEE, "head_a.nii.gz", "neck.nii.gz"), (head, other, head, neck), strict=True):
        (tmp_path / "data" / name).write_bytes(content)
    return tmp_path / "data"


class Blank(Content):
    """Content of a size, to be drawn from."""

    kind = "blank"

    def __init__(self, pixels: float, slices: int) -> None:
        self.pixels, self.slices = pixels, slices

    def acquisition(self, specification: BankSpecification, rng: np.random.Generator) -> Acquisition:
        raise NotImplementedError


def source(person: str, pixels: float = 100.0, slices: int = 20, use: str = "training") -> Source:
    return Source(Blank(pixels, slices), Origin(name=person, kind="blank", sha256=person, person=person, use=use))


def test_the_longest_beginning_says_whose_a_file_is() -> None:
    split = Split(people=[{"files": ["brain", "skull"]}, {"files": ["brain_t2"], "use": "test", "licence": "CC0"}])
    assert split.person(["brain_t1.nii"]).id == split.person(["skull.nii"]).id == "brain"
    assert split.person(["brain_t2.nii"]).licence == "CC0"
    assert split.use(["skull.nii"]) == "training"
    assert split.use(["brain_t2", "1.nii"]) == "test"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (["2022_T101.h5"], ["2022_FLAIR02.h5"], True),
        (["2022_T101.h5"], ["2023_T101.h5"], False),
        (["sub-01_T1w.nii"], ["sub-01", "ses-2", "anat.nii"], True),
        (["sub-01_T1w.nii"], ["sub-01.nii.gz"], True),
        (["sub-01_T1w.nii"], ["sub-012_T1w.nii"], False),
        (["a", "image.nii"], ["b", "image.nii"], False),
    ],
)
def test_files_that_no_list_knows_are_told_apart_by_their_names(
    first: list[str], second: list[str], same: bool
) -> None:
    assert (Split().person(first) == Split().person(second)) == same


def test_what_a_file_says_of_its_patient_counts_and_stays_private() -> None:
    person = Split().person(["a.h5"], "Jane Doe")
    assert person == Split().person(["b.h5"], "Jane Doe") != Split().person(["a.h5"], "Joan Doe")
    assert "Jane" not in person.id


def test_every_file_of_the_shared_data_is_known_and_apart(shared: Path) -> None:
    split = BankSpecification(cases=1, people="anatomy")
    files = sorted((shared / "data" / "anatomy").glob("*.nii.gz"))
    assert files
    assert all(split.person([file.name]).licence for file in files)
    uses = Counter(split.use([file.name]) for file in files)
    assert uses == {"training": len(files) - 7, "validation": 6, "test": 1}
    by_use: dict[str, set[str]] = {}
    for file in files:
        by_use.setdefault(split.use([file.name]), set()).add(split.person([file.name]).id)
    assert {use: len(people) for use, people in by_use.items()} == {"training": 16, "validation": 3, "test": 1}


def test_no_file_of_a_user_is_taken_for_one_of_the_packaged_list() -> None:
    split = Split(people="anatomy")
    names = [f"{name}.nii.gz" for name in ("brain_t1_bob", "brain_t1_anna", "brain_t1_alex", "brain_stroke_001")]
    assert {split.use([name]) for name in names} == {"training"}
    assert [split.person([name]).files for name in names] == [(name,) for name in names]
    assert not any(split.person([name]).licence for name in names)


def test_files_that_are_left_out_are_named(people_folder: Path) -> None:
    said: list[Progress] = []
    run(find_sources(people_folder, Split(exclude=["head_a", "knee_te6"], validation=["neck"])), said.append)
    assert [step.message for step in said if step.notice] == [
        "left out, as the recipe says: head_a.nii.gz, knee_te6.nii.gz"
    ]


def test_names_of_held_out_people_that_no_file_has_are_said(people_folder: Path) -> None:
    """One is misspelt, and its person would be trained on in silence."""
    said: list[Progress] = []
    run(find_sources(people_folder, Split(exclude=["knee", "head"], validation=["Neck", "data"])), said.append)
    assert [step.message for step in said if step.notice][1:] == [
        "no file or folder in data begins with Neck, data, which the recipe excludes or keeps for validation"
    ]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"people": "nobody"}, "no list of people 'nobody'; choose anatomy"),
        ({"people": [{"files": ["knee"]}, {"files": ["neck", "knee"]}]}, "'knee' is among the files of two people"),
        ({"people": [{"files": ["knee"]}, {"files": ["neck"], "id": "knee"}]}, "'knee' is among the ids of two people"),
        ({"people": [{"files": 5}]}, "valid tuple"),
        ({"exclude": ["knee"], "validation": ["knee"]}, "'knee' is among both exclude and validation"),
    ],
)
def test_a_beginning_in_two_lists_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        BankSpecification(cases=1, **values)


def test_a_person_with_files_of_two_uses_is_refused(people_folder: Path) -> None:
    person = {"files": ["knee_te"]}
    with pytest.raises(InputError, match=r"knee_te25.nii.gz and knee_te6.nii.gz are of one person \(knee_te\)"):
        run(find_sources(people_folder, Split(people=[person], validation=["knee_te6"])))
    with pytest.raises(InputError, match="are of one person"):
        run(find_sources(people_folder, Split(people=[person], exclude=["knee_te6"])))
    with pytest.raises(InputError, match=r"knee_te6.nii.gz is named both in exclude and in validation"):
        run(find_sources(people_folder, Split(exclude=["knee"], validation=["knee_te6"])))
    # The same content under another name is the same person too.
    with pytest.raises(InputError, match=r"head_a.nii.gz and knee_te6.nii.gz are of one person"):
        run(find_sources(people_folder, Split(validation=["knee_te6", "neck", "knee_te25"])))


@pytest.mark.slow
def test_validation_shows_the_people_that_are_named(people_folder: Path, tmp_path: Path) -> None:
    specification = BankSpecification(
        cases=3, coils=(4, 4), matrix=(32, 32), minimum_centre_lines=8, validation=["knee_te25", "neck"]
    )
    bank = run(build_bank(specification, people_folder, tmp_path / "bank"))
    assert (len(bank), len(bank.validation)) == (3, 3)
    uses = {origin.name: origin.use for origin in bank.record.sources}
    assert uses == {
        "head_a.nii.gz": "training",
        "knee_te6.nii.gz": "training",
        "knee_te25.nii.gz": "validation",
        "neck.nii.gz": "validation",
    }
    assert "of other people: knee_te25.nii.gz, neck.nii.gz" in bank.record.validation


@pytest.mark.slow
def test_validation_is_the_same_whatever_the_seed_of_the_training(people_folder: Path, tmp_path: Path) -> None:
    banks = [
        run(
            build_bank(
                BankSpecification(
                    cases=1,
                    seed=seed,
                    coils=(4, 4),
                    matrix=(32, 32),
                    minimum_centre_lines=8,
                    validation=["head", "knee_te6"],
                ),
                people_folder,
                tmp_path / str(seed),
            )
        )
        for seed in (1, 2)
    ]
    assert torch.equal(*(bank.validation[0].truth for bank in banks))
    assert not torch.equal(*(bank[0].magnitude.sum() for bank in banks))


def test_whole_people_are_held_out_where_none_is_named() -> None:
    sources = [source(f"person {n % 7}") for n in range(14)]
    division = Division.of(sources, seed=0)
    training = {one.origin.person for one in division.training}
    validation = {one.origin.person for one in division.validation}
    assert len(validation) == 1
    assert len(training) == 6
    assert not training & validation
    assert "since the recipe names none" in division.statement
    assert {one.origin.use for one in division.validation} == {"validation"}
    (alone,) = [source("alone")]
    division = Division.of([alone], seed=0)
    assert division.validation == [alone]
    assert "same person" in division.statement
    with pytest.raises(InputError, match="all of the data are kept for validation"):
        Division.of([source("a", use="validation")], seed=0)


def test_those_are_held_out_whom_the_weights_have_not_seen_and_stay_so() -> None:
    """Of an enlarged folder the weights' own people could be drawn, and the training was refused at its end."""
    sources = [source(f"person {n}") for n in range(5)]
    files = {one.origin.person: SeenFile(**one.origin.model_dump()) for one in sources}
    for new in files:
        learned = [file for person, file in files.items() if person != new]
        division = Division.of(sources, seed=0, learned=learned)
        assert {one.origin.person for one in division.validation} == {new}
        # Processes that help, and later runs, divide as the bank has recorded.
        assert Division.of(sources, seed=0, before=division.record()).record() == division.record()
    assert len(Division.of(sources, seed=0, learned=list(files.values())).validation) == 1


def test_a_bank_for_weights_that_have_learned_from_everybody_is_refused_before_its_cases(
    anatomy_folder: Path, tmp_path: Path
) -> None:
    specification = BankSpecification(cases=1, coils=(4, 4), matrix=(32, 32), minimum_centre_lines=8)
    learned = [SeenFile(**one.origin.model_dump()) for one in run(find_sources(anatomy_folder))]
    with pytest.raises(InputError, match="is for validation, and the weights have learned from"):
        run(build_bank(specification, anatomy_folder, tmp_path / "bank", learned=learned))
    assert not list(tmp_path.rglob("*.safetensors"))


def test_validation_takes_the_people_in_turn(tmp_path: Path) -> None:
    sources = [source("a"), *(source(name, use="validation") for name in "bbbcd")]
    division = Division.of(sources, seed=0)
    specification = BankSpecification(cases=1)
    drawn = [division.validation_draw(tmp_path, specification, number).sources for number in range(VALIDATION_CASES)]
    counts = Counter(chosen[0].origin.person for chosen in drawn)
    assert counts == {"b": 8, "c": 8, "d": 8}


def test_people_are_drawn_by_their_resolution_not_by_their_files() -> None:
    drawn = shares([source("knee", 400), source("knee", 400), source("knee", 400), source("head", 1600)])
    np.testing.assert_allclose(drawn, [1 / 9, 1 / 9, 1 / 9, 2 / 3])
    of_one = shares([source("knee", 100), source("knee", 400)])
    np.testing.assert_allclose(of_one, [1 / 3, 2 / 3])
    one_slice = shares([source("head", slices=1), source("neck", slices=200)])
    np.testing.assert_allclose(one_slice, [1 / 9, 8 / 9])


@pytest.mark.slow
def test_a_dicom_series_knows_its_patient(tmp_path: Path, write_dicom: Callable[..., list[Path]]) -> None:
    import pydicom

    x, y, z = np.mgrid[-1:1:48j, -1:1:24j, -1:1:16j]
    for folder, patient, radius in (("one", "A", 0.9), ("two", "A", 0.9), ("three", "B", 0.8)):
        ball = (800 * (np.sqrt(x**2 + y**2 + z**2) < radius)).astype(np.uint16)
        (tmp_path / folder).mkdir()
        for path in write_dicom(tmp_path / folder, ball, "coronal", (1, 4, 1)):
            image = pydicom.dcmread(path)
            image.PatientID, image.SeriesInstanceUID = patient, f"1.2.{len(folder)}.{ord(folder[0])}"
            image.save_as(path)
    people = [one.origin.person for one in run(find_sources(tmp_path))]
    assert len(people) == 3
    assert sorted(Counter(people).values()) == [1, 2]
