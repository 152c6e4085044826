"""Reconstruct one slice."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from torch import Tensor

from ...data.measurement import Measurement
from ...evaluation import metrics
from ...evaluation.measures import MEASURES
from ...ground.errors import InputError, either
from ...io import images
from ...perturbations.outcome import differing
from ...reconstructors import registry
from ...reconstructors.base import Method
from ...reconstructors.doubts import of_method
from ..options import chosen_method, heading, measured, sampling_options, with_auto
from ..outputs import Outputs
from ..paths import FILE
from ..printing import print_json, warn
from ..progress import follow


@click.command()
@sampling_options
@click.option(
    "--output",
    type=FILE,
    help=f"Image: {either(images.SUFFIXES)}. Rows are as stored, but a .png of fastMRI's files is the right way up.",
)
def reconstruct(
    method: str, knobs: tuple[str, ...], auto: bool, as_json: bool, output: Path | None, **sampling: Any
) -> None:
    """Reconstruct one slice of FILE.

    \b
    Examples:
      recon-robust reconstruct scan.h5 --slice 3 --method tv --knob weight=2e-3 --pattern equispaced
      recon-robust reconstruct raw.npy --axes coil,phase,readout --pattern equispaced --method hyperrecon --auto
    """
    if output is not None:
        images.check_suffix(output)
    outputs = Outputs(output)
    chosen = chosen_method(method, knobs, auto)
    with measured(**sampling) as taken:
        measurement = taken.measurement
        chosen = with_auto(chosen, auto, measurement)
        if chosen.reconstructor.needs_sensitivities:
            _ = measurement.calibration  # part of opening a slice, not of the method's time
        start = time.perf_counter()
        image = follow(chosen.job(measurement), f"reconstructing with {chosen.label}")
        seconds = time.perf_counter() - start
        header, plane = taken.scan.header, taken.scan.plane(taken.index)
        outputs.save(
            output,
            lambda path: images.write_image(path, image * measurement.unit, header.voxel, plane, turn=header.upright),
        )
        regions = _measured(chosen, measurement, image)
        _warn_outside(chosen, measurement)
        for doubt in {**of_method(chosen, measurement, image), **_asked_again(chosen, measurement, image)}.values():
            warn(doubt)
    result = {
        **chosen.to_json(),
        "seconds": seconds,
        "acceleration": measurement.acceleration,
        "metrics": metrics.to_json(regions),
    }
    if as_json:
        print_json(result)
    else:
        _say(chosen, measurement, image, regions, seconds)
    outputs.end(quiet=as_json)


def _measured(method: Method, measurement: Measurement, image: Tensor) -> Mapping[str, metrics.Metrics] | None:
    """The metrics of the regions; None for a map, without a reference, and where nothing is seen in it."""
    if not method.is_image or measurement.full is None:
        return None
    try:
        reference = measurement.reference(method.reference_kind)
        assert reference is not None
        return metrics.measure(image.abs(), reference, tissue=measurement.foreground)
    except InputError as error:
        warn(f"no metrics: {error}")
        return None


def _warn_outside(method: Method, measurement: Measurement) -> None:
    """Say in what the scan lies outside of what a network was trained for, as the window does."""
    if not method.reconstructor.all_weights:
        return
    from ...workbench.domain import outside

    with suppress(InputError):  # without calibration lines the noise is not known
        if concern := outside(method.reconstructor, measurement):
            warn(concern)


def _asked_again(method: Method, measurement: Measurement, image: Tensor) -> Mapping[str, str]:
    """Whether an own model gives another image of the same samples when it is asked again, as a caution."""
    if registry.ships(method.id):
        return {}
    again = follow(method.job(measurement), f"asking {method.label} again")
    return differing([(again, image)], method.label)


def _say(
    method: Method,
    measurement: Measurement,
    image: Tensor,
    regions: Mapping[str, metrics.Metrics] | None,
    seconds: float,
) -> None:
    click.echo(f"{heading(method, measurement)}: {seconds:.2f} s")
    if not method.is_image:
        click.echo(f"a map up to {float(image.abs().max()):.3g}, no image: no metrics")
    elif measurement.full is None:
        click.echo("no fully sampled image to compare with: no metrics")
    elif regions is not None:  # else the reason was given with the warning
        for name, region in regions.items():
            figures = [f"{one.name} {one.said(getattr(region, field))}" for field, one in MEASURES.items()]
            click.echo(f"{name:<12} {'   '.join(figures)}")
