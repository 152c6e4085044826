"""What is read off images."""

import csv
import math
from io import StringIO

import pytest
import torch

from napari_recon_robust.evaluation import metrics, readout
from napari_recon_robust.evaluation.readout import Shown
from napari_recon_robust.ground.errors import InputError


def images() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    reference = torch.rand(24, 20) + 1
    clean = reference + 0.1 * torch.rand(24, 20)
    return reference, clean, clean - 0.25


def box() -> torch.Tensor:
    mask = torch.zeros(24, 20, dtype=torch.bool)
    mask[8:12, 6:11] = True
    return mask


def test_a_pixel_is_read_in_all_images_at_once() -> None:
    reference, clean, perturbed = images()
    all_three = {"reference": reference, "clean": clean, "perturbed": perturbed}
    reading = readout.read(all_three, 3, 5, maximum=2.0, pixel=(0.5, 0.75))
    assert reading is not None
    assert reading.values["clean"] == pytest.approx(float(clean[3, 5]) / 2)
    assert reading.change == pytest.approx(-0.125, abs=1e-6)
    assert reading.place == "row 3, column 5 (1.5, 3.8 mm)"
    alone = readout.read({"clean": clean}, 23, 19, maximum=2.0)
    assert alone is not None
    assert (alone.change, alone.place) == (None, "row 23, column 19")


@pytest.mark.parametrize("place", [(-1, 0), (0, -1), (24, 0), (0, 20)])
def test_nothing_is_read_beyond_the_image(place: tuple[int, int]) -> None:
    assert readout.read({"clean": torch.ones(24, 20)}, *place, maximum=1.0) is None


def test_statistics_of_a_region() -> None:
    reference, clean, _ = images()
    maximum = 2 * float(reference.max())  # of another image, say
    first, second = readout.table(
        {"reference": Shown(reference), "clean": Shown(clean, reference)}, {"tear": box()}, maximum, (0.5, 2.0)
    )
    values = reference[8:12, 6:11].double() / maximum
    assert (first.image, first.region, first.pixels, first.area_mm2) == ("reference", "tear", 20, 20.0)
    assert first.mean == pytest.approx(float(values.mean()))
    assert first.deviation == pytest.approx(float(values.std()))
    assert (first.minimum, first.maximum_in_region) == (float(values.min()), float(values.max()))
    assert (first.ssim, first.snr) == (None, None)
    expected = metrics.measure(clean, reference, roi=box(), data_range=maximum)["roi"]
    assert (second.ssim, second.psnr_db, second.nmse) == (expected.ssim, expected.psnr, expected.nmse)


def test_signal_and_contrast_over_white_noise_are_the_textbook_ones() -> None:
    image, noise = torch.where(box(), 3.0, 2.0), torch.full((24, 20), 0.1)
    (row,) = readout.table({"clean": Shown(image, noise=noise)}, {"tear": box()}, 3.0)
    assert row.snr == pytest.approx(30)
    assert row.cnr == pytest.approx(10)
    (silent,) = readout.table({"clean": Shown(image, noise=0 * noise)}, {"tear": box()}, 3.0)
    assert (silent.snr, silent.cnr) == (None, None)
    everything = torch.ones_like(box())
    assert readout.contrast_to_noise(image, everything, noise) is None


def test_noise_that_grows_towards_the_middle_counts_where_it_is() -> None:
    image = torch.where(box(), 3.0, 2.0)
    noise = torch.where(box(), 0.3, 0.1)
    assert readout.signal_to_noise(image, box(), noise) == pytest.approx(10)
    assert readout.contrast_to_noise(image, box(), noise) == pytest.approx(1 / math.sqrt((0.09 + 0.01) / 2))


def test_the_table_as_csv() -> None:
    reference, clean, _ = images()
    same = Shown(reference, reference)  # an infinite PSNR, which no spreadsheet reads
    rows = readout.table({"clean": Shown(clean, reference), "same": same}, {'a "tear", left': box()}, 2.0)
    first, second = csv.DictReader(StringIO(readout.to_csv(rows)))
    assert first["region"] == 'a "tear", left'
    assert float(first["ssim"]) == pytest.approx(rows[0].ssim, rel=1e-5)
    assert (first["area_mm2"], second["psnr_db"], first["snr"]) == ("", "", "")


def test_a_region_that_does_not_fit() -> None:
    with pytest.raises(InputError, match="'none' has 0 pixels"):
        readout.table({"clean": Shown(torch.ones(24, 20))}, {"none": torch.zeros(24, 20, dtype=torch.bool)}, 1.0)
    with pytest.raises(InputError, match="on a grid of 5×5"):
        readout.table({"clean": Shown(torch.ones(24, 20))}, {"all": torch.ones(5, 5, dtype=torch.bool)}, 1.0)
