from dataclasses import replace
from math import isfinite

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from helpers.toy_slice import COILS, COLUMNS, PARTS, ROWS, SIGMA, fully_sampled_part, line_mask, simulate
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.knob import resolve
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.base import Setup
from napari_recon_robust.perturbations.features.feature import SHAPES, Feature, Tissue
from napari_recon_robust.perturbations.features.feature_search import FiniteDifferences, RandomSearch
from napari_recon_robust.perturbations.features.fnaf import FNAF
from napari_recon_robust.perturbations.features.insertion import Insertion
from napari_recon_robust.perturbations.features.multiplexed import Multiplexed
from napari_recon_robust.perturbations.image_domain import ImageDomain
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.physics import fourier, noise
from napari_recon_robust.simulation.acquisition import simulate_slice

WHOLE = ROI.box(0, 0, 32, 36)
PUBLISHED = ("random-search", "finite-differences")
PLACE = {"row": 15.0, "column": 17.5, "size": 4.0, "sensitivities": "kept"}


@pytest.mark.parametrize("shape", ["blob", "line", "ring"])
def test_the_profile_is_centred_and_differentiable_in_place_size_and_angle(shape):
    values = torch.tensor([12.3, 9.6, 7.0, 0.4, 0.7], dtype=torch.float64, requires_grad=True)
    profile = Feature(shape, values).profile((24, 20))
    weights = profile.detach() / profile.detach().sum()
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(20.0), indexing="ij")
    assert float((weights * rows).sum()) == pytest.approx(12.3, abs=0.1)
    assert float((weights * columns).sum()) == pytest.approx(9.6, abs=0.1)
    assert 0.8 < float(profile.detach().max()) <= 1
    assert torch.autograd.gradcheck(lambda v: Feature(shape, v).profile((12, 10)), values, atol=1e-4)


def test_the_full_width_at_half_maximum_of_a_blob_is_its_size():
    profile = Feature.of("blob", 10, 10, 6, 1.0).profile((21, 21))
    assert float(profile[10, 10]) == pytest.approx(1)
    assert float(profile[10, 13]) == pytest.approx(0.5, abs=1e-6)


def test_intensity_stays_positive_and_the_phase_is_the_local_one():
    image = 2 * torch.exp(1j * torch.linspace(0, 1, 30))[None].expand(32, 30)
    dark = Feature.of("blob", 15, 15, 6, -3.0)
    assert float((image + dark.change(Tissue(image))).abs().min()) == pytest.approx(0.2, rel=0.05)
    assert dark.on(Tissue(image)).clipped
    assert not Feature.of("blob", 15, 15, 6, -0.5).on(Tissue(image)).clipped
    bright = Feature.of("blob", 15, 15, 6, 0.5).change(Tissue(image))
    assert float(bright.abs()[15, 15]) == pytest.approx(1.0, rel=1e-3)
    assert float((bright / image).angle()[15, 15]) == pytest.approx(0, abs=1e-2)


def test_a_placed_feature_shows_in_the_perturbed_reference(measurement, combined):
    (found,) = run(FNAF().run(measurement, combined, WHOLE, contrast=0.5, **PLACE))
    before, after = measurement.reference("combined"), found.measurement.reference("combined")
    change = after - before
    peak = divmod(int(change.argmax()), 36)
    assert abs(peak[0] - 15) <= 1
    assert abs(peak[1] - 17.5) <= 1
    assert float(change.max() / before[12:19, 14:22].mean()) == pytest.approx(0.5, rel=0.15)
    assert found.details["position"] == [15.0, 17.5]
    assert found.judged_by == "perturbed"


