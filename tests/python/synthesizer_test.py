#!/usr/bin/env python3
"""FederatedSynthesizer and Model: synthesizer_test.py BIN, which holds the programs."""

import io
import logging
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from contextlib import redirect_stderr, redirect_stdout

import pandas as pd

import genesis
from genesis.federated import Callback, FederatedSynthesizer, MetricsCallback
from tables import SMALL, patients

BIN = pathlib.Path(sys.argv.pop(1)).resolve()


def small(**arguments):
    return FederatedSynthesizer(**{"n_rounds": 2, "local_epochs": 1, "config": SMALL, "verbose": False, **arguments})


class Trained(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tables = [patients(seed) for seed in range(3)]
        cls.metrics = MetricsCallback()
        cls.synthesizer = small(callbacks=[cls.metrics]).fit(cls.tables, discrete_columns=["diagnosis"])

    def test_rows_have_the_columns_and_dtypes_of_the_tables(self):
        rows = self.synthesizer.generate(300)
        self.assertEqual(len(rows), 300)
        self.assertEqual(list(rows.dtypes), list(self.tables[0].dtypes))
        self.assertLessEqual(set(rows["diagnosis"]), set(self.tables[0]["diagnosis"]))

    def test_the_same_seed_gives_the_same_rows_and_another_one_others(self):
        self.assertTrue(self.synthesizer.generate(50, seed=1).equals(self.synthesizer.generate(50, seed=1)))
        self.assertFalse(self.synthesizer.generate(50, seed=1).equals(self.synthesizer.generate(50, seed=2)))

    def test_all_rows_meet_the_conditions(self):
        rows = self.synthesizer.generate(40, conditions={"diagnosis": "flu"})
        self.assertEqual(set(rows["diagnosis"]), {"flu"})
        rows = self.synthesizer.generate(40, conditions=["age>=40", "diagnosis in flu,cold"])
        self.assertGreaterEqual(rows["age"].min(), 40)
        self.assertLessEqual(set(rows["diagnosis"]), {"flu", "cold"})
        rows = self.synthesizer.generate(40, conditions={"diagnosis": ["flu", "cold"], "smoker": True})
        self.assertEqual(set(rows["diagnosis"]), {"flu", "cold"})
        self.assertEqual(set(rows["smoker"]), {True})
        with self.assertRaises(genesis.ArgumentError) as raised:
            self.synthesizer.generate(1, conditions={"ward": "a"})
        self.assertIn("ward", str(raised.exception))

    def test_what_a_model_cannot_do_names_the_argument(self):
        model = self.synthesizer.model
        for field, call in {
            "n": lambda: model.generate(2**70),
            "conditions": lambda: model.generate(1, conditions={"ward": "a"}),
            "real": lambda: model.evaluate(self.tables[0].rename(columns={"age": "years"})),
            "discrete_columns": lambda: model.evaluate(self.tables[0], discrete_columns="age"),
            "path": lambda: model.save("/proc/no/such/folder"),
        }.items():
            with self.subTest(field), self.assertRaises(genesis.GenesisError) as raised:
                call()
            self.assertEqual(raised.exception.field, field)
            self.assertTrue(raised.exception.advice)
        for conditions in (3, [3], {"diagnosis": []}, {"diagnosis": ["flu", None]}):
            with self.assertRaisesRegex(genesis.ArgumentError, "^conditions: "):
                model.generate(1, conditions=conditions)

    def test_a_saved_model_is_the_same_and_a_pickle_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "federated_model.pkl")
            with self.assertLogs("genesis", logging.WARNING):
                self.synthesizer.save(path)
            loaded = FederatedSynthesizer.load(path)
            self.assertEqual(loaded.model.bytes, self.synthesizer.model.bytes)
            text = self.synthesizer.generate(20).to_csv()
            self.assertEqual(loaded.generate(20).to_csv(), text)
            path.write_bytes(pickle.dumps({"a": 1}))
            with self.assertRaisesRegex(genesis.ArgumentError, "pickle"):
                genesis.Model.load(path)
            with self.assertRaises(genesis.FileError):
                genesis.Model.load(path.with_name("absent"))

    def test_a_report_compares_with_real_rows(self):
        report = self.synthesizer.evaluate(self.tables, discrete_columns=["diagnosis"])
        self.assertGreater(report.overall, 0.2)
        self.assertEqual(report["rows"], {"real": 360, "synthetic": 360, "holdout": None})
        self.assertIn("age", str(report))

    def test_the_card_says_how_the_model_was_made(self):
        card = self.synthesizer.card()
        self.assertIn("#", card["markdown"])
        self.assertIn(self.synthesizer.model.sha256, str(card))

    def test_callbacks_hear_of_each_round_and_client(self):
        self.assertEqual([r["round"] for r in self.metrics.rounds], [1, 2])
        self.assertEqual([r["n_clients"] for r in self.metrics.rounds], [3, 3])
        self.assertIn("generator_loss", self.metrics.rounds[0])
        self.assertEqual({c["client_id"] for c in self.metrics.clients}, {"client-1", "client-2", "client-3"})


