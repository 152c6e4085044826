"""What has moved or has another name: for one release it is also found where it was, with a warning.

`import napari_recon_robust.knob` gives the module object of `napari_recon_robust.ground.knob`, so that classes are the
same under both names. A module finds single names of its own that are elsewhere now by `names`.
"""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.abc import Loader, MetaPathFinder
else:
    Loader = MetaPathFinder = object  # their import takes longer than all else here

# (former place, new place): modules that kept their names
_MOVED = {
    ("", "ground"): "errors hdf5 knob progress registry specification",
    ("", "data"): "measurement scan",
    ("", "cases"): "replay",
    ("", "simulation"): "sample",
    ("", "analyses"): "diversity fragility plausibility quality sweep transfer",
    ("evaluation", "cases"): "record",
    ("evaluation", "data"): "roi",
    ("evaluation", "figures"): "overlays",
    ("io", "simulation"): "dicom",
    ("perturbations", "perturbations.features"): "feature feature_search fnaf insertion multiplexed",
    ("perturbations", "perturbations.noise"): (
        "adam advrec apgd ascent balls black_box losses objective sphere_ascent worst_case"
    ),
    ("perturbations", "perturbations.shifts"): (
        "coil_dropout contrast motion noise_level other_mask pose rotation spike"
    ),
    ("perturbations", "analyses"): "retention",
    ("physics", "kernels"): "lanes",
    ("physics", "simulation"): "anatomy head",
    ("quality", "analyses"): "samples",
    ("reconstructors", "networks"): "fastmri_layout muon",
    ("reconstructors", "reconstructors.classical"): "cg_sense hqs sparsity tv wavelet zero_filled",
    ("reconstructors", "reconstructors.generative"): "dagan gan_prior posterior",
    ("reconstructors", "reconstructors.learned"): (
        "cascade_net half_quadratic hqs_net hqs_net_from_tv hqs_supervised hyperrecon hyperrecon_from_tv "
        "hyperrecon_supervised irim neumann splitting start test_time_training trained unet unrolled_gd "
        "unrolled_hqs varnet varnet_from_cg"
    ),
    ("reconstructors", "reconstructors.untrained"): "conv_decoder deep_decoder dip",
    ("reconstructors", "training"): "loupe",
    ("widgets", "controls"): "plot",
    ("widgets", "canvas"): "geometry outlines scene surface",
    ("widgets", "window.docks"): "budgets compare fragile strip",
}
_RENAMED = {
    "evaluation.contrast_figure": "figures.contrast",
    "evaluation.figures": "figures.plots",
    "perturbations.drawn": "perturbations.features.lesion",
    "perturbations.transfer": "perturbations.noise.surrogate",
    "perturbations.scene": "perturbations.scanned_object",
    "widgets.study": "window.docks.analyses",
    "physics.kernels": "kernels.normal",
    "physics.loupe": "physics.learned_lines",
    "physics.simulate": "simulation.acquisition",
    "analyses.quality.study": "analyses.quality.comparing",
    "quality.cases": "analyses.quality.grid",
    "quality.study": "analyses.quality.comparing",
    "quality.samples_figure": "figures.samples",
    "reconstructors.classical.energy": "reconstructors.classical.tv_wavelet",
    "reconstructors.consistency": "reconstructors.learned.last_step",
    "reconstructors.energy": "reconstructors.classical.tv_wavelet",
    "reconstructors.learned.consistency": "reconstructors.learned.last_step",
    "reconstructors.networks": "networks.registry",
    "reconstructors.own": "own_models",
    "reconstructors.robust": "reconstructors.learned.robustly_trained",
    "reconstructors.tv_kernels": "kernels.tv",
    "reconstructors.wavelet_kernels": "kernels.wavelet",
    "widgets": "window",
    "widgets.target": "window.docks.front",
}
# Modules that came apart, and where their names are now
_PARTED = {
    "reconstructors.unrolled": (
        "reconstructors.problem",
        "reconstructors.classical.conjugate_gradients",
        "reconstructors.learned.data_consistency",
        "networks.channels",
        "networks.loading",
    ),
    "training.data": ("training.bank", "training.case", "training.example"),
    "widgets.jobs": ("window.jobs", "window.worker"),
    "widgets.knobs": ("controls.knob_panel", "controls.knob_row", "controls.number_boxes", "controls.pad"),
    "widgets.layers": ("canvas.layers", "canvas.panel"),
    "widgets.parts": (
        "controls.parts",
        "controls.curve",
        "controls.progress_bar",
        "controls.sampling_picture",
        "window.docks.page",
    ),
    "widgets.perturb": ("window.docks.perturb", "window.docks.region_list", "window.docks.outcome"),
    "widgets.reconstruct": ("window.docks.reconstruct", "window.docks.sampling"),
}
# Names that a module had: where they are now, as "module", or "module:name" of one that has another name
_NAMES = {
    "api": {"analyses.transfer": "transfer_matrix"},
    "perturbations.base": {"perturbations.base:Setup": "Problem"},
    "reconstructors.classical.cg_sense": {
        "reconstructors.classical.conjugate_gradients": (
            "conjugate_gradients proximal solution_and_residual steps_needed"
        )
    },
    "reconstructors.learned.trained": {
        "networks.image_network": "REACH ImageNetwork ResidualUNet ResidualBlock plain_convolutions"
    },
    "reconstructors.untrained": {
        "reconstructors.untrained.fitting": (
            "SHARE EVERY AVERAGE SLACK PATIENCE MUON PENALTIES STEPS FURTHER Untrained Fit Continuation Tangent Seen "
            "fit held_out_samples upsampled fixed_noise"
        )
    },
    "workbench.acquisition": {"physics.sampling_values:has_values": "is_plain"},
}


