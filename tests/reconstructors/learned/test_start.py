"""Where training starts, beside which trained methods are shown."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from napari_recon_robust.analyses.quality.entries import MethodEntry
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import InputError, ModelError
from napari_recon_robust.networks.correction import without_correction
from napari_recon_robust.reconstructors.classical.conjugate_gradients import conjugate_gradients
from napari_recon_robust.reconstructors.learned.hyperrecon import HyperRecon, HyperReconNetwork
from napari_recon_robust.reconstructors.learned.varnet_from_cg import ITERATIONS, WEIGHT, VarNetFromCG
from napari_recon_robust.reconstructors.problem import Problem, problems
from napari_recon_robust.reconstructors.registry import registry


def test_without_its_correction_a_network_is_its_first_self(
    network_kind: tuple[type[torch.nn.Module], dict[str, Any]], make_random: Callable[..., Any], lines: Measurement
) -> None:
    """All that was learned but the corrections set back to its first value, it is the untrained network."""
    kind, arguments = network_kind
    (problem,) = problems(lines)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        first, silent = kind(**arguments), without_correction(make_random(kind, arguments, 0.05))
        for name, parameter in silent.named_parameters():
            if parameter.ndim < 2 and name in dict(first.named_parameters()):
                parameter.copy_(dict(first.named_parameters())[name])
        torch.testing.assert_close(silent(problem), first(problem), rtol=1e-4, atol=1e-5)


def test_hyperrecon_without_its_correction_does_not_know_the_mix(hyperrecon: HyperRecon, lines: Measurement) -> None:
    """What is left, data consistency, hears of the knobs by its penalties alone; at equal ones nothing changes."""
    network = hyperrecon.network(torch.device("cpu"))
    assert isinstance(network, HyperReconNetwork)
    silent = without_correction(network)
    with torch.no_grad():
        silent.numbers.weight.zero_()
        (problem,) = problems(lines)
        torch.testing.assert_close(silent(problem, 2e-3, 0.0), silent(problem, 2e-2, 1.0))
        assert not torch.allclose(network(problem, 2e-3, 0.0), network(problem, 2e-2, 1.0))
    start = hyperrecon.start()
    np.testing.assert_allclose(start(lines, mix=0.0).abs().mean(), start(lines, mix=1.0).abs().mean(), rtol=0.05)


def test_a_varnet_from_cg_sense_starts_at_a_polynomial_of_the_normal_operator_on_that(lines: Measurement) -> None:
    """Without the U-Nets U_t: z' = z - eta (u - b) - w z, u' = (1 - eta) u + eta b - w N z, b = A^H y, u_0 = b."""
    start = MethodEntry.parse("varnet-cg, start, consistency=0.01").open()
    model, b = lines.model, lines.model.adjoint(lines.data)
    image = conjugate_gradients(lambda x: model.normal(x) + WEIGHT * x, b, ITERATIONS)
    z, u = image + b - model.normal(image), b
    for cascade in VarNetFromCG().network(torch.device("cpu")).cascades:
        eta, w = float(cascade.dc_weight), float(cascade.image_weight)  # type: ignore[arg-type]
        z, u = z - eta * (u - b) - w * z, (1 - eta) * u + eta * b - w * model.normal(z)
    assert start.knobs["consistency"] == 0.01
    torch.testing.assert_close(start(lines), lines.crop(z), rtol=1e-3, atol=2e-4 * float(z.abs().max()))
    assert float((VarNetFromCG()(lines) - lines.crop(z)).norm() / z.norm()) > 0.004


def test_an_entry_of_a_table(lines: Measurement) -> None:
    entry = MethodEntry.parse("cascade-net, start")
    method = entry.open()
    assert not torch.allclose(method(lines), registry.get("cascade-net")(lines))
    torch.testing.assert_close(MethodEntry.parse("unet, start").open()(lines), registry.get("zero-filled")(lines))
    with pytest.raises(InputError, match="is not trained"):
        MethodEntry.parse("tv, start").open()


@pytest.mark.parametrize("id", ["hqs-net", "hyperrecon", "irim", "unet", "unrolled-hqs", "varnet"])
def test_these_networks_know_nothing_of_tv(id: str, lines: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a comparison of them with TV is one of what is learned with what is sparse."""

    def asked(problem: Problem, weight: float) -> torch.Tensor:
        raise AssertionError("the TV image was asked for")

    monkeypatch.setattr(Problem, "tv", asked)
    assert registry.get(id)(lines).isfinite().all()
    with pytest.raises(ModelError, match="the TV image was asked for"):
        registry.get("hqs-supervised")(lines)
