import pytest
import torch
import zarr
from zarr.storage import ZipStore

from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.images import keep_images, load_images, packed, place
from napari_recon_robust.studies.running import run_study, study_status
from napari_recon_robust.studies.store import Store
from napari_recon_robust.studies.work import store_beside


def test_images_come_back_and_zarr_reads_them(tmp_path) -> None:
    images = {"clean": torch.rand(5, 7), "perturbed": torch.rand(5, 7)}
    keep_images(tmp_path, "ab12", images)
    for name, image in load_images(tmp_path, "ab12").items():
        assert torch.equal(torch.from_numpy(image), images[name])
    with ZipStore(place(tmp_path, "ab12"), mode="r") as archive:
        assert set(zarr.open_group(archive, mode="r").array_keys()) == {"clean", "perturbed"}
    arrays = {name: image.numpy() for name, image in images.items()}
    assert packed(arrays) == packed(arrays)


@pytest.mark.slow
def test_a_study_keeps_all_images_where_asked(write_plan) -> None:
    path = write_plan(keep={"images": "all"})
    run(run_study(path))
    for row in Store.open(store_beside(path)).table().to_dicts():
        images = load_images(store_beside(path), row["trial"])
        assert images["clean"].shape == (96, 96)
        assert ("perturbed" in images) == (row["perturbation"] != "none")


@pytest.mark.slow
def test_images_that_are_asked_for_later_are_kept_then(write_plan) -> None:
    run(run_study(path := write_plan()))
    before = Store.open(store_beside(path)).table()
    path = write_plan(keep={"images": "all"})
    assert run(study_status(path)).finished == 0
    assert run(run_study(path)).ended
    folder = store_beside(path)
    assert all(place(folder, trial).exists() for trial in before["trial"])
    after = Store.open(folder).table()
    assert after.drop("seconds", "attempt").equals(before.drop("seconds", "attempt"))
