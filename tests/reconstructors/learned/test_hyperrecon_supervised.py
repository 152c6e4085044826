import math
from threading import Event, Thread

import pytest
import torch

from helpers.method_properties import (  # noqa: F401
    measurement,
    test_a_batch_is_a_loop,
    test_a_family_is_its_members,
    test_it_is_reproducible,
    test_it_looks_like_the_object,
    test_shape_and_type,
    test_the_gradient,
    test_the_units_of_the_scan_do_not_matter,
)
from napari_recon_robust.ground.errors import WeightsError
from napari_recon_robust.reconstructors.classical import tv
from napari_recon_robust.reconstructors.learned import hyperrecon_supervised as module
from napari_recon_robust.reconstructors.learned.hqs_supervised import SupervisedHQSNetwork
from napari_recon_robust.reconstructors.learned.hyperrecon_supervised import (
    HyperReconSupervised,
    SupervisedHyperReconNetwork,
    coefficients,
)
from napari_recon_robust.reconstructors.problem import problems

TERMS = ["improvement", "consistency", "sharpness"]
PENALTY = (0.02, 0.66)
KINDS = {
    "weights": {"unrolls": 2, "widths": [8, 8], "terms": TERMS},
    "scale-and-shift": {"unrolls": 2, "widths": [8, 8], "terms": TERMS, "conditioning": "scale-and-shift"},
    "own": {
        "unrolls": 2,
        "widths": [8, 8],
        "terms": TERMS,
        "conditioning": "scale-and-shift",
        "own": True,
        "penalty": [0.01, 1.5],
    },
    "plain": {"unrolls": 0, "widths": [8, 8], "terms": ["l1", "dissimilarity"], "form": "convex"},
}


@pytest.fixture(scope="module", params=KINDS)
def method(request, make_random, save, tmp_path_factory) -> HyperReconSupervised:
    """Small networks of random weights: all generated, modulated, a U-Net each unroll, without data consistency."""
    network = make_random(SupervisedHyperReconNetwork, KINDS[request.param], 0.005)
    return HyperReconSupervised(save(network, KINDS[request.param], tmp_path_factory.mktemp(request.param)))


def untrained(**arguments) -> SupervisedHyperReconNetwork:
    torch.manual_seed(0)
    return SupervisedHyperReconNetwork(**({"unrolls": 3, "widths": [8, 8], "terms": TERMS} | arguments))


def values(network: SupervisedHyperReconNetwork, position: float) -> dict[str, float]:
    return {knob.name: knob.from_unit(position) for knob in network.knobs[1:]}


@pytest.mark.thorough
def test_threads_that_reconstruct_at_once_have_the_weights_of_their_own_knobs(method, measurement):  # noqa: F811
    """As an attack in the queue and a knob that is turned: the second begins while the first has its weights in."""
    names = [knob.name for knob in method.knobs[1:]]
    low, high = (method.at(**{name: method.at().knobs[name] * factor for name in names}) for factor in (0.7, 1.3))
    with torch.no_grad():
        expected = low(measurement), high(measurement)
    within, ended, found = Event(), Event(), {}
    main = method.network(measurement.kspace.device).main

    def wait(*_):
        if not within.is_set():
            within.set()
            ended.wait(0.5)  # in vain, where the second one waits for the first

    def reconstruct(name, one):
        with torch.no_grad():
            found[name] = one(measurement)

    def second():
        within.wait(60)
        try:
            reconstruct("high", high)
        finally:
            ended.set()

    other = Thread(target=second)
    other.start()
    hook = main.register_forward_pre_hook(wait)
    try:
        reconstruct("low", low)
    finally:
        other.join()
        hook.remove()
    assert torch.equal(found["low"], expected[0])
    assert torch.equal(found["high"], expected[1])


def test_coefficients_are_shares_of_the_knobs_ratios():
    shares = coefficients([0.5, 3.0], "ratio")
    assert sum(shares) == pytest.approx(1)
    assert [share / shares[0] for share in shares] == pytest.approx([1, 0.5, 3.0])


def test_convex_coefficients_are_the_published_ones():
    a, b = 0.3, 0.6
    assert coefficients([a], "convex") == pytest.approx([1 - a, a])
    assert sorted(coefficients([b, a], "convex")) == pytest.approx(sorted([a, (1 - a) * b, (1 - a) * (1 - b)]))
    corners = [coefficients([x, y], "convex") for x, y in ((0, 0), (1, 0), (0, 1), (1, 1))]
    assert corners == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]]


def test_the_knobs_are_those_of_the_weights(method):
    arguments = KINDS["plain"] if len(method.knobs) == 2 else KINDS["weights"]
    assert [knob.name for knob in method.knobs] == ["noise", *arguments["terms"][1:]]
    assert sum(knob.live for knob in method.knobs) == 2
    convex = arguments.get("form") == "convex"
    assert all((knob.minimum == 0) == convex for knob in method.knobs[1:])


