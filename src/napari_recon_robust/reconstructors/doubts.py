"""Reasons to doubt a method's image of a measurement, by their names."""

from collections.abc import Mapping

from torch import Tensor

from ..data.caution_names import AMPLIFIED_NOISE, DISAGREEMENT
from ..data.cautions import cautions
from ..data.measurement import Measurement
from .agreement import disagreement
from .base import Method

OF_METHOD = (DISAGREEMENT, AMPLIFIED_NOISE)  # the names of those whose words begin with the method
# The noise, relative to the scale, and how many times less the weight is than the one that suits it. Of a simulated
# brain (4 coils, lines) the classical methods at their defaults have 0.02 to 0.85 times the zero-filled image's error
# at R = 2 to 8 in noise of 0.01 and 0.04. In noise of 0.07 to 0.2 they have 0.6 to 1.7 times at R = 2, 1.1 to 10 times
# at R = 8, and 1.2 to 25 times at R = 4, where the weights that suit it leave CG-SENSE at 0.8 to 1.3 times.
NOISY, TOO_LITTLE = 0.05, 4.0


def doubts(
    method: Method, measurement: Measurement, image: Tensor, known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Reasons to doubt a method's image of a measurement, name to words; empty if there are none.

    known: what `cautions` says of the measurement, where the caller has it already.
    """
    return {**(cautions(measurement) if known is None else known), **of_method(method, measurement, image)}


def of_method(method: Method, measurement: Measurement, image: Tensor) -> dict[str, str]:
    """The reasons that concern this method, name to words; image: (..., rows, columns) of the output matrix."""
    found = {
        DISAGREEMENT: disagreement(method, measurement, image),
        AMPLIFIED_NOISE: amplified_noise(method, measurement),
    }
    return {name: words for name, words in found.items() if words}


def amplified_noise(method: Method, measurement: Measurement) -> str:
    """Say in a sentence that a weight regularizes far too little for the noise; return "" if it does not.

    Nothing is said where nothing is undersampled, as no noise is amplified then, and of methods without a rule whose
    weight is not fixed either.
    """
    if measurement.acceleration <= 1:
        return ""
    reconstructor = method.reconstructor
    weights = {name: (float(method.knobs[name]), suited) for name, suited in reconstructor.rule(measurement).items()}
    for name, (chosen, suited) in {**weights, **reconstructor.fixed(measurement)}.items():
        noise = float(measurement.noise_level.mean())  # not before: who has no weight may have no sensitivities either
        if noise > NOISY and suited > TOO_LITTLE * chosen:
            advice = f"{suited:.2g} suits it" if name in weights else "no knob changes it, so choose another method"
            return (
                f"{method.label}: the noise is {100 * noise:.2g}% of the image's scale, and {name} {chosen:.2g} hardly "
                f"suppresses it, so that the image may be worse than the zero-filled one; {advice}."
            )
    return ""
