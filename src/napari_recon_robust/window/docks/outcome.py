"""What was found: its curve, itself at every smaller budget, and what it says of itself."""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSlider, QVBoxLayout, QWidget
from superqt.utils import signals_blocked

from ...canvas.titles import percent
from ...controls.curve import Curve
from ...controls.parts import show_text, warning, words
from ...ground.numbers import written
from ...workbench.looking import back_to
from ...workbench.perturbing import Result
from ..session import Session
from .budgets import BudgetCurve

if TYPE_CHECKING:
    from ...perturbations.base import Perturbed

_FRACTIONS = 200


class OutcomePanel(QWidget):
    """A thin view on the result of `perturbing`; its page says when to look at it again."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.perturbing = session, session.bench.perturbing
        self.earlier = warning()
        self.curve = Curve()
        self.over_budgets = BudgetCurve()
        self.over_budgets.chosen.connect(self.perturbing.look_at)
        self.scaled_to = words()
        self.scaled = QSlider(Qt.Orientation.Horizontal)
        self.scaled.setAccessibleName("Share of the budget that was found")
        self.scaled.setRange(0, _FRACTIONS)
        self.scaled.valueChanged.connect(lambda value: self.session.look(factor=value / _FRACTIONS, random=False))
        self.spent = words(faint=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for part in (self.earlier, self.curve, self.over_budgets, self.scaled_to, self.scaled, self.spent):
            column.addWidget(part)

    def show_curve(self, perturbed: "Perturbed | None") -> None:
        """Show the curve of the perturbation, or the trace of its search, or nothing where it has neither."""
        if perturbed is not None and perturbed.curve is not None:
            curve = perturbed.curve
            self.curve.set_values(curve.values, curve.title, curve.note, curve.tip)
        elif perturbed is not None and perturbed.trace is not None:
            trace = perturbed.trace
            self.curve.set_values(perturbed.loss, trace.title, trace.note, trace.tip)
        else:
            self.curve.set_values(())

    def show_result(self) -> None:
        """Show the result, or nothing while there is none."""
        result = self.perturbing.current
        self.over_budgets.set_result(result)
        several = self.over_budgets.isVisibleTo(self)
        self.show_curve(None if result is None or several else result.outcome.perturbed)
        self.scaled.setVisible(result is not None and result.scaled is not None)
        self.show_earlier()

    def show_earlier(self) -> None:
        """Say what the result belongs to, if something else is set by now; its smaller budgets are seen with it."""
        show_text(self.earlier, self.perturbing.earlier)
        result = self.perturbing.current
        self.scaled.setEnabled(result is None or self.perturbing.on_screen is not None)
        tip = "The same perturbation at every smaller budget, from 0 to what was found"
        if result is not None and self.perturbing.on_screen is None:
            tip = f"{tip}\nOther images are shown; {back_to(result)} to drag it."
        self.scaled.setToolTip(tip)
        self.show_look()

    def show_look(self) -> None:
        """Show the fraction of the budget that is shown, and of which one the figures are."""
        result, view = self.perturbing.current, self.session.scene.view
        show_text(self.spent, "" if result is None else f"{view.apart(result)} {spent(result)}".strip())
        self.over_budgets.show_factor(view.factor)
        if result is None or result.scaled is None:
            show_text(self.scaled_to, "")
            return
        with signals_blocked(self.scaled):
            self.scaled.setValue(round(view.factor * _FRACTIONS))
        nominal = result.outcome.perturbed.budget.nominal or 0.0
        control = result.draws.get("random", "Random noise of the same size")
        what = control if view.random else f"Budget {percent(view.factor * nominal)}"
        if view.factor < 1:
            what = f"{what} of {percent(nominal)}"
        elif self.scaled.isEnabled():
            what = f"{what}; drag for less"
        show_text(self.scaled_to, f"{what}:")


def spent(result: Result) -> str:
    """Say what was found, what became of SSIM, and what was spent: nominal, achieved, per coil, in thermal noise."""
    from ...perturbations import registry

    perturbed, setting = result.outcome.perturbed, result.setting
    budget = perturbed.budget
    whole = registry.get(setting.perturbation).budget_of(setting.perturbation_knobs)
    nominal = "" if budget.nominal is None else f" ({percent(budget.nominal)} of {whole} allowed)"
    samples = "the k-space" if budget.relative_to == "full" else "the sampled k-space"
    least, most = percent(min(budget.per_coil)), percent(max(budget.per_coil))
    coils = f"{least} in every coil" if least == most else f"per coil {least} to {most}"
    comparison = result.outcome.comparison
    where = "whole image" if comparison.judged_on == "image" else "region"
    before, now = (
        written(comparison.metrics[name][comparison.judged_on].ssim, ".2f") for name in ("clean", "perturbed")
    )
    parts = [
        perturbed.statement,
        f"SSIM of the {where}: {now}, before {before}." if perturbed.judged_by == "clean" else "",
        ""
        if not perturbed.additive
        else f"Spent {percent(budget.achieved)} of {samples}{nominal}; {coils}; "
        f"{written(budget.thermal)} × the thermal noise.",
        "" if perturbed.complete else "Cancelled: the best so far.",
    ]
    return " ".join(part for part in parts if part)
