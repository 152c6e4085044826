"""What a reader may see, answer and revise now, decided from the order, the answers so far and the study alone."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Literal

from .bundle import Sheet, Shown

NOT_NOW = "this case is not yours to see now; load the page again."
NOT_NEXT = "this case is not the next one; load the page again."
AGAIN = "this slice was shown once more since; its earlier case can neither be seen nor changed any more."
FINAL = "answers of this study cannot be changed any more."

Act = Literal["see", "answer", "revise"]


@dataclass(frozen=True)
class Progress:
    """How far one reader is.

    order: all that the reader sees, from the first to the last. answered: the ids of those whose questions are all
    answered. wait: since when in UTC the next sitting may begin, else "".
    """

    order: Sequence[Shown]
    answered: Set[str]
    wait: str = ""

    @property
    def current(self) -> Shown:
        """The first that is not answered, else the last."""
        return next((one for one in self.order if one.id not in self.answered), self.order[-1])

    @property
    def next(self) -> Shown | None:
        """What is to be judged, None where all is read or the next sitting may not begin yet."""
        return None if self.wait or self.current.id in self.answered else self.current

    def was_shown(self, shown: Shown) -> bool:
        """Whether the reader has seen it, or sees it now."""
        return shown.id in self.answered or shown is self.next


def refusal(act: Act, shown: Shown, progress: Progress, study: Sheet) -> str:
    """Why a reader may not do this with an own presentation now; "" where the reader may.

    What comes next is seen and answered. What is answered is seen again to be revised, in the same sitting, if the
    study lets readers go back, and until its slice is shown once more, such as in another arm or under another mask:
    the two would be compared, which are to be judged alone. To "answer" is to do it for the first time; the same answer
    may always be sent again. A case for training is seen with its truth until the next one is answered.
    """
    if shown is progress.next and act != "revise":
        return ""
    if act == "answer":
        return "" if shown.id in progress.answered else NOT_NEXT
    if progress.wait or not progress.was_shown(shown) or shown.sitting != progress.current.sitting:
        return NOT_NOW if act == "see" else FINAL
    later = [one for one in progress.order if one.sitting == shown.sitting and one.number > shown.number]
    if any(progress.was_shown(one) and are_rivals(shown, one) for one in later):
        return AGAIN
    if shown.training and (act == "revise" or any(one.id in progress.answered for one in later)):
        return FINAL
    return "" if study.back or shown.training else FINAL


def are_rivals(one: Shown, other: Shown) -> bool:
    """Whether two presentations show one slice."""
    slice = one.same or one.reference
    return one is not other and bool(slice) and (other.same or other.reference) == slice
