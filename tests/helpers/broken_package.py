"""A package whose methods and perturbations cannot be loaded."""

from importlib.metadata import EntryPoint

import pytest

from napari_recon_robust.perturbations.registry import registry as perturbations
from napari_recon_robust.reconstructors.registry import registry as reconstructors

SAID = r"'broken' of an installed package \(no\.such\.module:Class\) cannot be loaded"


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were installed; a warning with `SAID` names it once in each table."""
    for registry in (reconstructors, perturbations):
        points = [*registry._entry_points, EntryPoint("broken", "no.such.module:Class", registry.group)]
        monkeypatch.setitem(registry.__dict__, "_entry_points", points)
        monkeypatch.setattr(registry, "_broken", set())
