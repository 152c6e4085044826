"""The paragraph of methods: what was done to make a case, in sentences that a paper can take over."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..cases.record import CaseRecipe
from ..ground.errors import dimensions
from ..perturbations import registry as perturbations
from .bibliography import SSIM, Reference, as_found, cited, listed, sources, sources_of
from .case_images import CaseImages, acceleration_of

REFERENCES = {
    "combined": "the fully sampled image, whose coils were combined by their sensitivities",
    "rss": "the root sum of squares of the fully sampled coil images",
}


def methods(shown: CaseImages) -> str:
    """How the images were made and measured, from the recipe alone."""
    return " ".join([*_sampling(shown), *_perturbation(shown), *_measures(shown.case.results[0], shown.has_reference)])


def references(shown: CaseImages) -> list[Reference]:
    """What the paragraph cites."""
    recipe = shown.case.recipe
    knobs = as_found(recipe.perturbation_knobs, shown.case.results)
    return listed([*_of_method(recipe), *sources_of(recipe.perturbation, knobs), SSIM])


def _of_method(recipe: CaseRecipe) -> tuple[str, ...]:
    return sources_of(recipe.method, recipe.method_knobs)


def _sampling(shown: CaseImages) -> Iterator[str]:
    case = shown.case
    source = case.recipe.source
    number = f"Slice {source['slice']} (counted from 0)" if "slice" in source else "One slice"
    voxel = shown.voxel
    size = "" if voxel is None else f" of {voxel[0]:.3g} × {voxel[1]:.3g} × {voxel[2]:.3g} mm"
    scan = "simulated multi-coil scan" if shown.simulated else "multi-coil scan"
    yield f"{number} of a {scan} has {dimensions(case.matrix)} pixels{size}."
    sampling = source.get("sampling") or {}
    pattern = _pattern(sampling) if sampling else ""
    if (acceleration := acceleration_of(case)) is not None:
        yield f"It was undersampled{pattern} at an effective acceleration of {acceleration:.3g}."
    yield f"It was reconstructed by {shown.method}{cited(_of_method(case.recipe))}."


def _pattern(sampling: dict[str, Any]) -> str:
    """How lines or points were chosen. sampling: the values of a `Sampling`."""
    centre = fully_sampled(sampling)
    told = [f"nominal R {sampling['acceleration']:g}"] if "acceleration" in sampling else []
    told += [centre] if centre else []
    told += [f"seed {sampling.get('seed', 0)}"]
    return f" by the pattern “{sampling['pattern']}” ({', '.join(told)})"


def fully_sampled(sampling: Mapping[str, Any]) -> str:
    """The centre of a mask in words; empty where it is not known. sampling: some values of a `Sampling`, by name."""
    share, least = sampling.get("centre_fraction"), sampling.get("minimum_centre_lines")
    if share is None:
        return ""
    return f"the central {100 * share:.3g}%{f', at least {least} lines,' if least else ''} fully sampled"


def _perturbation(shown: CaseImages) -> Iterator[str]:
    recipe, results = shown.case.recipe, shown.case.results
    if not shown.perturbed:
        yield "Nothing was perturbed."
        return
    if perturbations.lists(recipe.perturbation):
        kind = perturbations.get(recipe.perturbation)
        found = as_found(recipe.perturbation_knobs, results)
        yield f"The perturbation was “{kind.label}”{cited(sources(kind, found))}: {kind.summary}"
        if recipe.budgets:
            budgets = ", ".join(f"{100 * budget:.3g}%" for budget in recipe.budgets)
            yield f"Its budgets were {budgets} of the norm of {kind.budget_of(recipe.perturbation_knobs)}."
    else:
        yield f"The perturbation was “{recipe.perturbation}”, which is not installed where this report was written."
    if min(recipe.perturbation_knobs.get(name, -1) for name in ("row", "column")) >= 0:
        yield "It was placed by hand, and neither searched for nor drawn at random."
    elif results[0]["loss"]:
        yield "It was searched for on the region, and not drawn at random."
    if shown.additive:
        yield f"The random control is white complex Gaussian noise of the same norm in every coil (seed {recipe.seed})."
    else:
        yield "The object or its sampling changed, nothing was added to the samples; so there is no random control."
    yield "Every image was reconstructed from nothing but its samples."


def _measures(result: dict[str, Any], has_reference: bool) -> Iterator[str]:
    if has_reference:
        kind = str(result["reference"])
        yield f"The reference is {REFERENCES.get(kind, kind)}."
        if result["judged_by"] == "perturbed":
            yield "The perturbation changed the object, so the perturbed image is judged by the truth as changed."
    else:
        yield "No fully sampled image is known: all measures are against the clean image, and say nothing of the truth."
        if result["judged_by"] == "perturbed":
            yield "The perturbation changed the object, so the perturbed image is not measured against that."
    yield measures("reference" if has_reference else "clean image")


def measures(judge: str) -> str:
    """How images are measured against `judge`."""
    return (
        f"SSIM{cited([SSIM])} has a uniform window of 7 × 7 pixels, K1 = 0.01 and K2 = 0.03, and is averaged over the "
        "region, and over the whole image less its outer 3 pixels; PSNR and "
        f"SSIM take the maximum of the {judge} as their data range; NMSE is the squared error over the squared norm of "
        f"the {judge}. Images were never matched in mean or scale."
    )
