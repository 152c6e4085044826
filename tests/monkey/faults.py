"""Whatever goes wrong while the window is used, wherever it is caught: slots, threads, notifications, logs."""

import logging
import sys
import threading
import traceback
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any

from qtpy.QtCore import QtMsgType, qInstallMessageHandler

import napari_recon_robust

SOURCE = Path(napari_recon_robust.__file__).parent
WORKER = "napari_recon_robust.window.worker"  # which logs what a job raised that is not said in a sentence of ours
# Of Qt's warnings those that say that an object is used wrongly, or after its end.
QT_FAULTS = ("QObject::", "QPainter::", "QWidget::", "QLayout::", "QThread:", "QBasicTimer::")

# What napari's own keys say of their own, as its key of the grid where one panel is shown.
OF_NAPARI = ("Grid stride is too large",)


class Faults(logging.Handler):
    """Collects faults while it is entered. found: a text for each, its traceback first."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.found: list[str] = []

    def __enter__(self) -> "Faults":
        self._hooks = sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning
        sys.excepthook = self._on_error
        sys.unraisablehook = lambda raised: self._on_error(raised.exc_type, raised.exc_value, raised.exc_traceback)
        threading.excepthook = lambda raised: self._on_error(raised.exc_type, raised.exc_value, raised.exc_traceback)
        warnings.showwarning = self._on_warning
        self._qt = qInstallMessageHandler(self._on_qt)
        logging.getLogger().addHandler(self)
        logging.getLogger(WORKER).setLevel(logging.INFO)
        from napari.utils.notifications import notification_manager

        notification_manager.notification_ready.connect(self._on_notification)
        return self

    def __exit__(self, *error: object) -> None:
        from napari.utils.notifications import notification_manager

        notification_manager.notification_ready.disconnect(self._on_notification)
        logging.getLogger().removeHandler(self)
        qInstallMessageHandler(self._qt)
        sys.excepthook, sys.unraisablehook, threading.excepthook, warnings.showwarning = self._hooks

    def take(self) -> list[str]:
        """What was found since the last time."""
        found, self.found = self.found, []
        return found

    def emit(self, record: logging.LogRecord) -> None:
        """A log of ours, or an error that anybody logs."""
        if record.levelno >= logging.ERROR or record.name == WORKER:
            error = record.exc_info[1] if record.exc_info else None
            self.found.append(f"logged: {record.getMessage()}\n{'' if error is None else told(error)}")

    def _on_error(self, kind: Any, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self.found.append(told(error))

    def _on_warning(self, message: Warning | str, category: Any, file: str, line: int, *_: object) -> None:
        if Path(file).is_relative_to(SOURCE):
            self.found.append(f"{category.__name__} at {place(file, line)}: {message}")

    def _on_qt(self, kind: QtMsgType, _: object, message: str | None) -> None:
        text = message or ""
        if kind in (QtMsgType.QtCriticalMsg, QtMsgType.QtFatalMsg) or text.startswith(QT_FAULTS):
            self.found.append(f"Qt: {text}")

    def _on_notification(self, notification: Any) -> None:
        by_napari = str(notification.message).startswith(OF_NAPARI)
        if str(notification.severity) in ("error", "warning") and not by_napari:
            raised = getattr(notification, "exception", None)
            self.found.append(f"notified: {notification.message}\n{'' if raised is None else told(raised)}")


def told(error: BaseException) -> str:
    """An error with its traceback."""
    return "".join(traceback.format_exception(error)).strip()


def place(file: str, line: int | None) -> str:
    path = Path(file)
    return f"{path.relative_to(SOURCE) if path.is_relative_to(SOURCE) else path.name}:{line}"
