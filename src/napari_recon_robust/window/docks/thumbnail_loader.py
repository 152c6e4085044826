"""Thumbnails of cases, loaded or made in a thread: those that were asked for last come first."""

from collections import OrderedDict, deque
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QRect, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPainter, QPixmap

from ...cases.gallery.thumbnails import thumbnail
from ...data.orientation import aspect_of
from ...ground.errors import ReconRobustError
from ...ground.progress import Job, Progress
from ...workbench.task import Task
from ..jobs import Jobs

if TYPE_CHECKING:
    from ...cases.gallery.entry import GalleryEntry

LANE = "thumbnails"
GAP = 2  # pixels between the two pictures
_KEPT, _WANTED = 600, 200  # pictures in memory, and those that wait: what was scrolled past is forgotten

Key = tuple[Path, str]


class ThumbnailLoader(QObject):
    """Loads pictures of one size. Signal: `arrived(paths)`, these cases have to be drawn again."""

    arrived = Signal(object)

    def __init__(self, jobs: Jobs, parent: QObject) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._side, self._ratio = 78, 1.0
        self._pictures: OrderedDict[Key, QPixmap | str] = OrderedDict()
        self._wanted: OrderedDict[Key, GalleryEntry] = OrderedDict()
        self._made: deque[tuple[Key, int, QImage | str]] = deque()  # by the thread

    def set_side(self, side: int, ratio: float) -> None:
        """Ask for pictures of this side, in pixels of the window; `ratio` pixels of the screen make up one of these."""
        if (side, ratio) != (self._side, self._ratio):
            self._side, self._ratio = side, ratio
            self._pictures.clear()
            self._wanted.clear()

    def picture(self, entry: "GalleryEntry") -> QPixmap | str | None:
        """The picture, or why there is none, or None until `arrived` says that it is there."""
        if entry.damage:
            return entry.damage
        key = entry.path, entry.seal
        found = self._pictures.get(key)
        if found is not None:
            self._pictures.move_to_end(key)
            return found
        self._wanted[key] = entry
        self._wanted.move_to_end(key)
        while len(self._wanted) > _WANTED:
            self._wanted.popitem(last=False)
        self._start()
        return None

    def _start(self) -> None:
        if not self._jobs.busy(LANE):
            task = Task("Making thumbnails", self._make(), self._take, preview=self._take)
            self._jobs.latest(task, LANE)

    def _make(self) -> Job[None]:
        """Make pictures, in the thread, until none is wanted any more."""
        while True:
            try:
                key, entry = self._wanted.popitem()
            except KeyError:
                return
            side = round(self._side * self._ratio)
            try:
                made: QImage | str = _drawn(thumbnail(entry), side, entry.voxel)
            except ReconRobustError as error:
                made = str(error)
            except OSError as error:
                made = f"{entry.path.name} cannot be read ({error.strerror})."
            self._made.append((key, side, made))
            yield Progress(0.5, preview=True)

    def _take(self, _: object) -> None:
        """Take what was made so far; the job may have ended just before something else was asked for."""
        if not isalive(self):
            return
        arrived = []
        while self._made:
            key, side, made = self._made.popleft()
            arrived.append(key[0])
            if side != round(self._side * self._ratio):
                continue  # whoever draws it again asks for the other size
            if isinstance(made, QImage):
                made.setDevicePixelRatio(self._ratio)
                self._pictures[key] = QPixmap.fromImage(made)
            else:
                self._pictures[key] = made
        while len(self._pictures) > _KEPT:
            self._pictures.popitem(last=False)
        if arrived:
            self.arrived.emit(arrived)
        if self._wanted:
            self._start()


def _drawn(content: bytes, side: int, voxel: tuple[float, float, float] | None) -> QImage:
    """Draw both halves of a thumbnail beside each other, each in a square, with pixels shaped like the voxels."""
    both = QImage.fromData(content)
    half = both.width() // 2
    size = QSize(1000 * half, round(1000 * both.height() * aspect_of(voxel)))
    size.scale(side, side, Qt.AspectRatioMode.KeepAspectRatio)
    picture = QImage(2 * side + GAP, side, QImage.Format.Format_RGB32)
    picture.fill(QColor("black"))
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    for number in range(2):
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(QRect(number * (side + GAP), 0, side, side).center())
        painter.drawImage(place, both, QRect(number * half, 0, half, both.height()))
    painter.end()
    return picture
