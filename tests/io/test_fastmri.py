"""fastMRI files: all that real ones have and lack, what is written is read, and what is wrong is said."""

import csv
import tracemalloc

import h5py
import ismrmrd
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import constants

from helpers.headers import header
from napari_recon_robust.data.orientation import FIRST_ROW_BELOW
from napari_recon_robust.data.scan import Header
from napari_recon_robust.ground import guard
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.io import fastmri, open_scan
from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.io.ismrmrd_header import AcquisitionHeader
from napari_recon_robust.physics.sampling import Sampling


def write(path, **contents):
    attributes = contents.pop("attributes", {})
    with h5py.File(path, "w") as file:
        for name, value in contents.items():
            file[name] = value
        file.attrs.update(attributes)
    return path


def test_multicoil_file(tmp_path, kspace):
    reference = np.random.default_rng(1).random((4, 24, 20), np.float32)
    path = write(
        tmp_path / "file1.h5",
        kspace=kspace,
        reconstruction_rss=reference,
        ismrmrd_header=header((48, 20), (24, 20), 19, 10),
        attributes={"acquisition": "AXFLAIR", "max": 1.0, "norm": [1.0, 2.0], "patient_id": "x"},
    )
    with open_scan(path) as scan:
        facts = scan.header
        assert (facts.slices, facts.coils, facts.readout, facts.phase, facts.matrix) == (4, 5, 48, 20, (24, 20))
        assert facts.voxel == (2.0, 1.0, 5.0)
        assert (facts.contrast, facts.field_strength, facts.upright) == ("AXFLAIR", 2.8936, FIRST_ROW_BELOW)
        assert len(scan) == 4
        assert scan.fully_sampled
        for index in range(4):
            np.testing.assert_array_equal(scan.kspace(index).numpy(), kspace[index])
            np.testing.assert_array_equal(scan.reference(index).numpy(), reference[index])


def test_image_is_the_centred_transform(tmp_path, kspace):
    """What is read gives the RSS that numpy's FFT and a centre crop give."""
    axes = (-2, -1)
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace, axes), norm="ortho"), axes)
    rss = np.sqrt((np.abs(images) ** 2).sum(1))[:, 12:36]
    path = tmp_path / "file1.h5"
    write_fastmri(path, kspace, rss, encoded_mm=(440, 220, 5), matrix=(24, 20))
    with open_scan(path) as scan:
        measured = scan.measurement(2).reference("rss").numpy()
        np.testing.assert_allclose(measured, scan.reference(2).numpy(), rtol=1e-4)


def test_the_reference_of_a_single_coil_is_its_own_and_not_that_of_all_coils(tmp_path, kspace):
    """fastMRI's files of an emulated coil have both."""
    reference = np.random.default_rng(0).random((4, 24, 20), np.float32)
    images = {"reconstruction_rss": 3 * reference + 1, "reconstruction_esc": reference}
    with open_scan(write(tmp_path / "single.h5", kspace=kspace[:, 0], **images)) as scan:
        np.testing.assert_array_equal(scan.reference(1).numpy(), reference[1])
    with open_scan(write(tmp_path / "many.h5", kspace=kspace, **images)) as scan:
        np.testing.assert_array_equal(scan.reference(1).numpy(), 3 * reference[1] + 1)


def test_single_coil_file(tmp_path, kspace):
    reference = np.ones((4, 24, 20), np.float32)
    path = write(tmp_path / "file1.h5", kspace=kspace[:, 0], reconstruction_esc=reference)
    with open_scan(path) as scan:
        assert (scan.header.coils, scan.header.matrix) == (1, (24, 20))
        assert scan.kspace(1).shape == (1, 48, 20)
        assert scan.reference(3).shape == (24, 20)
        assert scan.fully_sampled
        assert scan.header.voxel is None
        assert scan.header.contrast is None


@pytest.mark.parametrize("prefix", ["", "ns0", "ismrmrd"])
@pytest.mark.parametrize(
    ("encoded", "maximum", "center", "measured"), [(368, 331, 166, (18, 350)), (320, 223, 112, (48, 272))]
)
def test_padding_columns_are_not_acquired(tmp_path, prefix, encoded, maximum, center, measured):
    kspace = np.zeros((1, 2, 8, encoded), np.complex64)
    kspace[..., slice(*measured)] = 1
    xml = header((8, encoded), (4, encoded), maximum, center, prefix)
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace, ismrmrd_header=xml)) as scan:
        lines = scan.acquired[0].nonzero().flatten()
        assert (lines[0], lines[-1] + 1) == measured
        assert len(lines) == measured[1] - measured[0]
        assert scan.fully_sampled
        measurement = scan.measurement(0, Sampling(acceleration=4))
        assert not bool((measurement.mask & ~scan.acquired).any())
        assert torch.equal(measurement.data_mask, measurement.mask | ~scan.acquired), "padding is known to be zero"


