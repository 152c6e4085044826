import copy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.ground.errors import InputError, WeightsError
from napari_recon_robust.networks.fastmri_layout import FastMRIVarNet, NormalisingUNet, acs_columns
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import ForwardModel, coil_combined, root_sum_of_squares
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.classical.conjugate_gradients import conjugate_gradients
from napari_recon_robust.reconstructors.learned import adaptation, varnet_from_cg
from napari_recon_robust.reconstructors.learned import varnet as varnet_module
from napari_recon_robust.reconstructors.learned.last_step import CONSISTENCY, ERROR, LEAST
from napari_recon_robust.reconstructors.learned.varnet import (
    COMBINATION,
    TrainableVarNet,
    VarNet,
    with_sensitivities,
)
from napari_recon_robust.reconstructors.learned.varnet_from_cg import VarNetFromCG, VarNetFromCGNetwork
from napari_recon_robust.reconstructors.problem import Problem, problems
from napari_recon_robust.weights import store
from napari_recon_robust.weights.metadata import Domain, Metadata

ROWS, COLUMNS = 31, 37


def smooth_maps() -> torch.Tensor:
    """Four coils around the image, sum |S|^2 = 1."""
    row, column = torch.meshgrid(torch.linspace(-1, 1, ROWS), torch.linspace(-1, 1, COLUMNS), indexing="ij")
    centres = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    magnitudes = torch.stack([torch.exp(-((row - r) ** 2 + (column - c) ** 2) / 2) for r, c in centres])
    maps = torch.polar(magnitudes, torch.stack([row * r + column * c for r, c in centres]))
    return maps / maps.abs().square().sum(0).sqrt()


METADATA = Metadata(
    title="a small network",
    trained_for=Domain(
        acceleration=(2, 6), noise=(0.001, 0.01), coils=(4, 4), matrix=(31, 37), patterns=("random",), anatomy="none"
    ),
    command="",
    data="",
    hardware="",
    seconds=0,
    steps=0,
)


@pytest.fixture(scope="module", params=["published", "from CG-SENSE", "ours"])
def varnet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> VarNet:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    network = FastMRIVarNet(2, 4, 2, (3, 2), passes_image=request.param != "published")
    for cascade, weight in zip(network.cascades, (-0.5, -0.3), strict=True):
        if network.passes_image:
            torch.nn.init.constant_(cascade.image_weight, weight)  # type: ignore[arg-type]
    state = network.state_dict()
    if request.param == "ours":
        return VarNet(store.save(folder, "small", state, METADATA))
    if request.param == "published":
        save_file(state, folder / "small.safetensors")
        return VarNet(folder / "small.safetensors")
    return VarNetFromCG(store.save(folder, "small", state, METADATA))


def without_last_step(method: VarNet) -> dict[str, float]:
    """The knobs at which the last step towards the samples changes nothing."""
    return {"consistency": LEAST} if any(knob.name == "consistency" for knob in method.knobs) else {}


def cg_sense(model: ForwardModel, data: torch.Tensor) -> torch.Tensor:
    """Where training starts: A^H (y - A x) + x of an early CG-SENSE image x."""
    image = conjugate_gradients(
        lambda x: model.normal(x) + varnet_from_cg.WEIGHT * x, model.adjoint(data), varnet_from_cg.ITERATIONS
    )
    return image + model.adjoint(data - model.forward(image))


@pytest.fixture
def lines() -> Measurement:
    """Readout oversampled twice, odd sides, with its sensitivities."""
    torch.manual_seed(1)
    mask = Sampling(acceleration=3, centre_fraction=0.3).mask(2 * ROWS, COLUMNS)
    kspace = 1e-4 * torch.randn(4, 2 * ROWS, COLUMNS, dtype=torch.complex64) * mask
    return Measurement(kspace, mask, (ROWS, COLUMNS), kept=Calibration(smooth_maps(), torch.full((4,), 1e-4)))


