"""What holds for every perturbation: an entry of the table that breaks it cannot be added."""

import json
from dataclasses import replace
from functools import cache

import pytest
import torch

from helpers import toy_slice
from helpers.architecture import installed
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.perturbations import registry
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.physics.model import coil_norms

BUDGETS = (0.02, 0.01)
# Kinds whose budget is that of all coils together.
ALL_COILS = ("image-domain",)
# Knobs with which a kind takes another way.
MORE = {
    "worst-case": [{}, {"algorithm": "advrec"}],
    "rotation": [{}, {"coils": "patient", "sensitivities": "estimated"}],
    "image-domain": [{}, {"insert": "symbol"}],
}
COMBINED, BOX = toy_slice.Combined(), ROI.box(10, 12, 9, 10)


@pytest.fixture(scope="module", autouse=True)
def example(tmp_path_factory):
    """The example of ARCHITECTURE.md, which keeps the contract too."""
    with installed(tmp_path_factory.mktemp("package")):
        yield


@pytest.fixture(params=[*registry.ids(), "gain-drift"])
def perturbation(request):
    return registry.get(request.param)


def make(pattern):
    """The slice undersampled along lines, or by points of the plane."""
    if pattern == "lines":
        return toy_slice.make()
    measurement = toy_slice.make()
    mask = torch.rand(32, 36, generator=torch.Generator().manual_seed(0)) > 0.6
    mask[10:22, 12:24] = True
    return Measurement(measurement.full * mask, mask, (32, 36), measurement.full, measurement.kept)


@cache
def searched(id, pattern):
    """The slice, what the kind finds on it and all progress on the way: once for all that has to hold of it."""
    slice_, steps = make(pattern), []
    return slice_, search(registry.get(id), slice_, steps.append), steps


def search(perturbation, slice_, on_progress=None):
    budgets = BUDGETS if perturbation.needs_budget else ()
    job = perturbation.run(slice_, COMBINED, BOX, budgets, sensitivities="kept", **small(perturbation))
    return run(job, on_progress)


class WithImages(type(registry.get("random"))):
    """A kind of another package, which passes on what its reconstructions yield on the way."""

    def recalled(self, perturbed):
        return replace(perturbed, caption=f"{self.id}, {perturbed.kind}")

    def _run(self, setup, budgets, **knobs):
        for preview in (setup.measurement.combined.abs(), [1, 2], "an image"):
            yield Progress(0.0, "Reconstructing", preview)
        return (yield from super()._run(setup, budgets, **knobs))


def test_previews_that_are_no_results_are_left_out():
    steps = []
    found = run(WithImages().run(make("lines"), COMBINED, BOX, BUDGETS), steps.append)
    assert [step.preview and len(step.preview) for step in steps] == [None, None, None, None, 1]
    assert {one.kind for one in (*found, *steps[-1].preview)} == {"random"}
    assert {one.caption for one in (*found, *steps[-1].preview)} == {"random, random"}, "new ones are completed, too"


@pytest.mark.parametrize("pattern", ["lines", "points"])
def test_every_perturbation_keeps_the_contract(perturbation, pattern):
    slice_, found, steps = searched(perturbation.id, pattern)
    budgets = BUDGETS if perturbation.needs_budget else ()
    assert torch.equal(slice_.kspace, make(pattern).kspace)
    assert len(found) == max(len(budgets), 1)
    assert all(isinstance(step, Progress) and 0 <= step.fraction <= 1 and step.message for step in steps)
    assert all(isinstance(step.preview, list | None) for step in steps)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    for one, budget in zip(found, budgets or (None,), strict=True):
        assert one.complete
        mask = one.measurement.mask
        spent = one.measurement.kspace - slice_.kspace if one.additive else 0 * slice_.kspace
        assert torch.equal(spent, one.perturbation)
        assert not spent[:, ~slice_.mask.expand(32, 36)].any()
        assert torch.equal(one.measurement.kspace, one.measurement.kspace * mask)
        assert torch.equal(mask, slice_.mask) or not one.additive
        torch.testing.assert_close(one.measurement.full * mask, one.measurement.kspace, rtol=0, atol=1e-5)
        ratio = coil_norms(spent) / coil_norms(slice_.full)
        assert one.budget.per_coil == pytest.approx(ratio.tolist(), rel=1e-4)
        assert one.budget.nominal == budget
        if budget is not None:
            spread = perturbation.id in ALL_COILS
            spent = [one.budget.achieved] if spread else one.budget.per_coil
            assert max(spent) <= budget * (1 + 1e-5)