def test_full_sampling_recovers_everything_and_an_oblivious_method_nothing(measurement, combined):
    everything = torch.ones_like(measurement.mask)
    full = Measurement(measurement.full, everything, measurement.matrix, measurement.full, measurement.kept)
    (kept,) = run(FNAF().run(full, combined, WHOLE, **PLACE))
    assert kept.details["recovery"] == pytest.approx(1, abs=0.02)
    assert not kept.details["lost"]
    assert kept.details["information_preserved"]

    class Oblivious(type(combined)):
        label = "Oblivious"
        differentiable = False

        def reconstruct(self, measurement, **knobs):
            return 0 * super().reconstruct(measurement) + 1

    (lost,) = run(FNAF().run(measurement, Oblivious(), WHOLE, **PLACE))
    assert lost.details["recovery"] == 0
    assert lost.details["lost"]
    assert lost.details["information_preserved"]
    assert "lost its contrast" in lost.statement
    assert "kept its contrast" in kept.statement

    clean = combined(full)

    class Sluggish(type(combined)):
        label = "Sluggish"
        differentiable = False

        def reconstruct(self, measurement, **knobs):
            return clean + 0.7 * (super().reconstruct(measurement) - clean)

    (part,) = run(FNAF().run(full, Sluggish(), WHOLE, **PLACE))
    assert part.details["recovery"] == pytest.approx(0.7, abs=0.02)
    assert "kept part of its contrast" in part.statement


@pytest.mark.parametrize("kind", ["combined", "rss"])
def test_a_full_scan_loses_nothing_at_the_edge_of_the_sensitivities(request, measurement, kind):
    """An image of either kind is held against the full one of its kind, which shows no more than S lets through."""
    half = measurement.kept.sensitivities * (torch.arange(COLUMNS) >= 17)
    kept = Calibration(half, measurement.kept.noise)
    full = Measurement(measurement.full, torch.ones_like(measurement.mask), measurement.matrix, measurement.full, kept)
    method = request.getfixturevalue(kind)
    for row, column in ((15.0, 15.5), (15.0, 17.5), (4.0, 24.0)):
        (found,) = run(FNAF().run(full, method, WHOLE, **PLACE | {"row": row, "column": column}))
        assert found.details["recovery"] == pytest.approx(1, abs=1e-3)
        assert found.details["published_loss"] < 1e-6


@pytest.mark.parametrize("kind", ["combined", "rss"])
@pytest.mark.parametrize("known", [True, False])
def test_a_feature_is_refused_where_no_coil_sees_tissue(request, make_measurement, kind, known):
    """There an image of the root sum of squares still has noise."""
    scan = make_measurement(full=known)
    kept = Calibration(scan.kept.sensitivities * (torch.arange(COLUMNS) >= 12), scan.kept.noise)
    air = Measurement(scan.kspace, scan.mask, scan.matrix, scan.full, kept)
    with pytest.raises(InputError, match="no tissue at this place"):
        run(FNAF().run(air, request.getfixturevalue(kind), WHOLE, **PLACE | {"row": 15.0, "column": 3.0}))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_full_scan_loses_nothing_that_its_k_space_cannot_hold(part, combined, shape):
    """Padding and partial Fourier blur a small feature in every image."""
    for size, sensitivities in ((1.0, "kept"), (3.0, "kept"), (3.0, "estimated")):
        place = PLACE | {"shape": shape, "size": size, "sensitivities": sensitivities}
        found = run(FNAF().run(part, combined, WHOLE, **place))
        (outcome,) = run(evaluate(part, combined, WHOLE, found))
        assert found[0].details["recovery"] == pytest.approx(1, abs=0.02 if sensitivities == "estimated" else 1e-3)
        assert outcome.comparison.recovery == pytest.approx(1, abs=0.02 if sensitivities == "estimated" else 1e-3)
        assert found[0].details["published_loss"] < 1e-6


def test_a_scan_without_a_reference_is_measured_against_what_it_can_hold(part, combined):
    alone = Measurement(part.kspace, part.mask, part.matrix, None, part.kept, part.acquired)
    (found,) = run(FNAF().run(alone, combined, WHOLE, **PLACE | {"size": 1.0}))
    assert found.details["recovery"] == pytest.approx(1, abs=0.05)
    assert found.details["published_loss"] < 1e-4
    assert found.details["object"] == "clean reconstruction"
    assert "relative to is the clean reconstruction, as no full k-space is known." in found.statement
    (known,) = run(FNAF().run(part, combined, WHOLE, **PLACE | {"size": 1.0}))
    assert known.details["object"] == "fully sampled"
    assert "reconstruction" not in known.statement


