import shutil
from importlib import resources
from pathlib import Path

import h5py
import pytest
import yaml

from helpers.studies import another
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.checking import check_study
from napari_recon_robust.studies.inventory import take_inventory
from napari_recon_robust.studies.measure import Measurer
from napari_recon_robust.studies.packaged import PACKAGED, is_packaged, packaged_plan
from napari_recon_robust.studies.plan import read_plan
from napari_recon_robust.studies.running import open_study
from napari_recon_robust.studies.shared import OpenScan, SharedSlice

PAPERS = [name for name in PACKAGED if name.startswith("paper-")]


@pytest.fixture
def scans(tmp_path: Path, scan_file: Path) -> Path:
    """A folder [scans] with two small heads, one of another contrast; the first has an annotation."""
    folder = tmp_path / "[scans]" / "deeper"
    folder.mkdir(parents=True)
    for name in ("head", "other"):
        shutil.copy(scan_file, folder / f"{name}.h5")
    with h5py.File(folder / "other.h5", "a") as file:
        file.attrs["acquisition"] = "AXT1"
    shutil.copy(scan_file.with_suffix(".csv"), folder)
    return folder.parent


def test_every_file_of_a_plan_is_listed() -> None:
    files = resources.files("napari_recon_robust.studies") / "plans"
    assert {f"{name}.yaml" for name in PACKAGED} == {one.name for one in files.iterdir()}


def test_the_demo_is_a_plan_on_the_lesions_of_the_sample(tmp_path: Path, scans: Path) -> None:
    path = run(packaged_plan("demo", tmp_path))
    assert is_packaged(path)
    found = run(check_study(path))
    assert found.trials == 14 * found.methods * found.changes
    assert found.volumes == 1
    assert run(packaged_plan("demo", tmp_path)) == path
    path.write_text("study: mine\n")
    with pytest.raises(InputError, match="there already"):
        run(packaged_plan("demo", tmp_path))
    with pytest.raises(InputError, match="leave the scans out"):
        run(packaged_plan("demo", tmp_path, scans=scans))


@pytest.mark.parametrize("name", PAPERS)
def test_each_plan_of_a_paper_expands_on_a_folder_of_scans(name: str, scans: Path, tmp_path: Path) -> None:
    path = run(packaged_plan(name, tmp_path, scans=scans))
    found = run(check_study(path))
    assert (found.scans, found.volumes, found.faults) == (2, 2, {})
    assert found.trials > 0
    assert run(packaged_plan(name, tmp_path)) == path  # it goes on without the folder
    path.write_text(path.read_text().replace("worst: 2", "worst: 1"))
    assert run(packaged_plan(name, tmp_path)) == path
    with pytest.raises(InputError, match="there already"):
        run(packaged_plan(name, tmp_path, scans=scans))


