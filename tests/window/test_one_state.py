"""The window driven at random: what panels and docks show is of the scan, slice, region and kind that are set."""

import gc
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
import torch
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]
STEPS = 40


def page(review: Session, name: str) -> Any:
    return next(one for one in review.docks if type(one).__name__ == f"{name}Dock")


class User:
    """Does something at random at every step, mostly without waiting for what was begun before."""

    def __init__(self, review: Session, until: Until, scans: list[Path], seed: int) -> None:
        self.review, self.until, self.scans = review, until, scans
        self.bench, self.chance = review.bench, random.Random(seed)

    def step(self) -> str:
        action = self.chance.choice(
            [
                *(self.open, self.slice, self.slice, self.sampling, self.method, self.knob, self.draw, self.choose),
                *(self.kind, self.budget, self.run, self.run, self.run, self.cancel, self.wait, self.wait, self.wait),
            ]
        )
        action()
        QApplication.processEvents()
        return action.__name__

    def open(self) -> None:
        path = self.chance.choice(self.scans)
        self.review.open(path, ("coil", "readout", "phase") if path.suffix == ".npy" else None)

    def slice(self) -> None:
        self.review.panels.viewer.dims.set_current_step(0, self.chance.randrange(self.bench.acquisition.shape[0]))

    def sampling(self) -> None:
        if self.bench.acquisition.scan is not None and self.bench.acquisition.scan.fully_sampled:
            self.review.measure(Sampling(acceleration=self.chance.choice([3, 4])))

    def method(self) -> None:
        self.review.choose_method(self.chance.choice(["cg-sense", "zero-filled"]))

    def knob(self) -> None:
        if "weight" in self.bench.reconstruction.knobs:
            self.review.turn({"weight": self.chance.choice([0.002, 0.01])})

    def draw(self) -> None:
        roi = ROI.box(self.chance.randrange(30, 50), self.chance.randrange(30, 50), 9, 11)
        self.bench.regions.draw(roi, self.bench.acquisition.index)

    def choose(self) -> None:
        listed = page(self.review, "Perturb").regions.list
        if listed.count():
            listed.setCurrentRow(self.chance.randrange(listed.count()))

    def kind(self) -> None:
        kind = page(self.review, "Perturb").kind.list
        kind.setCurrentIndex(kind.findData(self.chance.choice(["worst-case", "noise-level", "fnaf"])))
        if self.bench.perturbing.chosen.id == "worst-case":
            self.bench.perturbing.set(steps=2)
        elif self.bench.perturbing.chosen.id == "fnaf":  # a search would take its time
            self.bench.perturbing.set(row=40.0, column=50.0)

    def budget(self) -> None:
        self.bench.perturbing.budget = self.chance.choice([0.01, 0.02])

    def run(self) -> None:
        if self.bench.perturbing.knobs.get("row", 0) >= 0:
            page(self.review, "Perturb").kind.run.click()
            if self.chance.random() < 0.7:
                self.wait()

    def cancel(self) -> None:
        page(self.review, "Perturb").foot.cancel.click()

    def wait(self) -> None:
        self.until(lambda: not self.review.jobs.busy() and not self.review.jobs.working)

    # ---------------------------------------------------------------- what must hold

    def check(self) -> None:
        perturbing, shown = self.bench.perturbing, self.review.panels.shown
        perturb, compare, current = page(self.review, "Perturb"), page(self.review, "Compare"), perturbing.current
        assert compare.table.isHidden() == (current is None)
        assert compare.save.isEnabled() == (current is not None)
        assert bool(perturb.outcome.spent.text()) == (current is not None)
        assert perturb.outcome.earlier.text() == compare.earlier.text() == perturbing.earlier
        assert perturb.outcome.scaled.isHidden() == (current is None or current.scaled is None)
        if current is None and perturbing.best is None:
            assert perturb.outcome.curve.isHidden()
            assert perturb.outcome.over_budgets.isHidden()
            assert not {"perturbed", "difference"} & {*shown}
        if current is not None:
            assert compare.sentence.text() == current.outcome.comparison.sentence
            assert "perturbed" in shown
        items = [
            perturb.regions.list.item(number).data(Qt.ItemDataRole.UserRole)
            for number in range(perturb.regions.list.count())
        ]
        assert items == self.bench.regions.on(self.bench.acquisition.index)
        self.check_scores()
        self.check_panels()

    def check_scores(self) -> None:
        """They are those of the image, or of one at other knobs and then faint."""
        scores, rendered = page(self.review, "Reconstruct").method.scores, self.bench.reconstruction.shown
        if not scores.text():
            return
        assert self.bench.acquisition.slice is not None
        assert self.bench.acquisition.slice.reference is not None
        assert rendered is not None
        assert scores.property("faint") == (not rendered.exact)
        if rendered.metrics is not None:
            assert f"SSIM {rendered.metrics['foreground'].ssim:.3f}" in scores.text()

    def check_panels(self) -> None:
        """The title of a panel names what its pixels are."""
        # For a moment the picture of the method before stands, with its name.
        self.until(lambda: not self.review.following._waiting.isActive())
        acquisition, panels = self.bench.acquisition, self.review.panels
        rendered, current = self.bench.reconstruction.shown, self.bench.perturbing.current
        index = panels.navigation.slice
        for key in panels.shown:
            title, filled = panels.panels[key].title, panels.panels[key].filled
            if filled and index not in filled:
                assert title.partition("\n")[0].endswith(("…", "was not read")), (key, title)
            assert filled <= {acquisition.index, acquisition.asked[0]}, key
        if acquisition.slice is None or index != acquisition.index or acquisition.asked[0] != index:
            return
        assert ("reference" in panels.shown) == (acquisition.slice.reference is not None)
        clean = panels.panels["clean"]
        of = {"Zero-filled": acquisition.slice.zero_filled}
        if clean.title.partition("\n")[0].endswith("computing…"):
            of[clean.title] = acquisition.slice.zero_filled  # which stands in
        if rendered is not None:
            of[rendered.method.label] = rendered.image
        names = [name for name in of if clean.title.startswith(name)]
        if current is not None and clean.title.startswith(current.setting.method.label):
            of["result"], names = current.outcome.comparison.clean, [*names, "result"]
        seen = torch.from_numpy(clean.stack[index])
        assert any(torch.equal(seen, of[name].cpu()) for name in names), clean.title


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_shown_is_of_what_is_set(
    review: Session, until: Until, scan_file: Path, tmp_path: Path, seed: int
) -> None:
    np.save(tmp_path / "scan.npy", review.bench.acquisition.current.measurement.kspace.numpy())
    user, done = User(review, until, [scan_file, tmp_path / "scan.npy"], seed), list[str]()
    for _ in range(STEPS):
        done.append(user.step())
        try:
            user.check()
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(done[-12:])}: {error}") from error
    user.wait()


def test_nothing_of_a_scan_stays_when_another_is_opened(review: Session, until: Until, scan_file: Path) -> None:
    bench = review.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=1)
    page(review, "Perturb").kind.run.click()
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    scan, measured, result = bench.acquisition.scan, bench.acquisition.current, bench.result
    kept = [ref(one) for one in (scan, measured, measured.measurement, result, result.outcome) if one is not None]
    del scan, measured, result
    review.open(scan_file)
    until(lambda: bench.acquisition.slice is not None and bench.acquisition.slice is not kept[1]())
    until(lambda: bench.reconstruction.shown is not None and not review.jobs.working)
    gc.unfreeze()  # the window sets aside what was there at its first scan
    gc.collect()
    assert [one() for one in kept] == [None] * 5