@pytest.mark.parametrize("shape", SHAPES)
def test_a_feature_has_one_recovery(measurement, combined, shape):
    """That of its own pixels, and not of the box around them; saved, too."""
    found = run(FNAF().run(measurement, combined, WHOLE, **PLACE | {"shape": shape, "size": 3.0, "seed": 2}))
    again = [FNAF().recalled(replace(one, feature=None, support=None)) for one in found]
    for one in run(evaluate(measurement, combined, WHOLE, [*found, *again])):
        assert one.comparison.recovery == pytest.approx(found[0].details["recovery"], abs=1e-4)


def test_what_drowns_in_the_thermal_noise_is_not_preserved(measurement, combined):
    loud = Calibration(measurement.kept.sensitivities, 100 * measurement.kept.noise)
    noisy = Measurement(measurement.kspace, measurement.mask, measurement.matrix, measurement.full, loud)
    (quiet,), (drowned,) = (run(FNAF().run(one, combined, WHOLE, **PLACE)) for one in (measurement, noisy))
    assert quiet.details["detectability"] == pytest.approx(100 * drowned.details["detectability"], rel=1e-3)
    assert not drowned.details["information_preserved"]


def test_noise_that_the_coils_share_hides_the_feature_that_they_share(combined):
    """D' is that of the covariance of the noise, which is that of the object and of each coil."""
    y, x = np.mgrid[-1:1:96j, -1:1:96j]
    scan = simulate_slice(
        0.8 * (np.hypot(y / 0.7, x / 0.6) < 1), np.random.default_rng(1), coils=6, noise_level=0.01, oversampling=2
    )
    maps = scan.sensitivities.flatten(1) / scan.sensitivities.flatten(1).norm(dim=1, keepdim=True)
    factor = torch.linalg.cholesky(maps @ maps.mH + 0.1 * torch.eye(6))
    shared = torch.tensordot(factor, scan.noise, 1)
    kspace, psi = scan.kspace - scan.noise + shared, noise.covariance(shared)
    measurement = Measurement(kspace, torch.ones(1, 96, dtype=torch.bool), (96, 96), full=kspace)
    roi = ROI.box(0, 0, 96, 96)
    (found,) = run(FNAF().run(measurement, combined, roi, row=48.0, column=48.0, size=5.0, sensitivities="kept"))
    z = found.perturbation.flatten(1)
    truth = float(2 * (z.conj() * torch.linalg.solve(psi, z.to(psi.dtype))).sum().real) ** 0.5
    alone = float(2 * (z.abs().square().sum(1) / psi.diagonal().real).sum()) ** 0.5
    assert alone > 1.3 * truth
    assert found.details["detectability"] == pytest.approx(truth, rel=0.1)


def test_a_coil_without_samples_and_noise_does_not_carry_the_feature(measurement, combined):
    scan = Measurement(measurement.kspace, measurement.mask, measurement.matrix, measurement.full)
    kspace, full = (torch.cat((one, 0 * one[:1])) for one in (scan.kspace, scan.full))
    silent = Measurement(kspace, scan.mask, scan.matrix, full)
    place = PLACE | {"sensitivities": "estimated"}
    (usual,), (found,) = (run(FNAF().run(one, combined, WHOLE, **place)) for one in (scan, silent))
    assert found.details["detectability"] == pytest.approx(usual.details["detectability"], rel=1e-3)


@pytest.mark.slow
def test_the_search_loses_more_than_chance_and_stays_inside(measurement, combined):
    roi = ROI.box(6, 8, 20, 20)
    knobs = {"search": 60, "size": 3.0, "sensitivities": "kept"}
    (found,) = run(FNAF().run(measurement, combined, roi, **knobs))
    drawn = RandomSearch(setup(measurement, combined, roi), resolve(FNAF.knobs, knobs | {"seed": 5}))
    recoveries = [drawn.insertion.trial(drawn.draw_anywhere()).recovery for _ in range(60)]
    assert found.details["recovery"] < np.quantile(recoveries, 0.1)
    row, column = found.details["position"]
    assert 5.5 <= row <= 25.5
    assert 7.5 <= column <= 27.5
    assert 0.3 <= abs(found.details["contrast"]) <= 0.5
    (alone,) = run(
        FNAF().run(
            measurement,
            combined,
            WHOLE,
            row=row,
            column=column,
            size=found.details["size"],
            contrast=found.details["contrast"],
            shape=found.details["shape"],
            sensitivities="kept",
        )
    )
    if found.details["angle"] == 0:
        assert alone.details["recovery"] == pytest.approx(found.details["recovery"], abs=1e-3)


