"""ISMRMRD files written by the reference implementation."""

import h5py
import ismrmrd
import nibabel
import numpy as np
import pytest

from helpers.headers import header
from napari_recon_robust.data.orientation import AS_STORED, Directions
from napari_recon_robust.ground.errors import FileFormatError, InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import open_scan
from napari_recon_robust.io.ismrmrd_acquisitions import Acquisitions


class Writer:
    """A file of acquisitions."""

    def __init__(self, path, xml, group="dataset"):
        self.path = path
        self.dataset = ismrmrd.Dataset(str(path), group)
        self.dataset.write_xml_header(xml.encode())

    def line(
        self,
        samples,
        step=0,
        *,
        slice=0,
        flags=(),
        dwell=5.0,
        directions=None,
        slice_dir=None,
        position=None,
        **fields,
    ):
        acquisition = ismrmrd.Acquisition.from_array(np.asarray(samples, np.complex64), fields.pop("trajectory", None))
        acquisition.center_sample = fields.pop("center_sample", samples.shape[1] // 2)
        acquisition.sample_time_us = dwell
        acquisition.idx.kspace_encode_step_1 = step
        acquisition.idx.slice = slice
        if directions is not None:
            acquisition.read_dir[:], acquisition.phase_dir[:] = directions
        if position is not None:
            acquisition.position[:] = position
        for name in ("discard_pre", "discard_post", "encoding_space_ref"):
            setattr(acquisition, name, fields.pop(name, 0))
        if slice_dir is not None:
            acquisition.slice_dir[:] = slice_dir
        for name, value in fields.items():
            setattr(acquisition.idx, name, value)
        for flag in flags:
            acquisition.set_flag(flag)
        self.dataset.append_acquisition(acquisition)

    def lines(self, kspace, order=None, **fields):
        for slice in range(len(kspace)):
            for step in order if order is not None else range(kspace.shape[-1]):
                self.line(kspace[slice, :, :, step], step, slice=slice, **fields)

    def volume(self, kspace, points=None, **fields):
        """The lines of a 3-D scan (coils, readout, phase, partitions), of some points (phase, partitions) or of all."""
        for step, partition in np.argwhere(np.ones(kspace.shape[2:]) if points is None else points):
            self.line(kspace[:, :, step, partition], step, kspace_encode_step_2=partition, **fields)

    def done(self):
        self.dataset.close()
        return self.path


@pytest.fixture
def writer(tmp_path):
    return Writer(tmp_path / "scan.mrd", header((48, 20), (24, 20), 19, 10))


def test_slices_in_any_order(writer, kspace):
    writer.lines(kspace[::-1], order=np.random.default_rng(0).permutation(20))
    with open_scan(writer.done()) as scan:
        facts = scan.header
        assert (facts.format, facts.slices, facts.coils, facts.readout, facts.phase) == ("ISMRMRD", 4, 5, 48, 20)
        assert (facts.matrix, facts.voxel, facts.upright) == ((24, 20), (2, 1, 5), AS_STORED)
        assert scan.fully_sampled
        for index in range(4):
            np.testing.assert_array_equal(scan.kspace(index).numpy(), kspace[3 - index])


@pytest.mark.parametrize("text", [str, bytes])
def test_a_header_that_is_stored_as_one_value(writer, kspace, text):
    """As `group["xml"] = header` writes it."""
    writer.lines(kspace)
    path = writer.done()
    with h5py.File(path, "r+") as file:
        xml = file["dataset/xml"][0]
        del file["dataset/xml"]
        file["dataset/xml"] = xml if text is bytes else xml.decode()
    with open_scan(path) as scan:
        np.testing.assert_allclose(scan.kspace(0).numpy(), kspace[0], rtol=1e-6)


def test_averages(writer, kspace):
    writer.lines(kspace[:1], average=0)
    writer.lines(3 * kspace[:1], average=1)
    with open_scan(writer.done()) as scan:
        np.testing.assert_allclose(scan.kspace(0).numpy(), 2 * kspace[0], rtol=1e-6)


def test_lines_that_were_averaged_more_often_count_as_the_others(writer, kspace):
    writer.lines(kspace[:1])
    for average in (1, 2):
        writer.lines(4 * kspace[:1], order=range(8, 12), average=average)
    times = np.where((np.arange(20) >= 8) & (np.arange(20) < 12), 3, 1)
    with open_scan(writer.done()) as scan:
        np.testing.assert_allclose(scan.kspace(0).numpy(), times * kspace[0], rtol=1e-6)


def test_only_the_first_repetition(writer, kspace):
    writer.lines(kspace[:1], repetition=0)
    writer.lines(3 * kspace[:1], repetition=1)
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])
        assert "2 repetitions" in scan.header.notes[0]


@pytest.mark.parametrize("field", ["contrast", "phase", "repetition", "set"])
def test_of_repetitions_the_first_complete_one(writer, kspace, field):
    """The scanner began with a few lines; averages do not make a repetition more complete."""
    writer.lines(3 * kspace[:1], order=range(5, 15), **{field: 0})
    for number, averages in ((1, 1), (2, 2)):
        for average in range(averages):
            writer.lines(number * kspace[:1], average=average, **{field: number})
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])
        assert scan.header.notes == (f"Of 3 {field}s number 2 is used, as those before it have fewer lines.",)


def test_slices_that_were_measured_in_passes_of_their_own_are_all_read(writer, kspace):
    """All but those of one repetition were zero."""
    for slice in range(len(kspace)):
        for step in range(kspace.shape[-1]):
            writer.line(kspace[slice, :, :, step], step, slice=slice, repetition=slice)
    with open_scan(writer.done()) as scan:
        for slice in range(len(kspace)):
            np.testing.assert_array_equal(scan.kspace(slice).numpy(), kspace[slice])
        assert scan.header.notes == ()


def test_only_the_first_encoding_space(writer, kspace):
    """The lines of another one, such as a quick survey's, belong to another matrix."""
    writer.lines(3 * kspace[:1], order=range(8, 12), encoding_space_ref=1)
    writer.lines(kspace[:1])
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])
        assert scan.header.notes == ("Of 2 encoding spaces the first is used.",)


NO_IMAGING = [
    ismrmrd.ACQ_IS_NAVIGATION_DATA,
    ismrmrd.ACQ_IS_PHASECORR_DATA,
    ismrmrd.ACQ_IS_HPFEEDBACK_DATA,
    ismrmrd.ACQ_IS_DUMMYSCAN_DATA,
    ismrmrd.ACQ_IS_RTFEEDBACK_DATA,
    ismrmrd.ACQ_IS_SURFACECOILCORRECTIONSCAN_DATA,
    ismrmrd.ACQ_IS_PHASE_STABILIZATION_REFERENCE,
    ismrmrd.ACQ_IS_PHASE_STABILIZATION,
]


@pytest.mark.parametrize("flag", NO_IMAGING)
def test_what_the_scanner_measured_for_itself_is_no_line_of_the_image(writer, kspace, flag):
    writer.lines(kspace[:1])
    writer.line(5 * kspace[0, :, :, 10], 10, flags=(flag,))
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])