def test_own_models_stand_before_the_methods_of_a_plan_and_features_are_searched_on_them(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text("def reconstruct(image):\n    return image\n")
    for name in PAPERS:
        path = run(packaged_plan(name, Path(), scans=scans, methods=["mine.py", "zero-filled"]))
        assert [part.method for part in read_plan(path, trust=True).methods[:2]] == ["mine.py", "zero-filled"]
    found_on = yaml.safe_load(Path("paper-fnaf.yaml").read_text())["perturbations"][1]["found_on"]
    assert found_on == ["mine.py", "zero-filled", "unet", "irim", "unet-fnaf"]
    with pytest.raises(InputError, match="names its methods"):
        run(packaged_plan("paper-fnaf", Path(), methods=["mine.py"]))


def test_scans_below_the_folder_of_a_plan_are_named_from_there(scans: Path, tmp_path: Path) -> None:
    files = read_plan(run(packaged_plan("paper-advrec", tmp_path, scans=scans))).scans.files
    assert files == ("[[]scans]/**/*.h5",)
    (tmp_path / "elsewhere").mkdir()
    (file,) = read_plan(run(packaged_plan("paper-advrec", tmp_path / "elsewhere", scans=scans))).scans.files
    assert file.startswith("/")


@pytest.mark.slow
def test_annotated_lesions_come_before_inserted_ones_and_these_before_a_grid(
    scans: Path, tmp_path: Path, scan_file: Path
) -> None:
    kinds = []
    for number, drop in enumerate((None, "head.csv", "k-space")):
        if drop == "head.csv":
            (scans / "deeper" / drop).unlink()
        elif drop:
            for path in scans.glob("**/*.h5"):
                with h5py.File(path, "a") as file:
                    file["kspace"][..., ::2] = 0
        folder = tmp_path / str(number)
        folder.mkdir()
        plan = read_plan(run(packaged_plan("paper-advrec", folder, scans=scans)))
        kinds.append((plan.regions[0].kind, plan.slices.take, plan.masks[0].pattern))
    assert kinds == [
        ("annotations", "annotated", "equispaced"),
        ("lesions", "spaced", "equispaced"),
        ("grid", "spaced", "acquired"),
    ]
    table = shutil.copy(scan_file.with_suffix(".csv"), tmp_path / "elsewhere.csv")
    given = run(packaged_plan("paper-advrec", tmp_path, scans=scans, annotations=Path(table)))
    assert read_plan(given).regions[0].file == str(table)  # type: ignore[union-attr]


def test_scans_of_another_contrast_are_a_shift(scans: Path, tmp_path: Path, scan_file: Path) -> None:
    for number in range(4):
        shutil.copy(scan_file, scans / f"more{number}.h5")
    path = run(packaged_plan("paper-heckel", tmp_path, scans=scans))
    rows = (tmp_path / "paper-heckel.csv").read_text().splitlines()
    domains = {Path(file).name: domain for file, domain in (row.split(",") for row in rows[1:])}
    assert rows[0] == "file,domain"
    assert domains.pop("other.h5") == "AXT1"
    assert sorted(domains.values()) == ["in"] * 4 + ["tuning"]
    assert yaml.safe_load(path.read_text())["scans"]["table"] == "paper-heckel.csv"


def test_scans_of_one_name_each_have_their_domain(scans: Path, tmp_path: Path) -> None:
    named = {}
    for number, scan in enumerate(sorted(scans.rglob("*.h5"))):  # two contrasts
        named[f"patient{number}"] = {"head.h5": "in", "other.h5": "AXT1"}[scan.name]
        (scans / f"patient{number}").mkdir()
        scan.rename(scans / f"patient{number}" / "scan.h5")
    another(scans / "patient0" / "scan.h5", scans / "scan.h5")
    path = run(packaged_plan("paper-heckel", tmp_path, scans=scans))
    found = run(take_inventory(read_plan(path), path, digests=False)).scans
    assert {Path(one.path).parent.name: one.labels["domain"] for one in found} == {**named, scans.name: "in"}


def test_a_table_of_domains_that_was_mended_stays(scans: Path, tmp_path: Path) -> None:
    path, table = run(packaged_plan("paper-heckel", tmp_path, scans=scans)), tmp_path / "paper-heckel.csv"
    mended = table.read_text().replace("other.h5,AXT1", "other.h5,tuning")
    assert mended != table.read_text()
    table.write_text(mended)
    run(packaged_plan("paper-heckel", tmp_path, scans=scans))
    assert table.read_text() == mended
    table.unlink()
    path.write_text("study: mine\n")
    with pytest.raises(InputError, match="there already"):
        run(packaged_plan("paper-heckel", tmp_path, scans=scans))
    assert not table.exists()  # what is refused writes nothing


def test_what_cannot_be_pointed_at_is_refused(tmp_path: Path) -> None:
    for name, sentence in (("paper-advrec", "--scans FOLDER"), ("paper-none", "choose demo, paper-advrec")):
        with pytest.raises(InputError, match=sentence):
            run(packaged_plan(name, tmp_path))
    with pytest.raises(InputError, match="holds no scans"):
        run(packaged_plan("paper-fnaf", tmp_path, scans=tmp_path))
    (tmp_path / "broken.h5").write_bytes(b"nothing")
    with pytest.raises(InputError, match="none of the 1 files"):
        run(packaged_plan("paper-fnaf", tmp_path, scans=tmp_path))


QUICK = {
    "paper-advrec": {"methods": ["unet"], "kinds": {"worst-case": {"steps": 1}, "rotation": {"angle": 1, "step": 1.0}}},
    "paper-fnaf": {"methods": ["unet"], "kinds": {"fnaf": {"algorithm": "random-search", "search": 1}}},
    "paper-heckel": {
        "methods": ["dagan", {"method": "test-time-training", "knobs": {"network": "dagan", "steps": 2}}],
        "kinds": {"worst-case": {"norm": "global", "region": "image", "target": "clean", "algorithm": "black-box",
                                 "evaluations": 2, "steps": 1}, "noise-level": {}, "contrast": {}, "other-mask": {}},
    },
    "paper-hyperrecon": {
        "methods": ["hyperrecon", {"method": "posterior", "knobs": {"steps": 2, "samples": 2}}],
        "kinds": {"noise-level": {"factor": 2.0}},
    },
}  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("name", PAPERS)
def test_one_short_trial_of_each_kind_runs(name: str, scans: Path, tmp_path: Path) -> None:
    """The plan's own regions, masks and metrics, with fewer methods and steps."""
    path = run(packaged_plan(name, tmp_path, scans=scans))
    values, quick = yaml.safe_load(path.read_text()), QUICK[name]
    kinds = {part["kind"] for part in values["perturbations"] if part != "none"}
    assert kinds == set(quick["kinds"])
    budgets = {part["kind"]: part["budgets"][:1] for part in values["perturbations"] if "budgets" in part}
    values["perturbations"] = ["none"] + [
        {"kind": kind, "knobs": knobs} | ({"budgets": budgets[kind]} if kind in budgets else {})
        for kind, knobs in quick["kinds"].items()
    ]
    values |= {"methods": quick["methods"], "slices": [1]}
    values["scans"]["files"] = [str(scans / "deeper" / "head.h5").replace("[", "[[]", 1)]
    values["masks"][0] |= {"acceleration": 3}
    path.write_text(yaml.safe_dump(values))
    study = run(open_study(path))
    (group,) = study.groups()
    opened = OpenScan(study, "cpu")
    measurer = Measurer(SharedSlice(opened, group))
    for trial in group.trials():
        values = measurer.measure(trial, study.plan.metrics).values
        assert "error" not in values, (trial.setting.label, trial.change.kind, values)
        assert any(name.startswith("ssim_region") for name in values)
        if name == "paper-fnaf" and trial.change.kind == "fnaf":
            assert {"published_loss", "feature_row"} <= set(values)
    opened.close()
