"""Cases simulated from the small heads of `anatomy_folder`."""

from pathlib import Path

import pytest

from napari_recon_robust.ground.progress import run
from napari_recon_robust.training.bank import Bank, BankSpecification, build_bank
from napari_recon_robust.training.recipe import Recipe


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
