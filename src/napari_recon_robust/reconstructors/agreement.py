"""Whether the image of an own model fits the samples, so that its figures mean something.

A model in units of its own, or one that was given its arguments in another order, returns an image like any other, and
gets figures like any other. The samples know better: A x should be y.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..data.cautions import cautions
from ..data.measurement import Measurement
from ..ground.errors import InputError
from ..physics import fourier
from .base import Method
from .registry import registry

DISAGREEMENT = "disagreement"  # its name among reasons for doubt; its words name the method
# Methods of all kinds have factors from 0.94 to 1.04 and agree by 0.92 or more, at R = 2 to 12 on simulated and real
# scans and phantoms; in noise three times as large as the samples 0.40 to 1.34 and 1.06 or more. With the mask taken
# for the sensitivities an image agrees by 0.60 to 0.82.
SCALE = 3.0  # the factor, or 1 over it, beyond which the scale is another one
AGREEMENT = 0.85
_LEAST = 0.01  # of the samples' energy that is taken for signal, however much noise there seems to be


def doubts(
    method: Method, measurement: Measurement, image: Tensor, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Reasons to doubt a method's image of a measurement, name to words; empty if there are none.

    known: what `cautions` says of the measurement, where the caller has it already.
    """
    contradiction = disagreement(method, measurement, image)
    of_samples = cautions(measurement) if known is None else known
    return {**of_samples, **({DISAGREEMENT: contradiction} if contradiction else {})}


def disagreement(method: Method, measurement: Measurement, image: Tensor) -> str:
    """Say in a sentence how its image contradicts the samples; return "" if it fits them, and for packaged methods.

    The factor c = <A x, y> / ||A x||^2 minimizes ||c A x - y||. The agreement a = <A x, y> / (||A x|| ||y||) is that of
    y less its noise, whose energy is taken off ||y||^2. Figures are of magnitudes, so that x is |image| with the phase
    of A^H y: an image without phase, such as a root sum of squares, is judged like others.

    image: (..., rows, columns) of the output matrix. Without calibration lines nothing is known, and nothing said.
    """
    if method.id in registry.table or not method.is_image:
        return ""
    try:
        model, combined = measurement.model, measurement.combined
    except InputError:
        return ""
    with torch.no_grad():
        magnitude = fourier.centre_pad_image(image.detach().abs().to(combined), model.shape)
        seen = float(model.forward(magnitude * torch.sgn(combined)).norm())
        samples = model.mask * measurement.data
        noise = measurement.data_noise.square()[..., None, None] * model.mask.expand(samples.shape)
        energy = float(samples.norm()) ** 2
        signal = max(energy - float(noise.sum()), _LEAST * energy) ** 0.5
        inner = float((magnitude.abs() * combined.abs()).sum())
    if not signal:
        return ""
    if not seen:
        return f"{method.label}: its image is zero everywhere that the coils see; its figures say nothing."
    factor, agreement = inner / seen**2, inner / (seen * signal)
    if agreement < AGREEMENT:
        return (
            f"{method.label}: its image fits the samples at no scale (agreement {agreement:.2f} of 1); check that its "
            "arguments are kspace, mask, sensitivities, in this order, and that its Fourier transform is centred."
        )
    if not 1 / SCALE <= factor <= SCALE:
        return (
            f"{method.label}: its image explains the samples only when it is multiplied by "
            f"{float(f'{factor:.3g}'):,g}; return it in the units of the k-space, since its figures are of its scale."
        )
    return ""
