"""One image of a case as a DICOM MR image object; pydicom is an extra.

Source: DICOM PS3.3, A.4 (MR Image), C.7.4.1 (Frame of Reference), C.7.6.2 (Image Plane), C.8.3.1 (MR Image Module),
C.11.1 (Modality LUT).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.window import Window
from ..ground.cached_property import cached_property
from ..ground.errors import InputError, to_install
from .case_images import CaseImage, CaseImages
from .labels import burned_in, warning

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PARTS = 1000  # of the series' brightest value: one unit for all images, of a size that every viewer can window
STEPS = 2**15 - 1  # stored values lie between 0 and this, so that they are right read as signed and as unsigned
_LONG, _TEXT = 64, 1024  # letters that LO and ST have room for


@dataclass(frozen=True, eq=False)
class Series:
    """What the images of a series share; its UID is new.

    input: what tells their samples from others. brightest: the value that is a thousand of their units, in those of the
    scan; name: what that is, in words. reach: the value that the stored numbers reach at least, so that all images have
    one slope.
    """

    input: str
    brightest: float
    name: str
    reach: float = 0.0

    @cached_property
    def uid(self) -> str:
        """The series' own identifier."""
        from pydicom.uid import generate_uid

        return str(generate_uid())

    @classmethod
    def of(cls, shown: CaseImages) -> "Series":
        """That of a case, whose images are in thousandths of its reference's maximum, or else of its clean image's."""
        name = f"{'reference' if shown.has_reference else 'clean image'}'s maximum"
        return cls(shown.case.recipe.input, (float(shown.target.max()) or 1.0) * shown.unit, name)


def mr_image(
    shown: CaseImages, case_image: CaseImage, window: Window, label: bool, series: Series | None = None
) -> bytes:
    """The object as a file, with a new instance and words on what it is, in a new series unless one is given.

    Slope × stored value + intercept is in thousandths of the reference's maximum, or of the series' largest value; the
    intercept is 0 but for signed differences. label: whether the words are in the pixels too, where there are any.
    Raises InputError without pydicom.
    """
    check_installed()
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    dataset = pydicom.Dataset()
    series, number = (Series.of(shown), 1) if series is None else (series, shown.slice + 1)
    _identify(dataset, series, number)
    _describe(dataset, shown, case_image)
    _place(dataset, shown)
    _fill(dataset, shown, case_image, window, label, series)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def check_installed() -> None:
    """Raise InputError without pydicom."""
    try:
        import pydicom  # noqa: F401
    except ImportError:
        raise InputError(f"DICOM needs pydicom; {to_install('dicom')}.") from None


def _identify(dataset: "Dataset", series: Series, number: int) -> None:
    """New UIDs, and a patient and a study that are nobody's: a case holds no identifiers.

    Study and frame of reference follow from the samples, so that viewers link what was made from the same ones.
    """
    from pydicom.uid import MRImageStorage, generate_uid

    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, generate_uid()
    study, frame = (generate_uid(entropy_srcs=[kind, series.input]) for kind in ("study", "frame of reference"))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series.uid
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = frame, ""
    dataset.PatientName, dataset.PatientID = "RESEARCH^NOT A PATIENT", "RESEARCH"
    dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "The case never held identifiers"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.PatientPosition = ""
    dataset.StudyDate = dataset.StudyTime = dataset.StudyID = dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.Laterality = ""
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "MR", 1, number
    dataset.Manufacturer, dataset.ManufacturerModelName = "napari-recon-robust", "recon-robust export"


