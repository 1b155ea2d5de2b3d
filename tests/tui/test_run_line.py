"""Promises of the command line that the dashboard shows and copies."""

import shlex
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.settings import SCHEMA, Settings
from tests.engine.test_settings import values_of
from tui.options import parse
from tui.run_line import run_line
from tui.setting_options import given_settings

ASKED = [entry for entry in SCHEMA if entry.section not in ("screen", "watch") and entry.flags]


@settings(max_examples=60)
@given(st.data(), st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1, max_size=3))
def test_the_command_that_is_shown_makes_the_same_run(data: st.DataObject, roots: list[str]) -> None:
    entries = data.draw(st.sets(st.sampled_from(ASKED), max_size=4))
    values: dict[str, Any] = {entry.name: data.draw(values_of(entry)) for entry in entries}
    chosen = Settings(**values)
    arguments = parse(shlex.split(run_line(roots, chosen))[1:])
    given_values = given_settings(arguments).values
    assert Settings().with_values(given_values) == chosen
    assert [path.removeprefix("./") for path in arguments.paths] == [root.removeprefix("./") for root in roots]


def test_defaults_are_not_spelled_out() -> None:
    assert run_line(["/srv/media/2026"], Settings(target_quality=80)) == (
        "imgopt-tui run /srv/media/2026 --target-quality 80"
    )
