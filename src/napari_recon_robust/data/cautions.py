"""Faults of a measurement that its images do not show: these look like any others, and their figures are wrong."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d, pad

from ..ground.errors import InputError
from ..ground.numbers import counted
from ..physics import coils, noise
from .measurement import Measurement, calibration_data, calibration_noise, known_kspace
from .transformed import axis_faults

# Of the ACS's energy, what a second set of sensitivities explains. Of 142 scans and simulations whose object fits into
# 90% of the field of view none has so much (R = 2 to 10, all patterns, noise of 0.0015 to 0.1, 4 to 32 coils, 6 and
# more ACS lines); 35 of 42 wraps have by which CG-SENSE and TV became worse than the zero-filled image.
SECOND_SET = 0.001
# Times the median of the coils, where noise alone has a coil's level, and where signal covers the noise. The same scans
# have at most 2.4 and 18. A coil of 10 times the noise or gain, which doubles NMSE or more, has 7 to 12; one of 100
# times the gain has 49 or more.
LOUD, LOUD_IN_SIGNAL = 5.0, 40.0
# How far the outer samples of a readout share a phase, |mean y/|y||^2, and how many times as far as they share one that
# turns along the readout, as a point beside the middle gives it. An offset of 0.5 sigma gives 0.07 to 0.15 and 25 or
# more on real scans, and none is found in 378 real and simulated ones of 64 to 640 px: 2 of 66 have more than one time,
# at most 2.2 at a share of 0.05. Where the outer samples are far above the noise, it takes 2 to 5 sigma.
SHARED_PHASE, TIMES_TURNING = 0.06, 4.0
FEWEST_SAMPLES = 64  # of a readout: fewer may share a phase by chance
LINES = 100  # that are examined, at least where there are more
# Times the largest sample within so many around it, without so many next to it along the readout, as a spike may last
# for some samples. Of 96 real and simulated slices under eight patterns (all samples, lines at R = 2 to 8, Poisson
# discs) none has more than 6.4; one tenth of the largest sample of a simulated brain, added where its signal is weak,
# has 19 or more.
SPIKE, AROUND, LASTS = 15.0, 3, 2
FEWEST_AROUND = 6  # samples around a spike, at least
CENTRE = 2  # samples from the middle, within which k-space may have a peak of its own
# Times the energy of the rows that lie so many from a row, in the lines that are at least so much of the axis from the
# centre. The same slices have at most 6.6 under lines; a tone of twice the noise, by which TV's NMSE becomes 70 times
# as large on a simulated brain, has 28 or more.
TONE, BESIDE, OUTER = 15.0, (3, 4, 5, 6), 1 / 8
FEWEST_OUTER = 8  # lines: of fewer the median is uncertain
NOISE = 0.002  # of the image's scale: networks take less for that much


def cautions(measurement: Measurement) -> Mapping[str, str]:
    """Reasons to doubt the images of a measurement whatever the method, name to words; empty if there are none."""
    if words := _no_imaginary(measurement):  # which looks like an offset or a second set
        return {"no_imaginary": words}
    offset = _dc_offset(measurement)  # it needs a second set of its own, and looks like an image's bright point
    points = measurement.mask if measurement.full is None else measurement.acquired
    kspace = known_kspace(measurement).detach().reshape(-1, *measurement.kspace.shape[-3:])[0]
    transformed, split = axis_faults(kspace, points)
    interference = "" if offset else _interference(measurement)  # which looks like an object's edge, or its transform
    transformed = "" if offset or interference else transformed
    spike = _spike(measurement)  # it needs a second set, too
    second_set = "" if offset or interference or transformed or spike else _second_set(measurement)
    wrong = offset or interference or transformed or spike or second_set  # what no image explains has these, too
    found = {
        "second_set": second_set,
        "loud_coil": _loud_coil(measurement),
        "dc_offset": offset,
        "few_coils": _few_coils(measurement),
        "transformed": transformed,
        "split": split,
        "spike": spike,
        "interference": interference,
        "covered_noise": "" if wrong else _covered_noise(measurement),
    }
    return {name: words for name, words in found.items() if words}


def _second_set(measurement: Measurement) -> str:
    try:
        data, sampled = calibration_data(measurement)
        level = calibration_noise(measurement, measurement.calibration.noise)
        share = coils.beyond_one_set(data.detach(), sampled, measurement.dims, level)
    except InputError:  # without calibration lines nothing is known
        return ""
    if share < SECOND_SET:
        return ""
    return (
        "The object seems larger than the field of view, or slices are taken for coils (then name the axes of the "
        f"array): {100 * share:.2g}% of the energy of the calibration lines needs a second set of coil sensitivities; "
        "methods that use one may be worse than the zero-filled image. GRAPPA, which uses none, may be better at an "
        "acceleration of 2 to 3."
    )


def _loud_coil(measurement: Measurement) -> str:
    levels, of_noise = noise.quietest(measurement.kspace.detach(), measurement.mask)
    usual = torch.where(levels > 0, levels, torch.nan).nanmedian(-1, keepdim=True).values  # of those not silent
    times = torch.where(usual > 0, levels / usual, 0.0)
    loud = times * (times >= torch.where(of_noise, LOUD, LOUD_IN_SIGNAL))
    most = loud.reshape(-1, measurement.coils).amax(0)
    if not bool(most.any()):
        return ""
    ratio = float(f"{float(most.max()):.2g}")
    return (
        f"Coil {int(most.argmax())}, counted from 0, is {ratio:,g} times as loud as the others in noise or gain, "
        "and may spoil image and reference alike: prewhiten the k-space, or leave that coil out."
    )


def _dc_offset(measurement: Measurement) -> str:
    """An offset is the same in all samples of a readout, whose phases differ otherwise; readouts may have their own.

    Only phases of outer samples tell it, so that neither the bright centre of k-space nor a spike counts. Transformed
    along the readout they are |sum y/|y||^2 of n samples in the middle row: about n for noise, and n^2 where they share
    a phase. The object lies in other rows as well.
    """
    lines = measurement.mask.any(0).nonzero().flatten()
    phases = torch.sgn(measurement.kspace.detach()[..., lines[:: max(1, len(lines) // LINES)]])
    readout = phases.shape[-2]
    if readout < FEWEST_SAMPLES or not len(lines):
        return ""
    phases[..., readout // 4 : readout - readout // 4, :] = 0
    count = (phases != 0).sum(-2, keepdim=True)
    shared = (torch.fft.fft(phases, dim=-2).abs().square() - count) / (count.square() - count)
    shared = torch.where(count > 1, shared, torch.nan).nanmedian(-1).values.nan_to_num(0.0)
    middle, others = shared[..., 0], shared[..., 2:-1].amax(-1)  # without the rows beside it, into which it leaks
    most = (middle * (middle > TIMES_TURNING * others)).reshape(-1, measurement.coils).amax(0)
    if not bool((most > SHARED_PHASE).any()):
        return ""
    return (
        f"The receiver seems to have a DC offset, most of all in coil {int(most.argmax())}, counted from 0: a bright "
        "point or line in the middle of image and reference alike may spoil both. Subtract from each readout of the "
        "k-space the mean of its outer samples, or from each coil that of a noise scan."
    )


def _no_imaginary(measurement: Measurement) -> str:
    kspace = measurement.kspace.detach()
    if bool(kspace.imag.any()) or not bool(kspace.any()):
        return ""
    return (
        "The samples have no imaginary part, as if their real part or their magnitude had been saved alone: images and "
        "reference are their own mirror images about the middle, and show no anatomy. Save the complex numbers."
    )


def _interference(measurement: Measurement) -> str:
    """A signal of one frequency that leaks into the receiver is a row of the image whose every k-space line is bright.

    Tissue, too, fills rows, but not a single one in the outer lines. A Hann window keeps tones between two rows to
    themselves, and the median over the lines passes spikes by. Rows outside of the output matrix are cut off.
    """
    if not measurement.lines:
        return ""
    kspace = measurement.kspace.detach().reshape(-1, *measurement.kspace.shape[-2:])
    readout, phase = kspace.shape[-2:]
    outer = (torch.arange(phase, device=kspace.device) - phase // 2).abs() >= OUTER * phase
    lines = (measurement.sampled[0] & outer).nonzero().flatten()
    measured = measurement.mask.expand(readout, phase).any(1).nonzero().flatten().tolist()
    if len(lines) < FEWEST_OUTER or measured[-1] + 1 - measured[0] < FEWEST_SAMPLES:
        return ""
    samples = kspace[:, measured[0] : measured[-1] + 1, lines[:: max(1, len(lines) // LINES)]]
    count = samples.shape[-2]
    window = torch.hann_window(count + 2, periodic=False, device=kspace.device)[1:-1, None]
    rows = torch.fft.fftshift(torch.fft.ifft(samples * window, dim=-2), -2).abs().square().median(-1).values
    usual = rows.median(-1, keepdim=True).values
    energy = torch.where(usual > 0, rows / usual, 0.0).mean(0)
    beside = torch.stack([energy.roll(side * step) for step in BESIDE for side in (-1, 1)]).amax(0)
    times = torch.where(beside > 0, energy / beside, 0.0)
    # The measured samples of a partial or padded readout give fewer rows than the image has.
    place = (torch.arange(count, device=kspace.device) - count // 2) * readout / count + readout // 2
    place = (place - (readout - measurement.matrix[0]) // 2).round()
    times *= (place >= 0) & (place < measurement.matrix[0])
    if not bool((most := times.max()) > TONE):
        return ""
    return (
        f"Row {int(place[times.argmax()])} of the image, counted from 0, has {float(f'{float(most):.2g}'):,g} times "
        "the energy of those beside it in the outer lines of k-space, as where a signal from outside leaks into the "
        "receiver: a bright line across image and reference alike spoils both, and methods may be worse than the "
        "zero-filled image. Subtract its frequency from each readout of the k-space, or scan again without its source."
    )


def _spike(measurement: Measurement) -> str:
    """A spike stands alone; a peak of k-space has others beside it where the object is within the field of view."""
    sizes = measurement.kspace.detach().abs().reshape(-1, *measurement.kspace.shape[-2:])
    around, width = _largest_around(sizes), 2 * AROUND + 1
    sampled = measurement.mask.expand(sizes.shape[-2:])
    nearby = width**2 * avg_pool2d(sampled[None].to(sizes.dtype), width, 1, AROUND)[0]  # itself is counted, too
    enough = nearby > FEWEST_AROUND + 0.5
    row, column = ((torch.arange(n, device=sizes.device) - n // 2).abs() > CENTRE for n in sizes.shape[-2:])
    # An object that runs out of the field of view has a ridge along a central row or column, which only samples tell
    # that lie beside it along the ridge.
    along = [sampled.roll(1, axis) & sampled.roll(-1, axis) for axis in (1, 0)]
    looked_at = (around > 0) & enough & (row[:, None] | column) & (row[:, None] | along[0]) & (column | along[1])
    times = torch.where(looked_at, sizes / around, 0.0)
    if not (count := int((times > SPIKE).sum())):
        return ""
    item, readout, phase = (int(index) for index in torch.unravel_index(times.argmax(), times.shape))
    others = f", and so {'is' if count == 2 else 'are'} {counted(count - 1, 'other')}" if count > 1 else ""
    return (
        f"A k-space sample of coil {item % measurement.coils} (readout {readout}, phase {phase}, counted from 0) is "
        f"{float(f'{float(times.max()):.2g}'):,g} times as large as those beside it{others}: such a spike lays stripes "
        "over image and reference alike, and methods may be worse than the zero-filled image. Set "
        f"{'it' if count == 1 else 'them'} to zero in the k-space."
    )


def _largest_around(sizes: Tensor) -> Tensor:
    """The largest of those within `AROUND` of each sample along both axes, without itself; (coils, rows, columns).

    Of its own readout those are taken that come up to `LASTS` samples later on both sides, where these are smaller.
    """
    rows, columns = sizes.shape[-2:]
    tall = max_pool2d(sizes, (2 * AROUND + 1, 1), 1, (AROUND, 0))
    beside = max_pool2d(pad(tall, (AROUND, AROUND)), (1, AROUND), 1)
    along = max_pool2d(pad(sizes, (0, 0, AROUND + LASTS, AROUND + LASTS)), (AROUND, 1), 1)
    after = LASTS + AROUND + 1  # where those begin that follow each sample
    own = [
        torch.maximum(along[..., LASTS - gap :, :][..., :rows, :], along[..., after + gap :, :][..., :rows, :])
        for gap in range(LASTS + 1)
    ]
    return torch.stack([torch.stack(own).amin(0), beside[..., :columns], beside[..., -columns:]]).amax(0)


def _covered_noise(measurement: Measurement) -> str:
    if measurement.lines:
        return ""
    try:
        level = float(measurement.noise_level.max())
        calibration = measurement.calibration
    except InputError:  # without calibration lines no image is fitted
        return ""
    if level < NOISE:
        return ""
    covered = calibration.noise_covered
    if covered is None:
        covered = noise.covered(measurement.kspace.detach(), measurement.mask, calibration.sensitivities)
    if not covered:
        return ""
    return (
        f"The noise level, {level:.2g} of the image's scale, is uncertain, and mostly too high: signal covers the "
        "noise in this pattern, or a filter has shaped it. Budgets relative to the noise may be too large, and images "
        "too smooth where a method goes by it: set its assumed noise or its weight lower, and compare."
    )


def _few_coils(measurement: Measurement) -> str:
    """N pixels at an acceleration R have N / R samples in each coil: fewer equations than unknowns below R coils."""
    heard = measurement.kspace.detach().any((-2, -1)).reshape(-1, measurement.coils).any(0)
    coils = int(heard.sum())  # those that measured anything
    if not 0 < coils < measurement.acceleration:
        return ""
    return (
        f"{counted(coils, 'coil')} cannot unfold an acceleration above {coils}: there are fewer samples than pixels. "
        "CG-SENSE and GRAPPA leave aliasing, and what other methods put in its place is not measured."
    )
