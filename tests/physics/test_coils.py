"""ESPIRiT against the simulated truth, BART and its own invariances."""

import shutil
import subprocess
from inspect import unwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import coils, fourier
from napari_recon_robust.physics.model import ForwardModel, root_sum_of_squares
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation.acquisition import SimulatedSlice, simulate_slice

BART = shutil.which("bart")


def ellipse(rows: int, columns: int) -> np.ndarray:
    """A head-like magnitude image that fills 75% of the field of view."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    image = (np.hypot(y / 0.75, x / 0.65) < 1) * (0.7 + 0.3 * np.cos(9 * x) * np.cos(7 * y))
    return np.asarray(image - 0.5 * (np.hypot(y - 0.1, x) < 0.15), np.float32)


@pytest.fixture(scope="module")
def simulated() -> SimulatedSlice:
    return simulate_slice(ellipse(96, 90), np.random.default_rng(3), coils=6, noise_level=0.003, detail=0.1)


def lines(width: int, acceleration: float = 4, centre: int = 14) -> Tensor:
    return Sampling(acceleration=acceleration, centre_fraction=centre / width).mask(width, width)


def sampled(kspace: Tensor, mask: Tensor) -> Tensor:
    """Hybrid data of sampled lines."""
    return fourier.ifft(kspace, (-2,)) * mask


def espirit(data: Tensor, mask: Tensor, dims: tuple[int, ...], noise: Tensor | None = None) -> Tensor:
    """The sensitivities of the shorter kernels, of which the properties below hold."""
    return unwrap(coils.espirit_by_length)(data, mask, dims, noise)[0]  # computed anew, unlike in other tests


def agreement(maps: Tensor, others: Tensor, where: Tensor) -> Tensor:
    """|<S, S'>| at each pixel of a region, both normalised."""
    return (maps.conj() * others).sum(-3).abs()[..., where]


@pytest.mark.parametrize("centre", [12, 20])
def test_maps_agree_with_the_simulated_ones(simulated, centre):
    mask = lines(90, centre=centre)
    maps = espirit(sampled(simulated.kspace, mask), mask, (-1,))
    object_ = simulated.image.abs() > 0.1
    close = agreement(maps, simulated.sensitivities, object_)
    assert maps.dtype == torch.complex64
    assert close.median() > 0.998
    assert close.quantile(0.02) > 0.97


def test_rounding_of_the_samples_decides_on_no_sensitivity(simulated):
    """Not even at the edge of the support: another processor rounds otherwise."""
    mask = lines(90, centre=20)
    data = sampled(simulated.kspace, mask)
    sigma = 0.003 * simulated.kspace.abs().amax() * torch.ones(6) / 90
    maps = espirit(data, mask, (-1,), sigma)
    for seed in range(4):
        unit = torch.randn(data.shape, dtype=data.dtype, generator=torch.Generator().manual_seed(seed))
        others = espirit(data * (1 + 3e-8 * unit), mask, (-1,), sigma)
        both = (maps.abs().sum(0) > 0) & (others.abs().sum(0) > 0)
        assert float((maps - others)[:, both].abs().max()) < 5e-3


def test_many_coils_are_calibrated_as_virtual_ones(simulated, monkeypatch):
    """24 mixtures of the six coils, more than the bound: the maps are the same mixtures of the six maps."""
    mask = lines(90)
    real, imaginary = np.random.default_rng(0).normal(size=(2, 24, 6))
    mixing = torch.from_numpy(np.linalg.qr(real + 1j * imaginary)[0]).to(torch.complex64)
    monkeypatch.setattr(coils, "VIRTUAL_COILS", 8)
    mixed = torch.einsum("dc,cyx->dyx", mixing, simulated.kspace)
    maps = espirit(sampled(mixed, mask), mask, (-1,))
    expected = torch.einsum("dc,cyx->dyx", mixing, espirit(sampled(simulated.kspace, mask), mask, (-1,)))
    assert maps.shape == (24, 96, 90)
    assert float((maps - expected).norm() / expected.norm()) < 1e-3


def astray(maps: Tensor, scan: SimulatedSlice) -> float:
    """The mean share of |S|^2 on the object that lies in other coils than it should."""
    return float(1 - agreement(maps, scan.sensitivities, scan.image.abs() > 0.1).square().mean())


