"""The server of one federated training, in this process."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import _core, _jobs
from .._spec import Spec
from ..errors import ArgumentError, GenesisError, TrainingError, translated
from ..model import HasModel, Model
from .arguments import Settings, check_files, max_rounds, path_of
from .callbacks import CheckpointCallback, Hooks
from .progress import Progress


class FederatedServer(HasModel):
    """Waits for clients, runs the rounds and keeps the model. The arguments that FederatedSynthesizer has mean the same.

    host, port              address to listen on; port 0 takes a free one
    min_clients             clients that have to join before the training starts, and updates that a round needs; 3 when absent
                            with secure_aggregation
    client_fraction         part of the clients that is asked in each round
    auth_token              asked of every request
    ssl_cert, ssl_key       certificate of the server; without it the server speaks plain HTTP, and warns of that
    ssl_client_ca           authority of the clients' certificates: each client then speaks for itself alone
    secure_aggregation      the server learns the sum of what clients send, and not what one has sent; needs client certificates
    encryption              how that is hidden: masking, the default, or paillier, for which all clients have the same paillier_key
    require_authentication  refuse to start where neither client certificates nor a token are asked for
    output                  folder for the model and checkpoints, from which a new start goes on; nothing is written when absent
    """

    def __init__(
        self,
        host: str = "0.0.0.0",
        port: int = 8000,
        method: str = "ctgan",
        config: Mapping[str, Any] | None = None,
        n_rounds: int = 10,
        min_clients: int | None = None,
        max_clients: int | None = None,
        client_fraction: float | None = None,
        aggregation: str = "fedavg",
        proximal_mu: float | None = None,
        auth_token: str | None = None,
        ssl_cert: str | os.PathLike[str] | None = None,
        ssl_key: str | os.PathLike[str] | None = None,
        ssl_client_ca: str | os.PathLike[str] | None = None,
        secure_aggregation: bool = False,
        encryption: str | None = None,
        callbacks: Sequence[Any] | None = None,
        *,
        local_epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        lr_schedule: str | None = None,
        discrete_columns: Sequence[str] | None = None,
        privacy: Mapping[str, Any] | None = None,
        max_grad_norm: float | None = None,
        clip_per_layer: bool | None = None,
        compression: str | None = None,
        seed: int | None = None,
        require_authentication: bool = False,
        output: str | os.PathLike[str] | None = None,
        metrics_port: int | None = None,
        spec: Spec | None = None,
        settings: Mapping[str, Any] | None = None,
        verbose: bool = True,
    ) -> None:
        if not isinstance(host, str):
            raise ArgumentError(f"host: expected a name or an address, not {host!r}", field="host", advice="pass a text such as '0.0.0.0'")
        self.host, self.port = host, _port(port, "port")
        self.n_rounds = max_rounds(n_rounds)
        self.verbose = verbose
        self._settings = Settings(spec)
        self._settings.set_arguments(
            method=method,
            n_rounds=self.n_rounds,
            min_clients=min_clients,
            max_clients=max_clients,
            client_fraction=client_fraction,
            aggregation=aggregation,
            proximal_mu=proximal_mu,
            local_epochs=local_epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            lr_schedule=lr_schedule,
            discrete_columns=None if discrete_columns is None else list(discrete_columns),
            max_grad_norm=max_grad_norm,
            clip_per_layer=clip_per_layer,
            compression=compression,
            seed=seed,
        )
        self._settings.set_config(config, n_rounds, local_epochs)
        self._settings.set_privacy(privacy)
        self._settings.set_secure_aggregation(secure_aggregation, encryption)
        self._settings.set_others(settings)
        self._settings.fit_batch_size()
        self._ssl = {name: path_of(path, name) for name, path in _paths(ssl_cert, ssl_key, ssl_client_ca).items()}
        for one, other in (("ssl_cert", "ssl_key"), ("ssl_key", "ssl_cert"), ("ssl_client_ca", "ssl_cert")):
            if self._ssl[one] and not self._ssl[other]:
                raise ArgumentError(f"{other}: {one} needs it", field=other, advice=f"set {other} too, or neither")
        self._auth_token = auth_token
        self._require_authentication = require_authentication
        self._metrics_port = None if metrics_port is None else _port(metrics_port, "metrics_port")
        if secure_aggregation:
            self._check_certificates()
            if spec is None:
                self._settings.values |= self._settings.least_clients
        self._spec = json.dumps(self._settings.check())
        self._hooks = Hooks(callbacks)
        self._output = path_of(output, "output")
        for callback in self._hooks.callbacks:
            if isinstance(callback, CheckpointCallback):
                self._output = self._output or callback.folder
        self._state = threading.Condition()  # guards all below
        self._server: _core.Server | None = None
        self._job: _core.Job | None = None
        self._thread: threading.Thread | None = None
        self._is_stopped = False
        self._model: Model | None = None
        self._error: BaseException | None = None

    def _check_certificates(self) -> None:
        """Clients know each other by the keys of their certificates, which sign what they send."""
        missing = [name for name in ("ssl_cert", "ssl_key", "ssl_client_ca") if not self._ssl[name]]
        if missing:
            raise ArgumentError(
                f"secure_aggregation: needs {' and '.join(missing)}, as the keys of the clients' certificates sign what they send",
                field="secure_aggregation",
                advice=f"set {', '.join(missing)} (genesis certs makes them), and give each client's paillier_key to the clients alone"
                if self._settings.values.get("privacy.secureAggregation.encryption") == "paillier"
                else f"set {', '.join(missing)} (genesis certs makes them)",
            )

    def on_round_complete(self, function: Callable[..., object]) -> Callable[..., object]:
        """Decorator: calls (round_num, metrics) or (round_num, metrics, n_clients) after each round."""
        self._hooks.add("on_round_complete", function, 2, 3)
        return function

    def on_training_complete(self, function: Callable[..., object]) -> Callable[..., object]:
        """Decorator: calls (model) at the end."""
        self._hooks.add("on_training_complete", function, 1, 1)
        return function

    def start(self, background: bool = False) -> FederatedServer:
        """Listens and leads the training until it is complete, or on a thread of its own, for which wait() waits."""
        with self._state:
            if self._server is not None and self._error is None and self._model is None:
                raise TrainingError("the server is running already", advice="call wait() or stop()")
            self._is_stopped, self._model, self._error = False, None, None
        check_files(self._ssl)
        _jobs.start()
        with translated(self._settings.arguments):
            server = _core.start_server(
                spec=self._settings.text,
                spec_name="spec",
                overrides=self._settings.overrides,
                host=self.host,
                port=self.port,
                auth_token=self._auth_token,
                require_authentication=self._require_authentication,
                output=self._output,
                metrics_port=self._metrics_port,
                **self._ssl,
            )
        with self._state:
            self._server = server
            self._job = server.run()
        _jobs.pass_on_log()
        if background:
            self._thread = threading.Thread(target=self._lead_quietly, name="genesis-server", daemon=True)
            self._thread.start()
        else:
            self._lead()
        return self

    def _lead(self) -> None:
        job = self._job
        assert job is not None
        try:
            with translated(self._settings.arguments), Progress(self.n_rounds, "federated training", shown=self.verbose) as progress:

                def handle(event: _core._Event) -> None:
                    kind, number, total, clients, _, text, metrics = event
                    if kind == "round_complete":
                        progress.round(number, total, metrics)
                        self._hooks.call("on_round_complete", number, metrics, clients)
                    elif kind == "train_complete":
                        self._hooks.call("on_metrics", text, number, metrics)
                    elif kind == "checkpoint":
                        self._hooks.call("on_checkpoint", number, text)

                data = _jobs.wait(job, handle)
            assert data is not None, "a server that ends has a model"
            model = Model.from_bytes(data, spec=self._spec)
            with self._state:
                self._model = model
            self._hooks.call("on_training_complete", model)
        except GenesisError as error:
            if self._is_stopped:
                error = TrainingError("stopped before the training was over", advice="start() begins it anew, or goes on in output")
            self._end(error)
            raise error from None
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    def _lead_quietly(self) -> None:
        try:
            self._lead()
        except BaseException as error:  # wait() and generate() tell of it
            if not self._is_stopped:
                _jobs.logger.error("the training ended: %s", error)

    def _end(self, error: BaseException | None) -> None:
        with self._state:
            self._error, self._job, self._server = error, None, None
            self._state.notify_all()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the end of a training in the background; whether it has come. Raises what made it fail."""
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                return False
        if self._error is not None:
            raise self._error
        return True

    def stop(self) -> None:
        """Ends the training; what is in the output folder stays. From any thread."""
        with self._state:
            job, thread = self._job, self._thread
            self._is_stopped = job is not None
        if job is not None:
            job.stop()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    @property
    def url(self) -> str:
        """Where the server listens, while it runs."""
        with self._state:
            if self._server is None:
                raise TrainingError("the server is not running", advice="call start(background=True)")
            return self._server.url

    @property
    def model(self) -> Model:
        with self._state:
            if self._model is not None:
                return self._model
            error = self._error
        if error is not None:
            raise error
        raise TrainingError("there is no trained model yet", advice="call start(), or wait() after start(background=True)")

    def __enter__(self) -> FederatedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _paths(cert: Any, key: Any, authority: Any) -> dict[str, Any]:
    return {"ssl_cert": cert, "ssl_key": key, "ssl_client_ca": authority}


def _port(port: int, name: str) -> int:
    most = 65535
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= most:
        raise ArgumentError(f"{name}: expected a number of 0 to {most}, not {port!r}", field=name, advice="pass a port, or 0 for a free one")
    return port
