import warnings
from collections import Counter, OrderedDict
from importlib.metadata import EntryPoint

import pytest

from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.ground.registry import Registry
from napari_recon_robust.perturbations import registry as perturbations
from napari_recon_robust.reconstructors import registry as reconstructors


def test_an_unknown_id_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="no reconstructor 'sense'.*cg-sense"):
        reconstructors.get("sense")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("TV", "tv"), ("unett", "unet"), ("cg_sense", "cg-sense"), ("hqs-superviced", "hqs-supervised")],
)
def test_the_id_that_is_meant_is_named(typed: str, meant: str) -> None:
    with pytest.raises(InputError, match=rf"no reconstructor '{typed}'; choose {meant}, or one of zero-filled"):
        reconstructors.get(typed)


@pytest.mark.parametrize("registry", [reconstructors, perturbations])
def test_every_row_of_the_table_loads_and_says_its_own_id(registry: Registry) -> None:
    for id in registry.ids():
        entry = registry.get(id)
        assert entry.id == id
        assert entry.label
        assert entry.summary
        assert registry.get(id) is entry


def test_other_packages_add_theirs_in_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("counter", "collections:Counter", "somewhere")
    found = {"somewhere": [point]}
    monkeypatch.setattr("napari_recon_robust.ground.registry.entry_points", lambda group: found.get(group, []))
    assert Registry("thing", "somewhere", {}).ids() == ["counter"]
    registry: Registry = Registry("thing", "elsewhere", {"own": "module:Class"}, group="somewhere")
    assert registry.ids() == ["own", "counter"]
    assert [registry.lists(id) for id in ("own", "counter", "third")] == [True, True, False]
    assert [registry.ships(id) for id in ("own", "counter", "third")] == [True, False, False]
    assert isinstance(registry.get("counter"), Counter)


@pytest.mark.parametrize("value", ["collections:Nothing", "no.such.module:Class", "collections.abc:Mapping"])
def test_a_broken_package_is_named_and_the_others_work(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended every list of the methods, and the opening of every file: the last one cannot be instantiated."""
    points = [EntryPoint("x", value, ""), EntryPoint("counter", "collections:Counter", "")]
    monkeypatch.setattr("napari_recon_robust.ground.registry.entry_points", lambda group: points)
    registry: Registry = Registry("thing", "elsewhere", {})
    said = rf"the thing 'x' of an installed package \({value}\) cannot be loaded \("
    with pytest.raises(InputError, match=said):
        registry.get("x")
    with pytest.warns(UserWarning, match=said):
        assert list(registry) == [Counter()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is told once
        assert list(registry) == [Counter()]


class Described:
    """An entry of another package that has all words."""

    id, label, summary = "described", "Described", "It has all words."


class Silent:
    """One that lacks two of them."""

    id, label = "silent", None


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("silent", Silent, r"TypeError: it has no label, summary"),
        ("other", Described, r"ValueError: its id is 'described', by which nothing saved with it would be found again"),
    ],
)
def test_an_entry_without_its_words_or_by_another_id_is_named_and_the_others_work(
    name: str, kind: type, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ended `recon-robust methods` in a traceback; a case of the second could not be replayed."""
    monkeypatch.setattr(EntryPoint, "load", lambda point: kind if point.name == name else Described)
    points = [EntryPoint(id, "somewhere:Class", "") for id in (name, "described")]
    monkeypatch.setattr("napari_recon_robust.ground.registry.entry_points", lambda group: points)
    registry: Registry = Registry("thing", "elsewhere", {}, words=reconstructors.registry.words)
    with pytest.raises(InputError, match=rf"the thing '{name}' of an installed package .* cannot be loaded \({said}\)"):
        registry.get(name)
    with pytest.warns(UserWarning, match=said):
        assert [*registry.available()] == ["described"]
    assert {*perturbations.registry.words} == {*reconstructors.registry.words} == {"id", "label", "summary"}


def test_an_entry_whose_id_is_taken_is_left_out_and_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"OrderedDict": "counter", "Counter": "counter", "deque": "mine"}
    points = [EntryPoint(id, f"collections:{name}", "") for name, id in names.items()]
    monkeypatch.setattr("napari_recon_robust.ground.registry.entry_points", lambda group: points)
    registry: Registry = Registry("thing", "collections", {"mine": "abc:Set"})
    with pytest.warns(UserWarning, match="is left out, since another thing has that id") as told:
        assert registry.ids() == ["mine", "counter"]
    named = [str(one.message).partition(" is left out")[0] for one in told]
    assert named == [f"the thing '{names[name]}' of an installed package (collections:{name})" for name in names][1:]
    assert isinstance(registry.get("counter"), OrderedDict)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.ids()


def test_knob_names_are_unique_and_explained() -> None:
    for registry in (reconstructors, perturbations):
        for id in registry.ids():
            knobs = registry.get(id).knobs
            assert len({knob.name for knob in knobs}) == len(knobs)
            assert all(knob.help and knob.label for knob in knobs)


def test_the_conditions_of_knobs_are_values_of_other_knobs() -> None:
    for registry in (reconstructors, perturbations):
        for id in registry.ids():
            knobs = {knob.name: knob for knob in registry.get(id).knobs}
            for knob in knobs.values():
                for name, allowed in knob.only_when:
                    assert name != knob.name
                    assert [knobs[name].parse(value) for value in allowed] == list(allowed)
