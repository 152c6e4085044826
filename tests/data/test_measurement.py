from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from helpers.extremes import head, measured
from napari_recon_robust.data.measurement import Calibration, Measurement, adjoint_image, data_shape, single_slices
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import coils, fourier, noise
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors.registry import get as reconstructor
from napari_recon_robust.simulation.acquisition import SimulatedSlice

COILS, READOUT, PHASE, ROWS, COLUMNS = 3, 24, 15, 12, 14


def random_complex(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(sum(shape)))


def lines(every: int = 2) -> Tensor:
    mask = torch.zeros(1, PHASE, dtype=torch.bool)
    mask[0, ::every] = True
    return mask


def measurement(mask: Tensor, **more: object) -> Measurement:
    full = random_complex(COILS, READOUT, PHASE)
    rows = ROWS if mask.shape[0] == 1 else READOUT
    kept = Calibration(random_complex(COILS, rows, PHASE), torch.ones(COILS))
    return Measurement(full * mask, mask, (ROWS, COLUMNS), full=full, kept=kept)


def test_hybrid_data_are_the_two_dimensional_model_on_the_output_rows() -> None:
    """Undersampled lines: transforming the readout first and cropping it gives the 2-D inverse FFT's rows."""
    one = measurement(lines())
    images = fourier.ifft(one.data, one.dims)
    two_dimensional = fourier.centre_crop(fourier.ifft(one.kspace), ROWS, -2)
    torch.testing.assert_close(images, two_dimensional)


def test_points_of_a_two_dimensional_pattern_stay_in_kspace() -> None:
    mask = torch.rand(READOUT, PHASE, generator=torch.Generator().manual_seed(0)) < 0.5
    one = measurement(mask)
    assert one.dims == (-2, -1)
    assert one.data is one.kspace
    assert one.sampled_points == int(mask.sum())


SHORTER = torch.arange(READOUT)[:, None] > 4


def partial_echo() -> Measurement:
    one = measurement(lines() & SHORTER)
    return Measurement(one.kspace, one.mask, one.matrix, kept=measurement(lines()).kept)


def test_lines_that_all_lack_the_same_ends_are_lines() -> None:
    """What is missing of them counts as zeros that were sampled: A is that of whole lines, R that of the lines."""
    one, whole = partial_echo(), measurement(lines())
    assert one.lines
    assert one.dims == whole.dims
    assert torch.equal(one.model.mask, whole.mask)
    assert one.acceleration == whole.acceleration
    torch.testing.assert_close(one.data, whole.to_data(whole.kspace * SHORTER))
    assert one.sampled_points == 19 * 8


