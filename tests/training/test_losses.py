from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from skimage.metrics import structural_similarity
from torch.nn.functional import max_pool2d

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import fourier, learned_lines
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.classical import tv, tv_wavelet
from napari_recon_robust.reconstructors.learned import hyperrecon_supervised
from napari_recon_robust.reconstructors.learned.hqs_supervised import SupervisedHQSNetwork
from napari_recon_robust.reconstructors.learned.last_step import LEAST
from napari_recon_robust.reconstructors.problem import Problem, linear_start
from napari_recon_robust.training.bank import Bank
from napari_recon_robust.training.case import TrainingCase
from napari_recon_robust.training.example import Example, MaskSpecification, draw_example
from napari_recon_robust.training.losses import LOSSES, SELF_SUPERVISED, TERMS
from napari_recon_robust.training.loupe import LOUPENetwork

MASKS = MaskSpecification(patterns=("random",), acceleration=(2.0, 2.0))


@pytest.fixture
def example(bank) -> Example:
    return drawn(bank[0])


def drawn(case: TrainingCase) -> Example:
    return draw_example(case, MASKS, case.magnitude.numel(), np.random.default_rng(5))


class Answers(torch.nn.Module):
    """Images in turn, and what knobs each was asked at; terms and form as a hypernetwork has them."""

    def __init__(self, images, terms=("error",), form="convex"):
        super().__init__()
        self.images, self.asked = list(images), []
        self.terms, self.form, self.knobs = terms, form, hyperrecon_supervised.knobs_of(terms, form)

    def forward(self, problem, noise=1.0, **weights):
        self.asked.append((problem, weights))
        return self.images[(len(self.asked) - 1) % len(self.images)]


def test_every_term_has_a_knob():
    assert TERMS.keys() == hyperrecon_supervised.TERMS.keys()


@pytest.mark.parametrize("name", TERMS)
def test_terms_are_relative_to_tv(example, name):
    """One where TV is, or what `improvement` sums up to; less than that for the truth, whose data are noisy."""
    start = example.problem.tv(tv.rule(float(example.problem.noise)))
    at_start, at_truth = (float(TERMS[name](image, example)) for image in (start, example.truth))
    assert at_start == pytest.approx(1.3 if name == "improvement" else 1)
    if name != "consistency":
        assert at_truth < 0.4  # 0.01 is added to 1 - SSIM


def test_the_consistency_term_is_the_residual_of_the_samples(example):
    data, model = example.problem.data, example.problem.model
    zero = torch.zeros_like(example.truth)
    start = example.problem.tv(tv.rule(float(example.problem.noise)))
    sampled = model.mask.expand_as(data)
    residual = (model.forward(start) - data)[sampled].abs().square().sum()
    expected = float(data[sampled].abs().square().sum() / residual)
    assert float(TERMS["consistency"](zero, example)) == pytest.approx(expected, rel=1e-3)


def test_the_sharpness_term_asks_for_as_much_edge_as_there_is(example):
    """A blurred truth has too little of it, an exaggerated one too much; its place within a few pixels is free."""
    truth = example.truth
    parts = torch.view_as_real(truth).movedim(-1, 0)[None]
    soft = torch.nn.functional.avg_pool2d(parts, 5, 1, 2)[0].movedim(0, -1).contiguous()
    blurred = torch.view_as_complex(soft)
    term = TERMS["sharpness"]
    less, right, more = (float(term(image, example)) for image in (blurred, truth, truth + (truth - blurred)))
    assert right < 0.05 * min(less, more)
    moved, strange = float(term(truth.roll(1, 0), example)), float(term(truth.flip(0), example))
    assert moved < 0.5 * strange


def test_the_sharpness_term_is_that_of_scipys_filter(example):
    """Sums of | G |grad x| - G |grad t| |, G the mean of the neighbours within 2 pixels that lie in the image."""

    def strength(image):
        rows, columns = np.diff(image, axis=0)[:, :-1], np.diff(image, axis=1)[:-1]
        slope = np.sqrt(abs(rows) ** 2 + abs(columns) ** 2)
        there = uniform_filter(np.ones_like(slope), 5, mode="constant")
        return uniform_filter(slope, 5, mode="constant") / there

    truth = example.truth.numpy().astype(complex)
    start = example.problem.tv_by_rule(example.problem.noise).numpy().astype(complex)
    image = np.exp(1j * np.arange(truth.shape[1])) * np.roll(truth, 3, 0)  # edges of other sizes and directions
    of_image, of_start = (abs(strength(one) - strength(truth)).sum() for one in (image, start))
    found = TERMS["sharpness"](torch.from_numpy(image).to(torch.complex64), example)
    assert float(found) == pytest.approx(of_image / of_start, rel=0.01)


