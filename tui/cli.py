"""The commands of ``imgopt-tui``: thin shells around the engine. Data goes to stdout, everything else to stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.errors import ConfigError, ImgoptError, PlanError
from engine.light import load_asyncio
from engine.settings import Settings
from tui.setting_options import given_settings

if TYPE_CHECKING:
    from engine.folder_settings import FolderSettings
    from engine.layers import Options, Resolved
    from tui.run_output import Output

__all__ = ["COMMANDS", "exit_code", "output_of", "settings_of"]

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_NOTHING = 3


def exit_code(error: ImgoptError) -> int:
    """The exit code of an error that ended a command: 2 for what the user can mend by calling it otherwise."""
    return EXIT_USAGE if isinstance(error, ConfigError | PlanError) else EXIT_FAILED


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The settings of one invocation, all layers; raises ConfigError."""
    return _resolved(given_settings(arguments)).settings


def _asked(arguments: argparse.Namespace) -> tuple[Settings, FolderSettings]:
    """The settings of one invocation, and what it says of those of single folders; raises ConfigError."""
    from engine.folder_settings import own_settings

    options = given_settings(arguments)
    found = _resolved(options)
    return found.settings, own_settings(options, found)


def _resolved(options: Options) -> Resolved:
    """All layers of one invocation; files that are not used are named. Raises ConfigError."""
    from engine import config
    from engine.escape import escape

    found = config.resolved(options)
    for note in found.notes:
        print(f"imgopt-tui: {escape(note)}", file=sys.stderr)
    return found


def _dashboard(arguments: argparse.Namespace) -> int:
    load_asyncio()
    from tui.start import open_dashboard

    return open_dashboard(arguments.paths, *_asked(arguments), demo=arguments.demo)