def _paths() -> Iterator[tuple[str, str]]:
    for (before, now), modules in _MOVED.items():
        for module in modules.split():
            yield f"{before}.{module}".lstrip("."), f"{now}.{module}"
    yield from _RENAMED.items()


PARTED = {
    f"{__package__}.{before}": [f"{__package__}.{place}" for place in places] for before, places in _PARTED.items()
}
PLACES = {f"{__package__}.{before}": f"{__package__}.{now}" for before, now in _paths()}


class _Finder(MetaPathFinder):
    """Python's import asks it before all others, lest a module of a moved package is loaded a second time."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in PARTED:
            return ModuleSpec(name, _PartsLoader(PARTED[name]))
        package, _, module = name.rpartition(".")
        if name in PLACES:
            return ModuleSpec(name, _Loader(PLACES[name], f"{name} has moved to {PLACES[name]}"))
        if package in PLACES:
            return ModuleSpec(name, _Loader(f"{PLACES[package]}.{module}"))
        return None


class _Loader(Loader):
    """The module of another name; `words`, where there are any, warn whoever imports it."""

    def __init__(self, place: str, words: str = "") -> None:
        self.place, self.words = place, words

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if self.words:
            _warn(self.words)
        module = import_module(self.place)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import has put the former name there


class _PartsLoader(Loader):
    """A module with the names of several."""

    def __init__(self, places: Sequence[str]) -> None:
        self.places = places

    def create_module(self, spec: ModuleSpec) -> None:
        _warn(f"the parts of {spec.name} have moved to {', '.join(self.places)}")

    def exec_module(self, module: ModuleType) -> None:
        for place in self.places:
            parts = vars(import_module(place))
            vars(module).update({name: part for name, part in parts.items() if not name.startswith("_")})


def names(module: str) -> Callable[[str], Any]:
    """The `__getattr__` of a module, for names that were in it."""
    places = {
        name: place for place, group in _NAMES[module.removeprefix(f"{__package__}.")].items() for name in group.split()
    }

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        place, _, today = places[name].partition(":")
        _warn(f"{module}.{name} is now {__package__}.{place}.{today or name}")
        return getattr(import_module(f"{__package__}.{place}"), today or name)

    return find


def _warn(words: str) -> None:
    """A warning of the line that imports."""
    warnings.warn(f"{words}; its former name will go in the next release.", DeprecationWarning, stacklevel=3)


def install() -> None:
    """Let Python find moved modules."""
    sys.meta_path.insert(0, _Finder())
