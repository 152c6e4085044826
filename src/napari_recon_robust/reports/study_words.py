"""What a study did, in a paragraph that a paper can take over, with all settings and references."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..ground.knob import stored
from ..ground.numbers import counted
from ..perturbations import registry as perturbations
from ..reconstructors import registry as reconstructors
from ..studies.columns import CLEAN, POOLED_MASK
from ..studies.rows import OWN, against
from .bibliography import ATTACK_RATES, SSIM, cited, listed, sources_in
from .methods_paragraph import REFERENCES, fully_sampled, measures

if TYPE_CHECKING:
    from polars import DataFrame

_DIGITS = 64  # of a SHA-256
_STATISTICS = (
    "The volume is the unit of all statistics: intervals are 95%, Student's t on the means of volumes, and none is "
    "given below three volumes or where all volumes are alike, where quartiles show the spread. Attack rates have "
    "exact intervals (Clopper and Pearson 1934) where each volume's is 0 or 100%, as with one trial of each."
)


@dataclass(frozen=True)
class Methods:
    """paragraph: what was done. settings: names and values. references: what it goes back to."""

    paragraph: str
    settings: tuple[tuple[str, str], ...]
    references: tuple[str, ...]


def methods(
    trials: "DataFrame", unfinished: int = 0, provenance: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
) -> Methods:
    """The methods of a study from its table.

    unfinished: how many trials of its plan have no row yet. provenance: of each attempt, as the store has it.
    """
    kinds = [kind for kind in _names(trials, "perturbation") if kind != CLEAN]
    keys = [SSIM, ATTACK_RATES, *sources_in(trials, "perturbation"), *sources_in(trials, "method")]
    sentences = [
        *_trials(trials, unfinished),
        *_reconstructions(trials),
        *_perturbations(trials, kinds),
        *_judged(trials),
        measures("reference"),
        _STATISTICS,
    ]
    settings = (*_settings(trials), *_computed_by(trials, provenance))
    return Methods(" ".join(sentences), settings, tuple(reference.words for reference in listed(keys)))


def _trials(trials: "DataFrame", unfinished: int) -> Iterator[str]:
    volumes, slices = trials["volume"].n_unique(), trials.select("scan", "slice").n_unique()
    failed = int(trials["error"].is_not_null().sum())
    every = counted(len(trials) + unfinished, "trial")
    yield (
        f"The study has {f'{len(trials):,} finished of {every}' if unfinished else every}"
        f" on {counted(slices, 'slice')} of {counted(volumes, 'volume')}"
        f"{f', of which {failed} failed and are left out' if failed else ''}."
    )
    masks = trials.select(name for name in POOLED_MASK if name in trials.columns).unique(maintain_order=True)
    patterns = "; ".join(map(_mask, masks.iter_rows(named=True)))
    yield f"Sampling was {patterns} (mask seeds: {', '.join(_names(trials, 'mask_seed')) or 'none'})."
    regions = trials.select("region_kind", "scan", "slice", "region").unique(maintain_order=True)
    counts = regions.group_by("region_kind", maintain_order=True).len().iter_rows()
    measured = [f"{counted(count, 'region')} of the kind {kind}" for kind, count in counts]
    yield f"Measured were {', '.join(measured)}, the foreground and the whole image."


def _mask(mask: Mapping[str, Any]) -> str:
    """A mask in words, by its columns."""
    rate, centre = mask["acceleration"], fully_sampled(mask)
    words = mask["mask"] if rate is None else f"{mask['mask']} at a nominal acceleration of {rate:g}"
    return ", ".join(filter(None, (words, centre)))


def _reconstructions(trials: "DataFrame") -> Iterator[str]:
    labels = ", ".join(_names(trials, "method_label"))
    yield f"Each was reconstructed by {labels}, with the settings below, from nothing but its samples."
    for id in _names(trials, "method"):
        kind = _of(reconstructors, id)
        if kind is not None:
            keys = sources_in(trials.filter(trials["method"] == id), "method")
            yield f"{kind.label}{cited(keys)}: {kind.summary}"


def _perturbations(trials: "DataFrame", kinds: list[str]) -> Iterator[str]:
    for name in kinds:
        kind, rows = _of(perturbations, name), trials.filter(trials["perturbation"] == name)
        said = f"{cited(sources_in(rows, 'perturbation'))}: {kind.summary}" if kind else " was applied."
        yield f"The perturbation “{name}”{said}"
        budgets = rows["budget"].drop_nulls().unique().sort().to_list()
        if budgets:
            values = ", ".join(f"{100 * budget:.3g}%" for budget in budgets)
            yield f"Its budgets were {values} of the norm of the k-space (or of what its settings name)."
        if rows["control"].any():
            yield "Beside it stands white complex Gaussian noise of the same norm."


def _judged(trials: "DataFrame") -> Iterator[str]:
    """Against which image each method is measured, as far as it is known here."""
    of_kind: dict[str, list[str]] = {}
    undersampled = _undersampled(trials)
    trials = trials.filter(~trials["scan"].is_in(undersampled))
    told = "reference_kind" if "reference_kind" in trials.columns else None  # which tables of earlier versions lack
    names = ["method", "method_label", "knobs", *([told] if told else [])]
    for id, label, knobs, *kinds in trials.select(names).unique(maintain_order=True).iter_rows():
        method = _of(reconstructors, id)
        kind = kinds[0] if kinds else method and method.reference_kind_at(stored(knobs))
        if kind is not None:
            of_kind.setdefault(kind, []).append(label)
    for kind, labels in of_kind.items():
        yield f"The reference of {', '.join(labels)} is {REFERENCES[kind]}."
    if len(of_kind) > 1:
        yield "The two differ in the air, so that figures of the whole image compare methods of one reference alone."
    if undersampled:
        yield (
            f"The perturbed images of {counted(len(undersampled), 'undersampled scan')} were measured against each "
            "method's own clean image, as no fully sampled one is known."
        )


def _undersampled(trials: "DataFrame") -> list[str]:
    """The scans whose perturbed images are measured against the clean ones."""
    found: list[str] = trials.filter(against(trials) == OWN)["scan"].unique(maintain_order=True).to_list()
    return found


def _settings(trials: "DataFrame") -> Iterator[tuple[str, str]]:
    for name, knobs in trials.select("method_label", "knobs").unique(maintain_order=True).iter_rows():
        yield f"{name} (method)", _knobs(knobs)
    changes = trials.select("perturbation", "perturbation_knobs").unique(maintain_order=True).iter_rows()
    # seeds stand once, below
    yield from dict.fromkeys(
        (f"{name} (perturbation)", _knobs(knobs, but="seed")) for name, knobs in changes if name != CLEAN
    )
    yield "seeds", ", ".join(map(str, _names(trials, "seed")))


def _computed_by(trials: "DataFrame", provenance: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The code and weights of each method, and the versions; several where trials were computed by several."""
    used = [provenance[name] for name in _names(trials, "attempt") if name in provenance] if provenance else []
    if not used:
        return
    for id, label in trials.select("method", "method_label").unique(maintain_order=True).iter_rows():
        files = _several(_hashed(one.get("methods", {}).get(label, {})) or "this package's own" for one in used)
        yield f"{label} (code and weights)", f"{id}: {files}"
    yield (
        "versions",
        _several(
            ", ".join(f"{name} {version}" for name, version in {**one["versions"], **one.get("libraries", {})}.items())
            for one in used
        ),
    )
    yield "code of this package", _several(_hashed({"": one["code"]}) for one in used if "code" in one)


def _hashed(files: Mapping[str, str]) -> str:
    """Files with their SHA-256, and packages with their versions."""
    return ", ".join(f"{name} {_sha256(value)}".strip() for name, value in files.items())


def _sha256(value: str) -> str:
    return f"SHA-256 {value}" if len(value) == _DIGITS else value


def _several(words: Iterable[str]) -> str:
    return "; or ".join(dict.fromkeys(words))


def _knobs(text: str | None, but: str = "") -> str:
    return ", ".join(f"{name} = {value}" for name, value in stored(text).items() if name != but) or "no settings"


def _of(registry: Any, id: str) -> Any:
    """The method or perturbation of that id; None for an own one, which is not opened here."""
    return registry.get(id) if registry.lists(id) else None


def _names(trials: "DataFrame", column: str) -> list[Any]:
    found: list[Any] = trials[column].drop_nulls().unique(maintain_order=True).to_list()
    return found
