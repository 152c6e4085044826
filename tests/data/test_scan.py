"""What every scan does, whatever its format."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_recon_robust.data.measurement import Calibration, single_slices
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.data.scan import Header, Scan
from napari_recon_robust.ground.errors import FileFormatError, InputError, PackageWarning
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.sampling import Sampling


class Memory(Scan):
    """A scan of an array in memory; counts what is read."""

    def __init__(self, kspace, reference=None, **facts):
        slices, coils, readout, phase = kspace.shape
        facts |= {"slices": slices, "coils": coils, "readout": readout, "phase": phase}
        super().__init__("memory", Header(format="test", matrix=(readout // 2, phase), **facts))
        self.kspace_array, self.read, self.released = kspace, [], False

    def _read(self, slice):
        self.read.append(slice)
        return self.kspace_array[slice]

    def _release(self):
        self.released = True


@pytest.fixture
def kspace():
    real, imaginary = np.random.default_rng(0).normal(size=(2, 3, 4, 32, 24))
    return (real + 1j * imaginary).astype(np.complex64)


def test_it_prints_what_a_reader_asks_for(kspace):
    assert repr(Memory(kspace)) == "<Memory 'memory', test: 3 slices, 4 coils, k-space 32×24, images 16×24>"


def test_as_it_is(kspace):
    scan = Memory(kspace)
    measurement = scan.measurement(1)
    assert measurement.lines
    assert measurement.acceleration == 1
    assert measurement.matrix == (16, 24)
    assert measurement.aspect == 1
    assert Memory(kspace, voxel=(1.5, 2.0, 4.0)).measurement(1).aspect == 0.75
    assert torch.equal(measurement.kspace, torch.from_numpy(kspace[1]))
    assert torch.equal(measurement.full, measurement.kspace)


def test_a_measurement_knows_where_it_is_from(kspace):
    sampling = Sampling(acceleration=3, seed=5)
    one = Memory(kspace, voxel=(1.5, 2.0, 4.0), upright=FIRST_ROW_BELOW, simulated=True).measurement(2, sampling)
    facts = {"slice": 2, "voxel": [1.5, 2.0, 4.0], "upright": FIRST_ROW_BELOW.model_dump(), "simulated": True}
    assert one.source == {**facts, "sampling": sampling.model_dump(mode="json")}
    assert one.added(one.kspace).to("cpu").source == one.source
    two, kept = one.with_kspace(torch.stack([one.kspace] * 2)), Calibration(one.kspace, torch.ones(4))
    assert all(each.source == one.source for each in single_slices(replace(two, kept=kept)))
    assert one.with_kspace(one.full, mask=one.acquired).source == {**facts, "sampling": None}
    assert pickle.loads(pickle.dumps(one)).source == one.source


def test_undersampled_by_a_specification(kspace):
    scan, sampling = Memory(kspace), Sampling(acceleration=3, seed=5)
    measurement = scan.measurement(2, sampling)
    mask = sampling.mask(32, 24)
    assert torch.equal(measurement.mask, mask)
    assert torch.equal(measurement.kspace, torch.from_numpy(kspace[2]) * mask)
    assert torch.equal(measurement.full, torch.from_numpy(kspace[2]))


@pytest.mark.parametrize("shape", [(24,), (1, 24), (32, 24), (1, 24, 1), (1, 1, 24, 1)])
@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.float32])
def test_undersampled_by_a_mask(kspace, shape, dtype):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(0)) > 0.5
    measurement = Memory(kspace).measurement(0, mask.to(dtype))
    assert torch.equal(measurement.mask, mask.reshape(-1, 24))
    assert torch.equal(measurement.kspace, torch.from_numpy(kspace[0]) * mask.reshape(-1, 24))


def test_lines_across_the_readout_are_told_as_of_a_transposed_mask():
    square = Memory(np.random.default_rng(0).normal(size=(1, 2, 24, 24)) + 0j)
    lines = (torch.arange(24) % 3 == 0).expand(24, 24)
    with pytest.warns(PackageWarning, match=r"leaves out 16 of 24 rows, as if lines ran across .* transpose it"):
        square.measurement(0, lines.mT)
    rows = (torch.arange(24) > 5)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mask in (lines, lines[:1], lines & rows, rows.expand(24, 24), torch.rand(24, 24) > 0.5):
            square.measurement(0, mask)


def test_a_mask_that_is_not_to_be_written_is_taken_without_a_warning(kspace, recwarn):
    mask = np.arange(24) % 2 == 0
    mask.flags.writeable = False
    assert torch.equal(Memory(kspace).measurement(0, mask).mask[0], torch.arange(24) % 2 == 0)
    assert not recwarn


def test_a_mask_in_another_byte_order_is_taken(kspace):
    mask = (np.arange(24) % 2 == 0).astype(">f4")
    assert torch.equal(Memory(kspace).measurement(0, mask).mask[0], torch.arange(24) % 2 == 0)


def test_nan_in_a_mask_is_refused(kspace):
    """It counted as sampled."""
    mask = np.where(np.arange(24) % 2 == 0, 1.0, np.nan)
    with pytest.raises(InputError, match="the sampling mask has NaN; give True, or a number that is not 0"):
        Memory(kspace).measurement(0, mask)


def test_only_acquired_points_are_kept(kspace):
    kspace[..., :4] = 0
    scan = Memory(kspace)
    assert scan.fully_sampled
    measurement = scan.measurement(0, torch.ones(24))
    assert measurement.mask[0, :4].sum() == 0
    assert measurement.mask.sum() == 20


def test_gaps_between_measured_points(kspace):
    kspace[..., 7] = 0
    scan = Memory(kspace)
    assert not scan.fully_sampled
    assert scan.measurement(0, torch.ones(24)).full is None


def test_each_slice_has_the_lines_that_were_drawn_for_it(kspace):
    lines = np.random.default_rng(1).random((3, 24)) < 0.5
    scan = Memory(kspace * lines[:, None, None])
    for slice in range(3):
        measurement = scan.measurement(slice)
        np.testing.assert_array_equal(measurement.mask.numpy()[0], lines[slice])
        np.testing.assert_array_equal(measurement.kspace.numpy(), kspace[slice] * lines[slice])
        kept = scan.measurement(slice, torch.arange(24) % 2 == 0).mask[0].numpy()
        np.testing.assert_array_equal(kept, lines[slice] & (np.arange(24) % 2 == 0))


@pytest.mark.parametrize("middle", [2, 1])
def test_a_slice_may_lack_lines_that_the_one_in_the_middle_has(kspace, middle):
    """They counted as samples that are zero, and the slice as fully sampled beside a middle that is."""
    lines = np.arange(24) % 4 == 0
    kspace[1, ..., np.arange(24) % middle != 0] = 0
    kspace[0, ..., ~lines] = 0
    measurement = Memory(kspace).measurement(0)
    assert measurement.full is None
    np.testing.assert_array_equal(measurement.mask.numpy()[0], lines)


def test_lines_at_the_ends_that_a_slice_lacks_may_have_been_zero(kspace):
    kspace[0, ..., :5] = 0
    assert Memory(kspace).measurement(0).full is not None
    assert Memory(kspace).measurement(0).mask.all()
    kspace[..., np.arange(24) % 2 == 1] = 0
    assert Memory(kspace).measurement(0).mask.sum() == 12


def test_scattered_zeros_of_a_dark_slice_were_measured(kspace):
    """Its noise was rounded to whole steps."""
    kspace[0] = np.rint(0.6 * kspace[0].real) + 1j * np.rint(0.6 * kspace[0].imag)
    kspace = kspace[:, :1]
    assert (kspace[0] == 0).mean() > 0.2
    assert Memory(kspace).measurement(0).full is not None


def test_lines_that_are_zero_in_one_slice_alone_count_as_measured(kspace):
    """Such as in an empty slice at the edge of a volume."""
    kspace[..., 7] = kspace[0] = 0
    scan = Memory(kspace)
    assert torch.equal(scan.measurement(0).mask, scan.acquired)


def test_partial_echo_is_no_gap(kspace):
    kspace[..., :9, :] = 0
    scan = Memory(kspace)
    assert scan.fully_sampled
    assert scan.acquired.shape == (32, 24)
    assert scan.measurement(0, Sampling()).lines


def test_an_ellipse_has_no_gaps_and_one_with_a_hole_has(kspace):
    row, column = np.ogrid[-1:1:32j, -1:1:24j]
    kspace = kspace * (row**2 + column**2 <= 1)
    scan = Memory(kspace)
    assert scan.fully_sampled
    assert torch.equal(scan.measurement(0, Sampling()).full, torch.from_numpy(kspace[0]))
    kspace[..., 20, 12] = 0
    assert not Memory(kspace).fully_sampled


@pytest.mark.parametrize("left_out", [np.s_[..., :5], np.s_[..., :7, :], np.s_[..., ::3]])
def test_rounding_errors_are_not_measured(left_out):
    """As a crop of the oversampled image leaves them in lines that were zero."""
    row, column = np.ogrid[-1:1:64j, -1:1:48j]
    image = (row**2 + column**2 < 0.3) + np.random.default_rng(0).normal(scale=1e-4, size=(3, 4, 64, 48))
    kspace = torch.from_numpy(image.astype(np.complex64))
    kspace = fourier.fft(kspace)
    kspace[left_out] = 0
    turned = fourier.fft(fourier.ifft(kspace))
    assert turned[left_out].any()
    scan, exact = Memory(turned.numpy()), Memory(kspace.numpy())
    assert torch.equal(scan.acquired, exact.acquired)
    assert scan.fully_sampled == exact.fully_sampled
    measurement, wanted = scan.measurement(1), exact.measurement(1)
    assert measurement.acceleration == wanted.acceleration
    assert torch.equal(measurement.kspace != 0, wanted.kspace != 0)


@pytest.mark.parametrize("axes", [(2,), (3,), (2, 3)])
def test_a_centre_that_is_not_in_the_middle_is_refused(axes):
    row, column = np.ogrid[-1:1:32j, -1:1:24j]
    image = (row**2 + column**2 < 0.6) * np.ones((3, 4, 1, 1))
    every = (2, 3)
    noisy = image + np.random.default_rng(0).normal(scale=0.05, size=image.shape)
    centred = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(noisy, every)), every).astype(np.complex64)
    assert Memory(centred).measurement(1).lines
    assert Memory(centred * (np.arange(24) % 4 == 0)).measurement(1).acceleration == 4
    named = " and ".join(name for axis, name in ((2, "readout"), (3, "phase")) if axis in axes)
    with pytest.raises(InputError, match=rf"memory has its largest values at the ends of {named}, .*fftshift"):
        Memory(np.fft.ifftshift(centred, axes)).measurement(1)


def test_a_slice_of_noise_does_not_speak_for_the_centre_of_the_others(kspace):
    """After it a slice was taken whose centre is in the corner."""
    row, column = np.ogrid[-1:1:32j, -1:1:24j]
    kspace[1:] = np.fft.fft2((row**2 + column**2 < 0.6) + 0.05 * np.random.default_rng(0).normal(size=(2, 4, 32, 24)))
    scan = Memory(kspace)
    assert scan.measurement(0).lines
    with pytest.raises(InputError, match="largest values at the ends of readout and phase"):
        scan.measurement(1)


@pytest.mark.parametrize(("part", "axis"), [(7 / 8, 3), (6 / 8, 3), (6 / 8, 2)])
def test_partial_fourier_without_its_zeros_is_refused(part, axis):
    """The sensitivities and the mask's fully sampled lines would come from beside the centre."""
    row, column = np.ogrid[-1:1:64j, -1:1:64j]
    image = (row**2 + column**2 < 0.6) * np.ones((3, 4, 1, 1))
    noisy = image + np.random.default_rng(0).normal(scale=0.05, size=image.shape)
    kspace = fourier.fft(torch.from_numpy(noisy.astype(np.complex64))).numpy()
    missing = round((1 - part) * 64)
    rest = np.take(kspace, range(missing, 64), axis)
    name, length = {2: "readout", 3: "phase"}[axis], 64 - missing
    words = (
        f"largest values at {name} {32 - missing} of {length}, and it has to have its centre at {length // 2}: fill in"
    )
    with pytest.raises(InputError, match=words):
        Memory(rest).measurement(1)
    padded = np.zeros_like(kspace)
    padded[(slice(None),) * axis + (slice(missing, None),)] = rest
    assert Memory(padded).measurement(1).full is not None
    noise = np.random.default_rng(0).normal(size=(2, 3, 4, 64, 48)).astype(np.float32)
    assert Memory(noise[0] + 1j * noise[1]).measurement(1).full is not None


