import json

import pytest

from tests.benchmarks.pairing import Contender, Sample, Spread, interleave, ratio, show


def test_contenders_take_turns_in_every_round() -> None:
    order: list[tuple[str, int]] = []

    def contender(name: str) -> Contender:
        def run(number: int) -> Sample:
            order.append((name, number))
            return Sample(float(number), bytes=len(name))

        return Contender(name, run)

    samples = interleave([contender("a"), contender("bb")], 3)

    assert order == [("a", 0), ("bb", 0), ("bb", 1), ("a", 1), ("a", 2), ("bb", 2)]
    assert [sample.seconds for sample in samples["a"]] == [0.0, 1.0, 2.0]
    assert {sample.bytes for sample in samples["bb"]} == {2}


def test_a_spread_is_median_and_range() -> None:
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert Spread.of([4.0, 1.0]) == Spread(2.5, 1.0, 4.0)
    assert Spread.of([0.98134]).text() == "0.981 (0.981–0.981)"


def test_a_ratio_is_taken_within_each_round() -> None:
    slow_spell_in_round_two = ratio([2.0, 8.0, 2.0], [1.0, 4.0, 1.0])

    assert slow_spell_in_round_two == Spread(2.0, 2.0, 2.0)
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0], [1.0, 2.0])


def test_json_is_one_line_with_spreads_as_objects(capsys: pytest.CaptureFixture[str]) -> None:
    show("scan", {"files": 3, "seconds": {"walk": Spread(1.0, 0.5, 2.0)}}, ["for people"], as_json=True)

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {
        "benchmark": "scan",
        "files": 3,
        "seconds": {"walk": {"median": 1.0, "low": 0.5, "high": 2.0}},
    }


def test_people_get_the_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show("scan", {"files": 3}, ["for people"], as_json=False)

    assert capsys.readouterr().out == "scan\n  for people\n"