def test_missing_lines_and_padding(tmp_path, kspace):
    """Steps 0 to 15 around 8 are columns 2 to 17 of 20; every third is left out."""
    writer = Writer(tmp_path / "scan.mrd", header((48, 20), (24, 20), 15, 8))
    steps = [step for step in range(16) if step % 3]
    for step in steps:
        writer.line(kspace[0, :, :, step + 2], step)
    with open_scan(writer.done()) as scan:
        assert not scan.fully_sampled
        columns = [step + 2 for step in steps]
        assert scan.acquired[0].nonzero().flatten().tolist() == columns
        np.testing.assert_array_equal(scan.measurement(0).kspace[..., columns].numpy(), kspace[0][..., columns])


def test_partial_echo_and_discarded_samples(writer, kspace):
    """The echo begins 14 samples late; two samples at each end are of no use."""
    for step in range(20):
        writer.line(kspace[0, :, 14:, step], step, center_sample=10, discard_pre=2, discard_post=2)
    expected = kspace[0].copy()
    expected[:, :16] = expected[:, -2:] = 0
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), expected)
        assert scan.acquired.shape == (48, 20)
        assert scan.acquired[16:46].all()
        assert not scan.acquired[:16].any()


@pytest.mark.parametrize(
    ("samples", "centre_sample", "sentence"),
    [
        (
            96,
            48,
            "have 96 samples, 48 of them beyond the 48 of the encoded matrix",
        ),  # the header counts no oversampling
        (40, 0, "have 40 samples, 16 of them beyond the 48 of the encoded matrix"),  # nobody wrote the centre's place
    ],
)
def test_samples_beyond_the_encoded_matrix(writer, samples, centre_sample, sentence):
    writer.line(np.ones((2, samples)), 10, center_sample=centre_sample)
    with pytest.raises(FileFormatError, match=sentence):
        open_scan(writer.done())


def test_lines_that_end_before_the_matrix_on_both_sides_are_told(writer, kspace):
    """A converter that removes the oversampling and leaves the header as it was looks like zero filling."""
    for step in range(20):
        writer.line(kspace[0, :, 12:36, step], step)
    with open_scan(writer.done()) as scan:
        (note,) = scan.header.notes
        assert note.startswith("The lines have 24 samples in the middle of the 48 of the encoded matrix")


def test_a_centre_that_is_a_sample_off(tmp_path):
    writer = Writer(tmp_path / "scan.mrd", header((200, 1), (100, 1), 0, 0))
    line = np.arange(1, 201) * np.ones((2, 1))
    writer.line(line, center_sample=99)
    with open_scan(writer.done()) as scan:
        assert scan.header.notes == (
            "Of the samples of a line up to 1 lie beyond the encoded matrix and are left out.",
        )
        np.testing.assert_array_equal(scan.kspace(0)[0, :, 0].numpy(), [0, *range(1, 200)])


def test_a_short_readout_whose_centre_is_a_sample_off(writer, kspace):
    writer.lines(kspace[:1], center_sample=23)
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0)[:, 1:].numpy(), kspace[0][:, :-1])


@pytest.mark.parametrize(("centre", "first", "kept"), [(9, 1, slice(0, 19)), (11, 0, slice(1, 20))])
def test_a_central_line_that_is_a_step_off(tmp_path, kspace, centre, first, kept):
    """One line falls off the edge, in the calibration too, and the others lie about the centre."""
    writer = Writer(tmp_path / "scan.mrd", header((48, 20), (24, 20), 19, centre))
    writer.lines(kspace[:1])
    writer.lines(3 * kspace[:1], flags=(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,))
    expected = np.zeros_like(kspace[0])
    expected[..., first : first + 19] = kspace[0][..., kept]
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), expected)
        np.testing.assert_array_equal(scan.calibration.kspace(0).numpy(), 3 * expected)
        assert scan.fully_sampled
        said = "The lines of 1 phase-encoding step lie beyond the encoded matrix and are left out."
        assert scan.header.notes[0] == said


@pytest.mark.parametrize("centre", [8, 12])
def test_a_central_line_that_is_farther_off(tmp_path, kspace, centre):
    writer = Writer(tmp_path / "scan.mrd", header((48, 20), (24, 20), 19, centre))
    writer.lines(kspace[:1])
    with pytest.raises(FileFormatError, match=f"steps up to 19 around {centre}, and its header says 20 lines"):
        open_scan(writer.done())


@pytest.mark.parametrize("unit", [1e-5, 1e-25, 1e25])
def test_noise_scan_prewhitens(writer, kspace, unit):
    """Noise that is correlated between coils becomes white, with unit variance at the imaging lines' dwell time."""
    generator = np.random.default_rng(0)
    mixing = unit * (np.eye(5) + 0.4 * generator.normal(size=(5, 5)))

    def noise(n):
        real, imaginary = generator.normal(size=(2, 5, n)) / np.sqrt(2)
        return mixing @ (real + 1j * imaginary)

    for _ in range(40):
        writer.line(noise(256) / np.sqrt(2), flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,), dwell=10.0)
    for step in range(20):
        writer.line(noise(48), step, dwell=5.0)
    with open_scan(writer.done()) as scan:
        white = scan.kspace(0).numpy().reshape(5, -1)
        np.testing.assert_allclose(white @ white.conj().T / white.shape[1], np.eye(5), atol=0.15)
        assert "Prewhitened" in scan.header.notes[0]


def test_a_dead_coil_stays_zero_and_the_others_are_prewhitened(writer, kspace):
    noise = np.random.default_rng(0).normal(size=(5, 2, 256)) * np.array([1, 3, 0, 2, 1])[:, None, None]
    writer.line(noise[:, 0] + 1j * noise[:, 1], flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,))
    kspace[:, 2] = 0
    writer.lines(kspace[:1])
    live = [0, 1, 3, 4]
    samples = (noise[:, 0] + 1j * noise[:, 1])[live]
    factor = np.linalg.cholesky(samples @ samples.conj().T / 256)
    with open_scan(writer.done()) as scan:
        found = scan.kspace(0).numpy()
        expected = np.linalg.solve(factor, kspace[0, live].reshape(4, -1)).reshape(4, 48, 20)
        np.testing.assert_allclose(found[live], expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
        assert not found[2].any()
        assert scan.header.notes == (
            "Prewhitened with the noise scan in the file, but for 1 coil with zeros in it and in the image.",
        )


def test_samples_of_a_noise_scan_that_are_to_be_discarded_do_not_count(writer, kspace):
    """The receiver's filter has not settled in the first samples, and the last were never measured."""
    noise = np.random.default_rng(0).normal(size=(5, 2, 256)) @ np.diag(np.repeat([50.0, 1, 0], [20, 206, 30]))
    samples = noise[:, 0] + 1j * noise[:, 1]
    writer.line(samples, flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,), discard_pre=20, discard_post=30)
    writer.lines(kspace[:1])
    of_noise = samples[:, 20:226]
    factor = np.linalg.cholesky(of_noise @ of_noise.conj().T / 206)
    expected = np.linalg.solve(factor, kspace[0].reshape(5, -1)).reshape(kspace[0].shape)
    with open_scan(writer.done()) as scan:
        np.testing.assert_allclose(scan.kspace(0).numpy(), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_a_noise_scan_of_other_coils_is_told(writer, kspace):
    writer.line(np.ones((7, 256)), flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,))
    writer.lines(kspace[:1])
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])
        assert any("other coils than the image, so nothing is prewhitened" in note for note in scan.header.notes)