@pytest.mark.parametrize("axes", [(), (2, 3)])
def test_a_spike_says_nothing_of_the_centre(axes):
    """It was refused with advice on partial Fourier."""
    row, column = np.ogrid[-1:1:64j, -1:1:64j]
    kspace = fourier.fft(torch.from_numpy((row**2 + column**2 < 0.6) * np.ones((3, 4, 1, 1), np.complex64))).numpy()
    kspace = np.fft.ifftshift(kspace, axes)
    kspace[:, 2, 20, 45] += 100 * np.abs(kspace).max()
    if axes:
        with pytest.raises(InputError, match="largest values at the ends of readout and phase"):
            Memory(kspace).measurement(1)
    else:
        assert Memory(kspace).measurement(1).full is not None


def test_a_slice_is_read_once_while_the_mask_turns(kspace):
    scan = Memory(kspace)
    for seed in range(4):
        scan.measurement(1, Sampling(seed=seed))
    assert scan.read == [1]


@pytest.mark.parametrize("shape", [(23,), (1, 23), (24, 32), (2, 24), (1, 32, 24), (1, 23, 1), ()])
def test_mask_that_does_not_fit(kspace, shape):
    with pytest.raises(InputError, match="the sampling mask has shape .*; this scan needs 24 lines, or 32×24 points"):
        Memory(kspace).measurement(0, torch.ones(shape))