class CommandLine(unittest.TestCase):
    def test_the_same_seed_and_rows_give_the_model_of_the_command_line(self):
        tables = [patients(seed) for seed in range(2)]
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for i, table in enumerate(tables):
                table.to_csv(folder / f"{i}.csv", index=False)
            (folder / "training.yaml").write_text(
                "apiVersion: federated.genesis.dev/v1alpha1\nkind: FederatedTraining\nmetadata: {name: training}\n"
                "spec:\n  seed: 7\n"
                "  model: {embeddingDim: 16, generatorDims: [32, 32], discriminatorDims: [32, 32], pac: 1}\n"
                "  table: {discreteColumns: [diagnosis]}\n  rounds: {count: 2}\n  local: {epochs: 3, batchSize: 50}\n"
                "  aggregation: {strategy: fedprox, proximalMu: 0.1}\n  output: {rows: 0}\n  participants:\n"
                "  - {name: client-1, data: {path: 0.csv}}\n  - {name: client-2, data: {path: 1.csv}}\n")
            subprocess.run([BIN / "genesis", "run", "--simulate", "-f", "training.yaml", "--output-dir", "out"],
                           cwd=folder, check=True, capture_output=True, timeout=120)
            expected = (folder / "out/model.safetensors").read_bytes()
        synthesizer = small(seed=7, local_epochs=3, aggregation="fedprox", proximal_mu=0.1, settings={"output.rows": 0})
        synthesizer.fit(tables, discrete_columns=["diagnosis"])
        self.assertEqual(synthesizer.model.bytes, expected)