def test_lines_below_the_limits_were_never_to_be_measured(tmp_path, kspace):
    """A partial Fourier scan whose header keeps the centre in the middle, and begins at a later step."""
    writer = Writer(tmp_path / "scan.mrd", header((48, 20), (24, 20), 19, 10, minimum=4))
    writer.lines(kspace[:1], order=[4, 6, 8, 9, 10, 11, 12, 14, 16, 18])
    with open_scan(writer.done()) as scan:
        measurement = scan.measurement(0)
    assert measurement.acquired[0].nonzero().flatten().tolist() == list(range(4, 20))
    assert measurement.acceleration == 1.6


@pytest.mark.parametrize(
    "noise", [np.zeros((5, 256)), np.ones((5, 4)), np.diag([1, 1, 0, 1, 1])], ids=["zero", "short", "a dead coil"]
)
def test_a_noise_scan_that_cannot_whiten_is_told(writer, kspace, noise):
    writer.line(noise, flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,))
    writer.lines(kspace[:1])
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])
        assert "nothing is prewhitened" in scan.header.notes[0]


def accelerated(path, mode):
    """A file whose header says which kind of calibration lines it has."""
    said = f"<calibrationMode>{mode}</calibrationMode>" if mode else ""
    extra = f"<parallelImaging>{said}</parallelImaging></encoding>"
    return Writer(path, header((48, 20), (24, 20), 19, 10).replace("</encoding>", extra))


def test_calibration_lines_count_where_they_are_embedded(tmp_path, kspace):
    """Those of the grid are flagged for both, the ones between them for calibration alone, as a Siemens scan's are."""
    writer = accelerated(tmp_path / "scan.mrd", "embedded")
    for step in range(0, 20, 2):
        both = (ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING,) if 6 <= step < 14 else ()
        writer.line(kspace[0, :, :, step], step, flags=both)
    for step in range(7, 14, 2):
        writer.line(kspace[0, :, :, step], step, flags=(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,))
    with open_scan(writer.done()) as scan:
        assert scan.acquired[0].nonzero().flatten().tolist() == sorted([*range(0, 20, 2), 7, 9, 11, 13])
        assert scan.header.notes == ()
        assert scan.calibration is None
        assert scan.measurement(0).calibration.sensitivities.any()


@pytest.mark.parametrize("mode", ["separate", "external", "interleaved", "other", None])
def test_separate_calibration_lines_give_the_sensitivities_and_are_no_samples(tmp_path, kspace, mode):
    """They have another contrast, half the resolution along the readout, and a slice's lines between another one's."""
    writer = accelerated(tmp_path / "scan.mrd", mode)
    for step in range(5, 15):
        for slice in range(4):
            flags = (ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,)
            writer.line(3 * kspace[slice, :, 12:36, step], step, slice=slice, flags=flags)
    for slice in range(4):
        for step in range(0, 20, 2):
            writer.line(kspace[slice, :, :, step], step, slice=slice)
    with open_scan(writer.done()) as scan:
        assert scan.acquired[0].nonzero().flatten().tolist() == list(range(0, 20, 2))
        (note,) = scan.header.notes
        said = f"of mode '{mode}'" if mode else "whose mode the header does not say"
        assert note.startswith(f"The calibration lines (40, {said}) are no part of the image")
        for slice in (0, 3):
            one = scan.measurement(slice)
            np.testing.assert_array_equal(one.kspace[..., ::2].numpy(), kspace[slice][..., ::2])
            expected = np.zeros_like(kspace[slice])
            expected[:, 12:36, 5:15] = 3 * kspace[slice, :, 12:36, 5:15]
            np.testing.assert_array_equal(one.acs.numpy(), expected)
            assert one.calibration.sensitivities.any()
    assert scan.calibration is not None
    with pytest.raises(InputError, match="was closed"):
        scan.calibration.kspace(0)


def test_separate_calibration_lines_of_a_volume(tmp_path):
    generator = np.random.default_rng(0)
    shape = 4, 24, 18, 16
    volume = (generator.normal(size=shape) + 1j * generator.normal(size=shape)).astype(np.complex64)
    xml = header((24, 18), (12, 18), 17, 9, partitions=(16, 16))
    writer = Writer(tmp_path / "scan.mrd", xml)
    steps, partitions = np.mgrid[:18, :16]
    centre = (abs(steps - 9) < 5) & (abs(partitions - 8) < 5)
    writer.volume(volume, (steps % 2 == 1) & (partitions % 2 == 0))
    writer.volume(2 * volume, centre, flags=(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,))
    with open_scan(writer.done()) as scan:
        run(scan.prepare(4))
        one = scan.measurement(4)
        np.testing.assert_array_equal(one.mask.numpy(), (steps % 2 == 1) & (partitions % 2 == 0))
        axes = (1,)
        across = np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(2 * volume, axes), axis=1, norm="ortho"), axes)
        np.testing.assert_allclose(one.acs.numpy(), across[:, 6 + 4] * centre, rtol=1e-4, atol=1e-5)
        assert one.calibration.sensitivities.any()


def test_a_line_that_is_flagged_for_calibration_and_for_both_is_one_of_the_image(tmp_path, kspace):
    writer = accelerated(tmp_path / "scan.mrd", "separate")
    both = (ismrmrd.ACQ_IS_PARALLEL_CALIBRATION, ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING)
    writer.lines(kspace[:1], flags=both)
    with open_scan(writer.done()) as scan:
        assert scan.fully_sampled
        assert scan.header.notes == ()


BOTH, ALONE = ismrmrd.ACQ_IS_PARALLEL_CALIBRATION_AND_IMAGING, ismrmrd.ACQ_IS_PARALLEL_CALIBRATION
OTHER_MODES = ["separate", "external", "interleaved", "other"]


def integrated(writer, kspace, acceleration, offset=0, on_grid=BOTH):
    """Every second or third line, and complete ones from 5 to 14, those of the grid flagged as it is said."""
    for step in range(20):
        grid, centre = step % acceleration == offset, 5 <= step < 15
        if grid or centre:
            flags = ((on_grid if grid else ALONE),) if centre else ()
            writer.lines(kspace[:1], order=[step], flags=flags)
    return sorted({*range(5, 15), *range(offset, 20, acceleration)})