ROW, COLUMN = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 36), indexing="ij")
ACQUIRED = {
    "partial Fourier": COLUMN[:1] > -0.5,
    "partial echo": (ROW > -0.5) & (COLUMN > -2),
    "padding": COLUMN[:1].abs() < 0.8,
    "ellipse": ROW.square() + COLUMN.square() <= 1,
}


def test_every_perturbation_finds_the_same_where_gradients_are_switched_off(perturbation):
    knobs, budgets = small(perturbation), BUDGETS if perturbation.needs_budget else ()
    if "search" in knobs:
        knobs["search"] = 40  # enough for a search by gradients
    jobs = [perturbation.run(make("lines"), COMBINED, BOX, budgets, **knobs) for _ in range(2)]
    found = run(jobs[0])
    with torch.no_grad():  # as in the threads of the window
        again = run(jobs[1])
    for one, other in zip(found, again, strict=True):
        torch.testing.assert_close(one.perturbation, other.perturbation)


@pytest.fixture
def lines(perturbation):
    return searched(perturbation.id, "lines")


def test_every_perturbation_finds_the_same_whatever_torch_makes_by_default(perturbation, lines, double_by_default):
    slice_, found, _ = lines
    for one, other in zip(found, search(perturbation, slice_), strict=True):
        assert one.perturbation.dtype == other.perturbation.dtype
        torch.testing.assert_close(one.perturbation, other.perturbation, rtol=0, atol=0)


@pytest.mark.parametrize("acquired", ACQUIRED)
def test_what_was_never_measured_is_not_measured_of_the_perturbed_object_either(perturbation, acquired):
    """A scanner that repeats its acquisition on another object measures the same points."""
    points, whole = ACQUIRED[acquired], make("lines")
    full, mask = whole.full * points, whole.mask & points
    scan = Measurement(full * mask, mask, whole.matrix, full, whole.kept)
    budgets = BUDGETS[:1] if perturbation.needs_budget else ()
    for more in MORE.get(perturbation.id, [{}]):
        knobs = {"sensitivities": "kept", **small(perturbation), **more}
        for one in run(perturbation.run(scan, COMBINED, BOX, budgets, **knobs)):
            changed = one.measurement
            assert not changed.full[:, ~points.expand(32, 36)].any()
            torch.testing.assert_close(changed.full * changed.mask, changed.kspace, rtol=0, atol=1e-5)
            assert torch.equal(changed.acquired, points)
            assert changed.lines == scan.lines or not one.additive


def test_every_outcome_is_plain_json(perturbation):
    measurement, found, _ = searched(perturbation.id, "lines")
    for outcome in run(evaluate(measurement, COMBINED, BOX, found)):
        stored = outcome.to_json()
        assert json.loads(json.dumps(stored, allow_nan=False)) == stored
        assert set(stored["budget"]) == {"nominal", "achieved", "per_coil", "thermal", "relative_to"}
        control = coil_norms(outcome.control.kspace - measurement.kspace)
        torch.testing.assert_close(control, coil_norms(outcome.perturbed.perturbation), rtol=1e-3, atol=0)


def test_a_saved_result_shows_what_the_found_one_did(perturbation):
    _, found, _ = searched(perturbation.id, "lines")
    for one in found:
        seen = {"restore": None, "caption": "", "curve": None, "trace": None, "feature": None, "untransferable": ""}
        details = json.loads(json.dumps(dict(one.details)))
        read = replace(one, **seen, support=None, details=details)
        again = perturbation.recalled(read)
        for name in ("caption", "curve", "trace", "feature", "untransferable"):
            assert getattr(again, name) == getattr(one, name), name
        assert (again.restore is None) == (one.restore is None)
        assert (one.curve is not None) == perturbation.has_curve
        assert (one.support is None) == (one.feature is None)
        assert one.support is None or torch.equal(again.support, one.support)


def test_every_perturbation_refuses_what_does_not_fit(perturbation, measurement, combined, roi):
    budgets = BUDGETS if perturbation.needs_budget else ()
    with pytest.raises(InputError, match="there is no knob"):
        perturbation.run(measurement, combined, roi, budgets, nonsense=1)
    with pytest.raises(InputError, match="there is no knob"):
        perturbation.run(measurement, combined.at(nonsense=1), roi, budgets)
    with pytest.raises(InputError, match="zero everywhere"):
        perturbation.run(measurement.with_kspace(0 * measurement.kspace), combined, roi, budgets)


def small(perturbation):
    """Knobs that make it quick and fit it into a small region."""
    return {"search": 12, "size": 2.0} if perturbation.id == "fnaf" else {}
