"""What a list says of a case."""

from pathlib import Path
from typing import Any

import pytest

from helpers.galleries import changed, copied
from napari_recon_robust.cases.gallery.entry import METRICS, GalleryEntry, read_entry
from napari_recon_robust.cases.gallery.verdicts import Judgement
from napari_recon_robust.cases.record import load_case
from napari_recon_robust.evaluation.measures import MEASURES


def test_it_shows_the_largest_budget(tmp_path: Path) -> None:
    case = copied(tmp_path, "worst-case") / "worst-case"
    results = load_case(case).results
    assert [one["budget"]["nominal"] for one in results] == [0.01, 0.03]
    entry = read_entry("worst-case", case)
    assert entry.number == 1
    assert entry.title == "worst-case 3% on tv"
    assert entry.sentence == results[1]["sentence"]
    clean, perturbed = results[1]["clean"]["roi"], results[1]["perturbed"]["roi"]
    assert entry.metrics == {
        "change": results[1]["stability"]["perturbed"]["change"],
        "ssim-lost": clean["ssim"] - perturbed["ssim"],
        **{name: perturbed[name] for name in ("ssim", "psnr", "nmse")},
        "clean-ssim": clean["ssim"],
        "budget": 0.03,
        "thermal": results[1]["budget"]["thermal"],
    }
    changed(case, lambda description: description["results"].reverse())
    assert read_entry("worst-case", case).number == 0


def test_values_have_their_digits_and_units(tmp_path: Path) -> None:
    entry = GalleryEntry(
        "a", tmp_path, metrics={"change": 0.12345, "psnr": 31.06, "thermal": 1.504, "ssim-lost": -0.0001}
    )
    shown = {name: entry.show(name) for name in METRICS}
    assert shown == {
        "change": "12.3%",
        "ssim-lost": "0.000",
        "ssim": "—",
        "psnr": "31.1 dB",
        "nmse": "—",
        "clean-ssim": "—",
        "recovery": "—",
        "budget": "—",
        "thermal": "1.5×",
    }


def test_what_was_read_can_be_recalled(tmp_path: Path) -> None:
    case = changed(
        copied(tmp_path, "fnaf") / "fnaf", lambda description: description["recipe"]["source"].update(voxel=[1, 2, 3])
    )
    entry = read_entry("fnaf", case)
    assert entry.voxel == (1.0, 2.0, 3.0)
    assert entry.metrics["recovery"] == pytest.approx(0.991, abs=1e-3)
    assert GalleryEntry.recalled("fnaf", case, entry.facts(), Judgement()) == entry


def test_a_metric_that_is_not_a_number_is_left_out(tmp_path: Path) -> None:
    case = copied(tmp_path, "fnaf") / "fnaf"
    changed(case, lambda description: description["results"][0]["perturbed"]["roi"].update(psnr=None, ssim=None))
    assert not {"psnr", "ssim", "ssim-lost"} & read_entry("fnaf", case).metrics.keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "holds no case.json"),
        ("{", "cannot be read as JSON"),
        ("[]", "does not describe"),
        ("seal", "was altered"),
    ],
)
def test_a_damaged_case_says_what_is_wrong(tmp_path: Path, content: str | None, words: str) -> None:
    case = copied(tmp_path, "fnaf") / "fnaf"
    path = case / "case.json"
    if content == "seal":
        path.write_text(path.read_text(encoding="utf-8").replace('"cg-sense"', '"tv"'), encoding="utf-8")
    elif content is None:
        path.unlink()
    else:
        path.write_text(content, encoding="utf-8")
    entry = read_entry("fnaf", case)
    assert words in entry.damage
    assert entry.title == entry.damage
    assert not entry.metrics


def test_a_sealed_description_of_another_layout_is_damaged_too(tmp_path: Path) -> None:
    case = changed(copied(tmp_path, "fnaf") / "fnaf", lambda description: description.update(results=[]))
    assert "is damaged" in read_entry("fnaf", case).damage


@pytest.mark.parametrize("source", [{"slice": float("inf")}, {"voxel": [10**400, 1, 1]}])
def test_a_number_beyond_all_that_is_meant_damages_its_own_case_alone(tmp_path: Path, source: dict[str, Any]) -> None:
    case = changed(
        copied(tmp_path, "fnaf") / "fnaf", lambda description: description["recipe"]["source"].update(source)
    )
    assert "is damaged" in read_entry("fnaf", case).damage


def test_a_metric_beyond_all_numbers_is_left_out(tmp_path: Path) -> None:
    case = copied(tmp_path, "worst-case") / "worst-case"
    changed(case, lambda description: description["results"][1]["budget"].update(nominal=10**400))
    entry = read_entry("worst-case", case)
    assert (entry.number, entry.damage) == (1, "")
    assert "budget" not in entry.metrics
    assert "ssim" in entry.metrics


def test_a_row_of_a_table_does_not_say_where_it_lies(tmp_path: Path) -> None:
    row = read_entry("fnaf", copied(tmp_path, "fnaf") / "fnaf").to_json()
    assert str(tmp_path) not in repr(row)
    assert row["recovery"] is not None
    assert row["label"] == "around what was inserted"
    assert row["budget"] is None
    assert row["verdict"] == ""


def test_every_image_metric_of_the_perturbed_image_is_one_of_a_list() -> None:
    for name, measure in MEASURES.items():
        assert METRICS[name].label == f"{measure.name}, perturbed"
        assert METRICS[name].highest_first == measure.larger_is_worse
        assert METRICS[name].of({"perturbed": {"roi": {name: 0.25}}}) == 0.25