@pytest.mark.parametrize("on_grid", [BOTH, ALONE])
@pytest.mark.parametrize(("acceleration", "offset"), [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_calibration_lines_that_complete_the_image_are_embedded_without_a_mode(
    writer, kspace, on_grid, acceleration, offset
):
    expected = integrated(writer, kspace, acceleration, offset, on_grid)
    with open_scan(writer.done()) as scan:
        assert scan.acquired[0].nonzero().flatten().tolist() == expected
        np.testing.assert_array_equal(scan.kspace(0)[..., expected].numpy(), kspace[0][..., expected])
        assert scan.calibration is None
        told = [note for note in scan.header.notes if "complete the lines of the image, and are part of it" in note]
        assert len(told) == (0 if (acceleration, on_grid) == (1, BOTH) else 1)
        assert scan.measurement(0).calibration.sensitivities.any()


@pytest.mark.parametrize("mode", OTHER_MODES)
def test_lines_that_are_flagged_for_both_calibrate_with_those_between_them(tmp_path, kspace, mode):
    writer = accelerated(tmp_path / "scan.mrd", mode)
    integrated(writer, kspace, 2, 1)
    with open_scan(writer.done()) as scan:
        one = scan.measurement(0)
        assert one.mask[0].nonzero().flatten().tolist() == list(range(1, 20, 2))
        expected = np.zeros_like(kspace[0])
        expected[..., 5:15] = kspace[0][..., 5:15]
        np.testing.assert_array_equal(one.acs.numpy(), expected)
        assert one.calibration.sensitivities.any()


@pytest.mark.parametrize("mode", ["separate", None])
def test_lines_that_are_flagged_for_both_are_not_mixed_with_calibration_lines_on_them(tmp_path, kspace, mode):
    writer = accelerated(tmp_path / "scan.mrd", mode)
    writer.lines(3 * kspace[:1], order=range(5, 15), flags=(ALONE,))
    for step in range(0, 20, 2):
        writer.lines(kspace[:1], order=[step], flags=(BOTH,) if 5 <= step < 15 else ())
    with open_scan(writer.done()) as scan:
        one = scan.measurement(0)
        np.testing.assert_array_equal(one.kspace[..., ::2].numpy(), kspace[0][..., ::2])
        np.testing.assert_array_equal(one.acs[..., 5:15].numpy(), 3 * kspace[0][..., 5:15])


@pytest.mark.parametrize("begin", [0, 6])
def test_calibration_lines_that_are_counted_by_themselves_are_not_mixed_with_those_for_both(tmp_path, kspace, begin):
    """The lines for both are counted as the image's are, so those from step 0 on do not lie between them."""
    writer = accelerated(tmp_path / "scan.mrd", "separate")
    for line in range(8):
        writer.line(kspace[0, :, :, 6 + line], begin + line, flags=(ALONE,))
    for step in range(0, 20, 2):
        writer.lines(kspace[:1], order=[step], flags=(BOTH,) if step in (4, 14) else ())
    with open_scan(writer.done()) as scan:
        columns = range(6, 14) if begin == 0 else [4, *range(6, 15)]
        expected = np.zeros_like(kspace[0])
        expected[..., columns] = kspace[0][..., columns]
        np.testing.assert_array_equal(scan.measurement(0).acs.numpy(), expected)


def shorter(writer, kspace):
    for step in range(5, 15):
        writer.line(kspace[0, :, 12:36, step], step, flags=(ALONE,))


def with_a_gap(writer, kspace):
    writer.lines(kspace[:1], order=[5, 6, 7, 9, 10, 11, 12, 13, 14], flags=(ALONE,))


def of_another_set(writer, kspace):
    writer.lines(kspace[:1], order=range(5, 15), flags=(ALONE,), set=1)


def complete(writer, kspace):
    writer.lines(kspace[:1], order=range(5, 15), flags=(ALONE,))


@pytest.mark.parametrize(
    ("mode", "calibrate"),
    [(None, shorter), (None, with_a_gap), (None, of_another_set), *((mode, complete) for mode in OTHER_MODES)],
)
@pytest.mark.parametrize("acceleration", [1, 2])
def test_an_image_without_its_centre_is_refused(tmp_path, kspace, mode, calibrate, acceleration):
    writer = accelerated(tmp_path / "scan.mrd", mode)
    writer.lines(kspace[:1], order=[step for step in range(0, 20, acceleration) if not 5 <= step < 15])
    calibrate(writer, kspace)
    lacking = 10 if acceleration == 1 else 11
    said = f"lacks {lacking} lines at the centre of k-space, where lines are flagged for calibration alone; if they are"
    with pytest.raises(FileFormatError, match=said):
        open_scan(writer.done())


def test_a_volume_whose_centre_is_flagged_for_calibration_alone(tmp_path):
    """Without a mode it belongs to the image; if it is said to be apart, the centre is missing."""
    generator = np.random.default_rng(0)
    volume = generator.normal(size=(4, 24, 18, 16)).astype(np.complex64)
    xml = header((24, 18), (12, 18), 17, 9, partitions=(16, 16))
    steps, partitions = np.mgrid[:18, :16]
    centre = (steps - 9) ** 2 + (partitions - 8) ** 2 < 25
    grid = ((steps + partitions) % 2 == 1) & ~centre
    said = "<parallelImaging><calibrationMode>separate</calibrationMode></parallelImaging></encoding>"
    for name, mode in (("none.mrd", "</encoding>"), ("separate.mrd", said)):
        writer = Writer(tmp_path / name, xml.replace("</encoding>", mode))
        writer.volume(volume, grid)
        writer.volume(volume, centre, flags=(ALONE,))
        writer.done()
    with open_scan(tmp_path / "none.mrd") as scan:
        np.testing.assert_array_equal(scan.acquired.numpy(), grid | centre)
    with pytest.raises(FileFormatError, match="lacks 11 lines at the centre of k-space"):
        open_scan(tmp_path / "separate.mrd")


@pytest.mark.parametrize(("begin", "place"), [(0, 5), (5, 5), (3, 3)])
def test_calibration_lines_that_are_counted_by_themselves_lie_about_the_centre(tmp_path, kspace, begin, place):
    """Those from step 0 on are; the others are counted as the image's lines, and may be more on one side."""
    writer = accelerated(tmp_path / "scan.mrd", "separate")
    lines = kspace[0, ..., 5:15]
    for line in range(10):
        writer.line(lines[..., line], begin + line, flags=(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,))
    writer.lines(kspace[:1], order=range(0, 20, 2))
    with open_scan(writer.done()) as scan:
        expected = np.zeros_like(kspace[0])
        expected[..., place : place + 10] = lines
        np.testing.assert_array_equal(scan.measurement(0).acs.numpy(), expected)


@pytest.mark.parametrize(
    ("samples", "fields", "why"),
    [
        (np.ones((2, 48)), [{"step": 10}], "have other coils or another matrix than the image"),
        (np.ones((5, 48)), [{"step": 0}, {"step": 30}], "have other coils or another matrix than the image"),
        (np.ones((5, 96)), [{"step": 10}], "have other coils or another matrix than the image"),
        (np.ones((5, 48)), [{"step": 10, "encoding_space_ref": 1}], "belong to another encoding space than the image"),
        (np.ones((5, 48)), [{"step": 10, "flags": (ismrmrd.ACQ_IS_REVERSE,)}], "have reversed readouts (EPI)"),
    ],
    ids=["other coils", "beyond the matrix", "another readout", "another encoding space", "reversed"],
)
def test_calibration_lines_that_do_not_fit_are_told_and_left_out(tmp_path, kspace, samples, fields, why):
    writer = accelerated(tmp_path / "scan.mrd", "separate")
    writer.lines(kspace[:1])
    for some in fields:
        writer.line(samples, **some | {"flags": (ALONE, *some.get("flags", ()))})
    with open_scan(writer.done()) as scan:
        assert scan.fully_sampled
        said = f"The calibration lines ({len(fields)}) are not used: they {why}."
        assert scan.header.notes == (said,)
        assert scan.measurement(0).acs is None


def test_a_slice_without_calibration_lines_has_no_sensitivities(tmp_path, kspace):
    writer = accelerated(tmp_path / "scan.mrd", "separate")
    writer.lines(kspace[:2], order=range(0, 20, 2), position=(0, 0, 0), directions=((0, 1, 0), (1, 0, 0)))
    writer.lines(kspace[:1], order=range(5, 15), flags=(ismrmrd.ACQ_IS_PARALLEL_CALIBRATION,))
    with open_scan(writer.done()) as scan:
        assert scan.measurement(0).calibration.sensitivities.any()
        with pytest.raises(InputError, match="so there is no ACS to estimate"):
            _ = scan.measurement(1).calibration


def test_real_file(shared):
    path = shared / "data" / "kspace" / "ismrmrd_simulated_brain.h5"
    with h5py.File(path) as file, open_scan(path) as scan:
        assert (scan.header.coils, scan.header.matrix, scan.header.voxel) == (1, (256, 256), None)
        kspace = scan.kspace(0).numpy()[0]
        for stored in file["dataset/data"][:5]:
            step = stored["head"]["idx"]["kspace_encode_step_1"]
            np.testing.assert_array_equal(kspace[:, step], stored["data"][::2] + 1j * stored["data"][1::2])
        energy = np.abs(kspace) ** 2
        assert energy[96:160, 96:160].sum() > 0.9 * energy.sum()


@pytest.mark.slow
def test_directions_are_taken_where_all_lines_agree(tmp_path, kspace):
    def opened(name, *directions):
        writer = Writer(tmp_path / name, header((48, 20), (24, 20), 19, 10))
        for slice, stored in enumerate(directions):
            for step in range(20):
                writer.line(kspace[slice, :, :, step], step, slice=slice, directions=stored)
        with open_scan(writer.done()) as scan:
            return scan.header.directions

    axial, coronal = ((0, 1, 0), (1, 0, 0)), ((0, 0, -1), (1, 0, 0))
    assert opened("axial.mrd", axial, axial) == Directions(row=(0, 1, 0), column=(1, 0, 0))
    assert opened("two_planes.mrd", axial, coronal) is None
    assert opened("unset.mrd", None, None) is None


def one_line(**fields):
    return lambda writer: writer.line(np.ones((2, 48)), **fields)


def two_kinds_of_coils(writer):
    writer.line(np.ones((2, 48)), 0)
    writer.line(np.ones((3, 48)), 1)


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (
            one_line(step=19, kspace_encode_step_2=3),
            "partitions up to 3 around 1, and its header says 1 partition;",
        ),
        (one_line(step=30), "has phase-encoding steps up to 30"),
        (one_line(step=20), "has phase-encoding steps up to 20"),
        (one_line(flags=(ismrmrd.ACQ_IS_NOISE_MEASUREMENT,)), "has no imaging acquisitions"),
        (one_line(encoding_space_ref=1), "has no imaging acquisitions in its first encoding space"),
        (one_line(flags=(ismrmrd.ACQ_IS_REVERSE,)), "has reversed readouts"),
        (two_kinds_of_coils, "have different numbers of coils"),
    ],
)
def test_scans_that_are_not_read(writer, write, sentence):
    write(writer)
    with pytest.raises(FileFormatError, match=sentence):
        open_scan(writer.done())


