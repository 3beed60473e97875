"""One site's part of a federated training, in this process."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _core, _data, _jobs
from ..errors import ArgumentError, translated
from ..model import column_names
from .arguments import FIELDS, Settings, check_files, key_file, path_of
from .callbacks import Hooks
from .progress import Progress

# What a site may choose for itself.
_OWN = ("local_epochs", "batch_size", "learning_rate", "max_grad_norm", "clip_per_layer", "compression", "retry_attempts", "timeout_seconds")


class FederatedClient:
    """Takes part in one training with this site's rows, which stay here. All connections go out.

    server_url        http://host:port or https://host:port
    client_id         name of this site, with client certificates their common name. When absent, that name, or
                      without a certificate this host's, with -2, -3 and so on where another live client has it
    local_epochs, batch_size, learning_rate    this site's own, instead of the training's
    max_grad_norm, clip_per_layer    bound of each training step's gradient, or of each layer's
    privacy           {"differential_privacy": {"epsilon": 1.0}} takes part only in a training that promises as much
    compression       of what this site sends: none, gzip or zstd
    ssl_verify        CA certificates that the server's certificate is verified against
    ssl_cert, ssl_key certificate of this site
    auth_token        token of the training; that of the environment, FEDERATED_AUTH_TOKEN, when absent
    state             folder from which this client goes on after a restart; secure sums need one
    policy            path of this site's SitePolicy: what may leave
    secure_aggregation    takes part only in a training whose server learns sums and no single site's values
    encryption        and only where that is hidden so: masking, or paillier, which needs paillier_key
    paillier_key      path of the key of encrypted sums, the same at all sites and never the server's
    ledger, data_set  folder of this site's privacy ledgers, and the name of these rows in it
    """

    def __init__(
        self,
        server_url: str,
        client_id: str | None = None,
        *,
        local_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        privacy: Mapping[str, Any] | None = None,
        max_grad_norm: float | None = None,
        clip_per_layer: bool | None = None,
        compression: str | None = None,
        retry_attempts: int | None = None,
        timeout_seconds: int | None = None,
        ssl_verify: str | os.PathLike[str] | None = None,
        ssl_cert: str | os.PathLike[str] | None = None,
        ssl_key: str | os.PathLike[str] | None = None,
        auth_token: str | None = None,
        policy: str | os.PathLike[str] | None = None,
        expect_spec: str | None = None,
        state: str | os.PathLike[str] | None = None,
        ledger: str | os.PathLike[str] | None = None,
        data_set: str | None = None,
        secure_aggregation: bool = False,
        encryption: str | None = None,
        paillier_key: str | os.PathLike[str] | None = None,
        callbacks: Sequence[Any] | None = None,
        verbose: bool = True,
    ) -> None:
        self.server_url = _checked_url(server_url)
        self.client_id = _checked_id(client_id) if client_id is not None else ""
        self.verbose = verbose
        given = locals()
        self._settings = Settings()
        self._settings.arguments |= {"state": "state", "privacy.secureAggregation.encryption": "paillier_key"}
        self._settings.set_arguments(**{name: given[name] for name in _OWN})
        self._check(clip_per_layer, max_grad_norm)
        self._epsilon, self._delta = _asked(privacy, self._settings)
        self._files = {
            name: path_of(given[name], name)
            for name in ("ssl_verify", "ssl_cert", "ssl_key", "policy", "state", "ledger")
        }
        self._auth_token = auth_token if auth_token is not None else os.environ.get("FEDERATED_AUTH_TOKEN") or None
        self._expect_spec, self._data_set = expect_spec or "", data_set or ""
        self._secure_aggregation = bool(secure_aggregation)
        if self._secure_aggregation and state is None:
            raise ArgumentError(
                "state: secure_aggregation needs a folder for what this site has sent, which must survive a restart",
                field="state",
                advice="pass one, which nobody else uses",
            )
        self._encryption = _checked_encryption(encryption, self._secure_aggregation, paillier_key)
        self._paillier_key = key_file(paillier_key)
        self._hooks = Hooks(callbacks)
        self._lock = threading.Lock()  # guards the next two
        self._job: _core.Job | None = None
        self._is_stopped = False

    def _check(self, clip_per_layer: bool | None, max_grad_norm: float | None) -> None:
        """Checks the arguments as the spec's fields; a batch size is checked once the training's method is known."""
        checked = Settings()
        checked.arguments = self._settings.arguments
        checked.values = {path: value for path, value in self._settings.values.items() if path != FIELDS["batch_size"]}
        if clip_per_layer and max_grad_norm is None:
            del checked.values[FIELDS["clip_per_layer"]]  # the training may have a maxGradNorm
        checked.check()

    def on_train_complete(self, function: Callable[..., object]) -> Callable[..., object]:
        """Decorator: calls (metrics) or (metrics, round_num) after each local training."""
        self._hooks.add("on_train_complete", function, 1, 2)
        return function

    def train(self, data: Any, discrete_columns: Sequence[str] = ()) -> None:
        """Takes part with the rows of a table until the training is complete. An interrupt ends it within a second."""
        self._run(data, discrete_columns, dry_run=False)

    def what_leaves(self, data: Any, discrete_columns: Sequence[str] = ()) -> list[str]:
        """What would leave this site in the server's training, line by line. Asks the server for its spec, and sends nothing."""
        return self._run(data, discrete_columns, dry_run=True)

    def stop(self) -> None:
        """Makes train() return soon. From any thread."""
        with self._lock:
            job = self._job
            self._is_stopped = job is not None
        if job is not None:
            job.stop()

    def _run(self, data: Any, discrete_columns: Sequence[str], *, dry_run: bool) -> list[str]:
        check_files({name: self._files[name] for name in ("ssl_verify", "ssl_cert", "ssl_key", "policy")})
        rows = _data.rows_of(data, "data")
        discrete = list(dict.fromkeys([*column_names(discrete_columns), *rows.discrete]))
        lines: list[str] = []
        _jobs.start()
        try:
            with (
                translated(self._settings.arguments),
                Progress(0, f"training as {self.client_id or 'this host'}", shown=self.verbose and not dry_run) as progress,
            ):
                job = _core.start_client(
                    server_url=self.server_url,
                    client_id=self.client_id,
                    table=rows.table,
                    discrete_columns=discrete,
                    overrides=self._settings.overrides,
                    auth_token=self._auth_token,
                    expect_spec=self._expect_spec,
                    data_set=self._data_set,
                    secure_aggregation=self._secure_aggregation,
                    encryption=self._encryption,
                    paillier_key=self._paillier_key,
                    dry_run=dry_run,
                    largest_epsilon=self._epsilon,
                    largest_delta=self._delta,
                    **self._files,
                )
                with self._lock:
                    self._job, self._is_stopped = job, False

                def handle(event: _core._Event) -> None:
                    kind, number, _, _, _, text, metrics = event
                    if kind == "train_complete":
                        progress.round(number, 0, metrics)
                        self._hooks.call("on_metrics", text, number, metrics)
                        self._hooks.call_functions("on_train_complete", metrics, number)
                    elif kind == "checkpoint":
                        self._hooks.call("on_checkpoint", number, text)
                    elif kind == "disclosure":
                        lines.append(text)

                _jobs.wait(job, handle)
        finally:
            with self._lock:
                self._job = None
        return lines


