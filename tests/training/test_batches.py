"""Examples that a GPU computes together: what they cost is the mean of what each costs."""

import itertools
import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.progress import run
from napari_recon_robust.physics.sampling import Pattern
from napari_recon_robust.training.bank import Bank
from napari_recon_robust.training.batches import compute_like, draw_batch, joined, moved
from napari_recon_robust.training.drawing import Drawing, Draws
from napari_recon_robust.training.example import Example, MaskSpecification, draw_example, measured
from napari_recon_robust.training.loop import load_recipe, make_network, train
from napari_recon_robust.training.losses import make_loss
from napari_recon_robust.training.trial import check_loss

BATCHED = ("cascade-net", "hqs-supervised", "irim", "unet", "unrolled-gd", "unrolled-hqs", "varnet")


@pytest.fixture(scope="module")
def examples(bank: Bank) -> list[Example]:
    columns = bank[0].truth.shape[1]
    alike = itertools.islice((bank[index] for index in bank.of_width(columns)), 3)
    rng = np.random.default_rng(0)
    return [draw_example(case, MaskSpecification(), 24 * columns, rng) for case in alike]


@pytest.mark.parametrize("id", BATCHED)
def test_the_loss_of_a_batch_and_its_gradient_are_the_means_of_its_examples(id: str, examples: list[Example]) -> None:
    recipe = load_recipe(id)
    network = make_network(recipe)
    for parameter in network.parameters():  # corrections begin at zero
        parameter.data += 0.02 * torch.randn(
            parameter.shape, generator=torch.Generator().manual_seed(parameter.numel())
        )
    loss = make_loss(recipe.loss, recipe.seed)

    def of(example: Example) -> tuple[float, torch.Tensor]:
        network.zero_grad()
        # oneDNN rounds a batch otherwise than its examples; on some processors a unit of the U-Net's is at its kink
        with torch.backends.mkldnn.flags(enabled=False):
            value = loss(network, example, np.random.default_rng(3))
            value.backward()
        gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
        return float(value.detach()), torch.cat(gradients)

    values, gradients = zip(*(of(example) for example in examples), strict=True)
    value, gradient = of(joined(examples))
    expected = torch.stack(gradients).mean(0)
    assert value == pytest.approx(np.mean(values), rel=1e-4)
    assert float((gradient - expected).norm() / expected.norm()) < 1e-2


@pytest.mark.parametrize("patterns", [("equispaced", "magic"), ("random", "poisson-disc"), ("poisson-disc",)])
def test_a_batch_holds_examples_of_one_width_with_masks_of_their_own(bank: Bank, patterns: tuple[Pattern, ...]) -> None:
    masks = MaskSpecification(patterns=patterns)
    kinds = set()
    for seed in range(6):
        batch = draw_batch(bank, masks, 2048, 4, np.random.default_rng(seed))
        size = batch.truth.shape[-2:]
        assert batch.problem.data.shape[0] == 4
        assert batch.problem.data.shape[-2:] == size == batch.inside.shape[-2:]
        again = batch.problem.model.forward(batch.truth)  # the masks fit the data
        sampled = batch.problem.model.mask
        assert float((sampled * (again - batch.problem.data)).norm() / batch.problem.data.norm()) < 0.5
        assert not torch.equal(sampled[0], sampled[1]) or not torch.equal(sampled[0], sampled[2])
        kinds.add(batch.problem.model.dims)
    assert kinds <= {(-1,), (-2, -1)}
    assert ((-2, -1) in kinds) == ("poisson-disc" in patterns)


def test_a_batch_has_only_cases_that_are_of_one_width_now(bank: Bank, tmp_path: Path) -> None:
    """Cases are replaced while a network trains."""
    for path in (*bank.paths, *bank.validation.paths):
        shutil.copy(path, tmp_path)
    cases = Bank(tmp_path)
    widths = [case.truth.shape[1] for case in cases]
    other = next(n for n, width in enumerate(widths) if width != widths[0])
    assert 0 in cases.of_width(widths[0])
    shutil.copy(cases.paths[other], cases.paths[0])
    os.utime(cases.paths[0], ns=(1, 1))
    assert 0 not in cases.of_width(widths[0])
    assert 0 in cases.of_width(widths[other])


