"""What can be opened: scans of 40 × 80 pixels, annotations, cases, a gallery, an own model, damaged files."""

import shutil
from pathlib import Path
from random import Random

import numpy as np

from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.simulation.acquisition import simulate_slice

CASES = Path(__file__).parents[1] / "golden" / "inputs" / "cases"
ROWS, COLUMNS = 40, 80  # so many columns that the centre of the default sampling gives sensitivities
MODEL = "import numpy as np\n\n\ndef reconstruct(k, m, s):\n    return np.fft.ifft2(k).mean(0)\n"


class Material:
    """Files in a folder, among which dialogs choose."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.scans = [_scan(folder, "three", 3), _scan(folder, "two", 2), _undersampled(folder)]
        self.table = folder / "three.csv"
        self.table.write_text("file,slice,study_level,x,y,width,height,label\nthree,1,No,12,14,9,8,Lesion\n")
        self.model = folder / "model.py"
        self.model.write_text(MODEL)
        self.damaged = folder / "damaged.h5"
        self.damaged.write_bytes(self.scans[0].read_bytes()[:3000])
        self.gallery = folder / "gallery"
        names = sorted(path.name for path in CASES.iterdir())[:6]
        for name in names:
            shutil.copytree(CASES / name, self.gallery / name)
        self.case = self.gallery / names[0]

    def some(self, chance: Random) -> Path:
        """Something that can be opened, mostly a scan."""
        others = [self.table, self.case, self.gallery, self.damaged, self.folder / "missing.h5"]
        return chance.choice([*self.scans, *self.scans, *others])

    def answer(self, chance: Random, title: str) -> str:
        """What is chosen in a dialog; one in four is closed without an answer."""
        if chance.random() < 0.25:
            return ""
        if title.startswith(("Save", "Statistics")):
            return str(self.folder / "saved" / f"{chance.randrange(6)}")
        of = {
            "Open case": [self.case, self.folder],
            "Open a folder": [self.gallery, self.folder],
            "Open an own model": [self.model, self.damaged],
            "Target image": [self.damaged, *self.scans],
            "Open annotations": [self.table],
        }
        fitting = next((paths for name, paths in of.items() if title.startswith(name)), None)
        return str(self.some(chance) if fitting is None else chance.choice(fitting))


def _slices(count: int) -> np.ndarray:
    rows, columns = np.mgrid[-1 : 1 : 1j * ROWS, -1 : 1 : 1j * COLUMNS]
    head = 0.9 * (np.hypot(rows / 0.86, columns / 0.72) < 1) - 0.45 * (np.hypot(rows / 0.7, columns / 0.5) < 1)
    made = [
        simulate_slice(head * (1 + 0.1 * n), np.random.default_rng(10 * count + n), coils=3, noise_level=0.01)
        for n in range(count)
    ]
    return np.stack([one.kspace.numpy() for one in made])


def _scan(folder: Path, name: str, slices: int) -> Path:
    path = folder / f"{name}.h5"
    write_fastmri(path, _slices(slices), encoded_mm=(200.0, 200.0, 5.0), matrix=(ROWS, COLUMNS))
    return path


def _undersampled(folder: Path) -> Path:
    mask = Sampling(acceleration=2, centre_fraction=0.2).mask(ROWS, COLUMNS).numpy()
    np.save(folder / "under.npy", _slices(1)[0] * mask)
    return folder / "under.npy"
