import json
import os
import shutil
import sys

import h5py
import numpy as np
import pytest

from helpers.studies import another
from napari_recon_robust.cases.record import file_hash
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import stamp
from napari_recon_robust.studies.inventory import Inventory, matching, take_inventory
from napari_recon_robust.studies.mistakes import Unfit
from napari_recon_robust.studies.plan import read_plan
from napari_recon_robust.studies.running import open_study
from napari_recon_robust.studies.shared import OpenScan


def inventory(path, *, digests: bool = False, known: Inventory | None = None) -> Inventory:
    return run(take_inventory(read_plan(path), path, digests=digests, known=known))


def test_labels_volumes_and_headers(write_plan, tmp_path) -> None:
    another(tmp_path / "head.h5", tmp_path / "head2.h5")
    (tmp_path / "labels.csv").write_text("file,patient,sex\nhead.h5,p1,f\nhead2,p1,m\n")
    found = inventory(write_plan(scans={"files": ["head*.h5"], "table": "labels.csv", "volume": "patient"}))
    assert [(one.path, one.volume, one.labels) for one in found.scans] == [
        ("head.h5", "p1", {"sex": "f"}),
        ("head2.h5", "p1", {"sex": "m"}),
    ]
    assert found.scans[0].matrix == (96, 96)
    assert found.scans[0].slices == 3


@pytest.fixture
def patients(tmp_path):
    """Two scans of one name, each in its patient's folder."""
    for number in (1, 2):
        (tmp_path / "scans" / f"p{number}").mkdir(parents=True)
        another(tmp_path / "head.h5", tmp_path / "scans" / f"p{number}" / "scan.h5")
    return {"files": ["scans/*/scan.h5"], "table": "labels.csv", "volume": "patient"}


@pytest.mark.parametrize("folder", ["", "scans/", "/elsewhere/scans/"])
@pytest.mark.parametrize("suffix", ["", ".h5"])
def test_files_of_one_name_are_told_apart_by_their_folders(write_plan, tmp_path, patients, folder, suffix) -> None:
    lines = ["file,patient", *(f"{folder}p{number}/scan{suffix},patient {number}" for number in (2, 1))]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    (tmp_path / "drawn.json").write_text(json.dumps([{"scan": "p2/scan", "roi": ROI.box(0, 0, 9, 9).model_dump()}]))
    found = inventory(write_plan(scans=patients, regions=[{"kind": "drawn", "file": "drawn.json"}]))
    assert [(one.path, one.volume, len(one.drawn[0])) for one in found.scans] == [
        ("scans/p1/scan.h5", "patient 1", 0),
        ("scans/p2/scan.h5", "patient 2", 1),
    ]


@pytest.mark.parametrize(
    "rows", ["scans/p1/scan.h5,a", "scans/p1/scan.h5,a\nscans/p2/scan.h5,", "scans/p1/scan.h5,a\nscans/p2/scna.h5,b"]
)
def test_a_scan_without_a_volume_is_a_mistake(write_plan, tmp_path, patients, rows) -> None:
    """It was a volume of its own, which nobody was told."""
    (tmp_path / "labels.csv").write_text(f"file,patient\n{rows}\n")
    path = write_plan(scans=patients)
    with pytest.raises(Unfit, match=r"labels.csv gives no 'patient' for scans/p2/scan.h5; complete it") as caught:
        inventory(path)
    assert str(caught.value.located(path).mistakes[0]).startswith("line 6, scans, volume: labels.csv gives no")
    foreign = "\n".join(f"foot{number}.h5,b" for number in range(2000))
    (tmp_path / "labels.csv").write_text(f"file,patient\np1/scan.h5,a\np2/scan.h5,a\n{foreign}\n")
    found = inventory(path)
    assert [one.volume for one in found.scans] == ["a", "a"]
    assert found.noted == {"No scan is named by 2,000 rows of labels.csv.": 0}


def test_of_many_scans_without_a_volume_three_are_named(write_plan, tmp_path) -> None:
    for number in range(5):
        another(tmp_path / "head.h5", tmp_path / f"{number}.h5")
    (tmp_path / "labels.csv").write_text("file,patient\nhead.h5,a\n")
    with pytest.raises(Unfit, match=r"no 'patient' for 0.h5, 1.h5, 2.h5, and 2 others; complete it"):
        inventory(write_plan(scans={"files": "*.h5", "table": "labels.csv", "volume": "patient"}))


