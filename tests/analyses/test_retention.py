import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.toy_slice import simulate
from napari_recon_robust.analyses.retention import RetentionMap, recovery_table, retention_map
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import open_scan
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.features.feature import Feature
from napari_recon_robust.perturbations.features.feature_search import places
from napari_recon_robust.perturbations.features.insertion import Insertion
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry


@pytest.fixture
def blind(combined):
    """Sees no change in the left half of the image."""

    class Blind(type(combined)):
        label = "Blind"

        def reconstruct(self, measurement, **knobs):
            image = super().reconstruct(measurement)
            return torch.where(torch.arange(36) < 18, torch.ones_like(image), image)

    return Blind()


@pytest.fixture
def full(measurement):
    everything = torch.ones_like(measurement.mask)
    return Measurement(measurement.full, everything, measurement.matrix, measurement.full, measurement.kept)


def test_the_map_shows_where_a_method_is_blind(full, blind):
    found = run(retention_map(full, blind, size=2.0, spacing=2))
    tissue = full.foreground.numpy()
    assert found.values.shape == (32, 36)
    assert found.values.dtype == np.float32
    assert np.isnan(found.values[~tissue]).all()
    left, right = found.values[:, :16], found.values[:, 21:]
    assert np.abs(left[np.isfinite(left)]).max() < 1e-5
    assert np.nanmin(right) > 0.9
    assert np.isfinite(found.values[15, 5:31]).all()
    assert found.worst[0].column < 18
    assert found.worst[0].recovery == pytest.approx(0, abs=1e-5)
    assert 0.3 < found.lost < 0.7
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == found.to_json()
    assert found.to_json()["alone"] == len(found.worst) == 8
    assert found.legend.endswith("The 8 worst were tried alone, the others many in an image.")


def test_a_full_scan_loses_no_feature_that_its_k_space_cannot_hold(part, combined):
    found = run(retention_map(part, combined, size=1.0, spacing=4))
    assert len(found.positions) > 20
    assert found.recoveries == pytest.approx(1, abs=2e-3)
    (cell,) = run(recovery_table(part, combined, sizes=(1.0,), contrasts=(0.4,), count=20)).cells
    assert cell.recovered == cell.carried > 10


