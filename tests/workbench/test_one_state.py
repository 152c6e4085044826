"""A review driven at random: what is shown is of the scan, slice, sampling, method, region and kind that are set."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError, ReconRobustError
from napari_recon_robust.io import open_scan
from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.task import Task

SIZE, STEPS = 40, 120
PLACE = "row", "column"  # the knobs of a clicked feature
METHODS = "cg-sense", "zero-filled"
SAMPLINGS = Sampling(acceleration=2, centre_fraction=0.2), Sampling(acceleration=3, centre_fraction=0.2)
KINDS: dict[str, dict[str, Any]] = {"worst-case": {"steps": 1}, "noise-level": {}, "fnaf": {}}
CLICKED = dict(zip(PLACE, (16.0, 22.0), strict=True))


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two fully sampled scans, of three slices and of two, and one undersampled slice."""
    folder = tmp_path_factory.mktemp("scans")
    rows, columns = np.mgrid[-1 : 1 : 1j * SIZE, -1 : 1 : 1j * SIZE]
    head = 0.9 * (np.hypot(rows / 0.86, columns / 0.72) < 1) - 0.45 * (np.hypot(rows / 0.7, columns / 0.5) < 1)
    found = []
    for name, slices in (("three", 3), ("two", 2)):
        coils = [
            simulate_slice(
                head * (1 + 0.1 * n), np.random.default_rng(10 * slices + n), coils=4, noise_level=0.01
            ).kspace.numpy()
            for n in range(slices)
        ]
        found.append(folder / f"{name}.h5")
        write_fastmri(found[-1], np.stack(coils), encoded_mm=(200.0, 200.0, 5.0), matrix=(SIZE, SIZE))
    mask = SAMPLINGS[0].mask(SIZE, SIZE).numpy()
    np.save(folder / "under.npy", coils[0] * mask)
    return [*found, folder / "under.npy"]


