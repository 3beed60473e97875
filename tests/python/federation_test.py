#!/usr/bin/env python3
"""FederatedServer and FederatedClient over the network of this machine: federation_test.py BIN, which holds the programs."""

import logging
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import genesis
from genesis.federated import Callback, CheckpointCallback, FederatedClient, FederatedServer, FederatedSynthesizer, MetricsCallback
from tables import SMALL, patients

BIN = pathlib.Path(sys.argv.pop(1)).resolve()
QUIET = {"verbose": False}


def a_server(**arguments):
    settings = {"n_rounds": 2, "min_clients": 2, "local_epochs": 1, "config": SMALL, "host": "127.0.0.1", "port": 0}
    return FederatedServer(**{**settings, **QUIET, **arguments})


def in_threads(*functions):
    """Calls all at once; the exceptions that they end with, in order."""
    errors = [None] * len(functions)

    def call(i):
        try:
            functions[i]()
        except BaseException as error:
            errors[i] = error

    threads = [threading.Thread(target=call, args=(i,)) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def train(server, client_id, seed, **arguments):
    client = FederatedClient(server_url=server.url, client_id=client_id, **{**QUIET, **arguments})
    return lambda: client.train(patients(seed), discrete_columns=["diagnosis"])


class Federation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="genesis-python-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)

    def test_a_training_has_the_model_of_its_simulation_and_tells_of_its_rounds(self):
        heard = {"two": [], "three": [], "model": [], "client": []}
        metrics, checkpoints = MetricsCallback(), CheckpointCallback(self.dir / "kept")
        with a_server(callbacks=[metrics, checkpoints], discrete_columns=["diagnosis"]) as server:
            server.on_round_complete(lambda number, numbers: heard["two"].append((number, sorted(numbers))))

            @server.on_round_complete
            def log_progress(round_num, metrics, n_clients):
                heard["three"].append((round_num, server.n_rounds, n_clients))

            server.on_training_complete(heard["model"].append)
            server.start(background=True)
            first = FederatedClient(server_url=server.url, client_id="client-1", **QUIET)
            first.on_train_complete(heard["client"].append)
            errors = in_threads(lambda: first.train(patients(0)), train(server, "client-2", 1))
            self.assertEqual(errors, [None, None])
            self.assertTrue(server.wait(60))
            rows = server.generate(30)
        self.assertEqual(len(rows), 30)
        self.assertEqual([r for r, _ in heard["two"]], [1, 2])
        self.assertIn("generator_loss", heard["two"][0][1])
        self.assertEqual(heard["three"], [(1, 2, 2), (2, 2, 2)])
        self.assertEqual([m.sha256 for m in heard["model"]], [server.model.sha256])
        self.assertEqual(len(heard["client"]), 2)
        self.assertEqual(checkpoints.last_round, 2)
        self.assertEqual({c["client_id"] for c in metrics.clients}, {"client-1", "client-2"})
        simulated = FederatedSynthesizer(n_rounds=2, local_epochs=1, config=SMALL, min_clients=2, **QUIET)
        simulated.fit([patients(0), patients(1)], discrete_columns=["diagnosis"])
        first, other = simulated.generate(200), server.generate(200)
        self.assertEqual(first.to_csv(), other.to_csv())

    def test_certificates_and_a_token_are_asked_for(self):
        for what in (["ca"], ["server", "127.0.0.1"], ["client", "a"], ["client", "b"]):
            subprocess.run([BIN / "genesis", "certs", *what, "--dir", self.dir], check=True, capture_output=True, timeout=60)
        server = a_server(
            ssl_cert=self.dir / "server.crt", ssl_key=self.dir / "server.key", ssl_client_ca=self.dir / "ca.crt", auth_token="a-long-enough-token")
        with server.start(background=True):
            self.assertTrue(server.url.startswith("https://"))
            own = {name: {"ssl_verify": self.dir / "ca.crt", "ssl_cert": self.dir / f"{name}.crt", "ssl_key": self.dir / f"{name}.key"}
                   for name in "ab"}
            with self.assertRaises(genesis.RefusedError):
                train(server, "a", 0, **own["a"], auth_token="another-token-than-that")()
            token = {"auth_token": "a-long-enough-token"}
            errors = in_threads(train(server, "a", 0, **own["a"], **token), train(server, "b", 1, **own["b"], **token))
            self.assertEqual(errors, [None, None])
            self.assertTrue(server.wait(60))

    def test_masked_sums_have_the_model_of_sums_in_the_clear(self):
        models, folder = [], self.dir
        for what in (["ca"], ["server", "127.0.0.1"], *(["client", name] for name in "abc")):
            subprocess.run([BIN / "genesis", "certs", *what, "--dir", folder], check=True, capture_output=True, timeout=60)
        for encryption in ("masking", "none"):
            with a_server(
                secure_aggregation=True, encryption=encryption, min_clients=3,
                ssl_cert=folder / "server.crt", ssl_key=folder / "server.key", ssl_client_ca=folder / "ca.crt",
            ).start(background=True) as server:
                errors = in_threads(*(
                    train(server, name, i, ssl_verify=folder / "ca.crt", ssl_cert=folder / f"{name}.crt", ssl_key=folder / f"{name}.key",
                          state=folder / encryption / name, secure_aggregation=encryption == "masking")
                    for i, name in enumerate("abc")))
                self.assertEqual(errors, [None] * 3)
                self.assertTrue(server.wait(60))
            models.append(server.model.sha256)
        self.assertEqual(*models)

    def test_a_site_that_wants_secure_sums_joins_no_training_without(self):
        with a_server().start(background=True) as server:
            with self.assertRaisesRegex(genesis.RefusedError, "secure sums"):
                train(server, "a", 0, secure_aggregation=True, state=self.dir / "a")()

    def test_a_site_without_what_secure_sums_need_is_told_the_argument(self):
        with self.assertRaises(genesis.ArgumentError) as raised:
            FederatedClient("http://x:1", secure_aggregation=True)
        self.assertEqual(raised.exception.field, "state")
        for encryption, field in (("masking", "state"), ("paillier", "paillier_key")):
            hidden = {"privacy.secureAggregation.encryption": encryption}
            with a_server(min_clients=3, settings=hidden).start(background=True) as server:
                with self.assertRaises(genesis.ArgumentError) as raised:
                    train(server, "a", 0, state=None if field == "state" else self.dir / "a")()
                self.assertEqual(raised.exception.field, field, raised.exception)

    def test_what_leaves_is_told_and_nothing_is_sent(self):
        with a_server().start(background=True) as server:
            client = FederatedClient(server_url=server.url, client_id="a", **QUIET)
            lines = client.what_leaves(patients(0), discrete_columns=["diagnosis"])
        self.assertTrue(any("diagnosis" in line for line in lines), lines)

    def test_a_site_that_asks_for_privacy_joins_no_training_without(self):
        with a_server().start(background=True) as server:
            with self.assertRaisesRegex(genesis.RefusedError, "epsilon 1 and delta 1e-05 at most, and the training has none"):
                train(server, "a", 0, privacy={"differential_privacy": {"epsilon": 1.0}})()

    def test_a_private_training_is_joined_by_a_site_that_asks_for_no_more(self):
        private = {"differential_privacy": {"epsilon": 2.0, "delta": 1e-5}}
        with a_server(method="mixture", config=None, local_epochs=None, privacy=private).start(background=True) as server:
            with self.assertRaises(genesis.RefusedError):
                train(server, "c", 2, privacy={"differential_privacy": {"epsilon": 1.0}})()
            errors = in_threads(*(train(server, name, i, privacy=private, ledger=self.dir / name) for i, name in enumerate("ab")))
            self.assertEqual(errors, [None, None])
            self.assertTrue(server.wait(60))

    def test_a_batch_size_that_pac_does_not_divide_is_rounded_down_at_the_client(self):
        with a_server(config={**SMALL, "pac": 10}).start(background=True) as server:
            with self.assertLogs("genesis", logging.INFO) as logged:
                errors = in_threads(train(server, "a", 0, batch_size=64), train(server, "b", 1))
            self.assertEqual(errors, [None, None])
        self.assertRegex("\n".join(logged.output), "asked=64 used=60")

    def test_clients_without_a_name_are_named_after_their_host_each_in_its_own_way(self):
        metrics = MetricsCallback()
        host = re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname().partition(".")[0]).lstrip("_-")[:58]
        with a_server(callbacks=[metrics]).start(background=True) as server:
            self.assertEqual(in_threads(train(server, None, 0), train(server, None, 1)), [None, None])
        self.assertEqual({c["client_id"] for c in metrics.clients}, {host, f"{host}-2"})

    def test_the_ledger_of_rows_is_not_named_after_a_host(self):
        private = {"differential_privacy": {"epsilon": 2.0, "delta": 1e-5}}
        with a_server(method="mixture", config=None, local_epochs=None, privacy=private).start(background=True) as server:
            with self.assertRaisesRegex(genesis.ArgumentError, "name the rows, or the client"):
                train(server, None, 0, privacy=private, ledger=self.dir / "ledger")()
            self.assertFalse((self.dir / "ledger").exists())

    def test_stopping_ends_both_sides(self):
        server = a_server(n_rounds=10000).start(background=True)
        clients = [FederatedClient(server.url, name, **QUIET) for name in "ab"]
        begun = threading.Event()
        clients[0].on_train_complete(lambda metrics: begun.set())
        stopping = threading.Thread(target=lambda: (begun.wait(60), [client.stop() for client in clients], server.stop()))
        stopping.start()
        errors = in_threads(*(lambda c=c, i=i: c.train(patients(i)) for i, c in enumerate(clients)))
        stopping.join()
        self.assertEqual([type(error) for error in errors], [genesis.TrainingError] * 2)
        with self.assertRaisesRegex(genesis.TrainingError, "stopped"):
            server.generate(1)

    def test_a_server_that_is_not_there_is_tried_as_often_as_the_client_says(self):
        with socket.socket() as bound:  # and does not listen
            bound.bind(("127.0.0.1", 0))
            client = FederatedClient(f"http://127.0.0.1:{bound.getsockname()[1]}", "a", retry_attempts=1, **QUIET)
            with self.assertNoLogs("genesis", logging.WARNING):  # as there is after a second and a half of trying
                with self.assertRaises(genesis.UnavailableError):
                    client.train(patients(0))

    def interrupted(self, code, begins):
        """Seconds from an interrupt to its KeyboardInterrupt in a process that runs this once it prints what begins."""
        code = ("import logging, sys; logging.basicConfig(level='INFO', stream=sys.stdout, force=True)\n"
                "from genesis.federated import FederatedClient, FederatedServer\nfrom tables import SMALL, patients\n"
                f"try: {code}\nexcept KeyboardInterrupt: print('interrupted', flush=True)\n")
        process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True, cwd=pathlib.Path(__file__).parent)
        with process:
            seen = next((line for line in process.stdout if begins in line), None)
            self.assertIsNotNone(seen)
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            self.assertTrue(any(line == "interrupted\n" for line in process.stdout))
            taken = time.monotonic() - sent
            self.assertEqual(process.wait(60), 0)
        return taken

    def test_an_interrupt_ends_a_server_and_a_client_soon(self):
        taken = {"start": self.interrupted("FederatedServer(host='127.0.0.1', port=0, verbose=False).start()", "waiting-for=")}
        with a_server(min_clients=1, n_rounds=1, local_epochs=10000).start(background=True) as server:
            taken["train"] = self.interrupted(
                f"FederatedClient({server.url!r}, 'a', verbose=False).train(patients(0, 5000))", "leaves this site")
        for name, seconds in taken.items():
            self.assertLess(seconds, 10, name)  # a second on a machine that has one to spare

    def test_a_port_that_is_taken_is_said(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with self.assertRaises(genesis.GenesisError) as raised:
                a_server(port=port).start()
        self.assertEqual(raised.exception.field, "port")

    def test_arguments_are_refused_by_name(self):
        class NoCallback:
            pass

        for field, call in {
            "port": lambda: FederatedServer(port=70000),
            "min_clients": lambda: FederatedServer(min_clients=5, max_clients=3),
            "client_fraction": lambda: FederatedServer(client_fraction=1.5),
            "encryption": lambda: FederatedServer(encryption="paillier"),
            "callbacks": lambda: FederatedServer(callbacks=[NoCallback()]),
            "on_round_complete": lambda: FederatedServer().on_round_complete(lambda: None),
            "local_epochs": lambda: FederatedClient("http://x:1", local_epochs=0),
            "server_url": lambda: FederatedClient("server:8000"),
            "client_id": lambda: FederatedClient("http://x:1", "a b"),
            "ssl_verify": lambda: FederatedClient("http://x:1", ssl_verify=False),
            "host": lambda: FederatedServer(host=3),
            "ssl_key": lambda: FederatedServer(ssl_cert="server.crt"),
            "encryption ": lambda: FederatedClient("http://x:1", encryption="masking"),
            "paillier_key": lambda: FederatedClient("http://x:1", secure_aggregation=True, state=self.dir, encryption="paillier"),
            "compression": lambda: FederatedClient("http://x:1", compression="rar"),
        }.items():
            with self.subTest(field), self.assertRaises(genesis.ArgumentError) as raised:
                call()
            self.assertEqual(raised.exception.field, field.strip())

    def test_secure_aggregation_needs_certificates(self):
        with self.assertRaisesRegex(genesis.ArgumentError, "ssl_cert and ssl_key and ssl_client_ca"):
            FederatedServer(secure_aggregation=True, encryption="paillier")


class Callbacks(unittest.TestCase):
    def test_a_server_ends_with_the_exception_of_a_callback(self):
        class Broken(Callback):
            def on_round_complete(self, round_num, metrics, n_clients):
                raise LookupError("broken")

        server = a_server(callbacks=[Broken()]).start(background=True)
        clients = [FederatedClient(server.url, name, **QUIET) for name in "ab"]

        def wait():
            try:
                server.wait(60)
            finally:
                for client in clients:  # they would try again for minutes
                    client.stop()

        errors = in_threads(wait, *(lambda c=c, i=i: c.train(patients(i)) for i, c in enumerate(clients)))
        self.assertIsInstance(errors[0], LookupError)


if __name__ == "__main__":
    unittest.main()
