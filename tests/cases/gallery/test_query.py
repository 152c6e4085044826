"""Filters and orders."""

from pathlib import Path

import pytest

from napari_recon_robust.cases.gallery.entry import METRICS, GalleryEntry
from napari_recon_robust.cases.gallery.query import DEFAULT_ORDER, ORDERS, Filter, arranged, filter_by, order
from napari_recon_robust.cases.gallery.verdicts import Judgement
from napari_recon_robust.ground.errors import InputError

PATH = Path()
ENTRIES = [
    GalleryEntry("b/case 10", PATH, method="tv", perturbation="fnaf", label="White lesion", metrics={"ssim": 0.9}),
    GalleryEntry("b/case 9", PATH, method="unet", perturbation="worst-case", metrics={"ssim": 0.5, "change": 0.25}),
    GalleryEntry(
        "a",
        PATH,
        method="hqs-net-from-tv",
        perturbation="worst-case",
        label="Edema",
        sentence="SSIM fell",
        metrics={"ssim": 0.7, "change": 0.05, "budget": 0.01},
        judgement=Judgement("probably-failure", ("small", "white matter"), "a note"),
    ),
    GalleryEntry("broken", PATH, damage="case.json was altered"),
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["b/case 10", "b/case 9", "a", "broken"]),
        ("method:tv", ["b/case 10"]),
        ("method:*tv", ["b/case 10", "a"]),
        ("perturbation:worst-case ssim<0.6", ["b/case 9"]),
        ("ssim<=0.7", ["b/case 9", "a"]),
        ("change>5%", ["b/case 9"]),
        ("change>=5%", ["b/case 9", "a"]),
        ("-change>=5%", ["b/case 10", "broken"]),
        ("label:lesion", ["b/case 10"]),
        ("label:none", ["b/case 9", "broken"]),
        ('tag:"White matter"', ["a"]),
        ("tag:white", []),
        ("tag:none", ["b/case 10", "b/case 9", "broken"]),
        ("verdict:*failure", ["a"]),
        ("-verdict:none", ["a"]),
        ("note:note case:a", ["a"]),
        ("fell", ["a"]),
        ("altered", ["broken"]),
        ('"white les"', ["b/case 10"]),
        ("white lesion", ["b/case 10"]),
        ("-broken -b/case", ["a"]),
        ("Perturbation:WORST-case SSIM<0.6", ["b/case 9"]),
        ("ssim<0,6", ["b/case 9"]),
        ("change>5,5%", ["b/case 9"]),
        ("ssim<0,625", ["b/case 9"]),
    ],
)
def test_all_conditions_of_a_filter_hold(text: str, names: list[str]) -> None:
    assert [entry.name for entry in filter_by(ENTRIES, Filter.parse(text))] == names


def test_while_it_is_typed_a_condition_waits_for_its_value() -> None:
    text = 'method: ssim< -tag: - "'
    assert filter_by(ENTRIES, Filter.parse(text, typing=True)) == filter_by(ENTRIES, Filter.parse(""))


@pytest.mark.parametrize(
    "text",
    [
        "change>",
        "a change>=",
        "-tag:",
        "-",
        "change >5%",
        "change=5%",
        "method=tv",
        "-verdict=miss",
        "method: tv",
        "<0.8",
        "SSIM=0.8",
    ],
)
def test_half_a_condition_is_no_word(text: str) -> None:
    """It passed every case, or was looked for in their names."""
    with pytest.raises(InputError, match="such as change>5% or method:tv"):
        Filter.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("methd:tv", "cannot have methd:"),
        ("ssim:0.8", "ssim:"),
        ("x:", "cannot have x:"),
        ("ssim<x", "give a number"),
        ("change<nan", "give a number"),
        ("thermal>1,000,000", "give a number"),
        ("thermal>-1,000", "can mean -1.000 or -1000; write one of these"),
        ('a -tag:"white matter', 'has -tag:"white matter, where a quote is not closed'),
    ],
)
def test_what_is_no_condition_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Filter.parse(text)


@pytest.mark.parametrize(
    ("name", "reverse", "names"),
    [
        ("change", False, ["b/case 9", "a", "b/case 10", "broken"]),
        ("change", True, ["a", "b/case 9", "b/case 10", "broken"]),
        ("ssim", False, ["b/case 9", "a", "b/case 10", "broken"]),
        ("case", False, ["a", "b/case 9", "b/case 10", "broken"]),
        ("method", False, ["a", "b/case 10", "b/case 9", "broken"]),
        ("label", False, ["a", "b/case 10", "b/case 9", "broken"]),
        ("verdict", False, ["a", "b/case 9", "b/case 10", "broken"]),
        ("tag", True, ["a", "b/case 9", "b/case 10", "broken"]),
    ],
)
def test_cases_are_sorted_and_those_without_a_value_come_last(name: str, reverse: bool, names: list[str]) -> None:
    found = arranged(ENTRIES, Filter.parse(""), order(name), reverse=reverse)
    assert [entry.name for entry in found] == names


def test_every_metric_is_an_order_and_another_name_is_refused() -> None:
    assert METRICS.keys() <= ORDERS.keys()
    assert DEFAULT_ORDER in ORDERS
    with pytest.raises(InputError, match="cannot be sorted by 'size'"):
        order("size")


def test_a_number_of_thousands_of_digits_is_sorted_as_text() -> None:
    long = GalleryEntry("long", PATH, label="7" * 5000)
    found = arranged([long, *ENTRIES], Filter.parse(""), order("label"))
    assert [entry.name for entry in found] == ["long", "a", "b/case 10", "b/case 9", "broken"]