@pytest.mark.parametrize("form", ["ratio", "convex"])
def test_the_mixture_weighs_its_terms(example, form):
    image = example.problem.right_hand_side
    network = Answers([image], ("error", "consistency", "sharpness"), form)
    value = float(LOSSES["mixture"](network, example, np.random.default_rng(0)))
    ((_, knobs),) = network.asked
    assert list(knobs) == ["consistency", "sharpness"]
    weights = hyperrecon_supervised.coefficients(list(knobs.values()), form)
    parts = [float(TERMS[name](image, example)) for name in network.terms]
    assert value == pytest.approx(np.dot(weights, parts), rel=1e-4)


def test_knobs_are_drawn_uniformly_on_their_scales(example):
    network = Answers([example.truth], ("error", "consistency"), "ratio")
    rng = np.random.default_rng(0)
    for _ in range(200):
        LOSSES["mixture"](network, example, rng)
    places = np.array([network.knobs[1].to_unit(knobs["consistency"]) for _, knobs in network.asked])
    assert abs(places.mean() - 0.5) < 0.08
    assert abs(places.std() - 12**-0.5) < 0.04


def test_data_driven_sampling_takes_the_setting_that_fits_the_samples(example):
    good, bad = example.truth, torch.zeros_like(example.truth)
    for images in ([good, bad], [bad, good]):
        network = Answers(images, ("error", "l1"))
        value = float(LOSSES["mixture-data-driven"](network, example, np.random.default_rng(0)))
        assert len(network.asked) == 2
        assert value == pytest.approx(0, abs=1e-3)


def test_data_driven_energy_is_that_of_the_setting_that_fits_the_samples_best(example):
    truth, asked = example.truth, []

    def network(problem, weight, mix):
        asked.append((weight, mix))
        return truth * (1 + abs(np.log(weight / 2e-3)))

    value = LOSSES["energy-data-driven"](network, example, np.random.default_rng(0))
    settings, taken = asked[:4], asked[4]
    assert taken == min(settings, key=lambda setting: abs(np.log(setting[0] / 2e-3)))
    start = linear_start(example.problem)
    model, data = example.problem.model, example.problem.data
    expected, baseline = (tv_wavelet.objective(model, data, x, *taken) for x in (network(None, *taken), start))
    assert float(value) == pytest.approx(float(expected / baseline), rel=0.02)


def test_an_image_that_keeps_all_of_its_noise_has_the_noises_variance(example):
    """Both are known, v = s^2 / 2: log 1 + 0.1 (1 + log 1)."""
    found = LOSSES["denoising"](lambda x, s: (x, (s**2 / 2).expand(*x.shape, 2)), example, np.random.default_rng(0))
    assert float(found) == pytest.approx(0.1, abs=0.05)


def test_refinement_is_of_the_foreground_only(example):
    """SSIM's windows reach 3 pixels beyond it."""
    air = max_pool2d(example.inside[None].float(), 9, 1, 4)[0] == 0
    assert air.any()
    images = example.magnitude, example.magnitude + 0.5 * air
    one, other = (LOSSES["refinement"](Answers([image]), example, np.random.default_rng(0)) for image in images)
    torch.testing.assert_close(other, one)


def test_magnitudes_are_compared_in_the_foreground_and_complex_images_everywhere(example):
    """A change of the air changes the half of the loss that is the complex error."""
    air = max_pool2d(example.inside[None].float(), 9, 1, 4)[0] == 0
    images = 1.1 * example.truth, 1.1 * example.truth + 0.5 * air
    start = example.problem.tv_by_rule(example.problem.noise)
    one, other, of_tv = (float((image - example.truth).norm()) for image in (*images, start))
    for name, expected in (("log-error", np.log(other / one) / 2), ("improvement", (other - one) / of_tv / 2)):
        losses = [float(LOSSES[name](Answers([image]), example, np.random.default_rng(0))) for image in images]
        assert losses[1] - losses[0] == pytest.approx(expected, rel=1e-3)


