from dataclasses import fields

import numpy as np
import pytest
import torch
from skimage.metrics import normalized_root_mse, peak_signal_noise_ratio, structural_similarity

from napari_recon_robust.evaluation import metrics
from napari_recon_robust.evaluation.measures import MEASURES
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.studies.plan import IMAGE_METRICS


@pytest.fixture(params=[1.0, 1e-6], ids=["unit", "tiny"])
def pair(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    """A reference and a disturbed image, float32, on two scales."""
    random = np.random.default_rng(3)
    reference = random.random((31, 40)) + np.outer(np.hanning(31), np.hanning(40))
    image = np.abs(reference + 0.1 * random.standard_normal((31, 40)))
    return tuple(torch.tensor(request.param * x, dtype=torch.float32) for x in (image, reference))


def test_every_metric_is_computed_shown_and_offered_to_studies():
    assert tuple(one.name for one in fields(metrics.Metrics)) == tuple(MEASURES) == IMAGE_METRICS


def test_ssim_map_is_that_of_scikit_image(pair):
    image, reference = pair
    span = float(reference.max())
    _, expected = structural_similarity(reference.double().numpy(), image.double().numpy(), data_range=span, full=True)
    np.testing.assert_allclose(metrics.ssim_map(image, reference, span).numpy(), expected, atol=1e-9)


def test_whole_image_values_are_those_of_scikit_image(pair):
    image, reference = pair
    span = metrics.data_range_of(reference)
    r, x = reference.numpy(), image.numpy()
    measured = metrics.measure(image, reference)["image"]
    assert measured.ssim == pytest.approx(structural_similarity(r, x, data_range=span), abs=1e-5)
    assert measured.psnr == pytest.approx(peak_signal_noise_ratio(r, x, data_range=span), abs=1e-5)
    assert measured.nmse == pytest.approx(normalized_root_mse(r, x) ** 2, rel=1e-5)


def test_a_range_and_a_foreground_that_are_given_count(pair):
    image, reference = pair
    span = 3 * metrics.data_range_of(reference)
    tissue = torch.zeros(reference.shape, dtype=torch.bool)
    tissue[3:9, 30:] = True
    measured = metrics.measure(image, reference, tissue=tissue, data_range=span)
    r, x = reference.double().numpy(), image.double().numpy()
    whole, similarity = structural_similarity(r, x, data_range=span, full=True)
    assert measured["image"].ssim == pytest.approx(whole)
    assert measured["image"].psnr == pytest.approx(peak_signal_noise_ratio(r, x, data_range=span))
    inside = tissue.numpy()
    assert measured["foreground"].ssim == pytest.approx(similarity[inside].mean())
    assert measured["foreground"].psnr == pytest.approx(peak_signal_noise_ratio(r[inside], x[inside], data_range=span))
    assert measured["foreground"].nmse == pytest.approx(normalized_root_mse(r[inside], x[inside]) ** 2)


@pytest.mark.parametrize("where", [(0, 0), (15, 20), (30, 39)])
def test_a_region_of_one_pixel_reads_the_map_there(pair, where):
    image, reference = pair
    mask = torch.zeros(reference.shape, dtype=torch.bool)
    mask[where] = True
    span = metrics.data_range_of(reference)
    roi = metrics.measure(image, reference, roi=mask)["roi"]
    x, r = image[where].double(), reference[where].double()
    assert roi.ssim == pytest.approx(float(metrics.ssim_map(image, reference, span)[where]))
    assert roi.nmse == pytest.approx(float((x - r) ** 2 / r**2))
    assert roi.psnr == pytest.approx(float(10 * torch.log10(span**2 / (x - r) ** 2)))


def test_ssim_is_differentiable_on_an_irregular_region():
    generator = torch.Generator().manual_seed(0)
    image, reference = torch.rand(2, 9, 8, dtype=torch.float64, generator=generator)
    mask = torch.rand(9, 8, generator=generator) > 0.7
    assert torch.autograd.gradcheck(lambda x: metrics.ssim(x, reference, 1.0, mask), image.requires_grad_())


def test_images_of_a_batch_have_a_range_and_a_mask_each():
    generator = torch.Generator().manual_seed(1)
    images, references = torch.rand(2, 3, 12, 15, dtype=torch.float64, generator=generator)
    masks = torch.rand(3, 12, 15, generator=generator) > torch.tensor([0.2, 0.5, 0.9])[:, None, None]
    spans = torch.tensor([0.5, 1.0, 2.0])
    together = metrics.ssim(images, references, spans[:, None, None], masks)
    for found, x, r, span, mask in zip(together, images, references, spans, masks, strict=True):
        _, expected = structural_similarity(r.numpy(), x.numpy(), data_range=float(span), full=True)
        assert float(found) == pytest.approx(expected[mask.numpy()].mean())


def test_complex_images_are_measured_by_their_magnitude(pair):
    image, reference = pair
    turned = image * torch.exp(1j * torch.linspace(0, 6, 40))
    measured, expected = metrics.measure(turned, reference)["image"], metrics.measure(image, reference)["image"]
    assert measured.ssim == pytest.approx(expected.ssim, abs=1e-6)
    assert measured.nmse == pytest.approx(expected.nmse, rel=1e-4)


def test_identical_images_have_no_finite_psnr_and_json_says_null(pair):
    _, reference = pair
    perfect = metrics.measure(reference, reference)
    assert perfect["image"].ssim == pytest.approx(1)
    stored = metrics.to_json(perfect)["image"]
    assert (stored["ssim"], stored["psnr"], stored["nmse"]) == (pytest.approx(1), None, 0.0)


def test_a_region_without_signal():
    """There NMSE is 0 or infinite, and json says null for the latter; nothing is NaN."""
    reference, region = torch.ones(9, 9), torch.zeros(9, 9, dtype=torch.bool)
    reference[2:5, 2:5], region[2:5, 2:5] = 0, True
    same = metrics.measure(reference, reference, roi=region)["roi"]
    other = metrics.measure(torch.ones(9, 9), reference, roi=region)["roi"]
    assert (same.nmse, same.psnr) == (0, float("inf"))
    assert (other.nmse, other.psnr) == (float("inf"), pytest.approx(0))
    assert metrics.to_json({"roi": other})["roi"]["nmse"] is None


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_constant_images_of_any_size(size):
    measured = metrics.measure(torch.full((9, 9), 0.5 * size), torch.full((9, 9), size))["image"]
    assert measured.nmse == pytest.approx(0.25)
    assert measured.psnr == pytest.approx(6.0206, abs=1e-3)
    assert measured.ssim == pytest.approx((2 * 0.5 + 1e-4) / (1.25 + 1e-4), rel=1e-4)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: metrics.ssim_map(torch.ones(5, 9), torch.ones(5, 9), 1.0), "5×9 pixels; SSIM needs at least 7×7"),
        (lambda: metrics.nmse(torch.ones(8, 9), torch.ones(9, 9)), "must agree"),
        (lambda: metrics.measure(torch.ones(9, 9), torch.zeros(9, 9)), "zero everywhere"),
        (lambda: metrics.measure(torch.ones(9, 9), torch.full((9, 9), torch.nan)), "the reference image holds NaN"),
        (lambda: metrics.measure(torch.full((9, 9), torch.nan), torch.ones(9, 9)), "the image holds NaN"),
        (lambda: metrics.psnr(torch.ones(9, 9), torch.ones(9, 9), 1.0, torch.zeros(9, 9).bool()), "no pixels"),
        (lambda: metrics.psnr(torch.ones(9, 9), torch.ones(9, 9), 1.0, torch.ones(8, 9).bool()), "must agree"),
    ],
)
def test_what_does_not_fit_is_said(call, words):
    with pytest.raises(InputError, match=words):
        call()
