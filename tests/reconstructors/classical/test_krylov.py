from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.reconstructors.classical import cg_sense
from napari_recon_robust.reconstructors.classical.cg_sense import CGSense
from napari_recon_robust.reconstructors.classical.conjugate_gradients import tikhonov
from napari_recon_robust.reconstructors.classical.krylov import KrylovSpace


def counted(operator: Callable[[Tensor], Tensor]) -> tuple[Callable[[Tensor], Tensor], list[int]]:
    """The operator, and a list that grows by an entry for each product."""
    products: list[int] = []

    def count(x: Tensor) -> Tensor:
        products.append(1)
        return operator(x)

    return count, products


@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_the_images_are_those_of_conjugate_gradients(pattern: str, request: pytest.FixtureRequest) -> None:
    measurement: Measurement = request.getfixturevalue(pattern)
    model, b = measurement.model, measurement.combined
    operator, products = counted(model.normal)
    space = KrylovSpace(operator, b)
    for steps in (10, 1, 40, 3):
        for weight in (1e-4, 5e-3, 1.0):
            expected = tikhonov(model, b, weight * model.largest_eigenvalue, steps)
            found = space.solution(weight * model.largest_eigenvalue, steps)
            assert float((found - expected).norm()) < 1e-4 * float(expected.norm())
    assert len(products) == 40, "each step of the longest image once"


def test_items_of_a_batch_have_their_own_space_and_weight() -> None:
    """One of them is zero, and one is solved by the first step."""
    random = torch.Generator().manual_seed(0)
    squares = torch.rand(3, 4, 5, generator=random)
    b = torch.randn(3, 4, 5, dtype=torch.complex64, generator=random)
    b[1], squares[2] = 0, 0.5
    weights = torch.tensor([0.1, 0.2, 0.3])[:, None, None]
    found = KrylovSpace(lambda x: squares * x, b).solution(weights, 20)
    torch.testing.assert_close(found, b / (squares + weights), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[1], torch.zeros(4, 5, dtype=torch.complex64))


@pytest.mark.parametrize("values", [3, 8, 20])
def test_steps_end_where_only_rounding_is_left(values: int) -> None:
    """H has few eigenvalues and is 0 elsewhere: as many steps solve the system, and rounding lies elsewhere."""
    random = torch.Generator().manual_seed(0)
    squares = torch.zeros(64, 64)
    squares[8:40, 8:40] = torch.linspace(0.1, 1, values)[torch.randint(values, (32, 32), generator=random)]

    def rounded(x: Tensor) -> Tensor:
        return torch.fft.ifft2(squares * torch.fft.fft2(x))

    b = rounded(torch.randn(64, 64, dtype=torch.complex64, generator=random))
    expected = torch.fft.ifft2((squares > 0) * torch.fft.fft2(b.to(torch.complex128)) / (squares.double() + 1e-4))
    found = KrylovSpace(rounded, b).solution(1e-4, values + 10)
    assert float((found - expected).norm()) < 1e-5 * float(expected.norm())


def test_no_gradient_is_kept(lines: Measurement) -> None:
    asked = lines.with_kspace(lines.kspace.clone().requires_grad_(), keep=True)
    assert not any(image.requires_grad for image in CGSense().family(asked, [{"weight": 0.01, "iterations": 3}]))


def test_a_family_of_many_steps_holds_no_basis(lines: Measurement, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [{"weight": weight, "iterations": 6} for weight in (1e-3, 1e-1)]
    together = list(CGSense().family(lines, points))
    monkeypatch.setattr(cg_sense, "_LARGEST_BASIS", 6.5 * lines.combined.nbytes)
    apart = list(CGSense().family(lines, points))
    for one, other, point in zip(together, apart, points, strict=True):
        assert torch.equal(other, CGSense().reconstruct(lines, **point))
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