def test_a_scan_that_a_filter_leaves_out_needs_no_volume(write_plan, tmp_path) -> None:
    shutil.copy(tmp_path / "head.h5", tmp_path / "other.h5")
    with h5py.File(tmp_path / "other.h5", "a") as file:
        file.attrs["acquisition"] = "AXT1"
    (tmp_path / "labels.csv").write_text("file,patient\nhead.h5,a\n")
    scans = {"files": "*.h5", "table": "labels.csv", "volume": "patient", "where": {"contrast": "AXT2"}}
    assert [one.volume for one in inventory(write_plan(scans=scans)).scans] == ["a"]


def test_scans_without_a_row_are_told_where_no_volume_is_asked_for(write_plan, tmp_path) -> None:
    for name in ("new.h5", "newer.h5"):
        another(tmp_path / "head.h5", tmp_path / name)
    (tmp_path / "labels.csv").write_text("file,sex\nhead.h5,f\nfoot.h5,f\n")
    found = inventory(write_plan(scans={"files": "*.h5", "table": "labels.csv"}))
    assert found.noted == {"No row in labels.csv.": 2, "No scan is named by 1 row of labels.csv.": 0}


def test_a_table_that_does_not_tell_files_apart_is_refused(write_plan, tmp_path, patients) -> None:
    plan = write_plan(scans=patients)
    (tmp_path / "labels.csv").write_text("file,patient\nscan.h5,a\nscan.h5,b\n")
    with pytest.raises(Unfit, match=r"labels.csv has 2 rows for scans/p1/scan.h5, which differ; name each file once"):
        inventory(plan)
    (tmp_path / "labels.csv").write_text("file,patient\nscan.h5,a\nscan.h5,a\n")
    assert [one.volume for one in inventory(plan).scans] == ["a", "a"]


@pytest.mark.parametrize(
    ("where", "count"), [({"contrast": "AXT2"}, 1), ({"coils": [4]}, 1), ({"slices": {"min": 2}}, 1)]
)
def test_filters_on_the_header(write_plan, where, count) -> None:
    assert len(inventory(write_plan(scans={"files": "head.h5", "where": where})).scans) == count


def test_a_filter_that_leaves_nothing_is_told(write_plan) -> None:
    with pytest.raises(InputError, match="the filters leave no scan"):
        inventory(write_plan(scans={"files": "head.h5", "where": {"contrast": "T1"}}))


def test_a_link_that_leads_nowhere_is_left_out_with_its_sentence(write_plan, tmp_path) -> None:
    (tmp_path / "absent.h5").symlink_to(tmp_path / "annex" / "absent.h5")  # as of a data set that is not fetched
    found = inventory(write_plan(scans="*.h5"))
    assert [one.path for one in found.scans] == ["head.h5"]
    assert "absent.h5" in found.faults["absent.h5"]
    assert "link" in found.faults["absent.h5"]


def test_an_unreadable_file_is_left_out_with_its_sentence(write_plan, tmp_path) -> None:
    (tmp_path / "broken.h5").write_bytes(b"no scan")
    path = write_plan(scans="*.h5")
    found = inventory(path)
    assert [one.path for one in found.scans] == ["head.h5"]
    said = found.faults["broken.h5"]
    assert said.startswith("line 2, scans: broken.h5 ")
    assert "no format that is known" in said
    (tmp_path / "head.h5").write_bytes(b"no scan")
    with pytest.raises(Unfit, match="no scan can be used: broken.h5 .* Neither can 1 other"):
        inventory(path)


def test_a_digest_serves_while_the_file_has_not_changed(write_plan, tmp_path, monkeypatch) -> None:
    path = write_plan()
    first = inventory(path, digests=True)
    monkeypatch.setattr("napari_recon_robust.studies.inventory.file_hash", lambda path: "new")
    assert inventory(path, digests=True, known=first).scans == first.scans
    (tmp_path / "head.h5").touch()
    assert inventory(path, digests=True, known=first).scans[0].digest == "new"


def test_another_scan_of_the_same_size_and_time_is_another_scan(write_plan, tmp_path) -> None:
    """As of an archive that gives all of its files one time; scans of one shape have one size."""
    path, file = write_plan(), tmp_path / "head.h5"
    first, before = inventory(path, digests=True), file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert stamp(file) == (first.scans[0].size, first.scans[0].changed)
    again = inventory(path, digests=True, known=first)
    assert again.scans[0].digest == file_hash(file) != first.scans[0].digest
    earlier = Inventory(scans=(first.scans[0].model_copy(update={"middle": ""}),))
    assert inventory(path, digests=True, known=earlier).scans[0].digest == first.scans[0].digest, "as before"


@pytest.fixture
def pairs(tmp_path):
    """Two scans of one size as BART's pairs, a and b."""
    for number, name in enumerate("ab"):
        _pair(tmp_path, name, number)


