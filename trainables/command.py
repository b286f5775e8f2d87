"""The outer edge of every command line: what users and systems do wrong becomes one sentence and an exit status."""

import argparse
import re
import sys
from collections.abc import Callable
from difflib import get_close_matches
from typing import NoReturn

from typing_extensions import override

from trainables.errors import UserError, one_line
from trainables.inert import inert_line

USER_ERROR, INTERRUPTED = 2, 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the flags in one sentence, as everything else is said."""

    @override
    def error(self, message: str) -> NoReturn:
        wrong = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        near = get_close_matches(wrong[1], self._option_string_actions, n=1) if wrong else []
        hint = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{message}{hint}; see --help.")


def run_command(name: str, command: Callable[[], int], remedy: str) -> int:
    """Runs a command and returns its exit status: 2 for a mistake or a fault of the surroundings, 130 for Ctrl-C.

    Args:
        name: of the command, to begin the sentence with.
        command: what to run; returns an exit status. Whatever it raises that is none of these faults is a bug and is
            passed on.
        remedy: what to do about a disk or a folder that fails.
    """
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character must not end a study.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return command()
    except KeyboardInterrupt:
        return INTERRUPTED
    except UserError as error:
        sentence = str(error)
    except BrokenPipeError:
        # Whoever read the output has gone.
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        sentence = f"{where}{(error.strerror or str(error)).lower()}; {remedy}"
    except (RecursionError, OverflowError, MemoryError) as error:
        sentence = f"what was given is too large or too deeply nested ({one_line(error)}); {remedy}"
    except Exception as error:
        if not _comes_from_a_file(error):
            raise
        sentence = f"a file cannot be read ({one_line(error)}); {remedy}"
    print(f"{name}: {inert_line(sentence)}", file=sys.stderr)
    return USER_ERROR


def _comes_from_a_file(error: Exception) -> bool:
    # Command lines that read nothing must not wait for pyarrow.
    arrow = sys.modules.get("pyarrow")
    return isinstance(error, UnicodeError) or (arrow is not None and isinstance(error, arrow.ArrowException))