def test_a_full_scan_loses_no_feature_in_a_root_sum_of_squares(rss):
    """The magnitudes of few, noisy coils add up otherwise than those of the coil-combined image."""
    sensitivities, _, kspace = simulate()
    noise = 0.3 * torch.randn(kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    calibration = Calibration(sensitivities, torch.full((len(kspace),), 0.3))
    full = Measurement(kspace + noise, torch.ones(1, 36, dtype=torch.bool), (32, 36), kspace + noise, calibration)
    assert run(retention_map(full, rss, size=2.0)).recoveries == pytest.approx(1, abs=1e-3)


def test_every_position_agrees_with_its_feature_alone(full, combined):
    roi = ROI.box(8, 8, 16, 20)
    found = run(retention_map(full, combined, roi, size=2.0, spacing=4))
    insertion = Insertion(Setup.of(full, combined, roi), keep=True)
    assert found.reconstructions < len(found.positions)
    for (row, column), recovery in zip(found.positions.tolist(), found.recoveries, strict=True):
        assert roi.mask((32, 36))[row, column]
        alone = insertion.trial(Feature.of("blob", row, column, 2.0, 0.4))
        assert recovery == pytest.approx(alone.recovery, abs=5e-3)
        assert found.values[row, column] == recovery
    (top, left), (bottom, right) = found.positions.min(0), found.positions.max(0)
    assert np.isfinite(found.values[top : bottom + 1, left : right + 1]).all()


def test_features_of_a_coarse_grid_meet_none_of_their_aliases(measurement, combined):
    """Every third line is sampled, so aliases are 12 columns apart, two steps of the grid."""
    found = run(retention_map(measurement, combined, size=1.0, spacing=6))
    insertion = Insertion(Setup.of(measurement, combined, ROI.box(0, 0, 32, 36)), keep=True)
    alone = [
        insertion.trial(Feature.of("blob", row, column, 1.0, 0.4)).recovery for row, column in found.positions.tolist()
    ]
    assert len(alone) > 20
    assert found.reconstructions < 1 + 8 + len(alone) / 4
    assert found.recoveries == pytest.approx(np.array(alone), abs=0.1)
    assert found.recoveries.mean() == pytest.approx(np.mean(alone), abs=0.01)
    for one in found.worst:
        assert one.multiplexed == pytest.approx(one.recovery, abs=0.1)


def test_no_feature_of_a_table_is_hidden_by_aliases_of_others(measurement, combined):
    """Alone each keeps 0.6 of its contrast, and others may take less than 0.1."""
    roi = ROI.box(6, 3, 20, 30)
    (cell,) = run(recovery_table(measurement, combined, roi, sizes=(1.5,), contrasts=(0.4,), count=60)).cells
    assert cell.recovered == 60


def test_the_worst_are_tried_alone_and_progress_never_falls(measurement, combined):
    steps = list(retention_map(measurement, combined, size=2.0, spacing=3))
    found = run(retention_map(measurement, combined, size=2.0, spacing=3))
    assert all(one.fraction <= other.fraction for one, other in pairwise(steps))
    known = [np.isfinite(step.preview.recoveries).sum() for step in steps[1:]]
    assert known == sorted(known)
    insertion = Insertion(Setup.of(measurement, combined, ROI.box(0, 0, 32, 36)), keep=True)
    assert [one.recovery for one in found.worst] == sorted(one.recovery for one in found.worst)
    before = steps[-8].preview.recoveries  # all of the grid, none alone
    assert sorted(one.multiplexed for one in found.worst) == pytest.approx(sorted(before)[:8])
    for one in found.worst:
        assert found.values[one.row, one.column] == pytest.approx(one.recovery), "as listed"
        alone = insertion.trial(Feature.of("blob", one.row, one.column, 2.0, 0.4))
        assert one.recovery == pytest.approx(alone.recovery, abs=1e-5)
        assert one.detectability == pytest.approx(alone.carried, rel=1e-5)


def test_the_table_counts_what_is_recovered_with_exact_intervals(full, blind, combined):
    table = run(recovery_table(full, combined, sizes=(2.0, 3.0, 2.0), contrasts=(0.4, -0.3, 0.4), count=20))
    assert [(cell.size, cell.contrast) for cell in table.cells] == [(2, 0.4), (2, -0.3), (3, 0.4), (3, -0.3)]
    for cell in table.cells:
        assert cell.recovered == cell.carried == cell.places == 20
        assert cell.high == 1
        # All of n: (alpha/2)^(1/n).
        assert cell.low == pytest.approx(0.025 ** (1 / 20), rel=1e-6)
    half = run(recovery_table(full, blind, sizes=(2.0,), contrasts=(0.4,), count=20)).cells[0]
    assert 4 <= half.recovered <= 16
    assert half.low == pytest.approx(stats.beta.ppf(0.025, half.recovered, 21 - half.recovered))
    assert half.high == pytest.approx(stats.beta.ppf(0.975, half.recovered + 1, 20 - half.recovered))
    assert "| 2 px | 20/20 [0.83, 1.00] | 20/20 [0.83, 1.00] |" in table.markdown()
    assert json.loads(json.dumps(table.to_json(), allow_nan=False)) == table.to_json()


@pytest.mark.thorough
def test_the_table_of_a_network_counts_what_single_insertions_give(scan_file):
    """Features that share a reconstruction hardly disturb each other: only those at the threshold may differ."""
    with open_scan(scan_file) as scan:
        sampled = scan.measurement(1, Sampling(acceleration=4, centre_fraction=0.08))
    unet, sizes, contrasts, count = registry.get("unet"), (2.0, 4.0), (0.2, 0.4), 10
    table = run(recovery_table(sampled, unet, sizes=sizes, contrasts=contrasts, count=count))
    setup = Setup.of(sampled, unet, ROI.box(0, 0, 96, 96))
    insertion = Insertion(setup, keep=True)
    points = np.random.default_rng(0).choice(np.argwhere(places(setup, max(sizes))), count, replace=False)
    for cell in table.cells:
        alone = [insertion.trial(Feature.of("blob", *point, cell.size, cell.contrast)) for point in points.tolist()]
        least, most = (sum(trial.recovery >= 0.5 + margin for trial in alone) for margin in (0.03, -0.03))
        assert least <= cell.recovered <= most
        assert cell.carried == sum(trial.carried >= 5 for trial in alone)


def test_what_is_too_faint_for_the_samples_is_not_carried(full, combined):
    table = run(recovery_table(full, combined, sizes=(2.0,), contrasts=(1e-3,), count=10))
    (cell,) = table.cells
    assert (cell.carried, cell.recovered) == (0, 0)
    assert cell.words == "none of 10 carried"
    assert json.loads(json.dumps(table.to_json(), allow_nan=False))["cells"][0]["low"] is None


def test_a_table_counts_no_feature_that_the_samples_do_not_carry(full, blind):
    """Nor does the map: there a method has nothing to lose. The samples carry half of the features of this contrast."""
    roi = ROI.box(6, 3, 20, 30)
    insertion = Insertion(Setup.of(full, blind, roi), keep=True)
    points = np.random.default_rng(0).choice(np.argwhere(places(insertion.setup, 2.0)), 20, replace=False)
    found = [insertion.trial(Feature.of("blob", *point, 2.0, 1.0)) for point in points.tolist()]
    contrast = 5 / float(np.median([trial.carried for trial in found]))  # at which the samples carry half of them
    carried = [contrast * trial.carried >= 5 for trial in found]
    assert 5 < sum(carried) < 15
    (cell,) = run(recovery_table(full, blind, roi, sizes=(2.0,), contrasts=(contrast,), count=20)).cells
    assert (cell.places, cell.carried) == (20, sum(carried))
    recovered = sum(trial.recovery >= 0.5 and seen for trial, seen in zip(found, carried, strict=True))
    assert cell.recovered == recovered < cell.carried
    assert cell.low == pytest.approx(stats.beta.ppf(0.025, recovered, cell.carried + 1 - recovered))
    assert cell.words.startswith(f"{recovered}/{cell.carried} [")
    assert cell.words.endswith(f"], {cell.carried} of 20 carried")


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"size": 40.0}, "larger than the image"),
        ({"size": 0.5}, "at least 1 pixel"),
        ({"contrast": 0.0}, "the contrast is 0"),
        ({"shape": "walk"}, "choose one of blob, line, ring"),
        ({"size": "large"}, "the size is 'large'; give a number"),
        ({"contrast": None}, "the contrast is None; give a number"),
        ({"spacing": 0}, "the spacing is 0"),
        ({"spacing": 2.5}, r"the spacing is 2\.5; give a whole number from 1"),
        ({"spacing": 60}, "no position of the grid"),
        ({"roi": ROI.box(0, 0, 2, 2)}, "no tissue"),
    ],
)
def test_what_does_not_fit_is_said(measurement, combined, knobs, words):
    roi = knobs.pop("roi", ROI.box(0, 0, 20, 20))
    with pytest.raises(InputError, match=words):
        run(retention_map(measurement, combined, roi, **{"size": 2.0} | knobs))


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"count": 0}, "places is 0"),
        ({"count": 2.5}, r"places is 2\.5; give a whole number"),
        ({"count": 10**5}, "ask for no more"),
        ({"sizes": ()}, "no size or no contrast"),
        ({"sizes": 3}, r"the sizes are 3; give numbers, such as \(2, 4\)"),
        ({"contrasts": 0.3}, r"the contrasts are 0\.3; give numbers"),
        ({"seed": -1}, "the seed is -1; give a whole number from 0"),
    ],
)
def test_a_table_that_cannot_be_is_refused(measurement, combined, knobs, words):
    with pytest.raises(InputError, match=words):
        run(recovery_table(measurement, combined, **{"sizes": (2.0,)} | knobs))


