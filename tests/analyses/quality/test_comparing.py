import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest

import napari_recon_robust as rr
from napari_recon_robust.analyses.quality.comparing import compare_methods
from napari_recon_robust.analyses.quality.entries import MethodEntry, with_short_names
from napari_recon_robust.analyses.quality.grid import Grid, cases, groups
from napari_recon_robust.cases import making
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical.cg_sense import CGSense
from napari_recon_robust.reconstructors.classical.tv import auto_weight

GRID = Grid(accelerations=(3.0,), seeds=(0, 1), slices=2, patterns=("random",))


@dataclass
class Counter:
    calls: int = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """How often CG-SENSE runs."""
    counter, original = Counter(), CGSense.reconstruct

    def reconstruct(self: CGSense, *arguments: object, **knobs: object) -> object:
        counter.calls += 1
        return original(self, *arguments, **knobs)

    monkeypatch.setattr(CGSense, "reconstruct", reconstruct)
    return counter


def entries(*texts: str) -> list[MethodEntry]:
    return [MethodEntry.parse(text) for text in texts]


@pytest.mark.slow
def test_the_figures_are_those_of_the_images(scan_file: Path) -> None:
    table = rr.compare_methods(
        [scan_file], ["zero-filled", "cg-sense, weight=0.02"], seeds=(0,), slices=1, accelerations=(3.0,)
    )
    with rr.open_scan(scan_file) as scan:
        measurement = scan.measurement(
            1, rr.Sampling(acceleration=3, centre_fraction=0.08, minimum_centre_lines=12, seed=0)
        )
    reference = measurement.reference("combined")
    assert reference is not None
    image = CGSense()(measurement, weight=0.02).abs()
    expected = metrics.measure(image, reference)
    first, second = table.results
    assert second.nmse == pytest.approx(expected["foreground"].nmse, rel=1e-6)
    assert second.ssim_image == pytest.approx(expected["image"].ssim, rel=1e-6)
    assert second.effective == measurement.acceleration
    assert json.loads(second.knobs) == {"weight": 0.02, "iterations": 10}
    assert first.nmse > second.nmse
    assert second.seconds > 0


@pytest.mark.slow
def test_a_run_goes_on_where_it_was_closed(scan_file: Path, tmp_path: Path, counted: Counter) -> None:
    arguments = groups([scan_file]), entries("zero-filled", "cg-sense"), GRID
    job = compare_methods(*arguments, folder=tmp_path)
    while counted.calls < 2:
        next(job)
    job.close()
    with (tmp_path / "results.csv").open("a") as file:
        file.write("scans,1,2,rand")  # killed while writing
    before = (tmp_path / "results.csv").read_text().splitlines()
    assert "cg-sense" in (tmp_path / "comparison.md").read_text()
    whole = run(compare_methods(*arguments, folder=tmp_path))
    assert counted.calls == 4
    assert len(list(whole.results)) == 8
    after = (tmp_path / "results.csv").read_text().splitlines()
    assert len(after) == 9
    assert set(before[:-1]) <= set(after)
    run(compare_methods(*arguments, folder=tmp_path))
    assert counted.calls == 4


def test_a_second_run_does_not_write_into_the_same_folder(scan_file: Path, tmp_path: Path) -> None:
    first = compare_methods(groups([scan_file]), entries("zero-filled"), GRID, folder=tmp_path)
    next(first)
    second = compare_methods(groups([scan_file]), entries("cg-sense"), GRID, folder=tmp_path)
    with pytest.raises(InputError, match="another run compares methods in .*; wait for it, stop it, or give another"):
        next(second)
    run(first)
    table = run(compare_methods(groups([scan_file]), entries("zero-filled"), GRID, folder=tmp_path))
    assert len(list(table.results)) == 4


@pytest.mark.slow
def test_more_methods_join_an_old_run(scan_file: Path, tmp_path: Path, counted: Counter) -> None:
    files = groups([scan_file])
    run(compare_methods(files, entries("cg-sense"), GRID, folder=tmp_path))
    table = run(compare_methods(files, entries("zero-filled"), GRID, folder=tmp_path))
    assert counted.calls == 4
    assert {line.method for section in table.sections for line in section.scores} == {"cg-sense", "zero-filled"}
    described = json.loads((tmp_path / "comparison.json").read_text())
    assert set(described["methods"]) == {"cg-sense", "zero-filled"}
    (tmp_path / "comparison.json").write_text("{")
    with pytest.raises(FileFormatError, match="cannot be read as JSON .*; delete it, results.csv is enough"):
        run(compare_methods(files, entries("cg-sense"), GRID, folder=tmp_path))


