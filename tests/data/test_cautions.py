"""Scans whose images are wrong and look like any other are told from ordinary ones by their samples."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_recon_robust.data.cautions import cautions
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.evaluation import metrics
from napari_recon_robust.io import open_scan
from napari_recon_robust.physics import fourier, noise, unexplained
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.simulation.sample import open_sample

LINES = Sampling(acceleration=3, centre_fraction=0.14)
FEW = Sampling(acceleration=8, centre_fraction=0.05)  # six lines in the centre
SPARSE = Sampling(pattern="poisson-disc", acceleration=4, centre_fraction=0.1)
POINTS = Sampling(pattern="poisson-disc", acceleration=4, centre_fraction=0.14)


def head(noise: float = 0.003, coils: int = 8) -> Tensor:
    """K-space (coils, 96, 128) of an object that is 80 columns wide."""
    y, x = np.mgrid[-1:1:96j, -1:1:128j]
    image = (np.hypot(y / 0.8, x / 0.63) < 1) * (0.7 + 0.3 * np.cos(9 * x) * np.cos(7 * y))
    image -= 0.5 * (np.hypot(y - 0.1, x) < 0.15)
    return simulate_slice(image.astype(np.float32), np.random.default_rng(3), coils=coils, noise_level=noise).kspace


def folded(kspace: Tensor, columns: int) -> Tensor:
    """The same with a field of view of so many columns: what lies outside comes in at the other side."""
    images = fourier.ifft(kspace, (-1,))
    whole = images.shape[-1]
    places = (torch.arange(whole) - whole // 2 + columns // 2) % columns
    return fourier.fft(images.new_zeros(*images.shape[:-1], columns).index_add(-1, places, images), (-1,))


def measured(kspace: Tensor, sampling: Sampling = LINES) -> Measurement:
    mask = sampling.mask(*kspace.shape[-2:])
    return Measurement(kspace * mask, mask, tuple(kspace.shape[-2:]), kspace)


@pytest.mark.parametrize("sampling", [LINES, POINTS, FEW])
@pytest.mark.parametrize("noise", [0.0015, 0.1])
def test_an_ordinary_scan_has_none(sampling: Sampling, noise: float) -> None:
    assert not cautions(measured(head(noise), sampling))


def test_an_object_that_the_field_of_view_folds_is_told_where_it_spoils_images() -> None:
    """Other images than that of GRAPPA, which has no sensitivities."""

    def nmse(one: Measurement, id: str) -> float:
        return metrics.nmse(registry.get(id)(one).abs(), one.reference())

    def nmse_of_rss(one: Measurement, id: str) -> float:
        return metrics.nmse(registry.get(id)(one).abs(), one.reference("rss"))

    for columns, worse in ((96, False), (72, True)):
        one = measured(folded(head(), columns))
        assert (nmse(one, "cg-sense") > nmse(one, "zero-filled")) == worse
        assert nmse_of_rss(one, "grappa") < (0.5 if worse else 0.1) * nmse_of_rss(one, "zero-filled")
        assert ("larger than the field of view" in cautions(one).get("second_set", "")) == worse


@pytest.mark.parametrize("sampling", [LINES, POINTS])
def test_a_coil_of_another_gain_is_named(sampling: Sampling) -> None:
    gains = torch.ones(8)
    gains[5] = 100
    assert "Coil 5, counted from 0, is " in cautions(measured(head() * gains[:, None, None], sampling))["loud_coil"]


def test_a_loud_coil_is_named_among_silent_ones() -> None:
    gains = torch.tensor([1.0, 1.0, 300.0, 1.0, *[0.0] * 4])
    assert "Coil 2, counted from 0, is " in cautions(measured(head() * gains[:, None, None]))["loud_coil"]


def test_a_coil_of_loud_noise_alone_is_named() -> None:
    kspace = head(noise=0.01)
    level = measured(kspace).calibration.noise.median()
    kspace[2] = (
        10 * level * torch.randn(kspace.shape[1:], dtype=kspace.dtype, generator=torch.Generator().manual_seed(0))
    )
    assert "Coil 2, counted from 0, is " in cautions(measured(kspace))["loud_coil"]


def offset(kspace: Tensor, size: float, *, turning: bool) -> Tensor:
    """A constant in each readout, of so many times the noise; turning: with phases of their own, as by RF spoiling."""
    level = size * measured(kspace).calibration.noise[:, None, None]
    angles = torch.rand(kspace.shape[-1], generator=torch.Generator().manual_seed(0)) if turning else torch.tensor(0.1)
    return level * torch.exp(2j * torch.pi * angles)


@pytest.mark.slow
@pytest.mark.parametrize("sampling", [LINES, POINTS, FEW])
@pytest.mark.parametrize("turning", [False, True])
def test_an_offset_of_the_receiver_is_told_and_what_is_advised_takes_it_away(sampling: Sampling, turning: bool) -> None:
    kspace = head(noise=0.01)
    for size in (0.8, 2, 20):
        shifted = kspace + offset(kspace, size, turning=turning)
        assert list(cautions(measured(shifted, sampling))) == ["dc_offset"]
        outer = torch.cat((shifted[:, :12], shifted[:, -12:]), 1).mean(1, keepdim=True)
        assert not cautions(measured(shifted - outer, sampling))


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name",
    [
        "brain_16coil_128x128_full",
        "phantom_16coil_128x128_full",
        "phantom_2coil_160x320_full",
        "phantom_32coil_64x64_full",
    ],
)
def test_an_offset_of_half_the_noise_is_told_on_real_scans_and_none_where_there_is_none(
    shared: Path, name: str
) -> None:
    with open_scan(shared / "data" / "kspace" / f"{name}.npy") as scan:
        kspace = scan.kspace(0)
    for sampling in (LINES, Sampling(acceleration=1)):
        assert "dc_offset" not in cautions(measured(kspace, sampling))
        for turning in (False, True):
            assert "dc_offset" in cautions(measured(kspace + offset(kspace, 0.5, turning=turning), sampling))


@pytest.mark.parametrize("sampling", [LINES, POINTS])
def test_the_coil_of_an_offset_is_named(sampling: Sampling) -> None:
    kspace = head(noise=0.01)
    shifted = kspace + offset(kspace, 3, turning=True) * (torch.arange(8) == 6)[:, None, None]
    assert "in coil 6, counted from 0" in cautions(measured(shifted, sampling))["dc_offset"]


@pytest.mark.slow
@pytest.mark.parametrize("turning", [False, True])
def test_an_offset_that_raises_the_error_of_tv_to_a_hundredth_is_told(turning: bool) -> None:
    kspace = head(noise=0.01)
    reference = measured(kspace).reference()

    def raised(one: Measurement) -> bool:
        return float(metrics.nmse(registry.get("tv")(one).abs(), reference)) > 0.01

    shifted = [measured(kspace + offset(kspace, size, turning=turning)) for size in (0.5, 1, 2, 4)]
    assert not any(raised(one) for one in shifted if "dc_offset" not in cautions(one))
    assert raised(shifted[-1])


def test_a_spike_is_no_offset() -> None:
    kspace = head()
    kspace[:, 30, 70] += 100 * kspace.abs().max()
    assert "dc_offset" not in cautions(measured(kspace))


@pytest.mark.parametrize("sampling", [LINES, POINTS, FEW])
@pytest.mark.parametrize("size", [0.3, 10])
def test_a_spike_is_told_and_its_place_and_zero_there_takes_it_away(sampling: Sampling, size: float) -> None:
    kspace = head()
    mask = sampling.mask(*kspace.shape[-2:]).expand(kspace.shape[-2:])
    line = int(mask[20].nonzero()[3])
    kspace[2, 20, line] += size * kspace.abs().max()
    (words,) = cautions(measured(kspace, sampling)).values()
    assert words.startswith(f"A k-space sample of coil 2 (readout 20, phase {line}, counted from 0) is ")
    assert words.endswith("Set it to zero in the k-space.")
    kspace[2, 20, line] = 0
    assert not cautions(measured(kspace, sampling))


def test_a_spike_that_all_coils_hear_is_counted() -> None:
    kspace = head()
    kspace[:, 20, 9] += kspace.abs().max()
    words = cautions(measured(kspace, Sampling(acceleration=1)))["spike"]
    assert "and so are 7 others:" in words
    assert words.endswith("Set them to zero in the k-space.")


@pytest.mark.parametrize("sampling", [LINES, FEW, Sampling(acceleration=1)])
@pytest.mark.parametrize("samples", [2, 3])
def test_a_spike_that_lasts_is_told_with_all_its_samples(sampling: Sampling, samples: int) -> None:
    kspace = head()
    line = int(sampling.mask(*kspace.shape[-2:])[0].nonzero()[3])
    kspace[2, 20 : 20 + samples, line] += 0.3 * kspace.abs().max()
    words = cautions(measured(kspace, sampling))["spike"]
    assert "coil 2 (readout 2" in words
    assert f", and so {'is' if samples == 2 else 'are'} {samples - 1} other" in words


def test_a_spike_among_the_calibration_lines_is_no_object_beyond_the_field_of_view() -> None:
    kspace = head()
    kspace[2, 56, 60] += 5 * kspace.abs().max()
    assert list(cautions(measured(kspace))) == ["spike"]


def with_tone(kspace: Tensor, size: float, frequency: float, *, turning: bool = True) -> Tensor:
    """K-space into which a tone leaks: so many cycles over a readout, at any phase in each if it is turning."""
    generator = torch.Generator().manual_seed(0)
    coils, readout, lines = kspace.shape
    time = torch.arange(readout) / readout
    phase = torch.rand(coils, 1, lines if turning else 1, generator=generator)
    return kspace + size * torch.exp(2j * torch.pi * (frequency * time[:, None] + phase))


def level_of(kspace: Tensor) -> float:
    """The size of samples where there is hardly any signal."""
    return float(kspace[:, 4:12, 4:12].abs().square().mean().sqrt())


@pytest.mark.parametrize("turning", [True, False])
@pytest.mark.parametrize("sampling", [LINES, FEW, Sampling(acceleration=1)])
def test_a_tone_that_leaks_into_the_receiver_is_told_with_its_row_and_nothing_that_follows(
    sampling: Sampling, turning: bool
) -> None:
    kspace, frequency = head(0.005), 20.3
    disturbed = with_tone(kspace, 4 * level_of(kspace), frequency, turning=turning)
    found = cautions(measured(disturbed, sampling))
    assert list(found) == ["interference"]
    assert found["interference"].startswith("Row 28 of the image, counted from 0, has ")
    tone = torch.exp(2j * torch.pi * frequency * torch.arange(96) / 96)[:, None]
    outer = (torch.arange(96) - 48).abs()[:, None] > 24  # where the signal is weak
    amplitude = (tone.conj() * disturbed * outer).sum(-2, keepdim=True) / outer.sum()
    assert not cautions(measured(disturbed - amplitude * tone, sampling)), "what is advised takes it away"


def test_a_tone_beyond_the_output_rows_is_cut_off_with_them_and_not_told() -> None:
    kspace = head(0.005)
    mask = LINES.mask(96, 128)
    for frequency, told in ((20.3, True), (-44.0, False)):
        disturbed = with_tone(kspace, 4 * level_of(kspace), frequency)
        one = Measurement(disturbed * mask, mask, (80, 128), disturbed)
        assert ("interference" in cautions(one)) == told


def test_the_peak_of_an_object_that_fills_the_field_of_view_is_no_spike() -> None:
    kspace = head(coils=1) * 0.001
    kspace[:, 48, 64] += 100
    assert "spike" not in cautions(measured(kspace))


@pytest.mark.parametrize("sampling", [LINES, POINTS, Sampling(pattern="poisson-disc", acceleration=8.0)])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_ridge_of_an_object_that_runs_out_of_the_field_of_view_is_no_spike(axis: int, sampling: Sampling) -> None:
    strip = torch.zeros(192, 192)
    strip.narrow(axis, 53, 86)[:] = 1
    noise = torch.randn(1, 192, 192, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    assert "spike" not in cautions(measured(fourier.fft(strip[None], (-2, -1)) + 1e-3 * noise, sampling))


@pytest.mark.parametrize("part", [torch.abs, torch.real])
def test_samples_without_an_imaginary_part_are_told_and_nothing_that_follows_from_it(
    part: Callable[[Tensor], Tensor],
) -> None:
    one = measured(part(head()).to(torch.complex64))
    found = cautions(one)
    assert list(found) == ["no_imaginary"]
    assert found["no_imaginary"].startswith("The samples have no imaginary part")
    image = one.reference("rss")[1:, 1:]
    assert torch.allclose(image, image.flip(0, 1), rtol=1e-3), "its own mirror image, as is said"


def test_nothing_is_known_without_signal_and_without_calibration_lines_and_little_of_one_coil() -> None:
    kspace = head()
    assert list(cautions(measured(kspace[:1]))) == ["few_coils"]
    assert not cautions(measured(0 * kspace))
    one = measured(folded(kspace, 56))
    gaps = torch.arange(56)[None] % 3 == 1
    assert not cautions(replace(one, kspace=one.full * gaps, mask=gaps))


def test_noise_that_signal_covers_is_told_where_its_level_changes_images() -> None:
    """Of three coils at R = 4 it is three times the truth. More noise is seen, and less than 0.002 counts as that."""
    covered, seen, faint = (
        measured(head(level, coils), SPARSE) for level, coils in ((0.0015, 3), (0.03, 3), (0.0005, 4))
    )
    assert "The noise level, 0.0045 of the image's scale, is uncertain" in cautions(covered)["covered_noise"]
    for one in (seen, faint, measured(head(0.0015, coils=3))):
        assert "covered_noise" not in cautions(one)


def test_what_the_estimate_found_of_covered_noise_is_not_solved_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one = measured(head(0.0015, coils=3), SPARSE)
    known = one.calibration
    assert known.noise_covered is noise.covered(one.kspace, one.mask, known.sensitivities) is True
    moved = one.with_kspace(one.kspace, keep=True).to("cpu")
    solved = list[object]()
    monkeypatch.setattr(unexplained, "of_data_and_noise", lambda *given: solved.append(given))
    assert "covered_noise" in cautions(one)
    assert "covered_noise" in cautions(moved)
    assert not solved


def test_noise_that_a_given_calibration_says_nothing_of_is_asked_for() -> None:
    one = measured(head(0.0015, coils=3), SPARSE)
    given = replace(one, kept=replace(one.calibration, noise_covered=None))
    assert "covered_noise" in cautions(given)


@pytest.mark.parametrize("sampling", [LINES, POINTS])
def test_fewer_coils_than_the_acceleration_are_told_and_images_are_worse_without_a_prior(sampling: Sampling) -> None:
    def nmse(one: Measurement, id: str) -> float:
        return metrics.nmse(registry.get(id)(one).abs(), one.reference())

    few, enough = (measured(head(coils=coils), sampling) for coils in (1, 4))
    assert few.acceleration == enough.acceleration < 4
    assert set(cautions(few)) - {"covered_noise"} == {"few_coils"}  # nothing tells it from signal in one coil
    assert cautions(few)["few_coils"].startswith("1 coil cannot unfold an acceleration above 1:")
    assert not cautions(enough)
    assert nmse(few, "cg-sense") > 3 * nmse(enough, "cg-sense")


def test_coils_that_measured_nothing_unfold_nothing() -> None:
    gains = torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert cautions(measured(head(coils=4) * gains[:, None, None]))["few_coils"].startswith("2 coils cannot")


def test_one_coil_that_was_fully_sampled_is_told_nothing() -> None:
    kspace = head(coils=1)
    assert not cautions(Measurement(kspace, torch.ones(1, 128, dtype=torch.bool), (96, 128), kspace))


def test_the_noise_of_calibration_lines_that_were_measured_apart_is_no_second_set() -> None:
    """They may have a thousand times the scale of the image's lines, whose noise says nothing of theirs then."""
    kspace = head(0.2)
    columns = torch.arange(kspace.shape[-1]) - kspace.shape[-1] // 2
    every, centre = (columns % 2 == 0)[None], (columns.abs() < 4)[None]
    one = Measurement(kspace * every, every, tuple(kspace.shape[-2:]), acs=1000 * kspace * centre)
    assert "second_set" not in cautions(one)


@pytest.mark.slow
def test_slices_that_are_taken_for_coils_are_told() -> None:
    """As the axes of a raw array may be guessed: a stack of one coil, or coils before slices."""
    with open_sample() as scan:
        stack = torch.stack([scan.kspace(slice)[0, 192:448] for slice in range(len(scan))])
        coils = scan.kspace(0)[:, 192:448]
    stacked, ordinary = (cautions(measured(kspace)).get("second_set", "") for kspace in (stack, coils))
    assert "or slices are taken for coils (then name the axes of the array)" in stacked
    assert not ordinary
