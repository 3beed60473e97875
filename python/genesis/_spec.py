"""Specs, and values in them, as the engine takes them."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from .errors import ArgumentError, FileError

Spec = str | os.PathLike[str] | Mapping[str, Any]  # a FederatedTraining: a path, or what is in it


def _plain(value: Any) -> Any:
    """What JSON has no form for: sets, and numbers and arrays of numpy."""
    if isinstance(value, (set, frozenset)):
        return list(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


def value_text(value: Any, argument: str) -> str:
    """A value of the spec as an override takes it (JSON, which is YAML)."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, default=_plain)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{argument}: a {type(value).__name__} cannot be a setting", field=argument, advice="pass a number, a text, a list or a dict"
        ) from None


def spec_text(spec: Spec | None) -> str:
    """The text of a spec; where there is none, that of an empty one."""
    if spec is not None and not isinstance(spec, (str, os.PathLike, Mapping)):
        raise ArgumentError(
            f"spec: expected a path or a dict, not {type(spec).__name__}", field="spec", advice="pass the path of a FederatedTraining in YAML"
        )
    if spec is None:
        spec = {"apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": "training"}, "spec": {}}
    if isinstance(spec, Mapping):
        return value_text(spec if isinstance(spec, dict) else dict(spec), "spec")
    try:
        return pathlib.Path(spec).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"spec: {spec}: {error}", field="spec", advice="pass the path of a FederatedTraining in YAML") from None
