"""Networks that a benchmark trains itself."""

from pathlib import Path

from napari_recon_robust.cli.progress import follow
from napari_recon_robust.training import loop


def weights_of(recipe: loop.Recipe, data: Path, folder: Path, bank: Path | None = None) -> Path:
    """The file of a recipe's weights in `folder`: as it was left, resumed, or trained.

    data: the shared data, whose anatomies are trained on. bank: cases of the recipe that are there already.
    """
    path = folder / f"{recipe.id}.safetensors"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        if bank and not (folder / "bank").exists():
            (folder / "bank").symlink_to(bank.resolve())
        resume = (folder / "checkpoint.pt").exists()
        follow(loop.train(recipe, data / "anatomy", folder, resume=resume), folder.name)
    return path