@pytest.mark.parametrize("centre", [14, 26])
def test_who_is_told_that_there_is_little_noise_uses_weaker_kernels(centre):
    scan = simulate_slice(ellipse(128, 128), np.random.default_rng(2), coils=8, noise_level=0.0005, detail=0.3)
    mask = lines(128, centre=centre)
    data = sampled(scan.kspace, mask)
    blind, told, wrong = (espirit(data, mask, (-1,), sigma) for sigma in (None, scan.sigma, 1e3 * scan.sigma))
    assert astray(told, scan) < 0.9 * astray(blind, scan)
    assert astray(wrong, scan) > astray(blind, scan), "the strongest kernels alone remain"


@pytest.mark.parametrize("level", [0.0005, 0.05, 0.3, 0.5])
def test_the_support_holds_the_object_in_any_noise_and_little_else(level):
    scan = simulate_slice(ellipse(128, 128), np.random.default_rng(2), coils=8, noise_level=level, detail=0.3)
    mask = lines(128, centre=20)
    support = (espirit(sampled(scan.kspace, mask), mask, (-1,), scan.sigma) != 0).any(0)
    tissue = scan.image.abs() > 0.1
    assert support[tissue].float().mean() > 0.9995
    assert support.sum() < 1.45 * tissue.sum()


def test_noise_alone_has_no_larger_singular_values_than_are_expected():
    """Of coils with the same noise, with silent ones, and with a loud one."""
    generator = torch.Generator().manual_seed(0)
    for levels in (
        torch.ones(12),
        torch.cat((torch.ones(4), torch.zeros(8))),
        torch.cat((torch.ones(11), 10 * torch.ones(1))),
    ):
        acs = torch.randn(12, 32, 18, dtype=torch.complex64, generator=generator) * levels[:, None, None]
        kernels, singular = coils._row_space(acs, (coils.KERNEL, coils.KERNEL))
        ratio = float(singular.amax() / coils._largest_of_noise(acs, kernels, levels))
        assert 0.85 < ratio < 1.15


def test_some_rows_after_the_others_are_as_all_at_once(simulated, monkeypatch):
    mask = lines(90)
    data = sampled(simulated.kspace, mask)
    parts = espirit(data, mask, (-1,), simulated.sigma)
    monkeypatch.setattr(coils, "ROWS", 1000)
    torch.testing.assert_close(parts, espirit(data, mask, (-1,), simulated.sigma), atol=1e-4, rtol=0)


def test_normalised_inside_the_support_and_zero_outside(simulated):
    mask = lines(90)
    total = espirit(sampled(simulated.kspace, mask), mask, (-1,)).abs().square().sum(-3)
    inside = total > 0.5
    torch.testing.assert_close(total, inside.float(), atol=1e-5, rtol=0)
    assert 0.35 < inside.float().mean() < 0.8  # the ellipse covers 0.38 of the image
    assert inside[simulated.image.abs() > 0.1].all()
    assert not inside[:3].any()


def test_phase_of_the_image_is_folded_in(simulated):
    mask = lines(90)
    maps = espirit(sampled(simulated.kspace, mask), mask, (-1,))
    combined = (maps.conj() * fourier.ifft(simulated.kspace)).sum(-3)
    assert combined.imag.norm() < 0.15 * combined.norm()
    assert (combined.real[simulated.image.abs() > 0.1] > 0).float().mean() > 0.99


