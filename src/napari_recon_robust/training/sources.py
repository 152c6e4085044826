"""The sources of cases in a folder (`files`), whom they show, and who is held out."""

import filecmp
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field

from ..cases.record import file_hash
from ..ground.documents import read_json
from ..ground.errors import InputError
from ..ground.guard import is_file, opening, shown
from ..ground.progress import Job, Progress
from ..ground.specification import Specification
from ..simulation import dicom
from .contents import Content
from .files import find_files, patient_of, voxels_of
from .people import Split, Use, check_apart

PACKED = "packed.json"  # in a folder that was unpacked
_FEW_SLICES = 8  # volumes and scans with fewer count less
_NAMED = 3  # files in a notice


class Origin(Specification):
    """Where cases come from, as a bank records it.

    name: that of the file, or of the first file. sha256: that of the file, or of all files one after the other. person:
    whom it shows. licence: empty if the list of people does not give it.
    """

    name: str
    kind: str
    sha256: str
    person: str
    use: Use = "training"
    licence: str = ""


class Packed(Specification):
    """The origins of the volumes in an unpacked folder, by their places there."""

    origins: dict[str, Origin] = Field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Source:
    """A content that cases are drawn from, its origin, and its place: folders below that of the data, and the name."""

    content: Content
    origin: Origin
    parts: tuple[str, ...] = ()

    @property
    def weight(self) -> float:
        """How often it is drawn, relative to others: like the root of its pixels, and less if it has few slices."""
        return float(self.content.pixels**0.5 * min(1.0, self.content.slices / _FEW_SLICES))

    def kept_for(self, use: Use) -> "Source":
        """The same source for another use."""
        return replace(self, origin=self.origin.model_copy(update={"use": use}))


def find_sources(data: Path, split: Split | None = None, undersampled: bool = False) -> Job[list[Source]]:
    """All sources for training or validation in a folder and its subfolders.

    undersampled: whether scans may be undersampled. Notices name the files that are held out, and what `split` holds
    out by a name that none has.

    Raises InputError if there are none, if a file cannot be used for training, and if a person has files of two uses,
    by a file's name, by the patient in it, or by its content, held-out files included; FileFormatError for a file that
    cannot be read.
    """
    split = split or Split()
    found, held_out = yield from find_files(data, split)
    if held_out:
        yield Progress(0.0, f"left out, as the recipe says: {named(path.name for path in held_out)}", notice=True)
    files = [*held_out, *(path for one in found for path in one.files)]
    if unmet := split.unmet([path.relative_to(data).parts for path in files]):
        words = f"no file or folder in {shown(data)} begins with {named(unmet)}"
        yield Progress(0.0, f"{words}, which the recipe excludes or keeps for validation", notice=True)
    if not found:
        raise InputError(
            f"{shown(data)} holds nothing to train on; give a folder with NIfTI volumes, DICOM series of "
            f"{dicom.FEWEST} or more images, or fully sampled multi-coil k-space in HDF5 (fastMRI, M4Raw, ISMRMRD)."
        )
    packed = packed_origins(data)
    sources = []
    shown_by: dict[str, str] = {}
    people: dict[Path, str] = {}
    for number, one in enumerate(found):
        first = one.files[0]
        yield Progress(number / len(found), f"reading {first.name}, {number + 1} of {len(found)}")
        content = one.read(undersampled)
        person, digest = split.person(one.parts, content.patient), file_hash(*one.files)
        origin = Origin(
            name=first.name,
            kind=content.kind,
            sha256=digest,
            # The same file twice shows one person, and so does a volume that is there with and without compression.
            person=shown_by.setdefault(content.values or digest, person.id),
            use=one.use,
            licence=person.licence,
        )
        if (place := "/".join(one.parts)) in packed:
            origin = packed[place].model_copy(update={"use": origin.use})
        sources.append(Source(content, origin, one.parts))
        people |= dict.fromkeys(one.files, origin.person)
    origins = [source.origin for source in sources]
    check_apart((origin.sha256, origin.name, origin.use) for origin in origins)
    check_apart(
        [
            *((origin.person, origin.name, origin.use) for origin in origins),
            *_people_of(held_out, data, split, people, shown_by),
        ]
    )
    return sources


def named(names: Iterable[str]) -> str:
    """The first of some names, and how many others there are."""
    names = list(names)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")


def _people_of(
    held_out: Iterable[Path], data: Path, split: Split, people: Mapping[Path, str], shown_by: Mapping[str, str]
) -> Iterator[tuple[str, str, Use]]:
    """The person, name and use of held-out files: by the patient in them, the bytes of a file, or a volume's voxels."""
    by_size: dict[int, list[Path]] = {}
    for path in people:
        by_size.setdefault(path.stat().st_size, []).append(path)
    for path in held_out:
        yield split.person(path.relative_to(data).parts, patient_of(path)).id, path.name, "test"
        for other in by_size.get(path.stat().st_size, ()):
            if filecmp.cmp(path, other, shallow=False):
                yield people[other], path.name, "test"
        if person := shown_by.get(voxels_of(path)):
            yield person, path.name, "test"


def packed_origins(data: Path) -> dict[str, Origin]:
    """The origins of the volumes by their places, if a folder was unpacked; FileFormatError for a damaged list."""
    file = data / PACKED
    if not is_file(file):
        return {}
    with opening(file, "a list of origins", "unpack the volumes again"):
        return Packed.model_validate(read_json(file)).origins