@pytest.mark.parametrize("search", [20, 60])
def test_the_search_is_for_features_that_the_samples_carry(combined, search):
    """Not for those in dark tissue, which the method recovers least, and whose samples are all noise."""
    maps, image, kspace = simulate()
    dark = torch.arange(COLUMNS) < COLUMNS // 2
    kspace = kspace - fourier.fft(maps * 0.8 * dark * image)
    scan = Measurement(
        kspace,
        torch.ones(1, COLUMNS, dtype=torch.bool),
        (ROWS, COLUMNS),
        kspace,
        Calibration(maps, torch.full((COILS,), 10 * SIGMA)),
    )

    class Dim(type(combined)):
        def reconstruct(self, measurement, **knobs):
            deep = torch.arange(COLUMNS) < COLUMNS // 3
            return torch.where(deep, 0.1, 0.6) * super().reconstruct(measurement)

    (found,) = run(FNAF().run(scan, Dim(), WHOLE, search=search, size=3.0, sensitivities="kept"))
    assert found.details["information_preserved"]
    assert 0.4 < found.details["recovery"] < 0.7


@pytest.mark.slow
def test_the_search_takes_what_it_may_and_previews_the_worst(measurement, combined):
    class Counting(type(combined)):
        calls = 0

        def reconstruct(self, measurement, **knobs):
            type(self).calls += 1
            return super().reconstruct(measurement)

    job = FNAF().run(measurement, Counting(), WHOLE, search=40, size=3.0, sensitivities="kept")
    previews = [progress.preview for progress in job]
    assert 20 <= Counting.calls <= 40
    # One that was tried alone has an image of its own.
    recoveries = [preview[0].details["recovery"] for preview in previews if preview and preview[0].image is not None]
    assert recoveries == sorted(recoveries, reverse=True)
    assert not [preview for preview in previews if preview][-1][0].complete


@pytest.mark.slow
@pytest.mark.parametrize(("search", "finite"), [(40, 0), (40, 2), (40, 4), (120, 7)])
def test_once_a_gradient_is_not_finite_the_search_goes_on_without_and_says_so(measurement, combined, search, finite):
    class Rooted(type(combined)):
        left, calls = finite, 0

        def reconstruct(self, measurement, **knobs):
            image = super().reconstruct(measurement)
            type(self).calls += 1
            if not measurement.kspace.requires_grad:
                return image
            type(self).left -= 1
            return image if self.left >= 0 else image + (0 * image.abs()).sqrt()

    (found,) = run(FNAF().run(measurement, Rooted(), WHOLE, search=search, size=3.0, sensitivities="kept"))
    assert Rooted.left == -1, "it was asked once"
    assert search - 2 * finite - 4 <= Rooted.calls <= search
    assert found.complete
    assert found.image is not None, "it was tried by itself"
    assert "found without gradients (on the way they held NaN or infinite values) at row" in found.statement
    assert "no_gradient" in found.details
    (found,) = run(FNAF().run(measurement, combined, WHOLE, search=search, size=3.0, sensitivities="kept"))
    assert "gradient" not in found.statement
    assert "no_gradient" not in found.details


@pytest.mark.slow
@pytest.mark.parametrize("search", [RandomSearch, FiniteDifferences, Multiplexed])
def test_a_long_search_holds_few_images(measurement, combined, search):
    knobs = resolve(FNAF.knobs, {"search": 150, "size": 3.0, "sensitivities": "kept"})
    one = search(setup(measurement, combined), knobs)
    held = [len(one.tried) for _ in one.run()]
    assert len(held) > 60
    assert max(held) <= 25


