from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from helpers.small_scans import SPECIFICATION, kspace, write
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.physics import fourier
from napari_recon_robust.physics.model import root_sum_of_squares
from napari_recon_robust.simulation import anatomy
from napari_recon_robust.training.bank_specification import BankSpecification
from napari_recon_robust.training.case import calibrated
from napari_recon_robust.training.contents import Acquired, Anatomy
from napari_recon_robust.training.example import MaskSpecification, draw_example


@pytest.mark.parametrize("missing", [0, 24], ids=["whole lines", "partial echo"])
def test_a_scan_becomes_its_coil_images(tmp_path: Path, missing: int) -> None:
    """The bank's case is the file's k-space: oversampling removed, combined by the maps, and its RSS."""
    values = kspace(1e-3)
    values[:, :, :missing] = 0
    source = Acquired([write(tmp_path / "file1.h5", values)])
    rng = np.random.default_rng(0)
    acquired = source.acquisition(SPECIFICATION, rng)
    images = fourier.centre_crop(fourier.ifft(torch.from_numpy(values[0])), 40, -2)
    torch.testing.assert_close(acquired.wanted, images, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(fourier.ifft(acquired.hybrid, (-1,)), images, rtol=1e-4, atol=1e-5)
    assert acquired.sigma == pytest.approx(1e-3 * (1 - missing / 80) ** 0.5, rel=0.15)
    case = calibrated(acquired, SPECIFICATION, rng)
    scale = float(torch.quantile(root_sum_of_squares(images), 0.995))
    torch.testing.assert_close(case.magnitude, root_sum_of_squares(images) / scale, rtol=1e-3, atol=1e-4)
    inside = case.sensitivities.abs().sum(0) > 0
    assert inside.float().mean() > 0.3
    # ESPIRiT's maps explain the coil images, so combining them loses little of their energy.
    kept = case.truth[inside].abs().square().sum() / case.magnitude[inside].square().sum()
    assert 0.97 < float(kept) <= 1 + 1e-5


def test_repetitions_are_averaged_for_the_target_alone(tmp_path: Path) -> None:
    """Also where the phase has drifted between them."""
    files = []
    for number in (1, 2, 3):
        turned = kspace(2e-2, (number,)) * np.exp(1j * number)
        files.append(write(tmp_path / f"2022_T10{number}.h5", turned))
    acquired = Acquired(files).acquisition(SPECIFICATION, np.random.default_rng(0))
    clean = fourier.centre_crop(fourier.ifft(torch.from_numpy(kspace(0.0)[0])), 40, -2)

    def error(images: torch.Tensor) -> float:
        turn = torch.sgn((images.conj() * clean).sum())
        return float((images * turn - clean).norm())

    one = error(fourier.ifft(acquired.hybrid, (-1,)))
    assert error(acquired.wanted) == pytest.approx(one / 3**0.5, rel=0.05)


def test_padded_lines_are_known_to_be_zero(tmp_path: Path) -> None:
    values = kspace(1e-3, columns=48)
    values[..., :5] = values[..., -6:] = 0
    source = Acquired([write(tmp_path / "file1.h5", values)])
    case = calibrated(
        source.acquisition(SPECIFICATION, np.random.default_rng(0)), SPECIFICATION, np.random.default_rng(1)
    )
    assert case.acquired.sum() == 37
    for seed in range(5):
        problem = draw_example(case, MaskSpecification(), 40 * 48, np.random.default_rng(seed)).problem
        for padded in (slice(0, 5), slice(-6, None)):
            assert problem.model.mask[0, padded].all()
            assert problem.data[..., padded].abs().max() < 1e-3 * problem.data.abs().max()


@pytest.mark.parametrize("first", [0, 12], ids=["ellipse", "and partial Fourier"])
def test_a_full_scan_with_a_shutter_is_one_of_lines(tmp_path: Path, first: int) -> None:
    """A slice of a 3-D scan: no line is as long as another, and what lies beyond was not to be measured."""
    row, column = np.ogrid[-1:1:80j, -1:1:40j]
    inside = (row**2 + column**2 <= 1) & (np.arange(40) >= first)
    values = kspace(1e-3) * inside
    acquired = Acquired([write(tmp_path / "file1.h5", values)]).acquisition(SPECIFICATION, np.random.default_rng(0))
    images = fourier.centre_crop(fourier.ifft(torch.from_numpy(values[0])), 40, -2)
    torch.testing.assert_close(acquired.wanted, images, rtol=1e-4, atol=1e-5)
    assert acquired.acquired.tolist() == inside.any(0).tolist()


def test_an_undersampled_scan_of_its_calibration_lines_alone_is_refused(tmp_path: Path) -> None:
    """None of its lines could be held out; a bank draws another scan."""
    mask = np.abs(np.arange(40) - 20) < 6
    mask[2] = True
    write(tmp_path / "mine.h5", kspace(1e-3, (0, 1)) * mask, mask=mask)
    rng = np.random.default_rng(0)
    acquired = Acquired([tmp_path / "mine.h5"], undersampled=True).acquisition(SPECIFICATION, rng)
    with pytest.raises(InputError, match=r"1 sampled line\(s\) outside its ACS; 2 are needed"):
        calibrated(acquired, SPECIFICATION, rng)


@pytest.mark.parametrize("centre", [{"minimum_centre_lines": 500}, {"centre_fraction": (1.5, 2.0)}])
def test_a_centre_that_is_larger_than_the_slice_is_refused(centre: dict[str, Any], tmp_path: Path) -> None:
    source = Acquired([write(tmp_path / "file1.h5", kspace(1e-3))])
    specification = BankSpecification(cases=1, **centre)
    acquired = source.acquisition(specification, np.random.default_rng(0))
    with pytest.raises(InputError, match=r"a slice has 40 lines, and \d+ in its centre are wanted"):
        calibrated(acquired, specification, np.random.default_rng(0))


def ball() -> Anatomy:
    x, y, z = np.mgrid[-1:1:48j, -1:1:48j, -1:1:48j]
    head = 1.0 * (np.sqrt(x**2 + y**2 + z**2) < 0.8) - 0.5 * (np.sqrt(x**2 + y**2 + z**2) < 0.5)
    return Anatomy(anatomy.volume(head, (1.0, 1.0, 1.0)), "NIfTI", "head.nii")


def test_noise_of_the_body_is_correlated_between_coils() -> None:
    def correlation(body_noise: tuple[float, float] | None, seed: int) -> float:
        specification = BankSpecification(cases=1, coils=(16, 16), matrix=(32, 40), body_noise=body_noise)
        acquired = ball().acquisition(specification, np.random.default_rng(seed))
        noise = fourier.ifft(acquired.hybrid, (-1,)) - acquired.wanted
        coefficients = torch.corrcoef(noise.flatten(1)).abs()
        return float(coefficients[~torch.eye(16, dtype=torch.bool)].square().mean().sqrt())

    for seed in range(3):
        assert correlation((0.5, 0.6), seed) > max(0.15, 1.3 * correlation(None, seed))


def test_cases_without_noise_of_the_body_are_those_of_earlier_banks() -> None:
    """A case of before there was any, by its first samples: a bank that is continued holds the same cases."""
    specification = BankSpecification(cases=1, coils=(4, 6), matrix=(32, 40))
    acquired = ball().acquisition(specification, np.random.default_rng(3))
    found = [acquired.sigma, *torch.view_as_real(acquired.hybrid[0, 16, 18:20]).flatten().tolist()]
    assert found == pytest.approx([0.00163696, 0.375426, 0.317180, -0.0329934, -0.0370366], rel=1e-3)


def test_a_share_of_one_is_refused() -> None:
    with pytest.raises(InputError, match="body_noise is .*below 1"):
        BankSpecification(cases=1, body_noise=(0.2, 1.0))


def test_the_contrast_is_kept_where_asked_for(monkeypatch):
    """`other_contrast`: the share of the slices that go through `anatomy.contrast`."""
    changed = []
    monkeypatch.setattr(anatomy, "contrast", lambda image, rng: changed.append(1) or image)
    source = ball()
    for share, expected in ((0.0, 0), (1.0, 3)):
        changed.clear()
        specification = BankSpecification(cases=1, coils=(4, 4), matrix=(32, 40), other_contrast=share)
        for seed in range(3):
            source.acquisition(specification, np.random.default_rng(seed))
        assert len(changed) == expected
