"""Two knobs as a plane."""

from typing import Any

import numpy as np

from napari_recon_robust.controls.pad import Pad
from napari_recon_robust.ground.knob import Knob

WEIGHT = Knob(name="weight", label="Weight", help="h", default=2e-3, minimum=2e-4, maximum=2e-2, scale="log", live=True)
MIX = Knob(name="mix", label="Mix", help="h", default=0.25, live=True)


def test_the_map_lies_under_the_pad(qtbot: Any) -> None:
    pad = Pad(WEIGHT, MIX)
    qtbot.addWidget(pad)
    pad.resize(300, 120)
    plain = pad.grab().toImage()
    pad.set_map(np.array([[0.0, 1.0], [2.0, np.nan]]), "data consistency")
    assert pad.grab().toImage() != plain
