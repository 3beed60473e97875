"""Federated training simulated in this process: the same rounds, weights and bytes as across machines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _core, _data, _jobs
from .._spec import Spec
from ..errors import ArgumentError, TrainingError, translated
from ..model import HasModel, Model, Report, column_names
from .arguments import Settings, key_file, max_rounds, path_of
from .callbacks import Hooks
from .progress import Progress


class FederatedSynthesizer(HasModel):
    """Learns one generator from several tables, each of which stands for a client's rows.

    method           ctgan, autoregressive or mixture
    n_rounds         rounds of communication
    aggregation      fedavg, weighted (by rows), fedprox (with proximal_mu), median or trimmed-mean
    local_epochs     passes over a client's rows in each round; 5 when absent
    lr_schedule      constant, or cosine, which lowers the learning rate to zero over the training
    config           settings of the method, such as {"pac": 10}; "epochs" counts those of all rounds together
    privacy          {"differential_privacy": {"epsilon": 1.0}} bounds what the model can reveal of one row
    max_rows         about how many rows each client has, a number for all or {"name": number}: a public number, which networks
                     (ctgan and autoregressive) need with differential privacy
    ledger           folder of the privacy ledgers that such a training is charged to
    secure_aggregation, encryption    sums that hide single clients' values by masking (the default) or paillier; the model is the same
    paillier_key     path of the clients' key of encrypted sums, which paillier needs; make_paillier_key makes one
    spec             a FederatedTraining (path or dict) that the other arguments override
    settings         other fields of the spec by path, such as {"rounds.retries": 0}
    verbose          shows a bar of rounds
    """

    def __init__(
        self,
        method: str = "ctgan",
        n_rounds: int = 10,
        aggregation: str = "fedavg",
        proximal_mu: float | None = None,
        *,
        local_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        lr_schedule: str | None = None,
        config: Mapping[str, Any] | None = None,
        privacy: Mapping[str, Any] | None = None,
        max_rows: int | Mapping[str, int] | None = None,
        max_grad_norm: float | None = None,
        clip_per_layer: bool | None = None,
        min_clients: int | None = None,
        client_fraction: float | None = None,
        seed: int | None = None,
        ledger: str | os.PathLike[str] | None = None,
        secure_aggregation: bool = False,
        encryption: str | None = None,
        paillier_key: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] | None = None,
        spec: Spec | None = None,
        settings: Mapping[str, Any] | None = None,
        verbose: bool = True,
    ) -> None:
        self.n_rounds = max_rounds(n_rounds)
        self.verbose = verbose
        self._settings = Settings(spec)
        self._settings.set_arguments(
            method=method,
            n_rounds=self.n_rounds,
            aggregation=aggregation,
            proximal_mu=proximal_mu,
            local_epochs=local_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            lr_schedule=lr_schedule,
            max_grad_norm=max_grad_norm,
            clip_per_layer=clip_per_layer,
            min_clients=min_clients,
            client_fraction=client_fraction,
            seed=seed,
        )
        self._settings.set_config(config, n_rounds, local_epochs)
        self._settings.set_privacy(privacy)
        self._max_rows = _checked_max_rows(max_rows)
        self._settings.set_secure_aggregation(secure_aggregation, encryption)
        self._settings.set_others(settings)
        self._settings.fit_batch_size()
        self._settings.check(self._settings.least_clients)  # fit() knows the clients
        self._paillier_key = _paillier_key(paillier_key, encryption)
        self._ledger = path_of(ledger, "ledger")
        self._hooks = Hooks(callbacks)
        self._model: Model | None = None

    def on_round_complete(self, function: Callable[..., object]) -> Callable[..., object]:
        """Decorator: calls (round_num, metrics) or (round_num, metrics, n_clients) after each round."""
        self._hooks.add("on_round_complete", function, 2, 3)
        return function

    def on_training_complete(self, function: Callable[..., object]) -> Callable[..., object]:
        """Decorator: calls (model) at the end."""
        self._hooks.add("on_training_complete", function, 1, 1)
        return function

    def fit(self, datasets: Sequence[Any] | Mapping[str, Any], discrete_columns: Sequence[str] = ()) -> FederatedSynthesizer:
        """Trains on the tables of all clients: a list, or a dict with their names. An interrupt ends it within a second."""
        sites = _sites(datasets)
        rows = [(name, _data.rows_of(data, argument)) for name, data, argument in sites]
        names = [name for name, _ in rows]
        discrete = list(dict.fromkeys([*column_names(discrete_columns), *(c for _, r in rows for c in r.discrete)]))
        settings = self._settings
        participants = [{"name": name, "external": True, **_max_rows_of(self._max_rows, name)} for name in names]
        overrides = [*settings.overrides, ("participants", json.dumps(participants))]
        if discrete:
            overrides.append(("table.discreteColumns", json.dumps(discrete)))
        arguments = settings.arguments | {f"participants[{i}].name": f"the name of {argument}" for i, (*_, argument) in enumerate(sites)}
        arguments |= {"participants": "max_rows"} | {f"participants[{i}].maxRows": "max_rows" for i in range(len(sites))}
        _jobs.start()
        self._model = None
        with translated(arguments), Progress(self.n_rounds, "training", shown=self.verbose) as progress:
            spec = _core.check_spec(settings.text, "spec", overrides)
            job = _core.start_fit(settings.text, "spec", overrides, [(name, r.table) for name, r in rows], self._ledger, self._paillier_key)

            def handle(event: _core._Event) -> None:
                kind, number, total, clients, _, text, metrics = event
                if kind == "round_complete":
                    progress.round(number, total, metrics)
                    self._hooks.call("on_round_complete", number, metrics, clients)
                elif kind == "train_complete":
                    self._hooks.call("on_metrics", text, number, metrics)

            data = _jobs.wait(job, handle)
        assert data is not None, "a fit that ends has a model"
        self._model = Model.from_bytes(data, rows[0][1].layout, spec)
        self._hooks.call("on_training_complete", self._model)
        return self

    @property
    def model(self) -> Model:
        if self._model is None:
            raise TrainingError("there is no trained model yet", advice="call fit(datasets) or load(path) first")
        return self._model

    def evaluate(self, real: Any, **options: Any) -> Report:
        """How close generated rows are to real ones; see Model.evaluate. A list of tables counts as one."""
        return self.model.evaluate(_together(real), **options)

    def card(self) -> dict[str, Any]:
        return self.model.card()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FederatedSynthesizer:
        """A synthesizer with the model of a file, which makes rows and can be fitted anew."""
        loaded = cls()
        loaded._model = Model.load(path)
        return loaded


def _sites(datasets: Sequence[Any] | Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """Name, table and argument of each client."""
    if isinstance(datasets, Mapping):
        sites = [(str(name), data, f"datasets[{name!r}]") for name, data in datasets.items()]
    elif isinstance(datasets, (str, bytes, os.PathLike)) or not isinstance(datasets, Sequence):
        raise ArgumentError(
            f"datasets: expected a list of tables, one a client, not {type(datasets).__name__}", field="datasets", advice="pass [table]"
        )
    else:
        width = len(str(len(datasets)))
        sites = [(f"client-{i + 1:0{width}}", data, f"datasets[{i}]") for i, data in enumerate(datasets)]
    if not sites:
        raise ArgumentError("datasets: is empty", field="datasets", advice="pass one table for each client")
    return sites


def _checked_max_rows(asked: Any) -> int | Mapping[str, int] | None:
    for number in asked.values() if isinstance(asked, Mapping) else [asked]:
        if asked is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise ArgumentError(
                f"max_rows: expected a whole number above 0, or a dict of them by client, not {number!r}",
                field="max_rows",
                advice="give about as many rows as a client has, a number that everybody may know",
            )
    checked: int | Mapping[str, int] | None = asked
    return checked


def _max_rows_of(max_rows: int | Mapping[str, int] | None, name: str) -> dict[str, int]:
    if not isinstance(max_rows, Mapping):
        return {} if max_rows is None else {"maxRows": max_rows}
    if name not in max_rows:
        raise ArgumentError(f"max_rows: has no number for {name!r}", field="max_rows", advice="give one for each client, or one for all")
    return {"maxRows": max_rows[name]}


def _paillier_key(path: Any, encryption: str | None) -> str:
    if path is None and encryption == "paillier":
        raise ArgumentError(
            "paillier_key: encryption='paillier' needs the key of the clients",
            field="paillier_key",
            advice="genesis.federated.make_paillier_key(folder) makes it",
        )
    if path is not None and encryption != "paillier":
        raise ArgumentError("paillier_key: is for encrypted sums", field="paillier_key", advice="set encryption='paillier', or leave it out")
    return key_file(path)


def _together(real: Any) -> Any:
    if not isinstance(real, (list, tuple)):
        return real
    if not real:
        raise ArgumentError("real: is empty", field="real", advice="pass real rows")
    module = type(real[0]).__module__.partition(".")[0]
    if module == "polars":
        import polars as pl

        return pl.concat(list(real))
    if module == "pyarrow":
        import pyarrow as pa

        return pa.concat_tables(list(real))
    import pandas as pd

    return pd.concat(list(real), ignore_index=True)