def test_an_acquisition_that_lacks_samples(writer, kspace):
    writer.lines(kspace[:1])
    path = writer.done()
    with h5py.File(path, "r+") as file:
        row = file["dataset/data"][3]
        row["data"] = row["data"][:100].copy()
        file["dataset/data"][3] = row
    with open_scan(path) as scan:
        said = "acquisition 3 of scan.mrd has 100 numbers, and its head says 5 coils of 48 complex samples"
        with pytest.raises(FileFormatError, match=said):
            scan.kspace(0)


def test_spiral(tmp_path):
    xml = header((48, 20), (24, 20)).replace("</encoding>", "<trajectory>spiral</trajectory></encoding>")
    writer = Writer(tmp_path / "scan.h5", xml)
    writer.line(np.ones((2, 48)))
    with pytest.raises(FileFormatError, match="along the trajectory 'spiral'; Cartesian lines are expected"):
        open_scan(writer.done())


def spoke(step):
    """A line through the centre, in radial scans."""
    angle = np.pi * step / 20
    return np.linspace(-0.5, 0.5, 48)[:, None] * [np.cos(angle), np.sin(angle)]


def spiral(step):
    angle = np.linspace(0, 6 * np.pi, 48) + step
    return angle[:, None] / 40 * np.stack([np.cos(angle), np.sin(angle)], 1)


def ramp(step):
    """Samples of a line that come closer to one another at its ends."""
    return np.stack([np.sin(np.linspace(-1.5, 1.5, 48)) / 2, np.full(48, step / 20 - 0.5)], 1)


def grid(step):
    """The coordinates of a Cartesian line, measured and weighted: (readout, phase, weight)."""
    jitter = np.random.default_rng(step).uniform(-2e-3, 2e-3, 48)
    return np.stack([np.linspace(-0.5, 0.5, 48) + jitter, np.full(48, step / 20 - 0.5), np.ones(48)], 1)


@pytest.mark.parametrize(
    ("trajectory", "refused"),
    [(spoke, True), (spiral, True), (ramp, True), (grid, False), (lambda step: np.zeros((48, 2)), False)],
    ids=["radial", "spiral", "ramp", "Cartesian", "not filled in"],
)
@pytest.mark.parametrize("said", [True, False])
def test_coordinates_of_no_grid_are_refused_whatever_the_header_says(tmp_path, kspace, trajectory, refused, said):
    named = "<trajectory>cartesian</trajectory></encoding>" if said else "</encoding>"
    writer = Writer(tmp_path / "scan.h5", header((48, 20), (24, 20)).replace("</encoding>", named))
    for step in range(20):
        writer.line(kspace[1, :, :, step], step, trajectory=trajectory(step))
    path = writer.done()
    if refused:
        with pytest.raises(FileFormatError, match=r"of scan\.h5 lie on no Cartesian line, whatever its header says"):
            open_scan(path)
    else:
        with open_scan(path) as scan:
            np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[1])


