"""What a measurement cannot tell of itself by its images: they look like any other, and their figures are wrong."""

from collections.abc import Mapping

import torch

from ..ground.errors import InputError
from ..physics import coils, noise
from .measurement import Measurement, calibration_data

# Of the ACS's energy, what a second set of sensitivities explains. Of 142 scans and simulations whose object fits into
# 90% of the field of view none has so much (R = 2 to 10, all patterns, noise of 0.0015 to 0.1, 4 to 32 coils, 6 and
# more ACS lines); 35 of 42 wraps have by which CG-SENSE and TV became worse than the zero-filled image.
SECOND_SET = 0.001
# Times the median of the coils, where noise alone has a coil's level, and where signal covers the noise. The same scans
# have at most 2.4 and 18. A coil of 10 times the noise or gain, which doubles NMSE or more, has 7 to 12; one of 100
# times the gain has 49 or more.
LOUD, LOUD_IN_SIGNAL = 5.0, 40.0
NAMES = ("second_set", "loud_coil")


def cautions(measurement: Measurement) -> Mapping[str, str]:
    """Reasons to doubt its images whatever the method, name to words; empty if there are none."""
    found = {"second_set": _second_set(measurement), "loud_coil": _loud_coil(measurement)}
    return {name: words for name, words in found.items() if words}


def _second_set(measurement: Measurement) -> str:
    try:
        data, sampled = calibration_data(measurement)
        share = coils.beyond_one_set(data.detach(), sampled, measurement.dims, measurement.data_noise)
    except InputError:  # without calibration lines nothing is known
        return ""
    if share < SECOND_SET:
        return ""
    return (
        f"The object seems larger than the field of view: {100 * share:.2g}% of the energy of the calibration lines "
        "needs a second set of coil sensitivities; methods that use one may be worse than the zero-filled image. "
        "GRAPPA, which uses none, may be better at an acceleration of 2 to 3."
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
