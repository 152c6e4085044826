from napari_recon_robust.ground.progress import run
from napari_recon_robust.trials.expand import Study
from napari_recon_robust.trials.running import open_study


def opened(write_plan, **parts) -> Study:
    return run(open_study(write_plan(**parts)))


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