def test_table_of_another_kind(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["dataset/xml"] = [header((48, 20), (24, 20))]
        file["dataset/data"] = np.ones(3)
    with pytest.raises(FileFormatError, match="is no table of acquisitions"):
        open_scan(tmp_path / "scan.h5")


@pytest.mark.parametrize(
    ("size", "refused"), [("1000000000", True), ("inf", False), ("nan", False), ("1e300", True), ("-5", False)]
)
def test_a_matrix_that_is_no_size(tmp_path, size, refused):
    path = tmp_path / "scan.mrd"
    data = ismrmrd.Dataset(str(path), "dataset")
    axes = f"<x>{size}</x><y>{size}</y><z>1</z>"
    space = f"<matrixSize>{axes}</matrixSize><fieldOfView_mm>{axes}</fieldOfView_mm>"
    data.write_xml_header(
        f"<ismrmrdHeader><encoding><encodedSpace>{space}</encodedSpace></encoding></ismrmrdHeader>".encode()
    )
    for line in range(8):
        acquisition = ismrmrd.Acquisition.from_array(np.ones((2, 16), np.complex64))
        acquisition.idx.kspace_encode_step_1, acquisition.center_sample = line, 8
        data.append_acquisition(acquisition)
    data.close()
    if refused:
        with pytest.raises(FileFormatError, match="the header of scan.mrd says a matrix of 10+"):
            open_scan(path)
    else:  # as if the header said nothing
        with open_scan(path) as scan:
            assert scan.kspace(0).shape == (2, 16, 8)


@pytest.mark.parametrize(
    "recon", [(48, 40), (24, 20), (12, 15)], ids=["interpolated", "columns interpolated", "rows coarser"]
)
def test_the_output_image_has_the_field_of_view_of_the_header(tmp_path, kspace, recon):
    extents = ((96, 20), (48, 15))
    writer = Writer(tmp_path / "scan.mrd", header((48, 20), recon, 19, 10, extents=extents))
    writer.lines(kspace[:1])
    with open_scan(writer.done()) as scan:
        np.testing.assert_array_equal(np.multiply(scan.header.matrix, scan.header.voxel[:2]), extents[1])
        assert "other pixels than the measured ones" in scan.header.notes[0]


def test_a_point_is_where_it_lies_in_the_patient(writer):
    """A point in mm from the middle of its slice, by the definition of k-space, is found there by nibabel."""
    read, phase = np.array([0, np.cos(0.3), -np.sin(0.3)]), np.array([1.0, 0, 0])
    down, right, positions = 14.0, -6.0, [(5.0, -20.0, 40.0), (5.0, -18.0, 46.0)]
    field = np.array([48 * 2, 20 * 1])  # mm of the encoded space, voxels of 2 × 1 mm
    along, across = np.ogrid[-24:24, -10:10]
    kspace = np.exp(-2j * np.pi * (along * down / field[0] + across * right / field[1]))[None]
    for number, position in enumerate(positions):
        for step in range(20):
            writer.line(kspace[..., step], step, slice=number, directions=(read, phase), position=position)
    with open_scan(writer.done()) as scan:
        for number, position in enumerate(positions):
            image = scan.measurement(number).reference("rss").numpy()
            row, column = np.unravel_index(image.argmax(), image.shape)
            plane = scan.plane(number)
            place = np.array(position) + down * read + right * phase
            affine = plane.affine(image.shape, scan.header.voxel)
            found = nibabel.affines.apply_affine(affine, [column, row, 0])
            np.testing.assert_allclose(found * [-1, -1, 1], place, atol=1e-4)
            assert scan.facts(number)["plane"]["first"] == list(plane.first)


def test_a_slice_at_the_isocentre_has_a_place(writer, kspace):
    for number, z in enumerate((-5, 0, 5)):
        for step in range(20):
            where = {"directions": ((0, 1, 0), (1, 0, 0)), "position": (0, 0, z)}
            writer.line(kspace[number, :, :, step], step, slice=number, **where)
    with open_scan(writer.done()) as scan:
        assert [first[2] for first in scan.header.first_pixels] == [-5, 0, 5]


@pytest.mark.parametrize(
    "positions", [[(0, 0, 0), (0, 0, 0)], [(0, 0, 3), (0, 0, 3)]], ids=["nobody filled them in", "all the same"]
)
def test_positions_that_say_nothing(writer, kspace, positions):
    for number, position in enumerate(positions):
        for step in range(20):
            line = kspace[number, :, :, step]
            writer.line(line, step, slice=number, directions=((0, 1, 0), (1, 0, 0)), position=position)
    with open_scan(writer.done()) as scan:
        assert scan.header.first_pixels is None
        assert scan.facts(0)["plane"] == {"directions": {"row": [0, 1, 0], "column": [1, 0, 0]}, "first": None}


@pytest.mark.slow
def test_a_slice_whose_readout_goes_across_is_turned_to_be_seen(writer, kspace):
    """As of an axial slice whose lines are encoded from the front to the back."""
    writer.lines(kspace[:1], order=range(20), position=(0, 0, 0), directions=((1, 0, 0), (0, 1, 0)))
    with open_scan(writer.done()) as scan:
        letters = scan.header.upright.letters(scan.header.directions)
    assert letters == {"top": "A", "bottom": "P", "left": "R", "right": "L"}


def test_without_directions_nothing_is_said_of_the_patient(writer, kspace):
    writer.lines(kspace, position=(1, 2, 3))
    with open_scan(writer.done()) as scan:
        assert scan.plane(0) is None
        assert "plane" not in scan.facts(0)


# Of 3-D scans: readout oversampled twice, 16 lines, 12 partitions.
VOLUME = header((24, 16), (12, 16), 15, 8, partitions=(12, 12))


@pytest.fixture
def volume():
    """The coil images (coils, readout, phase, partitions) of an object that differs along all axes, and its k-space."""
    generator = np.random.default_rng(1)
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n, endpoint=False) for n in (24, 16, 12)), indexing="ij")
    object = ((2 * x - 0.2) ** 2 + y**2 + (z + 0.1) ** 2 < 0.6) * (1 + x + 0.5 * y - 0.3 * z)
    coils = np.exp(1j * generator.uniform(-2, 2, (3, 3, 1, 1, 1))) * generator.uniform(0.2, 1, (3, 3, 1, 1, 1))
    images = object * (coils * [[[[[1]]]]] * np.stack([x, y, 1 + z])).sum(1)
    return images, centred_fft(images, (-3, -2, -1)).astype(np.complex64)


def centred_fft(images, axes):
    return np.fft.fftshift(np.fft.fftn(np.fft.ifftshift(images, axes), axes=axes, norm="ortho"), axes)


