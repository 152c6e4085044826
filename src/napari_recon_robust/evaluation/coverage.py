"""How often the truth lies in the intervals of several draws of an image, pixel by pixel."""

import torch
from scipy import stats
from torch import Tensor

from ..data.measurement import Measurement
from ..ground.errors import InputError
from ..physics import fourier, noise

LEVELS = (50, 80, 90, 95)  # percent, of the intervals


def coverage(draws: Tensor, reference: Tensor, inside: Tensor) -> dict[int, float]:
    """The share of pixels whose reference lies in the interval of each level in `LEVELS`, by the level.

    draws: magnitudes, float32 (draws, rows, columns), of equally plausible images; for a measured reference, which is
    the truth with noise, those of `predicted_reference`. reference: (rows, columns). inside: bool (rows, columns), the
    pixels that count.

    The interval of a pixel is m +- t d sqrt(1 + 1/n) for the mean m and the standard deviation d of the n draws, t of
    Student's distribution with n - 1 degrees of freedom: it holds one draw more so often if draws are normal.
    InputError for fewer than two draws.
    """
    count = len(draws)
    if count < 2:
        raise InputError(f"{count} draw has no interval; draw at least two.")
    error = (draws.mean(0) - reference).abs()[inside]
    deviation = draws.std(0)[inside] * (1 + 1 / count) ** 0.5
    factors = {level: float(stats.t.ppf(0.5 + level / 200, count - 1)) for level in LEVELS}
    return {level: float((error <= factor * deviation).to(torch.float64).mean()) for level, factor in factors.items()}


def predicted_reference(measurement: Measurement, image: Tensor, kind: str, seed: int) -> Tensor:
    """The reference that would be measured if an image were the truth, a magnitude (rows, columns).

    It is combined as `Measurement.reference` combines the k-space y on the mask and F S x + n elsewhere, where n is new
    noise like that of the scan, of level sigma_i and correlated between coils. So it shares the noise of the samples
    with the reference, as the posterior's draws do; noise that is added as if it were independent of the draws makes
    the intervals too wide.

    image: x, complex64 (rows, columns) of the output matrix, in the scan's units; it is zero outside. What the scanner
    did not measure, and the full k-space holds as zeros, stays zero. seed: of n.
    """
    full, calibration = measurement.full, measurement.calibration
    assert full is not None
    coil_images = calibration.sensitivities * fourier.centre_pad_image(image, measurement.model.shape)
    kspace = fourier.fft(fourier.centre_pad_image(coil_images, (full.shape[-2], full.shape[-1])))
    colour = noise.colour(measurement.kspace, measurement.mask, calibration.noise)
    kspace = noise.add(kspace * measurement.acquired, measurement.acquired, colour, seed)
    predicted = torch.where(measurement.mask, measurement.kspace, kspace)
    reference = measurement.with_kspace(predicted, full=predicted, keep=True).reference(kind)
    assert reference is not None
    return reference
