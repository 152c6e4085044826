"""What a reader is asked. Each kind of question knows which answers fit, and what figure an answer stands for.

Any question may be answered by "cannot judge", and a comment goes with any presentation.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..ground.errors import InputError, either
from ..ground.specification import Specification

CANNOT_JUDGE = "cannot_judge"
LONGEST_COMMENT = 4000  # characters
SEEN = ("yes", "no", "unsure")
CHANGES = ("added", "removed", "altered")
CONSEQUENCES = ("none", "minor", "would change the report")

Answer = dict[str, Any]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class _Question(Specification):
    """id: names the column of the answers. text: what the reader reads."""

    id: Id
    text: str = Field(min_length=1, max_length=300)

    def check(self, value: Mapping[str, Any]) -> Answer:
        """Return the answer as it is stored; InputError for one that does not fit the question."""
        if value.get(CANNOT_JUDGE) is True:
            return {CANNOT_JUDGE: True}
        known = self._fields()
        unknown = set(value) - set(known)
        if unknown:
            raise InputError(f"{self.id} has no {either(sorted(unknown))}; it asks for {either(known)}.")
        return self._checked(value)

    def _fields(self) -> list[str]:
        raise NotImplementedError

    def _checked(self, value: Mapping[str, Any]) -> Answer:
        raise NotImplementedError

    def _one_of(self, value: Mapping[str, Any], name: str, choices: tuple[Any, ...]) -> Any:
        found = value.get(name)
        if isinstance(found, bool) or found not in choices:
            words = either([str(choice) for choice in choices])
            raise InputError(f"{self.id}: {name} is {found!r}; choose {words}, or answer that you cannot judge.")
        return found

    def _number(self, value: Mapping[str, Any], name: str, low: float, high: float) -> float:
        found = value.get(name)
        if isinstance(found, bool) or not isinstance(found, int | float) or not low <= found <= high:
            raise InputError(f"{self.id}: {name} is {found!r}; give a number from {low:g} to {high:g}.")
        return float(found)


class ForcedChoice(_Question):
    """Which of the two images, at the left (0) or at the right (1)? Shown with both arms side by side."""

    kind: Literal["forced-choice"] = "forced-choice"

    def _fields(self) -> list[str]:
        return ["choice"]

    def _checked(self, value: Mapping[str, Any]) -> Answer:
        return {"choice": self._one_of(value, "choice", (0, 1))}


class Likert(_Question):
    """A scale of words.

    words: of the levels 1, 2, ... in the order in which they are shown. best: which end is the good one; there is no
    default, because 1 is the best in some studies and the worst in others.
    """

    kind: Literal["likert"] = "likert"
    words: Annotated[tuple[str, ...], Field(min_length=2, max_length=11)]
    best: Literal["first", "last"]

    @model_validator(mode="before")
    @classmethod
    def _direction(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and "best" not in values:
            name = values.get("id", "a scale")
            raise InputError(f"{name} does not say which end of its scale is the best; add best: first or best: last.")
        return values

    def _fields(self) -> list[str]:
        return ["level"]

    def _checked(self, value: Mapping[str, Any]) -> Answer:
        return {"level": self._one_of(value, "level", tuple(range(1, len(self.words) + 1)))}

    def score(self, answer: Answer) -> float | None:
        """The level, counted so that more is better; None for "cannot judge"."""
        level = answer.get("level")
        if level is None:
            return None
        return float(level if self.best == "last" else len(self.words) + 1 - level)


class Lesion(_Question):
    """Is there a lesion: yes, no or unsure; how confident, 0 to 100; and where, by a click on the image.

    place: whether a reader who says yes has to click.
    """

    kind: Literal["lesion"] = "lesion"
    place: bool = True

    def _fields(self) -> list[str]:
        return ["seen", "confidence", *(["row", "column"] if self.place else [])]

    def _checked(self, value: Mapping[str, Any]) -> Answer:
        seen = self._one_of(value, "seen", SEEN)
        answer = {"seen": seen, "confidence": 0.0 if seen == "unsure" else self._number(value, "confidence", 0, 100)}
        if self.place and seen == "yes":
            if "row" not in value or "column" not in value:
                raise InputError(f"{self.id}: click on the lesion, or answer that you cannot judge.")
            answer |= {name: self._number(value, name, -0.5, 1e5) for name in ("row", "column")}
        return answer

    def score(self, answer: Answer) -> float | None:
        """How sure the reader is of a lesion, from 0 (sure that there is none) over 50 to 100."""
        if "seen" not in answer:
            return None
        sign = {"yes": 1, "no": -1, "unsure": 0}[answer["seen"]]
        return 50 + sign * float(answer["confidence"]) / 2


class Structures(_Question):
    """Which structures were added, removed or altered against the reference, how certain, and of what consequence."""

    kind: Literal["structures"] = "structures"

    def _fields(self) -> list[str]:
        return ["changes", "certainty", "consequence"]

    def _checked(self, value: Mapping[str, Any]) -> Answer:
        changes = value.get("changes")
        if not isinstance(changes, list) or any(change not in CHANGES for change in changes):
            raise InputError(f"{self.id}: changes is {changes!r}; give a list of {either(CHANGES)}, empty for none.")
        chosen = [change for change in CHANGES if change in changes]
        if not chosen:
            return {"changes": [], "certainty": self._number(value, "certainty", 0, 100), "consequence": "none"}
        return {
            "changes": chosen,
            "certainty": self._number(value, "certainty", 0, 100),
            "consequence": self._one_of(value, "consequence", CONSEQUENCES),
        }

    def score(self, answer: Answer) -> float | None:
        """0 for no consequence, 1 for a minor one, 2 for one that would change the report."""
        consequence = answer.get("consequence")
        return None if consequence is None else float(CONSEQUENCES.index(consequence))


Question = Annotated[ForcedChoice | Likert | Lesion | Structures, Field(discriminator="kind")]


def check_comment(comment: object) -> str:
    """A comment as it is stored; InputError for one that is too long or no text."""
    if not isinstance(comment, str) or len(comment) > LONGEST_COMMENT:
        raise InputError(f"a comment is a text of at most {LONGEST_COMMENT} characters; shorten it.")
    return comment.strip()


_QUALITY = ("not diagnostic", "limited", "acceptable", "good", "excellent")

# A name for a plan, where the questions come from, and the questions.
QUESTIONNAIRES: dict[str, tuple[str, tuple[Question, ...]]] = {
    "preference": (
        "Two-alternative forced choice.",
        (ForcedChoice(id="preference", text="Which image would you rather report from?"),),
    ),
    "lesion": (
        "Detection with a confidence from which a ROC curve follows.",
        (Lesion(id="lesion", text="Is there a lesion?"),),
    ),
    "quality": (
        "Artifacts, sharpness and contrast-to-noise, the items of the fastMRI challenges (Knoll et al. 2020, "
        "doi:10.1002/mrm.28338; Muckley et al. 2021, doi:10.1109/TMI.2021.3075856), on a scale of our own.",
        tuple(
            Likert(id=name, text=f"{title}?", words=_QUALITY, best="last")
            for name, title in (
                ("artifacts", "How free of artifacts is the image"),
                ("sharpness", "How sharp is the image"),
                ("contrast-to-noise", "How good is the contrast-to-noise ratio"),
            )
        ),
    ),
    "visual-grading": (
        "The five steps of visual grading as in ViewDEX.",
        (
            Likert(
                id="criterion",
                text="Is the structure of interest shown so that it can be judged?",
                words=(
                    "confident that the criterion is fulfilled",
                    "somewhat confident that it is fulfilled",
                    "indecisive",
                    "somewhat confident that it is not fulfilled",
                    "confident that it is not fulfilled",
                ),
                best="first",
            ),
        ),
    ),
    "structures": (
        "What was added, removed or altered, how certain, and of what consequence; of this project.",
        (Structures(id="structures", text="Against the reference, were structures added, removed or altered?"),),
    ),
}