@pytest.mark.thorough
def test_own_models_are_called_by_the_names_of_their_files(
    scan_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all their folders, tables were wider than a screen, and told whose they were."""
    for folder in ("a", "b"):
        script = tmp_path / folder / "mine.py"
        script.parent.mkdir()
        script.write_text("def reconstruct(image):\n    return image\n", encoding="utf-8")
    grid, output = GRID.model_copy(update={"seeds": (0,), "slices": 1}), tmp_path / "output"
    first, second = (f"{tmp_path / folder / 'mine.py'}" for folder in ("a", "b"))

    def compared(*texts: str, baseline: str | None = None) -> list[str]:
        job = compare_methods(groups([scan_file]), entries(*texts), grid, folder=output, baseline=baseline)
        return [*run(job).rows]

    assert compared(f"{second}:reconstruct", first, baseline=first) == ["mine.py", "mine.py (2)"]
    assert "mine.py (2)" in (output / "comparison.md").read_text(encoding="utf-8")
    for name in ("comparison.md", "comparison.json", "results.csv"):
        assert str(tmp_path) not in (output / name).read_text(encoding="utf-8")
    before = (output / "results.csv").read_bytes()
    assert compared(first, baseline="mine.py (2)") == ["mine.py (2)", "mine.py"], "each is the row that it was"
    assert (output / "results.csv").read_bytes() == before, "nothing is computed again"
    shutil.copytree(tmp_path / "a", tmp_path / "c")
    assert compared(f"{tmp_path / 'c' / 'mine.py'}", "tv", baseline="tv")[:2] == ["mine.py (3)", "tv"]
    monkeypatch.chdir(tmp_path / "a")
    output = tmp_path / "relative"
    for _ in range(2):  # the name of a file is no other file's row
        assert compared("../b/mine.py", "mine.py", baseline="mine.py") == ["mine.py", "mine.py (2)"]


def test_rows_of_earlier_versions_keep_their_names() -> None:
    """They had the whole path; under another name all would be computed again."""
    entry = MethodEntry.parse("/models/mine.py, oracle")
    row = entry.model_dump(mode="json")
    assert with_short_names([entry], {entry.name: row})[entry.name].name == entry.name
    assert with_short_names([entry], {})[entry.name].name == "mine.py, oracle"


@pytest.mark.thorough
def test_other_versions_or_input_are_computed_again(
    scan_file: Path, tmp_path: Path, counted: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = groups([scan_file])
    run(compare_methods(files, entries("cg-sense"), GRID, folder=tmp_path))
    monkeypatch.setattr(CGSense, "fingerprint", lambda self: {"solver": "another"})
    table = run(compare_methods(files, entries("cg-sense"), GRID, folder=tmp_path))
    assert counted.calls == 8
    assert len(list(table.results)) == 4
    other = GRID.model_copy(update={"seeds": (7,)})
    table = run(compare_methods(files, entries("cg-sense"), other, folder=tmp_path))
    assert counted.calls == 10
    assert len(list(table.results)) == 6
    monkeypatch.setattr(making, "of_package", lambda: "other code")
    run(compare_methods(files, entries("cg-sense"), other, folder=tmp_path))
    assert counted.calls == 12


def noisy(scan_file: Path, folder: Path, count: int) -> list[Path]:
    """Scans of one head with other noise, all under one name in folders of their own."""
    with rr.open_scan(scan_file) as scan:
        kspace = scan.kspace(1).numpy()[None]
    rng, paths = np.random.default_rng(0), []
    for number in range(count):
        paths.append(folder / str(number) / "scan.h5")
        paths[-1].parent.mkdir(parents=True)
        noise = rng.normal(size=(2, *kspace.shape)) * 0.02 * np.abs(kspace).mean()
        changed = (kspace + noise[0] + 1j * noise[1]).astype(np.complex64)
        write_fastmri(paths[-1], changed, encoded_mm=(200, 200, 1), matrix=changed.shape[-2:])
    return paths


@pytest.mark.thorough
def test_scans_of_several_runs_stay_apart_and_intervals_are_over_them(scan_file: Path, tmp_path: Path) -> None:
    """Each run has one scan, which was number 1 of its group."""
    grid = Grid(accelerations=(3.0,), slices=1)
    for path in noisy(scan_file, tmp_path / "people", 3):
        table = run(compare_methods(groups([path]), entries("zero-filled"), grid, folder=tmp_path / "table"))
    assert len({result.scan for result in table.results}) == 3
    (section,) = table.sections
    assert section.unit == "3 scans"
    assert section.scores[0].nmse.interval is not None
    together = run(compare_methods(groups([tmp_path / "people"]), entries("zero-filled"), grid))
    assert together.sections[0].unit == "3 scans"
    assert together.sections[0].scores[0].nmse == section.scores[0].nmse


def test_a_scan_is_in_every_group_that_has_it_and_stays_in_those_of_earlier_runs(
    scan_file: Path, tmp_path: Path, counted: Counter
) -> None:
    paths = noisy(scan_file, tmp_path / "people", 2)
    grid = Grid(accelerations=(3.0,), slices=1)

    def found(**files: Path) -> list[tuple[str, int]]:
        table = run(compare_methods(groups(files), entries("cg-sense"), grid, folder=tmp_path / "table"))
        return sorted((section.group, section.scores[0].cases) for section in table.sections)

    assert found(first=paths[0], all=tmp_path / "people") == [("all", 2), ("first", 1)]
    assert counted.calls == 2
    assert found(other=paths[1]) == [("all", 2), ("first", 1), ("other", 1)]
    assert counted.calls == 2


@pytest.fixture
def unusable(scan_file: Path, tmp_path: Path) -> Path:
    """A folder with a good scan between one that is cut off and one with NaN in the second of its two slices."""
    first, good, last = noisy(scan_file, tmp_path / "people", 3)
    first.write_bytes(good.read_bytes()[:5000])
    with rr.open_scan(scan_file) as scan:
        kspace = np.stack([scan.kspace(1).numpy()] * 2)
    kspace[1, 0, 20, 20] = np.nan
    write_fastmri(last, kspace, encoded_mm=(200, 200, 1), matrix=kspace.shape[-2:])
    return tmp_path / "people"


def test_scans_that_cannot_be_used_are_left_out_and_named(unusable: Path, tmp_path: Path, counted: Counter) -> None:
    grid = Grid(accelerations=(3.0,), slices=2)
    arguments = groups([unusable]), entries("cg-sense"), grid
    for _ in range(2):
        table = run(compare_methods(*arguments, folder=tmp_path / "table"))
        assert counted.calls == 2
        assert len(list(table.results)) == 2
        assert list(table.faults) == ["0/scan.h5", "slice 1 of 2/scan.h5"], "files of one name, and no whole path"
        assert isinstance(table.faults["0/scan.h5"], FileFormatError)
        assert {table.scans[result.scan] for result in table.results} == {"1/scan.h5", "2/scan.h5"}
        text = (tmp_path / "table" / "comparison.md").read_text()
        assert "- 2 scans, slices or masks cannot be used and were left out" in text
        assert "scan.h5" not in text


@pytest.mark.parametrize(("whole_volumes", "name"), [(True, "head.h5"), (False, "slice 1 of head.h5")])
def test_what_cannot_be_used_under_one_mask_is_named_with_it(scan_file: Path, whole_volumes: bool, name: str) -> None:
    """It was named as if it were left out altogether."""
    masks = {"patterns": ("equispaced-fraction",), "centre_fraction": 0.25, "seeds": (0, 1)}
    grid = Grid(accelerations=(3.0, 8.0), **masks)
    table = run(compare_methods(groups([scan_file]), entries("zero-filled"), grid, whole_volumes=whole_volumes))
    assert list(table.faults) == [f"{name}, equispaced-fraction 8x"]
    assert {result.acceleration for result in table.results} == {3}
    with pytest.raises(InputError, match="alone give an acceleration of 4, and 8 is asked for"):
        run(compare_methods(groups([scan_file]), entries("zero-filled"), Grid(accelerations=(8.0,), **masks)))


def test_what_no_file_takes_is_refused(scan_file: Path) -> None:
    """It changed nothing, in silence."""
    scans, methods = groups([scan_file]), entries("zero-filled")
    with pytest.raises(InputError, match="coils and matrix are of simulated scans, and no file is a NIfTI volume"):
        run(compare_methods(scans, methods, Grid(matrix=64, coils=4)))
    with pytest.raises(InputError, match="axes are given, and these files name their own; leave them out"):
        run(compare_methods(scans, methods, GRID, axes=["coil", "phase", "readout"]))


def test_a_run_in_which_no_scan_can_be_used_is_refused(unusable: Path, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"scan\.h5"):
        run(compare_methods(groups([unusable / "0"]), entries("zero-filled"), GRID, folder=tmp_path / "table"))


def test_results_that_number_their_scans_are_not_mixed_with_others(scan_file: Path, tmp_path: Path) -> None:
    grid = Grid(accelerations=(3.0,), slices=1)
    table = run(compare_methods(groups([scan_file]), entries("zero-filled"), grid, folder=tmp_path))
    (result,) = table.results
    text = (tmp_path / "results.csv").read_text()
    (tmp_path / "results.csv").write_text(text.replace(result.scan, "1"))
    with pytest.raises(FileFormatError, match="numbers its scans, as the version before did"):
        run(compare_methods(groups([scan_file]), entries("zero-filled"), grid, folder=tmp_path))


def test_a_method_that_fails_leaves_the_others(scan_file: Path, tmp_path: Path) -> None:
    table = run(
        compare_methods(groups([scan_file]), entries("zero-filled, oracle", "zero-filled"), GRID, folder=tmp_path)
    )
    (section,) = table.sections
    assert [(line.failed, line.cases) for line in section.scores] == [(4, 0), (0, 4)]
    text = (tmp_path / "comparison.md").read_text()
    assert "failed on 4 of 4" in text
    assert "no live knob" in text
    assert "nan" not in text


@pytest.mark.slow
def test_the_files_say_what_was_run(scan_file: Path, tmp_path: Path) -> None:
    run(compare_methods(groups({"head": scan_file}), entries("unet", "tv"), GRID, folder=tmp_path, baseline="tv"))
    described = json.loads((tmp_path / "comparison.json").read_text())
    assert described["versions"]["torch"]
    assert described["last_grid"]["accelerations"] == described["masks"]["accelerations"] == [3.0]
    network = described["methods"]["unet"]
    assert network["parameters"] > 1e5
    assert network["megabytes"] > 0.1
    assert network["made_with"] == registry.get("unet").fingerprint()
    (section,) = described["sections"]
    assert section["methods"][1]["ratio"]["mean"] == pytest.approx(1)
    with (tmp_path / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["method"] for row in rows} == {"unet", "tv"}
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert scan_file.name not in written
    assert str(scan_file.parent) not in written


@pytest.mark.slow
def test_knobs_are_chosen_as_asked(scan_file: Path) -> None:
    case = next(cases(groups([scan_file]), GRID))
    given, rule, oracle = entries("tv, weight=0.01", "tv, rule", "cg-sense, oracle")
    tv, cg = registry.get("tv"), registry.get("cg-sense")
    assert run(given.choose(given.open(), case)) == tv.at(weight=0.01)
    assert run(rule.choose(rule.open(), case)) == tv.at(weight=auto_weight(case.measurement))
    (of_cg,) = entries("cg-sense, rule")
    weight = 8 * float(case.measurement.noise_level) ** 2
    assert run(of_cg.choose(of_cg.open(), case)).knobs["weight"] == pytest.approx(max(weight, 1e-4))
    best = float(run(oracle.choose(oracle.open(), case)).knobs["weight"])
    nmse = {w: case.score(cg(case.measurement, weight=w))["foreground"].nmse for w in np.geomspace(1e-4, 5e-2, 15)}
    assert best == pytest.approx(min(nmse, key=lambda w: nmse[w]), rel=1e-6)


def test_what_does_not_fit_is_said_before_the_run(scan_file: Path, tmp_path: Path) -> None:
    files = groups([scan_file])
    with pytest.raises(InputError, match="no reconstructor 'sense'"):
        next(compare_methods(files, entries("sense"), GRID))
    with pytest.raises(InputError, match="no knob 'wait'"):
        next(compare_methods(files, entries("tv, wait=1"), GRID))
    with pytest.raises(InputError, match="the baseline 'tv' is none"):
        next(compare_methods(files, entries("cg-sense"), GRID, baseline="tv"))
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="other columns"):
        next(compare_methods(files, entries("cg-sense"), GRID, folder=tmp_path))


@pytest.fixture
def scaled(tmp_path: Path) -> str:
    """A script whose network gives the zero-filled image of a thousandth of its scale."""
    path = tmp_path / "scaled.py"
    path.write_text(
        "import torch\n"
        "class Scaled(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.layer = torch.nn.Conv2d(2, 3, 3)\n"
        "    def forward(self, kspace, mask, sensitivities):\n"
        "        coils = torch.fft.ifft2(torch.fft.ifftshift(kspace, (-2, -1)), norm='ortho')\n"
        "        return (sensitivities.conj() * torch.fft.fftshift(coils, (-2, -1))).sum(0) / 1000\n"
        "reconstruct = Scaled()\n",
        encoding="utf-8",
    )
    return str(path)


def test_an_image_of_another_scale_is_told_and_kept(scan_file: Path, tmp_path: Path, scaled: str) -> None:
    grid, folder = Grid(accelerations=(3.0,), slices=1), tmp_path / "table"
    for _ in range(2):
        table = run(compare_methods(groups([scan_file]), entries("zero-filled", scaled), grid, folder=folder))
        (caution,) = table.cautions
        assert caution.startswith("scaled.py: its image explains the samples only when it is multiplied by")
        assert json.loads((folder / "comparison.json").read_text())["cautions"] == [caution]
        assert f"- {caution}" in (folder / "comparison.md").read_text()


def test_an_own_model_that_gives_another_image_each_time_is_told(scan_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "drifting.py"
    path.write_text(
        "calls = []\ndef reconstruct(image):\n    calls.append(1)\n    return image * (1 + len(calls) / 50)\n"
    )
    table = run(compare_methods(groups([scan_file]), entries(str(path)), Grid(accelerations=(3.0,), slices=2)))
    assert [bool(result.caution) for result in table.results] == [True, False]
    (caution,) = table.cautions
    assert caution.startswith("drifting.py gives different images for the same samples")


def test_what_makes_a_scan_doubtful_is_told_once(loud_file: Path) -> None:
    grid = Grid(accelerations=(3.0,), slices=1)
    table = run(compare_methods(groups([loud_file]), entries("zero-filled", "cg-sense"), grid))
    ((caution,), (named,), (scan,)) = table.cautions, table.named_cautions, table.scans
    assert caution.startswith(f"scan {scan}: Coil 2, counted from 0, is ")
    assert named.startswith(f"{loud_file.name}: Coil 2, counted from 0, is ")


def test_of_several_doubtful_scans_each_is_told(loud_file: Path, tmp_path: Path) -> None:
    """The first scan's caution hid those of all others."""
    other = tmp_path / "other.h5"
    shutil.copy(loud_file, other)
    with h5py.File(other, "r+") as file:
        file["kspace"][:, 1] *= 10_000
    found = run(compare_methods(groups([loud_file, other]), entries("zero-filled"), Grid(slices=1))).named_cautions
    assert [caution.partition(", ")[0] for caution in found] == [f"{loud_file.name}: Coil 2", "other.h5: Coil 1"]


def test_a_table_of_the_version_before_has_no_cautions_and_goes_on(
    scan_file: Path, tmp_path: Path, counted: Counter
) -> None:
    arguments = groups([scan_file]), entries("cg-sense"), Grid(accelerations=(3.0,), slices=1)
    run(compare_methods(*arguments, folder=tmp_path))
    rows = list(csv.reader((tmp_path / "results.csv").read_text().splitlines()))
    place = rows[0].index("caution")
    assert rows[0][place + 1] == "scan_caution"
    with (tmp_path / "results.csv").open("w", newline="") as file:
        csv.writer(file).writerows([*row[:place], *row[place + 2 :]] for row in rows)
    run(compare_methods(*arguments, folder=tmp_path))
    assert counted.calls == 1
    assert "caution" in (tmp_path / "results.csv").read_text().splitlines()[0]


def test_the_parameters_of_an_own_network_are_counted(scan_file: Path, scaled: str) -> None:
    grid = Grid(accelerations=(3.0,), slices=1)
    table = run(compare_methods(groups([scan_file]), entries(scaled), grid))
    assert [row["parameters"] for row in table.rows.values()] == [2 * 3 * 9 + 3]


def test_a_name_that_looks_like_a_formula_is_quoted_in_the_file_and_found_again(
    scan_file: Path, tmp_path: Path, counted: Counter
) -> None:
    arguments = groups({"=1+1": scan_file}), entries("cg-sense"), Grid(accelerations=(3.0,), slices=1)
    for _ in range(2):
        table = run(compare_methods(*arguments, folder=tmp_path))
        assert [section.group for section in table.sections] == ["=1+1"]
    assert counted.calls == 1
    assert (tmp_path / "results.csv").read_text().splitlines()[1].startswith("'=1+1,")