@pytest.mark.parametrize(
    "readout",
    [torch.arange(READOUT) != 5, torch.arange(READOUT) > READOUT // 2, torch.arange(READOUT) < READOUT // 2],
    ids=["a gap", "without the centre", "up to the centre"],
)
def test_lines_with_a_gap_or_without_the_centre_are_points(readout: Tensor) -> None:
    one = measurement(lines() & readout[:, None])
    assert not Measurement(one.kspace, one.mask, one.matrix).lines


def test_lines_of_several_extents_are_points() -> None:
    mask = lines() & SHORTER
    mask[5, 0] = False
    one = measurement(mask)
    assert not Measurement(one.kspace, one.mask, one.matrix).lines


def test_a_mask_that_cuts_the_ends_of_a_full_scan_is_one_of_points() -> None:
    """They are there in the reference, so a method has to find them."""
    assert not measurement(lines() & SHORTER).lines


def test_what_is_never_measured_counts_as_zeros_that_were_sampled() -> None:
    """Padding, partial Fourier and partial echoes of a full scan, for lines and for points."""
    never = (torch.arange(PHASE) < 3)[None] | ~SHORTER
    full = random_complex(COILS, READOUT, PHASE) * ~never
    points = torch.rand(READOUT, PHASE, generator=torch.Generator().manual_seed(0)) < 0.5
    for sampled in (lines(), points):
        mask = sampled & ~never
        one = Measurement(
            full * mask, mask, (ROWS, COLUMNS), full, Calibration(random_complex(COILS, ROWS, PHASE), torch.ones(COILS))
        )
        known = never[-1:] if sampled is not points else never
        assert torch.equal(one.model.mask, sampled | known)
        assert torch.equal(one.sampled, sampled & ~known)
        assert one.acceleration == pytest.approx(int((~known).sum()) / int(one.sampled.sum()))
        again = Measurement(one.kspace, one.mask, one.matrix, acquired=one.acquired)
        assert torch.equal(again.data_mask, one.data_mask)


def test_an_ellipse_shortens_lines() -> None:
    row, column = torch.linspace(-1, 1, READOUT)[:, None], torch.linspace(-1, 1, PHASE)
    ellipse = row.square() + column.square() <= 1
    full, sampled = random_complex(COILS, READOUT, PHASE) * ellipse, lines(3).roll(1)
    one = Measurement(full * sampled, sampled & ellipse, (ROWS, COLUMNS), full)
    assert torch.equal(one.sampled, sampled)
    assert one.lines


@pytest.mark.parametrize("one", [measurement(lines()), partial_echo()], ids=["whole", "partial echo"])
def test_the_noise_of_the_data_is_that_of_what_was_sampled(one: Measurement) -> None:
    """White noise of sigma on the sampled points has, in the data of the lines, the level that the property says."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(400, COILS, READOUT, PHASE, dtype=torch.complex64, generator=generator)
    seen = one.to_data(noise * one.mask)[..., one.sampled[0]].abs().square().mean((0, 2, 3)).sqrt()
    torch.testing.assert_close(one.data_noise, seen, rtol=0.02, atol=0)


def test_the_noise_of_points_that_signal_covers_is_what_no_image_explains() -> None:
    kspace = torch.from_numpy(head(96, 96, coils=6, noise=0.003)).to(torch.complex64)
    mask = Sampling(pattern="poisson-disc", acceleration=3, centre_fraction=0.15).mask(96, 96)
    one = Measurement(kspace * mask, mask, (96, 96))
    assert float(noise.mean_level(noise.estimate(one.kspace, mask))) > 2 * 0.003
    assert float(noise.mean_level(one.calibration.noise)) < 1.3 * 0.003


def test_the_rss_reference_is_the_root_sum_of_squares_of_the_full_kspace() -> None:
    one = measurement(lines())
    assert one.full is not None
    expected = fourier.centre_crop_image(root_sum_of_squares(fourier.ifft(one.full)), (ROWS, COLUMNS))
    reference = one.reference("rss")
    assert reference is not None
    torch.testing.assert_close(reference, expected)
    assert reference.shape == (ROWS, COLUMNS)


def test_without_the_full_kspace_there_is_no_reference() -> None:
    one = measurement(lines())
    assert Measurement(one.kspace, one.mask, one.matrix).reference("rss") is None


def test_new_samples_are_masked_and_keep_the_calibration_only_when_asked() -> None:
    one = measurement(lines())
    changed = one.with_kspace(one.kspace + 1, keep=True)
    assert changed.calibration is one.calibration
    assert not changed.kspace[..., 1::2].any()
    assert one.with_kspace(one.kspace + 1).kept is None


def test_a_new_full_kspace_is_zero_where_the_scanner_never_measures() -> None:
    acquired = torch.arange(PHASE)[None] > 3
    whole = measurement(lines())
    assert whole.full is not None
    one = Measurement(whole.kspace * acquired, whole.mask & acquired, whole.matrix, whole.full * acquired)
    changed = one.with_kspace(2 * whole.full, full=2 * whole.full)
    assert changed.full is not None
    assert torch.equal(changed.full, 2 * whole.full * acquired)
    assert one.with_kspace(one.kspace, full=one.full).full is one.full


def test_a_mask_of_nothing_that_the_scanner_measures_is_refused() -> None:
    """Without a word, all that follows would be zero. A slice that is empty has no such points."""
    whole, acquired = measurement(lines()), torch.arange(PHASE)[None] > 3
    assert whole.full is not None
    with pytest.raises(InputError, match="holds only points that the scanner never measures.* give a mask"):
        Measurement(whole.kspace, lines() & ~acquired, whole.matrix, whole.full * acquired)
    empty = Measurement(0 * whole.kspace, lines(), whole.matrix, 0 * whole.full)
    assert not empty.mask.any()


@pytest.mark.parametrize("batch", [(), (2,)])
def test_the_scale_is_the_percentile_of_the_combined_magnitude(batch: tuple[int, ...]) -> None:
    one = measurement(lines())
    samples = one.kspace.expand(*batch, *one.kspace.shape) * torch.rand(*batch, 1, 1, 1)
    one = one.with_kspace(samples, keep=True)
    expected = np.quantile(one.combined.abs().flatten(-2).numpy(), 0.995, axis=-1)
    np.testing.assert_allclose(one.scale[..., 0, 0].numpy(), expected, rtol=1e-6)


def test_scale_follows_the_data_and_noise_level_is_relative_to_it() -> None:
    one = measurement(lines())
    larger = one.with_kspace(1e-6 * one.kspace, keep=True)
    torch.testing.assert_close(larger.scale, 1e-6 * one.scale)
    torch.testing.assert_close(larger.noise_level, 1e6 * one.noise_level)


def test_the_scale_of_an_image_that_is_nearly_or_wholly_zero() -> None:
    one = measurement(lines())
    vars(one)["combined"] = torch.zeros(48, 48, dtype=torch.complex64)
    assert float(one.scale) == 1
    one = measurement(lines())
    vars(one)["combined"] = torch.zeros(48, 48, dtype=torch.complex64)
    one.combined[3, 5] = 3 + 4j
    assert float(one.scale) == 5


def test_the_largest_number_is_that_of_either_part_and_nan_where_there_is_one() -> None:
    one = measurement(lines())
    assert one.largest == np.abs(torch.view_as_real(one.kspace).numpy()).max()
    spoiled = one.kspace.clone()
    spoiled[0, 1, 2] = complex(0, float("nan"))
    assert np.isnan(one.with_kspace(spoiled).largest)


def test_data_are_linear_and_differentiable_in_the_kspace() -> None:
    one = measurement(lines())
    kspace = one.kspace.clone().requires_grad_()
    data = one.with_kspace(kspace, keep=True).data
    cotangent = random_complex(*data.shape)
    (gradient,) = torch.autograd.grad(data, kspace, cotangent)
    left = (one.data.conj() * cotangent).sum()
    right = (one.kspace.conj() * gradient).sum()
    torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "mask", [lines(), torch.rand(READOUT, PHASE, generator=torch.Generator().manual_seed(0)) < 0.5]
)
def test_the_adjoint_image_is_the_combined_image_with_a_gradient(mask: Tensor) -> None:
    one = measurement(mask)
    assert data_shape(one) == one.data.shape[-2:] == adjoint_image(one).shape
    assert adjoint_image(one) is one.combined  # computed once
    kspace = one.kspace.clone().requires_grad_()
    differentiable = adjoint_image(one.with_kspace(kspace, keep=True))
    torch.testing.assert_close(differentiable.detach(), one.combined)
    differentiable.abs().square().sum().backward()
    assert kspace.grad is not None
    assert kspace.grad.any()


def test_effective_acceleration_counts_the_sampled_lines() -> None:
    assert measurement(lines(2)).acceleration == pytest.approx(PHASE / 8)


def test_wrong_shapes_are_refused_with_what_came_and_what_was_expected() -> None:
    kspace = random_complex(COILS, READOUT, PHASE)
    with pytest.raises(InputError, match=r"float32 of shape 3×24×15.*coils, readout, phase"):
        Measurement(kspace.real, lines(), (ROWS, COLUMNS))
    with pytest.raises(InputError, match=r"shape 1×9.*24×15 or 1×15"):
        Measurement(kspace, torch.ones(1, 9, dtype=torch.bool), (ROWS, COLUMNS))


def test_the_misfit_is_zero_for_the_image_behind_the_samples_and_one_for_nothing() -> None:
    image = random_complex(ROWS, COLUMNS)
    for mask in (lines(), torch.rand(READOUT, PHASE, generator=torch.Generator().manual_seed(0)) < 0.5):
        one = measurement(mask)
        rows, columns = one.model.shape
        whole = torch.zeros(rows, columns, dtype=torch.complex64)
        fourier.centre_crop_image(whole, (ROWS, COLUMNS))[:] = image
        data = one.model.forward(whole)
        if one.lines:
            kspace = torch.zeros_like(one.kspace)
            fourier.centre_crop(kspace, ROWS, -2)[:] = data
            data = fourier.fft(kspace, (-2,))
        same = one.with_kspace(data, keep=True)
        assert same.misfit(image) < 1e-5
        assert same.misfit(0 * image) == pytest.approx(1)
        assert one.misfit(image) > 0.1


def test_a_change_is_measured_where_the_scan_was() -> None:
    """Of a scan by partial Fourier: the samples have it on the mask, and the full k-space without what was left out."""
    mask, acquired = lines(), torch.arange(PHASE)[None] > 3
    full, z = random_complex(COILS, READOUT, PHASE) * acquired, random_complex(COILS, READOUT, PHASE + 1)[..., 1:]
    one = Measurement(full * mask, mask & acquired, (ROWS, COLUMNS), full)
    assert torch.equal(one.acquired, acquired)
    changed = one.added(z)
    assert changed.full is not None
    assert torch.equal(changed.full, full + z * acquired)
    assert torch.equal(changed.kspace, (full + z) * (mask & acquired))
    undersampled = Measurement(full * mask, mask & acquired, (ROWS, COLUMNS))
    assert undersampled.acquired.all()  # whether a line was left out, or is never measured, cannot be told
    assert undersampled.added(z).full is None


def test_points_that_no_scan_measures_are_not_sampled() -> None:
    """Whole lines are given, and the same ends of all of them are padding, with what rounding leaves of its zeros."""
    padding = torch.arange(READOUT)[:, None] < 6
    full = random_complex(COILS, READOUT, PHASE)
    one = Measurement(full * ~padding * lines(), lines(), (ROWS, COLUMNS), full * ~padding)
    rounded = torch.where(padding, 1e-9 * full, full)
    for found in (one, Measurement(rounded * lines(), lines(), (ROWS, COLUMNS), rounded)):
        assert torch.equal(found.mask, lines() & ~padding)
        assert torch.equal(found.kspace, full * (lines() & ~padding))
        assert found.lines
        assert found.sampled_points == 18 * int(lines().sum())
        noisy = found.added(random_complex(COILS, READOUT, PHASE + 1)[..., 1:])
        assert not bool((noisy.kspace * padding).any())
    padded = torch.arange(PHASE)[None] < 4
    shorter = Measurement(full * ~padded, torch.ones(1, PHASE, dtype=torch.bool), (ROWS, COLUMNS), full * ~padded)
    assert shorter.acceleration == 1


def test_a_kspace_that_torch_conjugates_lazily_is_one_like_others() -> None:
    kspace = random_complex(2, 8, 8).requires_grad_()
    mask = torch.ones(1, 8, dtype=torch.bool)
    lazy, plain = (Measurement(k, mask, (8, 8), k) for k in (kspace.conj(), kspace.conj().resolve_conj()))
    assert lazy.largest == plain.largest
    assert torch.equal(lazy.data, plain.data)
    lazy.data.abs().sum().backward()
    assert kspace.grad is not None


def test_it_is_printed_in_a_line() -> None:
    assert len(repr(measurement(lines()))) < 100


def test_without_an_acs_separate_calibration_lines_tell_the_sensitivities(simulated: SimulatedSlice) -> None:
    """They may have another scale and contrast; with an ACS of its own a scan does not need them."""
    kspace = simulated.kspace
    size = kspace.shape[-1]
    every, centre = (torch.arange(size) % 2 == 0)[None], (torch.arange(size) - size // 2).abs()[None] < 12
    apart = 3 * kspace * centre
    one = Measurement(kspace * every, every, (size, size), acs=apart)
    with pytest.raises(InputError, match="1 fully sampled line,"):
        _ = replace(one, acs=None).calibration
    expected = coils.espirit_by_length(one.to_data(apart), centre, one.dims, noise.estimate(apart, centre))[0]
    assert torch.equal(one.calibration.sensitivities, expected)
    assert torch.equal(one.calibration.noise, noise.estimate(one.kspace, one.mask))
    changed = one.added(torch.ones_like(kspace))
    assert torch.equal(changed.calibration.sensitivities, expected)
    batch = one.with_kspace(torch.stack([one.kspace, 2 * one.kspace]))
    torch.testing.assert_close(batch.combined, torch.stack([one.combined, 2 * one.combined]))

    own = Measurement(kspace * (every | centre), every | centre, (size, size))
    assert torch.equal(replace(own, acs=-apart).calibration.sensitivities, own.calibration.sensitivities)


def test_without_a_sample_sensitivities_are_refused_or_come_from_separate_lines(simulated: SimulatedSlice) -> None:
    kspace = simulated.kspace
    size = kspace.shape[-1]
    nothing, centre = torch.zeros(1, size, dtype=torch.bool), (torch.arange(size) - size // 2).abs()[None] < 12
    one = Measurement(0 * kspace, nothing, (size, size))
    with pytest.raises(InputError, match="is not sampled"):
        _ = one.calibration
    assert replace(one, acs=kspace * centre).calibration.sensitivities.any()


def test_separate_calibration_lines_of_points(simulated: SimulatedSlice) -> None:
    kspace = simulated.kspace
    size = kspace.shape[-1]
    steps = torch.arange(size)
    points = (steps[:, None] % 2 == 0) & (steps % 2 == 0)
    inside = ((steps - size // 2).abs() < 9) & ((steps - size // 2).abs() < 9)[:, None]
    one = Measurement(kspace * points, points, (size, size), acs=kspace * inside)
    apart = kspace * inside
    expected = coils.espirit_by_length(apart, inside, (-2, -1), noise.estimate(apart, inside))[0]
    assert torch.equal(one.calibration.sensitivities, expected)


@pytest.mark.parametrize("matrix", [12, (12,), (12, 8, 1), (12.0, 8.0), (0, 8), (12, PHASE + 1), "ab", None])
def test_an_output_matrix_that_is_no_pair_of_sizes_within_the_kspace_is_refused(matrix: Any) -> None:
    with pytest.raises(
        InputError, match=r"output matrix is .*; give \(rows, columns\), at most 24×15 for this k-space"
    ):
        replace(measurement(lines()), matrix=matrix)


def test_an_output_matrix_may_be_any_pair() -> None:
    assert replace(measurement(lines()), matrix=torch.tensor([12, 8])).matrix == (12, 8)


@pytest.mark.parametrize("part", ["full", "acs"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda k: k[..., 1:], "torch.complex64 of shape 3×24×14"),
        (lambda k: k.abs(), "torch.float32 of shape 3×24×15"),
        (lambda k: k[None], "torch.complex64 of shape 1×3×24×15"),
    ],
)
def test_full_kspace_and_calibration_lines_that_do_not_fit_are_refused(part: str, change: Any, words: str) -> None:
    one = measurement(lines())
    name = {"full": "full k-space", "acs": "k-space of the calibration lines"}[part]
    with pytest.raises(InputError, match=f"the {name} is {words}; complex64 of shape 3×24×15 is expected, as of the"):
        replace(one, **{part: change(one.kspace)})


def test_what_is_given_outside_of_the_mask_counts_for_nothing() -> None:
    """As of fastMRI's pairs of full k-space and mask: it reached the images, and the claims on perturbations."""
    points = torch.rand(READOUT, PHASE, generator=torch.Generator().manual_seed(0)) < 0.5
    for mask in (lines(), points):
        masked = measurement(mask)
        full = masked.full
        assert full is not None
        whole = Measurement(full, mask, masked.matrix, full, masked.kept)
        assert torch.equal(whole.kspace, full * mask)
        assert torch.equal(whole.combined, masked.combined)
        assert full[~mask.expand(full.shape)].any(), "what was given is not changed"
        assert torch.equal(replace(masked, kspace=torch.stack([full, full])).kspace[1], full * mask)
        assert Measurement(masked.kspace, mask, masked.matrix).kspace is masked.kspace, "with the signs of its zeros"


def test_nan_that_was_not_sampled_is_harmless_and_is_told_of_where_it_was() -> None:
    one = measurement(lines())
    broken = one.kspace.clone()
    broken[..., ~one.mask[0]] = torch.nan
    assert torch.equal(one.with_kspace(broken).kspace, one.kspace)
    assert torch.equal(reconstructor("zero-filled")(replace(one, kspace=broken)), reconstructor("zero-filled")(one))
    with pytest.raises(InputError, match="the full k-space holds NaN or infinite values; repair it, or leave it out"):
        Measurement(one.kspace, one.mask, one.matrix, full=broken)
    broken[..., one.mask[0]] = torch.inf
    with pytest.raises(InputError, match="the k-space holds NaN or infinite values"):
        reconstructor("zero-filled")(replace(one, kspace=broken))


@pytest.mark.parametrize("axes", [(2,), (2, 1)])
def test_a_batch_with_its_full_kspace_is_measured_as_each_of_its_slices(axes: tuple[int, ...]) -> None:
    """Its acquired points had a batch axis, which its own copies then refused."""
    one = measurement(lines())
    assert one.full is not None
    other = one.full.roll(1, -3)
    full = torch.stack([one.full, other]).reshape(*axes, *one.full.shape)
    batch = Measurement(full, one.mask, one.matrix, full, acs=full)
    assert torch.equal(batch.acquired, one.acquired)
    assert torch.equal(batch.to("cpu").kspace, batch.kspace)
    assert torch.equal(batch.with_kspace(2 * full).kspace, 2 * batch.kspace)
    assert torch.equal(batch.added(full).kspace, 2 * batch.kspace)
    sense = reconstructor("cg-sense")
    images = sense(batch).flatten(0, -3)
    for image, item, whole in zip(images, single_slices(batch), (one.full, other), strict=True):
        alone = sense(Measurement(whole, one.mask, one.matrix, whole, item.kept))
        torch.testing.assert_close(image, alone, rtol=1e-3, atol=1e-3 * float(alone.abs().max()))


def test_each_of_a_batch_knows_whether_its_noise_is_covered() -> None:
    one = measurement(lines())
    kept = replace(one.calibration, noise_covered=True)
    batch = replace(one, kspace=one.kspace.expand(2, -1, -1, -1), kept=kept)
    assert [item.calibration.noise_covered for item in single_slices(batch)] == [True, True]


def test_the_gradient_is_zero_outside_of_the_mask() -> None:
    """Also at samples that are zero there already, as an attack's are."""
    one = measurement(lines())
    for given in (one.kspace, one.full):
        assert given is not None
        samples = given.clone().requires_grad_()
        (gradient,) = torch.autograd.grad((one.with_kspace(samples).kspace * (1 + 1j)).real.sum(), samples)
        assert torch.equal(gradient != 0, one.mask.expand(gradient.shape))


def test_derivatives_along_a_direction_are_zero_outside_of_the_mask() -> None:
    one = measurement(lines())
    ones = torch.ones_like(one.kspace)
    _, tangent = torch.func.jvp(lambda samples: one.with_kspace(samples).kspace, (one.kspace,), (ones,))
    assert torch.equal(tangent, ones * one.mask)


def test_samples_are_replaced_within_a_map_over_changes() -> None:
    one = measurement(lines())
    changes = torch.randn(3, *one.kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    found = torch.func.vmap(lambda change: one.with_kspace(one.kspace + change).kspace)(changes)
    assert torch.equal(found, (one.kspace + changes) * one.mask)


def test_samples_of_another_shape_take_no_place() -> None:
    """They could be spread over the readout, or over the lines."""
    one = measurement(lines())
    for wrong, words in (
        (one.kspace[:, :1], "at most 1×15 for this"),
        (one.kspace[..., :1], "24×1 or 1×1 are expected"),
    ):
        with pytest.raises(InputError, match=words):
            one.with_kspace(wrong)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"acquired": torch.ones(3, dtype=torch.bool)}, "mask of acquired points is torch.bool of shape 3; booleans"),
        ({"acquired": torch.ones(1, PHASE)}, "mask of acquired points is torch.float32 of shape 1×15; booleans of"),
        ({"acquired": np.ones((1, PHASE), bool)}, "mask of acquired points is array.*; give a tensor"),
        ({"unit": "x"}, "the unit is 'x'; give a number"),
        ({"unit": 0.0}, "the unit is 0; give a positive number"),
        ({"aspect": -1}, "the aspect is -1; give a positive number"),
        ({"aspect": float("nan")}, "the aspect is nan; give a positive number"),
    ],
)
def test_points_and_numbers_that_do_not_fit_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(measurement(lines()), **change)


