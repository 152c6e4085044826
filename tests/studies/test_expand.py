import json
import shutil
import zipfile
from contextlib import closing
from pathlib import Path

import h5py
import numpy
import pytest
import safetensors.torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.studies.expand import Study
from napari_recon_robust.studies.running import open_study
from napari_recon_robust.studies.shared import OpenScan


def opened(write_plan, **parts) -> Study:
    return run(open_study(write_plan(**parts)))


def test_a_label_is_followed_by_what_varies_alone(write_plan) -> None:
    study = opened(
        write_plan,
        methods=[
            {"method": "tv", "knobs": {"weight": 0.002}, "label": " ours"},
            {"method": "tv", "knobs": {"weight": [0.001, 0.005]}, "label": "theirs"},
            {"method": "tv", "knobs": {"weight": 0.01}, "label": "  "},
        ],
    )
    labels = ["ours", "theirs weight=0.001", "theirs weight=0.005", "tv weight=0.01"]
    assert [one.label for one in study.methods] == labels


def test_a_script_is_labelled_with_and_without_its_default_function_alike(write_plan, tmp_path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text("def reconstruct(image):\n    return image\n", encoding="utf-8")
    plan = write_plan(methods=["a/mine.py:reconstruct", "b/mine.py"])
    assert [one.label for one in run(open_study(plan, trust=True)).methods] == ["mine.py", "mine.py (2)"]


def test_every_combination_is_a_trial_and_controls_follow_their_perturbation(write_plan) -> None:
    study = opened(
        write_plan,
        slices="all",
        regions=["image"],
        masks=[{"acceleration": [2, 3], "seeds": [0, 1]}],
        methods=["zero-filled", {"method": "tv", "knobs": {"weight": [0.001, 0.005]}}],
        perturbations=["none", {"kind": "random", "budgets": [0.01, 0.05]}, {"kind": "rotation"}],
        seeds=[0, 1],
    )
    changes = [(one.kind, one.budget, one.seed, one.control) for one in study.changes]
    assert changes[:3] == [("none", None, 0, False), ("random", 0.01, 0, False), ("random", 0.01, 0, True)]
    assert changes[-2:] == [("rotation", None, 0, False), ("rotation", None, 1, False)]
    assert len(changes) == 1 + 2 * 2 * 2 + 2
    assert [one.label for one in study.methods] == ["zero-filled", "tv weight=0.001", "tv weight=0.005"]
    assert len(study) == 3 * 4 * 3 * 11


def test_shards_hold_each_trial_once_and_split_no_pair(write_plan) -> None:
    study = opened(write_plan, methods=["zero-filled", "tv"], shard=2)
    (group,) = study.groups()
    shards = list(study.shards())
    assert [number for one in shards for number in one.trials] == list(range(len(group)))
    assert len({one.name for one in shards}) == len(shards) > 2
    for one in shards:
        assert not group.trial(one.trials[0]).change.control
        assert study.group(one).trial(one.trials[-1]) == group.trial(one.trials[-1])


def test_the_control_can_be_left_out(write_plan) -> None:
    study = opened(write_plan, control=False)
    assert not any(one.control for one in study.changes)


def test_what_is_found_on_one_method_is_given_to_all_and_seeds_may_be_a_perturbations_own(write_plan) -> None:
    fnaf = {"kind": "fnaf", "knobs": {"algorithm": "random-search"}, "found_on": ["tv", "start"], "seeds": [3, 4]}
    methods = ["zero-filled", "tv", {"method": "cg-sense", "label": "start"}]
    study = opened(write_plan, methods=methods, perturbations=["none", fnaf, "rotation"])
    changes = [(one.kind, one.seed, one.found_on and one.found_on.label) for one in study.changes]
    found = [("fnaf", seed, name) for seed in (3, 4) for name in ("tv", "start")]
    assert changes == [("none", 0, None), *found, ("rotation", 0, None)]
    assert len({trial.id for group in study.groups() for trial in group.trials()}) == 3 * 6


def test_a_trial_without_these_is_the_one_that_it_was(write_plan) -> None:
    """Finished trials of a store are never run again."""
    study = opened(write_plan, perturbations=["rotation"])
    (change,) = study.changes
    assert set(json.loads(change.text)) == {"budget", "control", "kind", "knobs", "seed"}


SCRIPT = "def reconstruct(k, m, s):\n    return {} * k.sum(0)\n"


def _script(folder: Path, name: str, version: int) -> None:
    (folder / name).write_text(SCRIPT.format(version))


def _archive(folder: Path, name: str, version: int) -> None:
    """A program of torch.export with another file in its archive."""
    shutil.copy(Path(__file__).parents[1] / "fuzz" / "seeds" / "model.pt2", folder / name)
    with zipfile.ZipFile(folder / name, "a") as archive:
        archive.writestr(f"model/extra/{version}", "")


def _weights(folder: Path, name: str, version: int) -> None:
    stored = Path(__file__).parents[1] / "golden" / "inputs" / "weights" / "dagan.safetensors"
    tensors = {key: value + version for key, value in safetensors.torch.load_file(stored).items()}
    with safetensors.safe_open(stored, "pt") as one:
        safetensors.torch.save_file(tensors, folder / name, one.metadata())


def _onnx(folder: Path, name: str, version: int) -> None:
    """A network whose factor lies in another file."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    sizes = [1, "rows", "columns", 2]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "factor"], ["out"])],
        "g",
        [helper.make_tensor_value_info("image", kind, sizes)],
        [helper.make_tensor_value_info("out", kind, sizes)],
        [onnx.numpy_helper.from_array(numpy.full(1, version, "f4"), "factor")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / name, save_as_external_data=True, location="numbers.bin", size_threshold=0)


def _read_by_script(folder: Path, name: str, version: int) -> None:
    numpy.save(folder / "gain.npy", numpy.float32(version))
    text = (
        "import pathlib, numpy\ngain = numpy.load(pathlib.Path(__file__).with_name('gain.npy'))\n"
        "def reconstruct(image):\n    return image * float(gain)\n"
    )
    (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "write"),
    [("m.py", _script), ("n.py", _read_by_script), ("m.pt2", _archive), ("m.safetensors", _weights), ("m.onnx", _onnx)],
)
def test_another_version_of_a_model_makes_other_trials(write_plan, tmp_path, name, write) -> None:
    """Also where the model only finds the regions; and a worker does not take it for the version before."""
    write(tmp_path, name, 1)
    fragile = {"kind": "fragile", "count": 1, "side": 8, "method": name}
    path = write_plan(methods=["zero-filled", name], regions=["image", fragile], perturbations=["none"])
    first = run(open_study(path, trust=True))
    worker = OpenScan(first, "cpu")
    found = trials(first)
    worker.method(first.methods[1])
    worker.finder(name)
    assert trials(run(open_study(path, trust=True))) == found
    write(tmp_path, name, 2)
    second = run(open_study(path, trust=True))
    assert {key for key, id in trials(second).items() if id == found[key]} == {("zero-filled", "image")}
    late = OpenScan(first, "cpu")
    with pytest.raises(InputError, match=f"{name} has changed since the study began"):
        late.method(first.methods[1])
    with pytest.raises(InputError, match=f"{name} has changed since the study began"):
        late.finder(name)


def test_weights_without_a_seed_are_named_where_each_opening_has_others(write_plan, tmp_path) -> None:
    (tmp_path / "m.py").write_text(
        "import torch\nnet = torch.nn.Linear(96, 96)\ndef reconstruct(image):\n    return net(image.abs())\n",
        encoding="utf-8",
    )
    study = run(open_study(write_plan(methods=["m.py"]), trust=True))
    with pytest.raises(InputError, match=r"m\.py has changed .* random ones without a seed; .*set a seed"):
        OpenScan(study, "cpu").method(study.methods[0])


def trials(study: Study) -> dict[tuple[str, str], str]:
    """The identities by method and region."""
    return {(one.setting.id, one.region.kind): one.id for group in study.groups() for one in group.trials()}


def test_the_axes_of_an_array_of_matlab_are_those_that_the_plan_names(write_plan, tmp_path) -> None:
    with h5py.File(tmp_path / "raw.mat", "w") as file:
        file["kspace"] = numpy.ones((3, 4, 48, 40), "complex64").T
        file["kspace"].attrs["MATLAB_class"] = numpy.bytes_("single")
    scans = {"files": "raw.mat", "axes": ["slice", "coil", "readout", "phase"]}
    study = opened(write_plan, scans=scans, slices=[0], regions=["image"])
    (facts,) = study.inventory.scans
    assert (facts.slices, facts.matrix) == (3, (48, 40))
    with closing(OpenScan(study, "cpu")) as found:
        assert found.scan(facts).header.coils == 4


@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_the_axes_of_a_raw_array_belong_to_a_trial(write_plan, tmp_path, suffix: str) -> None:
    """Read in another order it is another scan; a file that names its axes is the same whatever the plan says."""
    numpy.save(tmp_path / "raw.npy", numpy.ones((4, 48, 48), "complex64"))
    file = "raw.npy" if suffix == ".npy" else "head.h5"
    ids = []
    for axes in (["coil", "readout", "phase"], ["coil", "phase", "readout"]):
        study = opened(write_plan, scans={"files": file, "axes": axes}, slices=[0], regions=["image"])
        ids.append(set(study.ids()))
    assert ids[0] != ids[1] if suffix == ".npy" else ids[0] == ids[1]
