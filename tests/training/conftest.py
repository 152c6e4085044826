"""A small head as NIfTI volumes, and the cases simulated from it."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_recon_robust.ground.progress import run
from napari_recon_robust.training.bank import Bank, BankSpecification, build_bank
from napari_recon_robust.training.recipe import Recipe


@pytest.fixture(scope="session")
def anatomy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two volumes, head_a and head_b, of 64 voxels a side."""
    folder = tmp_path_factory.mktemp("anatomy")
    x, y, z = np.mgrid[-1:1:64j, -1:1:64j, -1:1:64j]
    radius = np.sqrt((x / 0.7) ** 2 + (y / 0.85) ** 2 + (z / 0.8) ** 2)
    for name, inner in (("head_a", 0.5), ("head_b", 0.8)):
        head = 1.0 * (radius < 1) - inner * (radius < 0.85) + 0.4 * (np.hypot(x - 0.2, y + 0.1) < 0.2) * (radius < 0.8)
        nibabel.save(nibabel.Nifti1Image((1000 * head).astype(np.int16), np.eye(4)), folder / f"{name}.nii.gz")
    return folder


@pytest.fixture(scope="session")
def specification() -> BankSpecification:
    """Four small cases."""
    return BankSpecification(cases=4, seed=2, coils=(4, 5), matrix=(32, 48), minimum_centre_lines=8)


@pytest.fixture(scope="session")
def bank(anatomy_folder: Path, specification: BankSpecification, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """The cases of `specification`."""
    return run(build_bank(specification, anatomy_folder, tmp_path_factory.mktemp("bank")))


@pytest.fixture
def recipe(specification: BankSpecification) -> Recipe:
    return Recipe(
        id="small",
        title="a small network",
        network="hqs-supervised",
        arguments={"unrolls": 2, "widths": [8, 8]},
        loss="improvement",
        bank=specification,
        pixels=24 * 64,
        presets={"cpu": {"steps": 6, "validate_every": 3, "precision": "float32"}},
    )


@pytest.fixture
def run_folder(bank: Bank, tmp_path: Path) -> Path:
    """A run whose bank is there already."""
    (tmp_path / "bank").mkdir()
    for path in bank.paths[0].parent.iterdir():
        (tmp_path / "bank" / path.name).write_bytes(path.read_bytes())
    return tmp_path
