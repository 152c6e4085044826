"""What importing costs, and that the public names are there."""

import subprocess
import sys

import napari_recon_robust as rr


def modules_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"torch", "numba", "numpy", "scipy", "h5py", "skimage", "pydantic", "qtpy", "napari", "matplotlib"}
    assert not heavy & modules_after("import napari_recon_robust")


def test_the_help_of_the_command_line_does_not_import_torch() -> None:
    assert "torch" not in modules_after("import napari_recon_robust.cli")


def test_every_public_name_can_be_had() -> None:
    for name in rr.__all__:
        assert getattr(rr, name) is not None
    assert rr.__version__.count(".") == 2