def _describe(dataset: "Dataset", shown: CaseImages, case_image: CaseImage) -> None:
    """What was done, and what the image is not for."""
    said = warning(case_image)
    marks = f" Marks: {', '.join(case_image.marks)}." if case_image.marks else ""
    kind = f" Perturbation: {shown.kind}." if shown.kind else ""
    dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    dataset.SeriesDescription = said[:_LONG]
    dataset.StudyDescription = "Robustness of MRI reconstruction"
    dataset.DerivationDescription = (
        f"{case_image.title}: {case_image.words}{marks}{kind} Method: {shown.method}. "
        f"Reconstructed from samples with SHA-256 {shown.case.recipe.input}; no source image is known."
    )[:_TEXT]
    dataset.ContentQualification = "RESEARCH"
    dataset.BurnedInAnnotation = "NO"  # of words that identify a patient
    dataset.ScanningSequence, dataset.SequenceVariant = "RM", "NONE"
    dataset.ScanOptions = dataset.MRAcquisitionType = ""
    dataset.RepetitionTime = dataset.EchoTime = dataset.EchoTrainLength = None


def _place(dataset: "Dataset", shown: CaseImages) -> None:
    """The image plane. What is not known must be there all the same, and the comments say that it stands in."""
    voxel = shown.seen_voxel
    row, column, slice = voxel or (1.0, 1.0, 1.0)
    dataset.PixelSpacing = [_decimal(row), _decimal(column)]
    dataset.SliceThickness = _decimal(slice) if voxel else None
    if shown.plane is None:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [0, 0, _decimal(shown.slice * slice)]
        return
    turn, stored = shown.turn, shown.case.matrix
    plane = shown.plane.turned(turn, stored, shown.voxel or (1.0, 1.0, 1.0))
    # First where a row's pixels lead, then where the rows lead.
    dataset.ImageOrientationPatient = [_decimal(x) for x in (*plane.directions.column, *plane.directions.row)]
    dataset.ImagePositionPatient = [_decimal(x) for x in plane.corner(turn.size(stored), (row, column, slice))]


def _fill(
    dataset: "Dataset", shown: CaseImages, case_image: CaseImage, window: Window, label: bool, series: Series
) -> None:
    """Pixels, slope and window; the comments state the unit, the quantisation error, and what is not known."""
    image = shown.turn.shown(case_image.image).astype(np.float64)
    unit = series.brightest / PARTS
    lowest = min(float(image.min()), 0.0)
    slope = float(_decimal(((max(float(image.max()), series.reach) - lowest) or unit) / STEPS / unit))
    intercept = float(_decimal(lowest / unit))
    stored = np.clip(np.rint((image / unit - intercept) / slope), 0, STEPS).astype(np.uint16)
    error = float(np.abs((stored * slope + intercept) * unit - image).max()) / unit / PARTS
    low, high = window.low / unit, window.high / unit
    if label:
        stored = burned_in(stored, case_image, white=min(max(round((high - intercept) / slope), 1), STEPS))
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape  # with rows that a label has added
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelData = stored.tobytes()
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = _decimal(slope), _decimal(intercept), "US"
    # Black is below centre - 0.5 - (width - 1) / 2, white above centre - 0.5 + (width - 1) / 2 (C.11.2.1.2.1).
    dataset.WindowCenter, dataset.WindowWidth = _decimal((low + high + 1) / 2), _decimal(high - low + 1)
    dataset.LossyImageCompression = "00"
    missing = [name for name, known in _known(shown).items() if not known]
    placeholders = f" Not known, and filled with placeholders: {_listed(missing)}." if missing else ""
    dataset.ImageComments = (
        f"{warning(case_image)}.{placeholders} Values (slope x stored + intercept) are "
        f"thousandths of the {series.name}, {unit:.6g} of the scan's units each; the largest quantisation error is "
        f"{error:.2g} of that maximum."
    )


def _known(shown: CaseImages) -> dict[str, bool]:
    """Which parts of the image plane the case knows."""
    plane = shown.plane
    return {
        "pixel spacing": shown.voxel is not None,
        "position": plane is not None and plane.first is not None,
        "orientation": plane is not None,
    }


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _decimal(value: Any) -> str:
    """A number in the 16 letters that DICOM's decimal strings have."""
    return f"{float(value):.9g}"
