"""What goes wrong, as exceptions. Each has `field`, the argument to change ("" where it is none), and `advice`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping

from . import _core


class GenesisError(Exception):
    """Of all errors of this package: what was wrong, which argument it concerns, and what to do about it."""

    def __init__(self, message: str, *, field: str = "", advice: str = "") -> None:
        super().__init__(message if not advice else f"{message}; {advice}")
        self.field = field
        self.advice = advice


class ArgumentError(GenesisError, ValueError):
    """An argument or the rows are wrong, and stay wrong."""


class TrainingError(GenesisError):
    """The training failed or was stopped, or there is no trained model yet."""


class RefusedError(GenesisError):
    """The other side, or this site's policy, does not allow it."""


class UnavailableError(GenesisError):
    """The other side could not be reached or took too long; later it may work."""


class FileError(GenesisError):
    """A file or folder is missing, damaged or cannot be written."""


class LimitError(GenesisError):
    """A bound on size or number is exceeded."""


_CLASSES: dict[str, type[GenesisError]] = {
    "InvalidArgument": ArgumentError,
    "FailedPrecondition": TrainingError,
    "Unauthenticated": RefusedError,
    "PermissionDenied": RefusedError,
    "Conflict": RefusedError,
    "Unavailable": UnavailableError,
    "DeadlineExceeded": UnavailableError,
    "NotFound": FileError,
    "AlreadyExists": FileError,
    "DataLoss": FileError,
    "Io": FileError,
    "ResourceExhausted": LimitError,
    "Internal": GenesisError,
}


# What the engine says of its own options, and the argument and advice that belong to it.
_ASKED = (
    (r'^condition ', "conditions", "ask for columns and values that the model's rows have"),
    (r"\(listed as a discrete column\)", "discrete_columns", "name columns that every table has"),
    (r"the output folder", "output", "name a folder that can be written"),
)


def from_engine(error: Exception, arguments: Mapping[str, str], otherwise: tuple[str, str] = ("", "")) -> GenesisError:
    """The exception for an error of the engine; `arguments` has the argument of each field of the spec, and
    `otherwise` the argument and advice of an error that names none."""
    code, field, message = error.args
    # The longest first: rounds.count must not take a part of a longer name.
    for path in sorted(arguments, key=len, reverse=True):
        pattern = rf"(?<![\w.])(?:spec\.)?{re.escape(path)}(?![\w])"
        if re.search(pattern, message):
            if not field and re.match(pattern, message):
                field = arguments[path]
            message = re.sub(pattern, arguments[path].replace("\\", r"\\"), message)
    overridden = re.match(r"override \"([^\"]*)\": ", message)  # a field that the spec does not have
    if overridden:
        field, message = overridden[1], f"{overridden[1]}: {message[overridden.end():]}"
    text, separator, advice = message.partition("; ")
    if "\n" in message or not separator:
        text, advice = message, ""
    matching = [(argument, hint) for pattern, argument, hint in _ASKED if re.search(pattern, message)]
    for argument, hint in [*matching, otherwise]:
        if not field:
            field, advice = argument, advice or ("" if "\n" in message else hint)
    return _CLASSES[code](text, field=field, advice=advice)


@contextlib.contextmanager
def translated(arguments: Mapping[str, str] = {}, otherwise: tuple[str, str] = ("", "")) -> Iterator[None]:
    """Turns the engine's errors into those of this module; see from_engine."""
    try:
        yield
    except _core.EngineError as error:
        raise from_engine(error, arguments, otherwise) from None
