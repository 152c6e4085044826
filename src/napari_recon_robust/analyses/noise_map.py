"""The thermal noise of an image at each pixel, by which signal and contrast are divided.

After parallel imaging noise is not white: it is larger where coils hardly tell aliased pixels apart (the g-factor).
"""

import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..ground.progress import Job
from ..physics import noise
from ..reconstructors.base import Method, Reconstructor
from .fragility import image_noise, noise_amplification

REPLICAS = 32


def noise_map(
    measurement: Measurement, method: Method | Reconstructor, *, replicas: int = REPLICAS, seed: int = 0
) -> Job[Tensor]:
    """The standard deviation of |f(k + n)| over draws n of the scan's thermal noise.

    float32 (rows, columns) on the CPU, in the image's units. Pseudo multiple replicas (Robson et al. 2008,
    doi:10.1002/mrm.21728), the variance averaged over 5x5 pixels, with the sensitivities of these samples. It is right
    in tissue; in air a magnitude varies less. Of a method that is not linear it is the noise that is passed on at these
    samples. Zero for a scan without noise. InputError for fewer than two replicas.
    """
    return _scaled(
        noise_amplification(measurement, method, replicas=replicas, sensitivities="kept", seed=seed),
        image_noise(measurement) / 2**0.5,
    )


def reference_noise(measurement: Measurement) -> Tensor:
    """The same of the fully sampled coil-combined image, which is linear: sqrt(a (S sigma)^H R (S sigma) / 2).

    a is the share of k-space that a full scan measures (`Measurement.acquired`), R the correlation between coils.
    """
    calibration = measurement.calibration
    weighted = calibration.sensitivities * calibration.noise[..., None, None]
    correlation = noise.correlation(measurement.kspace, measurement.mask, calibration.noise)
    variance = (weighted.conj() * torch.tensordot(correlation, weighted, 1)).real.sum(-3)
    return measurement.crop((variance.clamp_min(0) * measurement.acquired.float().mean() / 2).sqrt()).cpu()


def _scaled(job: Job[Tensor], factor: float) -> Job[Tensor]:
    return factor * (yield from job)
