"""The parts of the suite by name, in the order in which they are run."""

from __future__ import annotations

from tests.faults.checkers import checkers
from tests.faults.hostile import hostile
from tests.faults.io_errors import io_errors
from tests.faults.kill_parts import kill_at_random, kill_runners, kill_workers
from tests.faults.meanwhile import meanwhile
from tests.faults.names import names
from tests.faults.outputs import outputs
from tests.faults.power import power_loss
from tests.faults.rights import rights
from tests.faults.runner_errors import runner_errors
from tests.faults.table import Part
from tests.faults.two import two_at_once
from tests.faults.undoing import undoing

PARTS: dict[str, Part] = {
    "checkers": checkers,
    "kill-worker": kill_workers,
    "kill-runner": kill_runners,
    "kill-random": kill_at_random,
    "io-errors": io_errors,
    "runner-errors": runner_errors,
    "undo": undoing,
    "two": two_at_once,
    "hostile": hostile,
    "meanwhile": meanwhile,
    "names": names,
    "outputs": outputs,
    "power": power_loss,
    "rights": rights,
}
