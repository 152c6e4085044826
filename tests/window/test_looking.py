"""What cannot be looked at yet is said, and nothing is switched on that is not seen."""

from typing import Any

import pytest

from helpers.docks import dock_of
from napari_recon_robust.window.keys import run
from napari_recon_robust.window.session import Session


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "truth"])
def test_without_a_result_there_is_no_control_and_no_truth(standing: Session, name: Any) -> None:
    run(name, standing.panels.viewer)
    assert dock_of(standing, "Compare").foot.message.text() == "There is no result yet: run a perturbation."
    assert not getattr(standing.scene.view, name)
