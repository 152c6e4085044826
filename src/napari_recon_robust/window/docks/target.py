"""What a targeted perturbation should make of the region: its effect in front, what to draw, or an image as a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from ...controls.knobs import KnobPanel
from ...controls.parts import button, file_filter, row, words
from ..session import Session

if TYPE_CHECKING:
    from ...perturbations.targeted import Targeted

KNOBS = ("effect", "amount", "size")
HINTS = {
    "homogeneous": "The region is to take on its own mean.",
    "brighter": "The region is to get brighter by the amount.",
    "darker": "The region is to get darker by the amount.",
    "lesion": "A soft spot of this size is to appear in the region's middle.",
    "appear": "Outline what is to appear, with the tools above; what surrounds it is to stay.",
    "vanish": "Outline what is to vanish, with some room, by the tools above; it is filled in from what surrounds it.",
}
_USES = {"amount": ("brighter", "darker", "lesion", "appear"), "size": ("lesion",)}


class TargetPanel(QWidget):
    """The knobs of the target in `panel`, in words what they ask for, and a button for an image."""

    def __init__(self, session: Session, kind: "Targeted") -> None:
        super().__init__()
        self.session, self.kind = session, kind
        self.given = kind.image is not None
        self.panel = KnobPanel(knob for knob in kind.knobs if knob.name in KNOBS)
        self.hint = words(faint=True)
        if self.given:
            self.image = button("Without image", "Back to the effect", self._leave)
        else:
            tip = "An image of this slice as a file, such as a saved reconstruction that was painted on"
            self.image = button("Target image…", f"{tip}; only its pixels in the region count", self._open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.panel)
        column.addLayout(row(self.hint, self.image, stretch=0))

    def set_values(self, knobs: Mapping[str, Any]) -> None:
        """Show values without a signal, and which of them count."""
        self.panel.set_values({name: knobs[name] for name in KNOBS})
        self.panel.setEnabled(not self.given)
        for name, effects in _USES.items():
            self.panel.controls[name].setEnabled(knobs["effect"] in effects)
        self.hint.setText("The region is to look like the given image." if self.given else HINTS[knobs["effect"]])

    def _leave(self) -> None:
        perturbing = self.session.bench.perturbing
        perturbing.choose(self.kind.id, **perturbing.knobs)

    def _open(self) -> None:
        from ...io import images  # needs torch, which an empty dock does without

        path, _ = QFileDialog.getOpenFileName(self, "Target image", "", file_filter("Images", images.READABLE))
        if path:
            self.session.attempt(lambda: self.session.bench.perturbing.aim(Path(path)))