def test_beyond_the_support_each_pixel_has_the_sensitivities_of_the_nearest_inside():
    maps = torch.zeros(2, 6, 9, dtype=torch.complex64)
    maps[:, 2:5, 3:6] = torch.randn(2, 3, 3, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    found = coils.beyond_support(maps)
    assert torch.equal(found[:, 2:5, 3:6], maps[:, 2:5, 3:6])
    assert torch.equal(found[:, 0, 0], maps[:, 2, 3])
    assert torch.equal(found[:, 3, 8], maps[:, 3, 5])
    assert torch.equal(found[:, 5, 4], maps[:, 4, 4])
    assert not coils.beyond_support(0 * maps).any()


def test_sensitivities_go_on_beyond_the_support_nearly_as_the_coils_do(monkeypatch):
    """What of |S|^2 lies in other coils than it should, on rings around a small head; ESPIRiT's own does worse."""
    row, column = np.ogrid[-1 : 1 : 2j * 96, -1 : 1 : 2j * 96]
    head = 0.9 * (np.hypot(row / 0.66, column / 0.52) < 1) - 0.4 * (np.hypot(row / 0.5, column / 0.4) < 1)
    one = simulate_slice(head, np.random.default_rng(1), coils=8, noise_level=0.005, matrix=(96, 96))
    everything = torch.ones(96, 96, dtype=torch.bool)
    maps = espirit(one.kspace, everything, (-2, -1), one.sigma)
    monkeypatch.setattr(coils, "_support", lambda low, values: torch.ones(1, 104, 104))
    blind = espirit(one.kspace, everything, (-2, -1), one.sigma)
    distance = torch.from_numpy(ndimage.distance_transform_edt(~(maps != 0).any(0).numpy()))

    def astray(found, ring):
        return float((1 - (found.conj() * one.sensitivities).sum(0).abs().square())[ring].mean())

    for low, high, least in ((0, 4, 0.03), (4, 8, 0.06), (8, 16, 0.12)):
        ring = (distance > low) & (distance <= high)
        assert astray(coils.beyond_support(maps), ring) < min(least, astray(blind, ring))


def test_dark_holes_stay_in_the_support():
    image = ellipse(96, 96)
    image[40:56, 44:52] = 0
    scan = simulate_slice(image, np.random.default_rng(0), coils=6, noise_level=0.003)
    mask = lines(96, centre=28)
    assert (espirit(sampled(scan.kspace, mask), mask, (-1,)).abs().sum(-3) > 0)[38:58, 42:54].all()


def test_hybrid_data_and_kspace_give_the_same_maps(simulated):
    columns = torch.zeros(90, dtype=torch.bool)
    columns[29:61] = True
    points = torch.zeros(96, 90, dtype=torch.bool)
    points[32:64, 29:61] = True
    hybrid = espirit(sampled(simulated.kspace, columns[None]), columns[None], (-1,))
    direct = espirit(simulated.kspace * points, points, (-2, -1))
    torch.testing.assert_close(hybrid, direct, atol=5e-3, rtol=0)


@pytest.mark.parametrize("scale", [1e-7, 1e5])
def test_free_of_scale(simulated, scale):
    mask = lines(90)
    data = sampled(simulated.kspace, mask)
    torch.testing.assert_close(espirit(scale * data, mask, (-1,)), espirit(data, mask, (-1,)), atol=2e-2, rtol=0)


def test_leading_axes_are_a_batch(simulated):
    mask = lines(90)
    data = sampled(simulated.kspace, mask)
    pair = torch.stack((data, data.flip(-2)))
    together = espirit(pair, mask, (-1,))
    apart = torch.stack([espirit(one, mask, (-1,)) for one in pair])
    torch.testing.assert_close(together, apart, atol=1e-4, rtol=0)


def test_deterministic(simulated):
    mask = lines(90)
    data = sampled(simulated.kspace, mask)
    assert torch.equal(espirit(data, mask, (-1,)), espirit(data, mask, (-1,)))


@pytest.mark.parametrize("shape", [(95, 81), (64, 101)])
def test_odd_sizes(shape):
    scan = simulate_slice(ellipse(*shape), np.random.default_rng(1), coils=4, noise_level=0.003)
    mask = lines(shape[1])
    maps = espirit(sampled(scan.kspace, mask), mask, (-1,))
    assert maps.shape == (4, *shape)
    assert agreement(maps, scan.sensitivities, scan.image.abs() > 0.1).median() > 0.998


def test_a_single_coil_is_phase_and_support(simulated):
    mask = lines(90)
    one = fourier.fft(simulated.image)[None]
    maps = espirit(sampled(one, mask), mask, (-1,))[0]
    object_ = simulated.image.abs() > 0.1
    torch.testing.assert_close(maps[object_].abs(), torch.ones(int(object_.sum())))
    assert ((maps.conj() * simulated.image)[object_].real > 0).float().mean() > 0.99
    assert (maps == 0).any()


@pytest.mark.parametrize("most", [8, 4])
def test_a_coil_that_measures_nothing_has_no_sensitivity(simulated, monkeypatch, most):
    """None at all, with virtual coils or without; the others have theirs."""
    monkeypatch.setattr(coils, "VIRTUAL_COILS", most)
    mask = lines(90)
    data = sampled(simulated.kspace, mask)
    maps = espirit(torch.cat((data[:2], 0 * data[:1], data[2:])), mask, (-1,))
    assert not maps[2].any()
    others = espirit(data, mask, (-1,))
    assert float((maps[[0, 1, 3, 4, 5, 6]] - others).norm() / others.norm()) < 1e-3


def test_no_signal_gives_no_maps():
    mask = lines(64)
    assert not espirit(torch.zeros(3, 64, 64, dtype=torch.complex64), mask, (-1,)).any()


@pytest.mark.parametrize("count", [0, 3])
def test_too_few_central_lines(simulated, count):
    mask = torch.zeros(1, 90, dtype=torch.bool)
    mask[:, ::8] = True
    mask[:, 42:49] = False
    mask[:, 45 - count // 2 : 45 - count // 2 + count] = True
    with pytest.raises(InputError, match="centr") as caught:
        espirit(sampled(simulated.kspace, mask), mask, (-1,))
    assert str(caught.value).count(". ") == 0
    if count:
        assert "3 fully sampled lines" in str(caught.value)
        assert "at least 6" in str(caught.value)


@pytest.mark.parametrize("first", [22, 44])
def test_an_acs_beside_the_centre_is_told_so(simulated, first):
    """It was told to be too narrow."""
    mask = torch.zeros(1, 90, dtype=torch.bool)
    mask[:, ::3] = True
    mask[:, first : first + 24] = True
    with pytest.raises(
        InputError, match=r"2\d fully sampled lines, but only [23] of them lie evenly about it, .*GRAPPA"
    ):
        espirit(sampled(simulated.kspace, mask), mask, (-1,))
    one = Measurement(simulated.kspace * mask, mask, tuple(simulated.kspace.shape[-2:]), simulated.kspace)
    found, aliased = (
        metrics.nmse(registry.get(id)(one).abs(), one.reference("rss")) for id in ("grappa", "zero-filled")
    )
    assert found < 0.5 * aliased, "as is advised"


def bart_maps(kspace: Tensor, folder: Path) -> Tensor:
    """`bart ecalib -m1` of (coils, readout, phase) k-space."""
    array = kspace.movedim(0, -1)[:, :, None].numpy()
    (folder / "k.hdr").write_text("# Dimensions\n" + " ".join(map(str, array.shape)) + "\n")
    array.ravel(order="F").tofile(folder / "k.cfl")
    subprocess.run([str(BART), "ecalib", "-m1", "k", "s"], check=True, capture_output=True, cwd=folder)
    maps = np.fromfile(folder / "s.cfl", np.complex64).reshape(array.shape, order="F")[:, :, 0]
    return torch.from_numpy(maps).movedim(-1, 0).contiguous()


def least_nmse(maps: Tensor, data: Tensor, mask: Tensor, reference: Tensor, where: Tensor) -> float:
    """The NMSE of CG-SENSE at the better of two weights."""
    model = ForwardModel(maps, mask, (-1,))
    errors = []
    for weight in (2e-3, 1e-2):
        image = torch.zeros_like(data[0])
        residual = model.adjoint(data)
        direction, power = residual, residual.norm() ** 2
        for _ in range(12):
            normal = model.normal(direction) + weight * direction
            step = power / (direction.conj() * normal).sum().real
            image, residual = image + step * direction, residual - step * normal
            direction, power = residual + residual.norm() ** 2 / power * direction, residual.norm() ** 2
        errors.append(float(((image.abs() - reference)[where].norm() / reference[where].norm()) ** 2))
    return min(errors)


@pytest.mark.thorough
@pytest.mark.skipif(BART is None, reason="BART is not installed")
@pytest.mark.parametrize("acceleration", [2, 4])
def test_real_brain_as_good_as_bart(shared, tmp_path, acceleration):
    full = torch.from_numpy(np.load(shared / "data/kspace/brain_16coil_128x128_full.npy")).mT.contiguous()
    mask = lines(128, acceleration, 12)
    data = sampled(full, mask)
    ours, theirs = espirit(data, mask, (-1,)), bart_maps(full * mask, tmp_path)
    reference = root_sum_of_squares(fourier.ifft(full))
    foreground = reference > 0.15 * reference.quantile(0.99)
    assert agreement(ours, theirs, foreground & (theirs.abs().sum(0) > 0)).median() > 0.99
    assert (ours.abs().sum(0) > 0)[foreground].float().mean() > 0.97
    error, theirs_error = (least_nmse(maps, data, mask, reference, foreground) for maps in (ours, theirs))
    assert error < 1.05 * theirs_error


@pytest.mark.skipif(BART is None, reason="BART is not installed")
def test_real_poisson_disc_scan_agrees_with_bart(shared, tmp_path):
    kspace = torch.from_numpy(np.load(shared / "data/kspace/brain_8coil_230x180_undersampled.npy"))
    mask = kspace.abs().sum(0) > 0
    ours, theirs = espirit(kspace, mask, (-2, -1)), bart_maps(kspace, tmp_path)
    image = (theirs.conj() * fourier.ifft(kspace)).sum(0).abs()
    foreground = image > 0.15 * image.quantile(0.99)
    assert agreement(ours, theirs, foreground).median() > 0.99


@pytest.mark.parametrize(("scan", "most"), [("brain", 0.016), ("phantom", 0.012)])
@pytest.mark.parametrize("width", [8, 10, 12, 16])
@pytest.mark.parametrize("pattern", ["points", "lines"])
def test_a_small_centre_is_enough(shared, scan, most, width, pattern):
    """Of the energy of a real scan 10x10 points left 3 and 12%, 8 lines 1 and 2%, with kernels that span half of it."""
    full = torch.from_numpy(np.load(shared / f"data/kspace/{scan}_16coil_128x128_full.npy"))
    centre = slice(64 - width // 2, 64 + width // 2)
    mask = torch.zeros(128, 128, dtype=torch.bool)
    mask[centre if pattern == "points" else slice(None), centre] = True
    maps, images = espirit(full * mask, mask, (-2, -1)), fourier.ifft(full)
    foreground = root_sum_of_squares(images) > 0.15 * root_sum_of_squares(images).quantile(0.99)
    left = (images - maps * (maps.conj() * images).sum(0))[:, foreground]
    assert left.norm() ** 2 < most * images[:, foreground].norm() ** 2


@pytest.mark.parametrize("width", range(6, 33))
def test_a_kernel_finds_places_enough_along_each_axis(width):
    rows, columns = coils._kernel_size(torch.zeros(1, 32, width), coils.SPAN, coils.KERNEL)
    assert rows == coils.KERNEL
    assert coils.SHORTEST <= columns <= coils.KERNEL
    assert columns == coils.SHORTEST or width + 1 - columns >= 1.5 * columns


def test_a_second_set_of_sensitivities_is_needed_where_two_places_share_pixels(simulated):
    """Half the field of view: each pixel is the sum of two places, whose sensitivities differ."""
    images = fourier.ifft(simulated.kspace, (-1,))
    half = fourier.fft(images[..., :45] + images[..., 45:], (-1,))
    shares = []
    for kspace in (simulated.kspace, half):
        mask = lines(kspace.shape[-1])
        none = torch.zeros(6)
        shares.append(coils.beyond_one_set(sampled(kspace, mask), mask, (-1,), none))
    assert shares[0] < 1e-4
    assert shares[1] > 0.002
    assert coils.beyond_one_set(sampled(half, mask), mask, (-1,), none + 1e6) == 0, "no more than all noise"
    assert coils.beyond_one_set(sampled(half[:1], mask), mask, (-1,), none[:1]) == 0, "one coil has no second set"


def test_noise_is_no_second_set_however_few_lines_there_are():
    for seed in range(4):
        noisy = simulate_slice(ellipse(96, 96), np.random.default_rng(seed), coils=8, noise_level=0.2, detail=0.1)
        mask = lines(96, centre=6)
        assert coils.beyond_one_set(sampled(noisy.kspace, mask), mask, (-1,), noisy.sigma) == 0