def _pair(folder, name: str, seed: int) -> None:
    (folder / f"{name}.hdr").write_text("# Dimensions\n16 16 1 2\n")
    parts = np.random.default_rng(seed).normal(size=(2, 2 * 16 * 16)).astype(np.float32)
    (parts[0] + 1j * parts[1]).tofile(folder / f"{name}.cfl")


@pytest.mark.usefixtures("pairs")
@pytest.mark.parametrize(
    ("files", "found"),
    [
        ("*.hdr", ["a.hdr", "b.hdr"]),
        ("[ab].*", ["a.cfl", "b.cfl"]),
        (["*.hdr", "*.cfl"], ["a.cfl", "b.cfl"]),
    ],
)
def test_a_pair_of_files_is_one_volume_and_not_that_of_another_pair(write_plan, files, found) -> None:
    assert [
        one.path for one in inventory(write_plan(scans=files, slices=[0], regions=["image"]), digests=True).scans
    ] == found


@pytest.mark.usefixtures("pairs")
def test_a_pair_whose_data_were_replaced_is_another_scan(write_plan, tmp_path) -> None:
    path = write_plan(scans="a.hdr", slices=[0], regions=["image"])
    study = run(open_study(path, digests=True))
    (first,) = study.inventory.scans
    OpenScan(study, "cpu").scan(first)
    _pair(tmp_path, "a", 2)
    (second,) = inventory(path, digests=True, known=study.inventory).scans
    assert second.digest != first.digest
    with pytest.raises(InputError, match=r"a\.hdr has changed since the study began"):
        OpenScan(study, "cpu").scan(first)


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"scans": "none/*.h5"}, "matches no file"),
        ({"regions": [{"kind": "annotations", "file": "none.csv"}]}, "there is no file 'none.csv'"),
        ({"slices": [1, 3]}, "no scan has slice 3; give numbers from 0 to 2"),
        ({"scans": {"files": "head.h5", "table": "other.csv"}}, "names none of the plan's scans"),
        ({"scans": {"files": "head.h5", "table": "nameless.csv"}}, "no column 'file'"),
        ({"scans": {"files": "head.h5", "table": "other.csv", "volume": "patient"}}, "no column 'patient'"),
        ({"regions": [{"kind": "annotations", "file": "foreign.csv"}]}, "regions of other files"),
        ({"regions": [{"kind": "drawn", "file": "broken.json"}]}, "cannot be read as drawn regions"),
        ({"scans": ["head.h5", "copies/*.h5"]}, "one file twice"),
    ],
)
def test_what_does_not_fit_is_refused(write_plan, tmp_path, parts, sentence) -> None:
    path = write_plan(**parts)
    (tmp_path / "other.csv").write_text("file,sex\nfoot.h5,f\n")
    (tmp_path / "nameless.csv").write_text("name,sex\nfoot.h5,f\n")
    (tmp_path / "broken.json").write_text('{"roi": 3}')
    (tmp_path / "foreign.csv").write_text((tmp_path / "head.csv").read_text().replace("head", "foot"))
    (tmp_path / "copies").mkdir()
    shutil.copy(tmp_path / "head.h5", tmp_path / "copies" / "head.h5")
    for digests in (True, False):
        with pytest.raises(ReconRobustError, match=sentence):
            inventory(path, digests=digests)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf_8_is_refused(write_plan, tmp_path) -> None:
    shutil.copy(tmp_path / "head.h5", tmp_path / os.fsdecode(b"sch\xe4del.h5"))
    with pytest.raises(Unfit, match="the name of sch\N{REPLACEMENT CHARACTER}del.h5 or of its folder is not in UTF-8"):
        inventory(write_plan(scans="*.h5"))


def test_two_scans_are_read_only_as_far_as_they_agree(write_plan, tmp_path, monkeypatch) -> None:
    """Files of one size that differ in k-space cost a few bytes each before a study is run."""
    path = write_plan(scans="*.h5")
    content = bytearray((tmp_path / "head.h5").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "other.h5").write_bytes(content)
    read = []
    monkeypatch.setattr("napari_recon_robust.studies.inventory.file_hash", lambda *files: read.append(files))
    assert len(inventory(path).scans) == 2
    assert not read


def test_files_of_several_globs_come_once(write_plan, tmp_path) -> None:
    write_plan()
    assert matching(["*.h5", "head.h5"], tmp_path) == {"head.h5": 0}
    assert matching([str(tmp_path / "*.h5")], tmp_path) == {str(tmp_path / "head.h5"): 0}
