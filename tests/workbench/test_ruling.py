"""Lines, distances and areas of a review."""

from pathlib import Path

import numpy as np
import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench

LINE = np.array([[10.0, 10], [40, 10]])


def test_what_was_drawn_belongs_to_its_slice_and_the_last_goes_first(bench: Workbench) -> None:
    ruling, pixel = bench.ruling, bench.ruling.pixel
    assert pixel is not None
    told: list[int] = []
    ruling.changed.connect(lambda: told.append(len(ruling.drawn)))
    ruling.draw(LINE)
    assert not ruling.drawn, "nothing is to be drawn"
    ruling.take("distance")
    ruling.draw(LINE)
    ruling.draw(LINE[:1].repeat(2, 0))
    ruling.take("area")
    ruling.draw(LINE)
    ruling.draw(np.array([[0.0, 3], [0, 10], [0, 25], [1e-12, 40]]))  # beside the image
    ruling.draw(np.array([[0.0, 0], [0, 10], [10, 10], [10, 0]]))
    assert [one.kind for one in ruling.on(1)] == ["distance", "area"], "a click is no line, and a line no outline"
    assert [ruling.words(one) for one in ruling.on(1)] == [
        f"{30 * pixel[0]:.3g} mm",
        f"{100 * pixel[0] * pixel[1]:.0f} mm²",
    ]
    assert ruling.on(0) == []
    ruling.erase()
    assert [one.kind for one in ruling.on(1)] == ["distance"]
    assert told == [1, 2, 1]


def test_one_line_is_for_all_slices_and_its_curves_are_kept_as_csv(bench: Workbench, tmp_path: Path) -> None:
    ruling = bench.ruling
    image = np.arange(64.0 * 64).reshape(64, 64)
    assert ruling.profile({"Clean": image}, 10.0) is None
    with pytest.raises(InputError, match="no profile yet"):
        ruling.save(None, tmp_path / "profile.csv")
    ruling.take("profile")
    ruling.draw(LINE + 5)
    ruling.draw(LINE)
    assert len(ruling.on(0)) == len(ruling.on(1)) == 1
    found = ruling.profile({"Clean": image}, 10.0)
    assert found is not None
    np.testing.assert_allclose(found.values["Clean"], image[10:41, 10] / 10)
    ruling.save(found, tmp_path / "profile.csv").run()
    assert len((tmp_path / "profile.csv").read_text().splitlines()) == 32
    bench.acquisition.close()
    assert not ruling.drawn