def test_padding_of_an_undersampled_scan_is_known_to_be_zero(tmp_path, kspace):
    phase = kspace.shape[-1]
    mask = np.arange(phase) % 2 == 0
    padded = (np.arange(phase) < 2) | (np.arange(phase) >= phase - 2)
    xml = header((kspace.shape[-2], phase), (kspace.shape[-2], phase), phase - 5, phase // 2 - 2)
    measured = kspace * (mask & ~padded)
    with open_scan(write(tmp_path / "file1.h5", kspace=measured, mask=mask, ismrmrd_header=xml)) as scan:
        one = scan.measurement(0)
        assert one.full is None
        assert one.data_mask[0].tolist() == (mask | padded).tolist()
        assert one.sampled[0].tolist() == (mask & ~padded).tolist()


@pytest.mark.parametrize("limits", [True, False], ids=["limits of the whole matrix", "no header"])
def test_sampled_lines_without_values_are_padding(tmp_path, kspace, limits):
    """As far as the mask tells: what lies beyond the innermost of them is padding, too."""
    readout, phase = kspace.shape[-2:]
    line = np.arange(phase)
    mask, padded = line % 2 == 0, (line < 3) | (line >= phase - 3)
    more = {"ismrmrd_header": header((readout, phase), (readout, phase))} if limits else {}
    silent = kspace * (mask & ~padded)
    silent[:, 0, :, phase // 2 - 2] = 0  # of one coil, which is no reason to leave the line out
    with open_scan(write(tmp_path / "file1.h5", kspace=silent, mask=mask, **more)) as scan:
        one = scan.measurement(0)
        assert one.mask[0].tolist() == (mask & ~padded).tolist()
        assert one.data_mask[0].tolist() == (mask | (line < 3) | (line >= phase - 2)).tolist()


@pytest.mark.parametrize("step", [1, 2])
def test_a_partial_fourier_scan_measures_no_more_than_its_side(tmp_path, kspace, step):
    """5/8 of the lines, of which the stored mask samples every one or every second, and no header."""
    line = np.arange(kspace.shape[-1])
    mask, measured = line % step == 0, line >= 7
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * (mask & measured), mask=mask)) as scan:
        one = scan.measurement(0)
        assert scan.acquired[0].tolist() == (mask & measured).tolist()
        assert scan.fully_sampled == (step == 1)
        assert one.data_mask[0].tolist() == (mask | ~measured).tolist()
        assert one.acceleration == pytest.approx(13 / (mask & measured).sum())
        reference = one.reference("rss")
    if step == 1:
        axes = (-2, -1)
        images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(kspace[0] * measured, axes), norm="ortho"), axes)
        np.testing.assert_allclose(reference.numpy(), np.sqrt((np.abs(images) ** 2).sum(0)), rtol=1e-4)
    else:
        assert reference is None


def test_limits_that_leave_out_lines_with_values_are_wrong(tmp_path, kspace):
    phase = kspace.shape[-1]
    xml = header((kspace.shape[-2], phase), (kspace.shape[-2], phase), phase - 5, phase // 2 - 2)
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace, ismrmrd_header=xml)) as scan:
        assert scan.acquired.all()
        assert scan.measurement(0, Sampling(acceleration=4)).acquired.all()


@pytest.mark.parametrize("stored", [True, False], ids=["mask", "no mask"])
def test_limits_that_leave_out_sampled_lines_say_nothing_of_the_others(tmp_path, kspace, stored):
    readout, phase = kspace.shape[-2:]
    mask = np.arange(phase) % 2 == 0
    xml = header((readout, phase), (readout, phase), phase - 5, phase // 2 - 2)
    more = {"mask": mask} if stored else {}
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * mask, ismrmrd_header=xml, **more)) as scan:
        one = scan.measurement(0)
        assert one.mask[0].tolist() == mask.tolist()
        assert one.data_mask[0].tolist() == mask.tolist()


def test_the_missing_ends_of_lines_with_a_stored_mask_are_no_samples(tmp_path, kspace):
    readout, phase = kspace.shape[-2:]
    mask, echo = np.arange(phase) % 2 == 0, np.arange(readout)[:, None] >= readout // 4
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * mask * echo, mask=mask)) as scan:
        one = scan.measurement(0)
        assert one.lines
        assert one.mask.tolist() == (mask & echo).tolist()


def test_the_missing_ends_are_found_beside_an_empty_slice_and_a_dead_coil(tmp_path, kspace):
    readout, phase = kspace.shape[-2:]
    mask, echo = np.arange(phase) % 2 == 0, np.arange(readout)[:, None] >= readout // 4
    kspace[len(kspace) // 2] = kspace[:, 0] = 0
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * mask * echo, mask=mask)) as scan:
        assert scan.acquired.tolist() == (mask & echo).tolist()


