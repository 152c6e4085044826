import pytest
import torch

from napari_recon_robust.errors import InputError
from napari_recon_robust.evaluation.roi import ROI
from napari_recon_robust.measurement import Calibration, Measurement
from napari_recon_robust.perturbations.feature import Feature
from napari_recon_robust.perturbations.fnaf import FNAF
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.progress import run

WHOLE = ROI.box(0, 0, 32, 36)
PLACE = {"row": 15.0, "column": 17.5, "size": 4.0, "sensitivities": "kept"}


@pytest.mark.parametrize("shape", ["blob", "line", "ring"])
def test_the_profile_is_centred_and_differentiable_in_place_and_size(shape):
    values = torch.tensor([12.3, 9.6, 7.0, 0.4], dtype=torch.float64, requires_grad=True)
    profile = Feature(shape, values, 0.7).profile((24, 20))
    weights = profile.detach() / profile.detach().sum()
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(20.0), indexing="ij")
    assert float((weights * rows).sum()) == pytest.approx(12.3, abs=0.1)
    assert float((weights * columns).sum()) == pytest.approx(9.6, abs=0.1)
    assert 0.8 < float(profile.detach().max()) <= 1
    assert torch.autograd.gradcheck(lambda v: Feature(shape, v, 0.7).profile((12, 10)), values, atol=1e-4)


def test_the_full_width_at_half_maximum_of_a_blob_is_its_size():
    profile = Feature.of("blob", 10, 10, 6, 1.0).profile((21, 21))
    assert float(profile[10, 10]) == pytest.approx(1)
    assert float(profile[10, 13]) == pytest.approx(0.5, abs=1e-6)


def test_intensity_stays_positive_and_the_phase_is_the_local_one():
    image = 2 * torch.exp(1j * torch.linspace(0, 1, 30))[None].expand(32, 30)
    dark = image + Feature.of("blob", 15, 15, 6, -3.0).change(image)
    assert float(dark.abs().min()) == pytest.approx(0.2, rel=0.05)
    bright = Feature.of("blob", 15, 15, 6, 0.5).change(image)
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


def test_what_drowns_in_the_thermal_noise_is_not_preserved(measurement, combined):
    loud = Calibration(measurement.kept.sensitivities, 100 * measurement.kept.noise)
    noisy = Measurement(measurement.kspace, measurement.mask, measurement.matrix, measurement.full, loud)
    (quiet,), (drowned,) = (run(FNAF().run(one, combined, WHOLE, **PLACE)) for one in (measurement, noisy))
    assert quiet.details["detectability"] == pytest.approx(100 * drowned.details["detectability"], rel=1e-3)
    assert not drowned.details["information_preserved"]


def test_the_search_loses_more_than_its_own_screening_and_stays_inside(measurement, combined):
    roi = ROI.box(6, 8, 20, 20)
    (found,) = run(FNAF().run(measurement, combined, roi, search=60, size=3.0, sensitivities="kept"))
    screened = sorted(recovery for *_, recovery in found.details["candidates"])
    assert found.details["recovery"] < screened[len(screened) // 10]
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


def test_the_search_takes_what_it_may_and_previews_the_worst(measurement, combined):
    class Counting(type(combined)):
        calls = 0

        def reconstruct(self, measurement, **knobs):
            type(self).calls += 1
            return super().reconstruct(measurement)

    job = FNAF().run(measurement, Counting(), WHOLE, search=40, size=3.0, sensitivities="kept")
    previews = [progress.preview for progress in job]
    assert 20 <= Counting.calls <= 40
    recoveries = [preview[0].details["recovery"] for preview in previews if preview]
    assert recoveries == sorted(recoveries, reverse=True)
    assert not [preview for preview in previews if preview][-1][0].complete


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
        ({"size": 60.0}, "no tissue around a feature"),
    ],
)
def test_what_does_not_fit_is_said(measurement, combined, knobs, words):
    with pytest.raises(InputError, match=words):
        run(FNAF().run(measurement, combined, WHOLE, **knobs))
