"""What the window remembers from one session to the next about how a user looks at images; nothing of a scan."""

import json
from typing import Any

from qtpy.QtCore import QSettings


def _settings() -> QSettings:
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-recon-robust", "window")


def recall(name: str, default: Any) -> Any:
    """What was remembered under a name, or the default if there is nothing of its type."""
    try:
        value = json.loads(str(_settings().value(name, "")))
    except ValueError:
        return default
    return value if default is None or isinstance(value, type(default)) else default


def remember(name: str, value: Any) -> None:
    """Remember a value that JSON can hold."""
    _settings().setValue(name, json.dumps(value))