class Driver:
    """Does something at random at every step; some tasks are only begun, and end or are cancelled at a later one.

    belongs: what was set when each result was asked for, by the result's identity. places: the picture (scan and
    slice) in which the place of a feature was set.
    """

    def __init__(self, paths: list[Path], seed: int) -> None:
        self.bench, self.paths, self.chance = Workbench(), paths, random.Random(seed)
        self.begun: list[Callable[[], object]] = []
        self.belongs: dict[int, tuple[object, dict[str, object]]] = {}
        self.place: tuple[object, ...] | None = None
        self.said: object = None  # the result that was current when one was last said to have come or gone
        self.bench.perturbing.finished.connect(lambda: setattr(self, "said", self.bench.perturbing.current))
        self.open()

    def step(self) -> str:
        actions = (
            *(self.open, self.measure, self.measure, self.method, self.turn, self.render, self.render, self.sweep),
            *(self.region, self.region, self.choose, self.remove, self.kind, self.knob, self.budget),
            *(self.run, self.run, self.run, self.cancel, self.annotate, self.fragile, self.diverse),
            *(self.transfer, self.quality, self.end, self.end, self.end),
        )
        action = self.chance.choice(actions)
        with suppress(ReconRobustError):  # what is refused changes nothing
            action()
        return action.__name__

    # ---------------------------------------------------------------- what is set

    def now(self) -> dict[str, object]:
        """Read from the parts of the review themselves."""
        bench, measured = self.bench, self.bench.acquisition.slice
        regions = () if measured is None else tuple(r.roi for r in bench.regions.chosen if r.slice == measured.index)
        return {
            "scan": bench.acquisition.scan,
            "slice": None if measured is None else (measured.index, str(measured.sampling)),
            "method": None if bench.reconstruction.method is None else repr(bench.reconstruction.method),
            "regions": regions,
            "kind": None if bench.perturbing.kind is None else bench.perturbing.kind.id,
            "knobs": dict(bench.perturbing.knobs),
            "budget": bench.perturbing.budget,
        }

    def picture(self) -> tuple[object, ...]:
        return self.bench.acquisition.scan, self.bench.acquisition.index

    # ---------------------------------------------------------------- actions

    def begin(self, task: "Task[Any] | None") -> None:
        """At once, or at a later step."""
        if task is None:
            return
        set_now = self.now()

        def end() -> None:
            result = task.run()
            for one in result if isinstance(result, tuple) else (result,):
                self.belongs[id(one)] = one, set_now

        if self.chance.random() < 0.6:
            end()
        else:
            self.begun.append(end)

    def end(self) -> None:
        if self.begun:
            self.begun.pop(self.chance.randrange(len(self.begun)))()

    def open(self) -> None:
        path = self.chance.choice(self.paths)
        self.bench.acquisition.use(open_scan(path, ("coil", "readout", "phase") if path.suffix == ".npy" else None))
        if self.chance.random() < 0.8:
            full = self.bench.acquisition.opened_scan.fully_sampled
            self.bench.acquisition.measure(sampling=SAMPLINGS[0] if full else None).run()

    def measure(self) -> None:
        acquisition = self.bench.acquisition
        full = acquisition.opened_scan.fully_sampled
        sampling = self.chance.choice([..., *SAMPLINGS]) if full else ...
        self.begin(acquisition.measure(self.chance.randrange(len(acquisition.opened_scan)), sampling))

    def method(self) -> None:
        self.bench.reconstruction.choose(self.chance.choice(METHODS))

    def turn(self) -> None:
        for name in self.bench.reconstruction.knobs.keys() & {"weight"}:
            self.bench.reconstruction.turn(**{name: self.chance.choice([0.002, 0.01, 0.05])})

    def render(self) -> None:
        self.begin(self.bench.reconstruction.render())

    def sweep(self) -> None:
        task = self.bench.reconstruction.prepare()
        if task is not None and self.chance.random() < 0.3:
            task.run()

    def region(self) -> None:
        _, rows, columns = self.bench.acquisition.shape
        row, column = self.chance.randrange(rows - 12), self.chance.randrange(columns - 12)
        self.bench.regions.draw(ROI.box(row, column, 8, 10), self.bench.acquisition.index)

    def choose(self) -> None:
        there = self.bench.regions.on(self.bench.acquisition.index)
        self.bench.regions.choose(self.chance.sample(there, min(len(there), self.chance.randrange(3))))

    def remove(self) -> None:
        if self.bench.regions.all:
            self.bench.regions.remove([self.chance.choice(self.bench.regions.all)])

    def annotate(self) -> None:
        if self.bench.regions.chosen:
            self.bench.regions.reshape(self.bench.regions.chosen[0], ROI.box(15, 15, 9, 9))

    def kind(self) -> None:
        id = self.chance.choice([*KINDS])
        self.bench.perturbing.choose(id, **KINDS[id])

    def knob(self) -> None:
        perturbing = self.bench.perturbing
        if perturbing.kind is not None and perturbing.kind.id == "fnaf" and self.bench.acquisition.slice is not None:
            perturbing.set(**CLICKED)
            self.place = self.picture()
        elif perturbing.kind is not None:
            perturbing.set(seed=self.chance.randrange(3))

    def budget(self) -> None:
        self.bench.perturbing.budget = self.chance.choice([0.01, 0.02])
        self.bench.perturbing.further = self.chance.choice([(), (0.005,)])

    def run(self) -> None:
        self.begin(self.bench.perturbing.run())

    def cancel(self) -> None:
        task = self.bench.perturbing.run()
        best = next((step.preview for step in task.job if step.preview), None)
        if best is not None and task.preview is not None and task.stopped is not None:
            task.preview(best)
            task.job.close()
            self.begin(task.stopped(best))

    def fragile(self) -> None:
        self.begin(self.bench.fragility.run())

    def diverse(self) -> None:
        self.begin(self.bench.choosing.diverse(2))

    def transfer(self) -> None:
        self.begin(self.bench.analysing.transfer(METHODS))

    def quality(self) -> None:
        self.begin(self.bench.analysing.quality())

    # ---------------------------------------------------------------- what must hold

    def check(self) -> None:
        bench, now = self.bench, self.now()
        self.check_slice()
        for result, depends_on in (
            (bench.fragility.found, ("scan", "slice", "method")),
            (bench.analysing.curve, ("scan", "slice", "method")),
            (bench.analysing.matrix, ("scan", "slice", "regions", "kind", "knobs", "budget")),
            (bench.perturbing.current, ("scan", "slice", "regions", "kind")),
        ):
            if id(result) in self.belongs:
                of = self.belongs[id(result)][1]
                assert {name: of[name] for name in depends_on} == {name: now[name] for name in depends_on}, result
        self.check_result(now)
        self.check_images()
        self.check_place()

    def check_slice(self) -> None:
        """The facts of a slice and its images are those of the scan that is open."""
        acquisition = self.bench.acquisition
        assert ("SNR" in acquisition.facts) == (acquisition.slice is not None)
        if acquisition.slice is not None:
            assert acquisition.slice.index == acquisition.index < len(acquisition.opened_scan)
            assert acquisition.slice.sampling is acquisition.sampling
            assert (acquisition.slice.reference is not None) == acquisition.opened_scan.fully_sampled
            expected = acquisition.opened_scan.measurement(acquisition.index, acquisition.sampling)
            assert torch.equal(acquisition.slice.measurement.kspace, expected.kspace)

    def check_result(self, now: dict[str, object]) -> None:
        perturbing, acquisition = self.bench.perturbing, self.bench.acquisition
        current = perturbing.current
        assert self.said is current, "whoever shows it has to know"
        if current is None:
            assert bool(perturbing.earlier) == (perturbing.result is not None)
            with pytest.raises(InputError, match="no result"):
                _ = self.bench.result
            return
        assert torch.equal(current.setting.measurement.kspace, acquisition.current.measurement.kspace)
        assert current.setting.perturbation == now["kind"]
        if now["regions"]:
            assert current.setting.roi == self.bench.regions.roi(acquisition.index)
        as_set = current.setting.perturbation_knobs == now["knobs"] and repr(current.setting.method) == now["method"]
        if perturbing.chosen.needs_budget:
            asked = {perturbing.budget, *perturbing.further}
            as_set &= {one.perturbed.budget.nominal for one in current.outcomes} == asked
        if current.outcome.perturbed.complete:  # a cancelled one may lack budgets
            assert bool(perturbing.earlier) == (not as_set), perturbing.earlier
        if perturbing.earlier:
            assert current.setting.method.title in perturbing.earlier

    def check_images(self) -> None:
        bench, shown = self.bench, self.bench.reconstruction.shown
        if shown is not None:
            measured = bench.acquisition.current
            assert shown.image.shape == measured.measurement.matrix
            assert (shown.method == bench.reconstruction.method) == (shown.mark != "earlier knobs")
            if shown.exact:
                torch.testing.assert_close(shown.image, shown.method(measured.measurement).abs(), rtol=1e-3, atol=1e-4)
                assert (shown.metrics is not None) == (measured.reference is not None)
            if shown.perturbed is not None:
                assert bench.perturbing.current is not None
        if bench.choosing.variants:
            assert bench.reconstruction.method is not None
            label = f"reconstructor({bench.reconstruction.method.id!r})"
            assert label.startswith("reconstructor('cg-sense")
            regions = bench.regions.chosen_on(bench.acquisition.index)
            assert (bench.choosing.region is None) == (regions is None)
            if regions is not None and bench.choosing.region is not None:
                assert torch.equal(regions.mask(bench.acquisition.current.measurement.matrix), bench.choosing.region)
        if bench.perturbing.best is not None:
            best, clean = bench.perturbing.best, bench.acquisition.current.measurement
            torch.testing.assert_close(best.measurement.kspace - best.perturbation, clean.kspace, rtol=0, atol=1e-5)

    def check_place(self) -> None:
        """A feature is placed in the picture that was clicked, or nowhere."""
        if self.bench.perturbing.knobs.get(PLACE[0], -1) >= 0:
            assert self.place == self.picture()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_shown_is_of_what_is_set(paths: list[Path], seed: int, no_gradients: None) -> None:
    driver = Driver(paths, seed)
    done: list[str] = []
    for _ in range(STEPS):
        done.append(driver.step())
        try:
            driver.check()
        except AssertionError as error:
            raise AssertionError(f"after {', '.join(done[-12:])}: {error}") from error
    driver.bench.acquisition.close()
    assert driver.bench.perturbing.result is None


def test_a_result_of_another_region_takes_the_place_of_the_one_that_is_shown(paths: list[Path]) -> None:
    bench, said = Workbench(), list[object]()
    bench.acquisition.open(paths[0]).run()
    bench.acquisition.measure(0, SAMPLINGS[0]).run()
    bench.reconstruction.choose("zero-filled")
    bench.perturbing.choose("random")
    bench.perturbing.finished.connect(lambda: said.append(bench.perturbing.current))
    for place in (10, 20):
        bench.regions.draw(ROI.box(place, place, 6, 6), 0)
    first, second = bench.regions.on(0)
    bench.regions.choose([first])
    bench.perturbing.run().run()
    assert said == [bench.perturbing.current]
    bench.regions.choose([second])
    task = bench.perturbing.run()
    bench.regions.choose([first])
    assert said[-1] is bench.perturbing.current is not None, "the first is shown again"
    task.run()
    assert said[-1] is bench.perturbing.current is None
    bench.acquisition.close()