def test_a_search_that_is_cancelled_while_screening_leaves_the_worst_so_far(measurement, combined):
    class Left(type(combined)):
        def reconstruct(self, measurement, **knobs):
            image = super().reconstruct(measurement)
            return torch.where(torch.arange(36) < 18, torch.ones_like(image), image)

    job = FNAF().run(measurement, Left(), WHOLE, search=40, size=3.0, sensitivities="kept")
    _start, step = next(job), next(job)
    job.close()
    assert step.preview is not None
    assert not step.preview[0].complete
    (outcome,) = run(evaluate(measurement, Left(), WHOLE, step.preview))
    assert step.preview[0].details["recovery"] == pytest.approx(0, abs=1e-5)
    assert step.preview[0].details["position"][1] < 18
    assert outcome.comparison.recovery == pytest.approx(0, abs=1e-5)
    assert {*outcome.comparison.warnings} == {"ended_early", "disagreement"}, "half of the image is constant"


@pytest.mark.slow
def test_search_does_not_depend_on_chance_or_scale(make_measurement, combined):
    one, again, tiny = (
        run(FNAF().run(make_measurement(scale), combined, WHOLE, search=12, seed=3, sensitivities="kept"))[0]
        for scale in (1.0, 1.0, 1e-6)
    )
    assert one.details == again.details
    assert tiny.details["recovery"] == pytest.approx(one.details["recovery"], rel=1e-3)


def test_without_a_reference_it_is_measured_against_the_clean_image(make_measurement, combined):
    measurement = make_measurement(full=False)
    found = run(FNAF().run(measurement, combined, WHOLE, **PLACE))
    (outcome,) = run(evaluate(measurement, combined, WHOLE, found))
    assert found[0].details["recovery"] > 0.5
    assert outcome.comparison.perturbed_reference is None
    assert outcome.to_json()["perturbed_reference"] is None
    assert outcome.to_json()["reference"] is None


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"row": 40.0, "column": 3.0}, "outside the image of 32×36"),
        ({"contrast": 0.0, **PLACE}, "contrast is 0"),
        ({"size": 30.0}, "no tissue around a feature"),
        ({"size": 33.0}, "larger than the image of 32×36"),
        ({"row": 15.0}, "only one of row and column"),
        ({"search": 3}, "multiplexed takes at least 4"),
        ({"search": 5, "algorithm": "finite-differences"}, "at least 6 reconstructions, or 0 for its usual 11"),
    ],
)
def test_what_does_not_fit_is_said(measurement, combined, knobs, words):
    with pytest.raises(InputError, match=words):
        run(FNAF().run(measurement, combined, WHOLE, **knobs))


def setup(measurement, method, roi=WHOLE):
    return Setup.of(measurement, method, roi)


def test_a_walk_is_a_connected_path_that_a_sub_pixel_shift_keeps():
    feature = Feature.walk(10.0, 12.0, np.random.default_rng(3))
    profile = feature.profile((24, 24))
    found = torch.nonzero(profile).tolist()
    assert 2 <= len(found) <= 10
    assert sorted(profile[profile > 0].tolist()) == pytest.approx(sorted(value for *_, value in feature.pixels))
    for pixel in found:
        assert any(abs(pixel[0] - other[0]) + abs(pixel[1] - other[1]) == 1 for other in found)
    shifted = feature.at(feature.values + torch.tensor([0.25, 0.5, 0, 0, 0])).profile((24, 24))
    grid = torch.arange(24.0)
    for moved, axis in ((0.25, 1), (0.5, 0)):
        before, after = ((one.sum(axis) * grid).sum() / one.sum() for one in (profile, shifted))
        assert float(after - before) == pytest.approx(moved, abs=1e-5)
    image = torch.linspace(1, 3, 24)[None].expand(24, 24) + 0j
    change = feature.change(Tissue(image)).abs()
    assert float(change.max()) == pytest.approx(3 * max(value for *_, value in feature.pixels))


