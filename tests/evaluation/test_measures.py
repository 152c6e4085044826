from math import inf

from napari_recon_robust.evaluation.measures import MEASURES
from napari_recon_robust.evaluation.metrics import Metrics


def test_every_field_of_the_metrics_has_its_measure() -> None:
    assert [*MEASURES] == [*vars(Metrics(1.0, 2.0, 3.0))]


def test_a_value_is_said_with_its_digits_and_its_unit() -> None:
    assert MEASURES["ssim"].said(0.98765) == "0.988"
    assert MEASURES["psnr"].said(31.26) == "31.3 dB"
    assert MEASURES["nmse"].said(0.00123456) == "0.00123"
    assert MEASURES["psnr"].said(inf) == "— dB", "of identical images"