def test_a_3d_scan_is_slices_across_its_readout(tmp_path, volume):
    """Slice n of the output is the plane n + 6 of the readout, which was oversampled twice."""
    images, kspace = volume
    writer = Writer(tmp_path / "scan.mrd", VOLUME)
    writer.volume(kspace)
    with open_scan(writer.done()) as scan:
        facts = scan.header
        assert (facts.slices, facts.coils, facts.readout, facts.phase, facts.matrix) == (12, 3, 16, 12, (16, 12))
        assert facts.voxel == (1, 1.5, 2)
        assert facts.notes == ("A 3-D scan of 12 partitions, as 12 slices across its readout.",)
        assert scan.fully_sampled
        assert scan.acquired.shape == (1, 12)
        for index in (3, 0, 11):
            expected = centred_fft(images[:, index + 6], (-2, -1))
            np.testing.assert_allclose(scan.kspace(index).numpy(), expected, atol=1e-6 * np.abs(kspace).max())
        rss = np.linalg.norm(images[:, 3 + 6], axis=0)
        np.testing.assert_allclose(scan.measurement(3).reference("rss").numpy(), rss, atol=1e-5)


def test_a_central_partition_that_is_a_step_off(tmp_path, volume):
    limits = "<minimum>0</minimum><maximum>11</maximum><center>5</center></kspace_encoding_step_2></encodingLimits>"
    xml = VOLUME.replace("</encodingLimits>", f"<kspace_encoding_step_2>{limits}")
    writer = Writer(tmp_path / "scan.mrd", xml)
    writer.volume(np.roll(volume[1], -1, -1))
    expected = centred_fft(volume[0][:, 3 + 6], (-2, -1))
    expected[..., 0] = 0
    with open_scan(writer.done()) as scan:
        np.testing.assert_allclose(scan.kspace(3).numpy(), expected, atol=1e-6 * np.abs(volume[1]).max())
        assert "The lines of 1 partition lie beyond the encoded matrix and are left out." in scan.header.notes


@pytest.fixture
def passes(monkeypatch):
    """The passes through an ISMRMRD file, one entry each, in blocks of five slices of `volume`."""
    readouts, found = Acquisitions.readouts, []
    monkeypatch.setattr("napari_recon_robust.io.volume._LARGEST", 5 * 8 * 3 * 16 * 12)
    monkeypatch.setattr("napari_recon_robust.io.volume._SMALLEST", 0)
    monkeypatch.setattr(Acquisitions, "readouts", lambda self, which: found.append(1) or readouts(self, which))
    return found


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (range(12), 3),
        (range(11, -1, -1), 3),
        ([6, 5, 7, 4, 8], 1),  # the middle first, and those on both sides of it
        ([0, 11, 10, 9, 8, 7], 2),
    ],
)
def test_slices_of_a_volume_are_read_in_blocks(tmp_path, volume, passes, order, expected):
    """Each block is one pass through the file, and holds what is likely to be asked for next."""
    images, kspace = volume
    writer = Writer(tmp_path / "scan.mrd", VOLUME)
    writer.volume(kspace)
    with open_scan(writer.done()) as scan:
        for index in order:
            plane = centred_fft(images[:, index + 6], (-2, -1))
            np.testing.assert_allclose(scan.kspace(index).numpy(), plane, atol=1e-6 * np.abs(kspace).max())
    assert len(passes) == expected


@pytest.mark.thorough
def test_a_pass_through_a_volume_tells_its_progress_and_can_be_cancelled(tmp_path, volume, passes):
    writer = Writer(tmp_path / "scan.mrd", VOLUME)
    for _ in range(3):
        writer.volume(volume[1])
    with open_scan(writer.done()) as scan:
        steps = list(scan.prepare(6))
        assert [round(step.fraction, 2) for step in steps] == [0, 0.44, 0.89]
        assert steps[0].message == "Reading slices 4 to 8"
        assert list(scan.prepare(5)) == []
        scan.kspace(8)
        assert len(passes) == 1
        job = scan.prepare(0)
        next(job)
        job.close()
        assert len(list(scan.prepare(0))) == 3


def test_a_line_that_is_not_finite_spoils_every_slice(tmp_path, volume):
    """No advice to choose another slice is given."""
    kspace = volume[1].copy()
    kspace[1, 5, 3, 7] = np.nan
    writer = Writer(tmp_path / "scan.mrd", VOLUME)
    writer.volume(kspace)
    with open_scan(writer.done()) as scan, pytest.raises(InputError, match=r"line 3 of partition 7 .*: export the"):
        scan.kspace(0)


def test_what_a_3d_scan_left_out_is_left_out_of_its_slices(tmp_path, volume):
    """Points in both phase encodings, and an ellipse, which is a full scan."""
    images, kspace = volume
    line, partition = np.ogrid[-8:8, -6:6]
    ellipse = (line / 8) ** 2 + (partition / 6) ** 2 <= 1
    points = ellipse & ((np.random.default_rng(2).uniform(size=(16, 12)) < 0.5) | (abs(line) + abs(partition) < 4))
    for name, kept, full in (("ellipse.mrd", ellipse, True), ("points.mrd", points, False)):
        writer = Writer(tmp_path / name, VOLUME)
        writer.volume(kspace, kept)
        with open_scan(writer.done()) as scan:
            np.testing.assert_array_equal(scan.acquired.numpy(), kept)
            assert scan.fully_sampled is full
            expected = centred_fft(images[:, 4 + 6], (-2, -1)) * kept
            found = scan.measurement(4).kspace.numpy()
            np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
            assert not found[:, ~kept].any()


def test_the_corners_about_the_ellipse_of_an_undersampled_volume_are_no_gaps(tmp_path):
    """So the acceleration is that within the ellipse, and methods leave the corners zero as a full scan does."""
    lines, partitions = np.ogrid[-16:16, -12:12]
    inside = (lines / 16) ** 2 + (partitions / 12) ** 2 <= 1
    kept = inside & (((lines + partitions) % 2 == 0) | (abs(lines) + abs(partitions) < 6))
    writer = Writer(tmp_path / "scan.mrd", header((24, 32), (12, 32), 31, 16, partitions=(24, 24)))
    writer.volume(np.ones((2, 24, 32, 24)), kept)
    with open_scan(writer.done()) as scan:
        measurement = scan.measurement(6)
        np.testing.assert_array_equal(measurement.acquired.numpy(), inside)
        assert measurement.acceleration == pytest.approx(inside.sum() / kept.sum())
        assert measurement.data_mask[0, 0]


def test_what_partial_fourier_left_out_of_an_undersampled_volume_is_no_gap(tmp_path, volume):
    """Steps 0 to 12 around 5 are lines 3 to 15 of 16, and 0 to 9 around 4 are partitions 2 to 11 of 12."""
    limits = "<minimum>0</minimum><maximum>9</maximum><center>4</center></kspace_encoding_step_2></encodingLimits>"
    xml = header((24, 16), (12, 16), 12, 5, partitions=(12, 12))
    xml = xml.replace("</encodingLimits>", f"<kspace_encoding_step_2>{limits}")
    there = np.zeros((16, 12), bool)
    there[3:, 2:] = True
    kept = there & (np.random.default_rng(2).uniform(size=(16, 12)) < 0.5)
    writer = Writer(tmp_path / "scan.mrd", xml)
    for line, partition in np.argwhere(kept):
        writer.line(volume[1][:, :, line, partition], line - 3, kspace_encode_step_2=partition - 2)
    with open_scan(writer.done()) as scan:
        assert not scan.fully_sampled
        measurement = scan.measurement(6)
        np.testing.assert_array_equal(measurement.mask.numpy(), kept)
        np.testing.assert_array_equal(measurement.acquired.numpy(), there)