def test_the_published_measures_are_those_of_the_paper(measurement, combined):
    (found,) = run(FNAF().run(measurement, combined, WHOLE, contrast=0.8, **PLACE))
    before, after = (
        np.abs(combined(one).numpy()).astype(float) for one in (measurement, found.measurement)
    )  # the input of the paper, and here the reconstruction too
    region = Feature.of("blob", 15, 17.5, 4, 0.8).profile((32, 36)).numpy() > 0.05
    target = found.measurement.reference("combined").numpy().astype(float)
    loss = ((region * (after - target)) ** 2).mean() / after.var()
    assert found.details["published_loss"] == pytest.approx(loss, rel=1e-2)
    carried = ((after - after.mean()) / after.std() - (before - before.mean()) / before.std()) ** 2
    assert found.details["input_mse"] == pytest.approx(carried.mean(), rel=1e-2)
    assert found.details["published_success"] == (loss >= 1e-3)
    assert found.details["published_preserved"]
    (faint,) = run(FNAF().run(measurement, combined, WHOLE, contrast=0.01, **PLACE))
    assert not faint.details["published_preserved"]


@pytest.mark.parametrize("algorithm", PUBLISHED)
@pytest.mark.parametrize("shape", ["any", "walk"])
def test_the_published_searches_try_eleven_and_keep_the_largest_loss(measurement, combined, algorithm, shape):
    class Counting(type(combined)):
        calls = 0

        def reconstruct(self, measurement, **knobs):
            type(self).calls += 1
            return super().reconstruct(measurement)

    knobs = {"algorithm": algorithm, "size": 3.0, "sensitivities": "kept", "shape": shape}
    steps = list(FNAF().run(measurement, Counting(), WHOLE, **knobs))
    assert Counting.calls == 12
    losses = [step.preview[0].details["published_loss"] for step in steps if step.preview]
    assert losses == sorted(losses)
    (found,) = run(FNAF().run(measurement, combined, WHOLE, **knobs))
    assert len(found.details["candidates"]) == 11
    assert found.details["published_loss"] == losses[-1]
    assert (found.details["shape"] == "walk") == (shape == "walk")
    assert bool(found.details["pixels"]) == (shape == "walk")


def test_finite_differences_probe_five_pixels_around_and_go_uphill(measurement, combined):
    knobs = {"algorithm": "finite-differences", "size": 2.0, "sensitivities": "kept", "seed": 2}
    (found,) = run(FNAF().run(measurement, combined, WHOLE, **knobs))
    start, *probes, moved = (np.array(one[:2]) for one in found.details["candidates"][:6])
    inside = [probe - start for probe in probes if (probe > 0).all() and (probe < (31, 35)).all()]
    assert len(inside) >= 3
    assert {tuple(np.abs(step)) for step in inside} == {(5.0, 0.0), (0.0, 5.0)}
    assert np.abs(moved - start).max() <= 5
    assert found.details["published_loss"] >= _loss(measurement, combined, found, start)


def _loss(measurement, method, found, place):
    insertion = Insertion(setup(measurement, method), keep=True)
    details = found.details
    feature = Feature.of(details["shape"], *place, details["size"], details["contrast"], details["angle"])
    return insertion.published(insertion.trial(feature))[0] - 1e-9


def test_a_multiplexed_recovery_is_that_of_the_feature_alone_where_they_do_not_meet(measurement, combined):
    everything = torch.ones_like(measurement.mask)
    full = Measurement(measurement.full, everything, measurement.matrix, measurement.full, measurement.kept)
    insertion = Insertion(setup(full, combined), keep=True)
    features = [Feature.of("blob", row, column, 2.0, 0.4) for row, column in ((10, 12), (10, 24), (22, 18))]
    with torch.no_grad():
        together, _ = insertion.together(features, keep=True)
    assert together.tolist() == pytest.approx([insertion.trial(one).recovery for one in features], abs=1e-3)