def test_losses_of_magnitudes_have_the_ssim_of_scikit_image(example):
    """`magnitude` of the whole image, the others of the foreground; errors by their formulas."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(example.truth.shape, dtype=torch.complex64, generator=generator)
    image = 0.9 * example.truth + 0.03 * noise
    inside = example.inside.numpy()
    x, t, m = (one.double().numpy() for one in (image.abs(), example.truth.abs(), example.magnitude))
    z = example.problem.model.coil_images(example.problem.data).norm(dim=-3).double().numpy()

    def ssim(image, truth):
        whole, similarity = structural_similarity(truth, image, data_range=truth.max(), full=True)
        return whole, similarity[inside].mean()

    def error(image, truth):
        return np.linalg.norm((image - truth)[inside])

    complex_error = float((image - example.truth).norm() / example.truth.norm())
    magnitude_error = error(x, t) / np.linalg.norm(t[inside])
    expected = {
        "magnitude": abs(x - m).sum() / m.sum() + 0.3 * (1 - ssim(x, m)[0]),
        "refinement": error(x, m) / error(z, m) + 0.3 * (1.01 - ssim(x, m)[1]) / (1.01 - ssim(z, m)[1]),
        "log-error": np.log(complex_error * magnitude_error) / 2 + 0.3 * np.log(1.01 - ssim(x, t)[1]),
    }
    for name, value in expected.items():
        found = LOSSES[name](Answers([image]), example, np.random.default_rng(0))
        assert float(found) == pytest.approx(value, rel=1e-4), name


def unsampled_changed(case: TrainingCase, mask: torch.Tensor) -> TrainingCase:
    """Other values wherever no sample was taken, and another truth."""
    kspace = fourier.fft(case.coil_images, (-1,))
    noise = torch.randn(kspace.shape, dtype=kspace.dtype, generator=torch.Generator().manual_seed(0))
    changed = torch.where(mask, kspace, kspace.abs().max() * noise)
    return replace(
        case,
        coil_images=fourier.ifft(changed, (-1,)),
        truth=torch.full_like(case.truth, torch.nan),
        magnitude=torch.full_like(case.magnitude, torch.nan),
    )


@pytest.mark.parametrize("name", ["held-out-lines"])
def test_what_was_not_sampled_does_not_change_the_loss(bank, name):
    """Nor its gradient: no fully sampled image is seen."""
    case = bank[0]
    torch.manual_seed(0)
    network = SupervisedHQSNetwork(unrolls=1, widths=(8, 8))
    torch.nn.init.normal_(network.correction.last.weight, std=0.1)
    found = []
    for one in (case, unsampled_changed(case, drawn(case).problem.model.mask)):
        network.zero_grad()
        loss = LOSSES[name](network, drawn(one), np.random.default_rng(1))
        loss.backward()
        found.append((loss.detach(), network.correction.last.weight.grad.clone()))
    (loss, gradient), (again, other) = found
    torch.testing.assert_close(again, loss, rtol=1e-4, atol=0)
    torch.testing.assert_close(other, gradient, rtol=1e-2, atol=1e-3 * float(gradient.abs().max()))
    assert name in SELF_SUPERVISED


def test_held_out_lines_are_not_shown_to_the_network(example):
    network = Answers([example.truth])
    LOSSES["held-out-lines"](network, example, np.random.default_rng(2))
    ((shown, _),) = network.asked
    sampled, given = example.problem.model.mask, shown.model.mask
    held_out = sampled & ~given
    assert bool((given <= sampled).all())
    assert int(held_out.sum()) > 0
    assert not bool(shown.data[:, :, held_out[0]].any())
    columns = sampled.shape[1]
    assert not bool(held_out[0, columns // 2 - 3 : columns // 2 + 3].any())


def test_padding_is_shown_to_the_network_and_never_held_out(bank):
    case = bank[0]
    acquired = torch.ones(case.truth.shape[-1], dtype=torch.bool)
    acquired[:6] = acquired[-5:] = False
    images = fourier.ifft(acquired * fourier.fft(case.coil_images, (-1,)), (-1,))
    example = drawn(replace(case, coil_images=images, acquired=acquired))
    network = Answers([example.truth])
    for seed in range(5):
        LOSSES["held-out-lines"](network, example, np.random.default_rng(seed))
    for shown, _ in network.asked:
        assert bool(shown.model.mask[:, ~acquired].all())


def test_the_loss_is_the_error_of_the_held_out_lines_relative_to_tv(example):
    network = Answers([example.truth])
    value = float(LOSSES["held-out-lines"](network, example, np.random.default_rng(2)))
    ((shown, _),) = network.asked
    held_out = (example.problem.model.mask & ~shown.model.mask)[0]
    start = shown.tv(tv.rule(float(shown.noise)))
    errors = []
    for image in (example.truth, start):
        everything = fourier.fft(example.problem.model.sensitivities * image, (-1,))
        errors.append((everything - example.problem.data)[:, :, held_out].abs())
    ratios = [errors[0].sum() / errors[1].sum(), errors[0].norm() / errors[1].norm()]
    assert value == pytest.approx(float(sum(ratios)) / 2, rel=1e-4)
    assert value < 1


def test_without_lines_to_hold_out_it_is_said(example):
    problem = example.problem
    mask = torch.zeros_like(problem.model.mask)
    mask[:, mask.shape[1] // 2 - 4 : mask.shape[1] // 2 + 4] = True
    central = Problem(ForwardModel(problem.model.sensitivities, mask, (-1,)), problem.data * mask, problem.noise)
    with pytest.raises(InputError, match="0 lines lie outside the ACS"):
        LOSSES["held-out-lines"](Answers([example.truth]), replace(example, problem=central), np.random.default_rng(0))


def test_joint_is_the_error_and_the_consistency(example):
    """Of an image that is a tenth too bright, and of none, which misses all of both."""
    problem, image = example.problem, 1.1 * example.truth
    sampled = problem.model.mask * problem.data
    inconsistent = (problem.model.forward(image) - sampled).abs().sum() / sampled.abs().sum()
    for factor, expected in ((1.1, 0.1 + float(inconsistent)), (0.0, 2.0)):
        found = LOSSES["joint"](Answers([factor * example.truth]), example, np.random.default_rng(0))
        assert float(found) == pytest.approx(expected, rel=1e-4)


@pytest.fixture
def full(bank: Bank):
    return draw_example(bank[0], MaskSpecification(patterns=()), 24 * 48, np.random.default_rng(0))


def test_without_patterns_examples_are_fully_sampled(full):
    assert full.problem.model.mask.all()
    assert full.problem.model.mask.shape == (1, full.truth.shape[1])


@pytest.mark.slow
def test_learned_lines_move_to_the_centre(bank: Bank):
    """From equal probabilities, in a few steps of the packaged network at 4x."""
    torch.manual_seed(0)
    network = LOUPENetwork(1, 16, (3, 4), 17)
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    examples = [
        draw_example(bank[n], MaskSpecification(patterns=()), 24 * 48, np.random.default_rng(n))
        for n in range(len(bank))
    ]
    for step in range(40):
        optimizer.zero_grad()
        LOSSES["learned-lines"](network, examples[step % len(examples)], np.random.default_rng(step)).backward()
        optimizer.step()
    with torch.no_grad():
        logits = learned_lines.logits_at(network.logits, network.accelerations, 4, 64)
        probability = learned_lines.probabilities(logits, 4, 16)
    distance = (torch.arange(64) - 32).abs()
    near, far = probability[(distance > 3) & (distance <= 14)].mean(), probability[distance > 20].mean()
    assert float(near) > 1.2 * float(far)


def test_learned_lines_of_a_perfect_and_of_an_empty_image(full):
    """log ||x - t|| / ||t||: 0 for an empty image, log 2 for one of the other sign."""

    class Constant(torch.nn.Module):
        accelerations = (2, 8)

        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, problem, acceleration, centre_fraction, offset):
            assert 2 <= acceleration <= 8
            assert 0.04 <= centre_fraction <= min(0.1, 0.5 / acceleration)
            assert 0 <= offset < 1
            return self.factor * full.truth

    for factor, expected in ((0.0, 0.0), (-1.0, np.log(2)), (0.9, np.log(0.1))):
        rng = np.random.default_rng(1)
        values = [float(LOSSES["learned-lines"](Constant(factor), full, rng)) for _ in range(20)]
        assert values == pytest.approx([expected] * 20, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "share"),
    [("improvement-either-end", 0.5), ("log-error-either-end", 0.5), ("log-error-either-sensitivities", 0.75)],
)
def test_a_share_of_the_images_is_that_before_the_last_step(example, name, share):
    network, rng = Answers([1.1 * example.truth]), np.random.default_rng(0)
    values = {float(LOSSES[name](network, example, rng)) for _ in range(200)}
    asked = [knobs for _, knobs in network.asked if "learned" not in knobs]
    without = [knobs for knobs in asked if knobs == {"consistency": LEAST}]
    assert all(knobs in ({}, {"consistency": LEAST}) for knobs in asked)
    assert len(without) / len(asked) == pytest.approx(share, abs=0.1)
    assert len(values) <= 2  # the loss itself is the usual one
