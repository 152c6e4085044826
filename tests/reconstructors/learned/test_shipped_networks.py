"""The shipped networks on a real scan of a scanner that training has not seen."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.analyses.quality.grid import Grid, cases, groups
from napari_recon_robust.data.foreground import foreground
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation.metrics import measure, nmse
from napari_recon_robust.ground.progress import run
from napari_recon_robust.networks.loading import load_trained
from napari_recon_robust.physics.sampling import Pattern, Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.classical.tv_wavelet import objective
from napari_recon_robust.reconstructors.learned.hqs_net import HQSNetNetwork
from napari_recon_robust.reconstructors.problem import problems

Undersampled = Callable[[int, Pattern], Measurement]


@pytest.fixture(scope="module")
def brain(shared: Path) -> Undersampled:
    """The scan, of which a mask has an acceleration and a pattern; what is estimated from each is so once."""
    full = torch.from_numpy(np.load(shared / "data/kspace/brain_16coil_128x128_full.npy")).mT.contiguous()

    @cache
    def undersampled(acceleration: int, pattern: Pattern) -> Measurement:
        mask = Sampling(pattern=pattern, acceleration=acceleration, minimum_centre_lines=12).mask(128, 128)
        return Measurement(full * mask, mask, (128, 128), full=full)

    return undersampled


@pytest.mark.slow
@pytest.mark.parametrize("acceleration", [2, 3, 4])
@pytest.mark.parametrize("id", ["unet", "dagan", "varnet-cg", "neumann"])
def test_better_than_zero_filled_on_the_real_brain(brain: Undersampled, id: str, acceleration: int) -> None:
    """NMSE against the reference of its own kind and the coil-combined one that all methods share; SSIM on it."""
    measurement = brain(acceleration, "equispaced")
    method, zero_filled = registry.get(id), registry.get("zero-filled")
    for kind in {method.reference_kind, "combined"}:
        reference = measurement.reference(kind)
        assert reference is not None
        network, baseline = (
            measure(image, reference, tissue=foreground(reference))["foreground"]
            for image in (method(measurement), zero_filled(measurement, combine=kind))
        )
        assert network.nmse < baseline.nmse
        assert kind == "rss" or network.ssim > baseline.ssim


UNROLLED = (
    "varnet-cg",
    "unrolled-hqs",
    "cascade-net",
    "unrolled-gd",
    "neumann",
    "neumann-preconditioned",
    "irim",
    "hqs-supervised",
)


@pytest.mark.thorough
@pytest.mark.parametrize("pattern", ["equispaced", "random"])
@pytest.mark.parametrize("acceleration", [2, 3, 4])
def test_unrolled_networks_beat_cg_sense_on_the_real_brain(
    brain: Undersampled, acceleration: int, pattern: Pattern
) -> None:
    """NMSE on the foreground with the same maps."""
    measurement = brain(acceleration, pattern)
    reference = measurement.reference()
    assert reference is not None
    tissue = foreground(reference)
    least = float(nmse(registry.get("cg-sense")(measurement).abs(), reference, tissue))
    errors = {id: float(nmse(registry.get(id)(measurement).abs(), reference, tissue)) for id in UNROLLED}
    assert max(errors.values()) < least, errors


@pytest.mark.thorough
@pytest.mark.parametrize("id", ["unrolled-hqs", "cascade-net", "hqs-supervised"])
def test_data_consistency_leaves_no_aliasing_where_noise_is_little(shared: Path, id: str) -> None:
    """A slice whose coils are not well apart: with fewer conjugate gradient steps the error was 1.3 to 4 times TV's."""
    anatomy = groups({"head": shared / "data/anatomy/brain_t1_b.nii.gz"})
    slices = cases(anatomy, Grid(accelerations=(4.0,), slices=6, matrix=192))
    case = next(one for one in slices if one.sampling.seed == 2)
    rule = MethodEntry.parse("tv, rule")
    images = registry.get(id)(case.measurement), run(rule.choose(rule.open(), case))(case.measurement)
    network, tv = (float(nmse(image.abs(), case.reference, case.foreground)) for image in images)
    assert network < tv


@pytest.mark.slow
def test_the_unsupervised_network_is_near_the_minimum_of_its_objective(brain: Undersampled) -> None:
    """On a scan it has not seen, against the classical splitting; at most a fiftieth above."""
    measurement = brain(3, "equispaced")
    network = load_trained(HQSNetNetwork, "hqs-net", torch.device("cpu"))
    classical = registry.get("hqs")(measurement, weight=network.weight, mix=network.mix) / measurement.scale
    (problem,) = problems(measurement)
    reached, least = (
        float(objective(problem.model, problem.data, x, network.weight, network.mix))
        for x in (network(problem), classical)
    )
    assert reached < 1.02 * least