def test_limits_of_every_real_file_lie_inside(shared):
    """Headers of all fastMRI files: the measured columns are a range of the encoded ones."""
    names = [f"encoding.encodedSpace.matrixSize.{axis}" for axis in "xy"]
    names += [f"encoding.encodingLimits.kspace_encoding_step_1.{name}" for name in ("maximum", "center")]
    found = set()
    for part in ("brain", "knee"):
        with (shared / "data" / "annotations" / f"fastmri_{part}_headers.csv").open(newline="") as file:
            found |= {tuple(int(row[name]) for name in names) for row in csv.DictReader(file)}
    assert len(found) > 50
    for x, y, maximum, center in found:
        columns = AcquisitionHeader.parse(header((x, y), (x, y), maximum, center), "").measured(1, y)
        assert columns == slice(y // 2 - center, y // 2 - center + maximum + 1)


@pytest.mark.parametrize(
    ("recon", "phase", "matrix"),
    [((320, 320), 372, (320, 320)), ((512, 512), 213, (213, 213)), ((320, 260), 264, (320, 260))],
)
def test_output_matrix_without_a_reference(tmp_path, recon, phase, matrix):
    kspace = np.ones((1, 1, 640, phase), np.complex64)
    path = write(tmp_path / "file1.h5", kspace=kspace, ismrmrd_header=header((640, phase), recon))
    with open_scan(path) as scan:
        assert scan.header.matrix == matrix
        assert scan.reference(0) is None


def test_output_matrix_of_every_real_file(shared):
    """It covers the header's field of view, and is the header's own matrix where the scanner did not interpolate."""
    found, interpolated = set(), 0
    for part in ("brain", "knee"):
        with (shared / "data" / "annotations" / f"fastmri_{part}_headers.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                found.add(
                    tuple(
                        tuple(float(row[f"encoding.{space}.{what}.{axis}"]) for axis in "xy")
                        for space in ("encodedSpace", "reconSpace")
                        for what in ("matrixSize", "fieldOfView_mm")
                    )
                )
    assert len(found) > 50
    for encoded, encoded_mm, recon, recon_mm in found:
        described = AcquisitionHeader.parse(header(encoded, recon, extents=(encoded_mm, recon_mm)), "")
        np.testing.assert_allclose(np.multiply(described.matrix, described.voxel[:2]), recon_mm, rtol=0.01)
        assert described.matrix == recon or max(recon) >= 408
        assert bool(described.notes) == (described.matrix != recon)
        interpolated += described.matrix != recon
    assert 0 < interpolated < len(found) / 10


@pytest.mark.parametrize(
    ("said", "hertz", "expected"),
    [("", "63870000", 1.5001), ("", "127740000", 3.0002), ("2.8936", "127740000", 2.8936), ("", "63.87", None)],
    ids=["1.5 T", "3 T", "both", "MHz by mistake"],
)
def test_the_field_strength_is_that_of_the_protons_frequency_where_it_is_not_said(said, hertz, expected):
    """By the proton's gyromagnetic ratio in water, as CODATA has it; scanners and their converters give either."""
    xml = header((48, 20), (24, 20)).replace("2.8936", said)
    frequency = f"<H1resonanceFrequency_Hz>{hertz}</H1resonanceFrequency_Hz>"
    xml = xml.replace("<encoding>", f"<experimentalConditions>{frequency}</experimentalConditions><encoding>")
    found = AcquisitionHeader.parse(xml, "").field_strength
    assert found == (expected and pytest.approx(expected, abs=5e-4))
    if found and not said:
        ratio = constants.physical_constants["shielded proton gyromag. ratio in MHz/T"][0]
        assert found == pytest.approx(float(hertz) / (1e6 * ratio), rel=1e-4)


def test_an_interpolated_output_matrix_is_told(tmp_path, kspace):
    """Both spaces have the same columns in mm, and half of the rows; the header counts pixels of half the size."""
    xml = header((48, 20), (48, 40), extents=((460, 230), (230, 230)))
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace, ismrmrd_header=xml)) as scan:
        assert scan.header.matrix == (24, 20)
        assert "output matrix of 48×40 has other pixels" in scan.header.notes[0]
    reference = np.ones((4, 20, 20), np.float32)
    path = write(tmp_path / "file2.h5", kspace=kspace, ismrmrd_header=xml, reconstruction_rss=reference)
    with open_scan(path) as scan:
        assert (scan.header.matrix, scan.header.notes) == ((20, 20), ())


