"""What is said while nothing can be shown yet."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from napari_recon_robust.canvas.arrangement import LAYOUTS
from napari_recon_robust.canvas.titles import in_one_line
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


def title(review: Session, key: str = "clean") -> str:
    return str(review.panels.panels[key].image.name)


def foot(review: Session) -> Any:
    return review.docks[0].foot


def test_a_method_that_computes_is_named_and_nothing_of_the_one_before_stays(
    review: Session, until: Until, slow: threading.Event
) -> None:
    started: list[str] = []
    review.jobs.started.connect(started.append)
    review.choose_method("tv")
    until(lambda: "computing" in title(review))
    measured = review.bench.acquisition.current
    assert title(review) == f"Zero-filled · computing {registry.get('tv').label}…"
    assert review.scene.comparing.pictures["clean"].name == "Zero-filled", "as flicker and wipe name it"
    np.testing.assert_array_equal(review.panels.panels["clean"].stack[1], measured.zero_filled.numpy())
    until(lambda: not foot(review).cancel.isHidden())
    assert started == [f"Reconstructing with {registry.get('tv').label}"]
    slow.set()
    until(lambda: review.bench.reconstruction.shown is not None)
    assert "computing" not in title(review)


@pytest.mark.thorough
def test_nothing_of_an_attack_on_the_method_before_stands_beside_one_that_computes(
    review: Session, until: Until, slow: threading.Event
) -> None:
    bench, label = review.bench, registry.get("tv").label
    panels = review.panels.panels
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and "difference" in panels and panels["difference"].stack.any())
    until(lambda: not review.jobs.working)
    before, said = panels["difference"].stack[1].copy(), title(review, "difference")
    attacked = bench.reconstruction.method
    assert attacked is not None
    review.choose_method("tv")
    until(lambda: title(review) == f"Zero-filled · computing {label}…")
    for key in ("perturbed", "difference"):
        assert title(review, key) == f"{key.capitalize()} · computing {label}…"
        assert not panels[key].stack.any(), "zero-filled minus another method is no difference"
    assert set(review.scene.seen) == {"reference", "clean"}
    until(lambda: not foot(review).cancel.isHidden())
    foot(review).cancel.click()
    until(lambda: title(review, "difference") == f"Difference · no image of {label}")
    assert title(review, "perturbed") == f"Perturbed · no image of {label}"
    bench.reconstruction.choose(attacked)
    until(lambda: title(review, "difference") == said)
    np.testing.assert_array_equal(panels["difference"].stack[1], before)
    review.choose_method("tv")
    until(lambda: not panels["difference"].stack.any())
    slow.set()
    until(lambda: panels["difference"].stack.any())
    shown = bench.reconstruction.shown
    assert shown is not None
    assert shown.perturbed is not None
    assert shown.method.id == "tv"
    gain = review.scene.comparing.gain
    np.testing.assert_allclose(panels["difference"].stack[1], gain * abs(shown.perturbed - shown.image), rtol=1e-5)
    assert title(review, "difference").startswith("Difference ×")


@pytest.mark.thorough
def test_nothing_of_an_attack_stands_beside_what_a_long_method_has_so_far(review: Session, until: Until) -> None:
    bench, panels = review.bench, review.panels.panels
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and "difference" in panels and panels["difference"].stack.any())
    until(lambda: not review.jobs.working)
    review.choose_method("dip")
    until(lambda: "preview" in title(review))
    label = registry.get("dip").label
    for key in ("perturbed", "difference"):
        assert title(review, key) == f"{key.capitalize()} · computing {label}…"
        assert not panels[key].stack.any()
    review.jobs.cancel("render")
    until(lambda: title(review, "difference") == f"Difference · no image of {label}")
    assert "preview" in title(review)


def test_a_cancelled_image_is_not_promised(review: Session, until: Until, slow: threading.Event) -> None:
    review.choose_method("tv")
    until(lambda: "computing" in title(review) and not foot(review).cancel.isHidden())
    foot(review).cancel.click()
    until(lambda: title(review).startswith("Zero-filled · no image of"))
    assert review.jobs.working, "its thread has a step to end"
    slow.set()
    until(lambda: not review.jobs.working)
    assert title(review).startswith("Zero-filled · no image of")


def test_a_slice_that_is_read_is_announced_from_the_first_moment(
    review: Session, until: Until, may_read: threading.Event
) -> None:
    before = {key: (title(review, key), review.panels.panels[key].stack[1].copy()) for key in ("reference", "clean")}
    review.panels.navigation.go_to(2)
    until(lambda: review.bench.acquisition.index == 2)
    for key, (said, image) in before.items():
        assert title(review, key) == f"Slice 1 · {said} · reading slice 2…"
        np.testing.assert_array_equal(review.panels.panels[key].stack[2], image)
        assert review.panels.panels[key].image.opacity == 0.5, "darker, and never black"
    assert not review.scene.seen, "no value of it is read as one of slice 2"
    until(lambda: foot(review).message.text().startswith("Reading slice 2"))
    reference_first: list[bool] = []
    review.bench.acquisition.previewed.connect(
        lambda _: reference_first.append(review.panels.panels["reference"].stack[2].any())
    )
    may_read.set()
    until(lambda: review.bench.reconstruction.shown is not None and title(review).startswith("CG-SENSE"))
    assert reference_first == [True]
    assert title(review, "reference") == "Reference"


def test_the_first_look_at_a_slice_is_seen_in_a_panel_that_is_alone(review: Session, until: Until) -> None:
    bench, panels = review.bench, review.panels
    review.step_layout(LAYOUTS.index("clean"))
    until(lambda: panels.settled and not review.jobs.working)
    assert panels.shown == ("clean",)
    looks: list[tuple[str, bool, object]] = []

    def look(image: Any, _: Any) -> None:
        same = np.array_equal(panels.panels["clean"].stack[2], image.cpu().numpy())
        looks.append((panels.panels["clean"].heading.lines, same, review.scene.seen.get("clean")))

    bench.acquisition.previewed.connect(look)
    panels.navigation.go_to(2)
    until(lambda: bench.acquisition.index == 2 and bench.reconstruction.shown is not None)
    until(lambda: title(review).startswith("CG-SENSE"))
    assert looks == [("Reference · RSS", True, None)], "and no value of it is said to be of the clean image"


def test_the_picture_stays_when_an_own_model_cannot_be_opened_or_fails(
    review: Session, until: Until, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def reconstruct(k, m, s):\n    raise ValueError('no')\n", encoding="utf-8")
    before = title(review)
    review.open_model(str(tmp_path / "missing.pt2"))
    until(lambda: "no file" in foot(review).message.text())
    assert title(review) == before
    review.choose_method("zero-filled")
    until(lambda: review.bench.reconstruction.shown is not None and not review.jobs.working)
    assert "no file" not in foot(review).message.text(), "another method is set"
    review.open_model(str(broken))
    until(lambda: "no image of" in title(review))
    assert review.panels.panels["reference"].stack[1].any()
    assert len(review.panels.viewer.layers) == 6
    assert not review.panels.viewer.window._qt_viewer.show_welcome_screen


def test_a_result_shows_its_clean_image_while_that_is_computed_again(
    review: Session, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = review.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.set(steps=1)
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None and "ROI SSIM" in title(review))
    before = title(review)
    clean = bench.perturbing.current.outcome.comparison.clean.numpy()
    review.scene.measured()
    monkeypatch.setattr(bench.reconstruction, "shown", None)
    review.scene.waiting()
    assert title(review) == before
    np.testing.assert_array_equal(review.panels.panels["clean"].stack[1], clean)


def test_a_simulated_scan_says_so_once_and_not_in_each_title(
    review: Session, until: Until, scan_file: Path, tmp_path: Path
) -> None:
    words = review.panels.viewer.canvas.overlays["text"]
    assert "Simulated" not in words.text
    simulated = tmp_path / "computed.h5"
    simulated.write_bytes(scan_file.read_bytes())
    with h5py.File(simulated, "a") as file:
        file.attrs["simulated"] = True
    review.open(simulated)
    until(lambda: review.bench.acquisition.facts.startswith(simulated.name) and title(review).startswith("CG-SENSE"))
    assert in_one_line(words.text).startswith("Simulated scan · ")
    assert not [panel.title for panel in review.panels.panels.values() if "simulated" in panel.title.lower()]


def test_the_range_of_the_knobs_is_said_to_be_computed_once_the_image_is_there(
    review: Session, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HQS goes on for half a minute behind its image."""
    go, until_rendered = threading.Event(), threading.Event()

    def waits(self: Any, measurement: Any, points: Any) -> Any:
        for _ in points:
            until_rendered.wait(60)
            yield measurement.crop(measurement.model.adjoint(measurement.data))
            go.wait(60)

    monkeypatch.setattr(type(registry.get("hqs")), "family", waits)
    review.choose_method("hqs")
    until_rendered.set()
    try:
        until(lambda: review.bench.reconstruction.shown is not None)
        until(lambda: foot(review).message.text().startswith("Preparing the knob"))
        assert not foot(review).cancel.isHidden()
        foot(review).cancel.click()
        assert not review.jobs.busy("prepare")
    finally:
        go.set()
