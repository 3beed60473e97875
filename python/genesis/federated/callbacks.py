"""What a training tells while it runs. Callbacks are called on the thread that waits for the training: where one
raises, the training is stopped and the exception goes on to whoever started it."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from typing import Any

from .. import _jobs
from ..errors import ArgumentError
from ..model import Model


class Callback:
    """Derive from it what is to be called; all that is not overridden does nothing."""

    def on_round_complete(self, round_num: int, metrics: dict[str, float], n_clients: int) -> None:
        """A round is closed: the means of its clients' numbers, by rows, and how many updates went in."""

    def on_metrics(self, client_id: str, round_num: int, metrics: dict[str, float]) -> None:
        """One client's local training went into the round."""

    def on_checkpoint(self, round_num: int, path: str) -> None:
        """State is on disk: a restart goes on after this round."""

    def on_training_complete(self, model: Model) -> None:
        """Once, with the model."""


class RoundCallback(Callback):
    """Logs each round."""

    def on_round_complete(self, round_num: int, metrics: dict[str, float], n_clients: int) -> None:
        numbers = " ".join(f"{name}={value:.4g}" for name, value in metrics.items())
        _jobs.logger.info("round %d: %d clients %s", round_num, n_clients, numbers)


class MetricsCallback(Callback):
    """Keeps all numbers: `rounds` and `clients` are lists of dicts, which pandas.DataFrame() takes."""

    def __init__(self) -> None:
        self.rounds: list[dict[str, Any]] = []
        self.clients: list[dict[str, Any]] = []

    def on_round_complete(self, round_num: int, metrics: dict[str, float], n_clients: int) -> None:
        self.rounds.append({"round": round_num, "n_clients": n_clients, **metrics})

    def on_metrics(self, client_id: str, round_num: int, metrics: dict[str, float]) -> None:
        self.clients.append({"client_id": client_id, "round": round_num, **metrics})


class CheckpointCallback(Callback):
    """Lets the server keep its state in a folder, from which a server with the same arguments goes on."""

    def __init__(self, folder: str | os.PathLike[str] = "genesis-checkpoints") -> None:
        self.folder = os.fspath(folder)
        self.last_round: int | None = None
        self.path: str | None = None

    def on_checkpoint(self, round_num: int, path: str) -> None:
        self.last_round, self.path = round_num, path


def as_called(function: Callable[..., object], fewest: int, most: int, name: str) -> Callable[..., object]:
    """`function`, called with as many of `most` arguments as its signature takes; fewer than `fewest` are an error."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return function
    kinds = [parameter for parameter in signature.parameters.values()]
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in kinds):
        return function
    positional = [p for p in kinds if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is p.empty for p in positional)
    unfilled = [p.name for p in kinds if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if required > most or len(positional) < fewest or unfilled:
        counts = str(most) if fewest == most else f"{fewest} to {most}"
        raise ArgumentError(
            f"{name}: a function of {counts} arguments is called, not of {required}", field=name, advice="change its signature"
        )
    taken = min(most, len(positional))
    return lambda *arguments: function(*arguments[:taken])


class Hooks:
    """Callbacks, and functions that were registered by decorators, as one."""

    def __init__(self, callbacks: Any) -> None:
        self.callbacks: list[Callback] = []
        if isinstance(callbacks, Callback) or not isinstance(callbacks, (Iterable, type(None))):
            raise ArgumentError(f"callbacks: expected a list, not {callbacks!r}", field="callbacks", advice="pass [callback, ...]")
        for i, callback in enumerate(callbacks or ()):
            if isinstance(callback, type) or not isinstance(callback, Callback):
                raise ArgumentError(
                    f"callbacks[{i}]: {callback!r} is no Callback",
                    field="callbacks",
                    advice="pass objects of classes that derive from genesis.federated.Callback",
                )
            self.callbacks.append(callback)
        self._functions: dict[str, list[Callable[..., object]]] = {}

    def add(self, event: str, function: Callable[..., object], fewest: int, most: int) -> None:
        self._functions.setdefault(event, []).append(as_called(function, fewest, most, event))

    def call(self, event: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(*arguments)
        self.call_functions(event, *arguments)

    def call_functions(self, event: str, *arguments: Any) -> None:
        """Those of decorators alone."""
        for function in self._functions.get(event, ()):
            function(*arguments)
