"""Federated training of synthetic-data generators: genesis.federated trains, a Model makes rows."""

from ._core import version as __version__
from .errors import (
    ArgumentError,
    FileError,
    GenesisError,
    LimitError,
    RefusedError,
    TrainingError,
    UnavailableError,
)
from .model import Model, Report

__all__ = [
    "ArgumentError",
    "FileError",
    "GenesisError",
    "LimitError",
    "Model",
    "RefusedError",
    "Report",
    "TrainingError",
    "UnavailableError",
    "__version__",
]
