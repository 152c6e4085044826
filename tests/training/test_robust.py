from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_recon_robust.perturbations.features.feature import SHAPES, Feature, Tissue
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import ForwardModel
from napari_recon_robust.reconstructors.learned.unet import TrainableUNet
from napari_recon_robust.reconstructors.learned.varnet import TrainableVarNet
from napari_recon_robust.reconstructors.problem import Problem
from napari_recon_robust.training import robust
from napari_recon_robust.training.example import Example, MaskSpecification, draw_example
from napari_recon_robust.training.losses import LOSSES

MASKS = MaskSpecification(patterns=("random",), acceleration=(3.0, 3.0))
ROBUST = [name for name in LOSSES if name.startswith(("adversarial-noise-", "jitter-", "fnaf-"))]


@pytest.fixture(scope="module")
def examples(bank) -> list[Example]:
    cases = (bank[n] for n in range(len(bank)))
    return [draw_example(case, MASKS, case.magnitude.numel(), np.random.default_rng(5)) for case in cases]


@pytest.fixture
def example(examples) -> Example:
    return examples[0]


def network_of(name: str) -> torch.nn.Module:
    """Small, and off the identity that it starts at."""
    torch.manual_seed(0)
    network = TrainableVarNet(1, 4, 2, (4, 2)) if name.endswith("sensitivities") else TrainableUNet(4, 2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.03 * torch.randn_like(parameter)
    return network


class Watched(torch.nn.Module):
    """Keeps the problems that a network sees."""

    def __init__(self, network):
        super().__init__()
        self.network, self.problems = network, []

    def forward(self, problem, **more):
        self.problems.append(problem)
        return self.network(problem, **more)


def added(watched: Watched, example: Example) -> torch.Tensor:
    """What was added to the data that were seen last."""
    return (watched.problems[-1].data - example.problem.data).detach()


def absolute(network, example, rng):
    """A loss that is relative to nothing that depends on the data."""
    return (network(example.problem).abs() - example.magnitude).norm()


@pytest.mark.parametrize("name", ROBUST)
def test_what_is_drawn_comes_from_the_generator(example, name):
    """The same value twice, others for other draws, whatever torch's own state; in the validation too."""
    network = network_of(name)
    loss = LOSSES[name]
    values = []
    for seed in (0, 0, 1, 2, 3):
        torch.rand(3)
        values.append(float(loss(network, example, np.random.default_rng(seed)).detach()))
    assert values[0] == values[1]
    assert len(set(values)) >= 3
    with torch.no_grad():
        validated = loss(network, example, np.random.default_rng(0))
    assert not validated.requires_grad
    assert float(validated) == pytest.approx(values[0], rel=1e-5)


@pytest.mark.parametrize("name", ROBUST)
def test_the_example_stays_as_it_is(example, name):
    kept = [x.clone() for x in (example.problem.data, example.truth, example.magnitude)]
    for seed in range(3):
        LOSSES[name](network_of(name), example, np.random.default_rng(seed))
    assert all(
        torch.equal(*pair) for pair in zip(kept, (example.problem.data, example.truth, example.magnitude), strict=True)
    )
    assert not example.problem.data.requires_grad


@pytest.mark.parametrize("normal", ["refinement", "either-sensitivities"])
@pytest.mark.parametrize("kind", [robust.adversarial_noise, robust.jitter])
def test_weights_learn_from_the_perturbed_data_as_from_any(example, kind, normal):
    """The gradient is that at the same data given as they are: none is left over from the search for the noise."""
    watched = Watched(network_of(normal))
    kind(LOSSES[normal], watched, example, np.random.default_rng(4)).backward()
    found = {
        name: parameter.grad.clone()
        for name, parameter in watched.network.named_parameters()
        if parameter.grad is not None
    }
    watched.network.zero_grad()
    problem = replace(example.problem, data=watched.problems[-1].data.detach())

    def given(_, **more):
        return watched.network(problem, **more)

    LOSSES[normal](given, example, np.random.default_rng(0)).backward()
    assert any(bool(gradient.any()) for gradient in found.values())
    for name, parameter in watched.network.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("normal", ["refinement", "either-sensitivities"])
def test_adversarial_noise_keeps_its_budget(example, normal):
    """All of it in every coil, on the sampled lines alone."""
    watched, sampled = Watched(network_of(normal)), example.problem.model.mask
    spent = []
    for seed in range(12):
        robust.adversarial_noise(LOSSES[normal], watched, example, np.random.default_rng(seed))
        z = added(watched, example)
        assert not bool((z * ~sampled).any())
        fractions = z.flatten(-2).norm(dim=-1) / example.problem.data.flatten(-2).norm(dim=-1)
        assert float(fractions.max() / fractions.min()) == pytest.approx(1, rel=1e-3)
        spent.append(float(fractions.mean()))
    low, high = robust.BUDGETS
    assert 0.999 * low < min(spent) < 2 * low
    assert 0.5 * high < max(spent) < 1.001 * high


@pytest.mark.parametrize("name", ["refinement", "either-sensitivities"])
def test_adversarial_noise_raises_the_loss_more_than_chance(examples, name):
    watched = Watched(network_of(name))
    for seed, example in enumerate(examples):
        attacked = float(robust.adversarial_noise(absolute, watched, example, np.random.default_rng(seed)).detach())
        z = added(watched, example)
        noise = torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(seed)) * (z != 0)
        noise *= (z.flatten(-2).norm(dim=-1) / noise.flatten(-2).norm(dim=-1))[:, None, None]
        with torch.no_grad():
            clean, random = (
                float(absolute(watched, replace(example, problem=replace(example.problem, data=data)), None))
                for data in (example.problem.data, example.problem.data + noise)
            )
        assert attacked > clean
        assert attacked - clean > 2 * (random - clean)


