"""What every test may use."""

import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from helpers.browser import Browser
    from napari_recon_robust.simulation.head import Template

pytest.register_assert_rewrite("helpers")

# The first example imports what the tested code needs, and each run has the same examples: one that fails once in a
# thousand runs would fail for whoever has not touched it.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")

os.environ["NAPARI_CONFIG"] = ""  # napari's settings stay in memory: those of whoever runs the tests are not touched


# napari's window takes seconds to open, a browser too.
_SLOW = {"make_napari_viewer_proxy", "window_of_module", "started_chromium"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what opens napari's window or a browser, and what is thorough."""
    for item in items:
        opens = not _SLOW.isdisjoint(getattr(item, "fixturenames", ()))
        if opens or item.get_closest_marker("thorough"):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """What the tests have imported stays, and need not be searched whenever garbage is collected (0.2 s each time)."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def estimated_once() -> "Iterator[None]":
    """Sensitivities of the same samples are estimated once."""
    from helpers.estimated import remembering
    from napari_recon_robust.physics import coils

    with pytest.MonkeyPatch.context() as patch:
        for estimate in ("espirit_by_length", "beyond_one_set"):
            patch.setattr(coils, estimate, remembering(getattr(coils, estimate)))
        yield


@pytest.fixture
def in_front() -> "Iterator[None]":
    """Ctrl-C interrupts, as in a process that a shell has not begun in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def double_by_default() -> "Iterator[None]":
    """torch makes tensors in double precision where no type is given, as some scripts want it."""
    import torch

    was = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(was)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real scans, anatomies and golden values beside the project; skips where it is missing."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the shared data are not on this machine")
    return folder


@pytest.fixture(scope="session")
def started_chromium(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Browser]":
    """One Chromium for all tests; skips where there is none."""
    from helpers import browser

    if browser.found() is None:
        pytest.skip("there is no Chromium on this machine")
    with browser.Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def chromium(started_chromium: "Browser") -> "Iterator[Browser]":
    """Chromium with an empty page of the usual size, on which nothing runs on behind the test."""
    started_chromium.complaints.clear()
    started_chromium.resize(1280, 720)
    yield started_chromium
    started_chromium.open_address("about:blank", "true")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which reviews are kept by themselves: not that of whoever runs the tests."""
    from napari_recon_robust.workbench import saved_review

    folder = tmp_path / "kept" / "reviews"
    monkeypatch.setattr(saved_review, "folder", lambda: folder)
    return folder


@pytest.fixture(scope="session")
def scan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small head in fastMRI's layout, 3 slices of 4 coils, 96×96 after the crop, one annotated lesion on slice 1."""
    import numpy as np

    from napari_recon_robust.io.fastmri import write_fastmri
    from napari_recon_robust.simulation.acquisition import simulate_slice

    size, slices = 96, 3
    rows, columns = np.mgrid[-1 : 1 : 2j * size, -1 : 1 : 2j * size]
    head = 0.9 * (np.hypot(rows / 0.86, columns / 0.72) < 1) - 0.45 * (np.hypot(rows / 0.78, columns / 0.64) < 1)
    for row, column, radius, value in ((-0.2, 0.2, 0.22, 0.25), (0.2, -0.2, 0.2, -0.2), (0.45, 0.1, 0.07, 0.4)):
        head += value * (np.hypot(rows - row, columns - column) < radius)
    acquired = [
        simulate_slice(
            head * (1 + 0.05 * number),
            np.random.default_rng(number),
            coils=4,
            noise_level=0.01,
            oversampling=2,
            matrix=(size, size),
        )
        for number in range(slices)
    ]
    kspace = np.stack([one.kspace.numpy() for one in acquired]) * (3e-4 / 0.9)
    path = tmp_path_factory.mktemp("scan") / "head.h5"
    write_fastmri(path, kspace, encoded_mm=(400.0, 200.0, 5.0), matrix=(size, size), attributes={"acquisition": "AXT2"})
    path.with_suffix(".csv").write_text(
        "file,slice,study_level,x,y,width,height,label\nhead,1,No,48,24,12,10,Lesion\n", encoding="utf-8"
    )
    return path


