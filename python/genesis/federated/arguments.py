"""From the arguments of Python to the spec that the engine trains by, and names back in its errors."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .. import _core, _jobs
from .._spec import Spec, spec_text, value_text
from ..errors import ArgumentError, FileError, translated

# Each argument and the field of the spec that it sets.
FIELDS = {
    "method": "model.method",
    "seed": "seed",
    "n_rounds": "rounds.count",
    "min_clients": "rounds.minClients",
    "max_clients": "rounds.maxClients",
    "client_fraction": "rounds.clientFraction",
    "aggregation": "aggregation.strategy",
    "proximal_mu": "aggregation.proximalMu",
    "local_epochs": "local.epochs",
    "batch_size": "local.batchSize",
    "learning_rate": "local.learningRate",
    "lr_schedule": "local.lrSchedule",
    "max_grad_norm": "privacy.maxGradNorm",
    "clip_per_layer": "privacy.clipPerLayer",
    "compression": "communication.compression",
    "retry_attempts": "communication.retryAttempts",
    "timeout_seconds": "communication.timeoutSeconds",
    "discrete_columns": "table.discreteColumns",
}

# Keys of config: those of the spec's model, in both spellings, and those of CTGAN's package.
_CONFIG = {
    "embedding_dim": "model.embeddingDim",
    "embeddingDim": "model.embeddingDim",
    "generator_dim": "model.generatorDims",
    "generator_dims": "model.generatorDims",
    "generatorDims": "model.generatorDims",
    "discriminator_dim": "model.discriminatorDims",
    "discriminator_dims": "model.discriminatorDims",
    "discriminatorDims": "model.discriminatorDims",
    "pac": "model.pac",
    "target": "model.target",
    "components": "model.components",
    "bins": "model.bins",
    "shares": "model.shares",
    "hidden": "model.hidden",
    "ordered": "model.ordered",
    "batch_size": "local.batchSize",
    "batchSize": "local.batchSize",
    "learning_rate": "local.learningRate",
    "learningRate": "local.learningRate",
    "lr_schedule": "local.lrSchedule",
    "lrSchedule": "local.lrSchedule",
    "epochs": "",  # in all, spread over the rounds
}

_PRIVACY = {
    "max_grad_norm": "privacy.maxGradNorm",
    "clip_per_layer": "privacy.clipPerLayer",
    "unit_column": "privacy.unitColumn",
    "max_rows_per_unit": "privacy.maxRowsPerUnit",
}
_DIFFERENTIAL_PRIVACY = {
    "epsilon": "privacy.differentialPrivacy.epsilon",
    "delta": "privacy.differentialPrivacy.delta",
    "max_grad_norm": "privacy.differentialPrivacy.maxGradNorm",
}

_DEFAULT_PAC = 10
_DEFAULT_MIN_SURVIVORS = "3"

# At most so many rounds, whatever the arguments say: for trying code whose trainings take long.
MAX_ROUNDS_VARIABLE = "GENESIS_MAX_ROUNDS"


def _unknown(key: object, known: Sequence[str], where: str) -> ArgumentError:
    near = difflib.get_close_matches(str(key), known, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    return ArgumentError(f"{where}: {key!r} is not known", field=where, advice=advice)


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{name}: expected a dict, not {type(value).__name__}", field=name, advice="pass a dict")
    return value


def path_of(value: Any, argument: str) -> str:
    """A path as text; "" where there is none."""
    if value is None:
        return ""
    if not isinstance(value, (str, os.PathLike)):
        raise ArgumentError(f"{argument}: expected a path, not {value!r}", field=argument, advice="pass a str or a pathlib.Path")
    return str(os.fspath(value))


def max_rounds(n_rounds: int) -> int:
    """n_rounds, or what the environment allows of it."""
    text = os.environ.get(MAX_ROUNDS_VARIABLE, "")
    if not text:
        return n_rounds
    if not text.isascii() or not text.isdecimal() or int(text) == 0:
        raise ArgumentError(
            f"{MAX_ROUNDS_VARIABLE}: {text!r} is no number of rounds", field=MAX_ROUNDS_VARIABLE, advice="set a whole number above 0"
        )
    most = int(text)
    if isinstance(n_rounds, int) and n_rounds > most:
        _jobs.logger.warning("n_rounds: %d instead of %d, as %s says", most, n_rounds, MAX_ROUNDS_VARIABLE)
        return most
    return n_rounds


class Settings:
    """Fields of a spec with the arguments that set them; `overrides` are as the command line's --set."""

    def __init__(self, spec: Spec | None = None) -> None:
        self.text = spec_text(spec)
        self.values: dict[str, str] = {}
        self.arguments = {path: f"config['{key}']" for key, path in reversed(_CONFIG.items()) if path}
        self.arguments |= {path: argument for argument, path in FIELDS.items()}
        self._is_given = spec is not None

    def set(self, path: str, value: Any, argument: str) -> None:
        if value is not None:
            self.values[path] = value_text(value, argument)
            self.arguments[path] = argument

    def set_arguments(self, **arguments: Any) -> None:
        for argument, value in arguments.items():
            self.set(FIELDS[argument], value, argument)

    def set_config(self, config: Any, n_rounds: int, local_epochs: int | None) -> None:
        if config is None:
            return
        for key, value in _mapping(config, "config").items():
            name = f"config['{key}']"
            if key not in _CONFIG:
                raise _unknown(key, list(_CONFIG), "config")
            if key == "epochs":
                self._spread_epochs(value, n_rounds, local_epochs)
            elif _CONFIG[key] not in self.values:  # an argument of its own wins
                self.set(_CONFIG[key], value, name)

    def _spread_epochs(self, epochs: Any, n_rounds: int, local_epochs: int | None) -> None:
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ArgumentError(
                f"config['epochs']: expected a whole number above 0, not {epochs!r}", field="config['epochs']", advice="pass one"
            )
        if isinstance(n_rounds, bool) or not isinstance(n_rounds, int) or n_rounds < 1:
            return  # check() says so
        if local_epochs is not None:
            _jobs.logger.info("config['epochs'] is not used, as local_epochs says how many there are in a round")
            return
        a_round = max(1, round(epochs / n_rounds))
        if a_round * n_rounds != epochs:
            _jobs.logger.info("config['epochs']: %d in %d rounds of %d, not %d", a_round * n_rounds, n_rounds, a_round, epochs)
        self.set("local.epochs", a_round, "config['epochs']")

    def set_privacy(self, privacy: Any) -> None:
        if privacy is None:
            return
        for key, value in _mapping(privacy, "privacy").items():
            if key == "differential_privacy":
                self._set_differential_privacy(value)
            elif key in _PRIVACY:
                self.set(_PRIVACY[key], value, f"privacy['{key}']")
            else:
                raise _unknown(key, ["differential_privacy", *_PRIVACY], "privacy")

    def _set_differential_privacy(self, asked: Any) -> None:
        where = "privacy['differential_privacy']"
        asked = _mapping(asked, where)
        if "epsilon" not in asked:
            raise ArgumentError(f"{where}: names no epsilon", field=where, advice="set it, such as {'epsilon': 1.0}")
        for key, value in asked.items():
            if key not in _DIFFERENTIAL_PRIVACY:
                raise _unknown(key, list(_DIFFERENTIAL_PRIVACY), where)
            self.set(_DIFFERENTIAL_PRIVACY[key], value, f"{where}['{key}']")
        self.arguments["privacy.differentialPrivacy"] = where

    def set_secure_aggregation(self, asked: bool, encryption: str | None) -> None:
        self.arguments |= {
            "privacy.secureAggregation": "secure_aggregation",
            "privacy.secureAggregation.encryption": "encryption",
            "privacy.secureAggregation.minSurvivors": "settings['privacy.secureAggregation.minSurvivors']",
        }
        if not isinstance(asked, bool):
            raise ArgumentError(
                f"secure_aggregation: expected True or False, not {asked!r}", field="secure_aggregation", advice="encryption says how"
            )
        if not asked and encryption is not None:
            raise ArgumentError(
                f"encryption: {encryption!r} needs secure_aggregation", field="encryption", advice="set secure_aggregation=True"
            )
        if asked:
            self.set("privacy.secureAggregation.encryption", encryption or "masking", "encryption")

    def set_others(self, settings: Any) -> None:
        """Fields of the spec by their paths."""
        if settings is not None:
            for path, value in _mapping(settings, "settings").items():
                self.set(str(path).removeprefix("spec."), value, f"settings['{path}']")

    def fit_batch_size(self) -> None:
        """Rounds the batch size down to whole groups of pac rows, which the discriminator judges together."""
        size, pac = self.values.get("local.batchSize"), self.values.get("model.pac", str(_DEFAULT_PAC))
        if self.values.get("model.method", "ctgan") != "ctgan" or size is None or not size.isdecimal() or not pac.isdecimal():
            return
        fits = int(size) // max(1, int(pac)) * int(pac)
        if fits not in (0, int(size)):  # check() refuses less than one group
            _jobs.logger.info("%s: %d instead of %s, a multiple of pac, %s", self.arguments["local.batchSize"], fits, size, pac)
            self.values["local.batchSize"] = str(fits)

    @property
    def overrides(self) -> list[tuple[str, str]]:
        return list(self.values.items())

    @property
    def least_clients(self) -> list[tuple[str, str]]:
        """How many clients secure sums need, where nothing says how many there are."""
        if "privacy.secureAggregation.encryption" not in self.values or "rounds.minClients" in self.values:
            return []
        return [("rounds.minClients", self.values.get("privacy.secureAggregation.minSurvivors", _DEFAULT_MIN_SURVIVORS))]

    def check(self, more: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
        """The spec with its defaults."""
        with translated(self.arguments, ("spec" if self._is_given else "", "")):
            checked: dict[str, Any] = json.loads(_core.check_spec(self.text, "spec", [*self.overrides, *more]))
        return checked


def check_files(paths: Mapping[str, str]) -> None:
    """That there is a file at each path that is given, by argument."""
    for name, path in paths.items():
        if path and not os.path.isfile(path):
            raise FileError(f"{name}: there is no file {path}", field=name, advice="check the path")


def key_file(path: Any) -> str:
    """The path of the sites' key of encrypted sums; "" for none."""
    if path is None:
        return ""
    text = path_of(path, "paillier_key")
    if not os.path.isfile(text):
        raise ArgumentError(
            f"paillier_key: there is no file {text}", field="paillier_key", advice="make_paillier_key(folder) makes paillier.key, one for all sites"
        )
    return text
