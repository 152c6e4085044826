"""What to do to the region: the kind of perturbation, its budgets, its knobs, its place, and Run."""

import math
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QButtonGroup, QComboBox, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...canvas.titles import percent
from ...controls.filled_rows import FilledRows
from ...controls.knob_panel import KnobPanel
from ...controls.knob_row import NumberControl
from ...controls.parts import Fold, button, heading, row, words
from ...ground.knob import Knob
from ...ground.numbers import written
from ...workbench.perturbing import BUDGET
from ..session import Session
from .budgets import FurtherBudgets
from .front import FrontPanel

if TYPE_CHECKING:
    from ...perturbations.base import Perturbation

STEPS = "steps"
EFFORT = {"Preview": 1, "Normal": 5, "Thorough": 10}
_PLACE, _NOWHERE = "Place it by a click", -1.0
_BESIDE = "The click lies outside of the image; press the button again and click on it."


class Budgets(QWidget):
    """The budget, how much thermal noise that is, and further budgets for a curve."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.perturbing, self.jobs = session.bench.perturbing, session.jobs
        self.budget = NumberControl(BUDGET, percent=True)
        self.budget.turned.connect(self._set_budget)
        self.budget.refused.connect(session.jobs.failed)
        session.slider_drags.follow(self.budget)
        self.thermal = words(faint=True)
        self.further = FurtherBudgets()
        self.further.turned.connect(self._set_further)
        self.further.refused.connect(session.jobs.failed)
        column = _column(self)
        for part in (self.budget, self.thermal, self.further):
            column.addWidget(part)

    def show_values(self) -> None:
        """Show the budgets that are set."""
        self.budget.set_value(self.perturbing.budget)
        self.further.set_budgets(self.perturbing.further)
        self.show_thermal()

    def show_thermal(self) -> None:
        """Say what the budget is a fraction of, and how much thermal noise that is."""
        if self.perturbing.kind is None:
            return
        times, whole = self.perturbing.thermal, self.perturbing.kind.budget_of(self.perturbing.knobs)
        known = "" if math.isnan(times) else f", up to {written(times)} × the scan's thermal noise"
        self.thermal.setText(f"{percent(self.perturbing.budget)} of {whole}{known}")
        self.budget.setToolTip(f"Largest perturbation, relative to the norm of {whole}\n{BUDGET.range}")

    def _set_budget(self, budget: float) -> None:
        self.perturbing.budget = budget
        self.jobs.failures.recover_without_job()
        self.show_thermal()

    def _set_further(self, budgets: tuple[float, ...]) -> None:
        self.perturbing.further = budgets
        self.jobs.failures.recover_without_job()


class Effort(QWidget):
    """Buttons for usual numbers of gradients. `chosen(number)`: one of them was pressed."""

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.group = QButtonGroup(self)
        buttons = []  # a group does not own its buttons
        for name, steps in EFFORT.items():
            gradients = f"{steps} {'gradient' if steps == 1 else 'gradients'} of the reconstruction"
            one = button(f"{name} {steps}", gradients, self._choose, checkable=True)
            self.group.addButton(one, steps)
            buttons.append(one)
        _column(self).addLayout(FilledRows(*buttons))

    def show_value(self, steps: object) -> None:
        """Press the button of this number without a signal; for any other number press none."""
        self.group.setExclusive(False)
        for one in self.group.buttons():
            with signals_blocked(one):
                one.setChecked(self.group.id(one) == steps)
        self.group.setExclusive(True)

    def _choose(self, checked: bool) -> None:
        if checked:
            self.chosen.emit(self.group.checkedId())


class KindPanel(QWidget):
    """A thin view on the kind, the knobs and the budgets of `perturbing`; its page says when to look at it again.

    Which controls there are follows from what the kind says of itself. front: the panel of the knobs in front, None for
    a kind without; options: that of the others.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.perturbing = session, session.bench.perturbing
        self.front: FrontPanel | None = None
        self.options: KnobPanel | None = None
        self.list = QComboBox()
        self.list.setToolTip("Kind of perturbation")
        self.list.setAccessibleName("Kind of perturbation")
        self.list.setMinimumWidth(80)
        self.list.currentIndexChanged.connect(lambda: self.perturbing.choose(self.list.currentData()))
        self.summary = words(faint=True)
        self.budgets = Budgets(session)
        self.effort = Effort()
        self.effort.chosen.connect(lambda steps: self._set(**{STEPS: steps}))
        self.place = button(_PLACE, "The next click into the image puts it there", self._pick, checkable=True)
        self.search = button("Search instead", "Forget the place: Run searches for the worst one", self._search)
        self.folded = QVBoxLayout()
        self.run = button("Run", "Search for the perturbation; the picture shows the worst so far", self._run)
        column = _column(self)
        column.addWidget(heading("Perturbation"))
        for part in (self.list, self.summary, self.budgets, self.effort):
            column.addWidget(part)
        column.addLayout(row(self.place, self.search, stretch=0))
        column.addLayout(self.folded)
        column.addWidget(self.run)

    def list_kinds(self) -> None:
        """Fill the list; needs torch, which an empty dock does without."""
        from ...perturbations import registry

        if not self.list.count():
            with signals_blocked(self.list):
                for id in registry.registry.available():
                    self.list.addItem(registry.get(id).label, id)

    def show_kind(self) -> None:
        """Build the controls of the chosen kind."""
        kind = self.perturbing.chosen
        with signals_blocked(self.list):
            self.list.setCurrentIndex(self.list.findData(kind.id))
        self.summary.setText(kind.summary)
        self.budgets.setVisible(kind.needs_budget)
        steps = self._steps(kind)
        self.effort.setVisible(steps is not None and steps.default in EFFORT.values())
        self.place.setVisible(kind.place is not None)
        self.place.setChecked(False)
        while (item := self.folded.takeAt(0)) is not None:
            item.widget().hide()
            item.widget().deleteLater()
        self.front = FrontPanel(self.session, kind) if kind.front or kind.accepts_image else None
        self.options = KnobPanel(self._ending(knob) for knob in kind.knobs if knob.name not in kind.front)
        for panel in (self.options,) if self.front is None else (self.options, self.front.panel):
            panel.turned.connect(lambda values: self._set(**values))
            panel.refused.connect(self.session.jobs.failed)
            self.session.slider_drags.follow(panel)
        if self.front is not None:
            self.folded.addWidget(self.front)
        self.folded.addWidget(Fold("Options", self.options))
        self.show_knobs()

    def _ending(self, knob: Knob) -> Knob:
        """Let the row and the column of a place end with the image."""
        place, acquisition = self.perturbing.chosen.place, self.session.bench.acquisition
        if place is None or knob.name not in place or not acquisition.is_open:
            return knob
        last = acquisition.shape[1 + place.index(knob.name)] - 1
        return knob.model_copy(update={"maximum": float(last)})

    def show_knobs(self) -> None:
        """Show the values of the knobs and the budgets, and grey the knobs that do not matter at these values."""
        knobs, steps = self.perturbing.knobs, self._steps(self.perturbing.chosen)
        if self.options is not None:
            self.options.set_values({name: knobs[name] for name in self.options.controls})
            self.options.grey(knobs)
        if self.front is not None:
            self.front.set_values(knobs)
        self.search.setVisible(self._placed)
        self.effort.setEnabled(steps is not None and steps.matters(knobs))
        self.effort.show_value(knobs.get(STEPS))
        self.budgets.show_values()

    @property
    def _placed(self) -> bool:
        place = self.perturbing.chosen.place
        return place is not None and all(self.perturbing.knobs[name] >= 0 for name in place)

    def _pick(self, active: bool) -> None:
        self.session.panels.navigation.pick(active)
        self.place.setText("Now click in the image" if active else _PLACE)

    def _search(self) -> None:
        self._set(**dict.fromkeys(self.perturbing.chosen.place or (), _NOWHERE))

    def put(self, row: float, column: float) -> None:
        """Place it where the image was clicked, and run; a click beside the image changes no setting."""
        self.place.setChecked(False)
        place = self.perturbing.chosen.place
        if place is None:
            return
        _, rows, columns = self.session.bench.acquisition.shape
        if not (0 <= row <= rows - 1 and 0 <= column <= columns - 1):
            self.session.jobs.failed.emit(_BESIDE)
            return
        self._set(**dict(zip(place, (round(row, 1), round(column, 1)), strict=True)))  # a click is no more exact
        self._run()

    @staticmethod
    def _steps(kind: "Perturbation") -> Knob | None:
        return next((knob for knob in kind.knobs if knob.name == STEPS), None)

    def _set(self, **values: Any) -> None:
        self.perturbing.set(**values)
        self.session.jobs.failures.recover_without_job()
        self.show_knobs()

    def _run(self) -> None:
        if self.perturbing.chosen.needs_budget and not self.budgets.further.take_over():
            return  # it would search at other budgets than are typed
        self.session.attempt(self.perturbing.run)


def _column(widget: QWidget) -> QVBoxLayout:
    column = QVBoxLayout(widget)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(6)
    return column
