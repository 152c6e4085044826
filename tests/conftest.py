"""What every test may use."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from napari_recon_robust.physics.head import Template


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real scans, anatomies and golden values beside the project; skips where it is missing."""
    folder = Path(__file__).parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the shared data are not on this machine")
    return folder


@pytest.fixture(scope="session")
def scan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small head in fastMRI's layout, 3 slices of 4 coils, 96×96 after the crop, one annotated lesion on slice 1."""
    import numpy as np

    from napari_recon_robust.io.fastmri import write_fastmri
    from napari_recon_robust.physics.simulate import simulate_slice

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
def ball() -> "Template":
    """A brain that needs no template: white matter within 33 mm, grey to 42 mm, where slices are centred."""
    import numpy as np

    from napari_recon_robust.physics.head import Template

    x, y, z = np.mgrid[-50:51, -68:33, -50:51].astype(np.float32)
    radius = np.sqrt(x**2 + (y + 18) ** 2 + z**2)
    white = np.clip(34 - radius, 0, 1)
    grey = np.clip(43 - radius, 0, 1) - white
    return Template(grey, white, 0.64 * grey + 0.87 * white, origin=(-50.0, -68.0, -50.0))