@pytest.fixture(scope="session")
def loud_file(scan_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slice 1 of `scan_file`, and coil 2 has 100 times the gain of the others."""
    import numpy as np

    from napari_recon_robust.io import open_scan
    from napari_recon_robust.io.fastmri import write_fastmri

    with open_scan(scan_file) as scan:
        kspace = scan.kspace(1).numpy() * np.float32([1, 1, 100, 1])[:, None, None]
    path = tmp_path_factory.mktemp("loud") / "loud.h5"  # the folder of `scan_file` is listed by tests
    write_fastmri(path, kspace[None], encoded_mm=(400.0, 200.0, 5.0), matrix=(96, 96))
    return path


@pytest.fixture(scope="session")
def ball() -> "Template":
    """A brain that needs no template: white matter within 33 mm, grey to 42 mm, where slices are centred."""
    import numpy as np

    from napari_recon_robust.simulation.head import Template

    x, y, z = np.mgrid[-50:51, -68:33, -50:51].astype(np.float32)
    radius = np.sqrt(x**2 + (y + 18) ** 2 + z**2)
    white = np.clip(34 - radius, 0, 1)
    grey = np.clip(43 - radius, 0, 1) - white
    return Template(grey, white, 0.64 * grey + 0.87 * white, origin=(-50.0, -68.0, -50.0))


@pytest.fixture(scope="session")
def anatomy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two volumes, head_a and head_b, of 64 voxels a side."""
    import nibabel
    import numpy as np

    folder = tmp_path_factory.mktemp("anatomy")
    x, y, z = np.mgrid[-1:1:64j, -1:1:64j, -1:1:64j]
    radius = np.sqrt((x / 0.7) ** 2 + (y / 0.85) ** 2 + (z / 0.8) ** 2)
    for name, inner in (("head_a", 0.5), ("head_b", 0.8)):
        head = 1.0 * (radius < 1) - inner * (radius < 0.85) + 0.4 * (np.hypot(x - 0.2, y + 0.1) < 0.2) * (radius < 0.8)
        nibabel.save(nibabel.Nifti1Image((1000 * head).astype(np.int16), np.eye(4)), folder / f"{name}.nii.gz")
    return folder


@pytest.fixture(scope="session")
def write_dicom() -> "Callable[..., list[Path]]":
    """Writes a volume (right, anterior, superior) as a DICOM series in a plane; voxels in mm.

    The images' names are in an order of their own.
    """
    pydicom = pytest.importorskip("pydicom")
    import numpy as np
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    # Row and column direction of the images in the patient's (left, posterior, superior).
    planes = {
        "axial": ((1, 0, 0), (0, 1, 0)),
        "coronal": ((1, 0, 0), (0, 0, -1)),
        "sagittal": ((0, 1, 0), (0, 0, -1)),
    }

    def write(folder: Path, head: "NDArray[np.uint16]", plane: str, voxel: tuple[float, ...] = (1, 2, 3)) -> list[Path]:
        along, down = (np.array(direction) for direction in planes[plane])
        spacing = np.array(voxel, float)
        flipped = head[::-1, ::-1]  # index 0 is the leftmost, hindmost, lowest voxel in (left, posterior, superior)
        axis = int(np.argmax(np.abs(np.cross(along, down))))
        series, paths = generate_uid(), []
        for n in range(head.shape[axis]):
            section = np.take(flipped, n, axis)
            corner = np.zeros(3)
            corner[axis] = n * spacing[axis]
            rest = [a for a in range(3) if a != axis]
            for direction in (along, down):
                which = int(np.argmax(np.abs(direction)))
                if direction[which] < 0:
                    section = np.flip(section, rest.index(which))
                    corner[which] = (head.shape[which] - 1) * spacing[which]
            rows_first = section.T if rest.index(int(np.argmax(np.abs(down)))) == 1 else section
            meta = FileMetaDataset()
            meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
            meta.MediaStorageSOPInstanceUID = generate_uid()
            path = folder / f"{(7 * n) % 31:02d}.dcm"
            image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
            image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
            image.SeriesInstanceUID, image.Modality = series, "MR"
            image.ImageOrientationPatient = [*map(float, along), *map(float, down)]
            image.ImagePositionPatient = [*map(float, corner)]
            image.PixelSpacing = [float(spacing[int(np.argmax(np.abs(d)))]) for d in (down, along)]
            image.Rows, image.Columns = rows_first.shape
            image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
            image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
            image.RescaleSlope, image.RescaleIntercept = 2, 0
            image.PixelData = np.ascontiguousarray(rows_first).tobytes()
            pydicom.dcmwrite(path, image, enforce_file_format=True)
            paths.append(path)
        return sorted(paths)

    return write


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> "list[Figure]":
    """The figures that are written, each once."""
    from matplotlib.figure import Figure

    found: list[Figure] = []
    write = Figure.savefig

    def savefig(self: Figure, *arguments: object, **options: object) -> None:
        if self not in found:  # of a study they are written in two formats
            found.append(self)
        write(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found
