import pytest
import torch

from napari_recon_robust.weights.metadata import Domain, Metadata


@pytest.fixture
def metadata() -> Metadata:
    return Metadata(
        title="a network",
        trained_for=Domain(
            acceleration=(2, 6),
            noise=(0.0015, 0.015),
            coils=(4, 16),
            matrix=(96, 256),
            patterns=("random",),
            anatomy="brains",
        ),
        command="recon-robust train unet",
        data="simulated",
        hardware="2-core x86 CPU",
        seconds=90,
        steps=10,
        scores={"held-out brain, R = 4": {"nmse": 0.0123}},
    )


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1.5])}