def test_many_features_in_one_image_take_the_memory_of_one(measurement, combined):
    class Largest(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                self.numbers = max(self.numbers, result.numel())
            return result

    insertion = Insertion(setup(measurement, combined), keep=True)
    features = [Feature.of("blob", row, column, 1, 0.4) for row in range(4, 28, 3) for column in range(4, 32, 3)]
    insertion.together(features[:1], keep=True)
    largest = []
    for some in (features[:1], features):
        with Largest() as mode:
            insertion.together(some, keep=True)
        largest.append(mode.numbers)
    assert largest[0] == largest[1]


@pytest.fixture
def undersampled_part():
    whole = fully_sampled_part(*PARTS["padded"])
    mask = whole.mask & line_mask()
    return Measurement(whole.kspace * mask, mask, whole.matrix, whole.full, whole.kept)


@pytest.mark.parametrize("scan", ["measurement", "undersampled_part"])
@pytest.mark.parametrize("kind", ["combined", "rss"])
def test_the_gradient_of_the_recoveries_is_that_of_finite_differences(request, scan, kind):
    method = request.getfixturevalue(kind)
    insertion = Insertion(setup(request.getfixturevalue(scan), method), keep=True)
    values = torch.tensor([[12.3, 12.4, 4.0, 0.4, 0.3], [21.6, 22.2, 5.0, -0.3, 2.0]])

    def recoveries(moved):
        return insertion.together([Feature("line", one) for one in moved], keep=True)[0].sum()

    leaf = values.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(recoveries(leaf), leaf)
    step = 3e-3 * torch.tensor([1.0, 1.0, 1.0, 0.1, 0.3])
    for index in range(2):
        for axis in range(5):
            shift = torch.zeros_like(values)
            shift[index, axis] = step[axis]
            with torch.no_grad():
                slope = (recoveries(values + shift) - recoveries(values - shift)) / (2 * step[axis])
            # T is fixed within a gradient, but may change with a step.
            assert float(gradient[index, axis]) == pytest.approx(float(slope), abs=5e-3)


def test_the_words_say_where_it_is_and_how_it_came_there(measurement, combined):
    (placed,) = run(FNAF().run(measurement, combined, WHOLE, row=15.0, column=17.0, size=5.0))
    assert placed.statement.startswith("The inserted blob of 5 pixels, placed at row 15, column 17, ")
    assert not placed.findings
    (walk,) = run(FNAF().run(measurement, combined, WHOLE, row=15.0, column=17.0, shape="walk", seed=3))
    assert f"walk (10 steps, in a box of {walk.details['size']:g} pixels)" in walk.statement
    (found,) = run(FNAF().run(measurement, combined, WHOLE, algorithm="random-search", search=1, size=3.0))
    row, column = found.details["position"]
    assert f"found at row {row:.3g}, column {column:.3g}, " in found.statement


@pytest.mark.parametrize(
    ("roi", "words"), [(ROI.box(14, 16, 2, 2), "Only 9% of the"), (ROI.box(3, 3, 5, 5), "No part of the")]
)
def test_a_feature_larger_than_the_region_or_beside_it_is_said(measurement, combined, roi, words):
    (found,) = run(FNAF().run(measurement, combined, roi, row=15.0, column=17.0, size=8.0))
    assert found.findings["beyond_region"].startswith(f"{words} inserted blob lies in the region: it is ")
    (outcome,) = run(evaluate(measurement, combined, roi, [found]))
    assert "beyond_region" in outcome.to_json()["warnings"]


@pytest.mark.parametrize("kind", [FNAF, ImageDomain])
@pytest.mark.parametrize("known", [True, False], ids=["full", "undersampled"])
def test_one_recovery_is_told_and_no_changed_truth_where_none_is_known(measurement, combined, kind, known):
    """By sensitivities that are estimated anew, with which the full scan shows another change."""
    slice_ = measurement if known else replace(measurement, full=None)
    roi = ROI.box(12, 14, 8, 8)
    if kind is FNAF:
        (found,) = run(FNAF().run(slice_, combined, roi, row=9.0, column=14.0, size=4.0))
    else:
        (found,) = run(ImageDomain().run(slice_, combined, roi, (0.05,), insert="symbol", size=8.0))
    (outcome,) = run(evaluate(slice_, combined, roi, [found]))
    comparison = outcome.comparison
    assert comparison.recovery == pytest.approx(found.details["recovery"], abs=1e-5)
    assert comparison.judges == known
    for measured in (comparison.metrics["perturbed"]["roi"].ssim, comparison.degradation["image"]["nmse"]):
        assert isfinite(measured) == known
    assert isfinite(comparison.metrics["random"]["roi"].ssim)
    assert ("changed truth" in comparison.sentence) == known
    assert ("is not judged: no fully sampled image is known." in comparison.sentence) != known