def test_what_is_lost_and_where_it_is_worst_as_boxes(full, blind):
    found = run(retention_map(full, blind, size=2.0, spacing=2))
    lost = found.overlay
    known = np.isfinite(found.values)
    assert not lost[~known].any()
    np.testing.assert_allclose(lost[known], np.clip(1 - found.values[known], 0, 1))
    assert found.tried == len(found.positions)
    worst = found.weakest()
    taken = np.zeros((32, 36), int)
    for number, (roi, recovery) in enumerate(worst, start=1):
        mask = roi.mask((32, 36)).numpy()
        taken += mask
        assert mask.sum() == 16
        assert roi.label == f"lost blob {number}"
        assert any(mask[place.row, place.column] and place.recovery == recovery for place in found.worst)
    assert taken.max() == 1, "boxes don't overlap"
    assert worst[0][1] == found.worst[0].recovery


def test_a_map_in_the_making_counts_what_it_has_tried(full, blind):
    first, *_, last = [step.preview for step in retention_map(full, blind, size=2.0, spacing=2) if step.preview]
    for preview in (first, last):
        facts = preview.to_json()
        json.dumps(facts, allow_nan=False)
        assert (facts["mean"] is None) == (preview.tried == 0)
    assert (first.tried, first.lost) == (0, 0.0)
    assert last.tried == len(last.positions)
    middle = next(
        step.preview for step in retention_map(full, blind, size=2.0, spacing=2) if step.preview and step.preview.tried
    )
    assert middle.lost == pytest.approx((middle.recoveries < 0.5).sum() / middle.tried)


