"""Files that people have beside their k-space, written by the programs that make them."""

import gzip
import zipfile

import imageio.v3
import nibabel
import numpy as np
import pytest
from scipy.io import savemat

from napari_recon_robust.ground.errors import FileFormatError
from napari_recon_robust.io import open_scan
from napari_recon_robust.io.unknown import MODELS
from napari_recon_robust.own_models.opening import KINDS

IMAGE = np.arange(64, dtype=np.float32).reshape(8, 8)


def packed(path):
    path.write_bytes(gzip.compress(b"anything"))


def archive(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("kspace.npy", b"anything")


def dicom(path):
    path.write_bytes(bytes(128) + b"DICM" + bytes(200))


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        (
            "a.nii",
            lambda path: nibabel.save(nibabel.Nifti1Image(IMAGE, np.eye(4)), path),
            "a NIfTI image, which has no",
        ),
        (
            "a.nii.gz",
            lambda path: nibabel.save(
                nibabel.Nifti1Image(np.random.default_rng(0).normal(size=(64, 64)), np.eye(4)), path
            ),
            "a NIfTI image, which has no",
        ),
        ("a.png", lambda path: imageio.v3.imwrite(path, IMAGE.astype(np.uint8)), "a picture, which has no k-space"),
        ("a.dcm", dicom, "a DICOM image, which has no k-space"),
        ("a.h5.gz", packed, "a packed file: unpack it first"),
        ("cut.gz", lambda path: path.write_bytes(gzip.compress(b"anything")[:8]), "a packed file: unpack it first"),
        ("odd.gz", lambda path: path.write_bytes(b"\x1f\x8b" + bytes(99)), "a packed file: unpack it first"),
        ("a.npz", lambda path: np.savez(path, kspace=IMAGE), r"a ZIP archive \(.npz files are\): unpack it first"),
        ("a.zip", archive, "a ZIP archive"),
        (
            "a.mat",
            lambda path: savemat(path, {"kspace": IMAGE}),
            "of MATLAB's older format: save its k-space with -v7.3",
        ),
        (
            "net.py",
            lambda path: path.write_text("def recon(kspace): ..."),
            "a model by its name, which is opened as a m",
        ),
        (
            "old.mat",
            lambda path: savemat(path, {"kspace": IMAGE + 1j}, format="4"),
            "perhaps of MATLAB's oldest format: save its k-space with -v7.3",
        ),
        ("net.pt", archive, "a model by its name, which is opened as a method: Own model… in the window, --method"),
        ("meas_1.DAT", lambda path: path.write_bytes(bytes(4000)), "perhaps raw data of Siemens: convert it with siem"),
    ],
)
def test_it_is_told_what_a_file_is(tmp_path, name, write, said):
    write(tmp_path / name)
    with pytest.raises(FileFormatError, match=f"{name} is {said}"):
        open_scan(tmp_path / name)


def test_what_is_opened_as_a_model_is_told_to_be_one():
    assert set(MODELS) == set(KINDS)