@pytest.mark.parametrize("sensitivities", ["estimated", "learned"])
def test_is_the_network_of_the_kspace(varnet: VarNet, lines: Measurement, sensitivities: str) -> None:
    """The published network runs on k-space in two dimensions; hybrid data must give the same.

    With its own sensitivities it runs on the oversampled rows, and its image is cropped, as in fastMRI's code.
    """
    network = FastMRIVarNet.from_state(store.load(str(varnet.weights)).state)
    from_cg, learned = isinstance(varnet, VarNetFromCG), sensitivities == "learned"
    uncropped = learned and store.load(str(varnet.weights)).published
    kspace = lines.kspace[None] if uncropped else fourier.fft(lines.data, (-2,))[None]
    maps = smooth_maps()[None]
    if learned:
        assert network.sens_net is not None
        maps = network.sens_net(kspace, acs_columns(lines.mask), (-2, -1))
    if from_cg:
        expected = varnet_from_cg.refine(network, ForwardModel(maps, lines.mask, (-2, -1)), kspace)[0]
    else:
        phase = 1.0 if learned or not network.passes_image else problems(lines)[0].aligned_linearly[1]
        maps = phase * maps
        expected = phase * (maps.conj() * fourier.ifft(network(kspace, lines.mask, maps, (-2, -1)))).sum(1)[0]
    expected = fourier.centre_crop_image(expected.detach(), (ROWS, COLUMNS))
    image = varnet(lines, sensitivities=sensitivities, **without_last_step(varnet))
    torch.testing.assert_close(image, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("sensitivities", ["estimated", "learned"])
def test_padding_is_in_the_mask_of_weights_that_are_not_published(
    varnet: VarNet, lines: Measurement, sensitivities: str
) -> None:
    """Published weights give there what their U-Nets do, as in fastMRI's code; all others keep its zeros."""
    acquired = torch.ones_like(lines.mask)
    acquired[:, :5] = acquired[:, -5:] = False
    padded = replace(lines, mask=lines.mask & acquired, acquired=acquired)
    published = store.load(str(varnet.weights)).published
    known = replace(padded, mask=padded.data_mask, acquired=torch.ones_like(acquired))
    images = [varnet(one, sensitivities=sensitivities, **without_last_step(varnet)) for one in (padded, known)]
    unpadded = varnet(replace(padded, acquired=torch.ones_like(acquired)), sensitivities=sensitivities)
    atol = 1e-4 * float(images[1].abs().max())
    if published:
        torch.testing.assert_close(images[0], unpadded, rtol=1e-3, atol=atol)
        assert (images[0] - images[1]).norm() > 0.01 * images[1].norm()
    else:
        torch.testing.assert_close(images[0], images[1], rtol=1e-3, atol=atol)


@pytest.mark.parametrize("sensitivities", ["estimated", "learned"])
def test_test_time_training_sees_the_mask_and_the_rows_that_the_method_sees(
    varnet: VarNet, lines: Measurement, sensitivities: str
) -> None:
    """Published weights take padding for gaps, and see the oversampled rows with sensitivities of their own."""
    acquired = torch.ones_like(lines.mask)
    acquired[:, :5] = acquired[:, -5:] = False
    padded = replace(lines, mask=lines.mask & acquired, acquired=acquired)
    method = varnet.at(sensitivities=sensitivities)
    problem = varnet.problem(padded, **method.knobs)
    with torch.no_grad():
        solved = padded.crop(varnet.solve(varnet.network(torch.device("cpu")), problem, **method.knobs) * padded.scale)
        image = method(padded)
    torch.testing.assert_close(solved, image, rtol=1e-3, atol=1e-4 * float(image.abs().max()))
    assert problem.model.shape == problem.data.shape[-2:]


@pytest.mark.parametrize("sensitivities", ["estimated", "learned"])
def test_scales_with_the_data(varnet: VarNet, lines: Measurement, sensitivities: str) -> None:
    assert lines.kept is not None
    kept = Calibration(lines.kept.sensitivities, 1e-4 * lines.kept.noise)
    scaled = Measurement(lines.kspace * 1e-4, lines.mask, lines.matrix, kept=kept)
    image = varnet(lines, sensitivities=sensitivities)
    atol = 1e-4 * float(image.abs().max())
    torch.testing.assert_close(varnet(scaled, sensitivities=sensitivities) * 1e4, image, rtol=1e-3, atol=atol)


def test_learned_sensitivities_of_lines_that_were_measured_apart(varnet: VarNet, lines: Measurement) -> None:
    """Without an ACS the network's maps are those of the separate lines: the image is as with their maps given."""
    every = lines.mask & (torch.arange(lines.mask.shape[-1]) % 2 == 0)
    apart = replace(lines, kspace=lines.kspace * every, mask=every, full=None, kept=None, acs=lines.kspace)
    network = varnet.network(torch.device("cpu"))
    with torch.no_grad():
        taught = varnet_module.data_and_sensitivities(network, lines, "learned")[1]
        maps = varnet_module.data_and_sensitivities(network, apart, "learned")[1]
        batch = apart.with_kspace(torch.stack([apart.kspace, 2 * apart.kspace]))
        both = varnet_module.data_and_sensitivities(network, batch, "learned", published=True)
    torch.testing.assert_close(maps, taught)
    assert both[0].shape == both[1].shape == (2, *lines.kspace.shape)


def test_test_time_training_learns_the_maps_from_lines_that_were_measured_apart(
    varnet: VarNet, lines: Measurement
) -> None:
    """As the method does, whichever samples are held out."""
    every = lines.mask & (torch.arange(lines.mask.shape[-1]) % 2 == 1)  # without the line at the centre
    apart = replace(lines, kspace=lines.kspace * every, mask=every, full=None, acs=lines.kspace)
    method = varnet.at(sensitivities="learned")
    problem = varnet.problem(apart, **method.knobs)
    network = varnet.network(torch.device("cpu"))
    others = torch.arange(problem.model.shape[0])[:, None] % 2 == 0
    given = adaptation._only(problem, problem.model.mask & others)
    with torch.no_grad():
        maps = varnet_module.with_sensitivities(network, problem, "learned").sensitivities
        of_given = varnet_module.with_sensitivities(network, given, "learned").sensitivities
        solved = apart.crop(varnet.solve(network, problem, **method.knobs) * apart.scale)
        image = method(apart)
    torch.testing.assert_close(solved, image, rtol=1e-3, atol=1e-4 * float(image.abs().max()))
    torch.testing.assert_close(of_given, maps)


@pytest.mark.parametrize("sensitivities", ["estimated", "learned"])
def test_a_batch_and_a_pattern_in_two_dimensions(varnet: VarNet, sensitivities: str) -> None:
    torch.manual_seed(2)
    mask = torch.rand(ROWS, COLUMNS) < 0.5
    mask[10:20, 13:23] = True
    kept = Calibration(smooth_maps(), torch.ones(4))
    kspace = torch.randn(2, 4, ROWS, COLUMNS, dtype=torch.complex64) * mask
    images = varnet(Measurement(kspace, mask, (ROWS, 32), kept=kept), sensitivities=sensitivities)
    single = varnet(Measurement(kspace[1], mask, (ROWS, 32), kept=kept), sensitivities=sensitivities)
    assert images.shape == (2, ROWS, 32)
    torch.testing.assert_close(images[1], single, rtol=1e-3, atol=1e-4 * float(single.abs().max()))


@pytest.mark.slow
@pytest.mark.parametrize("sensitivities", ["estimated", "learned"])
def test_the_gradient_is_that_of_finite_differences(
    varnet: VarNet, lines: Measurement, sensitivities: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients treat the local phase in the maps as a constant, so that the differences hold it."""
    network = varnet.network(torch.device("cpu"))
    held = dict[str, torch.Tensor]()
    if isinstance(varnet, VarNetFromCG):
        phase = varnet_from_cg.local_phase
        monkeypatch.setattr(varnet_from_cg, "local_phase", lambda *given: held.setdefault("phase", phase(*given)))
    elif sensitivities == "estimated":
        seen = varnet_module._seen
        monkeypatch.setattr(varnet_module, "_seen", lambda *given: held.setdefault("maps", seen(*given)))
    monkeypatch.setattr(varnet_module, "load_layout", lambda kind, weights, device: copy.deepcopy(network).double())
    kspace = (1e4 * lines.kspace).to(torch.complex128).requires_grad_()
    kept = Calibration(smooth_maps().to(torch.complex128), torch.ones(4))
    direction = torch.randn_like(kspace) * lines.mask
    weights = torch.randn(ROWS, COLUMNS, dtype=torch.complex128)

    def value(k: torch.Tensor) -> torch.Tensor:
        measurement = Measurement(k, lines.mask, lines.matrix, kept=kept)
        return (varnet(measurement, sensitivities=sensitivities, **without_last_step(varnet)) * weights).real.sum()

    (gradient,) = torch.autograd.grad(value(kspace), kspace)
    step = 1e-7
    with torch.no_grad():
        difference = (value(kspace + step * direction) - value(kspace - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient.conj() * direction).real.sum(), difference, rtol=1e-4, atol=1e-4)


def test_without_a_correction_what_was_measured_remains(
    varnet: VarNet, lines: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R = 0 leaves k = y, so the image is A^H y; from CG-SENSE that."""
    monkeypatch.setattr(NormalisingUNet, "forward", lambda self, image, weight: torch.zeros_like(image))
    from_cg = isinstance(varnet, VarNetFromCG)
    expected = (cg_sense if from_cg else ForwardModel.adjoint)(lines.model, lines.data)
    torch.testing.assert_close(
        varnet(lines, **without_last_step(varnet)), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max())
    )


def test_the_start_of_our_weights_is_their_polynomial_and_that_of_published_ones_the_zero_filled_image(
    varnet: VarNet, lines: Measurement
) -> None:
    if isinstance(varnet, VarNetFromCG):
        return  # it starts at CG-SENSE
    network = FastMRIVarNet.from_state(store.load(str(varnet.weights)).state)
    start = varnet.start()
    expected = lines.model.adjoint(lines.data)
    if network.passes_image:
        z = u = b = lines.model.adjoint(lines.data)
        for cascade in network.cascades:
            eta, a = float(cascade.dc_weight), -float(cascade.image_weight)  # type: ignore[arg-type]
            z, u = z - eta * (u - b) + a * z, (1 - eta) * u + eta * b + a * lines.model.normal(z)
        expected = z
        assert start.id == "varnet, start"
        assert float((varnet(lines, consistency=LEAST) - z).norm() / z.norm()) > 0.05
    image = start(lines, **without_last_step(varnet))
    torch.testing.assert_close(image, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_root_sum_of_squares_of_the_last_kspace_as_published(lines: Measurement, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = FastMRIVarNet(2, 4, 2, (3, 2))
    save_file(network.state_dict(), tmp_path / "small.safetensors")
    kspace = lines.kspace[None]
    maps = network.sens_net(kspace, acs_columns(lines.mask), (-2, -1))  # type: ignore[misc]
    last = network(kspace, lines.mask, maps, (-2, -1))
    expected = fourier.centre_crop_image(fourier.ifft(last).abs().square().sum(1).sqrt()[0].detach(), (ROWS, COLUMNS))
    image = VarNet(tmp_path / "small.safetensors")(lines, sensitivities="learned", combination="rss")
    torch.testing.assert_close(image.real, expected, rtol=1e-3, atol=1e-4 * float(expected.max()))
    assert float(image.imag.abs().max()) == 0


@pytest.mark.parametrize("sensitivities", ["estimated", "learned"])
def test_root_sum_of_squares_after_the_last_step(
    varnet: VarNet, lines: Measurement, sensitivities: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each coil image changes by its sensitivity times the change of the combined image."""
    if CONSISTENCY not in varnet.knobs or COMBINATION not in varnet.knobs:
        return  # published weights have no such step, and from CG-SENSE there is one combination
    given = {"sensitivities": sensitivities, "consistency": 3.0}
    change = varnet(lines, **given) - varnet(lines, **given | {"consistency": LEAST})
    kept = list[torch.Tensor]()
    monkeypatch.setattr(varnet_module, "root_sum_of_squares", lambda x: kept.append(x) or root_sum_of_squares(x))
    image = varnet(lines, combination="rss", **given)
    varnet(lines, combination="rss", **given | {"consistency": LEAST})
    after, before = kept
    (problem,) = problems(lines)
    network = varnet.network(torch.device("cpu"))
    maps = with_sensitivities(network, problem, sensitivities).sensitivities
    torch.testing.assert_close(
        lines.crop(after - before), lines.crop(maps) * change, rtol=1e-2, atol=1e-3 * float(change.abs().max())
    )
    assert float(change.norm() / image.norm()) > 0.01


def test_training_of_the_published_form_starts_at_the_samples_less_a_mean(lines: Measurement) -> None:
    network = TrainableVarNet(1, 4, 2, (4, 2))
    data = 1e4 * lines.data + lines.model.forward(torch.ones(ROWS, COLUMNS, dtype=torch.complex64))
    image = lines.model.adjoint(data)
    expected = coil_combined(
        fourier.ifft(data - fourier.fft(smooth_maps() * image.mean(), (-1,)), (-1,)), smooth_maps()
    )
    torch.testing.assert_close(network(Problem(lines.model, data, torch.tensor([[0.01]]))), expected)
    assert float((expected - image).abs().mean()) > 0.1
    assert network(Problem(lines.model, data, torch.tensor([[0.01]])), learned=True).shape == (ROWS, COLUMNS)


def test_training_may_start_at_a_polynomial_of_the_normal_operator(lines: Measurement) -> None:
    """With R_t(x) = -a_t x: z' = z - eta (u - b) + a z and u' = (1 - eta) u + eta b + a N z, from z = u = b on."""
    linear = ((1.0, 0.9), (1.5, 0.8), (1.2, 0.4))
    network = TrainableVarNet(3, 4, 2, (4, 2), linear=linear)
    noise = torch.randn(ROWS, COLUMNS, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    data = lines.model.forward(noise + 2)
    b = lines.model.adjoint(data)
    z, u = b, b
    for eta, a in linear:
        z, u = z - eta * (u - b) + a * z, (1 - eta) * u + eta * b + a * lines.model.normal(z)
    image = network(Problem(lines.model, data, torch.tensor([[0.01]])), consistency=LEAST).detach()
    torch.testing.assert_close(image, z, rtol=1e-3, atol=1e-4 * float(z.abs().max()))
    assert float((image - b).norm() / z.norm()) > 0.4  # or the cascades would not be seen
    assert {name for name, _ in network.named_parameters() if "image_weight" in name} == {
        f"cascades.{t}.image_weight" for t in range(3)
    }
    again = FastMRIVarNet.from_state(network.state_dict())
    maps = lines.model.sensitivities[None]
    last = again(data[None], lines.model.mask, maps, lines.model.dims)
    last = coil_combined(fourier.ifft(last, lines.model.dims), maps)[0]
    torch.testing.assert_close(last, image)


def test_training_starts_at_cg_sense_and_the_acs_as_sensitivities(lines: Measurement) -> None:
    network = VarNetFromCGNetwork(2, 4, 2, (4, 2))
    constant = torch.ones(ROWS, COLUMNS, dtype=torch.complex64)
    data = lines.data + lines.model.forward(1e-3 * constant)
    problem = Problem(lines.model, data, torch.tensor([[0.01]]))
    expected = cg_sense(lines.model, data)
    torch.testing.assert_close(
        network(problem, consistency=LEAST), expected, rtol=0, atol=1e-4 * float(expected.abs().max())
    )

    assert network.sens_net is not None
    acs = acs_columns(lines.mask)
    images = fourier.ifft(lines.data * acs, (-1,))
    expected = images / images.abs().square().sum(0).sqrt()
    maps = network.sens_net(lines.data[None], acs, (-1,))[0]
    assert float((maps.conj() * expected).sum(0).abs().median()) > 0.99
    assert network(problem, learned=True).shape == (ROWS, COLUMNS)


@pytest.mark.parametrize("kind", [TrainableVarNet, VarNetFromCGNetwork])
@pytest.mark.parametrize("learned", [False, True])
def test_training_sees_the_image_that_the_method_gives(
    kind: type[TrainableVarNet], learned: bool, lines: Measurement, tmp_path: Path
) -> None:
    """With the last step, which minimises ||A x - y||^2 + (sigma / e)^2 ||x - z||^2, z the image without it."""
    torch.manual_seed(0)
    network = kind(2, 4, 2, (4, 2), **({"linear": [(1.0, 0.9), (1.2, 0.4)]} if kind is TrainableVarNet else {}))
    for cascade in network.cascades:
        torch.nn.init.normal_(cascade.last.weight, std=0.3)  # type: ignore[arg-type, union-attr]
    (problem,) = problems(lines)
    with torch.no_grad():
        image, without = network(problem, learned), network(problem, learned, consistency=LEAST)
        model = with_sensitivities(network, problem, "learned" if learned else "estimated")
    method = (VarNet if kind is TrainableVarNet else VarNetFromCG)(
        store.save(tmp_path, "small", network.state_dict(), METADATA)
    )
    whole = method(lines, sensitivities="learned" if learned else "estimated") / lines.scale
    torch.testing.assert_close(lines.crop(image), whole, rtol=1e-3, atol=1e-4 * float(whole.abs().max()))
    penalty = (problem.noise / ERROR).square()
    gradient = model.normal(image[None]) - model.adjoint(problem.data[None]) + penalty * (image - without)
    first = model.normal(without[None]) - model.adjoint(problem.data[None])
    assert float(gradient.norm()) < 1e-3 * float(first.norm())


def test_weights_without_a_sensitivity_network(tmp_path: Path, lines: Measurement) -> None:
    save_file(FastMRIVarNet(1, 4, 2).state_dict(), tmp_path / "bare.safetensors")
    bare = VarNet(tmp_path / "bare.safetensors")
    assert bare(lines).shape == (ROWS, COLUMNS)
    with pytest.raises(InputError, match="no sensitivity network"):
        bare(lines, sensitivities="learned")
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="VarNet layout"):
        VarNet(tmp_path / "other.safetensors")(lines)


PUBLISHED_SIZE = """
import resource, sys
import torch
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.learned.varnet import VarNet

torch.set_num_threads(1)
mask = Sampling().mask(640, 368)
kspace = torch.randn(15, 640, 368, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
image = VarNet(sys.argv[1])(Measurement(kspace * mask, mask, (320, 320)), sensitivities="learned")
assert image.shape == (320, 320)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is that of Linux")
def test_peak_memory_at_the_published_size(tmp_path):
    """15 coils, 640 x 368, cascades of 18 channels with learned sensitivities, in a process of its own: 3 GB.

    Of the 12 cascades, which take turns, the first 3.
    """
    path = tmp_path / "published.pt"
    torch.save(FastMRIVarNet(3, 18, 4, (8, 4)).state_dict(), path)
    done = subprocess.run([sys.executable, "-c", PUBLISHED_SIZE, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 3e6


def test_published_weights_with_their_own_sensitivities_need_no_calibration(
    lines: Measurement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_file(FastMRIVarNet(1, 4, 2, (3, 2)).state_dict(), tmp_path / "small.safetensors")
    method = VarNet(tmp_path / "small.safetensors")
    monkeypatch.setattr(Measurement, "calibration", property(lambda self: pytest.fail("it was calibrated")))
    assert method(lines, sensitivities="learned").shape == (ROWS, COLUMNS)
