"""A kind of perturbation that no view knows: it brings a place, knobs in front and among the options, and a curve."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from napari_recon_robust.ground.knob import Knob
from napari_recon_robust.ground.progress import Job, Progress
from napari_recon_robust.perturbations import registry
from napari_recon_robust.perturbations.base import SEED, SENSITIVITIES, Perturbation, Perturbed, Setup
from napari_recon_robust.perturbations.face import Curve, Insert, Panel, Placed, Series
from napari_recon_robust.perturbations.scanned_object import ScannedObject

GLOWS = (0.5, 1.0, 2.0)


class Beacon(Perturbation):
    """A bright pixel, at several strengths."""

    id = "beacon"
    label = "Beacon"
    summary = "A bright pixel is lit in the object."
    shown = "Beacon lit"
    needs_budget = False
    place = ("north", "east")
    has_curve = True
    front = ("colour",)
    knobs = (
        Knob(name="north", label="North", help="Row of the beacon.", minimum=-1, maximum=4096, default=-1.0),
        Knob(name="east", label="East", help="Column of the beacon.", minimum=-1, maximum=4096, default=-1.0),
        Knob(
            name="colour",
            label="Colour",
            help="What it looks like.",
            kind="choice",
            choices=("plain", "flashing"),
            default="plain",
        ),
        Knob(
            name="rate",
            label="Rate",
            help="How fast it flashes.",
            default=0.5,
            only_when=(("colour", ("flashing",)),),
        ),
        Knob(
            name="patience",
            label="Patience",
            help="How long a place is looked for.",
            default=0.5,
            only_when=(("north", (-1.0,)),),
        ),
        SENSITIVITIES,
        SEED,
    )

    def hint(self, knobs: Mapping[str, Any]) -> str:
        return f"The beacon is {knobs['colour']}."

    def inserts(self, knobs: Mapping[str, Any]) -> Insert:
        return Insert("ring", 6.0, 0.7)

    def _run(self, setup: Setup, budgets: tuple[float, ...], **knobs: Any) -> Job[list[Perturbed]]:
        yield Progress(0.0, "Lighting")
        scene, measurement = ScannedObject(setup), setup.measurement
        row, column = round(knobs["north"]), round(knobs["east"])
        change = torch.zeros(measurement.matrix, dtype=torch.complex64)
        change[row, column] = scene.object.abs().max()
        glow = Series("glow", GLOWS, tuple(strength**2 for strength in GLOWS))
        curve = Curve("strength (candela)", (Panel("glow (lux)", (glow,)),), "Glow", "rising", "How bright it is")
        return [
            Perturbed.of(
                measurement,
                scene.kspace(change),
                None,
                keep=knobs["sensitivities"] == "kept",
                judged_by="perturbed",
                statement=f"A {knobs['colour']} beacon is lit at row {row}, column {column}.",
                caption="seen from the sea",
                curve=curve,
                feature=Placed("beacon", 1.0, 1.0, (row, column), None, True),
            )
        ]


@contextmanager
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if another package brought it."""
    points = [*registry.registry._entry_points, SimpleNamespace(name=Beacon.id, load=lambda: Beacon)]
    with monkeypatch.context() as patch:
        patch.setitem(registry.registry.__dict__, "_entry_points", points)
        yield
    registry.registry._loaded.pop(Beacon.id, None)