def test_nothing_but_zeros(kspace):
    scan = Memory(0 * kspace)
    assert not scan.acquired.any()
    assert scan.read == [1, 0, 2]
    with pytest.raises(InputError, match="slice 0 of memory holds only zeros: choose another slice, or export"):
        scan.measurement(0)


def test_an_empty_slice_in_the_middle_does_not_speak_of_the_others(kspace):
    """As of a phantom's stack."""
    stack = np.array(kspace)
    stack[1] = 0
    scan = Memory(stack)
    assert scan.fully_sampled
    assert scan.read == [1, 0]
    assert scan.measurement(0).full is not None
    assert torch.equal(scan.measurement(1).mask, scan.acquired)


def test_the_slice_with_samples_that_is_nearest_to_the_middle_tells_what_was_measured(kspace):
    stack = np.zeros((7, 4, 32, 24), np.complex64)
    stack[0], stack[5] = kspace[0], kspace[0] * (np.arange(24) % 2 == 0)
    scan = Memory(stack)
    assert not scan.fully_sampled
    assert scan.read == [3, 2, 4, 1, 5]
    np.testing.assert_array_equal(scan.acquired.numpy()[0], np.arange(24) % 2 == 0)


def test_beside_an_empty_middle_a_slice_that_cannot_be_read_is_passed_by(kspace):
    kspace[1], kspace[0, 0, 0, 0] = 0, np.nan
    scan = Memory(kspace)
    assert scan.fully_sampled
    assert scan.read == [1, 0, 2]
    with pytest.raises(InputError, match="slice 0 of memory has NaN or infinity"):
        scan.measurement(0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_middle_slice_that_cannot_be_read_leaves_the_others(kspace, value):
    kspace[:, :, :, 1::2] = 0
    kspace[1, 2, 0, 5] = value
    scan = Memory(kspace)
    assert torch.equal(scan.measurement(0).mask, torch.arange(24)[None] % 2 == 0)
    with pytest.raises(InputError, match="slice 1 of memory has NaN or infinity at 1 k-space point"):
        scan.measurement(1)


def test_a_scan_of_which_no_slice_can_be_read_says_why_of_the_middle(kspace):
    kspace[:, 0, 0, 0] = np.nan
    with pytest.raises(InputError, match="slice 1 of memory has NaN or infinity"):
        Memory(kspace).measurement(0, torch.ones(24))


def test_mask_that_keeps_nothing(kspace):
    with pytest.raises(InputError, match="keeps no measured point"):
        Memory(kspace).measurement(0, torch.zeros(24))


@pytest.mark.parametrize("index", [-1, 3])
def test_slice_that_does_not_exist(kspace, index):
    for read in (Memory(kspace).kspace, Memory(kspace).reference, Memory(kspace).measurement):
        with pytest.raises(InputError, match="memory has slices 0 to 2"):
            read(index)


@pytest.mark.parametrize("value", [np.nan, np.inf, complex(0, np.nan)])
def test_values_that_are_no_numbers(kspace, value):
    kspace[1, 2, 3, 4] = value
    with pytest.raises(InputError, match="at 1 k-space point .the first: coil 2, readout 3, phase 4"):
        Memory(kspace).kspace(1)


@pytest.mark.parametrize("exponent", [-100, -39, 0, 36, 99])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_extreme_numbers_are_read_in_another_unit(kspace, exponent, dtype):
    scan = Memory(kspace.astype(dtype) * dtype(2.0**exponent))
    measurement = scan.measurement(1)
    assert scan.unit(1) == measurement.unit == {-100: 2.0**-80, 99: 2.0**80}.get(exponent, 1)
    in_file = measurement.kspace.to(torch.complex128) * measurement.unit
    assert torch.equal(in_file / 2.0**exponent, torch.from_numpy(kspace[1]).to(torch.complex128))
    assert torch.equal(measurement.full, measurement.kspace)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-60, 1e60])
def test_numbers_beyond_single_precision(kspace, size):
    with pytest.raises(InputError, match="slice 1 of memory .* export the file again in other units"):
        Memory(kspace.astype(complex) * size).kspace(1)


@pytest.mark.parametrize("error", [OSError, RuntimeError, ValueError, KeyError])
def test_reading_that_fails(kspace, monkeypatch, error):
    def fail(slice):
        raise error("inflate failed")

    scan = Memory(kspace)
    monkeypatch.setattr(scan, "_read", fail)
    with pytest.raises(FileFormatError, match="slice 0 of memory cannot be read .*inflate failed"):
        scan.kspace(0)


def test_closed_scan(kspace):
    with Memory(kspace) as scan:
        scan.kspace(0)
    assert scan.released
    with pytest.raises(InputError, match="memory was closed"):
        scan.kspace(0)
