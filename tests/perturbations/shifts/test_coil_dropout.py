from dataclasses import replace

import pytest
import torch

from helpers.shifts import perturb
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.ground.errors import InputError


def test_one_coil_is_lost_and_no_other(measurement, combined, roi):
    found = perturb("coil-dropout", measurement, combined, roi, coil=2)
    after = found.measurement
    assert not after.kspace[2].any()
    assert not after.full[2].any()
    others = [0, 1, 3]
    assert torch.equal(after.kspace[others], measurement.kspace[others])
    assert torch.equal(after.full[others], measurement.full[others])
    assert found.budget.per_coil[2] == pytest.approx(
        float(measurement.kspace[2].norm() / measurement.full[2].norm()), rel=1e-5
    )


@pytest.mark.parametrize(("box", "coil"), [((12, 27, 6, 6), 0), ((24, 14, 6, 6), 1), ((12, 2, 6, 6), 2)])
def test_the_coil_beside_the_region_is_lost_first(measurement, combined, box, coil):
    """The coils stand around the object, at 0°, 90°, 180° and 270° from the positive columns."""
    found = perturb("coil-dropout", measurement, combined, ROI.box(*box))
    assert found.details["coil"] == coil
    assert 0.25 < found.details["share"] < 1


def test_the_share_of_each_coil_is_that_of_its_sensitivity_in_the_region(measurement, combined):
    box = ROI.box(12, 2, 6, 6)
    found = [perturb("coil-dropout", measurement, combined, box, coil=coil).details for coil in range(4)]
    assert [one["coil"] for one in found] == [0, 1, 2, 3]
    energy = measurement.kept.sensitivities[:, 12:18, 2:8].abs().square().sum((1, 2))
    assert [one["share"] for one in found] == pytest.approx((energy / energy.sum()).tolist())
    cropped = replace(measurement, matrix=(32, 20))  # columns 8 to 27
    found = [perturb("coil-dropout", cropped, combined, ROI.box(12, 2, 6, 6), coil=coil).details for coil in range(4)]
    energy = measurement.kept.sensitivities[:, 12:18, 10:16].abs().square().sum((1, 2))
    assert [one["share"] for one in found] == pytest.approx((energy / energy.sum()).tolist())


def test_a_coil_that_there_is_not_is_refused(measurement, combined, roi):
    with pytest.raises(InputError, match="coils 0 to 3"):
        perturb("coil-dropout", measurement, combined, roi, coil=4)


def test_a_scan_of_one_coil_is_refused(measurement, combined, roi):
    one = Measurement(measurement.kspace[:1], measurement.mask, (32, 36))
    with pytest.raises(InputError, match="one coil only"):
        perturb("coil-dropout", one, combined, roi)