def test_adversarial_noise_follows_the_steepest_ascent(example):
    """For <a, f(y)> of the linear zero-filled image f the maximum on the balls is known: along A a in each coil."""
    wanted = torch.randn(example.truth.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))

    def linear(network, example, rng):
        return (wanted.conj() * network(example.problem)).sum().real

    class ZeroFilled(torch.nn.Module):
        def forward(self, problem):
            return problem.right_hand_side

    watched = Watched(ZeroFilled())
    found = robust.adversarial_noise(linear, watched, example, np.random.default_rng(0))
    z, direction = added(watched, example), example.problem.model.forward(wanted)
    for one, other in zip(z, direction, strict=True):
        cosine = (one.conj() * other).sum().real / (one.norm() * other.norm())
        assert float(cosine) == pytest.approx(1, abs=1e-4)
    radius, gain = z.flatten(-2).norm(dim=-1), direction.flatten(-2).norm(dim=-1)
    clean = linear(ZeroFilled(), example, None)
    assert float(found - clean) == pytest.approx(float((radius * gain).sum()), rel=1e-3)


def test_jitter_is_white_noise_of_any_size(example):
    """On the sampled lines; of each coil the same; real and imaginary part alike."""
    watched, sampled = Watched(network_of("refinement")), example.problem.model.mask
    sizes = []
    for seed in range(24):
        robust.jitter(LOSSES["refinement"], watched, example, np.random.default_rng(seed))
        z = added(watched, example)
        assert not bool((z * ~sampled).any())
        z = z[:, :, sampled[0]]
        size = float(z.abs().square().mean().sqrt())
        torch.testing.assert_close(z.abs().square().mean((-2, -1)).sqrt() / size, torch.ones(len(z)), rtol=0, atol=0.15)
        assert float(z.real.std() / z.imag.std()) == pytest.approx(1, abs=0.1)
        assert abs(complex((z[:, :, 1:] * z[:, :, :-1].conj()).mean())) < 0.1 * size**2
        sizes.append(size)
    low, high = robust.JITTER
    assert 0.9 * low < min(sizes) < 2 * low
    assert 0.5 * high < max(sizes) < 1.1 * high


@pytest.mark.parametrize("name", ["jitter-refinement", "adversarial-noise-refinement"])
def test_padding_has_no_noise(bank, name):
    """It is known to be zero: what is told to a network as a sample is noisy only if it was measured."""
    case = bank[0]
    acquired = torch.ones(case.truth.shape[-1], dtype=torch.bool)
    acquired[:6] = acquired[-5:] = False
    images = fourier.ifft(acquired * fourier.fft(case.coil_images, (-1,)), (-1,))
    padded = replace(case, coil_images=images, acquired=acquired)
    example = draw_example(padded, MASKS, case.magnitude.numel(), np.random.default_rng(5))
    watched = Watched(network_of(name))
    LOSSES[name](watched, example, np.random.default_rng(0))
    z = added(watched, example)
    assert bool(z.any())
    assert not bool(z[..., ~acquired].any())