def test_arrays_in_place_of_new_samples_are_told() -> None:
    one = measurement(lines())
    array: Any = one.kspace.numpy()
    for call in (
        lambda: one.with_kspace(array),
        lambda: one.with_kspace(one.kspace, full=array),
        lambda: one.added(array),
    ):
        with pytest.raises(InputError, match="give a tensor, such as torch.from_numpy"):
            call()


def test_a_reference_is_of_a_kind_that_is_known():
    """Any other word gave the coil-combined one."""
    measurement = measured(head(), None)
    with pytest.raises(InputError, match="the kind of reference is 'RSS'; give rss or combined"):
        measurement.reference("RSS")


def test_a_misfit_is_that_of_an_image_of_the_measurement():
    """A smaller image was padded with zeros in silence."""
    measurement = measured(head(), None)
    for image in (torch.zeros(5, 24), torch.zeros(3, 24, 24)):
        with pytest.raises(InputError, match="24×24 is expected"):
            measurement.misfit(image)
    with pytest.raises(InputError, match="give a tensor, as a method returns it"):
        measurement.misfit(np.zeros((24, 24)))
    batch = replace(measurement, kspace=measurement.kspace[None].repeat(2, 1, 1, 1))
    with pytest.raises(InputError, match=r"the k-space has shape 2×.*; one slice .* is taken at a time"):
        batch.misfit(torch.zeros(24, 24))


def test_half_precision_is_refused():
    measurement = measured(head(), None)
    with pytest.raises(InputError, match=r"the k-space is torch\.complex32 .* complex64 with axes"):
        replace(measurement, kspace=measurement.kspace.to(torch.complex32))


@pytest.mark.parametrize("part", ["mask", "full", "acs", "acquired"])
def test_parts_on_several_devices_are_told(part: str) -> None:
    kspace, mask = torch.ones(2, 8, 8, dtype=torch.complex64), torch.ones(1, 8, dtype=torch.bool)
    parts = {"mask": mask, "full": kspace, "acs": kspace, "acquired": mask}
    with pytest.raises(InputError, match="is on meta and the k-space on cpu; bring both to one device"):
        Measurement(kspace, matrix=(8, 8), **{**parts, part: parts[part].to("meta")})
