"""What every reconstructor has to satisfy, driven by the registry: a new one is tested by being listed."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from helpers.second_device import NAME, There, here, second_device
from napari_recon_robust.data.measurement import Calibration, Measurement
from napari_recon_robust.ground.errors import InputError, ModelError, WeightsError
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Reconstructor
from napari_recon_robust.reconstructors.classical import hqs

Directional = Callable[[Callable[[Tensor], Tensor], Tensor, float], tuple[float, float]]


@pytest.fixture(params=registry.ids(), scope="module")
def method(request: pytest.FixtureRequest) -> Reconstructor:
    return registry.get(request.param)


@pytest.fixture(params=["lines", pytest.param("plane", marks=pytest.mark.thorough)], scope="module")
def measurement(request: pytest.FixtureRequest) -> Measurement:
    return request.getfixturevalue(request.param)


# For what does not depend on which samples there are.
of_lines = pytest.mark.parametrize("measurement", ["lines"], indirect=True, scope="module")


def reconstruct(method: Reconstructor, measurement: Measurement, **knobs: float) -> Tensor:
    """The image, a few iterations for a method that has such a knob; skips one whose weights are not there yet."""
    knobs = few(method) | knobs
    try:
        return method(measurement, **knobs)
    except WeightsError as error:
        pytest.skip(str(error))


def few(method: Reconstructor) -> dict[str, float]:
    """Knobs that make a long method short."""
    short = {"iterations": 20, "channels": 8, "steps": 2, "samples": 2, "restarts": 1}
    return {knob.name: short[knob.name] for knob in method.knobs if knob.name in short}


def difference(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


def test_it_says_what_it_is(method: Reconstructor) -> None:
    assert registry.get(method.id) is method
    assert method.label
    assert method.summary
    assert method.__doc__ is not None
    assert "=" in method.__doc__ or "->" in method.__doc__, "the docstring starts with the formula"
    assert len({knob.name for knob in method.knobs}) == len(method.knobs)
    for knob in method.knobs:
        assert knob.parse(knob.default) == knob.default
        assert knob.help


def test_shape_and_type(image: Tensor, measurement: Measurement) -> None:
    assert image.shape == measurement.matrix
    assert image.dtype == torch.complex64


def test_it_looks_like_the_object(method: Reconstructor, measurement: Measurement, image: Tensor) -> None:
    reference = measurement.reference(method.reference_kind)
    assert reference is not None
    assert difference(image.abs(), reference) < 0.35


@of_lines
@pytest.mark.slow
def test_it_is_reproducible(method: Reconstructor, measurement: Measurement, image: Tensor) -> None:
    assert torch.equal(reconstruct(method, replace(measurement)), image)


@of_lines
def test_the_default_type_of_torch_does_not_matter(
    method: Reconstructor, measurement: Measurement, image: Tensor, double_by_default: None
) -> None:
    again = reconstruct(method, replace(measurement))
    assert again.dtype == image.dtype
    assert torch.equal(again, image)


@of_lines
@pytest.mark.slow
def test_the_units_of_the_scan_do_not_matter(method: Reconstructor, measurement: Measurement, image: Tensor) -> None:
    factor = 2.0**-14  # a power of two changes no digit
    small = replace(measurement, kspace=measurement.kspace * factor, full=None)
    assert difference(reconstruct(method, small), image * factor) < 2e-3


@of_lines
@pytest.mark.slow
def test_a_coil_that_measures_nothing_changes_nothing(
    method: Reconstructor, measurement: Measurement, image: Tensor
) -> None:
    """Such as a broken one; samples of a posterior draw other noise for other coils.

    Its zeros change the sensitivities by rounding errors of 2e-6, which a fit of a network by Adam amplifies.
    """
    silent = torch.cat((measurement.kspace, torch.zeros_like(measurement.kspace[:1])))
    drawn = method.draw is not None
    found = reconstruct(method, replace(measurement, kspace=silent, full=None))
    assert difference(found, image) < (1e-2 if drawn else 5e-4)


@of_lines
@pytest.mark.thorough
def test_it_runs_on_the_device_of_the_samples(
    method: Reconstructor, measurement: Measurement, image: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a second one, which refuses to compute with tensors of the first, and takes its time with each operation."""
    if method.id == hqs.HQS.id:
        monkeypatch.setattr(hqs, "ALTERNATIONS", 1)
        monkeypatch.setattr(hqs, "LAST", 4)
        image = reconstruct(method, replace(measurement))
    with second_device():
        try:
            there = reconstruct(method, replace(measurement, full=None).to(NAME))
        except ModelError as error:
            if "autocast" in str(error):
                pytest.skip("uses autocast, which does not know that device")
            raise
    assert isinstance(there, There)
    assert difference(here(there), image) < 1e-4


