"""What a user sets once."""

import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.workbench import Workbench
from napari_recon_robust.workbench.preferences import MIB, Preferences


def test_a_device_that_is_not_there_is_said_and_the_next_slice_can_be_read(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    bench.prefer(Preferences(device="cuda", history=64))
    assert bench.history.memory == 64 * MIB
    with pytest.raises(InputError, match="this machine has no device 'cuda' for torch; choose cpu"):
        bench.acquisition.measure(2).run()
    bench.prefer(Preferences())
    assert bench.acquisition.measure(2).run().index == 2


def test_slices_are_measured_on_the_device(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_recon_robust.data.measurement import Measurement

    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(Measurement, "to", lambda one, device: asked.append(str(device)) or one)
    bench.prefer(Preferences(device="cuda"))
    bench.acquisition.measure(2).run()
    assert asked == ["cuda"]
