"""Results: what they print, and that they lie side by side without losing a term."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest

from mmresearch.estimate.result import TIDY, Quantity, Result, Sample, compare, refused


def answer(**changes: object) -> Result:
    row = [["slope", 0.5, 0.1, 5.0, 0.001, 0.3, 0.7]]
    quantity = Quantity("half-life", 12.0, 8.0, 25.0, "bars", "by hand")
    facts = {
        "question": "Does x move y?",
        "equation": r"y = \beta x",
        "unit": "bps per unit",
        "table": pd.DataFrame(row, columns=TIDY),
        "sample": Sample(1200, {"missing returns": 3, "after a gap": 0}, 5),
        "errors": "clustered by day",
        "quantities": {"half-life": quantity},
    }
    return Result(**(facts | changes))


def test_sample_counts_what_was_dropped_and_only_that():
    assert str(answer().sample) == "1,200 rows of 5 days; dropped: 3 missing returns"
    assert str(Sample(7, {}, 1)) == "7 rows of 1 day; dropped: none"
    assert str(Sample(7, {"late": 0}, 2, 3)) == "7 rows of 2 days in 3 series; dropped: none"


def test_quantity_says_its_value_unit_and_interval():
    text = str(Quantity("half-life", 12.0, 8.0, 25.0, "bars", "by hand"))
    assert text == "half-life: 12 bars (95 % interval [8, 25])"


def test_unbounded_interval_is_printed_as_unbounded():
    text = str(Quantity("slope", 1.0, -math.inf, math.inf, "bps", "by hand", level=0.9))
    assert text == "slope: 1 bps (90 % interval (-∞, ∞))"


def test_what_is_not_identified_shows_the_reason_and_never_the_value():
    quantity = Quantity("rho", 0.987, 0.9, math.inf, "", "by hand", False, "a random walk fits")
    assert "not identified, a random walk fits" in str(quantity)
    assert "0.987" not in str(quantity)
    assert "∞" in str(quantity)
    unknown = dataclasses.replace(quantity, low=math.nan, high=math.nan)
    assert str(unknown) == "rho: not identified, a random walk fits"


def test_what_is_refused_for_one_reason_shares_a_line_and_what_has_an_interval_does_not():
    nothing = (math.nan, math.nan, math.nan, "bps", "none", False)
    found = {
        "a": Quantity("a", *nothing, "too few bars"),
        "b": Quantity("b", 1.0, -math.inf, math.inf, "bps", "by hand", False, "a random walk fits"),
        "c": Quantity("c", *nothing, "too few bars"),
    }
    text = str(answer(table=pd.DataFrame(columns=TIDY), quantities=found))
    assert "a, c: not identified, too few bars\n" in text
    assert "b: not identified, a random walk fits; 95 % interval" in text
    assert "Empty DataFrame" not in text


def test_a_p_value_has_no_interval():
    text = str(Quantity("p", 0.03, 0.03, 0.03, "", "by hand"))
    assert text == "p: 0.03"


def test_quantity_escapes_what_a_name_may_hold():
    html = Quantity("a<b", 1.0, 0.0, 2.0, "&", "by hand")._repr_html_()
    assert "a&lt;b" in html
    assert "&amp;" in html


def test_printing_holds_question_table_quantity_sample_errors_and_flags():
    text = str(answer(flags=("few_days",)))
    for part in ("Does x move y?", "slope", "0.5", "half-life: 12", "1,200 rows of 5 days"):
        assert part in text
    assert "errors: clustered by day" in text
    assert "flags: few_days" in text
    assert "flags" not in str(answer())


def test_markdown_for_notebooks_holds_equation_and_table():
    shown = answer()._repr_markdown_()
    assert r"$$ y = \beta x $$" in shown
    assert "<table" in shown
    assert "half-life: 12 bars" in shown


def test_tidy_gives_a_copy():
    result = answer()
    tidy = result.tidy()
    tidy.loc[0, "estimate"] = 99.0
    assert result.table.loc[0, "estimate"] == 0.5


def test_results_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer().unit = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        answer().sample.used = 1


def test_compare_lays_terms_side_by_side_with_blanks_where_there_is_none():
    other = pd.DataFrame([["const", -1.25, 0.5, -2.5, 0.02, -2.25, -0.25]], columns=TIDY)
    hidden = Quantity("half-life", 99.0, 3.0, math.inf, "bars", "by hand", False, "too short")
    second = answer(table=other, quantities={"half-life": hidden}, errors="HC1")
    table = compare({"first": answer(), "second": second})
    assert list(table.columns) == ["first", "second"]
    assert table.loc[("slope", "estimate"), "first"] == "0.5"
    assert table.loc[("slope", "estimate"), "second"] == ""
    assert table.loc[("const", "std. error"), "second"] == "(0.5)"
    assert table.loc[("const", "interval"), "second"] == "[-2.25, -0.25]"
    assert table.loc[("half-life", "bars"), "first"] == "12 [8, 25]"
    assert table.loc[("half-life", "bars"), "second"] == "not identified [3, ∞)"
    assert table.loc[("sample", "rows"), "first"] == "1,200"
    assert table.loc[("errors", ""), "second"] == "HC1"
    assert [key[0] for key in table.index[-3:]] == ["sample", "sample", "errors"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234.5, "1,234"),
        (-0.012345, "-0.01235"),
        (1e-6, "1e-06"),
        (2.5e7, "25,000,000"),
        (2.5e9, "2.5e+09"),
        (math.nan, "-"),
    ],
)
def test_numbers_have_four_digits(value, text):
    row = pd.DataFrame([["x", value, 1.0, 1.0, 1.0, 0.0, 1.0]], columns=TIDY)
    assert compare({"only": answer(table=row)}).loc[("x", "estimate"), "only"] == text


def test_compare_shows_no_interval_where_nothing_is_known():
    nothing = Quantity("half-life", math.nan, math.nan, math.inf, "bars", "by hand", False, "why")
    table = compare({"only": answer(quantities={"half_life": nothing})})
    assert table.loc[("half-life", "bars"), "only"] == "not identified"


def test_a_refusal_has_the_names_of_an_answer_and_no_number():
    meaning = {"alpha": "how much of the spread is news", "half_life": "how long half takes"}
    sample = Sample(0, {"too few": 3}, 0)
    made = refused("Why?", "y = x", unit="bps", sample=sample, reason="3 rows", names=meaning)
    # what the names mean is not their unit
    assert [(q.name, q.unit) for q in made.quantities.values()] == [
        ("alpha", ""),
        ("half_life", ""),
    ]
    assert made.errors == "none: 3 rows"
    assert made.tidy().empty
    assert list(made.tidy()) == TIDY
    more = {"units": {"half_life": "bars"}, "called": {"half_life": "half-life"}, "level": 0.9}
    made = refused(
        "Why?", "y", unit="", sample=sample, reason="3 rows", names=meaning, terms=["rho"], **more
    )
    life = made.quantities["half_life"]
    assert (life.name, life.unit, life.level, life.identified) == ("half-life", "bars", 0.9, False)
    assert life.reason == "3 rows"
    assert made.tidy()["term"].tolist() == ["rho"]
    assert made.tidy().iloc[0, 1:].isna().all()
