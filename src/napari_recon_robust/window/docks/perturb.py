"""The Perturb dock: choose a region, perturb it, replay the result at every smaller budget."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import napari.viewer
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QComboBox,
    QListWidgetItem,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from ...controls.curve import Curve
from ...controls.hinted_list import HintedList
from ...controls.knobs import KnobPanel, NumberControl, decimals
from ...controls.parts import Fold, button, heading, row, show_text, words
from ...figures.plots import turned_only
from ...workbench.perturbing import BUDGET, Result
from ...workbench.regions import Region
from ..canvas.scene import percent
from ..session import Session
from .annotations import AnnotationsBox
from .budgets import BudgetCurve, FurtherBudgets
from .fragile import FragilePlaces
from .page import Page
from .study import StudyPanel
from .target import TargetPanel

if TYPE_CHECKING:
    from ...perturbations.base import Perturbed

FIRST_KIND = "worst-case"
EFFORT = {"Preview": 1, "Normal": 5, "Thorough": 10}
TOOLS = {"Box": "rectangle", "Polygon": "polygon", "Ellipse": "ellipse"}
PLACED = ("row", "column")
_FRACTIONS = 200


class PerturbDock(Page):
    """A thin view on `regions` and `perturbing` of the workbench."""

    title = "Perturb"
    needs_keys = True

    def __init__(self, napari_viewer: "napari.viewer.Viewer") -> None:
        super().__init__(Session.of(napari_viewer))
        self.options: KnobPanel | None = None
        self.target: TargetPanel | None = None
        self.empty = words("Nothing is open yet: open k-space or the sample under Reconstruct.")
        self.body = QWidget()
        self.parts = QVBoxLayout(self.body)
        self.parts.setContentsMargins(0, 0, 0, 0)
        self.parts.setSpacing(self.column.spacing())
        self.column.addWidget(self.empty)
        self.column.addWidget(self.body)
        self.column.addStretch(1)
        self._fill_regions()
        self._fill_perturbation()
        self._fill_result()
        self.listen(self.bench.acquisition.opened, self._on_opened)
        self.listen(self.bench.acquisition.measured, self._on_measured)
        self.listen(self.bench.regions.changed, self._list_regions)
        self.listen(self.bench.regions.chosen_changed, self._show_chosen)
        self.listen(self.bench.fragility.changed, self.fragile.show_found)
        self.listen(self.bench.studying.changed, self.study.show_found)
        self.listen(self.bench.reconstruction.method_changed, self.study.list_methods)
        self.listen(self.bench.perturbing.kind_changed, self._on_kind)
        self.listen(self.bench.perturbing.previewed, self._on_preview)
        self.listen(self.bench.perturbing.finished, self._on_finished)
        self.session.looked.connect(self._on_looked)
        # Methods, not lambdas: Qt forgets them when this page goes.
        self.session.jobs.started.connect(self._show_running)
        self.session.jobs.ended.connect(self._show_running)
        self.listen(self.session.panels.navigation.clicked, self._on_click)
        self._show_opened()
        self._on_finished()
        self.session.join(self, self.title)

    # ---------------------------------------------------------------- parts

    def _fill_regions(self) -> None:
        self.list = HintedList("No region on this slice: draw one by the tools below, or open annotations.")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setFixedHeight(84)
        self.list.setToolTip("Annotations and drawn regions of this slice; several may be chosen together")
        self.list.itemSelectionChanged.connect(self._choose_regions)
        self.parts.addWidget(heading("Region"))
        self.parts.addWidget(self.list)
        tools = [
            button(name, f"Draw a region: {tool}", lambda _=False, tool=tool: self._draw(tool))
            for name, tool in TOOLS.items()
        ]
        self.delete = button("Delete", "Delete the chosen regions", self._delete)
        self.parts.addLayout(row(*tools, self.delete))
        self.annotations = AnnotationsBox(self.session)
        self.parts.addWidget(self.annotations)
        self.fragile = FragilePlaces(self.session)
        self.parts.addWidget(self.fragile)

    def _fill_perturbation(self) -> None:
        self.kind = QComboBox()
        self.kind.setToolTip("Kind of perturbation")
        self.kind.setMinimumWidth(80)
        self.kind.currentIndexChanged.connect(lambda: self.bench.perturbing.choose(self.kind.currentData()))
        self.summary = words(faint=True)
        self.budget = NumberControl(BUDGET, percent=True)
        self.budget.turned.connect(self._set_budget)
        self.budget.refused.connect(self.session.jobs.failed)
        self.thermal = words(faint=True)
        self.further = FurtherBudgets()
        self.further.turned.connect(self._set_further)
        self.further.refused.connect(self.session.jobs.failed)
        self.effort = QButtonGroup(self)
        buttons = []
        for name, steps in EFFORT.items():
            one = button(
                f"{name} {steps}", f"{steps} gradients of the reconstruction", self._set_effort, checkable=True
            )
            self.effort.addButton(one, steps)
            buttons.append(one)
        self.effort_row = [*buttons]
        self.place = button(
            "Click in the image to place it", "The next click puts the feature there", self._place, checkable=True
        )
        self.folded = QVBoxLayout()
        self.run = button("Run", "Search for the perturbation; the picture shows the worst so far", self._run)
        self.parts.addWidget(heading("Perturbation"))
        self.parts.addWidget(self.kind)
        self.parts.addWidget(self.summary)
        self.parts.addWidget(self.budget)
        self.parts.addWidget(self.thermal)
        self.parts.addWidget(self.further)
        self.parts.addLayout(row(*buttons))
        self.parts.addWidget(self.place)
        self.parts.addLayout(self.folded)
        self.parts.addWidget(self.run)

    def _fill_result(self) -> None:
        self.curve = Curve()
        self.over_budgets = BudgetCurve()
        self.over_budgets.chosen.connect(self.bench.perturbing.look_at)
        self.replay = QSlider(Qt.Orientation.Horizontal)
        self.replay.setRange(0, _FRACTIONS)
        self.replay.setToolTip("The same perturbation at every smaller budget, from 0 to what was found")
        self.replay.valueChanged.connect(lambda value: self.session.look(factor=value / _FRACTIONS, random=False))
        self.replayed = words()
        self.spent = words(faint=True)
        self.parts.addWidget(self.curve)
        self.parts.addWidget(self.over_budgets)
        self.parts.addWidget(self.replayed)
        self.parts.addWidget(self.replay)
        self.parts.addWidget(self.spent)
        self.study = StudyPanel(self.session)
        self.parts.addWidget(Fold("Study this further", self.study))

    # ---------------------------------------------------------------- regions

    def _list_regions(self) -> None:
        index = self.bench.acquisition.index
        with signals_blocked(self.list):
            self.list.clear()
            for region in self.bench.regions.on(index):
                item = QListWidgetItem(describe(region))
                item.setData(Qt.ItemDataRole.UserRole, region)
                self.list.addItem(item)
        self.annotations.show_regions()
        self._show_chosen()

    def _show_chosen(self) -> None:
        with signals_blocked(self.list):
            for number in range(self.list.count()):
                item = self.list.item(number)
                item.setSelected(item.data(Qt.ItemDataRole.UserRole) in self.bench.regions.chosen)
        for item in self.list.selectedItems()[:1]:
            self.list.scrollToItem(item)
        self.delete.setEnabled(bool(self.list.selectedItems()))

    def _chosen(self) -> list[Region]:
        return [item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()]

    def _choose_regions(self) -> None:
        self.bench.regions.choose(self._chosen())

    def _draw(self, tool: str) -> None:
        if self.session.panels.shown:
            self.session.panels.drawing.begin(tool)

    def _delete(self) -> None:
        self.bench.regions.remove(self._chosen())

    # ---------------------------------------------------------------- perturbation

    def _on_opened(self) -> None:
        QTimer.singleShot(0, self._show_opened)  # the panels are built in this turn of the event loop

    def _show_opened(self) -> None:
        self.empty.setVisible(not self.bench.acquisition.is_open)
        self.body.setVisible(self.bench.acquisition.is_open)
        if not self.bench.acquisition.is_open:
            self._show_running()
            return
        if not self.kind.count():
            from ...perturbations import registry

            with signals_blocked(self.kind):
                for id in registry.ids():
                    self.kind.addItem(registry.get(id).label, id)
        self.study.list_methods()
        if self.bench.perturbing.kind is None:
            self.bench.perturbing.choose(FIRST_KIND)
        else:
            self._on_kind()
        self._on_measured()

    def _on_measured(self) -> None:
        self._list_regions()
        self._show_thermal()
        self._show_running()

    def _on_kind(self) -> None:
        kind = self.bench.perturbing.chosen
        with signals_blocked(self.kind):
            self.kind.setCurrentIndex(self.kind.findData(kind.id))
        self.summary.setText(kind.summary)
        self.fragile.show_kind()
        names = {knob.name: knob for knob in kind.knobs}
        for one in (self.budget, self.thermal, self.further):
            one.setVisible(kind.needs_budget)
        for one in self.effort_row:
            one.setVisible("steps" in names and names["steps"].default in EFFORT.values())
        self.place.setVisible(set(PLACED) <= set(names))
        self.place.setChecked(False)
        while (item := self.folded.takeAt(0)) is not None:
            item.widget().hide()
            item.widget().deleteLater()
        from ...perturbations.targeted import Targeted  # needs torch, which an empty dock does without

        self.target = TargetPanel(self.session, kind) if isinstance(kind, Targeted) else None
        front = () if self.target is None else tuple(self.target.panel.controls)
        self.options = KnobPanel(knob for knob in kind.knobs if knob.name not in front)
        for panel in (self.options,) if self.target is None else (self.options, self.target.panel):
            panel.turned.connect(lambda values: self._set(**values))
            panel.refused.connect(self.session.jobs.failed)
        if self.target is not None:
            self.folded.addWidget(self.target)
        self.folded.addWidget(Fold("Options", self.options))
        self._show_knobs()

    def _set(self, **values: Any) -> None:
        self.bench.perturbing.set(**values)
        self._show_knobs()

    def _show_knobs(self) -> None:
        perturbing = self.bench.perturbing
        if self.options is not None:
            self.options.set_values({name: perturbing.knobs[name] for name in self.options.controls})
        if self.target is not None:
            self.target.set_values(perturbing.knobs)
        self.budget.set_value(perturbing.budget)
        self._show_thermal()
        self.further.set_budgets(perturbing.further)
        steps = perturbing.knobs.get("steps")
        self.effort.setExclusive(False)
        for one in self.effort.buttons():
            with signals_blocked(one):
                one.setChecked(self.effort.id(one) == steps)
        self.effort.setExclusive(True)

    def _set_budget(self, budget: float) -> None:
        self.bench.perturbing.budget = budget
        self._show_thermal()

    def _set_further(self, budgets: tuple[float, ...]) -> None:
        self.bench.perturbing.further = budgets

    def _show_thermal(self) -> None:
        times = self.bench.perturbing.thermal
        known = "" if math.isnan(times) else f", up to {decimals(times)} × the scan's thermal noise"
        perturbing = self.bench.perturbing
        if perturbing.kind is None:
            return
        whole = perturbing.kind.budget_of(perturbing.knobs)
        self.thermal.setText(f"{percent(perturbing.budget)} of {whole}{known}")
        self.budget.setToolTip(f"Largest perturbation, relative to the norm of {whole}\n{BUDGET.range}")

    def _set_effort(self, checked: bool) -> None:
        if checked:
            self._set(steps=self.effort.checkedId())

    def _place(self, active: bool) -> None:
        self.session.panels.navigation.pick(active)

    def _on_click(self, row_: float, column: float) -> None:
        self.place.setChecked(False)
        self._set(row=row_, column=column)
        self._run()

    def _run(self) -> None:
        self.session.attempt(self.bench.perturbing.run)

    def _show_running(self, _: str = "") -> None:
        for one in (self.run, self.fragile.find):
            one.setEnabled(self.session.jobs.free() and self.bench.acquisition.slice is not None)
        self.study.show_running()

    # ---------------------------------------------------------------- result

    def _on_preview(self, perturbed: "Perturbed") -> None:
        self._show_curve(perturbed)

    def _show_curve(self, perturbed: "Perturbed | None") -> None:
        """The curve of a search within a budget, or of a rotation's angles; a feature's loss is said in words."""
        if perturbed is None:
            self.curve.set_values(())
        elif "curve" in perturbed.details:
            self._show_angles(turned_only(perturbed.details["curve"]))
        elif perturbed.budget.nominal is None:
            self.curve.set_values(())
        elif "reached" in perturbed.details:
            tip = "How much nearer to its target the region is than in the clean image, at each try; 100% is there"
            self.curve.set_values(perturbed.loss, "Way to the target", percent(perturbed.details["reached"]), tip)
        else:
            loss = perturbed.loss
            ratio = f"{max(loss) / loss[0]:.3g} × clean" if loss and loss[0] > 0 else ""
            tip = "What the search makes large on the region, after each step; higher is worse for the reconstruction"
            self.curve.set_values(loss, "Loss on the region", ratio, tip)

    def _show_angles(self, poses: "Sequence[Mapping[str, Any]]") -> None:
        scores = [pose["ssim"] for pose in poses]
        angles = f"SSIM of the region, {poses[0]['angle']:g}° to {poses[-1]['angle']:g}°".replace("-", "−")
        tip = "Of the reconstruction brought back, over the angle by which the object was turned"
        self.curve.set_values(scores, angles, f"{min(scores):.3f} to {max(scores):.3f}", tip)

    def _on_finished(self) -> None:
        result = self.bench.perturbing.result
        perturbed = None if result is None else result.outcome.perturbed
        self.over_budgets.set_result(result)
        self._show_curve(None if self.over_budgets.isVisibleTo(self) else perturbed)
        self.replay.setVisible(result is not None and result.replay is not None)
        show_text(self.spent, "" if result is None else spent(result))
        self.study.show_running()
        self._on_looked()

    def _on_looked(self) -> None:
        result, view = self.bench.perturbing.result, self.session.scene.view
        if result is None or result.replay is None:
            show_text(self.replayed, "")
            return
        with signals_blocked(self.replay):
            self.replay.setValue(round(view.factor * _FRACTIONS))
        nominal = result.outcome.perturbed.budget.nominal or 0.0
        what = "Random noise of the same size" if view.random else f"Budget {percent(view.factor * nominal)}"
        show_text(
            self.replayed, f"{what} of {percent(nominal)}, replayed:" if view.factor < 1 else f"{what}; drag for less:"
        )


def describe(region: Region) -> str:
    """A region as the list shows it: its name and its size in pixels."""
    boxes = [shape for shape in region.roi.shapes if shape.kind == "box"]
    size = f", {boxes[0].height}×{boxes[0].width}" if len(boxes) == len(region.roi.shapes) == 1 else ""
    return f"{region.name}{size}"


def spent(result: Result) -> str:
    """What was found, what became of SSIM, and what it spent: nominal and achieved, per coil, in thermal noise."""
    from ...perturbations import registry

    perturbed, setting = result.outcome.perturbed, result.setting
    budget = perturbed.budget
    whole = registry.get(setting.perturbation).budget_of(setting.perturbation_knobs)
    nominal = "" if budget.nominal is None else f" ({percent(budget.nominal)} of {whole} allowed)"
    samples = "the k-space" if budget.relative_to == "full" else "the sampled k-space"
    least, most = percent(min(budget.per_coil)), percent(max(budget.per_coil))
    coils = f"{least} in every coil" if least == most else f"per coil {least} to {most}"
    scores = result.outcome.comparison.metrics
    before, now = (f"{scores[name]['roi'].ssim:.2f}".replace("-", "−") for name in ("clean", "perturbed"))
    parts = [
        perturbed.statement,
        f"SSIM of the region: {now}, before {before}." if perturbed.judged_by == "clean" else "",
        ""
        if not perturbed.additive
        else f"Spent {percent(budget.achieved)} of {samples}{nominal}; {coils}; "
        f"{decimals(budget.thermal)} × the thermal noise.",
        "" if perturbed.complete else "Cancelled: the best so far.",
    ]
    return " ".join(part for part in parts if part)
