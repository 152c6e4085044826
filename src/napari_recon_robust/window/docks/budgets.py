"""Several budgets: which to search at beside the chosen one, and the region's quality over them."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...controls.knob_row import RowLabel
from ...controls.number_boxes import left_undo
from ...controls.parts import CAUTION, words
from ...controls.plot import Axes, Line, Plot
from ...ground.errors import InputError
from ...workbench.perturbing import BUDGET, Result

if TYPE_CHECKING:
    from ...perturbations.outcome import Outcome

NAMES = {"perturbed": "Perturbed", "random": "Random noise of the same size"}


class FurtherBudgets(QWidget):
    """A list of percentages.

    Signals: `turned(budgets)`, as fractions, when a list was typed; `refused(sentence)` when a text is no list. Such a
    text stays, and is marked, until it is edited or other budgets are set.
    """

    turned = Signal(tuple)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("Search at these budgets too, each from its neighbour, and plot the region's quality over them")
        self.text = _Text()
        self.text.setAccessibleName("Further budgets, in percent")
        self.text.setPlaceholderText("for a curve: 0.25, 0.5, 2")
        self.text.editingFinished.connect(self.take_over)
        self.text.textEdited.connect(lambda: self._mark(False))
        self._budgets: tuple[float, ...] = ()
        self._marked = False
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(RowLabel("Also at, %"))
        layout.addWidget(self.text, 1)

    def set_budgets(self, budgets: Sequence[float]) -> None:
        """Show budgets without a signal."""
        if self._marked and tuple(budgets) == self._budgets:
            return
        self._mark(False)
        self._budgets = tuple(budgets)
        with signals_blocked(self.text):
            self.text.setText(_in_percent(budgets))

    def take_over(self) -> bool:
        """Take over what is typed, and return whether it is a list; where it is none, `refused` says so again."""
        try:
            budgets = parsed(self.text.text())
        except InputError as error:
            self._mark(True)
            stays = f"at {_in_percent(self._budgets)}" if self._budgets else "empty"
            self.refused.emit(f"{str(error).removesuffix('.')}; the list stays {stays}.")
            return False
        self._mark(False)
        if self.text.isModified():  # the same list, too: it may follow a text that was none
            self.set_budgets(budgets)
            self.turned.emit(budgets)
        return True

    def _mark(self, wrong: bool) -> None:
        self._marked = wrong
        self.text.setStyleSheet(f"QLineEdit {{ border: 1px solid {CAUTION}; }}" if wrong else "")


class _Text(QLineEdit):
    """A text field that leaves undo to the window once what was typed is taken over."""

    def event(self, event: QEvent | None) -> bool:
        """Take the keys of undo only while there is something to undo here."""
        edited = self.isUndoAvailable() or self.isRedoAvailable()
        return (not edited and left_undo(event)) or super().event(event)


def _in_percent(budgets: Sequence[float]) -> str:
    return ", ".join(f"{100 * budget:.3g}" for budget in budgets)


def parsed(text: str) -> tuple[float, ...]:
    """Read rising budgets from percentages with commas or spaces between them.

    Raise InputError for anything else, and for a comma between two digits: it is a decimal point to half of the world.
    """
    if unclear := re.search(r"(?<![\d.])(\d+),(\d+)(?![\d.])", text):
        whole, rest = unclear.groups()
        raise InputError(
            f"{unclear[0]} can mean {whole}.{rest}, or {whole} and {rest}; write {whole}.{rest} with a point, or "
            f"{whole}, {rest} with a space."
        )
    try:
        parts = re.sub(r"\s+%", "%", text).replace(",", " ").replace(";", " ").split()
        found = {float(part.removesuffix("%")) / 100 for part in parts}
    except ValueError:
        found = {float("nan")}
    if not all(BUDGET.minimum <= one <= BUDGET.maximum for one in found):
        low, high = (f"{100 * end:g}" for end in (BUDGET.minimum, BUDGET.maximum))
        raise InputError(
            f"The budgets cannot be {text.strip()}; type percentages between {low} and {high} with commas between "
            "them, for instance 0.25, 0.5."
        )
    return tuple(sorted(found))


class BudgetCurve(QWidget):
    """SSIM and RMSE of the region over the budget, from zero. Signal: `chosen(outcome)` of the clicked budget."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.plot = Plot()
        self.plot.setAccessibleName("Quality over the budgets")
        self.plot.chosen.connect(self._on_chosen)
        self._outcomes: tuple[Outcome, ...] = ()
        self._looked_at = 0
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.plot)
        column.addWidget(words("Click a budget to see it in the picture.", faint=True))

    def set_result(self, result: Result | None) -> None:
        """Plot a result of several budgets; any other result hides the plot."""
        several = result is not None and len(result.outcomes) > 1
        self.setVisible(several)
        self._outcomes = result.outcomes if result is not None and several else ()
        if result is None or not several:
            return
        against = "the clean image" if self._outcomes[0].comparison.reference is None else "the reference"
        found = [one.comparison.metrics for one in self._outcomes]
        clean = found[0]["clean"]["roi"]
        names = NAMES | result.draws
        lines = {name: [clean, *(metrics[name]["roi"] for metrics in found)] for name in names}
        percentages = [0.0, *(100 * (one.perturbed.budget.nominal or 0.0) for one in self._outcomes)]
        self.plot.show_lines(
            percentages,
            "Budget η, % of the norm",
            [
                Axes("SSIM", [Line(names[name], [one.ssim for one in scores]) for name, scores in lines.items()]),
                Axes(
                    "Relative RMSE",
                    [Line(names[name], [one.nmse**0.5 for one in each]) for name, each in lines.items()],
                ),
            ],
            f"The region against {against}. RMSE stands beside SSIM, of which flat regions lose much for little.",
        )
        self._looked_at = self._outcomes.index(result.outcome)

    def show_factor(self, factor: float) -> None:
        """Draw a line at a fraction of the budget that is looked at."""
        if self._outcomes:
            nominal = self._outcomes[self._looked_at].perturbed.budget.nominal or 0.0
            self.plot.mark(1 + self._looked_at, 100 * factor * nominal)

    def _on_chosen(self, number: int) -> None:
        if number > 0:
            self.chosen.emit(self._outcomes[number - 1])
