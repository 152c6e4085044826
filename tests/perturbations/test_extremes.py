"""Every perturbation at the edges of what a scan may hold: an outcome in plain numbers or one sentence, no warning."""

import json

import pytest

from helpers.extremes import SOUND, TINY, UNSOUND, refusal
from helpers.toy_slice import Combined
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations import registry
from napari_recon_robust.perturbations.base import Perturbation
from napari_recon_robust.perturbations.outcome import Outcome, evaluate

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")

# Knobs that make a search short and fit it into a small region.
SHORT = {"steps": 3, "size": 3.0, "search": 6, "other_centre": 0.35}
# What is refused beside what every kind refuses, with words of the sentence.
REFUSED = {
    ("noise-level", "without noise"): "no noise is found",
    ("noise-level", "without noise, points"): "no noise is found",
    ("coil-dropout", "one coil"): "one coil only",
}


@pytest.fixture(params=registry.ids())
def kind(request: pytest.FixtureRequest) -> Perturbation:
    return registry.get(request.param)


def outcome(kind: Perturbation, measurement: Measurement) -> Outcome:
    """On a ninth of the image, by a method that is linear."""
    rows, columns = measurement.matrix
    roi = ROI.box(rows // 3, columns // 3, max(rows // 3, 1), max(columns // 3, 1))
    knobs = {knob.name: SHORT[knob.name] for knob in kind.knobs if knob.name in SHORT}
    budgets = (0.02,) if kind.needs_budget else ()
    (found,) = run(
        evaluate(measurement, Combined(), roi, run(kind.run(measurement, Combined(), roi, budgets, **knobs)))
    )
    return found


@pytest.mark.parametrize(
    "name", ["constant", "without noise", "without noise, points", "one coil", "dead coil", "17x23"]
)
def test_an_outcome(kind: Perturbation, name: str) -> None:
    if words := REFUSED.get((kind.id, name)):
        with refusal(words):
            outcome(kind, SOUND[name]())
        return
    found = outcome(kind, SOUND[name]())
    assert json.dumps(found.to_json(), allow_nan=False)
    assert "nan" not in found.comparison.sentence
    assert found.perturbed.measurement.kspace.isfinite().all()


@pytest.mark.parametrize("name", ["air", *UNSOUND, *TINY])
def test_a_sentence(kind: Perturbation, name: str) -> None:
    make, words = {
        **UNSOUND,
        "air": (SOUND["air"], "zero everywhere"),
        **{tiny: (TINY[tiny], "") for tiny in TINY},
    }[name]
    with refusal(words):
        outcome(kind, make())