@of_lines
@pytest.mark.slow
def test_a_batch_is_a_loop(method: Reconstructor, measurement: Measurement, image: Tensor) -> None:
    noise = torch.randn(measurement.kspace.shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    other = measurement.kspace + 0.02 * measurement.kspace.norm() / noise.norm() * noise * measurement.mask
    batch = measurement.with_kspace(torch.stack((measurement.kspace, other)), keep=True)
    one, two = reconstruct(method, batch)
    assert difference(one, image) < 1e-4
    assert difference(two, reconstruct(method, measurement.with_kspace(other, keep=True))) < 1e-4


def test_ends_that_all_lines_lack_count_as_zeros(method: Reconstructor, lines: Measurement) -> None:
    """A partial echo gives the image of whole lines with zeros, and with the noise that such lines have."""
    readout = lines.kspace.shape[-2]
    mask = lines.mask & (torch.arange(readout)[:, None] >= readout // 6)
    echo = Measurement(lines.kspace * mask, mask, lines.matrix)
    kept = Calibration(echo.calibration.sensitivities, echo.data_noise)
    whole = replace(echo, mask=lines.mask, acquired=lines.acquired, kept=kept)
    assert echo.lines
    assert difference(reconstruct(method, echo), reconstruct(method, whole)) < 1e-4


def test_every_live_knob_moves_the_image(method: Reconstructor, measurement: Measurement) -> None:
    for knob in method.knobs:
        if knob.live:
            ends = [reconstruct(method, measurement, **{knob.name: value}) for value in (knob.minimum, knob.maximum)]
            assert difference(*ends) > 2e-3


@pytest.mark.slow
def test_a_family_is_its_members(method: Reconstructor, measurement: Measurement, image: Tensor) -> None:
    """At two settings for a method that makes them together; one that makes them one by one needs no second."""
    together = type(method).family is not Reconstructor.family
    live = [knob for knob in method.knobs if knob.live and together]
    points = [few(method) | {knob.name: knob.from_unit(u) for knob in live} for u in (0.3, 0.6)[: 1 + len(live)]]
    members = [reconstruct(method, measurement, **point) for point in points] if live else [image]
    for one, member in zip(method.at().family(measurement, iter(points)), members, strict=True):
        assert difference(one, member) < 3e-3


def test_an_unknown_knob_is_named(method: Reconstructor, measurement: Measurement) -> None:
    with pytest.raises(InputError, match="no knob 'wait'"):
        method(measurement, wait=3)


@pytest.mark.slow
@pytest.mark.usefixtures("image")
def test_the_gradient(method: Reconstructor, measurement: Measurement, directional: Directional) -> None:
    """Along itself, by central differences; what depends on the measurement counts as a constant.

    Small steps are lost in rounding, but where an image is dark its local phase, through which some gradients go, turns
    so fast that only they are small enough.
    """
    if not method.differentiable:
        pytest.skip("says that it is not differentiable")
    weights = torch.randn(measurement.matrix, dtype=torch.complex64, generator=torch.Generator().manual_seed(1))

    def component(kspace: Tensor) -> Tensor:
        perturbed = measurement.with_kspace(kspace, keep=True)
        vars(perturbed)["scale"] = measurement.scale
        return (method(perturbed) * weights.conj()).real.sum() / measurement.scale.squeeze()

    whole = float(measurement.kspace.norm())
    by_difference, gradient = directional(component, measurement.kspace, 3e-3 * whole)
    if by_difference != pytest.approx(gradient, rel=0.05):
        by_difference, gradient = directional(component, measurement.kspace, 1e-5 * whole)
    assert by_difference == pytest.approx(gradient, rel=0.05)
