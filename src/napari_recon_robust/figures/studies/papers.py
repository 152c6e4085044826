"""What four papers report, and the comparisons by which a study of their packaged plans answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polars import DataFrame

from . import shifts
from .budget import ADVREC, RANDOM, REGION, WHOLE
from .claims import Claim, compared
from .features import RANDOM as RANDOM_FEATURES

Side = Mapping[str, Any]
_METHOD = ("method_label", "acceleration")
_TAKES = "takes {size} {more} of the region's SSIM"
_ROBUST = {"robust U-Net": "unet-fnaf", "U-Net": "unet"}


@dataclass(frozen=True)
class Paper:
    """One paper. title: of its section. reported: what it says, in words. claims: what is compared.

    tuned: whether each method is compared at the one setting that is best on the scans for tuning.
    """

    title: str
    reported: str
    claims: tuple[Claim, ...]
    tuned: bool = False


@dataclass(frozen=True)
class Answer:
    """What a study says to a paper. sentences: those that hold. comparisons: how many were made."""

    paper: Paper
    sentences: tuple[str, ...]
    comparisons: int

    @property
    def counted(self) -> str:
        """How many of the comparisons became a sentence, and what the figures in brackets are."""
        return (
            f"{len(self.sentences)} of {self.comparisons} comparisons are sentences here, since their 95% interval "
            "over volumes leaves zero out (of rates, also by the exact sign test over volumes); the others are not "
            "written. Figures are mean differences with these intervals, or of rates that differ by the same in all "
            "volumes with the p of that test. They are not adjusted for the number of comparisons: of those without "
            "any difference about one in twenty becomes a sentence."
        )


def answer(trials: DataFrame) -> Answer | None:
    """The comparisons that the study of a packaged plan answers its paper with; None for another study."""
    paper = PAPERS.get(str(trials["plan"][0]))
    if paper is None:
        return None
    found = compared(shifts.tuned(trials) if paper.tuned else trials, paper.claims)
    return Answer(paper, tuple(one.sentence for one in found if one.sentence), len(found))


def _attacks(one: str, other: str, words: str) -> Claim:
    """Two kinds of attack. words: what is compared, and which of them takes it."""
    return Claim("loss", _largest(what=one), _largest(what=other), _METHOD, f"{words} {_TAKES}")


def _attack_on(one: str, other: Side, named: str, what: str = REGION) -> Claim:
    """An attack on two methods. named: the other one in words."""
    words = f"the attack {_TAKES} from {one} than from {named}"
    return Claim("loss", _largest(method=one, what=what), _largest(**other, what=what), ("acceleration",), words)


def _largest(**side: str) -> Side:
    return {**side, "budget_is": "largest"}


def _searched(measure: str, one: str, other: str, share: str) -> Claim:
    """Two searches for features. share: which share of them is compared."""
    words = f"the share of features that {share} is {{size}} points {{larger}} with {one} than with {other}"
    return Claim(measure, {"search": one, "own": True}, {"search": other, "own": True}, _METHOD, words)


def _better(one: str, other: str) -> Claim:
    """Clean quality of two methods."""
    words = f"{one} has {{size}} {{more}} SSIM than {other}"
    return Claim("quality", {"method_label": one}, {"method_label": other}, ("acceleration",), words)


ADVREC_PAPER = Paper(
    "Worst-case noise and rotation (Morshuis et al. 2022)",
    "The paper reports that the SSIM of an attacked region falls nearly linearly with η up to 2.5%, that attacks on "
    "the whole image hurt the region less, that U-Net and VarNet fall with similar slopes, and that the quality "
    "depends on angles of a few degrees.",
    (
        _attacks(REGION, RANDOM, "compared with random noise of its norm the attack"),
        _attacks(REGION, ADVREC, "compared with AdvRec's algorithm at the same η sphere ascent"),
        _attacks(REGION, WHOLE, "compared with the attack on the whole image the one on the region"),
        Claim(
            "slope",
            {"what": REGION, "budget_is": "largest"},
            {"what": REGION, "budget_is": "least"},
            _METHOD,
            "the loss for each percent of η is {size} {larger} at the largest budget than at the least",
        ),
        _attack_on("varnet", {"method_label": "unet"}, "unet"),
        _attack_on("varnet", {"method_label": "tv"}, "tv"),
        _attack_on("varnet", {"method_label": "cg-sense"}, "cg-sense"),
        Claim(
            "pose",
            {"what": "worst pose"},
            {"what": "fully sampled"},
            _METHOD,
            f"the worst pose {_TAKES} than its fully sampled image, turned back, loses",
        ),
    ),
)

FNAF_PAPER = Paper(
    "Lost features (Cheng et al. 2020)",
    "The paper reports attack rates by random search (RS) and finite differences (FD), each with 11 evaluations: at "
    "4x 84 and 72% for the U-Net, 44 and 35% for the i-RIM, 13 and 10% for the robust U-Net; at 8x 86 and 75%, 77 and "
    "64%, 15 and 13%. Of the features found on the U-Net, the i-RIM loses 89%. The SSIM of the robust U-Net is within "
    "0.002 of that of the plain one.",
    (
        _searched("attack rate", "random-search", "finite-differences", "pass the published thresholds"),
        _searched("attack rate", "random-search", RANDOM_FEATURES, "pass the published thresholds"),
        _searched("lost", "multiplexed", "random-search", "the method loses"),
        *(
            Claim(
                measure,
                {"method_label": _ROBUST["U-Net"], "own": True},
                {"method_label": _ROBUST["robust U-Net"], "own": True},
                ("search", "acceleration"),
                f"{words} {{size}} points {{larger}} for the U-Net than for the robustly trained one",
            )
            for measure, words in (("attack rate", "the attack rate is"), ("lost", "the share of lost features is"))
        ),
        Claim(
            "attack rate",
            {"found_for": "unet", "method_label": "unet"},
            {"found_for": "unet", "method_label": "irim"},
            ("search", "acceleration"),
            "of the U-Net's features the share that passes is {size} points {larger} on it than on the i-RIM",
        ),
        _better("unet-fnaf", "unet"),
    ),
)

HECKEL_PAPER = Paper(
    "Trained, untrained and classical methods (Darestani, Chaudhari and Heckel 2021)",
    "The paper reports that untrained and sparsity-based methods are as unstable as trained networks under worst-case "
    "noise, that all lose similarly under a shift of the distribution, and that recovery of small features goes with "
    "overall quality. Darestani, Liu and Heckel 2022 report that test-time training closes most of the gap.",
    (
        _attacks(WHOLE, RANDOM, "compared with random noise of its norm the attack"),
        _attack_on("varnet", {"method": "tv"}, "TV (its weight tuned on P)", WHOLE),
        Claim(
            "shift",
            {"method_label": "varnet"},
            {"method": "tv"},
            ("perturbation", "acceleration"),
            "varnet loses {size} {more} SSIM than TV (its weight tuned on P)",
        ),
        *(
            Claim(
                "quality outside",
                {"network": network},
                {"method_label": network},
                ("shift", "acceleration"),
                f"out of distribution test-time training of {network} has {{size}} {{more}} SSIM than {network} alone",
            )
            for network in ("varnet", "dagan")
        ),
    ),
    tuned=True,
)

HYPERRECON_PAPER = Paper(
    "A continuum of weights, and noise at test time (Wang, Dalca and Sabuncu)",
    "The papers report that one network reproduces the reconstructions of many weights, and that HQS-Net, which is "
    "trained without fully sampled data, loses less under noise than Cascade-Net, which is trained with them.",
    (
        Claim(
            "quality",
            {"method": "hyperrecon"},
            {"method": "hqs"},
            ("weight", "acceleration"),
            "HyperRecon has {size} {more} SSIM than the classical solution at the same weight",
        ),
        Claim(
            "shift",
            {"method": "hqs-net", "perturbation": "noise-level"},
            {"method": "cascade-net", "perturbation": "noise-level"},
            ("factor", "acceleration"),
            "HQS-Net loses {size} {more} SSIM than Cascade-Net under so much more noise",
        ),
        _better("hqs-net", "cascade-net"),
        Claim(
            "coverage",
            {"what": "found"},
            {"what": "promised"},
            _METHOD,
            "the 90% interval holds {size} points {more} of the pixels than it promises",
        ),
    ),
)

PAPERS: Mapping[str, Paper] = {
    "paper-advrec": ADVREC_PAPER,
    "paper-fnaf": FNAF_PAPER,
    "paper-heckel": HECKEL_PAPER,
    "paper-hyperrecon": HYPERRECON_PAPER,
}