@pytest.mark.parametrize(
    ("shape", "voxel"),
    [
        ((256, 140), (440 / 256, 220 / 140)),
        ((128, 140), (440 / 256, 220 / 140)),
        ((256, 142), (440 / 256, 220 / 140)),
        ((128, 70), None),
        ((256, 70), None),
        ((64, 140), None),
    ],
    ids=["its own", "without oversampling", "padded", "of low resolution", "of fewer lines", "of a short readout"],
)
@pytest.mark.parametrize("referred", [True, False])
def test_a_header_of_another_kspace_gives_no_size_in_mm(tmp_path, shape, voxel, referred):
    xml = header((256, 140), (128, 128), extents=((440, 220), (220, 220)))
    contents = {"reconstruction_rss": np.ones((1, 64, 64), np.float32)} if referred else {}
    path = write(tmp_path / "file1.h5", kspace=np.ones((1, 2, *shape), np.complex64), ismrmrd_header=xml, **contents)
    with open_scan(path) as scan:
        told = [note for note in scan.header.notes if "The file's header is of k-space of 256×140" in note]
        if voxel is None:
            assert (scan.header.voxel, len(told)) == (None, 1)
            assert f"its k-space has {shape[0]}×{shape[1]}: the size of a pixel in mm is not known" in told[0]
        else:
            assert scan.header.voxel == pytest.approx((*voxel, 5))
            assert not told


def test_reference_larger_than_the_kspace_is_not_used(tmp_path, kspace):
    path = write(tmp_path / "file1.h5", kspace=kspace, reconstruction_rss=np.ones((4, 24, 24), np.float32))
    with open_scan(path) as scan:
        assert scan.reference(0) is None
        assert "larger than the k-space" in scan.header.notes[0]
        assert scan.header.matrix == (48, 20)


@pytest.mark.parametrize(
    "reference",
    [
        np.ones((4, 24, 20), np.complex64),
        np.ones((4, 1, 24, 20)),
        np.ones((3, 24, 20)),
        np.ones((4, 0, 20)),
        np.ones((4, 24, 24)),
    ],
)
@pytest.mark.parametrize("key", ["reconstruction_rss", "reconstruction_esc"])
def test_a_reference_that_cannot_be_used_is_told_and_the_scan_opens(tmp_path, kspace, reference, key):
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace, **{key: reference})) as scan:
        assert scan.reference(0) is None
        assert scan.fully_sampled
        assert any(
            f"`{key}` is {reference.dtype} of shape" in note and "not used" in note for note in scan.header.notes
        )


def test_a_header_in_a_list_is_read_and_an_empty_one_is_told(tmp_path, kspace):
    xml = header((48, 20), (24, 20))
    for stored in (xml, [xml], np.array([xml.encode()]), [[xml]]):
        with open_scan(write(tmp_path / "file1.h5", kspace=kspace, ismrmrd_header=stored)) as scan:
            assert (scan.header.matrix, scan.header.notes) == ((24, 20), ())
    for stored in ("", " ", [""], np.array([], "S9")):
        with open_scan(write(tmp_path / "file1.h5", kspace=kspace, ismrmrd_header=stored)) as scan:
            assert "The file's `ismrmrd_header` is empty and not used." in scan.header.notes


@pytest.mark.parametrize(("names", "kind"), [(("real", "imag"), "f4"), (("re", "im"), "f8"), (("r", "i"), "f2")])
@pytest.mark.parametrize("coils", [True, False])
def test_pairs_of_numbers_are_complex(tmp_path, kspace, names, kind, coils):
    """Beside fastMRI's keys, without which they are those of CMRxRecon."""
    kspace = 1e4 * (kspace if coils else kspace[:, 0])
    pairs = np.empty(kspace.shape, [(name, kind) for name in names])
    pairs[names[0]], pairs[names[1]] = kspace.real, kspace.imag
    path = write(tmp_path / "file1.h5", kspace=pairs, ismrmrd_header=header((48, 20), (24, 20)))
    with open_scan(path) as scan:
        assert scan.header.format == "fastMRI HDF5"
        assert scan.header.matrix == (24, 20)
        assert scan.fully_sampled
        tolerance = 1e-2 if kind == "f2" else 1e-6
        np.testing.assert_allclose(scan.kspace(3).numpy().squeeze(), kspace[3], tolerance, tolerance)


def test_three_axes_are_told_where_no_reference_says_that_they_are_slices(tmp_path, kspace):
    for contents, told in (({}, True), ({"reconstruction_esc": np.ones((4, 24, 20), np.float32)}, False)):
        with open_scan(write(tmp_path / "file1.h5", kspace=kspace[:, 0], **contents)) as scan:
            notes = [
                note for note in scan.header.notes if "is taken for 4 slices of one coil; if it holds coils" in note
            ]
            assert bool(notes) == told


