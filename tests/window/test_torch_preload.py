"""torch's largest library is there before torch is imported, and torch works as ever."""

import subprocess
import sys
from textwrap import dedent

import pytest


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


@pytest.mark.thorough
@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded stands in /proc")
def test_the_library_is_loaded_before_the_import_and_once() -> None:
    said = _run("""
        import sys
        from napari_recon_robust.window import torch_preload
        count = lambda: len({line.split()[-1] for line in open("/proc/self/maps") if "libtorch_cpu" in line})
        print(count(), end=" ")
        torch_preload.load_libraries()
        print(count(), "torch" in sys.modules, end=" ")
        import torch
        print(count(), torch.linalg.eigh(torch.eye(3))[0].sum().item())
    """)
    assert said == "0 1 False 1 3.0"


@pytest.mark.slow
def test_what_cannot_be_loaded_is_left_to_the_import() -> None:
    said = _run("""
        from napari_recon_robust.window import torch_preload
        torch_preload._LIBRARIES = (("libnothing", 0),)
        torch_preload.load_libraries()
        import torch
        print(torch.ones(3).sum().item())
    """)
    assert said == "3.0"
