"""The file, and what a real Chromium makes of it."""

import base64
import json
import re
from pathlib import Path

import polars as pl
import pytest

from helpers.browser import Browser
from helpers.reported import FROZEN
from helpers.saved_cases import saved
from helpers.study_table import table
from napari_recon_robust.figures.studies.calibration import interval_calibration
from napari_recon_robust.figures.studies.result_table import write_results
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reports import study
from napari_recon_robust.reports.study import write_study_report
from napari_recon_robust.studies.plan import Keep

NASTY = "</script><img src=x onerror=\"document.title='broken into'\">"


@pytest.fixture(scope="module")
def trials() -> pl.DataFrame:
    return table(volumes=2, methods=2, slices=1).with_columns(region_label=pl.lit(NASTY))


def shown(page: str) -> dict[str, list[list[object]]]:
    found = re.search(r"data-trials>(.*?)</script>", page, re.S)
    assert found is not None
    table: dict[str, list[list[object]]] = json.loads(found[1])
    return table


@pytest.mark.slow
def test_the_page_holds_figures_with_their_data_and_asks_for_nothing_from_elsewhere(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    figure = interval_calibration(trials, tmp_path / "calibration.svg")
    path = write_study_report(trials, tmp_path / "report.html", figures=[figure], lacking={"Rotation": "no angle."})
    page = path.read_text()
    assert base64.b64encode(figure.path.read_bytes()).decode() in page
    assert base64.b64encode(figure.data.read_bytes()).decode() in page
    assert figure.words in page
    assert "no angle." in page
    assert NASTY not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "Not for diagnostic use." in page
    assert str(tmp_path) not in page


def test_the_results_stand_before_the_figures_and_are_copied_by_a_button(
    trials: pl.DataFrame, tmp_path: Path, chromium: Browser
) -> None:
    results = write_results(trials, tmp_path / "figures")
    assert results is not None
    path = write_study_report(trials, tmp_path / "report.html", results=results)
    page = path.read_text()
    assert page.index('id="results"') < page.index('id="figures"')
    assert f"<td>{results.tables[0].rows[0][3]}</td>" in page
    chromium.open(path, "document.querySelectorAll('.trials tbody tr').length === 50")
    chromium.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    for suffix, text in results.texts.items():
        chromium.run(f"document.querySelector('[data-copy={suffix}]').click()")
        assert chromium.run("window.copied") == text
    chromium.wait("document.querySelector('[data-copied]').textContent === 'copied'")
    assert 'id="results"' not in write_study_report(trials, tmp_path / "none.html").read_text()


def test_columns_that_all_trials_share_stand_beside_the_table(trials: pl.DataFrame, tmp_path: Path) -> None:
    page = write_study_report(trials, tmp_path / "report.html").read_text()
    found = shown(page)
    assert len(found["rows"]) == len(trials)
    assert "method_label" in found["columns"]
    assert not {"mask", "trial", "region_label"} & set(map(str, found["columns"]))
    assert "<dt>mask</dt><dd>equispaced</dd>" in page


def test_why_images_are_doubted_and_trials_failed_stands_before_the_figures(
    trials: pl.DataFrame, tmp_path: Path
) -> None:
    scan = trials["scan"][0]
    of_one = pl.when(pl.col("scan") == scan)
    doubtful = trials.with_columns(
        cautions=of_one.then(pl.lit('{"loud_coil":"Coil 2 is loud."}')),
        error=of_one.then(None).otherwise(pl.lit("it is cut off.")),
    )
    page = write_study_report(doubtful, tmp_path / "report.html").read_text()
    count = len(trials.filter(pl.col("scan") == scan))
    assert f"<li>{scan}: Coil 2 is loud. ({count} trials)</li>" in page
    (other,) = set(trials["scan"]) - {scan}
    assert f"<li>{len(trials) - count} trials of {other} failed: it is cut off.</li>" in page
    assert "Cautions" not in write_study_report(trials, tmp_path / "none.html").read_text()


def test_notes_on_scans_stand_among_the_cautions(trials: pl.DataFrame, tmp_path: Path) -> None:
    notes = {"Rows are left.": 0, **{f"Note {number}.": 2 for number in range(20)}}
    page = write_study_report(trials, tmp_path / "report.html", notes=notes).read_text()
    assert "<li>Rows are left.</li>" in page
    assert page.count("<li>2 scans: Note ") == 11
    assert "<li>and 9 other notes on scans.</li>" in page


def test_scans_are_named_by_as_much_of_their_paths_as_tells_them_apart(trials: pl.DataFrame, tmp_path: Path) -> None:
    paths = {"head0.h5": "/home/me/one/head.h5", "head1.h5": "/home/me/two/head.h5"}
    placed = trials.with_columns(
        scan=pl.col("scan").replace(paths), volume=pl.col("scan").replace(paths), error=pl.lit("it is cut off.")
    )
    page = write_study_report(placed, tmp_path / "report.html").read_text()
    assert "/home/me" not in page
    assert "trials of one/head.h5 and two/head.h5 failed: it is cut off.</li>" in page
    found = shown(page)
    assert {row[found["columns"].index("volume")] for row in found["rows"]} == {"one/head.h5", "two/head.h5"}  # type: ignore[arg-type]


def test_labels_that_only_repeat_the_methods_have_no_column(trials: pl.DataFrame, tmp_path: Path) -> None:
    plain = trials.with_columns(method_label=pl.col("method"))
    found = shown(write_study_report(plain, tmp_path / "report.html").read_text())
    assert "method" in found["columns"]
    assert "method_label" not in found["columns"]


def test_of_a_large_study_the_page_has_the_worst_trials(
    trials: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "MOST_ROWS", 5)
    page = write_study_report(trials, tmp_path / "report.html").read_text()
    found = shown(page)
    column = found["columns"].index("ssim_region_perturbed")  # type: ignore[arg-type]
    worst = trials["ssim_region_perturbed"].drop_nulls().sort()[:5].to_list()
    assert [row[column] for row in found["rows"]] == worst
    assert "The 5 trials with the lowest ssim_region_perturbed" in page


def test_a_study_without_trials_or_cases_says_so(trials: pl.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished trial"):
        write_study_report(trials.clear(), tmp_path / "report.html")
    assert "No case was saved" in write_study_report(trials, tmp_path / "report.html").read_text()


def test_a_study_that_is_not_finished_says_so(trials: pl.DataFrame, tmp_path: Path) -> None:
    some, keep = trials.head(52), Keep(worst=1)
    page = write_study_report(some, tmp_path / "report.html", planned=126, keep=keep).read_text()
    assert "The study has 52 finished of 126 trials on 1 slice of 1 volume" in page
    assert "<li>52 of 126 trials are finished; the others are not in this report.</li>" in page
    assert "No case is saved yet: the worst are saved once all trials of the plan are finished." in page
    page = write_study_report(some, tmp_path / "report.html", planned=52, keep=keep).read_text()
    assert "The study has 52 trials on" in page
    assert "are finished" not in page
    assert " worst cases could not be saved; run the study again, which saves them." in page, "as where a disk was full"
    none = some.filter(pl.col("perturbation") == "none")
    page = write_study_report(none, tmp_path / "report.html", keep=keep).read_text()
    assert "No case is saved: no perturbed trial has a value of ssim_region_perturbed." in page


def test_a_browser_sorts_and_searches_the_table_and_shows_the_worst_cases(
    trials: pl.DataFrame, tmp_path: Path, chromium: Browser
) -> None:
    path = write_study_report(trials, tmp_path / "report.html", cases=[FROZEN / "worst-case", FROZEN / "fnaf"])
    rows = "[...document.querySelectorAll('.trials tbody tr')]"
    chromium.open(path, "document.querySelectorAll('.trials tbody tr').length === 50")
    place = "[...document.querySelectorAll('.trials th')].findIndex((head) => head.textContent === 'budget')"
    column = f"{rows}.map((row) => row.cells[{place}].textContent)"
    click = "[...document.querySelectorAll('.trials th button')].find((one) => one.textContent === 'budget').click()"
    chromium.run(click)
    assert set(chromium.run(column)[:10]) == {"0.01"}
    chromium.run(click)
    assert set(chromium.run(column)[:10]) == {"0.04"}
    chromium.run(
        "const field = document.querySelector('[data-search]'); field.value = 'varnet rotation head1'; "
        "field.dispatchEvent(new Event('input'))"
    )
    assert chromium.run("document.querySelector('[data-shown]').textContent") == "1 to 6 of 6"
    assert chromium.run("document.querySelectorAll('.case:not([hidden]) canvas').length") > 0
    chromium.run("document.querySelector('[data-step=\"1\"]').click()")
    chromium.wait("document.querySelector('.case:not([hidden])').id === 'case-2'")
    assert chromium.run("document.title") == "simulated"
    assert chromium.complaints == []


@pytest.mark.slow
def test_of_many_cases_the_page_says_how_many_it_shows(
    trials: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "MOST_CASES", 1)
    page = write_study_report(
        trials, tmp_path / "report.html", cases=2 * [saved(tmp_path / "case", "random")]
    ).read_text()
    assert "The worst 1 of 2 that are saved, the worst first." in page
