"""GRAPPA against a direct solution for single samples, where its gaps are exact combinations, and by its gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import fourier
from napari_recon_robust.reconstructors.classical import grappa
from napari_recon_robust.reconstructors.classical.grappa import GRAPPA

INNER = (..., slice(6, -6))  # lines with measured ones on either side


def exact(rows: int = 24, columns: int = 40, coils: int = 8) -> Tensor:
    """k-space of an image under sensitivities of three waves each: a line is a combination of those beside it."""
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(rows, columns, dtype=torch.complex64)
    image[:, 4:-4] = torch.randn(rows, columns - 8, dtype=torch.complex64, generator=generator)
    taps = torch.randn(coils, 3, dtype=torch.complex64, generator=generator)
    return sum(taps[:, n, None, None] * image.roll(n - 1, 1) for n in range(3))


def sampled(kspace: Tensor, mask: Tensor) -> Measurement:
    return Measurement(kspace * mask, mask, (kspace.shape[-2], kspace.shape[-1]), kspace)


def lines(columns: int, acceleration: int, acs: int) -> Tensor:
    mask = torch.arange(columns)[None] % acceleration == 0
    mask[:, (columns - acs) // 2 : (columns + acs) // 2] = True
    return mask


def filled(measurement: Measurement, weight: float, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """The k-space that GRAPPA makes its image of."""
    found = []
    with monkeypatch.context() as patch:
        patch.setattr(grappa.combination, "combine", lambda _, images, __: found.append(images) or images[0])
        GRAPPA().reconstruct(measurement, weight=weight, combine="rss")
    return fourier.fft(found[0])


@pytest.mark.parametrize("points", [False, True])
def test_gaps_that_are_combinations_of_their_neighbours_are_filled_exactly(points, monkeypatch):
    kspace = exact()
    mask = lines(40, 2, 20)
    if points:
        mask = mask | (torch.arange(24)[:, None] % 2 == 0)
        mask[6:18, 14:26] = True
    measurement = sampled(kspace, mask)
    assert measurement.lines is not points
    error = (filled(measurement, 1e-5, monkeypatch) - kspace)[INNER].norm()
    assert error < 1e-3 * (measurement.kspace - kspace)[INNER].norm()


@pytest.mark.parametrize(("acceleration", "filled_beyond"), [(1, 0), (2, 1), (4, 3)])
def test_what_partial_fourier_leaves_out_is_not_made_up(acceleration, filled_beyond, monkeypatch):
    """From one side alone lines would be extrapolated; beside the last sampled one they are as those in a gap."""
    mask = lines(40, acceleration, 20) & (torch.arange(40) >= 12)
    found = filled(sampled(exact(), mask), 3e-3, monkeypatch).abs().amax((0, 1)) > 1e-4
    assert found[INNER].tolist() == [column >= 12 - filled_beyond for column in range(40)[6:-6]]


def test_a_missing_sample_is_what_least_squares_over_the_acs_give(monkeypatch):
    """Written out for one sample whose nearest lines are at -1, 2, -4, -5 and 5, the ACS being lines 11 to 33."""
    generator = torch.Generator().manual_seed(1)
    kspace = torch.randn(3, 30, 44, dtype=torch.complex64, generator=generator)
    measurement = sampled(kspace, lines(44, 3, 22))
    found = filled(measurement, 0.02, monkeypatch)

    def sources(row: int, column: int) -> list[complex]:
        return [y[j, row + d, column + s] for j in range(3) for d in range(-2, 3) for s in (-5, -4, -1, 2)]

    y = kspace.numpy().astype(np.complex128)
    windows = [(row, column) for row in range(2, 28) for column in range(16, 29)]
    a, b = np.array([sources(*at) for at in windows]), np.array([y[:, *at] for at in windows])
    gram = a.conj().T @ a
    ridge = 0.02 * np.trace(gram).real / len(gram)
    weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), a.conj().T @ b)
    np.testing.assert_allclose(found[:, 11, 37].numpy(), sources(11, 37) @ weights, rtol=1e-3, atol=1e-4)


def test_a_missing_point_is_what_least_squares_of_its_eight_nearest_over_the_acs_give(monkeypatch):
    """Written out for points whose eighth neighbour is nearer than the ninth, within three points along either axis."""
    generator = torch.Generator().manual_seed(1)
    kspace = torch.randn(3, 30, 34, dtype=torch.complex64, generator=generator)
    mask = torch.rand(30, 34, generator=generator) < 0.3
    mask[8:22, 9:25] = True
    found = filled(sampled(kspace, mask), 0.02, monkeypatch)
    y, there = kspace.numpy().astype(np.complex128), mask.numpy()
    compared = 0
    for row, column in np.argwhere(~there[3:-3, 3:-3]) + 3:
        steps = np.argwhere(there[row - 3 : row + 4, column - 3 : column + 4]) - 3
        steps = steps[np.argsort((steps**2).sum(1))]
        far = (steps**2).sum(1)
        if len(far) < 9 or far[7] == far[8]:
            continue
        windows = np.stack(np.meshgrid(np.arange(11, 19), np.arange(12, 22), indexing="ij"), -1).reshape(-1, 2)
        a, given = (
            np.stack([y[:, *(at + step).T] for step in steps[:8]], -1).transpose(1, 0, 2).reshape(len(at), -1)
            for at in (windows, np.array([[row, column]]))
        )
        gram = a.conj().T @ a
        ridge = 0.02 * np.trace(gram).real / len(gram)
        weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), a.conj().T @ y[:, *windows.T].T)
        np.testing.assert_allclose(found[:, row, column].numpy(), (given @ weights)[0], rtol=1e-3, atol=1e-4)
        compared += 1
    assert compared > 20


def test_coils_of_zeros_change_nothing(monkeypatch):
    kspace, mask = exact(), lines(40, 2, 20)
    more = torch.cat([kspace, torch.zeros_like(kspace[:3])])
    one, other = (filled(sampled(given, mask), 0.3, monkeypatch) for given in (kspace, more))
    torch.testing.assert_close(other[:8], one, rtol=1e-4, atol=1e-5 * float(one.abs().max()))
    assert not other[8:].any()


@pytest.mark.parametrize("pattern", ["lines", "plane"])
def test_samples_stay_as_they_are(pattern, request, monkeypatch):
    measurement = request.getfixturevalue(pattern)
    found = filled(measurement, 1e-2, monkeypatch)
    given = fourier.fft(measurement.data, (-2,)) if measurement.lines else measurement.data
    inside = measurement.sampled.expand(given.shape[-2:])
    torch.testing.assert_close(found[:, inside], given[:, inside], rtol=1e-4, atol=1e-5 * float(given.abs().max()))
    assert (found[:, ~inside].abs() > 0).float().mean() > 0.9


def test_its_gradient_goes_through_the_weights():
    """Against a difference quotient along a random direction, which changes the ACS too."""
    kspace, mask = exact(16, 28, 4), lines(28, 2, 12)
    direction = torch.randn(kspace.shape, dtype=kspace.dtype, generator=torch.Generator().manual_seed(3)) * mask

    def loss(t: Tensor) -> Tensor:
        image = GRAPPA()(sampled(kspace, mask).with_kspace(kspace + t * direction), weight=0.1)
        return image.abs().square().sum()

    t = torch.zeros((), requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(t), t)
    with torch.no_grad():
        quotient = (loss(torch.tensor(0.01)) - loss(torch.tensor(-0.01))) / 0.02
    assert float(gradient) == pytest.approx(float(quotient), rel=2e-3)


def test_a_small_acs_is_refused_in_a_sentence():
    with pytest.raises(InputError, match="a fully sampled centre of k-space of at least 5 lines"):
        GRAPPA()(sampled(exact(), lines(40, 2, 2)))


@pytest.mark.parametrize("points", [False, True])
def test_calibration_lines_that_were_measured_apart_teach_it(points, monkeypatch):
    """Without an ACS of its own a scan takes the kernels from them, in whatever scale they are."""
    kspace, mask, centre = exact(), lines(40, 2, 0), lines(40, 40, 20)
    if points:
        mask = mask | (torch.arange(24)[:, None] % 2 == 0)
    one = replace(sampled(kspace, mask), full=None, acs=5 * kspace * centre)
    assert one.lines is not points
    error = (filled(one, 1e-5, monkeypatch) - kspace)[INNER].norm()
    assert error < 1e-3 * (one.kspace - kspace)[INNER].norm()
    batch = one.with_kspace(torch.stack([one.kspace, 2 * one.kspace]))
    images = GRAPPA()(batch)
    torch.testing.assert_close(images, torch.stack([GRAPPA()(one), 2 * GRAPPA()(one)]))
