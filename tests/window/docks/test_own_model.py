"""An own model in the window: chosen in a file dialog or typed in, said where it fails, brought back with a case."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from qtpy.QtWidgets import QFileDialog

from helpers.docks import dock_of, press
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.networks.fastmri_layout import FastMRIUNet
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]
COMBINE = """
import torch

def reconstruct(kspace, mask, sensitivities):
    coils = torch.fft.ifftshift(kspace, (-2, -1))
    return (sensitivities.conj() * torch.fft.fftshift(torch.fft.ifft2(coils, norm="ortho"), (-2, -1))).sum(0)
"""


def dock(session: Session) -> Any:
    return dock_of(session, "Reconstruct")


def test_a_file_is_chosen_and_reconstructs(
    review: Session, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    path = tmp_path / "knee_leaderboard.pt"
    torch.save(FastMRIUNet(1, 1, 3, 2).state_dict(), path)
    page = dock(review)
    assert page.method.own_model.isHidden()
    press(page, "Own model…")
    assert not page.method.own_model.isHidden()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *arguments: (str(path), ""))
    press(page.method.own_model, "File…")
    until(lambda: review.bench.reconstruction.chosen.id == path.name)
    until(lambda: review.bench.reconstruction.shown is not None and review.bench.reconstruction.shown.exact)
    assert page.method.list.currentText() == "U-Net knee_leaderboard.pt"
    assert "validation data" in page.method.warning.text()
    page.method.list.setCurrentIndex(page.method.list.findData("cg-sense"))
    assert review.bench.reconstruction.chosen.id == "cg-sense"
    page.method.list.setCurrentIndex(page.method.list.findData(path.name))
    assert review.bench.reconstruction.chosen.id == path.name


@pytest.mark.slow
def test_what_cannot_be_opened_or_run_is_said_at_the_foot(review: Session, until: Until, tmp_path: Path) -> None:
    page = dock(review)
    for name, body, words in (
        ("missing.pt2", None, "no file"),
        ("shape.py", "def reconstruct(k, m, s):\n    return k\n", "an image for each coil"),
    ):
        if body is not None:
            (tmp_path / name).write_text(body, encoding="utf-8")
        page.method.own_model.source.setText(str(tmp_path / name))
        press(page.method.own_model, "Open")
        until(lambda words=words: words in page.foot.message.text())


@pytest.mark.thorough
def test_another_method_does_not_wait_for_one_that_nothing_interrupts(
    review: Session, until: Until, tmp_path: Path
) -> None:
    (tmp_path / "stuck.py").write_text(
        "import time\nfrom pathlib import Path\n\ndef reconstruct(k, m, s):\n"
        "    while not Path(__file__).with_name('go').exists():\n        time.sleep(0.01)\n"
        "    return k.sum(0)\n",
        encoding="utf-8",
    )
    bench = review.bench
    review.open_model(str(tmp_path / "stuck.py"))
    until(lambda: dock(review).foot.message.text().startswith("Reconstructing with stuck.py"))
    review.choose_method("zero-filled")
    until(lambda: bench.reconstruction.shown is not None and bench.reconstruction.shown.exact)
    assert review.jobs.working, "it still computes, for nobody"
    (tmp_path / "go").touch()
    until(lambda: not review.jobs.working)
    assert bench.reconstruction.shown.method.id == "zero-filled"


@pytest.mark.thorough
def test_an_attack_does_not_wait_for_one_on_a_model_that_nothing_interrupts(
    review: Session, until: Until, tmp_path: Path
) -> None:
    (tmp_path / "stuck.py").write_text(
        "import time\nfrom pathlib import Path\n\ndef reconstruct(k, m, s):\n"
        "    stay = Path(__file__).with_name('stay')\n"
        "    end = time.monotonic() + 60\n"  # or a failure of this test would never end
        "    while stay.exists() and time.monotonic() < end:\n"
        "        stay.with_name('begun').touch()\n        time.sleep(0.01)\n"
        "    return k.abs().sum(0)\n",
        encoding="utf-8",
    )
    bench = review.bench
    review.open_model(str(tmp_path / "stuck.py"))
    until(lambda: bench.reconstruction.shown is not None and not review.jobs.working)
    bench.perturbing.choose("random")
    bench.regions.choose(bench.regions.on(bench.acquisition.index)[:1])
    (tmp_path / "stay").touch()
    review.attempt(bench.perturbing.run)
    until((tmp_path / "begun").exists)
    review.jobs.cancel()
    review.choose_method("zero-filled")
    review.attempt(bench.perturbing.run)
    until(lambda: bench.perturbing.current is not None)
    assert bench.perturbing.current.setting.method.id == "zero-filled"
    assert review.jobs.working, "the attack that was cancelled still computes, for nobody"
    (tmp_path / "stay").unlink()
    until(lambda: not review.jobs.working)
    assert bench.perturbing.current.setting.method.id == "zero-filled"


@pytest.mark.slow
def test_a_case_comes_back_with_its_model_alone(review: Session, until: Until, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(COMBINE, encoding="utf-8")
    bench, page = review.bench, dock(review)
    review.open_model(str(tmp_path / "mine.py"))
    until(lambda: bench.reconstruction.chosen.id == "mine.py" and not review.jobs.busy())
    bench.perturbing.choose("random")
    review.attempt(lambda: bench.perturbing.run(ROI.box(40, 40, 12, 12)))
    until(lambda: bench.perturbing.result is not None and not review.jobs.busy())
    review.attempt(lambda: bench.rating.save(tmp_path / "case"))
    until(lambda: (tmp_path / "case" / "case.json").is_file() and not review.jobs.busy())
    bench.perturbing.result = None
    review.open(tmp_path / "case")
    until(lambda: bench.perturbing.result is not None and not review.jobs.busy())
    assert "reproduced" in bench.perturbing.result.note
    bench.reconstruction.own_models.clear()
    review.open(tmp_path / "case")
    until(lambda: "'mine.py', which is none of the methods here" in page.foot.message.text())