@pytest.mark.parametrize("coils", [True, False])
@pytest.mark.parametrize("slices", [9, 40])
def test_kspace_of_three_dimensions_is_told_and_slices_are_not(tmp_path, coils, slices):
    place, row, column = np.meshgrid(*(np.linspace(-1, 1, n) for n in (slices, 32, 24)), indexing="ij")
    ball = 1.0 * (place**2 + row**2 + column**2 < 0.8)
    noise = np.random.default_rng(0).normal(scale=0.01, size=(2, *ball.shape))
    volume = ball + noise[0] + 1j * noise[1]
    for axes, told in (((1, 2), False), ((0, 1, 2), True)):
        kspace = np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(volume, axes), axes=axes), axes)
        kspace = np.stack([kspace, 1j * kspace], 1) if coils else kspace
        with open_scan(write(tmp_path / "file1.h5", kspace=kspace)) as scan:
            assert any("taken for slices has its energy in the centre" in note for note in scan.header.notes) == told


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_reference_that_is_not_finite_is_refused_when_it_is_read(tmp_path, kspace, value):
    reference = np.ones((4, 24, 20), np.float32)
    reference[1, 3, 3] = value
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace, reconstruction_rss=reference)) as scan:
        said = "the reference of slice 1 of file1.h5 has NaN or infinity at 1 pixel; finite values are expected: choose"
        with pytest.raises(InputError, match=said):
            scan.reference(1)
        assert scan.reference(0).isfinite().all()


def test_neither_header_nor_reference(tmp_path, kspace):
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace)) as scan:
        assert scan.header.matrix == (48, 20)
        assert "not cropped" in scan.header.notes[0]


@pytest.mark.parametrize(
    ("acquisition", "contrast"),
    [
        (np.bytes_("AXT2"), "AXT2"),
        ("Schädel", "Schädel"),
        (b"Sch\xe4del", "Sch\ufffddel"),
        (5, None),
        (np.array([b"A", b"B"]), None),
        (h5py.Empty("f"), None),
    ],
)
def test_an_acquisition_that_is_no_text_is_not_told(tmp_path, kspace, acquisition, contrast):
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace, attributes={"acquisition": acquisition})) as scan:
        assert Header.model_validate_json(scan.header.model_dump_json()).contrast == contrast


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_test_file_with_its_mask(tmp_path, kspace, dtype):
    mask = np.zeros(20, bool)
    mask[[1, 5, 8, 9, 10, 11, 13, 17]] = True
    xml = header((48, 20), (24, 20))
    path = write(tmp_path / "file1.h5", kspace=kspace * mask, mask=mask.astype(dtype), ismrmrd_header=xml)
    with open_scan(path) as scan:
        np.testing.assert_array_equal(scan.acquired[0].numpy(), mask)
        assert not scan.fully_sampled
        assert scan.reference(0) is None
        measurement = scan.measurement(0)
        assert measurement.full is None
        assert measurement.acceleration == 20 / 8
        assert torch.equal(measurement.kspace, scan.kspace(0))


def test_lines_that_are_zero_in_all_coils_were_not_measured(tmp_path, kspace):
    mask = np.zeros(20, bool)
    mask[[0, 3, 9, 10, 11, 15]] = True
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * mask)) as scan:
        np.testing.assert_array_equal(scan.acquired.numpy(), mask[None])
        assert not scan.fully_sampled


@pytest.mark.parametrize("axes", [(), (1,), (1, 1)])
def test_a_stored_mask_of_points(tmp_path, kspace, axes):
    """As files in fastMRI's layout have it that were undersampled along both axes."""
    mask = np.random.default_rng(0).random((48, 20)) < 0.5
    path = write(tmp_path / "file1.h5", kspace=kspace * mask, mask=mask.reshape(*axes, 48, 20))
    with open_scan(path) as scan:
        np.testing.assert_array_equal(scan.acquired.numpy(), mask)
        np.testing.assert_array_equal(scan.measurement(1).kspace.numpy(), kspace[1] * mask)


WRONG_MASK = (
    "The file's `mask` leaves out points that have samples, so it is ignored and all samples are used; give it as the "
    "sampling mask if the scan is to be undersampled by it."
)


@pytest.mark.parametrize("dead", [False, True])
def test_a_full_scan_with_a_mask_stays_full_and_keeps_its_reference(tmp_path, kspace, dead):
    """K-space beside a mask is masked already, if the mask is that of fastMRI."""
    if dead:
        kspace[:, 0] = kspace[2] = 0
    reference = np.ones((4, 24, 20), np.float32)
    path = write(tmp_path / "file1.h5", kspace=kspace, mask=np.arange(20) % 2 == 0, reconstruction_rss=reference)
    with open_scan(path) as scan:
        assert WRONG_MASK in scan.header.notes
        assert scan.fully_sampled
        one = scan.measurement(1)
        assert one.mask.all()
        np.testing.assert_array_equal(one.full.numpy(), kspace[1])