@pytest.mark.parametrize("unchopped", ["ChopY", "ChopZ"])
def test_averages_slabs_and_unchopped_lines_of_a_3d_scan(tmp_path, volume, unchopped):
    """Every other line or partition has the other sign; some lines are averaged."""
    images, kspace = volume
    extra = "".join(
        f"<userParameterLong><name>{name}</name><value>{int(name != unchopped)}</value></userParameterLong>"
        for name in ("ChopY", "ChopZ")
    )
    extra = f"<userParameters>{extra}</userParameters>"
    writer = Writer(tmp_path / "scan.mrd", VOLUME.replace("</ismrmrdHeader>", f"{extra}</ismrmrdHeader>"))
    steps = np.arange(16)[:, None] if unchopped == "ChopY" else np.arange(12)
    signed = 2 * kspace * (-1) ** steps
    writer.volume(signed, average=0)
    writer.volume(1.5 * signed, np.hypot(*np.ogrid[-8:8, -6:6]) < 3, average=1)
    writer.volume(0.5 * signed, np.hypot(*np.ogrid[-8:8, -6:6]) < 3, average=2)
    writer.volume(7 * signed, slice=1)
    with open_scan(writer.done()) as scan:
        assert "Of 2 slabs the first is used." in scan.header.notes
        expected = 2 * centred_fft(images[:, 5 + 6], (-2, -1))
        np.testing.assert_allclose(scan.kspace(5).numpy(), expected, atol=1e-5 * np.abs(expected).max())


def test_a_point_of_a_volume_is_where_it_lies_in_the_patient(tmp_path):
    """A point in mm from the middle of the volume, by the definition of k-space, is found there by nibabel."""
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    position, offset = np.array([5.0, -20.0, 40.0]), np.array([-8.0, 3.0, 4.5])  # along readout, phase, partitions
    grid = np.ogrid[-12:12, -8:8, -6:6]
    phase = sum(axis * mm / extent for axis, mm, extent in zip(grid, offset, (48, 16, 18), strict=True))
    writer = Writer(tmp_path / "scan.mrd", VOLUME)
    where = {"directions": turned[:2], "slice_dir": turned[2], "position": position}
    writer.volume(np.exp(-2j * np.pi * phase)[None], **where)
    with open_scan(writer.done()) as scan:
        images = [scan.unit(index) * scan.measurement(index).reference("rss").numpy() for index in range(len(scan))]
        index = int(np.argmax([image.max() for image in images]))
        row, column = np.unravel_index(images[index].argmax(), images[index].shape)
        affine = scan.plane(index).affine(images[index].shape, scan.header.voxel)
        found = nibabel.affines.apply_affine(affine, [column, row, 0])
        np.testing.assert_allclose(found * [-1, -1, 1], position + offset @ turned, atol=1e-4)


def drawn_anew(slice):
    """Every fourth line, from another one in each slice, and four in the middle."""
    return [step for step in range(20) if (step + slice) % 4 == 0 or 8 <= step < 12]


def test_slices_with_lines_of_their_own_are_undersampled(writer, kspace):
    """What all slices have in common is the run in the middle, without a gap."""
    for slice in range(4):
        for step in drawn_anew(slice):
            writer.line(kspace[slice, :, :, step], step, slice=slice)
    with open_scan(writer.done()) as scan:
        assert not scan.fully_sampled
        assert scan.acquired[0].nonzero().flatten().tolist() == drawn_anew(2)
        for slice in range(4):
            measurement = scan.measurement(slice)
            assert measurement.mask[0].nonzero().flatten().tolist() == drawn_anew(slice)
            assert measurement.full is None


def test_slices_without_a_line_in_common_are_not_empty(writer, kspace):
    for slice in range(2):
        for step in range(slice, 20, 2):
            writer.line(kspace[slice, :, :, step], step, slice=slice)
    with open_scan(writer.done()) as scan:
        assert not scan.fully_sampled
        assert scan.acquired[0].nonzero().flatten().tolist() == list(range(1, 20, 2))


def test_a_single_slice_with_gaps_makes_the_scan_undersampled(writer, kspace):
    """It is the first one, and the others have all lines; a scan that was broken off has no gap."""
    steps = [range(0, 20, 2), range(20), range(20), range(15)]
    for slice, some in enumerate(steps):
        for step in some:
            writer.line(kspace[slice, :, :, step], step, slice=slice)
    with open_scan(writer.done()) as scan:
        assert not scan.fully_sampled
        for slice, some in enumerate(steps):
            measurement = scan.measurement(slice)
            assert measurement.mask[0].nonzero().flatten().tolist() == list(some)
            assert (measurement.full is None) == (slice == 0)


def test_of_several_groups_the_customary_one_is_used(writer, kspace):
    """The other one, which an adjustment left there, comes first by its name."""
    writer.lines(kspace[:1])
    other = Writer(writer.path, header((48, 20), (24, 20), 19, 10), "adjust")
    other.lines(kspace[1:2])
    other.done()
    with open_scan(writer.done()) as scan:
        assert scan.header.notes == ("Of 2 groups with acquisitions `dataset` is used.",)
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[0])


def test_of_several_groups_the_first_with_lines_of_an_image_is_used(tmp_path, kspace):
    """A measurement of noise stands in a group of its own."""
    for group, flags in (("dataset_1", (ismrmrd.ACQ_IS_NOISE_MEASUREMENT,)), ("dataset_2", ()), ("dataset_3", ())):
        writer = Writer(tmp_path / "scan.mrd", header((48, 20), (24, 20), 19, 10), group)
        writer.lines(kspace[2:3] if group == "dataset_2" else kspace[:1], flags=flags)
        writer.done()
    with open_scan(tmp_path / "scan.mrd") as scan:
        assert scan.header.notes == ("Of 3 groups with acquisitions `dataset_2` is used.",)
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[2])


def test_the_header_of_a_group_without_acquisitions_is_not_read(tmp_path, kspace):
    """It may be unfinished; that of a group with acquisitions is refused, since another group may be another scan."""
    for group, xml in (("dataset", "<ismrmrdHeader>"), ("dataset_2", header((48, 20), (24, 20), 19, 10))):
        writer = Writer(tmp_path / "scan.mrd", xml, group)
        writer.lines(kspace[2:3])
        writer.done()
    with pytest.raises(FileFormatError, match="is no XML"):
        open_scan(tmp_path / "scan.mrd")
    with h5py.File(tmp_path / "scan.mrd", "r+") as file:
        file["dataset/data"].resize(0, axis=0)
    with open_scan(tmp_path / "scan.mrd") as scan:
        np.testing.assert_array_equal(scan.kspace(0).numpy(), kspace[2])