def _attach(arguments: argparse.Namespace) -> int:
    load_asyncio()
    from tui.start import open_attached

    return open_attached(arguments.run, settings_of(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from engine.child import LEAST_WORKERS, keep_ahead, start_workers_ahead

    settings, own = _asked(arguments)
    if "-" in arguments.paths:
        from tui.pipe_command import pipe

        return pipe(arguments.paths, settings, dry_run=arguments.dry_run)
    start_workers_ahead(min(settings.workers or LEAST_WORKERS, LEAST_WORKERS))
    load_asyncio()
    try:
        output = output_of(arguments)
        paths, only = _what(arguments)
        if not paths:
            print("imgopt-tui: the list is empty", file=sys.stderr)
            return EXIT_NOTHING
        if arguments.dry_run:
            from tui.dry_run_command import dry_run

            if output.csv or output.on_finish:
                raise PlanError("--csv and --on-finish tell of a run, and --dry-run makes none: leave them out")
            return dry_run(paths, settings, output, own, only)
        from tui.run_command import run

        return run(paths, settings, output, own, only=only)
    finally:
        keep_ahead(0)


def _watch(arguments: argparse.Namespace) -> int:
    from tui.run_output import Output
    from tui.watch_command import watch

    output = Output(as_ndjson=arguments.ndjson, quiet=arguments.quiet, verbose=arguments.verbose)
    return watch(arguments.paths, *_asked(arguments), output)


def _service(arguments: argparse.Namespace) -> int:
    from tui.service_command import make_service

    return make_service(arguments, settings_of(arguments.inner))


def _what(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Roots, none for an empty list, and the images that were listed, none where there is no list; raises PlanError."""
    if arguments.files_from is None:
        if not arguments.paths or arguments.null:
            raise PlanError("run what? Name folders or images, or a list with --files-from (-0 is for such a list)")
        return arguments.paths, []
    from tui.file_list import common_folder, read_list

    listed = read_list(arguments.files_from, zeros=arguments.null)
    return (arguments.paths or [common_folder(listed)]) if listed else [], listed


def output_of(arguments: argparse.Namespace) -> Output:
    """What ``run`` and ``resume`` print."""
    from tui.run_output import Output

    names = ("csv", "quiet", "verbose", "on_finish", "bell")
    how = {name: getattr(arguments, name) for name in names}
    return Output(as_json=arguments.json, as_ndjson=arguments.ndjson, **how)


def _estimate(arguments: argparse.Namespace) -> int:
    from engine.child import LEAST_WORKERS, keep_ahead, start_workers_ahead

    settings, own = _asked(arguments)
    start_workers_ahead(min(settings.workers or LEAST_WORKERS, LEAST_WORKERS))
    try:
        from engine.estimate import Sample
        from tui.estimate_command import show_estimate

        more = {"as_json": arguments.json, "quiet": arguments.quiet}
        return show_estimate(arguments.paths, settings, own, Sample(arguments.sample), **more)
    finally:
        keep_ahead(0)


def _bench(arguments: argparse.Namespace) -> int:
    from tui.bench_command import bench

    how = {"seconds": arguments.seconds, "as_json": arguments.json, "quiet": arguments.quiet}
    return bench(arguments.paths, settings_of(arguments), **how)


def _optimize(arguments: argparse.Namespace) -> int:
    from tui.batch_command import optimize

    return optimize(arguments.input, arguments.output, arguments.settings)


def _optimize_batch(arguments: argparse.Namespace) -> int:
    from tui.batch_command import optimize_batch

    if arguments.workers is not None and not 1 <= arguments.workers <= 256:
        print("imgopt-tui: -j must be from 1 to 256", file=sys.stderr)
        return EXIT_USAGE
    return optimize_batch(arguments.tasks, arguments.workers, quiet=arguments.quiet)


def _ps(arguments: argparse.Namespace) -> int:
    from tui.ps_command import ps

    return ps(arguments)


def _ctl(arguments: argparse.Namespace) -> int:
    from tui.ctl_command import ctl

    return ctl(arguments)


def _stop(arguments: argparse.Namespace) -> int:
    import asyncio

    from engine.runner import attach

    async def stop() -> str:
        view = await attach(arguments.run)
        await view.cancel(now=arguments.now)
        await view.close()
        return view.info.run_id

    run_id = asyncio.run(stop())
    print(f"imgopt-tui: run {run_id} ends {'now' if arguments.now else 'after the images in work'}", file=sys.stderr)
    return 0


def _undo(arguments: argparse.Namespace) -> int:
    from tui.undo_command import undo_run

    more = {"dry_run": arguments.dry_run, "as_json": arguments.json}
    return undo_run(arguments.run, arguments.paths, arguments.places, **more)


def _backups(arguments: argparse.Namespace) -> int:
    from tui.backups_command import backups

    which = {"run": arguments.prune, "older_than": arguments.older_than, "every": arguments.all}
    return backups(arguments.places, **which, yes=arguments.yes, as_json=arguments.json)


def _config(arguments: argparse.Namespace) -> int:
    from tui.config_command import COMMANDS as ACTIONS

    return ACTIONS[arguments.action](arguments)


def _report(arguments: argparse.Namespace) -> int:
    from tui.report_command import report

    return report(arguments)


def _doctor(arguments: argparse.Namespace) -> int:
    from tui.doctor_command import doctor

    return doctor(as_json=arguments.json)


def _schema(arguments: argparse.Namespace) -> int:
    from engine.machine import schema_text

    sys.stdout.write(schema_text())
    return 0


def _completions(arguments: argparse.Namespace) -> int:
    from tui.completions import SCRIPTS
    from tui.spoken import spoken

    sys.stdout.write(SCRIPTS[arguments.shell](spoken()))
    return 0


def _man(_: argparse.Namespace) -> int:
    from tui.man_page import man_page
    from tui.spoken import spoken

    sys.stdout.write(man_page(spoken()))
    return 0


def _history(name: str) -> Callable[[argparse.Namespace], int]:
    def command(arguments: argparse.Namespace) -> int:
        from tui import history_commands

        return history_commands.COMMANDS[name](arguments)

    return command


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "": _dashboard,
    "run": _run,
    "watch": _watch,
    "service": _service,
    "estimate": _estimate,
    "bench": _bench,
    "attach": _attach,
    "ps": _ps,
    "ctl": _ctl,
    "stop": _stop,
    "undo": _undo,
    "backups": _backups,
    **{name: _history(name) for name in ("runs", "status", "resume", "quarantine")},
    "report": _report,
    "doctor": _doctor,
    "schema": _schema,
    "optimize": _optimize,
    "optimize-batch": _optimize_batch,
    "config": _config,
    "completions": _completions,
    "man": _man,
}
