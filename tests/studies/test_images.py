import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from zarr.storage import ZipStore

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.checking import check_study
from napari_recon_robust.studies.images import keep_images, packed, place
from napari_recon_robust.studies.running import run_study, study_status
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.work import store_beside


def load_images(folder: Path, trial: str) -> dict[str, np.ndarray]:
    """As anybody reads them who has Zarr."""
    with ZipStore(place(folder, trial), mode="r") as archive:
        return {name: array[...] for name, array in zarr.open_group(archive, mode="r").arrays()}


def test_zarr_reads_the_images(tmp_path) -> None:
    images = {"clean": torch.rand(5, 7), "perturbed": torch.rand(5, 7)}
    keep_images(tmp_path, "ab12", images)
    found = load_images(tmp_path, "ab12")
    assert set(found) == set(images)
    assert all(np.array_equal(found[name], image.numpy()) for name, image in images.items())
    assert packed(images) == packed(images)


@pytest.mark.slow
def test_a_study_keeps_all_images_where_asked(write_plan) -> None:
    path = write_plan(keep={"images": "all"})
    run(run_study(path))
    for row in Store.open(store_beside(path)).table().to_dicts():
        images = load_images(store_beside(path), row["trial"])
        assert images["clean"].shape == (96, 96)
        assert ("perturbed" in images) == (row["perturbation"] != "none")


@pytest.mark.parametrize("ask", [run_study, check_study])
def test_without_zarr_a_study_that_keeps_images_is_not_begun(write_plan, monkeypatch, ask) -> None:
    path = write_plan(keep={"images": "all"})
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(InputError, match="kept images need Zarr"):
        run(ask(path))
    assert not store_beside(path).exists()


@pytest.mark.slow
def test_images_that_are_asked_for_later_are_kept_then(write_plan) -> None:
    run(run_study(path := write_plan()))
    before = Store.open(store_beside(path)).table()
    path = write_plan(keep={"images": "all"})
    status = run(study_status(path))
    assert (status.finished, status.failed) == (0, 0)
    assert run(run_study(path)).ended
    folder = store_beside(path)
    assert all(place(folder, trial).exists() for trial in before["trial"])
    after = Store.open(folder).table()
    assert after.drop("seconds", "attempt").equals(before.drop("seconds", "attempt"))
