"""Where a measurement lies outside of what weights were trained for."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch

from napari_recon_robust.io import open_scan
from napari_recon_robust.physics.sampling import PATTERNS, POINTS, Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.workbench.domain import outside, trained_for

NETWORKS = [id for id in registry.ids() if registry.get(id).all_weights]


def said(scan_file: Path, id: str, sampling: Sampling | torch.Tensor) -> str:
    with open_scan(scan_file) as scan:
        return outside(registry.get(id), scan.measurement(1, sampling))


@pytest.mark.parametrize("pattern", POINTS)
def test_points_are_outside_of_a_training_on_lines(scan_file: Path, pattern: str) -> None:
    points = Sampling(pattern=pattern, acceleration=3, centre_fraction=0.2)
    assert said(scan_file, "unet", points).startswith("Outside of its training: points (trained: lines)")
    assert "points" not in said(scan_file, "unrolled-hqs", points)


def test_a_method_of_two_networks_is_outside_where_one_is(scan_file: Path) -> None:
    both = SimpleNamespace(all_weights=("unrolled-hqs", "unet"))  # of which one knows lines alone
    with open_scan(scan_file) as scan:
        measurement = scan.measurement(1, Sampling(pattern=POINTS[0], acceleration=3, centre_fraction=0.2))
    assert "points (trained: lines)" in outside(cast(Reconstructor, both), measurement)


@pytest.mark.parametrize("pattern", [pattern for pattern in PATTERNS if pattern not in POINTS])
def test_lines_are_inside_of_every_training(scan_file: Path, pattern: str) -> None:
    lines = Sampling(pattern=pattern, acceleration=3, centre_fraction=0.2)
    with open_scan(scan_file) as scan:
        measurement = scan.measurement(1, lines)
    assert all("points" not in outside(registry.get(id), measurement) for id in NETWORKS)


def test_lines_that_an_ellipse_shortens_are_lines(scan_file: Path) -> None:
    with open_scan(scan_file) as scan:
        shape = scan.header.readout, scan.header.phase
    row, column = (torch.linspace(-1, 1, n) for n in shape)
    lines = Sampling(acceleration=3, centre_fraction=0.2).mask(*shape)
    ellipse = lines & (row[:, None].square() + column.square() < 1)
    assert ellipse.shape == shape
    assert "points" not in said(scan_file, "cascade-net", ellipse)


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("hqs-supervised", "R 2-10, 16 people"),
        ("ensemble", "R 2-10, 16 people"),  # both of its networks have seen the same
        ("dagan", "R 2-6, brain slices in all planes, simulated"),  # an older header names no people
        ("tv", None),
    ],
)
def test_what_a_method_was_trained_for_in_a_few_words(id: str, words: str | None) -> None:
    assert trained_for(registry.get(id)) == words
