"""The contrast of a region, from the button to the probability."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from helpers.docks import dock_of
from napari_recon_robust.controls.parts import ACCENT
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.evaluation.contrast import Contrasts
from napari_recon_robust.window.docks.contrast import Histogram
from napari_recon_robust.window.session import Session

Until = Callable[[Callable[[], object]], None]


@pytest.mark.thorough
def test_the_probability_is_shown_for_the_drawn_region(review: Session, until: Until) -> None:
    dock = dock_of(review, "Reconstruct")
    dock.window().resize(1280, 800)
    dock.window().show()
    dock.parent().raise_()
    until(dock.diversity.diverse.isVisible)
    box, bench = dock.contrast, review.bench
    assert not box.isVisible(), "least squares draw no samples"
    bench.reconstruction.choose("posterior", samples=3, steps=2)
    until(box.isVisible)
    index = bench.acquisition.index
    other = bench.regions.draw(ROI.box(60, 40, 8, 8), index)
    bench.regions.draw(ROI.box(30, 50, 8, 8), index)
    assert box.against.findText(f"to {other.name}") > 0
    assert not box.histogram.isVisible()
    box.measure.click()
    until(lambda: box.histogram.isVisible() and not review.jobs.busy())
    assert "of 3 samples: probability" in box.result.text()
    box.against.setCurrentIndex(box.against.findText(f"to {other.name}"))
    box.against.activated.emit(box.against.currentIndex())
    assert bench.contrasting.against is other
    assert box.against.currentText() == f"to {other.name}"
    assert not box.histogram.isVisible(), "another reference, other contrasts"
    box.measure.click()
    until(lambda: box.histogram.isVisible() and not review.jobs.busy())
    box.exceeds.setValue(900)
    assert "exceeds 900% in 0 of 3 samples: probability 0.00" in box.result.text()
    assert dock.scroll.widget().minimumSizeHint().width() <= 360 - 14


@pytest.mark.parametrize("values", [[0.1, 0.1, 0.1], [-0.2, -0.1, 0.1, 0.15, 0.2, 0.4]])
def test_bars_beyond_the_value_in_question_are_coloured(qtbot: Any, values: list[float]) -> None:
    histogram = Histogram()
    qtbot.addWidget(histogram)

    def coloured(exceeds: float) -> int:
        histogram.show_values(values, exceeds)
        histogram.resize(330, histogram.height())
        picture = histogram.grab().toImage()
        return sum(
            picture.pixelColor(x, y).name() == ACCENT.lower()
            for x in range(picture.width())
            for y in range(picture.height())
        )

    assert coloured(0.5) == 0
    assert coloured(0.0) > 200
    assert Contrasts(torch.tensor(values)).exceeds(max(values)).value == 0
    assert coloured(max(values)) == 0
