"""The folders of kept reviews."""

import os
import platform
import re
import subprocess
import sys
import time
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.machine import machine
from napari_recon_robust.workbench import saved_review
from napari_recon_robust.workbench.saved_review import Found, SavedAttack, SavedRegion, SavedReview, SavedScan, Store


@pytest.fixture
def gone() -> str:
    """The folder's name of a process that has ended."""
    code = "from napari_recon_robust.workbench.saved_review import Store; print(Store().place.name)"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return ended.stdout.strip()


def test_a_review_is_offered_when_its_process_is_gone(kept: Path, gone: str) -> None:
    running = Store()
    running.write(SavedReview(method="tv"))
    assert saved_review.kept() == (), "its window is open"
    Store(kept / gone).write(SavedReview(method="hqs"))
    (found,) = saved_review.kept()
    assert found.review.method == "hqs"
    running.write(SavedReview(method="tv", closed=True))
    (found,) = saved_review.kept()
    assert (found.review.method, (kept / gone).exists()) == ("tv", False)


def test_what_cannot_be_read_is_not_offered(kept: Path, gone: str) -> None:
    store = Store(kept / gone)
    store.make()
    for content in ("", "{", "[]", '{"version": 99}', '{"slice": -1}', '{"unknown": 1}'):
        (store.place / "state.json").write_text(content)
        assert saved_review.kept() == ()


def test_a_review_of_another_machine_is_not_touched(kept: Path) -> None:
    Store(kept / "elsewhere-1-1000-0").write(SavedReview())
    assert saved_review.kept() == ()
    assert saved_review.forget() == 1
    assert not kept.exists()
    assert saved_review.forget() == 0


def test_a_review_from_before_the_machine_was_started_anew_is_offered(kept: Path, gone: str) -> None:
    name, _, begun, count = gone.split("-")
    assert name == machine()
    if name.count("_") < 2:
        pytest.skip("the system does not tell when it was started")
    first, _, container = name.split("_")
    Store(kept / f"{first}_0_{container}-{os.getpid()}-{begun}-{count}").write(SavedReview(method="hqs"))
    (found,) = saved_review.kept()
    assert found.review.method == "hqs"


def aged(place: Path) -> None:
    """Make everything in a folder two days old."""
    for one in (*place.iterdir(), place):
        os.utime(one, (time.time() - 2 * 24 * 3600,) * 2)


def other_container() -> str:
    """This machine's name in another container, or another one's where the system does not tell of containers."""
    first, *rest = machine().split("_")
    return "_".join((first, *rest[:-1], "0" * 12)) if rest else "elsewhere"


@pytest.mark.parametrize("name", ["elsewhere", other_container()])
def test_a_review_whose_process_cannot_be_asked_is_offered_when_it_was_not_touched_for_a_day(
    kept: Path, name: str
) -> None:
    place, half_written = kept / f"{name}-1-1000-0", kept / f"{name}-1-1000-1"
    Store(place).write(SavedReview(method="hqs"))
    Store(half_written).make()
    (half_written / "result-1").mkdir()
    for one in (place, half_written):
        aged(one)
        os.utime(one)  # something was written into it
    assert saved_review.kept() == ()
    assert half_written.exists()
    for one in (place, half_written):
        aged(one)
    (found,) = saved_review.kept()
    assert (found.review.method, half_written.exists()) == ("hqs", False)


def test_a_review_of_an_earlier_version_is_offered_when_its_process_is_gone(kept: Path, gone: str) -> None:
    """They named the machine by its own name."""
    former = re.sub(r"\W", "", platform.node())[:20]
    running = Store(kept / Store().place.name.replace(machine(), former))
    running.write(SavedReview(method="tv"))
    assert saved_review.kept() == (), "its window is open"
    aged(running.place)
    assert saved_review.kept() == (), "its window is open, whatever its age"
    Store(kept / gone.replace(machine(), former)).write(SavedReview(method="hqs"))
    (found,) = saved_review.kept()
    assert found.review.method == "hqs"


def test_each_review_has_a_folder_of_its_own() -> None:
    assert Store().place != Store().place


def test_a_scan_is_told_by_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "scan.npy"
    assert SavedScan.of(path, None) is None
    path.write_bytes(b"one")
    scan = SavedScan.of(path, ["coil", "readout"])
    assert scan is not None
    assert (scan.name, scan.axes) == ("scan.npy", ("coil", "readout"))
    scan.check()
    path.write_bytes(b"other")
    with pytest.raises(InputError, match="has changed"):
        scan.check()
    path.unlink()
    with pytest.raises(InputError, match="is not in .* any more"):
        scan.check()


