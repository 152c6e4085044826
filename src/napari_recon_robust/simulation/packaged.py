"""Where the packaged sample lies."""

from pathlib import Path

from ..ground.errors import InputError

NAME = "brain_t2_simulated"
_FOLDERS = (Path(__file__).parents[1] / "sample_data", Path(__file__).parents[3] / "sample_data")


def sample_path() -> Path:
    """The packaged sample's fastMRI file: in the installed package, or in the source tree's sample_data/."""
    for folder in _FOLDERS:
        if (path := folder / f"{NAME}.h5").exists():
            return path
    raise InputError(
        f"the packaged sample {NAME}.h5 is missing; install the package again, or run: recon-robust simulate."
    )
