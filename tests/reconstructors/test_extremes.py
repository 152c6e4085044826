"""Every method at the edges of what a scan may hold: a finite image or one sentence, and no warning."""

import pytest
import torch

from helpers.extremes import LINES, MANY_COILS, POWERS, SOUND, TINY, UNSOUND, head, measured, refusal
from helpers.method_properties import few
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.reconstructors.base import Method

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")


QUICK = ("air", "one coil", "6x6")


@pytest.fixture(params=registry.ids(), scope="module")
def method(request: pytest.FixtureRequest) -> Method:
    """Each method with few iterations."""
    reconstructor = registry.get(request.param)
    return reconstructor.at(**few(reconstructor))


def check(image: torch.Tensor, measurement: Measurement) -> None:
    assert image.shape == measurement.matrix
    assert torch.view_as_real(image).isfinite().all()


@pytest.mark.parametrize(
    "name",
    [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in {**SOUND, **MANY_COILS} if name not in QUICK)],
)
def test_an_image(method: Method, name: str) -> None:
    measurement = {**SOUND, **MANY_COILS}[name]()
    check(method(measurement), measurement)


@pytest.mark.parametrize("name", TINY)
def test_an_image_or_the_least_number_of_lines(method: Method, name: str) -> None:
    measurement = TINY[name]()
    if method.reconstructor.needs_sensitivities:
        with refusal("sensitivities need at least 6"):
            method(measurement)
    else:
        check(method(measurement), measurement)


@pytest.mark.parametrize("name", UNSOUND)
def test_a_sentence(method: Method, name: str) -> None:
    make, words = UNSOUND[name]
    with refusal(words):
        method(make())
    with refusal(words):
        list(method.family(make(), [{}]))


@pytest.fixture(scope="module")
def usual(method: Method) -> torch.Tensor:
    """The image of samples of the usual size."""
    return method(measured(head(), LINES))


@pytest.mark.slow
@pytest.mark.parametrize("power", POWERS)
def test_the_image_has_the_size_of_the_samples(method: Method, usual: torch.Tensor, power: int) -> None:
    """A power of two changes no digit, whatever the size: not those of the image in the file's units either."""
    scaled = measured(2.0**power * head(), LINES)
    image = method(scaled).to(torch.complex128) * scaled.unit
    assert torch.equal(image / 2.0**power, usual.to(torch.complex128))
