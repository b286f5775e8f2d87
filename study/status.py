"""Where a study stands, read from its records: python -m study.status STUDY [--watch].

It needs neither Ray nor the machine that runs the study, only the storage.
"""

import sys
import time
from collections.abc import Sequence

from trainables.command import Parser, run_command

_WATCH_SECONDS = 2.0
_READING_SHARE = 0.2
"""Most of the time that watching spends on reading: storage may be far away."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0 shown, 2 no study there."""

    def command() -> int:
        parser = Parser(prog="python -m study.status", description="Shows where a study stands, from its records.")
        parser.add_argument("study", nargs="?", metavar="STUDY", help="its folder (default: the newest in ./studies)")
        parser.add_argument("--watch", action="store_true", help="show it anew until the study has stopped")
        options = parser.parse_args(arguments)
        return _run(options.study, options.watch)

    return run_command("study.status", command, "look at the storage, then ask again.")


def _run(location: str | None, watching: bool) -> int:
    # Imported late: --help must not wait for pyarrow.
    from rich.console import Console
    from rich.live import Live

    from study.status_view import view
    from study.study_folder import newest_study, open_study

    console = Console(markup=False, emoji=False)
    location = location or newest_study()
    study = open_study(location)
    if not watching:
        console.print(view(study, console))
        return 0
    with Live(console=console, auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            study = open_study(location)
            live.update(view(study, console), refresh=True)
            if study.status.state != "running":
                return 0
            time.sleep(max(_WATCH_SECONDS, (time.monotonic() - began) / _READING_SHARE))


if __name__ == "__main__":
    sys.exit(main())
