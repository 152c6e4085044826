import numpy as np
import pytest
import torch

from napari_recon_robust.data.roi import ROI
from napari_recon_robust.evaluation.contrast import surroundings
from napari_recon_robust.evaluation.metrics import measure
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.perturbations.noise.losses import CONTRASTS, LOSSES
from napari_recon_robust.perturbations.noise.worst_case import WorstCase
from napari_recon_robust.perturbations.outcome import evaluate

KEPT = {"sensitivities": "kept"}


def image_with(contrast):
    """Tissue of 1 with a block that differs from it by `contrast`, and the block's mask."""
    image = torch.ones(32, 32, dtype=torch.float64)
    region = torch.zeros(32, 32, dtype=torch.bool)
    region[12:18, 10:17] = True
    image[region] += contrast
    return image, region


@pytest.mark.parametrize("before", [0.4, -0.3])
def test_contrast_is_lost_when_it_is_gone_and_more_when_inverted(before):
    wanted, region = image_with(before)
    for share in (1.0, 0.5, 0.0, -1.0, 1.5):
        image, _ = image_with(share * before)
        assert float(LOSSES["contrast"](7 * image, 7 * wanted, region)) == pytest.approx(1 - share)
        assert float(LOSSES["contrast-up"](image, wanted, region)) == pytest.approx(share - 1)


def test_what_has_no_contrast_is_refused():
    wanted, region = image_with(0.0)
    with pytest.raises(InputError, match="no contrast"):
        LOSSES["contrast"](wanted, wanted, region)
    with pytest.raises(InputError, match="leaves nothing around it"):
        LOSSES["contrast"](wanted, wanted, torch.ones_like(region))


def test_losses_are_their_formulas_and_know_no_units():
    wanted, region = image_with(0.5)
    image, _ = image_with(0.2)
    for scale in (1.0, 1e-6):
        values = {name: float(loss(scale * image, scale * wanted, region)) for name, loss in LOSSES.items()}
        assert values["squared-error"] == pytest.approx((0.3 / 1.5) ** 2)
        assert values["l1"] == pytest.approx(0.3 / 1.5)
    for name, loss in LOSSES.items():
        assert float(loss(wanted, wanted, region)) == pytest.approx(0, abs=1e-12), name


def test_ssim_of_a_whole_image_is_the_one_that_is_told():
    """Less the border, where the reflected windows make another SSIM."""
    wanted = torch.rand(24, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image = wanted.clone()
    image[0] += 1
    told = measure(image, wanted, roi=torch.ones_like(wanted, dtype=torch.bool))["image"].ssim
    assert float(LOSSES["ssim"](image, wanted, torch.ones_like(wanted, dtype=torch.bool))) == pytest.approx(1 - told)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_raises_itself_most(measurement, combined, loss):
    """The perturbation of a loss is worse in that loss than those of the others.

    But for 6%: 8 gradients of l1, which know signs alone, end at another maximum than those of the squared error.
    """
    roi = ROI.box(13, 14, 6, 8)
    wanted, region = measurement.reference("combined").double(), roi.mask(measurement.matrix)

    def reached(attacked):
        (found,) = run(WorstCase().run(measurement, combined, roi, (0.02,), loss=attacked, steps=8, **KEPT))
        assert found.details["objective"] == attacked
        assert f" on {LOSSES[attacked].words} in the region" in found.statement
        return float(LOSSES[loss](combined(found.measurement).abs().double(), wanted, region))

    most = reached(loss)
    clean = float(LOSSES[loss](combined(measurement).abs().double(), wanted, region))
    assert all(most - clean >= 0.94 * (reached(other) - clean) for other in LOSSES if other != loss)


def test_a_function_of_ones_own_takes_the_place_of_the_loss(measurement, combined, roi):
    seen = []

    def twice(image, wanted, region):
        seen.append((image.dtype, tuple(image.shape), wanted.dtype, region.dtype, int(region.sum())))
        return 2 * ((image - wanted) / wanted.max())[region].square().mean()

    (ours,) = run(WorstCase(loss=twice).run(measurement, combined, roi, (0.01,), **KEPT))
    (plain,) = run(WorstCase().run(measurement, combined, roi, (0.01,), **KEPT))
    assert ours.loss == pytest.approx([2 * one for one in plain.loss], rel=1e-4)
    torch.testing.assert_close(ours.perturbation, plain.perturbation, rtol=1e-3, atol=1e-4)
    assert set(seen) == {(torch.float64, (32, 36), torch.float64, torch.bool, 90)}
    assert ours.details["objective"] == "twice"
    (outcome,) = run(evaluate(measurement, combined, roi, [ours]))
    assert outcome.to_json()["objective"] == "twice"


def test_an_own_loss_may_be_of_the_own_clean_image_and_not_zero_there(measurement, combined, roi):
    def brightness(image, wanted, region):
        return image[region].mean() / wanted[region].mean()

    (found,) = run(WorstCase(loss=brightness).run(measurement, combined, roi, (0.02,), target="clean", **KEPT))
    assert found.loss[0] == pytest.approx(1)
    assert max(found.loss) > 1.01


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda image, wanted, region: 1 / 0, "failed .ZeroDivisionError"),
        (lambda image, wanted, region: image[region], "returned 90 numbers"),
        (lambda image, wanted, region: "much", "failed"),
        (lambda image, wanted, region: image.sum() * float("nan"), "returned nan"),
        (lambda image, wanted, region: 1.0, "has no gradient"),
        (lambda image, wanted, region: np.mean(image.numpy()), "failed .RuntimeError"),
        (lambda image: image.sum(), "failed .TypeError"),
    ],
)
def test_a_function_that_does_not_fit_is_said_in_one_sentence(measurement, combined, roi, function, words):
    with pytest.raises(InputError, match=words) as said:
        run(WorstCase(loss=function).run(measurement, combined, roi, (0.01,), **KEPT))
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("loss", CONTRASTS)
@pytest.mark.parametrize("algorithm", ["sphere-ascent", "advrec"])
def test_a_search_for_contrast_says_what_became_of_it(measurement, combined, loss, algorithm):
    roi = ROI.box(13, 14, 6, 8)
    wanted, region = measurement.reference("combined").double(), roi.mask(measurement.matrix)
    (found,) = run(WorstCase().run(measurement, combined, roi, (0.02,), loss=loss, algorithm=algorithm, **KEPT))

    def contrast(image):
        return float(image[region].mean() - image[surroundings(region)].mean())

    left = {
        name: contrast(combined(one).abs().double()) / contrast(wanted)
        for name, one in (("clean", measurement), ("perturbed", found.measurement))
    }
    assert found.details["contrast"] == pytest.approx(left, rel=1e-3)
    assert (left["perturbed"] < left["clean"]) == (loss == "contrast")
    before, after = (f"{100 * value:.0f}%".replace("-", "−") for value in found.details["contrast"].values())
    assert f"contrast with its surroundings went from {before} to {after} of the reference's." in found.statement
    assert ("it is inverted" in found.statement) == (min(left.values()) < 0)