def _asked(privacy: Mapping[str, Any] | None, settings: Settings) -> tuple[float | None, float]:
    """Largest epsilon and delta that this site takes part with."""
    asked = Settings({"apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": "site"},
                      "spec": {"model": {"method": "mixture"}}})
    asked.set_privacy(privacy)
    clipping = {path: value for path, value in asked.values.items() if path in (FIELDS["max_grad_norm"], FIELDS["clip_per_layer"])}
    checked = asked.check()["spec"].get("privacy", {}).get("differentialPrivacy")
    settings.values.update(clipping)
    settings.arguments.update({path: asked.arguments[path] for path in clipping})
    if checked is None:
        return None, 0.0
    return float(checked["epsilon"]), float(checked["delta"])


def _checked_encryption(encryption: str | None, secure_aggregation: bool, paillier_key: Any) -> str:
    if encryption is None:
        return ""
    if encryption not in ("masking", "paillier"):
        raise ArgumentError(f"encryption: {encryption!r} is not known", field="encryption", advice="pass 'masking' or 'paillier'")
    if not secure_aggregation:
        raise ArgumentError(
            f"encryption: {encryption!r} needs secure_aggregation", field="encryption", advice="set secure_aggregation=True"
        )
    if encryption == "paillier" and paillier_key is None:
        raise ArgumentError(
            "paillier_key: encryption='paillier' needs the key of the clients",
            field="paillier_key",
            advice="genesis.federated.make_paillier_key(folder) makes one for all clients",
        )
    return encryption


def _checked_url(url: Any) -> str:
    if not isinstance(url, str) or not re.match(r"https?://[^/\s]", url):
        raise ArgumentError(
            f"server_url: expected http://host:port or https://host:port, not {url!r}", field="server_url", advice="begin it with https://"
        )
    return url


def _checked_id(name: Any) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        raise ArgumentError(
            f"client_id: expected 1 to 63 letters, digits, '.', '_' or '-' that begin with a letter or digit, not {name!r}",
            field="client_id",
            advice="pass a shorter or plainer name",
        )
    return name
