"""The formats that the project opens: a small sound file of each, and all that opening it leads to."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import yaml

from napari_recon_robust.analyses.quality import comparing
from napari_recon_robust.analyses.quality.results import MethodResult, Results
from napari_recon_robust.analyses.quality.table import Table
from napari_recon_robust.cases import record
from napari_recon_robust.cases.making import make_case
from napari_recon_robust.cases.record import Case, load_case, save_case
from napari_recon_robust.cases.replay import measurement_of, replay
from napari_recon_robust.data.measurement import Measurement
from napari_recon_robust.data.roi import ROI
from napari_recon_robust.data.scan import Scan
from napari_recon_robust.ground.errors import ReconRobustError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.io import open_scan
from napari_recon_robust.io.annotations import read_annotations
from napari_recon_robust.io.fastmri import write_fastmri
from napari_recon_robust.io.images import read_image, write_image
from napari_recon_robust.io.masks import read_mask
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.perturbations.outcome import evaluate
from napari_recon_robust.physics.sampling import Sampling
from napari_recon_robust.reader_studies.answers import Answers
from napari_recon_robust.reader_studies.bundle import Bundle
from napari_recon_robust.reader_studies.freezing import freeze
from napari_recon_robust.reader_studies.plan import Plan, read_plan
from napari_recon_robust.reader_studies.planning import described, load
from napari_recon_robust.reader_studies.power import power
from napari_recon_robust.reconstructors import registry
from napari_recon_robust.simulation import anatomy, dicom
from napari_recon_robust.simulation.acquisition import simulate_slice
from napari_recon_robust.training import run as stepping
from napari_recon_robust.training import schedule
from napari_recon_robust.training.bank import Bank, Record, build_bank
from napari_recon_robust.training.bank_specification import BankSpecification
from napari_recon_robust.training.case import calibrated
from napari_recon_robust.training.contents import Acquisition
from napari_recon_robust.training.example import draw_example
from napari_recon_robust.training.log import Log, LogLine
from napari_recon_robust.training.recipe import load_recipe, make_network
from napari_recon_robust.training.resuming import find_checkpoint
from napari_recon_robust.training.sources import Origin
from napari_recon_robust.weights import store
from napari_recon_robust.window.reader import get_reader
from napari_recon_robust.workbench.reading import Reading

from . import studies
from .studies import each

SEEDS = Path(__file__).parent / "seeds"
STORED = Path(__file__).parents[1] / "golden" / "inputs"
SLICES, COILS, ROWS, COLUMNS = 2, 4, 16, 18


def _nothing(opened: Any) -> None:
    """For what is read as a whole."""


@dataclass(frozen=True)
class Format:
    """write: a sound file, or several, into a folder; returns what is opened. use: what follows upon opening.

    seal: makes checks of the whole fit again, so that a change gets behind them. forks: whether processes may be forked
    after it was opened; the threads of polars and Dask, which make it slow besides, do not survive that. unlike: kinds
    of mutations that are no fault of it. only: the kinds that it is for, all by default.
    """

    name: str
    write: Callable[[Path], Path]
    open: Callable[[Path], Any]
    use: Callable[[Any], None] = _nothing
    seal: Callable[[Path], None] = _nothing
    forks: bool = True
    unlike: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


# Scans


@cache
def measurement() -> Measurement:
    """A small slice, fully sampled, of a disc."""
    row, column = np.mgrid[-1 : 1 : 1j * ROWS, -1 : 1 : 1j * COLUMNS]
    image = 1.0 * (np.hypot(row, column) < 0.8) + 0.3 * (np.hypot(row - 0.2, column) < 0.3)
    made = simulate_slice(image, np.random.default_rng(0), coils=COILS, noise_level=0.01)
    whole = torch.ones(1, COLUMNS, dtype=torch.bool)
    return Measurement(made.kspace, whole, (ROWS, COLUMNS), made.kspace)


@cache
def undersampled() -> Measurement:
    """Every other line, and eight in the centre, with its calibration."""
    full = measurement()
    mask = torch.zeros(1, COLUMNS, dtype=torch.bool)
    mask[:, ::2] = mask[:, 5:13] = True
    one = Measurement(full.kspace * mask, mask, full.matrix, full.full)
    return Measurement(one.kspace, mask, one.matrix, one.full, one.calibration)


def kspace() -> np.ndarray:
    """Complex64 (slices, coils, rows, columns)."""
    one = measurement().kspace.numpy()
    return np.stack([one * (1 + number) for number in range(SLICES)])


def _fastmri(folder: Path) -> Path:
    path = folder / "scan.h5"
    images = np.ones((SLICES, ROWS, COLUMNS), np.float32)
    attributes = {"acquisition": "AXT2", "patient_id": "0" * 64}
    mask = np.ones(COLUMNS, bool)
    write_fastmri(
        path, kspace(), images, encoded_mm=(200, 200, 5), matrix=(ROWS, COLUMNS), attributes=attributes, mask=mask
    )
    _annotations(folder)
    return path


def _ismrmrd(folder: Path) -> Path:
    import ismrmrd

    path = folder / "scan.mrd"
    sizes = f"<matrixSize><x>{ROWS}</x><y>{COLUMNS}</y><z>1</z></matrixSize>"
    extent = "<fieldOfView_mm><x>200</x><y>200</y><z>5</z></fieldOfView_mm>"
    steps = f"<minimum>0</minimum><maximum>{COLUMNS - 1}</maximum><center>{COLUMNS // 2}</center>"
    xml = (
        '<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">'
        "<measurementInformation><protocolName>T2</protocolName></measurementInformation>"
        "<acquisitionSystemInformation><systemFieldStrength_T>3</systemFieldStrength_T></acquisitionSystemInformation>"
        "<experimentalConditions><H1resonanceFrequency_Hz>128000000</H1resonanceFrequency_Hz></experimentalConditions>"
        f"<encoding><encodedSpace>{sizes}{extent}</encodedSpace><reconSpace>{sizes}{extent}</reconSpace>"
        f"<encodingLimits><kspace_encoding_step_1>{steps}</kspace_encoding_step_1></encodingLimits>"
        "<trajectory>cartesian</trajectory></encoding></ismrmrdHeader>"
    )
    dataset = ismrmrd.Dataset(str(path), "dataset")
    dataset.write_xml_header(xml.encode())
    noise = np.random.default_rng(0).normal(size=(COILS, 2 * ROWS)).astype(np.float32).view(np.complex64)
    for slice, values in [(-1, noise[..., None]), *enumerate(kspace())]:
        for step in range(values.shape[-1]):
            line = ismrmrd.Acquisition.from_array(np.ascontiguousarray(values[..., step]))
            line.center_sample, line.sample_time_us = ROWS // 2, 5.0
            line.idx.kspace_encode_step_1, line.idx.slice = step, max(slice, 0)
            if slice < 0:
                line.set_flag(ismrmrd.ACQ_IS_NOISE_MEASUREMENT)
            dataset.append_acquisition(line)
    dataset.close()
    return path


def _bart(folder: Path) -> Path:
    sizes = [ROWS, COLUMNS, 1, COILS, *[1] * 9, SLICES, 1, 1]
    (folder / "scan.hdr").write_text(f"# Dimensions\n{' '.join(map(str, sizes))}\n")
    kspace().transpose(3, 2, 1, 0).astype(np.complex64).ravel("F").tofile(folder / "scan.cfl")
    return folder / "scan.cfl"


def _npy(folder: Path) -> Path:
    np.save(folder / "scan.npy", kspace())
    return folder / "scan.npy"


def _open_scan(path: Path) -> Scan:
    get_reader(str(path))  # what napari asks about each file
    return open_scan(path)


def _open_npy(path: Path) -> Scan:
    for axes in (("slice", "coil", "readout", "phase"), ("coils", "phase", "readout"), ("readout", "phase")):
        with suppress(ReconRobustError):
            open_scan(path, axes).close()
    return _open_scan(path)


def _read(scan: Scan) -> None:
    """All slices, up to a few, and what the command line and the window take from them."""
    with scan:
        numbers = [*range(min(len(scan), 2)), len(scan) - 1]
        each(
            lambda: scan.acquired,
            lambda: scan.fully_sampled,
            *(lambda n=n: scan.facts(n) for n in numbers),
            *(lambda n=n: scan.reference(n) for n in numbers),
            *(lambda n=n: scan.kspace(n) for n in numbers),
            lambda: scan.measurement(0),
            lambda: scan.measurement(len(scan) // 2, Sampling(acceleration=2)).acceleration,
        )


# Masks, annotations, images, volumes


def _mask_npy(folder: Path) -> Path:
    np.save(folder / "mask.npy", np.arange(COLUMNS) % 2 == 0)
    return folder / "mask.npy"


def _mask_h5(folder: Path) -> Path:
    with h5py.File(folder / "mask.h5", "w") as file:
        file.create_dataset("mask", data=np.ones((ROWS, COLUMNS), np.float32), chunks=(4, 6), compression="gzip")
    return folder / "mask.h5"


def _annotations(folder: Path) -> Path:
    rows = ("file,slice,study_level,x,y,width,height,label", "scan,0,No,3,3,6,5,Lesion", "scan,1,Yes,,,,,Motion")
    (folder / "scan.csv").write_text(
        "\n".join((*rows, 'other,1,No,2,2,2,2,"Lesion, small"', "scan,1,No,1,1,4,4,é")) + "\n"
    )
    return folder / "scan.csv"


def _read_annotations(path: Path) -> None:
    each(lambda: read_annotations(path, "scan.h5", ROWS), lambda: read_annotations(path, "scan", ROWS, COLUMNS))


def _image(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"image{suffix}"
        write_image(path, measurement().kspace[0].abs().to(torch.complex64), (1.0, 1.0, 5.0))
        return path

    return write


def _nifti(suffix: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        import nibabel

        x, y, z = np.mgrid[-1:1:16j, -1:1:18j, -1:1:14j]
        head = (1000 * (np.sqrt(x**2 + y**2 + z**2) < 0.8)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(head, np.eye(4)), folder / f"head{suffix}")
        return folder / f"head{suffix}"

    return write


def _use_volume(volume: anatomy.Volume) -> None:
    for plane in volume.planes:
        for _ in anatomy.slices(volume, plane, 1, (ROWS, COLUMNS)):
            pass


def _dicom(folder: Path) -> Path:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    series = folder / "series"
    series.mkdir()
    for number in range(8):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = MRImageStorage, ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
        path = series / f"{number}.dcm"
        image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        image.SeriesInstanceUID, image.Modality, image.PatientID = "1.2.3", "MR", "a"
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, float(number)]
        image.PixelSpacing, image.Rows, image.Columns = [1.0, 1.0], 10, 12
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.RescaleSlope, image.RescaleIntercept = 2, 0
        image.PixelData = np.full((10, 12), 100 + number, np.uint16).tobytes()
        image.save_as(path, enforce_file_format=True)
    return series


def _open_series(folder: Path) -> list[anatomy.Volume]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()] if os.path.isdir(folder) else [folder]
    return [dicom.load_series(series) for series in dicom.find_series(filter(dicom.is_dicom, paths))]


# Saved cases


@cache
def case() -> Case:
    """Random noise of two budgets on a small slice, reconstructed by zero filling."""
    roi, method = ROI.box(4, 4, 7, 8), registry.get("zero-filled")
    found = run(perturbations.get("random").run(undersampled(), method, roi, (0.02, 0.01)))
    outcomes = run(evaluate(undersampled(), method, roi, found))
    return make_case(undersampled(), method, roi, outcomes, perturbation="random", source={"slice": 0})


def _case(folder: Path) -> Path:
    return save_case(case(), folder / "case")


def _open_case(path: Path) -> Case:
    get_reader(str(path))
    return load_case(path)


def _use_case(opened: Case) -> None:
    each(lambda: measurement_of(opened), lambda: run(replay(opened)).summary())


def _seal(path: Path) -> None:
    """Give the changed files their hashes, and the description its seal."""
    file = path / record.DESCRIPTION
    if any(
        not (one := path / name).is_file() or one.stat().st_size > 10**8
        for name in (record.DESCRIPTION, record.KSPACE, record.IMAGES)
    ):
        return
    try:
        description = json.loads(file.read_text())
        description["files"] = {name: record.file_hash(path / name) for name in (record.KSPACE, record.IMAGES)}
        description.pop("seal", None)
        description["seal"] = record._seal(description)
        file.write_text(json.dumps(description))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        pass  # then it stays unsealed


# Recipes, banks, checkpoints, weights, tables


def _recipe(folder: Path) -> Path:
    return Path(shutil.copy(STORED / "training" / "recipe.yaml", folder))


def _open_recipe(path: Path) -> None:
    recipe = load_recipe(str(path))
    each(*(lambda name=name: recipe.preset(name) for name in ("here", "further")), lambda: make_network(recipe))


SPECIFICATION = BankSpecification(cases=2, seed=3, coils=(4, 4), matrix=(16, 18), minimum_centre_lines=8)


@cache
def _training_case() -> bytes:
    """A case as a bank keeps it."""
    from safetensors.torch import save

    from napari_recon_robust.physics import fourier

    one = measurement()
    acquired = Acquisition(fourier.ifft(one.kspace, (-2,)), fourier.ifft(one.kspace), 0.01, one.mask[0])
    made = calibrated(acquired, SPECIFICATION, np.random.default_rng(0))
    tensors = {
        name: torch.view_as_real(getattr(made, name)).half().contiguous()
        for name in ("coil_images", "sensitivities", "truth")
    }
    tensors["magnitude"], tensors["acquired"] = made.magnitude.half().contiguous(), made.acquired
    tensors["numbers"] = torch.tensor([made.noise, made.centre_lines], dtype=torch.float64)
    return save(tensors, {"number": "0", "source": "a"})


def _bank(folder: Path) -> Path:
    path = folder / "bank"
    path.mkdir(parents=True)
    origin = Origin(name="a", kind="simulated from NIfTI", sha256="0" * 64, person="a")
    (path / "bank.json").write_text(SPECIFICATION.model_dump_json(indent=1))
    (path / "sources.json").write_text(
        Record(sources=(origin,), validation="of other people").model_dump_json(indent=1)
    )
    for kind in ("case", "validation"):
        for number in range(2):
            (path / f"{kind}-{number:05d}.safetensors").write_bytes(_training_case())
    return path


def _open_bank(path: Path) -> Bank:
    return run(build_bank(SPECIFICATION, path, path))


def _use_bank(bank: Bank) -> None:
    recipe = load_recipe(str(STORED / "training" / "recipe.yaml"))
    each(
        lambda: (bank.drawn, bank.origins, bank.simulated, bank.undersampled),
        bank.ranges,
        lambda: draw_example(bank[0], recipe.masks, 300, np.random.default_rng(0)),
        lambda: draw_example(bank.validation[-1], recipe.masks, 300, np.random.default_rng(0)),
    )


def _checkpoint(folder: Path) -> Path:
    return Path(shutil.copy(STORED / "training" / "checkpoint.pt", folder))


def _restore(path: Path) -> None:
    """As a training goes on from it."""
    recipe = load_recipe(str(STORED / "training" / "recipe.yaml"))
    preset, out, device = recipe.preset("further"), path.parent, torch.device("cpu")
    found = find_checkpoint(recipe, preset, out, schedule.Steps(6), device)
    stepping.Run(recipe, preset, Bank(out), out, device).restore(found)


def _log(folder: Path) -> Path:
    with Log(folder, 0) as log:
        for step in (100, 200, 300):
            log.write(LogLine(step, 0.1, "", 0.5, 0.4, 0.9, 1e-3, 0, 0.1))
    return folder / "log.csv"


def _open_log(path: Path) -> None:
    with Log(path.parent, 200) as log:
        log.write(LogLine(300, 0.1, "decay", 0.5, None, None, 1e-3, 0, 0.1))


def _weights(folder: Path) -> Path:
    shutil.copy(STORED / "weights" / "dagan.safetensors", folder / "model.safetensors")
    (folder / "model.md").write_text("# a card\n")
    return folder / "model.safetensors"


def _published(folder: Path) -> Path:
    return Path(shutil.copy(STORED / "weights" / "published-unet.pt", folder / "unet.pt"))


def _exported(folder: Path) -> Path:
    return Path(shutil.copy(SEEDS / "model.pt2", folder))


def _onnx(folder: Path) -> Path:
    import onnx
    from onnx import TensorProto, helper

    sizes = [1, "rows", "columns", 2]
    graph = helper.make_graph(
        [
            helper.make_node("Add", ["image", "image"], ["twice"]),
            helper.make_node("Mul", ["twice", "half"], ["out"]),
        ],
        "g",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, sizes)],
        [helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5])],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx"
    )
    return folder / "model.onnx"


def _script(folder: Path) -> Path:
    (folder / "model.py").write_text("def reconstruct(k, m, s):\n    return (s.conj() * k).sum(0)\n")
    return folder / "model.py"


def _open_model(path: Path) -> Any:
    each(lambda: store.describe(str(path)) if path.suffix in (".safetensors", ".pt") else None)
    return registry.get(str(path))


def _use_model(model: Any) -> None:
    each(model.fingerprint, lambda: model(undersampled()))


def _table(folder: Path) -> Path:
    path = folder / "table"
    path.mkdir()
    results = Results(path / comparing.RESULTS)
    for number in range(6):
        for method in ("tv", "zero-filled"):
            blank = {"group": "scans", "scan": f"{number:012}", "slice": 0, "pattern": "random", "acceleration": 4.0}
            scores = {"ssim": 0.9, "psnr": 30.0, "nmse": 0.01 * (number + 1), "seconds": 1.0, "made_with": "x"}
            results.add(MethodResult(**blank, **scores, effective=3.5, seed="0", method=method, input=f"{number}"))
    rows = {name: {"parameters": 3, "megabytes": 0.1} for name in ("tv", "zero-filled")}
    (path / comparing.DESCRIPTION).write_text(json.dumps({"note": "", **Table(results, rows, "tv").to_json()}))
    return path


def _open_table(path: Path) -> None:
    results = Results(path / comparing.RESULTS)
    table = Table(results, comparing._described(path), "tv")
    each(table.markdown, table.to_json)


# Reader studies


_OF_READING = {
    "title": "A study",
    "arms": [{"name": "clean", "image": "clean"}, {"name": "attacked", "image": "perturbed"}],
    "cases": [{"id": "c0", "saved": "case", "patient": "p0", "lesion": True, "source": "simulation"}],
    "questions": [
        {"id": "sharp", "kind": "likert", "text": "Sharp?", "words": ["no", "yes"], "best": "last"},
        {"id": "lesion", "kind": "lesion", "text": "A lesion?"},
    ],
    "design": {"readers": 2, "repeats": 1},
    "viewing": {"region": True, "modes": ["side"]},
    "endpoint": {"question": "lesion", "measure": "auc", "arms": ["clean", "attacked"], "margin": 0.1},
}


def _reading_plan(folder: Path) -> Path:
    (folder / "plan.yaml").write_text(yaml.safe_dump(_OF_READING))
    return folder / "plan.yaml"


def _use_reading_plan(plan: Plan) -> None:
    each(lambda: load(plan), lambda: described(plan), lambda: power(plan, draws=2))


def _frozen(folder: Path) -> Path:
    with tempfile.TemporaryDirectory() as beside:
        _case(Path(beside))
        return freeze(Plan.model_validate(_OF_READING), folder / "study", beside)


def _answers(folder: Path) -> Path:
    study = _frozen(folder)
    answers = Answers(folder / "answers.sqlite", Bundle(study))
    answers.access.enter(answers.access.invite("R1"))
    answers.consent("R1")
    given = {"sharp": {"level": 1}, "lesion": {"seen": "unsure"}}
    answers.record("R1", answers.place("R1").shown.id, 0, given)  # type: ignore[union-attr]
    answers.close()
    return study


def _open_answers(study: Path) -> None:
    with Answers(study.parent / "answers.sqlite", Bundle(study)) as answers:
        _use_bundle(answers.bundle)
        each(answers.verify, answers.rows, answers.access.uninvited, lambda: answers.place("R1"))
        each(lambda: Reading(answers, "R1").go_on())


def _use_bundle(bundle: Bundle) -> None:
    each(bundle.unsealed, *(lambda one=one: bundle.image(one.images[0], one) for one in bundle.shown))


def _reseal(study: Path) -> None:
    """Give the manifest the hashes of the files as they are."""
    manifest = study / "manifest.json"
    if not all(one.is_file() and one.stat().st_size < 10**8 for one in study.iterdir()):
        return
    try:
        values = json.loads(manifest.read_text())
        for name in values["files"]:
            values["files"][name] = hashlib.sha256((study / name).read_bytes()).hexdigest()
        manifest.write_text(json.dumps(values))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return


def _of_study(name: str, write: Callable[[Path], Path], *steps: Callable[[Any], Any]) -> Format:
    """Its scans are read whole for their identity, gigabytes too."""
    return Format(name, write, *steps, forks=False, unlike=("sparse",))


FORMATS = {
    one.name: one
    for one in (
        Format("fastmri", _fastmri, _open_scan, _read),
        Format("ismrmrd", _ismrmrd, _open_scan, _read),
        Format("bart", _bart, _open_scan, _read),
        Format("npy", _npy, _open_npy, _read),
        Format("mask-npy", _mask_npy, read_mask),
        Format("mask-h5", _mask_h5, read_mask),
        Format("annotations", _annotations, _read_annotations),
        Format("image-npy", _image(".npy"), read_image),
        Format("image-h5", _image(".h5"), read_image),
        Format("image-png", _image(".png"), read_image),
        Format("image-nii", _image(".nii.gz"), read_image),
        Format("nii", _nifti(".nii"), anatomy.load_volume, _use_volume),
        Format("nii-gz", _nifti(".nii.gz"), anatomy.load_volume, _use_volume),
        Format("dicom", _dicom, _open_series),
        Format("case", _case, _open_case, _use_case),
        Format("sealed-case", _case, _open_case, _use_case, _seal),
        Format("recipe", _recipe, _open_recipe),
        Format("bank", _bank, _open_bank, _use_bank),
        Format("checkpoint", _checkpoint, _restore),
        Format("log", _log, _open_log),
        Format("weights", _weights, _open_model, _use_model),
        Format("published", _published, _open_model, _use_model),
        Format("pt2", _exported, _open_model, _use_model),
        Format("onnx", _onnx, _open_model, _use_model),
        Format("py", _script, _open_model, _use_model),
        Format("table", _table, _open_table),
        Format("reading-plan", _reading_plan, read_plan, _use_reading_plan),
        Format("frozen", _frozen, Bundle, _use_bundle),
        Format("sealed-frozen", _frozen, Bundle, _use_bundle, _reseal),
        Format("answers", _answers, _open_answers),
        _of_study("plan", studies.plan(_fastmri, (_script, _onnx)), studies.open_plan, studies.use_plan),
        _of_study("store", studies.store, studies.open_store, studies.use_store),
        _of_study("study-table", studies.table, Path, studies.use_table),
        Format("study-figures", studies.table, Path, studies.draw_table, forks=False, only=("parquet",)),
        _of_study("cluster", studies.cluster, studies.open_cluster),
    )
}