@pytest.mark.parametrize("conditioning", ["weights", "scale-and-shift"])
@pytest.mark.parametrize("noise", [0.25, 1.0, 2.0])
def test_untrained_it_is_tv_at_the_assumed_noise(lines, conditioning, noise):
    """Whatever the knobs: the network's last layer and the pulls are zero at first."""
    (problem,) = problems(lines)
    network = untrained(conditioning=conditioning)
    aligned, phase = problem.aligned
    expected = phase * aligned.tv(tv.rule(noise * float(problem.noise)))
    for position in (0.0, 1.0):
        image = network(problem, noise, **values(network, position)).detach()
        assert float((image - expected).norm() / expected.norm()) < 1e-5


def test_untrained_it_is_the_supervised_splitting_that_it_begins_at(lines):
    """At that one's penalty and noise level, whatever the knobs, also beside a network of another penalty."""
    (problem,) = problems(lines)
    torch.manual_seed(0)
    splitting = SupervisedHQSNetwork(unrolls=3, widths=(8, 8), own=True)
    with torch.no_grad():
        for one in splitting.networks():
            torch.nn.init.normal_(one.last.weight, std=0.05)
        for penalty in ((0.05, 0.5), (0.01, 1.5)):
            splitting.penalty_offset.fill_(math.log(penalty[0]))
            splitting.penalty_slope.fill_(penalty[1])
            network = untrained(own=True, penalty=penalty, conditioning="scale-and-shift")
            network.main.load_state_dict(splitting.state_dict(), strict=False)
            network.heads.weight.zero_()
            expected = splitting(problem)
            assert not torch.allclose(expected, splitting(problem, share=0.0), rtol=1e-2)
            for position in (0.0, 1.0):
                image = network(problem, 1.0, **values(network, position))
                torch.testing.assert_close(image, expected, rtol=1e-4, atol=1e-5)


def test_between_the_noise_levels_the_start_lies_between_their_images(lines):
    (problem,) = problems(lines)
    one = module.PreparedSlice(problem, PENALTY)
    low, middle, high = one.start(1.0), one.start(2**0.5), one.start(2.0)
    torch.testing.assert_close(middle, (low + high) / 2)


def test_the_whole_pull_leads_to_the_samples(tiny, dense):
    """With s = 1 and without the network the steps converge to least squares, A^H A x = A^H y."""
    network = module.SplittingNetwork(60, [8])
    one = module.PreparedSlice(tiny, PENALTY)
    residuals = []
    for share in (0.0, 0.5, 1.0):
        torch.nn.init.constant_(network.pulls, share)
        with torch.no_grad():
            image = one.phase * network(one, 1.0)
        residual = torch.from_numpy(dense) @ image.flatten().to(torch.complex128) - tiny.right_hand_side.flatten()
        residuals.append(float(residual.norm() / tiny.right_hand_side.norm()))
    assert residuals[2] < 1e-3 < residuals[1] < residuals[0]


@pytest.mark.parametrize("name", ["correction.down.0.one", "correction.widen.0"])
def test_scale_and_shift_act_on_the_channels_of_a_convolution(name, make_random):
    network = make_random(SupervisedHyperReconNetwork, KINDS["scale-and-shift"], 0.1)
    layer = network.main.get_submodule(name)
    level = torch.tensor([[0.3]])
    with torch.no_grad():
        parameters = network.generate(level, **values(network, 0.8))
    x = torch.randn(1, 8, 6, 6, generator=torch.Generator().manual_seed(0))
    plain = layer(x).detach()
    changed = torch.func.functional_call(
        layer, {part: parameters[f"{name}.{part}"] for part in ("weight", "bias")}, (x,)
    )
    # One factor and one offset a channel explain the change: a line fits each channel exactly.
    for before, after in zip(plain[0], changed[0], strict=True):
        design = torch.stack((before.flatten(), torch.ones(before.numel())), 1)
        fit = torch.linalg.lstsq(design, after.flatten()[:, None]).solution
        torch.testing.assert_close(design @ fit, after.flatten()[:, None], rtol=1e-4, atol=1e-4)
        assert abs(float(fit[0]) - 1) > 1e-4


def test_scale_and_shift_are_few():
    """Two numbers a channel and the pulls, instead of every weight."""
    heads = {kind: untrained(widths=[24, 32, 48], conditioning=kind).heads.out_features for kind in list(KINDS)[:2]}
    assert heads["weights"] == sum(p.numel() for p in untrained(widths=[24, 32, 48]).main.parameters())
    assert heads["scale-and-shift"] < heads["weights"] / 50


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_reaches_every_weight(kind, lines, make_random):
    network = make_random(SupervisedHyperReconNetwork, KINDS[kind], 0.03)
    (problem,) = problems(lines)
    network(problem, 1.3, **values(network, 0.7)).abs().square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert float(parameter.grad.abs().max()) > 0, name


def test_weights_that_are_missing_or_others_are_said(hqs, lines):
    with pytest.raises(WeightsError, match="no weights 'nothing'"):
        HyperReconSupervised("nothing")
    with pytest.raises(WeightsError, match="not of a SupervisedHyperReconNetwork"):
        HyperReconSupervised(hqs.weights)(lines)
