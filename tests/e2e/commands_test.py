#!/usr/bin/env python3
"""The commands of `genesis` as people type them: numbers that survive a training, conditions, reports, and
what is refused.

commands_test.py BIN SOURCE: BIN holds the programs, SOURCE is the repository. Standard library only.
"""

import collections
import csv
import gzip
import json
import math
import os
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

BIN = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(SOURCE / "tests" / "support"))
from programs import DEADLINE, OwnFolder, wait_until  # noqa: E402


def genesis(*arguments, **options):
    return subprocess.run([BIN / "genesis", *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE, **options)


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def column(path, name):
    return [row[name] for row in read_csv(path)]


def numbers(path, name):
    return [float(value) for value in column(path, name) if value]


def spec_text(sites, rounds=2, rows=200, table="", learning_rate=0.001, epochs=1):
    lines = [
        "apiVersion: federated.genesis.dev/v1alpha1",
        "kind: FederatedTraining",
        "metadata: {name: commands}",
        "spec:",
        "  seed: 11",
        "  model: {embeddingDim: 32, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}",
        f"  rounds: {{count: {rounds}, minClients: {len(sites)}}}",
        f"  local: {{epochs: {epochs}, batchSize: 50, learningRate: {learning_rate}}}",
        f"  output: {{rows: {rows}}}",
    ]
    if table:
        lines.append(f"  table: {table}")
    lines.append("  participants:")
    lines += [f"  - name: {site}\n    data: {{path: {site}.csv}}" for site in sites]
    return "\n".join(lines) + "\n"


def patients(count, seed):
    """age, sex, crp (some missing), admitted, dx, stay."""
    r = random.Random(seed)
    diagnoses = ["I10", "a=b", "x, y", 'say "hi"', " spaced ", "größe"]
    for _ in range(count):
        crp = "" if r.random() < 0.2 else f"{r.gauss(9, 3):.1f}"
        admitted = f"2022-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"
        yield [min(95, max(18, round(r.gauss(55, 15)))), r.choice("FM"), crp, admitted, r.choice(diagnoses), r.randrange(1, 60)]


HEADER = ["age", "sex", "crp", "admitted", "dx", "stay"]


class Commands(OwnFolder):
    def train(self, tables, *more, **spec):
        """A simulated training of tables {site: (header, rows)}; the folder of its output."""
        for site, (header, rows) in tables.items():
            write_csv(self.dir / f"{site}.csv", header, rows)
        (self.dir / "training.yaml").write_text(spec_text(list(tables), **spec))
        out = self.dir / "out"
        done = genesis("run", "-f", self.dir / "training.yaml", "--output-dir", out, "--simulate", "--json", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.report = json.loads(done.stdout.splitlines()[-1])
        return out

    def assert_complains(self, done, *words):
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertGreater(done.returncode, 0, "ended by a signal")
        for word in words:
            self.assertIn(word, done.stderr + done.stdout)


class Numbers(Commands):
    """Trainings are short: the encoding is what is looked at, and what a hundred small steps have learnt."""

    def test_tiny_and_many_digit_numbers(self):
        r = random.Random(5)
        tables = {}
        for site in ("a", "b"):
            rows = [[repr(r.lognormvariate(-27, 1)), repr(10 ** -r.uniform(0, 20)), repr(r.gauss(0, 1)), r.choice("xy")] for _ in range(500)]
            tables[site] = (["mol", "p", "z", "group"], rows)
        out = self.train(tables, rounds=10)
        mol, p, z = (numbers(out / "synthetic.csv", name) for name in ("mol", "p", "z"))
        self.assertGreater(min(mol), 0.0)
        self.assertTrue(1e-13 < statistics.median(mol) < 3e-11, statistics.median(mol))
        self.assertTrue(1e-17 < statistics.median(p) < 1e-3, statistics.median(p))
        self.assertLess(max(map(abs, z)), 10)
        self.assertGreater(statistics.stdev(z), 0.2)

    def test_one_typing_error_in_amounts_of_six_magnitudes(self):
        r = random.Random(5)
        tables = {}
        for site in ("a", "b"):
            rows = [[f"{r.paretovariate(0.9) * 20:.2f}", f"{r.gauss(0, 1) ** 5 * 1000:.2f}", r.choice("xy")] for _ in range(800)]
            tables[site] = (["claim", "balance", "group"], rows)
        tables["b"][1][77][0] = "1000000000000.00"
        out = self.train(tables, rounds=60, rows=1000)
        real = [float(row[0]) for _, rows in tables.values() for row in rows]
        claims = numbers(out / "synthetic.csv", "claim")
        self.assertGreaterEqual(min(claims), min(real))
        ratio = statistics.median(claims) / statistics.median(real)
        self.assertTrue(0.5 < ratio < 2, ratio)
        balances = numbers(out / "synthetic.csv", "balance")
        self.assertTrue(min(balances) < 0 < max(balances))

    def test_not_stated_as_a_number_and_noise_in_one_cell(self):
        r = random.Random(6)
        tables = {}
        for site in ("a", "b"):
            rows = [[999999999 if r.random() < 0.05 else round(r.gauss(32000, 9000)), f"{r.uniform(1, 90):.1f}"] for _ in range(800)]
            tables[site] = (["income", "price"], rows)
        tables["a"][1][3][1] = "0.30000000000000004"
        out = self.train(tables, rounds=30, rows=1000)
        incomes = numbers(out / "synthetic.csv", "income")
        stated = [income for income in incomes if income != 999999999]
        self.assertLess(max(stated), 100000)
        self.assertTrue(20000 < statistics.median(stated) < 45000, statistics.median(stated))
        self.assertTrue(all(len(price.partition(".")[2]) == 1 for price in column(out / "synthetic.csv", "price")))

    def test_whole_numbers_with_and_without_a_point(self):
        r = random.Random(7)
        plain = [[r.randrange(4), r.randrange(18, 90)] for _ in range(500)]
        pointed = [["" if r.random() < 0.2 else f"{r.randrange(4)}.0", f"{r.randrange(18, 90)}.0"] for _ in range(500)]
        out = self.train({"a": (["children", "age"], plain), "b": (["children", "age"], pointed)}, rounds=10, rows=500)
        children = set(column(out / "synthetic.csv", "children"))
        self.assertLessEqual(children, {"", "0", "1", "2", "3"})
        self.assertTrue(all(age.isdigit() for age in column(out / "synthetic.csv", "age")))

    def test_conditions_reach_a_rare_groups_amounts(self):
        """One payment in fifty is a fraud, of a hundred times the amount."""
        r = random.Random(8)
        tables = {}
        for site in ("a", "b"):
            rows = []
            for _ in range(1500):
                fraud = r.random() < 0.02
                rows.append([f"{math.exp(r.gauss(8.3 if fraud else 3.7, 0.5)):.2f}", r.choice("xyz"), "yes" if fraud else "no"])
            tables[site] = (["amount", "shop", "fraud"], rows)
        out = self.train(tables, rounds=60, rows=500)
        real = {flag: statistics.median(float(row[0]) for _, rows in tables.values() for row in rows if row[2] == flag) for flag in ("yes", "no")}
        for flag in ("yes", "no"):
            rows = self.dir / f"{flag}.csv"
            done = genesis("generate", "--model", out / "model.safetensors", "--rows", 300, "--where", f"fraud={flag}", "-o", rows)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(set(column(rows, "fraud")), {flag})
            ratio = statistics.median(numbers(rows, "amount")) / real[flag]
            self.assertTrue(1 / 3 < ratio < 3, f"{flag}: {ratio}")


class Completion(Commands):
    """genesis impute, generate --rows-like and --balance."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="genesis-completion-")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.models = {}
        folder = pathlib.Path(cls.folder.name)
        for site, seed in (("a", 1), ("b", 2)):
            write_csv(folder / f"{site}.csv", HEADER, patients(600, seed))
        (folder / "training.yaml").write_text(spec_text(["a", "b"], rounds=8))
        for method in ("autoregressive", "mixture", "ctgan"):
            done = genesis("run", "-f", folder / "training.yaml", "--set", f"model={{method: {method}}}", "--output-dir", folder / method,
                           "--simulate")
            assert done.returncode == 0, done.stderr
            cls.models[method] = folder / method / "model.safetensors"

    def gaps(self):
        """Rows of which one cell in three is missing, and a column that the model does not have."""
        r = random.Random(3)
        rows = [[cell if r.random() < 0.67 else r.choice(["", " "]) for cell in row] + [f"note {i}, \"x\""]
                for i, row in enumerate(patients(5000, 9))]
        write_csv(self.dir / "gaps.csv", [*HEADER, "note"], rows)
        return rows

    def test_impute_fills_what_is_missing_and_nothing_else(self):
        rows = self.gaps()
        for method in ("autoregressive", "mixture"):
            done = genesis("impute", "--model", self.models[method], "--data", self.dir / "gaps.csv", "-o", self.dir / "filled.csv")
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(self.dir / "filled.csv", newline="") as file:
                header, *filled = csv.reader(file)
            self.assertEqual(header, [*HEADER, "note"])
            self.assertEqual(len(filled), len(rows))
            for was, now in zip(rows, filled):
                for before, after in zip(was, now):
                    if str(before).strip():
                        self.assertEqual(after, str(before).strip())
                    else:
                        self.assertTrue(after.strip())
            self.assertRegex(done.stderr, f"{HEADER[0]}: [0-9]+ cells filled")

    def test_impute_reads_decimal_commas_and_keeps_what_was_given(self):
        """A value beyond the column's and one of another kind are kept; text that a spreadsheet would run is the file's own."""
        write_csv(self.dir / "gaps.csv", ["age", "crp", "stay", "note"], [["40", "9,5", "", "=1+1"], ["999", "8,25", "12", "+49 1"], ["", "x", "5", ""]])
        done = genesis("impute", "--model", self.models["mixture"], "--data", self.dir / "gaps.csv", "-o", self.dir / "filled.csv")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.dir / "filled.csv", newline="") as file:
            _, *filled = csv.reader(file)
        self.assertEqual([row[1] for row in filled], ["9,5", "8,25", "x"])
        self.assertEqual([row[3] for row in filled], ["=1+1", "+49 1", ""])
        self.assertEqual(filled[1][0], "999")
        self.assertIn("age: 1 cells hold values that the model does not know", done.stderr)
        self.assertIn("crp: 1 cells hold values", done.stderr)

    def test_rows_are_like_those_of_a_file(self):
        write_csv(self.dir / "like.csv", [HEADER[1], HEADER[0]], [[row[1], row[0]] for row in patients(300, 4)])
        for method in ("autoregressive", "mixture"):
            done = genesis("generate", "--model", self.models[method], "--rows-like", self.dir / "like.csv", "-o", self.dir / "rows.csv")
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = read_csv(self.dir / "rows.csv")
            self.assertEqual([[row[HEADER[1]], row[HEADER[0]]] for row in rows],
                             [[str(row[1]), str(row[0])] for row in patients(300, 4)])
            self.assertEqual(list(rows[0]), HEADER)

    def test_a_balanced_column_has_each_value_as_often(self):
        for method, model in self.models.items():
            done = genesis("generate", "--model", model, "--rows", 302, "--balance", "dx", "-o", self.dir / "rows.csv")
            self.assertEqual(done.returncode, 0, f"{method}: {done.stderr}")
            counts = collections.Counter(column(self.dir / "rows.csv", "dx"))
            self.assertEqual(sum(counts.values()), 302)
            self.assertLessEqual(max(counts.values()) - min(counts.values()), 1, counts)

    def test_rows_are_compressed_as_the_name_says(self):
        model = ("generate", "--model", self.models["mixture"], "--rows", 20000, "-o")
        for name in ("rows.csv", "rows.csv.gz", "rows.csv.zst"):
            self.assertEqual(genesis(*model, self.dir / name).returncode, 0)
        plain = (self.dir / "rows.csv").read_bytes()
        self.assertEqual(gzip.decompress((self.dir / "rows.csv.gz").read_bytes()), plain)
        self.assertLess((self.dir / "rows.csv.gz").stat().st_size, len(plain) / 2)
        zstd = subprocess.run(["zstd", "-dc", self.dir / "rows.csv.zst"], capture_output=True, timeout=DEADLINE)
        self.assertEqual(zstd.stdout, plain)

    def test_what_cannot_be_completed_is_said(self):
        self.gaps()
        def refused(*arguments):
            done = genesis(*arguments, "-o", self.dir / "none.csv")
            self.assertFalse((self.dir / "none.csv").exists())
            return done
        impute = lambda method, data: refused("impute", "--model", self.models[method], "--data", data)
        self.assert_complains(impute("ctgan", self.dir / "gaps.csv"), "ctgan", "autoregressive or mixture")
        write_csv(self.dir / "other.csv", ["z"], [["1"]])
        self.assert_complains(impute("mixture", self.dir / "other.csv"), "other.csv", "none of its columns")
        self.assert_complains(impute("mixture", self.dir / "absent.csv"), "absent.csv")
        model = ("generate", "--model", self.models["mixture"])
        self.assert_complains(refused(*model, "--rows", 5, "--balance", "age"), "'age'", "no categories")
        self.assert_complains(refused(*model, "--rows", 5, "--balance", "dxx"), "did you mean 'dx'")
        self.assertEqual(refused(*model).returncode, 2)


class Page(Commands):
    def test_a_run_is_followed_on_a_page(self):
        for site, seed in (("a", 1), ("b", 2)):
            write_csv(self.dir / f"{site}.csv", HEADER, patients(300, seed))
        (self.dir / "training.yaml").write_text(spec_text(["a", "b"], rounds=2000))
        run = subprocess.Popen([BIN / "genesis", "run", "-f", self.dir / "training.yaml", "--output-dir", self.dir / "out", "--simulate",
                                "--web"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.addCleanup(run.stderr.close)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        url = next(line.split()[1] for line in run.stderr if line.startswith("page: "))
        threading.Thread(target=run.stderr.read, daemon=True).start()
        ask = lambda path="": urllib.request.urlopen(url + path, timeout=DEADLINE).read().decode()
        self.assertIn("<title>Genesis Federated</title>", ask())
        wait_until(lambda: len(json.loads(ask("rounds"))["rounds"]) >= 3, "three rounds")
        seen = json.loads(ask("rounds"))
        self.assertEqual(seen["status"]["round"]["total"], 2000)
        self.assertEqual({client["id"] for client in seen["status"]["clients"]}, {"a", "b"})
        self.assertIn("generator", seen["rounds"][0]["losses"])
        with self.assertRaises(urllib.error.HTTPError):
            urllib.request.urlopen(url.rsplit("/", 2)[0] + "/rounds", timeout=DEADLINE)


class Conditions(Commands):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="genesis-conditions-")
        cls.addClassCleanup(cls.folder.cleanup)
        folder = pathlib.Path(cls.folder.name)
        for site, seed in (("a", 1), ("b", 2)):
            write_csv(folder / f"{site}.csv", HEADER, patients(600, seed))
        (folder / "training.yaml").write_text(spec_text(["a", "b"], rounds=8))
        done = genesis("run", "-f", folder / "training.yaml", "--output-dir", folder / "out", "--simulate")
        assert done.returncode == 0, done.stderr
        cls.model = folder / "out" / "model.safetensors"

    def generate(self, *where, rows=100, more=()):
        flags = [word for condition in where for word in ("--where", condition)]
        return genesis("generate", "--model", self.model, "--rows", rows, *flags, *more, "-o", self.dir / "w.csv")

    def assert_holds(self, where, predicate):
        done = self.generate(*([where] if isinstance(where, str) else where))
        self.assertEqual(done.returncode, 0, f"{where}: {done.stderr}")
        rows = read_csv(self.dir / "w.csv")
        self.assertEqual(len(rows), 100)
        for row in rows:
            self.assertTrue(predicate(row), f"{where}: {row}")

    def test_each_kind_of_condition_holds_in_every_row(self):
        self.assert_holds("age=40..60", lambda row: 40 <= int(row["age"]) <= 60)
        self.assert_holds("age>=60", lambda row: int(row["age"]) >= 60)
        self.assert_holds("age=50", lambda row: row["age"] == "50")
        self.assert_holds("crp<5", lambda row: float(row["crp"] or 99) < 5)
        self.assert_holds("crp=", lambda row: row["crp"] == "")
        self.assert_holds("crp is not missing", lambda row: row["crp"] != "")
        self.assert_holds("admitted>=2022-07-01", lambda row: row["admitted"] >= "2022-07-01")
        self.assert_holds("admitted in 2022-03-01..2022-03-31,2022-10-01..", lambda row: row["admitted"][:7] in ("2022-03", "2022-10", "2022-11", "2022-12"))
        for value in ("a=b", "x, y", 'say "hi"', " spaced ", "größe"):
            self.assert_holds(f"dx={value}", lambda row, value=value: row["dx"] == value.strip())
        self.assert_holds('dx in I10,"x, y"', lambda row: row["dx"] in ("I10", "x, y"))
        self.assert_holds("dx!=I10", lambda row: row["dx"] != "I10")
        self.assert_holds(["sex=F", "age>=50", "stay<30"], lambda row: row["sex"] == "F" and int(row["age"]) >= 50 and int(row["stay"]) < 30)

    def test_what_cannot_be_met_is_refused_with_the_way_out(self):
        for where, *words in (
            (["sex=F", "sex=M"], "contradicts another condition on column 'sex'"),
            (["age>60", "age<50"], "contradicts"),
            (["age>=300"], "its values reach from"),
            (["admitted=01.03.2022"], "written as %Y-%m-%d"),
            (["dx=J99"], "has no category"),
            (["DX=I10"], "did you mean 'dx'?"),
            (["sex"], "expected column=value"),
            (["age=>40"], "write age>40"),
            (["age is missing"], "no missing cells"),
        ):
            with self.subTest(where=where):
                (self.dir / "w.csv").write_text("older\n")
                self.assert_complains(self.generate(*where), *words)
                self.assertEqual((self.dir / "w.csv").read_text(), "older\n")

    def test_conditions_too_rare_are_given_up_with_the_share(self):
        where = ["age=91", "stay=59", "admitted=2022-02-28", "crp=14.7", "dx=größe"]
        self.assert_complains(self.generate(*where), "rows that the model drew", "met the conditions (", "wider ranges")
        self.assertFalse((self.dir / "w.csv").exists())

    def test_the_same_conditions_and_seed_give_the_same_rows(self):
        self.generate("age>=60", rows=50)
        first = (self.dir / "w.csv").read_text()
        self.generate("age>=60", rows=80)
        self.assertTrue((self.dir / "w.csv").read_text().startswith(first))
        self.generate("age>=60", rows=50, more=("--seed", 4))
        self.assertNotEqual((self.dir / "w.csv").read_text(), first)

    def test_counts_that_are_none_are_refused(self):
        for rows in ("-5", "1e3", "1.5", "", "99999999999999999999"):
            with self.subTest(rows=rows):
                self.assert_complains(self.generate(rows=rows), "--rows")
                self.assertFalse((self.dir / "w.csv").exists())
        self.assert_complains(self.generate(more=("--seed", "-1")), "--seed")
        self.assertEqual(self.generate(rows=0).returncode, 0)
        self.assertEqual((self.dir / "w.csv").read_text(), ",".join(HEADER) + "\n")

    def test_an_output_that_breaks_off_leaves_no_part(self):
        command = [BIN / "genesis", "generate", "--model", self.model, "--rows"]
        (self.dir / "w.csv").write_text("older\n")
        limited = subprocess.run(
            ["bash", "-c", 'trap "" XFSZ; ulimit -f 100; exec "$@"', "bash", *map(str, command), "100000", "-o", str(self.dir / "w.csv")],
            capture_output=True, text=True, timeout=DEADLINE)
        self.assert_complains(limited, "w.csv")
        self.assertEqual((self.dir / "w.csv").read_text(), "older\n")
        self.assertEqual([path.name for path in self.dir.iterdir()], ["w.csv"])
        full = subprocess.run([*map(str, command), "1000", "-o", "/dev/full"], capture_output=True, text=True, timeout=DEADLINE)
        self.assert_complains(full, "/dev/full")
        piped = subprocess.Popen([*map(str, command), "1000000", "-o", "/dev/stdout"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.assertEqual(piped.stdout.readline().decode(), ",".join(HEADER) + "\n")
        piped.stdout.close()
        self.assertNotEqual(piped.wait(DEADLINE), 0)


class Evaluation(Commands):
    def setUp(self):
        super().setUp()
        self.real = list(patients(400, 1))
        write_csv(self.dir / "real.csv", HEADER, self.real)

    def evaluate(self, header, rows, *more):
        write_csv(self.dir / "other.csv", header, rows)
        return genesis("evaluate", "--real", self.dir / "real.csv", "--synthetic", self.dir / "other.csv", *more)

    def json_of(self, header, rows):
        done = self.evaluate(header, rows, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_columns_are_compared_by_name_in_any_order(self):
        rows = list(patients(400, 2))
        straight = self.json_of(HEADER, rows)
        order = [3, 1, 0, 5, 4, 2]
        turned = self.json_of([HEADER[k] for k in order], [[row[k] for k in order] for row in rows])
        self.assertEqual(straight, turned)

    def test_other_columns_are_named(self):
        rows = list(patients(50, 2))
        self.assert_complains(self.evaluate(HEADER[:-1], [row[:-1] for row in rows]), 'missing "stay"')
        self.assert_complains(self.evaluate(["i", *HEADER], [[i, *row] for i, row in enumerate(rows)]), 'additional "i"')
        indexed = self.evaluate(["", *HEADER], [[i, *row] for i, row in enumerate(rows)])
        self.assertEqual(indexed.returncode, 0, indexed.stderr)  # an index is left out
        self.assert_complains(self.evaluate(["", *HEADER], [[i % 9, *row] for i, row in enumerate(rows)]), "column 1 has no name")
        self.assert_complains(self.evaluate(HEADER, []), "other.csv")

    def test_dates_in_another_form_count_nothing_and_are_named(self):
        rows = [[*row[:3], row[3] + " 00:00:00", *row[4:]] for row in patients(400, 2)]
        report = self.json_of(HEADER, rows)
        self.assertEqual(report["without_values"], ["admitted"])
        admitted = next(c for c in report["columns"] if c["name"] == "admitted")
        self.assertEqual((admitted["score"], admitted["cells_unreadable"]), (0.0, 400))
        self.assertLess(report["column_shapes"], self.json_of(HEADER, patients(400, 2))["column_shapes"] - 0.1)
        printed = self.evaluate(HEADER, rows).stdout
        self.assertIn("column 'admitted': 400 synthetic cells are no dates of the form %Y-%m-%d", printed)
        self.assertIn("the column counts 0", printed)

    def test_magnitudes_are_told_by_quantiles(self):
        rows = [[row[0] * 1000, *row[1:]] for row in patients(400, 2)]
        report = self.json_of(HEADER, rows)
        age = next(c for c in report["columns"] if c["name"] == "age")
        self.assertEqual(age["score"], 0.0)
        self.assertAlmostEqual(age["quantiles"]["synthetic"][2] / age["quantiles"]["real"][2], 1000, delta=80)
        self.assertIn("median", self.evaluate(HEADER, rows).stdout)

    def test_values_near_zero_are_not_taken_for_zero(self):
        r = random.Random(3)
        write_csv(self.dir / "real.csv", ["mol"], [[repr(r.lognormvariate(-27, 1))] for _ in range(300)])
        report = self.json_of(["mol"], [["0.0"]] * 300)
        self.assertLess(report["column_shapes"], 0.05)


class Runs(Commands):
    def write_training(self, rounds=2, columns=HEADER):
        order = [HEADER.index(name) for name in columns]
        write_csv(self.dir / "a.csv", HEADER, patients(300, 1))
        write_csv(self.dir / "b.csv", columns, ([row[k] for k in order] for row in patients(300, 2)))
        (self.dir / "training.yaml").write_text(spec_text(["a", "b"], rounds=rounds))

    def arguments(self, out="out"):
        return [str(BIN / "genesis"), "run", "-f", str(self.dir / "training.yaml"), "--output-dir", str(self.dir / out)]

    def start(self, *more, **options):
        process = subprocess.Popen([*self.arguments(), *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        self.started.append(process)
        return process

    def test_two_runs_on_one_folder(self):
        self.write_training(rounds=5000)
        first = self.start()
        wait_until((self.dir / "out" / "logs" / "b.log").exists, "the first run's workers")
        second = subprocess.run([*self.arguments(), "--simulate"], capture_output=True, text=True, timeout=DEADLINE)
        self.assert_complains(second, "--output-dir", "another process is writing there")
        self.assertIsNone(first.poll())
        first.terminate()
        first.communicate(timeout=DEADLINE)
        self.write_training(rounds=1)
        third = subprocess.run([*self.arguments(), "--simulate"], capture_output=True, text=True, timeout=DEADLINE)
        self.assertEqual(third.returncode, 0, third.stderr)

    def test_a_signal_leaves_no_keys_and_no_processes(self):
        self.write_training(rounds=5000)
        for number in (signal.SIGTERM, signal.SIGINT):
            temporary = self.dir / f"tmp-{number}"
            temporary.mkdir()
            process = self.start(env={**os.environ, "TMPDIR": str(temporary)})
            wait_until(lambda: list(temporary.glob("genesis-run-*/token")), "the run's keys")
            wait_until((self.dir / "out" / "logs" / "b.log").exists, "the workers")
            process.send_signal(number)
            _, errors = process.communicate(timeout=DEADLINE)
            self.assertEqual(process.returncode, -number, errors)
            self.assertIn("ended by signal", errors)
            self.assertEqual(list(temporary.iterdir()), [])
            wait_until(lambda: not self.processes_of(temporary), "the run's processes to end")

    @staticmethod
    def processes_of(folder):
        """Processes whose command line names `folder`."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if str(folder) in (entry / "cmdline").read_text():
                    found.append(entry.name)
            except OSError:
                pass
        return found

    def test_a_site_that_fails_before_the_start_ends_the_run_with_its_message(self):
        self.write_training(rounds=5000)
        header, *rows = (self.dir / "b.csv").read_text().splitlines()
        (self.dir / "b.csv").write_text("\n".join(",".join(line.split(",")[1:]) for line in [header, *rows]) + "\n")
        done = subprocess.run(self.arguments(), capture_output=True, text=True, timeout=DEADLINE)
        self.assert_complains(done, "is missing at client 'b'")  # told by who joins second
        (self.dir / "b.csv").unlink()
        done = subprocess.run(self.arguments(), capture_output=True, text=True, timeout=DEADLINE)
        self.assert_complains(done, "b: ", "b.csv")

    def test_a_temporary_folder_that_is_missing(self):
        self.write_training()
        done = subprocess.run(self.arguments(), capture_output=True, text=True, timeout=DEADLINE, env={**os.environ, "TMPDIR": "/nonexistent/tmp"})
        self.assert_complains(done, "/nonexistent/tmp", "TMPDIR")

    def test_the_report_does_not_depend_on_a_sites_order_of_columns(self):
        reports = []
        for columns in (HEADER, HEADER[::-1]):
            self.write_training(columns=columns)
            done = subprocess.run([*self.arguments(), "--simulate", "--json"], capture_output=True, text=True, timeout=DEADLINE)
            self.assertEqual(done.returncode, 0, done.stderr)
            reports.append(json.loads(done.stdout.splitlines()[-1]))
        self.assertEqual(reports[0]["model_sha256"], reports[1]["model_sha256"])
        self.assertEqual(reports[0]["quality"], reports[1]["quality"])
        self.assertEqual([path.name for path in (self.dir / "out").glob(".*")], [])

    def test_words_that_kubernetes_reads_as_booleans(self):
        self.write_training()
        text = spec_text(["a", "b"])
        for word, meaning in (("no", "false"), ("yes", "true"), ("on", "true"), ("n", "false")):
            (self.dir / "training.yaml").write_text(text + f"  table: {{discreteColumns: [{word}]}}\n")
            done = genesis("validate", "-f", self.dir / "training.yaml")
            self.assert_complains(done, f"Kubernetes reads {word} as {meaning}", f'write "{word}"')
        (self.dir / "training.yaml").write_text(text + '  table: {discreteColumns: ["no"]}\n')
        self.assertEqual(genesis("validate", "-f", self.dir / "training.yaml").returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
