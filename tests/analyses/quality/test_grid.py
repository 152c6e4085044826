import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_recon_robust.analyses.quality.grid import Grid, cases, groups, identity, names
from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.io.fastmri import write_fastmri

GRID = Grid(accelerations=(3.0, 8.0), patterns=("random", "equispaced"), seeds=(0, 1), slices=2, matrix=32, coils=4)


def copied(file: Path, copy: Path) -> Path:
    """A copy of the file, of whose folder nothing need be there."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(file.read_bytes())
    return copy


@pytest.fixture
def anatomy(tmp_path: Path) -> Path:
    import nibabel

    x, y, z = np.mgrid[-1:1:40j, -1:1:40j, -1:1:40j]
    head = 1.0 * (np.sqrt(x**2 + y**2 + z**2) < 0.8) + 0.5 * (np.hypot(x - 0.2, y) < 0.2)
    path = tmp_path / "head.nii.gz"
    nibabel.save(nibabel.Nifti1Image(head.astype(np.float32), np.eye(4)), path)
    return path


def test_every_combination_is_a_case_once(scan_file: Path, anatomy: Path) -> None:
    found = list(cases(groups([scan_file, anatomy]), GRID))
    assert len(found) == 2 * 2 * 8
    assert [case.group for case in found] == ["scans"] * 16 + ["simulated"] * 16
    ends = [end for case in found for end in case.span]
    assert ends[0] == 0
    assert ends[-1] == pytest.approx(1)
    assert ends == sorted(ends)
    assert len({(case.group, case.slice, case.sampling) for case in found}) == 32
    assert all(case.measurement.acceleration > 1.2 for case in found)


def test_the_reference_is_the_truth_or_the_full_image(scan_file: Path, anatomy: Path) -> None:
    scan, simulated = (next(cases(groups([path]), GRID)) for path in (scan_file, anatomy))
    assert torch.equal(scan.reference, scan.measurement.reference("combined"))
    assert simulated.truth is not None
    assert torch.equal(simulated.reference, simulated.truth)
    assert simulated.score(simulated.truth)["foreground"].nmse == 0
    assert float(simulated.score(1.1 * simulated.truth)["foreground"].nmse) == pytest.approx(0.01, rel=1e-5)


def test_a_slice_that_lacks_lines_is_left_out_and_told(tmp_path: Path) -> None:
    real, imaginary = np.random.default_rng(0).normal(size=(2, 3, 2, 32, 24))
    kspace = (real + 1j * imaginary).astype(np.complex64)
    kspace[0, ..., 5] = 0
    axes = "slice", "coil", "readout", "phase"
    np.save(tmp_path / "scan.npy", kspace)
    grid, faults = Grid(slices=3), dict[str, ReconRobustError]()
    found = {case.slice for case in cases(groups([tmp_path / "scan.npy"]), grid, axes=axes, faults=faults)}
    assert found == {1, 2}
    (told,) = map(str, faults.values())
    assert told.startswith("slice 0 of scan.npy lacks lines that others have, so that no image is known")


def test_masks_follow_the_protocol(scan_file: Path) -> None:
    first, *_ = Grid(seeds=("file",)).samplings("a.h5", 0)
    assert (first.seed, first.centre_fraction, first.minimum_centre_lines) == ("a.h5", 0.08, 12)
    assert Grid(accelerations=(8.0,)).samplings("a.h5", 0)[0].centre_fraction == 0.04
    assert [sampling.seed for sampling in Grid(seeds=(0, 5)).samplings("a.h5", 2)] == [2, 7]


def test_slices_are_read_when_they_are_asked_for(scan_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_recon_robust.io.fastmri import FastMRIScan

    read = []
    original = FastMRIScan._read
    monkeypatch.setattr(FastMRIScan, "_read", lambda self, index: read.append(index) or original(self, index))
    stream = cases(groups([scan_file]), Grid(slices=3, seeds=(0, 1)))
    next(stream)
    assert len(read) == 1
    stream.close()


def test_groups_are_files_folders_and_names(scan_file: Path, anatomy: Path) -> None:
    assert groups({"knee": scan_file}) == {"knee": [scan_file]}
    assert groups([scan_file.parent]) == {"scans": [scan_file]}


def test_files_without_a_name_are_one_group_and_each_folder_is_one(
    scan_file: Path, anatomy: Path, tmp_path: Path
) -> None:
    other = copied(scan_file, tmp_path / "other.h5")
    assert groups([scan_file, anatomy, other]) == {"scans": [scan_file, other], "simulated": [anatomy]}
    inside = copied(scan_file, tmp_path / "more" / "scan.h5")
    folder = inside.parent
    assert groups([scan_file, folder, other, folder]) == {
        "scans": [scan_file, other],
        "more": [inside],
    }
    alike = [copied(scan_file, tmp_path / name / "scans" / "scan.h5") for name in ("a", "b")]
    assert groups([one.parent for one in alike]) == {"a/scans": [alike[0]], "b/scans": [alike[1]]}
    assert groups([alike[0].parent, scan_file]) == {"scans/": [alike[0]], "scans": [scan_file]}


def test_scans_in_folders_of_a_folder_are_found_and_told_apart_though_their_names_are_the_same(
    scan_file: Path, tmp_path: Path
) -> None:
    kspace = np.random.default_rng(0).normal(size=(2, 1, 2, 32, 32)).astype(np.complex64)
    paths = [tmp_path / "people" / name / "scan.h5" for name in "ab"]
    for path, one in zip(paths, kspace, strict=True):
        path.parent.mkdir(parents=True)
        write_fastmri(path, one, encoded_mm=(32, 32, 1), matrix=(32, 32))
    found = groups([tmp_path / "people"])
    assert found == {"scans": paths}
    scans = [case.scan for case in cases(found, Grid(accelerations=(2.0,)))]
    assert scans == [hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in paths]
    assert len(set(scans)) == 2


def test_an_empty_file_or_link_of_a_folder_is_named_where_it_is_opened(scan_file: Path, tmp_path: Path) -> None:
    sound, empty, note = copied(scan_file, tmp_path / "b.h5"), tmp_path / "a.h5", tmp_path / "notes.txt"
    empty.touch()
    note.touch()
    absent = tmp_path / "c.h5"
    absent.symlink_to(tmp_path / "annex" / "c.h5")  # as of a data set that was fetched in part
    assert groups([tmp_path]) == {"scans": [empty, sound, absent]}


def test_a_scan_is_the_same_under_any_name_and_of_each_pair_of_files(tmp_path: Path) -> None:
    kspace = np.random.default_rng(0).normal(size=(2, 1, 2, 8, 8)).astype(np.complex64)
    np.save(tmp_path / "scan.npy", kspace[0])
    copy = copied(tmp_path / "scan.npy", tmp_path / "b" / "other.npy")
    assert identity(copy) == identity(tmp_path / "scan.npy")
    for number, one in enumerate(kspace):
        (tmp_path / f"{number}.hdr").write_text("# Dimensions\n8 8 1 2\n")
        one.ravel().tofile(tmp_path / f"{number}.cfl")
    assert identity(tmp_path / "0") == identity(tmp_path / "0.cfl") != identity(tmp_path / "1.cfl")


def test_what_cannot_be_compared_on_is_said(scan_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no file or folder scans/missing; check its name"):
        groups(["scans/missing"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no k-space"):
        groups([tmp_path / "empty"])
    kspace = np.zeros((1, 2, 16, 16), np.complex64)
    kspace[..., ::2] = 1
    write_fastmri(tmp_path / "under.h5", kspace, encoded_mm=(16, 16, 1), matrix=(16, 16))
    with pytest.raises(InputError, match="under.h5 is undersampled"):
        next(cases(groups([tmp_path / "under.h5"]), GRID))
    write_fastmri(tmp_path / "zero.h5", 0 * kspace, encoded_mm=(16, 16, 1), matrix=(16, 16))
    with pytest.raises(InputError, match="zero.h5 holds only zeros"):
        next(cases(groups([tmp_path / "zero.h5"]), GRID))


def test_files_of_one_name_are_called_by_the_shortest_ends_that_tell_them_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = {
        "a.h5": "a.h5",
        "patient1/scan.h5": "patient1/scan.h5",
        "../elsewhere/patient2/scan.h5": "patient2/scan.h5",
        "patient3/before/t2.h5": "patient3/before/t2.h5",
        str(tmp_path / "patient4" / "before" / "t2.h5"): "patient4/before/t2.h5",
        "patient4/after/t2.h5": "after/t2.h5",
        "patient4/t2.h5": "patient4/t2.h5",
        **{f"sch{chr(0xDC00 + byte)}del.h5": f"sch\\x{byte:x}del.h5" for byte in (0xE4, 0xE5)},  # not in UTF-8
    }
    assert names([Path(path) for path in paths]) == {Path(path): name for path, name in paths.items()}
    twice = [Path("scan.h5"), tmp_path / "scan.h5"]
    assert names(twice) == dict.fromkeys(twice, "scan.h5")