def test_coils_that_received_nothing_change_no_image(examples: list[Example]) -> None:
    few = examples[0].problem
    more = joined([examples[0], max(examples[1:], key=lambda one: len(one.problem.data))]).problem
    network = make_network(load_recipe("varnet")).eval()
    with torch.no_grad():
        for learned in (False, True):
            image, batch = network(few, learned=learned), network(more, learned=learned)
            assert float((batch[0] - image).norm() / image.norm()) < 1e-3


def test_what_a_loss_computes_of_a_problem_is_computed_beforehand_and_travels(examples: list[Example]) -> None:
    recipe = load_recipe("hqs-supervised")
    used = check_loss(recipe)
    for example in examples:
        compute_like(example, used)
    batch = moved(joined(examples), torch.device("cpu"))
    assert "inside" in batch.__dict__
    aligned = batch.problem.aligned[0]
    for problem in (batch.problem, aligned):
        before = dict(problem.starts)
        assert problem.tv_by_rule(problem.noise) is before[next(iter(before))]
    fresh = joined([replace(example, problem=replace(example.problem)) for example in examples]).problem
    assert float((fresh.tv_by_rule(fresh.noise) - batch.problem.tv_by_rule(fresh.noise)).norm()) < 1e-3


@pytest.mark.parametrize("pattern", ["equispaced", "poisson-disc"])
def test_padding_of_one_example_is_told_from_what_another_has_measured(bank: Bank, pattern: str) -> None:
    columns = bank[0].truth.shape[1]
    case = bank[next(iter(bank.of_width(columns)))]
    masks = [MaskSpecification(patterns=(pattern,), padded=share) for share in (1.0, 0.0)]
    examples = [draw_example(case, one, 24 * columns, np.random.default_rng(5)) for one in masks]
    found = measured(joined(examples).problem)
    for number, example in enumerate(examples):
        rows = example.problem.data.shape[-2]
        alone = measured(example.problem)
        assert torch.equal(found[number, 0].expand(rows, -1), alone.expand(rows, -1))
    assert not torch.equal(measured(examples[0].problem), examples[0].problem.model.mask)


@pytest.mark.thorough
def test_processes_draw_the_same_examples(bank: Bank) -> None:
    draws = Draws(bank, load_recipe("unet"), 2)
    drawing = Drawing(draws, 2)
    with closing(drawing):
        for number in (0, 1, 2, 7, 8):  # a jump, as a run that goes back to its checkpoint makes one
            assert torch.equal(drawing[number].truth, draws[number].truth)


@pytest.mark.thorough
def test_a_damaged_case_is_told_by_processes_too(bank: Bank, tmp_path: Path) -> None:
    for path in bank.paths:
        (tmp_path / path.name).write_bytes(path.read_bytes()[:1000])
    drawing = Drawing(Draws(Bank(tmp_path), load_recipe("unet"), 2), 1)
    with (
        closing(drawing),
        pytest.raises(InputError, match="^[^\\n]*; delete it and start the training again: it is made again.$"),
    ):
        drawing[0]


@pytest.mark.parametrize("id", BATCHED)
def test_presets_with_batches_are_those_of_networks_that_take_them(id: str) -> None:
    """Also where some examples have sampled lines and others sampled points."""
    preset = load_recipe(id).preset("gpu")
    assert preset.batch > 1
    check_loss(load_recipe(id), (), preset)


@pytest.mark.parametrize("id", ["hyperrecon", "posterior"])
def test_a_network_that_takes_no_batch_is_told_before_cases_are_made(
    id: str, tmp_path: Path, anatomy_folder: Path
) -> None:
    recipe = load_recipe(id)
    preset = recipe.preset("cpu").model_copy(update={"batch": 4, "steps": 1})
    recipe = recipe.model_copy(update={"presets": {"cpu": preset}})
    with pytest.raises(InputError, match="cannot be used on batches; set the preset's batch to 1"):
        run(train(recipe, anatomy_folder, tmp_path / "run"))
    assert not list(tmp_path.iterdir())
