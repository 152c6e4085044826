"""Whether the image of an own model fits the samples; if it does not, its figures mean nothing.

A model that works in other units, or that takes its arguments in another order, still returns an image, and figures of
it look like those of any other. Comparing A x with the samples y finds it out.
"""

import torch
from torch import Tensor

from ..data.measurement import Measurement
from ..ground.errors import InputError
from ..physics import fourier
from ..physics.model import ForwardModel, data_norm
from .base import Method
from .registry import registry

# For methods of all kinds, R = 2 to 12, on simulated and real scans and phantoms, the factor was 0.94 to 1.04 and the
# agreement 0.92 or more; with noise three times as large as the samples they were 0.40 to 1.34 and 1.06 or more. With
# the mask given in place of the sensitivities the agreement was 0.60 to 0.82.
SCALE = 3.0  # the largest factor, and 1 over the least, that is not taken for an error of units
AGREEMENT = 0.85  # the least agreement of an image that fits
# Of what a plain image leaves of the samples' energy, so much an image is to explain: one that is constant, or A^H y
# blurred by a tenth of the field of view (standard deviation). The same scans, R = 4 and 8: references, zero-filled
# images, TV and networks explain 0.43 or more of it, references blurred by 1/40 of the field of view 0.27 or more; by
# 1/10 or more, constants with a tenth of the reference, noise and the foreground's mask 0.19 or less.
DETAIL, BLUR = 0.2, 0.1
_LEAST = 0.01  # the least part of the samples' energy that counts as signal, however strong the noise seems


def disagreement(method: Method, measurement: Measurement, image: Tensor) -> str:
    """Say in a sentence how its image contradicts the samples; return "" if it fits them, and for packaged methods.

    The factor c = <A x, y> / ||A x||^2 minimises ||c A x - y||. The agreement is <A x, y> / (||A x|| ||y||), with the
    energy of the samples' noise subtracted from ||y||^2; padding has none. Here x is |image| with the phase of A^H y,
    so that an image without phase, such as a root sum of squares, is judged like others. That phase lets any smooth
    image agree, so that an image is to explain more of the samples than one without detail, unless noise hides that.

    image: (..., rows, columns) of the output matrix. Without calibration lines this is not known, and "" is returned.
    """
    if registry.ships(method.id) or not method.is_image:
        return ""
    try:
        model, combined = measurement.model, measurement.combined
    except InputError:
        return ""
    with torch.no_grad():
        magnitude = fourier.centre_pad_image(image.detach().abs().to(combined), model.shape).abs()
        inner, seen = _products(magnitude, model, combined)
        samples = model.mask * measurement.data
        sigma = measurement.data_noise.square()[..., None, None] * measurement.sampled.expand(samples.shape)
        energy, noise = float(data_norm(samples)) ** 2, float(sigma.sum())
        signal = max(energy - noise, _LEAST * energy) ** 0.5
    if not signal:
        return ""
    if not seen:
        return f"{method.label}: its image is zero everywhere that the coils see; its figures say nothing."
    if image.abs().amin() == image.abs().amax():  # with the samples' phase it agrees by 0.83 to 0.92
        return f"{method.label}: its image has one value everywhere; its figures say nothing."
    factor, agreement = inner / seen**2, inner / (seen * signal)
    if agreement < AGREEMENT:
        return (
            f"{method.label}: its image fits the samples at no scale (agreement {agreement:.2f} of 1). Check that the "
            "scan is like those that a network was trained for, and that the arguments of a function are kspace, mask, "
            "sensitivities, in this order, and its Fourier transform is centred."
        )
    plain = _explained_by_plain(model, combined)
    if (left := signal**2 - plain) > noise and (inner / seen) ** 2 - plain < DETAIL * left:
        return (
            f"{method.label}: its image fits the samples hardly better than a heavily blurred one, as if it had one "
            "value everywhere or were of something else; its figures say nothing of details. Check what the model "
            "returns, and that the scan is like those that a network was trained for."
        )
    if not 1 / SCALE <= factor <= SCALE:
        return (
            f"{method.label}: its image explains the samples only when it is multiplied by "
            f"{float(f'{factor:.3g}'):,g}; return it in the units of the k-space, since its figures are of its scale."
        )
    return ""


def _products(magnitude: Tensor, model: ForwardModel, combined: Tensor) -> tuple[float, float]:
    """<A x, y> and ||A x||, x with this magnitude and the phase of A^H y; both of the model's size."""
    return float((magnitude * combined.abs()).sum()), float(data_norm(model.forward(magnitude * torch.sgn(combined))))


def _explained_by_plain(model: ForwardModel, combined: Tensor) -> float:
    """The energy of the samples that an image without detail explains: a constant, or A^H y blurred by `BLUR`."""
    kspace = fourier.fft(combined.abs().to(combined))
    for axis in (-2, -1):
        cycles = torch.arange(kspace.shape[axis], device=kspace.device) - kspace.shape[axis] // 2
        kspace = kspace.movedim(axis, -1) * torch.exp(-2 * (torch.pi * BLUR * cycles) ** 2)
        kspace = kspace.movedim(-1, axis)
    plain = torch.ones_like(combined.abs()), fourier.ifft(kspace).abs()
    products = [_products(one, model, combined) for one in plain]
    return max((inner / seen) ** 2 for inner, seen in products)