@pytest.mark.parametrize(
    ("recoveries", "words"),
    [
        ((0.9, 0.6), "keeps at least half of its contrast at all 2 places."),
        ((0.9, np.nan), "keeps at least half of its contrast at all 1 of 2 places tried so far."),
        ((0.9, 0.1), "loses more than half of its contrast at 50% of 2 places."),
    ],
)
def test_what_is_kept_everywhere_is_said_without_a_double_negative(recoveries: tuple[float, ...], words: str) -> None:
    values = np.zeros((4, 4), np.float32)
    grid = np.array([[0, 0], [2, 2]])
    known = np.array(recoveries, np.float32)
    found = RetentionMap(values, grid, known, np.isfinite(known), values > 0, 2.0, 0.4, "blob", 2, 1)
    assert found.legend.endswith(words)


@pytest.mark.parametrize(
    ("carried", "words"),
    [
        (
            (True, False),
            "loses more than half of its contrast at 100% of the 1 places that the samples carry, of 2 places.",
        ),
        ((False, True), "keeps at least half of its contrast at all 1 places that the samples carry, of 2 places."),
        ((False, False), "is not carried by the samples at any of 2 places."),
    ],
)
def test_a_place_that_the_samples_do_not_carry_is_neither_lost_nor_kept(carried: tuple[bool, bool], words: str) -> None:
    nothing, grid = np.zeros((4, 4), np.float32), np.array([[0, 0], [2, 2]])
    recoveries = np.array([0.1, 0.9], np.float32)
    found = RetentionMap(nothing, grid, recoveries, np.array(carried), nothing > 0, 2.0, 0.4, "blob", 2, 1)
    assert found.legend.endswith(words)
    assert found.to_json()["carried"] == sum(carried)
    assert found.to_json()["lost"] == {(True, False): 1, (False, True): 0}.get(carried)


def test_what_is_too_faint_is_no_loss_of_a_blind_method(full, blind):
    """Each place at which it was not recovered counted as lost, and was listed among the worst."""
    found = run(retention_map(full, blind, size=2.0, contrast=1e-3, spacing=2))
    assert found.tried == len(found.positions)
    assert not found.carried.any()
    assert found.worst == ()
    assert np.isnan(found.values).all()
    assert found.not_carried[tuple(found.positions.T)].all()
    assert found.lost == 0
    assert found.weakest() == []


def test_features_that_share_an_image_are_as_detectable_as_alone(measurement, combined):
    found = run(retention_map(measurement, combined, size=2.0, contrast=0.03, spacing=3))
    insertion = Insertion(Setup.of(measurement, combined, ROI.box(0, 0, 32, 36)), keep=True)
    features = [Feature.of("blob", *place, 2.0, 0.03) for place in found.positions.tolist()]
    alone = np.array([insertion.carried(feature) for feature in features])
    clear = (alone < 4.5) | (alone > 5.5)
    assert 0 < found.carried.sum() < len(alone)
    np.testing.assert_array_equal(found.carried[clear], alone[clear] >= 5)
    together = insertion.carried_together(features[::40])
    assert together.numpy() == pytest.approx(alone[::40], rel=0.1)
