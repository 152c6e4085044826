"""The knobs that stand in front of the others, what they ask for in words, or an image file in their place."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QPushButton, QVBoxLayout, QWidget

from ...controls.knob_panel import KnobPanel
from ...controls.parts import button, file_filter, row, words
from ..session import Session

if TYPE_CHECKING:
    from ...perturbations.base import Perturbation


class FrontPanel(QWidget):
    """The knobs in front are in `panel`; `image` is the button for a kind that accepts an image, else None."""

    def __init__(self, session: Session, kind: "Perturbation") -> None:
        super().__init__()
        self.session, self.kind = session, kind
        self.given = kind.image is not None
        self.panel = KnobPanel(knob for knob in kind.knobs if knob.name in kind.front)
        self.hint = words(faint=True)
        self.image = self._button() if kind.accepts_image else None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.panel)
        column.addLayout(row(self.hint, *([] if self.image is None else [self.image]), stretch=0))

    def _button(self) -> QPushButton:
        if self.given:
            return button("Without image", "Back to the options", self._leave)
        tip = "An image of this slice as a file, such as a saved reconstruction that was painted on"
        return button("Target image…", f"{tip}; only its pixels in the region count", self._open)

    def set_values(self, knobs: Mapping[str, Any]) -> None:
        """Show values without a signal, and which of them count."""
        self.panel.set_values({name: knobs[name] for name in self.kind.front})
        self.panel.grey(knobs)
        self.panel.setEnabled(not self.given)
        self.hint.setText(self.kind.hint(knobs))

    def _leave(self) -> None:
        perturbing = self.session.bench.perturbing
        perturbing.choose(self.kind.id, **perturbing.knobs)

    def _open(self) -> None:
        from ...io import images  # needs torch, which an empty dock does without

        path, _ = QFileDialog.getOpenFileName(self, "Target image", "", file_filter("Images", images.READABLE))
        if path:
            self.session.attempt(lambda: self.session.bench.perturbing.aim(Path(path)))