@pytest.mark.parametrize("wrong", ["shifted", "inverted", "empty"])
def test_a_mask_beside_which_there_are_samples_is_ignored(tmp_path, kspace, wrong):
    sampled = np.arange(20) % 4 == 0
    sampled[8:13] = True
    mask = {"shifted": np.fft.ifftshift(sampled), "inverted": ~sampled, "empty": 0 * sampled}[wrong]
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * sampled, mask=mask)) as scan:
        assert WRONG_MASK in scan.header.notes
        for slice in range(len(scan)):
            np.testing.assert_array_equal(scan.measurement(slice).mask.numpy(), sampled[None])


def test_samples_beside_the_mask_of_another_slice_are_used(tmp_path, kspace):
    mask, other = np.arange(20) % 2 == 0, np.arange(20) % 5 == 0
    kept = np.where((np.arange(4) == 1)[:, None], other, mask)[:, None, None]
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * kept, mask=mask)) as scan:
        assert WRONG_MASK not in scan.header.notes
        for slice, expected in enumerate(kept[:, 0]):
            np.testing.assert_array_equal(scan.measurement(slice).mask.numpy(), expected)


def test_a_scan_that_cannot_be_read_opens_with_its_mask(tmp_path, kspace):
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace * np.nan, mask=np.ones(20))) as scan:
        assert WRONG_MASK not in scan.header.notes


def test_a_dead_coil_hides_no_line(tmp_path, kspace):
    kspace[:, 0] = 0
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace)) as scan:
        assert scan.acquired.all()


def test_an_empty_slice_in_the_middle_hides_no_line(tmp_path, kspace):
    """The next one is read from its first coil, as the middle is, and from all of them if that is empty."""
    kspace[2] = kspace[1, 0] = 0
    kspace[..., 7] = kspace[3, :, :, 8] = 0
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace)) as scan:
        np.testing.assert_array_equal(scan.acquired.numpy()[0], np.arange(20) != 7)
    kspace[1] = 1
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace)) as scan:
        assert scan.fully_sampled
        assert scan.measurement(1).full is not None


def test_two_gigabytes_are_opened_without_reading_them(tmp_path):
    path = tmp_path / "file1.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("kspace", (160, 4, 640, 640), np.complex64, chunks=(1, 1, 640, 640))
        assert data.nbytes > 2e9
        data[80] = 1
    tracemalloc.start()
    with open_scan(path) as scan:
        assert scan.fully_sampled
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20e6
        assert scan.kspace(80).shape == (4, 640, 640)


@pytest.mark.slow
@given(
    shape=st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(2, 8), st.integers(2, 8)),
    scale=st.floats(1e-9, 1e6),
    seed=st.integers(0, 99),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_within_the_rounding(tmp_path, shape, scale, seed):
    generator = np.random.default_rng(seed)
    real, imaginary = generator.normal(size=(2, *shape))
    kspace = (scale * (real + 1j * imaginary)).astype(np.complex64)
    reference = generator.random((shape[0], shape[2], shape[3]), np.float32)
    steps = scale * generator.uniform(0.01, 0.3, shape[1])
    path = tmp_path / "file1.h5"
    write_fastmri(
        path,
        kspace,
        reference,
        encoded_mm=(2.0 * shape[2], 3.0 * shape[3], 4.0),
        matrix=shape[2:],
        field_strength=1.5,
        attributes={"acquisition": "AXT2"},
        rounding=steps,
    )
    with open_scan(path) as scan:
        assert scan.header.voxel == pytest.approx((2, 3, 4))
        assert (scan.header.field_strength, scan.header.contrast, scan.header.matrix) == (1.5, "AXT2", shape[2:])
        for index in range(shape[0]):
            np.testing.assert_array_equal(scan.reference(index).numpy(), reference[index])
            error = scan.kspace(index).numpy() - kspace[index]
            largest = np.maximum(abs(error.real), abs(error.imag)).max((1, 2))
            assert (largest <= steps / 2 * (1 + 1e-5)).all()


def test_both_parts_are_rounded_to_the_next_smaller_power_of_two(tmp_path, kspace):
    steps = np.array([3e-6, 1e-5, 2.0**-18, 4e-5, 1e-4])  # a power of two is its own
    write_fastmri(tmp_path / "a.h5", kspace, encoded_mm=(1, 1, 1), matrix=(24, 20), rounding=steps)
    with h5py.File(tmp_path / "a.h5") as file:
        written = file["kspace"][:]
    for coil, exponent in enumerate((-19, -17, -18, -15, -14)):
        step = 2.0**exponent
        one = kspace[:, coil].astype(complex)
        np.testing.assert_array_equal(
            written[:, coil], step * (np.rint(one.real / step) + 1j * np.rint(one.imag / step))
        )


