"""A user's own model: a file is chosen, or its source is typed."""

from qtpy.QtWidgets import QFileDialog, QLineEdit, QWidget

from ...controls.parts import button, column, file_filter, row
from ..session import Session


class OwnModelBox(QWidget):
    """Opens an own model in the session; hidden until it is asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.source = QLineEdit()
        self.source.setAccessibleName("Own model")
        self.source.setPlaceholderText("file, module:function, or bart: and a command")
        self.source.setToolTip("image = f(kspace, mask, sensitivities): docs/own-models.md")
        self.source.returnPressed.connect(self._open)
        choose = button("File…", "torch.export, ONNX, a fastMRI checkpoint or a Python script", self._browse)
        accept = button("Open", "Open this model and reconstruct with it", self._open)
        column(row(self.source, choose, accept, stretch=0), into=self)
        self.hide()

    def ask(self, shown: bool) -> None:
        """Show the box, or hide it again."""
        self.setVisible(shown)
        self.source.setFocus()

    def _browse(self) -> None:
        from ...own_models.opening import KINDS

        models = f"{file_filter('Models', KINDS)};;All files (*)"
        path, _ = QFileDialog.getOpenFileName(self, "Open an own model", "", models)
        if path:
            self.source.setText(path)
            self._open()

    def _open(self) -> None:
        if self.source.text().strip():
            self.session.open_model(self.source.text().strip())
