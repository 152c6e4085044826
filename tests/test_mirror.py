"""The tests mirror the source: tests/WING/test_MODULE.py tests WING/MODULE.py."""

from pathlib import Path

import pytest

import napari_recon_robust

SOURCE, TESTS = Path(napari_recon_robust.__file__).parent, Path(__file__).parent
# What is about no single module: contracts over a whole registry or table, the package as others meet it, what becomes
# of damaged files, and whole windows.
EXCEPTIONS = {
    "cli/test_new_kind.py",
    "fuzz/test_fuzz.py",
    "monkey/test_monkey.py",
    "perturbations/noise/test_ascents.py",
    "perturbations/test_contract.py",
    "perturbations/test_extremes.py",
    "reconstructors/learned/test_shipped_networks.py",
    "reconstructors/test_extremes.py",
    "reconstructors/test_properties.py",
    "analyses/test_extremes.py",
    "test_architecture.py",
    "test_docstrings.py",
    "test_documented.py",
    "test_manifest.py",
    "test_mirror.py",
    "test_package.py",
    "window/docks/test_architecture.py",
    "window/docks/test_keyboard.py",
    "window/test_bad_input.py",
    "window/reading/test_kills.py",
    "window/test_closing.py",
    "window/test_one_state.py",
    "workbench/test_memory.py",
    "workbench/test_one_state.py",
}
FILES = [
    path.relative_to(TESTS).as_posix()
    for path in sorted(TESTS.rglob("test_*.py"))
    if "golden" not in path.relative_to(TESTS).parts  # the package as a whole, as it was
]


def mirrored(path: str) -> bool:
    """Whether it bears the name of a module beside it, or of the package that its folder mirrors."""
    folder, name = Path(path).parent, Path(path).stem.removeprefix("test_")
    return (SOURCE / folder / f"{name}.py").is_file() or (
        name == folder.name and (SOURCE / folder / "__init__.py").is_file()
    )


@pytest.mark.parametrize("path", FILES)
def test_a_file_of_tests_bears_the_name_of_what_it_tests(path: str) -> None:
    if not mirrored(path) and path not in EXCEPTIONS:
        pytest.fail(f"tests/{path} mirrors no module of the source; move it to the folder and name of what it tests.")


def test_the_exceptions_are_needed() -> None:
    assert [path for path in sorted(EXCEPTIONS) if path not in FILES or mirrored(path)] == []