@pytest.mark.parametrize("phase", [20, 21])
def test_the_written_header_is_read_by_ismrmrd_itself(tmp_path, phase):
    """Cropped fields of view, and the centre as fastMRI's own files count it."""
    kspace, reference = np.ones((2, 3, 48, phase), np.complex64), np.full((2, 24, 18), 0.5, np.float32)
    reference[1, 3, 4] = 2
    path = tmp_path / "a.h5"
    write_fastmri(path, kspace, reference, encoded_mm=(480, 2 * phase, 5), matrix=(24, 18), field_strength=2.89)
    with h5py.File(path) as file:
        described = ismrmrd.xsd.CreateFromDocument(file["ismrmrd_header"][()])
        assert file.attrs["max"] == 2
        assert file.attrs["norm"] == pytest.approx((0.25 * (2 * 24 * 18 - 1) + 4) ** 0.5)
    assert described.acquisitionSystemInformation.systemFieldStrength_T == 2.89
    assert described.experimentalConditions.H1resonanceFrequency_Hz == pytest.approx(2.89 * 42.577e6, rel=1e-5)
    (encoding,) = described.encoding
    spaces = [
        tuple(getattr(part, axis) for part in (space.matrixSize, space.fieldOfView_mm) for axis in "xyz")
        for space in (encoding.encodedSpace, encoding.reconSpace)
    ]
    assert spaces == [(48, phase, 1, 480, 2 * phase, 5), (24, 18, 1, 240, 36, 5)]
    limits = encoding.encodingLimits.kspace_encoding_step_1
    assert (limits.minimum, limits.maximum, limits.center) == (0, phase - 1, phase // 2)
    assert encoding.trajectory.value == "cartesian"


def test_rounding_makes_the_file_small(tmp_path):
    generator = np.random.default_rng(0)
    real, imaginary = generator.normal(size=(2, 1, 4, 64, 64))
    kspace = 1e-5 * (real + 1j * imaginary)
    sizes = []
    for rounding in (None, 0.25e-5):
        path = tmp_path / f"{rounding}.h5"
        write_fastmri(path, kspace, encoded_mm=(64, 64, 5), matrix=(64, 64), rounding=rounding)
        with h5py.File(path) as file:
            assert file["kspace"].chunks == (1, 1, 64, 64)
            sizes.append(file["kspace"].id.get_storage_size())
    assert sizes[1] < 0.4 * sizes[0]


def test_written_mask_is_read(tmp_path, kspace):
    mask = np.arange(20) % 2 == 0
    path = tmp_path / "file1.h5"
    write_fastmri(path, kspace * mask, encoded_mm=(1, 1, 1), matrix=(24, 20), mask=mask)
    with open_scan(path) as scan:
        np.testing.assert_array_equal(scan.acquired[0].numpy(), mask)


def test_writer_refuses_what_does_not_fit(tmp_path, kspace):
    with pytest.raises(InputError, match="3 reference images came"):
        write_fastmri(tmp_path / "a.h5", kspace, np.ones((3, 24, 20)), encoded_mm=(1, 1, 1), matrix=(24, 20))


def test_nan_is_found_when_a_slice_is_read(tmp_path, kspace):
    kspace[2, 1, 30, 7] = np.nan
    kspace[2, 3, 31, 7] = np.inf
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace)) as scan:
        assert torch.isfinite(torch.view_as_real(scan.kspace(1))).all()
        with pytest.raises(
            InputError, match="slice 2 of file1.h5 has NaN or infinity at 2 .*coil 1, readout 30, phase 7"
        ):
            scan.measurement(2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_in_the_middle_slice_tells_nothing_of_the_others(tmp_path, kspace, value):
    """In its first coil, which alone is looked at: in a gap it would count as measured."""
    kspace[..., 1::2] = 0
    kspace[len(kspace) // 2, 0, 3, 5] = value
    with open_scan(write(tmp_path / "file1.h5", kspace=kspace)) as scan:
        np.testing.assert_array_equal(scan.acquired.numpy()[0], np.arange(20) % 2 == 0)
        assert not scan.fully_sampled


def test_truncated_file(tmp_path, kspace):
    path = write(tmp_path / "file1.h5", kspace=kspace)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(FileFormatError, match="file1.h5 is an HDF5 file that cannot be opened .it is truncated"):
        open_scan(path)


def test_file_that_is_being_written(tmp_path, kspace, monkeypatch):
    def locked(*_):
        raise BlockingIOError("Unable to synchronously open file (unable to lock file, errno = 11)")

    path = write(tmp_path / "file1.h5", kspace=kspace)
    monkeypatch.setattr(h5py, "File", locked)
    with pytest.raises(FileFormatError, match="another program is writing it.; wait until that is done"):
        open_scan(path)


def test_damaged_slice(tmp_path, kspace):
    path = tmp_path / "file1.h5"
    write_fastmri(path, kspace, encoded_mm=(1, 1, 1), matrix=(24, 20))
    with h5py.File(path) as file:
        chunk = file["kspace"].id.get_chunk_info_by_coord((3, 0, 0, 0))
    with path.open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(bytes(chunk.size))
    with open_scan(path) as scan, pytest.raises(FileFormatError, match="slice 3 of file1.h5 cannot be read"):
        scan.kspace(3)


@pytest.mark.parametrize(
    ("contents", "sentence"),
    [
        ({"kspace": np.ones((2, 3, 8, 8))}, "`kspace` in file1.h5 is float64 of shape"),
        (
            {"kspace/imag": np.ones((2, 3, 8, 8)), "kspace/real": np.ones((2, 3, 8, 8))},
            r"is a group; .* join real and imaginary parts, as in k\['real'\] \+ 1j \* k\['imag'\], and save that",
        ),
        ({"kspace": np.ones((2, 3, 8, 8, 2), np.int16)}, "join real and imaginary parts, as in k"),
        ({"kspace": np.ones((2, 8, 8), [("a", "f4"), ("b", "f4")])}, r"is a table .* as in k\['a'\] \+ 1j \* k\['b'\]"),
        ({"kspace": np.ones((8, 8), complex)}, "complex128 of shape"),
        ({"kspace/images": np.ones(3)}, "is a group"),
        ({"kspace": np.ones((2, 96, 80, 16), complex)}, r"96 coils of 80×16 .* last, .* as \(slices, coils"),
        ({"mask": np.ones(21)}, "`mask` in file1.h5 has shape 21; one value for each of the 20"),
        ({"mask": np.ones((20, 48))}, "`mask` in file1.h5 has shape 20×48; one value for each of the 20"),
        ({"ismrmrd_header": "<ismrmrdHeader>"}, "the ISMRMRD header of file1.h5 is no XML"),
    ],
)
def test_what_is_inside_does_not_fit(tmp_path, kspace, contents, sentence):
    default = {} if any(name.startswith("kspace") for name in contents) else {"kspace": kspace}
    path = write(tmp_path / "file1.h5", **default, **contents)
    with pytest.raises(FileFormatError, match=sentence):
        open_scan(path)
    path.unlink()  # the file was closed, or Windows could not


def test_other_hdf5_says_its_keys(tmp_path):
    path = write(tmp_path / "file1.h5", **{"image": np.ones(3), "group/a": 1})
    with pytest.raises(
        FileFormatError,
        match=r"an HDF5 file with group/a, image; expected is a scan of fastMRI HDF5 \(an HDF5 file with `kspace`",
    ):
        open_scan(path)


def test_a_slice_that_is_declared_and_not_stored(tmp_path):
    path = tmp_path / "file1.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace", (2, 16, 16384, 16384), np.complex64, chunks=(1, 1, 128, 128))
    with pytest.raises(FileFormatError, match="`kspace` in file1.h5 declares 68.7 GB and holds only 0 bytes"):
        open_scan(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("kspace", (3, 4, 24, 20), np.complex64, chunks=(1, 1, 24, 20))[0] = 1
        file.create_dataset("reconstruction_rss", (3, 2**16, 2**16), np.float32)
    with pytest.raises(FileFormatError, match="`reconstruction_rss` in file1.h5 declares 51.5 GB"):
        open_scan(path)


@pytest.mark.slow
def test_a_slice_that_fits_into_no_memory(tmp_path, kspace, monkeypatch):
    write_fastmri(tmp_path / "file1.h5", np.ones((1, 2, 2048, 2100)), encoded_mm=(1, 1, 1), matrix=(24, 20))
    monkeypatch.setattr(guard, "free_memory", lambda: 10**6)
    with open_scan(tmp_path / "file1.h5") as scan, pytest.raises(FileFormatError, match="needs 68.8 MB of memory"):
        scan.kspace(0)


def test_lines_in_large_chunks_are_not_looked_at_on_opening(tmp_path, monkeypatch):
    """Each would be read, and unpacked, as a whole."""
    seen = []
    monkeypatch.setattr(fastmri, "complex_values", lambda data, index: seen.append(index) or np.ones(1))
    for chunks in (None, (1, 1, 64, 64), (1, 40, 64, 64)):
        seen.clear()
        with h5py.File(tmp_path / "scan.h5", "w") as file:
            file.create_dataset("kspace", data=np.ones((16, 40, 64, 64), np.complex64), chunks=chunks)
        with open_scan(tmp_path / "scan.h5"):
            assert bool(seen) == (chunks != (1, 40, 64, 64))
