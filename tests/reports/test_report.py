"""The file, and what a real Chromium makes of it."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.browser import Browser
from helpers.galleries import changed, copied
from helpers.reported import FROZEN, TURNS, frozen, pictured
from napari_recon_robust.cases.record import Case
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW, Turn
from napari_recon_robust.data.window import Window
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.reports.export import export_image
from napari_recon_robust.reports.report import write_report

NASTY = "</script><script>document.title='broken into'</script><img src=x onerror=\"document.title='broken into'\">"


class Page(HTMLParser):
    """What a file of HTML is made of."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append((f"/{tag}", {}))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            name = self.tags[-1][1].get("type") or self.tags[-1][0]
            self.texts[name] = self.texts.get(name, "") + data


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    return lambda *cases, **options: write_report(cases, tmp_path / "report.html", **options)


# ---------------------------------------------------------------- the file


def test_the_file_asks_for_nothing_from_elsewhere(written: Callable[..., Path]) -> None:
    page = Page(written(frozen(), frozen("fnaf")))
    assert not {"link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not {"src", "href", "style", "action"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(" not in page.texts["style"]
    assert not re.search(r"\b(fetch|XMLHttpRequest|import|WebSocket|innerHTML|eval)\b\s*\(?", page.texts["module"])


def test_the_policy_names_the_style_and_the_script_by_their_hashes(written: Callable[..., Path]) -> None:
    page = Page(written(frozen()))
    (policy,) = (one["content"] for tag, one in page.tags if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for name in ("module", "style"):
        mark = base64.b64encode(hashlib.sha256(page.texts[name].encode()).digest()).decode()
        assert f"'sha256-{mark}'" in policy


def test_what_was_inserted_is_said_to_be_judged_in_its_surroundings(written: Callable[..., Path]) -> None:
    attacked, inserted = (written(frozen(kind)).read_text(encoding="utf-8") for kind in ("worst-case", "fnaf"))
    assert "ROI SSIM" in attacked
    assert "Change of the region" in attacked
    assert ">region</th>" in attacked
    assert "local SSIM" in inserted
    assert "Change of the surroundings of what was inserted by the perturbation" in inserted
    assert ">surroundings of what was inserted</th>" in inserted
    assert not re.search("ROI SSIM|Change of the region|>region</th>", inserted)


def test_the_same_cases_give_the_same_bytes_and_the_names_of_folders_above_are_not_in_it(tmp_path: Path) -> None:
    one, two = (write_report([FROZEN / "worst-case"], tmp_path / f"{n}.html").read_bytes() for n in range(2))
    assert one == two
    assert str(FROZEN).encode() not in one
    assert b"worst-case" in one


def test_metrics_recipe_versions_hashes_and_notice_are_in_it(written: Callable[..., Path]) -> None:
    case = frozen()
    text = written(case).read_text(encoding="utf-8")
    for number in range(2):
        assert f"{case.results[number]['perturbed']['roi']['ssim']:.3f}</td>" in text
    assert case.recipe.input in text
    assert f"<dd>{case.recipe.versions['torch']}</dd>" in text
    assert "Not for diagnostic use." in text
    assert text.count("<svg") == 2
    assert "random noise of equal norm" in text
    assert "K1 = 0.01" in text


def test_it_says_in_which_window_the_images_begin(written: Callable[..., Path]) -> None:
    begins = "The images above begin in the window "
    assert f"{begins}of the reference, which holds" in written(frozen()).read_text(encoding="utf-8")
    looked_at = written(frozen(), window=(0.1, 0.5)).read_text(encoding="utf-8")
    assert f"{begins}in which they were looked at, which holds" in looked_at


def test_a_window_is_in_the_units_of_a_scan_that_was_scaled(written: Callable[..., Path]) -> None:
    plain = frozen()
    source = {**plain.recipe.source, "unit": 2.0**-80}
    scaled = replace(plain, recipe=plain.recipe.model_copy(update={"source": source}))
    windows = [
        re.findall(r'"window": *\{[^}]*\}', written(case, window=window).read_text(encoding="utf-8"))
        for case, window in ((plain, (0.1, 0.5)), (scaled, (0.1 * 2.0**-80, 0.5 * 2.0**-80)))
    ]
    assert windows[0] == windows[1]
    assert "0.5" in windows[0][0]


def test_every_string_is_escaped(written: Callable[..., Path]) -> None:
    case = pictured(label=NASTY)
    recipe = case.recipe.model_copy(
        update={"source": {NASTY: NASTY}, "versions": {NASTY: NASTY}, "weights": {NASTY: NASTY}, "method": NASTY}
    )
    results = [{**result, "sentence": NASTY, "warnings": {"a": NASTY}} for result in case.results]
    page = Page(written(replace(case, recipe=recipe, results=results)))
    assert "img" not in {tag for tag, _ in page.tags}
    scripts = [one.get("type") for tag, one in page.tags if tag == "script"]
    assert scripts.count("module") == 1
    assert set(scripts) == {"module", "application/json", "application/octet-stream"}
    assert page.text.count("</script>") == len(scripts)


@pytest.mark.parametrize("kind", sorted(path.name for path in FROZEN.iterdir()))
def test_every_kind_of_case_has_a_report(written: Callable[..., Path], kind: str) -> None:
    case = frozen(kind)
    text = written(FROZEN / kind).read_text(encoding="utf-8")
    description = json.loads(re.search(r'class="description">(.*?)</script>', text, re.DOTALL)[1])
    assert len(description["results"]) == len(case.results)
    names = {image["name"] for image in description["images"]}
    assert names >= {"reference", "clean", "perturbed"}
    assert ("random" in names) is all(result["additive"] for result in case.results)


def test_half_a_letter_is_replaced(written: Callable[..., Path]) -> None:
    assert "half \N{REPLACEMENT CHARACTER} a letter" in Page(written(pictured(label="half \ud800 a letter"))).text


def test_a_case_without_reference_says_so(written: Callable[..., Path]) -> None:
    case = frozen()
    images = {name: image for name, image in case.images.items() if "reference" not in name}
    results = [{**result, "perturbed_reference": None, "reference": None} for result in case.results]
    text = written(replace(case, images=images, results=results)).read_text(encoding="utf-8")
    assert "No fully sampled truth is known" in text
    assert "all measures are against the clean image" in text
    assert '"beside": ""' in text


def test_bad_input_is_refused_in_one_sentence(tmp_path: Path) -> None:
    case = frozen()
    path = tmp_path / "report.html"
    with pytest.raises(InputError, match="no case to report on"):
        write_report([], path)
    with pytest.raises(InputError, match=r"report.txt has no known suffix"):
        write_report(case, tmp_path / "report.txt")
    with pytest.raises(InputError, match="white must lie above black"):
        write_report(case, path, window=(2.0, 1.0))
    with pytest.raises(InputError, match="“clean” of Case 1 has NaN"):
        write_report(replace(case, images={**case.images, "clean": np.full((18, 22), np.nan * 1j)}), path)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "case.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileFormatError, match="cannot be read as JSON"):
        write_report(damaged, path)
    assert not path.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.update(results=[{} for _ in one["results"]]),
        lambda one: one["results"][0]["clean"]["roi"].update(ssim="<b>"),
        lambda one: one["results"][0]["budget"].update(nominal="x"),
        lambda one: one["recipe"]["source"].update(voxel=["a"]),
        lambda one: one["recipe"]["source"].update(sampling=["x"]),
        lambda one: one["recipe"].update(method_knobs={"weight": math.nan}),
    ],
)
def test_a_sealed_case_with_values_of_another_kind_is_one_sentence(
    tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    case = changed(copied(tmp_path, "worst-case") / "worst-case", change)
    export = partial(export_image, image="clean")
    for write, name in ((write_report, "report.pdf"), (export, "image.dcm"), (export, "image.png")):
        with suppress(InputError, FileFormatError):
            write(case, path=tmp_path / name)
    with pytest.raises(FileFormatError, match="the saved case cannot be read .*; restore it"):
        write_report(case, tmp_path / "report.html")


# ---------------------------------------------------------------- in a browser


READY = "document.querySelector('.case:not([hidden]) .viewer[data-ready] .panel figcaption') !== null"
CANVAS = "document.querySelectorAll('.case:not([hidden]) canvas')"


@pytest.fixture
def shown(chromium: Browser, written: Callable[..., Path]) -> Callable[..., Browser]:
    def show(*cases: Case, width: int = 1280, height: int = 720) -> Browser:
        chromium.resize(width, height)
        chromium.open(written(*cases), READY)
        return chromium

    return show


def pixels(page: Browser, number: int) -> np.ndarray:
    """A panel's canvas, uint8 (rows, columns, red green blue)."""
    script = f"""(() => {{
      const canvas = {CANVAS}[{number}];
      const {{ data }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return [canvas.width, canvas.height, btoa(Array.from(data, (value) => String.fromCharCode(value)).join(''))];
    }})()"""
    width, height, packed = page.run(script)
    return np.frombuffer(base64.b64decode(packed), np.uint8).reshape(height, width, 4)[..., :3]


def sampled(page: Browser, number: int, rows: int, columns: int) -> np.ndarray:
    """The middle of each image pixel, at whole screen pixels for each: uint8 (rows, columns, 3)."""
    seen = pixels(page, number)
    height, width = seen.shape[:2]
    scale = min(height // rows, width // columns)
    top, left = round((height - rows * scale) / 2), round((width - columns * scale) / 2)
    return seen[top + scale // 2 :: scale, left + scale // 2 :: scale][:rows, :columns]


def titles(page: Browser) -> list[str]:
    return page.run(
        "[...document.querySelectorAll('.case:not([hidden]) .panel figcaption')].map((one) => one.textContent)"
    )


@pytest.mark.slow
@pytest.mark.parametrize("turn", TURNS)
def test_pixels_are_those_of_the_window_within_one_grey_level(shown: Callable[..., Browser], turn: Turn) -> None:
    case = pictured(turn=turn)
    page = shown(case)
    for key in "op":
        page.key(key)
    images = [case.images["reference"], case.images["clean"], case.images["perturbed"][1]]
    window = Window.of(images[0])
    for _ in range(2):
        for number, image in enumerate(images):
            expected = window.grey(turn.shown(image)).astype(int)
            found = sampled(page, number, *turn.size((40, 56))).astype(int)
            assert len(np.unique(expected)) > 80
            assert np.abs(found - expected[..., None]).max() <= 1
            assert np.mean(found != expected[..., None]) < 1e-3, "so that napari's canvas, too, is within one of it"
        page.key("f")
        window = Window(0.0, float(images[0].max()))
    assert page.complaints == []


@pytest.mark.slow
def test_the_sides_of_the_patient_stand_at_the_edges(shown: Callable[..., Browser]) -> None:
    plane = {"directions": {"row": [1, 0, 0], "column": [0, 1, 0]}, "first": None}
    turn = Turn(quarters=3, mirrored=True)
    plain, lettered = (pixels(shown(pictured(turn=turn, **known)), 0) for known in ({}, {"plane": plane}))
    rows, columns = np.nonzero((lettered != plain).any(-1))
    height, width = plain.shape[:2]
    edges = np.stack([rows, height - 1 - rows, columns, width - 1 - columns])
    assert (edges.min(1) < 20).all(), "a letter at each"
    assert edges.min(0).max() < 30, "nothing else"


@pytest.mark.slow
def test_the_difference_is_signed_in_two_colours_or_absolute_in_grey(shown: Callable[..., Browser]) -> None:
    case = pictured()
    page = shown(case)
    for key in "op":
        page.key(key)
    clean, perturbed = (case.images[name].astype(float) for name in ("clean", "perturbed"))
    factor = int(re.search(r"×(\d+)", titles(page)[3])[1])
    share = (perturbed[1] - clean) * factor / np.percentile(case.images["reference"], 99.7)
    assert np.mean(np.abs(share) > 0.3) > 0.05
    assert np.quantile(np.abs(share), 0.998) <= 1
    colours = np.where(share[..., None] < 0, [86, 180, 233], [230, 159, 0])
    expected = np.clip(np.abs(share), 0, 1)[..., None] * colours
    assert np.abs(sampled(page, 3, 40, 56) - expected).max() <= 1
    page.key("a")
    assert titles(page)[3].startswith("|Perturbed 3% − Clean| ×")
    grey = np.clip(np.abs(share), 0, 1)[..., None] * 255
    assert np.abs(sampled(page, 3, 40, 56) - grey).max() <= 1


@pytest.mark.slow
def test_a_label_with_a_script_is_inert_and_nothing_is_refused(shown: Callable[..., Browser]) -> None:
    case = pictured(label=NASTY)
    page = shown(replace(case, recipe=case.recipe.model_copy(update={"method": NASTY, "source": {"slice": NASTY}})))
    assert page.run("document.title") != "broken into"
    assert page.run("document.images.length") == 0
    assert page.complaints == []
    assert NASTY in page.run("document.querySelector('.head').textContent")


@pytest.mark.slow
def test_the_policy_keeps_a_foreign_script_from_running(chromium: Browser, written: Callable[..., Path]) -> None:
    path = written(pictured())
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("</main>", "<script>document.title = 'broken into'</script></main>"), encoding="utf-8")
    chromium.open(path, READY)
    assert chromium.run("document.title") != "broken into"
    assert any("Content Security Policy" in words for words in chromium.complaints)


@pytest.mark.slow
def test_wipe_is_dragged_by_the_mouse_and_moved_by_keys(shown: Callable[..., Browser]) -> None:
    case = pictured()
    page = shown(case)
    for key in "op3":
        page.key(key)
    box = page.run(f"{CANVAS}[1].getBoundingClientRect().toJSON()")
    middle, height = box["left"] + box["width"] / 2, box["top"] + box["height"] / 2
    page.drag((middle, height), (box["left"] + 0.25 * box["width"], height))
    window = Window.of(case.images["reference"])
    clean, perturbed = (window.grey(image) for image in (case.images["clean"], case.images["perturbed"][1]))
    found = sampled(page, 1, 40, 56)[..., 0].astype(int)
    assert np.abs(found[:, :12] - clean[:, :12]).max() <= 1
    assert np.abs(found[:, 16:] - perturbed[:, 16:]).max() <= 1
    page.run("document.querySelector('.viewer').focus()")
    before = float(page.run("document.querySelector('[data-wipe]').value"))
    page.key("ArrowRight")
    assert float(page.run("document.querySelector('[data-wipe]').value")) == before + 2


@pytest.mark.thorough
def test_flicker_alternates_at_its_rate_without_a_blank_frame(shown: Callable[..., Browser]) -> None:
    page = shown(pictured())
    page.key("2")
    script = f"""new Promise((done) => {{
      const rate = document.querySelector('[data-rate]');
      rate.value = 4;
      rate.dispatchEvent(new Event('input'));
      const canvas = {CANVAS}[1]; const context = canvas.getContext('2d'); const seen = [];
      const step = () => {{
        const [value] = context.getImageData(canvas.width * 0.2, canvas.height - 20, 1, 1).data;
        seen.push([performance.now(), value]);
        if (seen.at(-1)[0] - seen[0][0] < 2000) requestAnimationFrame(step); else done(seen);
      }};
      step();
    }})"""
    seen = np.array(page.run(script))
    values = seen[:, 1]
    assert len(set(values)) == 2
    assert values.min() > 20
    changes = np.diff(seen[1:, 0][np.diff(values) != 0])
    assert 12 <= len(changes) + 1 <= 17
    assert np.median(changes) == pytest.approx(125, abs=25)


@pytest.mark.slow
def test_a_held_key_shows_the_clean_image_in_place_of_the_perturbed_one(shown: Callable[..., Browser]) -> None:
    page = shown(pictured())
    before, clean = pixels(page, 2), pixels(page, 1)
    page.key("x", up=False)
    assert np.array_equal(pixels(page, 2), clean)
    assert "Clean" in titles(page)[2]
    page.release("x")
    assert np.array_equal(pixels(page, 2), before)
    assert "Perturbed 3%" in titles(page)[2]
    assert (before != clean).any()


@pytest.mark.slow
def test_the_right_button_turns_the_window_of_all_panels(shown: Callable[..., Browser]) -> None:
    page = shown(pictured())

    def typed() -> tuple[float, float]:
        level, width = page.run("['level', 'width'].map((name) => document.querySelector(`[data-${name}]`).value)")
        return float(level), float(width)

    before = typed()
    box = page.run(f"{CANVAS}[0].getBoundingClientRect().toJSON()")
    start = (box["left"] + 50, box["top"] + 50)
    page.drag(start, (start[0] + 80, start[1] + 40), button="right")
    assert typed() == pytest.approx((before[0] + 0.1, before[1] + 0.2), abs=0.01)
    page.key("w")
    assert typed() == pytest.approx(before)


@pytest.mark.slow
def test_the_values_under_the_mouse_are_read_in_all_images(shown: Callable[..., Browser]) -> None:
    case = pictured(turn=FIRST_ROW_BELOW, voxel=[2.0, 2.0, 5.0])
    page = shown(case)
    page.key("p")
    box = page.run(f"{CANVAS}[0].getBoundingClientRect().toJSON()")
    scale = int(min(box["width"] // 56, box["height"] // 40))
    x, y = box["left"] + box["width"] / 2 + 3.5 * scale, box["top"] + box["height"] / 2 + 7.5 * scale
    page.move(x, y)
    words = page.run("document.querySelector('[data-readout]').textContent").replace("−", "-")
    row, column = 40 - 1 - 27, 31
    assert words.startswith(f"Row {row}, column {column} ({2 * row:.1f}, {2 * column:.1f} mm)")
    images, maximum = case.images, case.images["reference"].max()
    for title, image in (("Reference", images["reference"]), ("Random 3%", images["random"][1])):
        assert f" {title} {image[row, column] / maximum:.3f} " in words
    change = (images["perturbed"][1] - images["clean"])[row, column] / maximum
    assert words.endswith(f"B - A {change:.3f} of the maximum")
    page.key("m")
    assert "Perturbed 1%" in titles(page)[2]


@pytest.mark.slow
def test_the_wheel_zooms_at_the_mouse_and_the_region_has_a_key(shown: Callable[..., Browser]) -> None:
    page = shown(pictured(120, 160))
    fit = pixels(page, 0)
    box = page.run(f"{CANVAS}[0].getBoundingClientRect().toJSON()")
    page.wheel(box["left"] + 60, box["top"] + 60, -300)
    zoomed = pixels(page, 0)
    assert (zoomed != fit).any()
    page.key("0")
    assert np.array_equal(pixels(page, 0), fit)
    page.key("r")
    assert (pixels(page, 0) != fit).any()
    page.wheel(box["left"] + 60, box["top"] + 60, 2000)
    assert np.array_equal(pixels(page, 0), fit)


@pytest.mark.slow
def test_every_panel_says_what_it_is(shown: Callable[..., Browser]) -> None:
    page = shown(pictured(), frozen("fnaf"))
    assert ["attacked" in title for title in titles(page)] == [False, False, True, True]
    page.key("i")
    assert all("interpolated" in title for title in titles(page))
    page.key("k")
    page.wait(READY.replace(".case", "#case-2"))
    assert titles(page)[0].startswith("Changed truth")
    assert ["synthetic" in title for title in titles(page)] == [True, False, True, True]
    for words in page.run(f"[...{CANVAS}].map((one) => one.ariaLabel)"):
        assert len(words) > 20
    unnamed = "[...document.querySelectorAll('button, input, select')].filter((one) => "
    unnamed += "!(one.textContent.trim() || one.ariaLabel || one.closest('label'))).length"
    assert page.run(unnamed) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1920, 1080), (560, 900)])
def test_nothing_is_cut_off_and_images_come_first(shown: Callable[..., Browser], width: int, height: int) -> None:
    page = shown(pictured(64, 64, voxel=[1.0, 1.5, 3.0]), frozen("fnaf"), width=width, height=height)
    for mode in "1234":
        page.key(mode)
        assert page.run("document.documentElement.scrollWidth") <= width
        boxes = page.run(f"[...{CANVAS}].map((one) => one.getBoundingClientRect().toJSON())")
        assert all(box["left"] >= 0 and box["right"] <= width for box in boxes)
        assert width < 1000 or all(box["bottom"] <= height for box in boxes)
        assert all(box["width"] == pytest.approx(1.5 * box["height"], rel=0.02) for box in boxes)
        heads = page.run(
            "[...document.querySelectorAll('.case:not([hidden]) .panel figcaption, .bar button')]"
            ".filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
        )
        assert heads == []
    page.key("1")