def test_the_packaged_sample_is_told_by_its_content(tmp_path: Path, gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another installation has it in another place, unpacked at another time."""

    def installed(name: str, content: bytes) -> Path:
        (tmp_path / name).mkdir()
        path = tmp_path / name / "sample.h5"
        path.write_bytes(content)
        monkeypatch.setattr("napari_recon_robust.simulation.packaged.sample_path", lambda: path)
        return path

    first = installed("first", b"samples")
    drawn = SavedRegion(roi=ROI.box(0, 0, 2, 2), slice=0, name="", source="drawn", chosen=False)
    Store(saved_review.folder() / gone).write(SavedReview(scan=SavedScan.of(first, None), regions=(drawn,)))
    second = installed("second", b"samples")
    os.utime(second, (1e9, 1e9))
    now = SavedScan.of(second, None)
    assert now is not None
    for offered in (saved_review.kept(), saved_review.kept_of(now, None)):
        (found,) = offered
        assert found.hindrance == ""
        assert found.review.scan == now, "and the sample of this installation is opened"
    first.unlink()
    assert saved_review.kept()[0].hindrance == ""
    installed("third", b"changed")
    assert "is not in" in saved_review.kept()[0].hindrance, "a sample of another version is another scan"


@pytest.mark.parametrize("name", ["scan", "scan.hdr", "scan.cfl"])
@pytest.mark.parametrize("changed", [".hdr", ".cfl"])
def test_a_pair_of_files_has_changed_with_either(tmp_path: Path, name: str, changed: str) -> None:
    (tmp_path / "scan.hdr").write_text("# Dimensions\n1 1\n")
    (tmp_path / "scan.cfl").write_bytes(bytes(8))
    os.utime(tmp_path / f"scan{changed}", (1e9, 1e9))
    scan = SavedScan.of(tmp_path / name, None)
    assert scan is not None
    scan.check()
    os.utime(tmp_path / f"scan{changed}", (1.1e9, 1.1e9))
    with pytest.raises(InputError, match="has changed"):
        scan.check()
    (tmp_path / "scan.cfl").unlink()
    with pytest.raises(InputError, match="scan(.cfl)? is not in .* any more"):
        scan.check()


def test_the_last_ones_that_hold_work_are_kept(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_review, "_MOST", 3)
    region = SavedRegion(roi=ROI.box(1, 1, 4, 4), slice=0, name="drawn 1", source="drawn", chosen=False)
    scan = SavedScan(path="head.h5", size=1, modified=1)
    names = []
    for number in range(6):
        store = Store()
        regions = () if number == 4 else (region,)
        store.write(SavedReview(scan=scan, slice=number, regions=regions, closed=True))
        os.utime(store.place / "state.json", (number, number))
        names.append(store.place.name)
    assert [one.review.slice for one in saved_review.kept()] == [5, 3, 2], "that of slice 4 holds no work"
    assert {one.name for one in kept.iterdir()} == {names[5], names[3], names[2]}
    assert [one.review.slice for one in saved_review.kept_of(scan, None)] == [5, 3, 2]
    assert saved_review.kept_of(scan.model_copy(update={"path": "other.h5"}), None) == ()


def test_work_is_offered_before_a_newer_look(kept: Path, gone: str) -> None:
    region = SavedRegion(roi=ROI.box(1, 1, 4, 4), slice=0, name="drawn 1", source="drawn", chosen=False)
    scan = SavedScan(path="/there/head.h5", size=1, modified=1)
    work, looked = Store(), Store()
    work.write(SavedReview(scan=scan, regions=(region,), closed=True))
    os.utime(work.place / "state.json", (1, 1))
    looked.write(SavedReview(scan=scan, method="tv", closed=True))
    (kept / gone / ".recon-robust-1").mkdir(parents=True)
    (found,) = saved_review.kept()
    assert found.place == work.place
    assert [one.name for one in kept.iterdir()] == [work.place.name], "not what was half written either"


def test_a_scan_is_known_where_it_is_moved_to_and_when_it_has_changed(kept: Path) -> None:
    region = SavedRegion(roi=ROI.box(1, 1, 4, 4), slice=0, name="drawn 1", source="drawn", chosen=False)
    then = SavedScan(path="/there/head.npy", axes=("slice", "coil", "readout", "phase"), size=1, modified=1)
    Store().write(SavedReview(scan=then, regions=(region,), closed=True))
    moved = SavedScan(path="/elsewhere/head.npy", size=1, modified=1)
    for scan, known in (
        (moved, True),
        (then.model_copy(update={"modified": 2}), True),
        (moved.model_copy(update={"modified": 2}), False),
        (moved.model_copy(update={"path": "/elsewhere/other.npy"}), False),
    ):
        offered = saved_review.kept_of(scan, None)
        assert len(offered) == known
        for found in offered:
            assert found.review.scan is not None
            assert (found.review.scan.path, found.review.scan.axes) == (scan.path, then.axes)
            assert found.review.scan.modified == 1, "the offer says that it has changed"


def _reviewed(path: Path) -> Store:
    region = SavedRegion(roi=ROI.box(1, 1, 4, 4), slice=0, name="drawn 1", source="drawn", chosen=False)
    store = Store()
    store.write(SavedReview(scan=SavedScan.of(path, None), regions=(region,), closed=True))
    return store


def test_a_scan_that_was_only_touched_or_copied_is_the_same(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "head.npy"
    path.write_bytes(b"samples")
    _reviewed(path)
    os.utime(path, (1e9, 1e9))
    (found,) = saved_review.kept()
    assert found.hindrance == ""
    copy = tmp_path / "copies" / "head.npy"
    copy.parent.mkdir()
    copy.write_bytes(b"samples")
    for now in (path, copy):
        scan = SavedScan.of(now, None)
        assert scan is not None
        (found,) = saved_review.kept_of(scan, None)
        assert found.hindrance == ""
        assert found.review.scan is not None
        assert found.review.scan.path == str(now)
    copy.write_bytes(b"SAMPLES")
    changed = SavedScan.of(copy, None)
    assert changed is not None
    assert saved_review.kept_of(changed, None) == ()
    path.write_bytes(b"SAMPLES")
    assert "has changed" in saved_review.kept()[0].hindrance, "the size is the same, and the content is not"


@pytest.mark.slow
def test_a_slice_of_a_large_scan_that_changed_is_seen_though_little_of_it_is_read(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, slices = tmp_path / "head.npy", 200
    values = np.random.default_rng(0).integers(256, size=(slices, 2**19), dtype=np.uint8)  # 100 MiB
    values.tofile(path)
    counted: list[int] = []

    class Counting(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            found = super().read(size)
            counted.append(len(found))
            return found

    monkeypatch.setattr(saved_review, "open_file", lambda path: Counting(path.read_bytes()))
    _reviewed(path)
    assert 15 * 2**20 < sum(counted) <= 16.1 * 2**20
    os.utime(path, (1e9, 1e9))
    assert saved_review.kept()[0].hindrance == ""
    for number, written in ((0, 2e9), (77, 2.1e9), (slices - 1, 2.2e9)):
        changed = values.copy()
        changed[number] += 1
        changed.tofile(path)
        os.utime(path, (written, written))
        assert "has changed" in saved_review.kept()[0].hindrance


def test_an_offer_says_when_it_was_of_what_and_what_hinders(tmp_path: Path) -> None:
    path = tmp_path / "head.npy"
    path.write_bytes(b"one")
    regions = [
        SavedRegion(roi=ROI.box(1, 1, 4, 4), slice=0, name="one", source=source, chosen=False)
        for source in ("drawn", "annotation", "annotation")
    ]
    review = SavedReview(scan=SavedScan.of(path, None), slice=3, method="tv", label="Total variation", regions=regions)
    found = Found(tmp_path, review, datetime(2026, 11, 3, 9, 5).timestamp())
    assert found.words == "03 November 2026, 09:05 (not closed): head.npy, slice 3, Total variation, 1 region"
    assert found.hindrance == ""
    path.write_bytes(b"other")
    assert "has changed" in found.hindrance


def test_cases_go_with_the_state_that_named_them_and_not_before_the_one_that_will(kept: Path) -> None:
    facts = {
        "slice": 0, "sampling": "", "method": "tv", "method_knobs": {}, "perturbation": "", "perturbation_knobs": {},
        "budget": None, "region": "", "box": None, "judged_on": "", "change": 0.0, "voxel": None, "metrics": {},
    }  # fmt: skip
    store = Store()
    for number in range(3):
        (store.place / f"result-{number}").mkdir(parents=True)
    first, second = (
        SavedReview(attacks=tuple(SavedAttack(number=one, folder=f"result-{one}", **facts) for one in numbers))
        for numbers in ((0, 1), (1,))
    )
    store.write(first)
    store.write(second)
    assert {one.name for one in store.place.glob("result-*")} == {"result-1", "result-2"}


def test_a_review_that_is_gone_on_with_is_no_closed_one(kept: Path) -> None:
    region = SavedRegion(roi=ROI.box(1, 1, 4, 4), slice=0, name="mine", source="drawn", chosen=False)
    scan = SavedScan(path="/there/head.h5", size=1, modified=1)
    Store().write(SavedReview(scan=scan, regions=(region,), closed=True))
    (found,) = saved_review.kept()
    Store().take_over(found)
    assert saved_review.kept() == (), "another window is not to take it"


def test_a_case_that_has_vanished_hinders_its_review(tmp_path: Path) -> None:
    found = Found(tmp_path, SavedReview(case=str(tmp_path / "case")), 0.0)
    assert found.hindrance.startswith("case is not in ")
    (tmp_path / "case").mkdir()
    assert found.hindrance == ""
