"""The thermal noise of an image at each pixel, by which signal and contrast are divided.

After parallel imaging noise is not white: it is larger where coils hardly tell aliased pixels apart (the g-factor).
"""

import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..data.roi import ROI
from ..evaluation.parts import magnitude_on_cpu
from ..ground.arguments import as_whole
from ..ground.errors import InputError
from ..ground.knob import resolve
from ..ground.progress import Job, Progress
from ..perturbations.base import SENSITIVITIES, Setup, keeps_calibration
from ..perturbations.random_noise import white_noise
from ..physics import noise
from ..reconstructors.base import Method, Reconstructor
from .maps import local_rms

REPLICAS = 32
SMOOTHED = 5  # pixels over which a variance from a few draws is averaged


def noise_map(
    measurement: Measurement,
    method: Method | Reconstructor,
    *,
    replicas: int = REPLICAS,
    sensitivities: str = "kept",
    seed: int = 0,
) -> Job[Tensor]:
    """The standard deviation of |f(k + n)| over draws n of the scan's thermal noise, for any method.

    float32 (rows, columns) on the CPU, in the image's units. n has sigma_i in coil i, and between coils the correlation
    that `noise.correlation` finds. Pseudo multiple replicas (Robson et al. 2008, doi:10.1002/mrm.21728), the variance
    averaged over 5x5 pixels. It is right in tissue; in air a magnitude varies less. Of a method that is not linear it
    is the noise that is passed on at these samples. Zero for a scan without noise.

    sensitivities: as in the perturbations, "kept" or "estimated" anew from each draw. InputError for fewer than two
    replicas.
    """
    if as_whole(replicas, "the number of draws") < 2:
        raise InputError(f"{replicas} draws are asked for; a standard deviation needs two or more.")
    setup = Setup.of(measurement, method, ROI.box(0, 0, *measurement.matrix))
    keep = keeps_calibration(resolve([SENSITIVITIES], {"sensitivities": sensitivities}))
    return _deviation(setup, replicas, keep, seed)


def reference_noise(measurement: Measurement) -> Tensor:
    """The same of the fully sampled coil-combined image, which is linear: sqrt(a (S sigma)^H R (S sigma) / 2).

    a is the share of k-space that a full scan measures (`Measurement.acquired`), R the correlation between coils.
    """
    calibration = measurement.calibration
    weighted = calibration.sensitivities * calibration.noise[..., None, None]
    correlation = noise.correlation(measurement.kspace, measurement.mask, calibration.noise)
    variance = (weighted.conj() * torch.tensordot(correlation, weighted, 1)).real.sum(-3)
    return measurement.crop((variance.clamp_min(0) * measurement.acquired.float().mean() / 2).sqrt()).cpu()


def noise_amplification(
    measurement: Measurement,
    method: Method | Reconstructor,
    *,
    replicas: int = REPLICAS,
    sensitivities: str = str(SENSITIVITIES.default),
    seed: int = 0,
) -> Job[Tensor]:
    """`noise_map` over `reference_noise`: 1 in a fully sampled coil-combined image, in unregularised SENSE g x sqrt(R).

    float32 (rows, columns) on the CPU, both averaged over the same pixels; 0 where the fully sampled image has no
    noise, as of a scan without any. It says nothing on attacks of networks. InputError as in `noise_map`.
    """
    job = noise_map(measurement, method, replicas=replicas, sensitivities=sensitivities, seed=seed)
    return _relative(job, _smoothed(reference_noise(measurement)))


def _relative(job: Job[Tensor], unit: Tensor) -> Job[Tensor]:
    found = yield from job
    return torch.where(unit > 0, found / unit, 0.0)


def _deviation(setup: Setup, replicas: int, keep: bool, seed: int) -> Job[Tensor]:
    measurement = setup.measurement
    levels = measurement.calibration.noise
    if not bool(levels.any()):
        return torch.zeros(measurement.matrix)
    mixing = noise.colour(measurement.kspace, measurement.mask, levels)
    unit = torch.full_like(levels, measurement.sampled_points**0.5)
    images = []
    for number in range(replicas):
        yield Progress(number / replicas, f"Noise {number + 1} of {replicas}")
        n = torch.tensordot(mixing, white_noise(measurement, unit, seed + number), 1)
        with torch.no_grad():
            image = setup.reconstruct(measurement.with_kspace(measurement.kspace + n, keep=keep))
        images.append(magnitude_on_cpu(image))
    return _smoothed(torch.stack(images).std(0))


def _smoothed(deviation: Tensor) -> Tensor:
    return local_rms(deviation, torch.ones_like(deviation, dtype=torch.bool), SMOOTHED)
