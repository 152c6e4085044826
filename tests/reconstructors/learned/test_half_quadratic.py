import torch
from torch import Tensor

from napari_recon_robust.reconstructors.learned.half_quadratic import SEEN, STEPS, Unroll, unrolled
from napari_recon_robust.reconstructors.problem import Problem

SHAPE = (6, 12)


def nothing(x: Tensor) -> Tensor:
    return torch.zeros(1, 8, *x.shape[-2:])


def matrix_of(problem: Problem) -> Tensor:
    """A^H A, column by column."""
    units = torch.eye(72, dtype=torch.complex64).reshape(72, *SHAPE)
    return torch.stack([problem.model.normal(unit).flatten() for unit in units], dim=1)


def images(problem: Problem, count: int, penalty: float, steps: int = STEPS) -> Tensor:
    unrolls = [Unroll(nothing, torch.tensor(1.0), torch.tensor(penalty))] * count
    return unrolled(problem.model, problem.right_hand_side, unrolls, 1.0, 1.0, steps=steps)


def test_without_a_correction_it_is_the_proximal_point_method(tiny: Problem) -> None:
    """x <- (A^H A + p)^-1 (A^H y + p x) from A^H y on, each solved by a matrix."""
    normal, b, penalty = matrix_of(tiny), tiny.right_hand_side.flatten(), 0.3
    expected = b
    for _ in range(3):
        expected = torch.linalg.solve(normal + penalty * torch.eye(72), b + penalty * expected)
    torch.testing.assert_close(images(tiny, 3, penalty, steps=40).flatten(), expected, rtol=1e-4, atol=1e-5)


def test_the_few_steps_that_are_taken_go_on_to_least_squares(tiny: Problem) -> None:
    """With data that are consistent the samples are met in the end."""
    residuals = [
        float((tiny.model.forward(images(tiny, count, 0.1)) - tiny.model.mask * tiny.data).norm())
        for count in (1, 4, 40)
    ]
    assert residuals[0] > residuals[1] > residuals[2]
    assert residuals[2] < 1e-3 * float(tiny.data.norm())


def test_a_correction_sees_the_image_its_detail_and_the_pull_of_the_data(tiny: Problem) -> None:
    """The pull of later unrolls, which is known without another A^H A, is b - A^H A x."""
    seen: list[Tensor] = []

    def correction(x: Tensor) -> Tensor:
        seen.append(torch.nn.functional.pixel_shuffle(x, 2)[0])
        return torch.full((1, 8, *x.shape[-2:]), 0.1)

    unrolls = [Unroll(correction, torch.tensor(0.5), torch.tensor(0.2))] * 3
    unrolled(tiny.model, tiny.right_hand_side, unrolls, 2.0, 0.5)
    for maps in seen:
        assert maps.shape == (SEEN, *SHAPE)
        image, pull = torch.complex(maps[0], maps[1]), torch.complex(maps[4].sinh(), maps[5].sinh()) * 0.5
        torch.testing.assert_close(pull, tiny.right_hand_side - tiny.model.normal(image), rtol=1e-3, atol=1e-5)
    assert not torch.equal(seen[1], seen[2])


def test_the_correction_is_added_before_data_consistency(tiny: Problem) -> None:
    def constant(x: Tensor) -> Tensor:
        return torch.full((1, 8, *x.shape[-2:]), 0.1)

    penalty, reach = 0.3, 0.5
    b = tiny.right_hand_side.flatten()
    z = b + reach * (0.1 + 0.1j)
    expected = torch.linalg.solve(matrix_of(tiny) + penalty * torch.eye(72), b + penalty * z)
    unroll = Unroll(constant, torch.tensor(reach), torch.tensor(penalty))
    image = unrolled(tiny.model, tiny.right_hand_side, [unroll], 1.0, 1.0, steps=40)
    torch.testing.assert_close(image.flatten(), expected, rtol=1e-4, atol=1e-5)
