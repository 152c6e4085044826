"""The window driven at random: what panels and docks show is of the scan, slice, region and kind that are set."""

import gc
import random
from collections.abc import Callable
from pathlib import Path
from weakref import ref

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from helpers.one_state import check, pages
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]
STEPS = 40


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
            self.review.knob_turning.turn({"weight": self.chance.choice([0.002, 0.01])})

    def draw(self) -> None:
        roi = ROI.box(self.chance.randrange(30, 50), self.chance.randrange(30, 50), 9, 11)
        self.bench.regions.draw(roi, self.bench.acquisition.index)

    def choose(self) -> None:
        listed = pages(self.review)["Perturb"].regions.list
        if listed.count():
            listed.setCurrentRow(self.chance.randrange(listed.count()))

    def kind(self) -> None:
        kind = pages(self.review)["Perturb"].kind.list
        kind.setCurrentIndex(kind.findData(self.chance.choice(["worst-case", "noise-level", "fnaf"])))
        if self.bench.perturbing.chosen.id == "worst-case":
            self.bench.perturbing.set(steps=2)
        elif self.bench.perturbing.chosen.id == "fnaf":  # a search would take its time
            self.bench.perturbing.set(row=40.0, column=50.0)

    def budget(self) -> None:
        self.bench.perturbing.budget = self.chance.choice([0.01, 0.02])

    def run(self) -> None:
        if self.bench.perturbing.knobs.get("row", 0) >= 0:
            pages(self.review)["Perturb"].kind.run.click()
            if self.chance.random() < 0.7:
                self.wait()

    def cancel(self) -> None:
        pages(self.review)["Perturb"].foot.cancel.click()

    def wait(self) -> None:
        self.until(lambda: not self.review.jobs.busy() and not self.review.jobs.working)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_shown_is_of_what_is_set(
    review: Session, until: Until, scan_file: Path, tmp_path: Path, seed: int
) -> None:
    np.save(tmp_path / "scan.npy", review.bench.acquisition.current.measurement.kspace.numpy())
    user, done = User(review, until, [scan_file, tmp_path / "scan.npy"], seed), list[str]()
    for _ in range(STEPS):
        done.append(user.step())
        try:
            until(lambda: not review.following._waiting.isActive())
            check(review)
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(done[-12:])}: {error}") from error
    user.wait()


def test_nothing_of_a_scan_stays_when_another_is_opened(review: Session, until: Until, scan_file: Path) -> None:
    bench = review.bench
    bench.regions.choose(bench.regions.on(1))
    bench.perturbing.choose("worst-case", steps=1)
    pages(review)["Perturb"].kind.run.click()
    until(lambda: bench.perturbing.current is not None and not review.jobs.working)
    scan, measured, result = bench.acquisition.scan, bench.acquisition.current, bench.result
    kept = [ref(one) for one in (scan, measured, measured.measurement, result, result.outcome) if one is not None]
    del scan, measured, result
    review.open(scan_file)
    until(lambda: bench.acquisition.slice is not None and bench.acquisition.slice is not kept[1]())
    until(lambda: bench.reconstruction.shown is not None and not review.jobs.working)

    def stay() -> list[str]:
        gc.unfreeze()  # the window sets aside what was there at its first scan
        gc.collect()
        return [type(one()).__name__ for one in kept if one() is not None]

    assert len(kept) == 5
    until(lambda: not stay())  # the thread that kept the review may still be at its very last step
