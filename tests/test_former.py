"""Modules are found where they were in the version before, for one release."""

import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from napari_recon_robust import former
from napari_recon_robust.reconstructors.problem import Problem

# In docs and by other packages, and within packages that have moved.
NAMED = [
    "knob",
    "errors",
    "progress",
    "measurement",
    "scan",
    "registry",
    "specification",
    "evaluation.roi",
    "evaluation.record",
    "sample",
    "replay",
    "transfer",
    "fragility",
    "diversity",
    "quality.table",
    "reconstructors.own.opening",
    "reconstructors.tv",
    "perturbations.worst_case",
    "widgets.reader",
]


@pytest.fixture(autouse=True)
def as_if_never_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [name for name in sys.modules if name.startswith("napari_recon_robust.")]
    for name in ours:
        if any(name == place or name.startswith(f"{place}.") for place in former.PLACES):
            monkeypatch.delitem(sys.modules, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*former.PLACES, *(f"napari_recon_robust.{name}" for name in NAMED)])
def test_a_module_is_the_same_under_its_former_name_and_says_where_it_is(name: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        module = import_module(name)
        assert import_module(name) is module
    assert name not in (module.__name__, getattr(module.__spec__, "name", ""))
    assert import_module(module.__name__) is module
    said = [
        str(one.message) for one in caught if one.category is DeprecationWarning and "has moved" in str(one.message)
    ]
    moved = [one for one in (name.rpartition(".")[0], name) if one in former.PLACES]
    assert [words.split(" has moved to ")[0] for words in said] == moved
    assert module.__name__.startswith(former.PLACES[moved[-1]])


@pytest.mark.slow
def test_the_warning_is_of_the_line_that_imports(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from napari_recon_robust.measurement import Measurement\n"
        "import napari_recon_robust as rr\n"
        "assert Measurement is rr.Measurement\n"
    )
    done = subprocess.run([sys.executable, "-W", "default", script], capture_output=True, text=True, check=True).stderr
    assert f"{script}:1: DeprecationWarning: napari_recon_robust.measurement has moved" in done
    assert done.count("Warning") == 1


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("jobs", "Jobs sentence"),
        ("knobs", "KnobPanel KnobRow NumberControl ChoiceControl SwitchControl Pad ExactSpinBox WholeSpinBox control"),
        ("layers", "Panel Panels"),
        ("parts", "Bar Foot Page Fold SamplingPicture Curve rule heading words warning show_text button row"),
        ("perturb", "PerturbDock describe spent"),
        ("reconstruct", "ReconstructDock sampling_knobs"),
    ],
)
def test_the_parts_of_former_widgets_are_found(name: str, parts: str) -> None:
    former_name = f"napari_recon_robust.widgets.{name}"
    sys.modules.pop(former_name, None)
    with pytest.warns(DeprecationWarning, match=f"the parts of {former_name} have moved to"):
        module = import_module(former_name)
    for part in parts.split():
        assert callable(getattr(module, part)), part


def test_a_module_that_came_apart_has_its_names_still() -> None:
    sys.modules.pop("napari_recon_robust.reconstructors.unrolled", None)
    with pytest.warns(DeprecationWarning, match="unrolled have moved to napari_recon") as caught:
        unrolled = import_module("napari_recon_robust.reconstructors.unrolled")
    assert len(caught) == 1
    assert unrolled.Problem is Problem
    for name in ("problems", "assemble", "proximal", "data_consistency", "channels", "local_phase", "load_trained"):
        assert callable(getattr(unrolled, name)), name


@pytest.mark.parametrize(
    ("module", "name", "now"),
    [
        ("reconstructors.classical.cg_sense", "proximal", "reconstructors.classical.conjugate_gradients:proximal"),
        ("reconstructors.untrained", "Untrained", "reconstructors.untrained.fitting:Untrained"),
        ("reconstructors.untrained", "held_out_samples", "reconstructors.untrained.fitting:held_out_samples"),
        ("reconstructors.learned.trained", "ImageNetwork", "networks.image_network:ImageNetwork"),
        ("perturbations.base", "Problem", "perturbations.base:Setup"),
        ("workbench.acquisition", "is_plain", "physics.sampling_values:has_values"),
        ("api", "transfer_matrix", "analyses.transfer:transfer_matrix"),
    ],
)
def test_a_name_that_is_elsewhere_is_found_where_it_was(module: str, name: str, now: str) -> None:
    place = import_module(f"napari_recon_robust.{module}")
    with pytest.warns(DeprecationWarning, match=f"{module}.{name} is now napari_recon_robust.{now.replace(':', '.')}"):
        found = getattr(place, name)
    new, today = now.split(":")
    assert found is getattr(import_module(f"napari_recon_robust.{new}"), today)
    with pytest.raises(AttributeError, match=f"{module}' has no attribute 'nonsense'"):
        _ = place.nonsense


def test_no_former_name_is_a_module_of_today() -> None:
    root = Path(former.__file__).parent
    for name in [*former.PLACES, *former.PARTED]:
        parts = name.split(".")[1:]
        assert not root.joinpath(*parts).with_suffix(".py").exists(), name
        assert not root.joinpath(*parts, "__init__.py").exists(), name
