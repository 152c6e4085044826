"""Several methods under one perturbation: found on one of them, or anew on each."""

from typing import Any

import pytest
import torch
from torch import Tensor

from helpers.simulated import lines, simulated  # noqa: F401
from napari_recon_robust.analyses.lineup import Lineup, LineupEntry, lineup
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import Progress, run
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor

ROI_ = ROI.box(18, 18, 6, 6)
KIND = perturbations.get("worst-case")


@pytest.fixture(scope="module")
def found(lines: Measurement) -> LineupEntry:  # noqa: F811
    method = registry.get("cg-sense").at()
    attack = run(KIND.run(lines, method, ROI_, (0.05,), steps=2))
    return LineupEntry(method, run(evaluate(lines, method, ROI_, attack))[0], method)


@pytest.mark.thorough
def test_the_attack_is_the_same_for_all_as_it_was_found(lines: Measurement, found: LineupEntry) -> None:  # noqa: F811
    methods = [found.method, registry.get("zero-filled").at(), registry.get("hqs").at()]
    steps: list[Progress] = []
    beside = run(lineup(lines, methods, ROI_, found), steps.append)
    assert beside.entries[0] is found, "what is known is not computed again"
    entries = [entry for entry in beside.entries if entry is not None]
    assert len(entries) == 3
    for entry in entries[1:]:
        assert torch.equal(entry.outcome.perturbed.perturbation, found.outcome.perturbed.perturbation)
        assert entry.origin == found.method
        image = entry.method(found.outcome.perturbed.measurement).abs()
        assert torch.allclose(entry.outcome.comparison.perturbed, image, atol=1e-4 * float(image.max()))
    previews = [step.preview for step in steps if isinstance(step.preview, Lineup)]
    assert [sum(entry is not None for entry in one.entries) for one in previews] == [1, 2, 3]
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)


def test_anew_each_method_gets_its_own_and_one_that_refuses_is_named(lines: Measurement, found: LineupEntry) -> None:  # noqa: F811
    class Refusing(Reconstructor):
        id, label, summary = "refusing", "Refusing", "It takes no measurement."

        def reconstruct(self, measurement: Measurement, **knobs: Any) -> Tensor:
            raise InputError("this slice has too few coils.")

    methods = [found.method, Refusing().at(), registry.get("zero-filled").at()]
    beside = run(lineup(lines, methods, ROI_, found, anew=KIND, knobs={"steps": 2}))
    entry = beside.entries[2]
    assert entry is not None
    assert entry.origin == entry.method
    assert not torch.equal(entry.outcome.perturbed.perturbation, found.outcome.perturbed.perturbation)
    change = entry.outcome.comparison.stability["perturbed"]["change"]
    as_found = run(lineup(lines, methods[2:], ROI_, found)).entries[0]
    assert as_found is not None
    assert change >= as_found.outcome.comparison.stability["perturbed"]["change"]
    assert beside.entries[1] is None
    assert beside.troubles == ("Refusing: this slice has too few coils.",)