class SecureSums(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.key = pathlib.Path(folder.name, "paillier.key")
        golden = pathlib.Path(__file__).parents[1] / "golden/secure/paillier.txt"
        numbers = dict(line.split(" ", 1) for line in golden.read_text().splitlines() if line[:1] != "#")
        lines = ["genesis-paillier-key v2", *(numbers[name] for name in ("p", "q", "alpha.p", "alpha.q"))]
        self.key.write_text("\n".join(lines) + "\n")

    def fitted(self, encryption, **arguments):
        synthesizer = small(method="mixture", config=None, local_epochs=None, secure_aggregation=True, encryption=encryption, **arguments)
        return synthesizer.fit([patients(seed) for seed in range(3)], discrete_columns=["diagnosis"])

    def test_what_hides_the_sums_changes_no_byte(self):
        plain = self.fitted("none").model.bytes
        self.assertTrue(self.fitted("masking").model.bytes == plain)
        self.assertTrue(self.fitted("paillier", paillier_key=self.key).model.bytes == plain)

    def test_masked_updates_give_the_model_of_plain_ones(self):
        models = []
        for encryption in ("masking", "none"):
            synthesizer = small(secure_aggregation=True, encryption=encryption)
            synthesizer.fit([patients(seed) for seed in range(3)], discrete_columns=["diagnosis"])
            models.append(synthesizer.model.sha256)
        self.assertEqual(*models)

    def test_what_is_missing_is_named(self):
        for field, arguments in {
            "paillier_key": {"secure_aggregation": True, "encryption": "paillier"},
            "encryption": {"encryption": "masking"},
            "aggregation": {"secure_aggregation": True, "aggregation": "median"},
        }.items():
            with self.subTest(field), self.assertRaises(genesis.ArgumentError) as raised:
                small(**arguments)
            self.assertEqual(raised.exception.field, field)
        with self.assertRaisesRegex(genesis.ArgumentError, "paillier_key: there is no file"):
            small(secure_aggregation=True, encryption="paillier", paillier_key=self.key.with_name("absent"))


class Arguments(unittest.TestCase):
    def refused(self, field, **arguments):
        with self.assertRaises(genesis.ArgumentError) as raised:
            small(**arguments)
        self.assertEqual(raised.exception.field, field)
        self.assertTrue(raised.exception.advice)
        self.assertNotIn("spec.", str(raised.exception))

    def test_errors_name_the_argument_and_say_what_to_do(self):
        self.refused("proximal_mu", aggregation="fedprox")
        self.refused("proximal_mu", proximal_mu=0.1)
        self.refused("config", config={"embeding_dim": 3})
        self.refused("privacy", privacy={"epsilon": 1.0})
        self.refused("config['pac']", config={"pac": 10}, privacy={"differential_privacy": {"epsilon": 1.0}})
        self.refused("max_rows", max_rows=0)
        self.refused("max_rows", max_rows={"a": "many"})
        self.refused("clip_per_layer", clip_per_layer=True)
        self.refused("batch_size", batch_size=5, config={"pac": 10})
        self.refused("config['pac']", config={"pac": object()})
        self.refused("settings['rounds.retrys']", settings={"rounds.retrys": 1})
        self.refused("callbacks", callbacks=MetricsCallback())
        self.refused("ledger", ledger=3)
        self.refused("spec", spec=3)
        with self.assertRaises(genesis.ArgumentError) as raised:  # several faults at once, each with what to do
            small(spec={"kind": "Other"})
        self.assertEqual(raised.exception.field, "spec")
        for n_rounds in (0, "ten"):
            with self.assertRaisesRegex(genesis.ArgumentError, "^n_rounds: "):
                FederatedSynthesizer(n_rounds=n_rounds, config={"epochs": 3})
        for name, arguments in {"n_rounds": {"n_rounds": 0}, "method": {"method": "gan"}, "lr_schedule": {"lr_schedule": "step"}}.items():
            with self.assertRaisesRegex(genesis.ArgumentError, f"^{name}: "):
                FederatedSynthesizer(**arguments)

    def test_tables_that_cannot_be_trained_on_are_named(self):
        for datasets, said in (
            ([], "is empty"),
            (patients(0), "expected a list"),
            ([patients(0), 3], r"datasets\[1\]: expected a pandas"),
            ([patients(0), patients(1).rename(columns={"age": 7})], r"datasets\[1\]: column 1 is named 7"),
            ([patients(0), patients(1)[:0]], r"datasets\[1\]: has 0 rows"),
            ({"a b": patients(0)}, r"^the name of datasets\['a b'\]: \"a b\" is not a DNS label"),
        ):
            with self.subTest(said), self.assertRaisesRegex(genesis.ArgumentError, said):
                small().fit(datasets)
        with self.assertRaises(genesis.GenesisError) as raised:
            small().fit([patients(0), patients(1).rename(columns={"age": "years"})])
        self.assertIn("age", str(raised.exception))
        with self.assertRaises(genesis.ArgumentError) as raised:
            small().fit([patients(0)], discrete_columns=["ward"])
        self.assertEqual(raised.exception.field, "discrete_columns")
        with self.assertRaises(genesis.TrainingError):
            small().generate(1)

    def test_epochs_of_a_config_are_spread_over_the_rounds_and_batches_fit_pac(self):
        with self.assertLogs("genesis", logging.INFO) as logged:
            synthesizer = FederatedSynthesizer(n_rounds=10, batch_size=64, config={"epochs": 304})
        self.assertIn(("local.epochs", "30"), synthesizer._settings.overrides)
        self.assertIn(("local.batchSize", "60"), synthesizer._settings.overrides)
        self.assertRegex("\n".join(logged.output), "300 in 10 rounds of 30, not 304")
        synthesizer = FederatedSynthesizer(n_rounds=10, local_epochs=2, config={"epochs": 300})
        self.assertIn(("local.epochs", "2"), synthesizer._settings.overrides)


class Running(unittest.TestCase):
    LONG = {"n_rounds": 10000, "local_epochs": 100}

    def test_nothing_is_printed_when_it_is_not_verbose(self):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            small(n_rounds=1).fit([patients(0)])
        self.assertEqual((out.getvalue(), err.getvalue()), ("", ""))
        with redirect_stderr(err):
            small(n_rounds=1, verbose=True).fit([patients(0)])
        self.assertIn("1/1", err.getvalue())

    def test_an_interrupt_ends_a_training_soon(self):
        code = ("import sys, time; from genesis.federated import FederatedSynthesizer; from tables import SMALL, patients\n"
                "s = FederatedSynthesizer(n_rounds=1, local_epochs=10000, config=SMALL, verbose=False)\n"
                "print('begins', flush=True)\n"
                "try: s.fit([patients(0, 5000)])\n"
                "except KeyboardInterrupt: print('interrupted', flush=True)\n")
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=pathlib.Path(__file__).parent)
        with process:
            self.assertEqual(process.stdout.readline(), "begins\n")
            time.sleep(1)  # into the training; a signal before it is an interrupt all the same
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.stdout.readline(), "interrupted\n")
            taken = time.monotonic() - sent
            self.assertEqual(process.wait(60), 0)
        self.assertLess(taken, 10)  # a second on a machine that has one to spare

    def test_a_callback_that_raises_ends_the_training(self):
        class Stop(Callback):
            def on_round_complete(self, round_num, metrics, n_clients):
                raise LookupError(f"in round {round_num}")

        with self.assertRaisesRegex(LookupError, "in round 1"):
            small(callbacks=[Stop()], **self.LONG).fit([patients(0)])

    def test_two_trainings_at_once_are_those_that_they_are_alone(self):
        alone = small().fit([patients(0), patients(1)]).model.bytes
        models = {}
        threads = [threading.Thread(target=lambda i=i: models.update({i: small().fit([patients(0), patients(1)]).model.bytes}))
                   for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(models, {0: alone, 1: alone})

    def test_a_process_may_fork_after_the_import(self):
        code = ("import os; from genesis.federated import FederatedSynthesizer; from tables import SMALL, patients\n"
                "fit = lambda: FederatedSynthesizer(n_rounds=1, local_epochs=1, config=SMALL, verbose=False).fit([patients(0)]).model.sha256\n"
                "child = os.fork()\n"
                "if child == 0: print(fit(), flush=True); os._exit(0)\n"
                "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0\n"
                "print(fit(), flush=True)\n")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=pathlib.Path(__file__).parent)
        self.assertEqual(done.returncode, 0, done.stderr)
        child, parent = done.stdout.split()
        self.assertEqual(child, parent)

    def test_a_process_may_fork_while_it_trains(self):
        code = ("import os, sys, threading; from genesis.federated import FederatedSynthesizer; from tables import SMALL, patients\n"
                "begun = threading.Event()\n"
                "long = FederatedSynthesizer(n_rounds=100000, local_epochs=1, config=SMALL, verbose=False)\n"
                "long.on_round_complete(lambda number, metrics: begun.set())\n"
                "threading.Thread(target=lambda: long.fit([patients(0)]), daemon=True).start()\n"
                "begun.wait()\n"
                "for i in range(20):\n"
                "    child = os.fork()\n"
                "    if child == 0 and i: sys.exit(3)\n"
                "    if child == 0:\n"
                "        FederatedSynthesizer(n_rounds=1, local_epochs=1, config=SMALL, verbose=False).fit([patients(0)]).generate(5)\n"
                "        sys.exit(3)\n"
                "    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3, i\n"
                "print('forked', flush=True); os._exit(0)\n")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, cwd=pathlib.Path(__file__).parent)
        self.assertEqual((done.returncode, done.stdout), (0, "forked\n"), done.stderr)

    def test_a_private_training_is_charged_to_the_ledger_that_is_named(self):
        with tempfile.TemporaryDirectory() as ledger:
            synthesizer = FederatedSynthesizer(
                method="mixture", privacy={"differential_privacy": {"epsilon": 3.0}}, ledger=ledger, verbose=False)
            synthesizer.fit([patients(0), patients(1)], discrete_columns=["diagnosis"])
            self.assertTrue(any(pathlib.Path(ledger).iterdir()))
            self.networks_need_to_be_told_how_many_rows_there_are(ledger)
        self.assertTrue(re.search("epsilon", synthesizer.card()["markdown"], re.I))

    def networks_need_to_be_told_how_many_rows_there_are(self, ledger):
        private = {"differential_privacy": {"epsilon": 3.0}}
        tables = {"ward-a": patients(0), "ward-b": patients(1)}
        for method, config in (("ctgan", SMALL), ("autoregressive", {"hidden": 16, "batch_size": 50})):
            one = {"method": method, "config": config, "privacy": private, "ledger": ledger, "n_rounds": 2, "local_epochs": 1, "verbose": False}
            with self.assertRaises(genesis.ArgumentError) as raised:
                FederatedSynthesizer(**one).fit(tables, discrete_columns=["diagnosis"])
            self.assertEqual(raised.exception.field, "max_rows")
            with self.assertRaises(genesis.ArgumentError) as raised:
                FederatedSynthesizer(max_rows={"ward-a": 120}, **one).fit(tables, discrete_columns=["diagnosis"])
            self.assertIn("'ward-b'", str(raised.exception))
            fitted = FederatedSynthesizer(max_rows=120, **one).fit(tables, discrete_columns=["diagnosis"])
            self.assertEqual(len(fitted.generate(30)), 30)


if __name__ == "__main__":
    unittest.main()
