"""The plugin's page of napari's Preferences, which the manifest describes: read, and followed."""

from typing import Any

from napari.settings import get_plugin_settings, get_settings
from npe2.manifest.schema import discovery_blocked
from qtpy.compat import isalive
from qtpy.QtCore import QObject, QTimer

from ..canvas.layers import Panels
from ..workbench import Workbench
from ..workbench.preferences import COLOURS, Preferences
from .worker import use_threads


class Preferring(QObject):
    """Does what the user prefers, at once where it can. plugin: its name in napari."""

    def __init__(self, plugin: str, bench: Workbench, panels: Panels, parent: QObject) -> None:
        super().__init__(parent)
        self.bench, self.panels = bench, panels
        self._plugin = plugin
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.apply)
        self._begun = False
        get_settings().appearance.events.font_size.connect(self._on_letters)

    def begin(self) -> None:
        """Read the preferences and follow them from now on."""
        if self._begun:
            return
        self._begun = True
        stored = self._stored
        if stored is not None:
            stored.computing.events.connect(self._on_change)
            stored.regions.events.connect(self._on_change)
        self.apply()

    @property
    def _stored(self) -> Any:
        """Napari's settings of the plugin; None where napari did not find its manifest.

        For the first settings napari would read the manifests of all plugins again, a tenth of a second for each 500
        lines; it did when its window began.
        """
        with discovery_blocked():
            return get_plugin_settings().get(self._plugin)

    @property
    def preferences(self) -> Preferences:
        """What is set now."""
        stored = self._stored
        if stored is None:
            return Preferences()
        return Preferences(
            stored.computing.device,
            stored.computing.threads,
            stored.computing.history,
            stored.regions.colour,
            stored.regions.chosen,
        )

    def apply(self) -> None:
        """Do what is preferred."""
        wanted = self.preferences
        self.bench.prefer(wanted)
        use_threads(wanted.threads)
        self.panels.drawing.colour(COLOURS[wanted.regions], COLOURS[wanted.chosen])

    def _on_letters(self) -> None:
        if isalive(self):
            self.panels.lettering.follow()

    def _on_change(self, _: object = None) -> None:
        if isalive(self):
            self._soon.start(0)  # the dialog changes one value after the other