def test_a_feature_is_in_the_truth_as_it_is_in_the_coil_images(example):
    """Against the coil images themselves, which the sensitivities need not explain."""
    generator = torch.Generator().manual_seed(0)
    model = example.problem.model
    maps = model.sensitivities * 0.9
    coil_images = maps * example.truth + 0.1 * torch.randn(maps.shape, dtype=maps.dtype, generator=generator)
    model = ForwardModel(maps, model.mask, model.dims)

    def of(coil_images):
        data = model.mask * fourier.fft(coil_images, model.dims)
        return Example(
            Problem(model, data, example.problem.noise), (maps.conj() * coil_images).sum(-3), coil_images.norm(dim=-3)
        )

    before = of(coil_images)
    features = [Feature.of("blob", 12.0, 12.0, 5.0, 0.6), Feature.of("ring", 20.3, 24.6, 6.0, -0.5)]
    delta = sum(feature.change(Tissue(before.truth)) for feature in features)
    assert float(delta.abs().max()) > 0.05
    inserted, expected = robust.insert(before, features), of(coil_images + maps * delta)
    torch.testing.assert_close(inserted.problem.data, expected.problem.data, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inserted.truth, expected.truth, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inserted.magnitude, expected.magnitude, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("points", [False, True])
def test_a_feature_is_in_a_padded_example_as_a_full_scan_shows_it(example, points):
    """Against coil images of the object with the feature, of which the lines of the padding are left out."""
    maps, object_ = example.problem.model.sensitivities, example.truth
    acquired = (torch.arange(maps.shape[-1]) > 12)[None]
    sampled = torch.rand(maps.shape[-2:] if points else (1, maps.shape[-1]), generator=torch.Generator().manual_seed(0))
    sampled, dims = (sampled < 0.6) & acquired, (-2, -1) if points else (-1,)
    model = ForwardModel(maps, sampled | ~acquired, dims)

    def scanned(image):
        kspace = acquired * fourier.fft(maps * image, dims)
        coil_images = fourier.ifft(kspace, dims)
        return Example(
            Problem(model, sampled * kspace, example.problem.noise),
            (maps.conj() * coil_images).sum(-3),
            coil_images.norm(dim=-3),
        )

    before = scanned(object_)
    features = [Feature.of("blob", 14.0, 12.0, 4.0, 0.6), Feature.of("ring", 20.3, 24.6, 6.0, -0.5)]
    expected = scanned(object_ + sum(feature.change(Tissue(before.truth)) for feature in features))
    inserted = robust.insert(before, features)
    assert not bool((inserted.problem.data * ~acquired).any())
    torch.testing.assert_close(inserted.problem.data, expected.problem.data, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(inserted.truth, expected.truth, rtol=1e-4, atol=1e-5)
    change = expected.magnitude - before.magnitude
    assert float((inserted.magnitude - expected.magnitude).norm()) < 0.01 * float(change.norm())


def test_features_lie_apart_and_within_the_tissue(examples):
    for seed, example in enumerate(examples):
        features = robust.draw_features(example, np.random.default_rng(seed))
        assert 0 < len(features) <= robust.TOGETHER
        for index, one in enumerate(features):
            row, column, size, contrast, _ = one.values.tolist()
            if one.shape != "walk":  # which has a size and contrasts of its own
                assert robust.SIZES[0] <= size <= robust.SIZES[1]
                assert robust.CONTRASTS[0] <= abs(contrast) <= robust.CONTRASTS[1]
            assert float(example.magnitude[int(row), int(column)]) > 0.02
            for other in features[:index]:
                assert np.hypot(*(one.values - other.values)[:2].tolist()) >= robust.APART * robust.SIZES[1]


def test_features_are_of_all_shapes_brighter_and_darker_and_in_all_directions(example):
    drawn = [feature for seed in range(30) for feature in robust.draw_features(example, np.random.default_rng(seed))]
    assert {one.shape for one in drawn} == set(SHAPES)
    _, _, sizes, contrasts, angles = zip(*(one.values.tolist() for one in drawn if one.shape != "walk"), strict=True)
    for share in ((np.array(contrasts) > 0).mean(), (np.array(angles) < np.pi / 2).mean()):
        assert 0.3 < share < 0.7
    assert max(angles) < np.pi
    assert 0.3 < (np.array(sizes) < 30**0.5).mean() < 0.7, "log-uniform: half are below the geometric mean of the ends"


def test_without_room_for_a_feature_a_step_is_a_normal_one(example, monkeypatch):
    monkeypatch.setattr(robust, "SIZES", (3.0, 100.0))
    assert robust.draw_features(example, np.random.default_rng(0)) == []
    network = network_of("refinement")
    normal = LOSSES["refinement"](network, example, np.random.default_rng(0))
    for seed in range(4):
        assert torch.equal(LOSSES["fnaf-refinement"](network, example, np.random.default_rng(seed)), normal)


class Forgetful(torch.nn.Module):
    """The truth with the features, but without those around one place."""

    def __init__(self, example, places, missing):
        super().__init__()
        self.places, self.missing = places, missing
        self.example, self.problems = example, []

    def forward(self, problem):
        self.problems.append(problem)
        inserted = robust.insert(self.example, self.places)
        image = inserted.magnitude.clone()
        for feature in self.missing:
            image[feature.region(tuple(image.shape))] = 0
        return image


@pytest.mark.slow
def test_the_worst_draws_are_learned_from(examples, monkeypatch):
    """A network that paints out one of the features is shown this one again, alone with as many as a quarter."""
    monkeypatch.setattr(robust, "SIZES", (3.0, 4.0))
    for seed, example in enumerate(examples):
        features = robust.draw_features(example, np.random.default_rng(seed))
        assert len(features) >= 3
        monkeypatch.setattr(robust, "draw_features", lambda example, rng, drawn=features: drawn)
        monkeypatch.setattr(robust, "FEATURE_STEPS", 1.0)
        for one in features:
            network = Forgetful(example, features, [one])
            robust.small_features(absolute, network, example, np.random.default_rng(0))
            tried, learned = (problem.data - example.problem.data for problem in network.problems)
            changes = [example.problem.model.forward(feature.change(Tissue(example.truth))) for feature in features]
            torch.testing.assert_close(tried, sum(changes), rtol=1e-3, atol=1e-5)
            count = -(-len(features) // robust.DRAWS)
            # The change that was learned from is a sum of `count` of them, and the painted out one is there.
            parts = torch.stack([change.flatten() for change in changes], 1)
            weights = torch.linalg.lstsq(parts, learned.flatten()[:, None]).solution[:, 0]
            chosen = weights.real.round()
            torch.testing.assert_close(weights.real, chosen, rtol=0, atol=0.02)
            assert int(chosen.sum()) == count
            assert int(chosen[features.index(one)]) == 1
        monkeypatch.undo()
        monkeypatch.setattr(robust, "SIZES", (3.0, 4.0))


def test_features_that_are_missed_weigh_four_times_their_mean_error(example, monkeypatch):
    """The two worst of five, which are shown again alone."""
    places = ((10.0, 14.0), (12.0, 22.0), (18.0, 16.0), (22.0, 20.0), (24.0, 14.0))
    features = [Feature.of("blob", *place, 3.0, 0.6) for place in places]
    monkeypatch.setattr(robust, "draw_features", lambda example, rng: features)
    monkeypatch.setattr(robust, "FEATURE_STEPS", 1.0)
    network = network_of("refinement")
    found = robust.small_features(
        lambda network, example, rng: torch.tensor(0.5), network, example, np.random.default_rng(0)
    )
    crowded = robust.insert(example, features)
    errors = robust.feature_errors(network(crowded.problem), crowded, features)
    worst = [features[index] for index in errors.argsort(descending=True)[:2]]
    alone = robust.insert(example, worst)
    mean = robust.feature_errors(network(alone.problem), alone, worst).sum() / 2
    torch.testing.assert_close(found, 0.5 + 4 * mean)


def test_the_errors_of_features_are_relative_to_zero_filling(example):
    """One for the zero-filled image, none for the truth; of each feature's own region."""
    features = [Feature.of("blob", 12.0, 14.0, 5.0, 0.6), Feature.of("blob", 24.0, 20.0, 5.0, 0.6)]
    inserted = robust.insert(example, features)
    zero_filled = fourier.ifft(inserted.problem.data, (-1,)).abs().square().sum(0).sqrt()
    torch.testing.assert_close(robust.feature_errors(zero_filled, inserted, features), torch.ones(2))
    mixed = inserted.magnitude.clone()
    region = features[1].region(tuple(mixed.shape))
    mixed[region] += 0.5 * (zero_filled - mixed)[region]
    torch.testing.assert_close(robust.feature_errors(mixed, inserted, features), torch.tensor([0.0, 0.5]))
