#!/usr/bin/env python3
"""Tables as hospitals and banks export them, through the real program; invented rows with fixed seeds.

tables_test.py BIN SOURCE [TESTS]: as federation_test.py.
"""

import collections
import csv
import random
import subprocess
import unittest

from federation_test import BIN, DEADLINE
from programs import OwnFolder

SPEC = """apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata: {name: tables}
spec:
  seed: 5
  model: {embeddingDim: 16, generatorDims: [32, 32], discriminatorDims: [32, 32], pac: 1}
"""


def loans(rows, seed, first=0):
    """Rows of an invented bank: number, name of the customer, branch, amount, rate, opened, remark."""
    r = random.Random(seed)
    made = []
    for i in range(rows):
        branch = r.choices(["Harbour", "Market", "Station"], [5, 3, 2])[0]
        made.append({
            "number": str(first + i + 1),
            "customer": f"{r.choice(['Ada', 'Bo', 'Cy', 'Di'])} {r.choice('KLMNOP')}{seed}{i:04d}",
            "branch": branch,
            "amount": f"{r.lognormvariate(8, .5):.2f}",
            "rate": f"{r.gauss(4, 1):.3f}",
            "opened": f"20{r.randrange(10, 24)}-{r.randrange(1, 13):02d}-{r.randrange(1, 29):02d}",
            "remark": f"called about {branch} on {i}" if r.random() < .6 else "none",
        })
    return made


class Tables(OwnFolder):
    def write(self, name, rows, columns=None, encoding="utf-8", **style):
        columns = columns or list(rows[0])
        with open(self.dir / name, "w", encoding=encoding, newline="") as out:
            writer = csv.DictWriter(out, columns, lineterminator="\n", extrasaction="ignore", **style)
            writer.writeheader()
            writer.writerows(rows)
        return name

    def spec(self, files, table="", participant="", rounds=4, rows=300):
        text = SPEC
        if table:
            text += "  table:\n" + "".join(f"    {line}\n" for line in table.strip().splitlines())
        text += f"  rounds: {{count: {rounds}, minClients: {len(files)}}}\n  local: {{epochs: 1, batchSize: 50}}\n"
        text += f"  output: {{rows: {rows}}}\n  participants:\n"
        for i, file in enumerate(files):
            text += f"  - name: site-{i + 1}\n    data: {{path: {file}}}\n"
            text += f"    {participant}\n" if participant and i == len(files) - 1 else ""
        (self.dir / "training.yaml").write_text(text)
        return self.dir / "training.yaml"

    def genesis(self, *arguments):
        return subprocess.run([BIN / "genesis", *map(str, arguments)], capture_output=True, text=True, timeout=DEADLINE)

    def run_on(self, files, *more, **spec):
        done = self.genesis("run", "-f", self.spec(files, **spec), "--output-dir", self.dir / "out", "--simulate", *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.dir / "out/synthetic.csv", newline="") as rows:
            return done, list(csv.DictReader(rows))

    def refused(self, files, *words, **spec):
        done = self.genesis("run", "-f", self.spec(files, **spec), "--output-dir", self.dir / "out")
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)
        return done

    def two(self, change=None, columns=None, rows=300, **style):
        files = []
        for site in (1, 2):
            made = loans(rows, site, (site - 1) * rows)
            for row in made:
                if change:
                    change(row)
            files.append(self.write(f"{site}.csv", made, columns, **style))
        return files

    def model_bytes(self):
        return (self.dir / "out/model.safetensors").read_bytes()

    # What must never leave.

    def test_no_text_of_single_rows_is_in_model_or_rows(self):
        files = self.two()
        done, rows = self.run_on(files)
        real = loans(300, 1) + loans(300, 2, 300)
        for column in ("customer", "remark", "number"):
            counts = collections.Counter(row[column] for row in real)
            singles = {text for text, count in counts.items() if count == 1}
            self.assertFalse([row[column] for row in rows if row[column] in singles], column)
        self.assertNotIn(b"called about", self.model_bytes())
        self.assertNotIn(real[0]["customer"].encode(), self.model_bytes())
        self.assertEqual([row["number"] for row in rows[:2]], ["id-1", "id-2"])
        self.assertIn("number the rows", done.stderr)

    def test_identifiers_have_the_declared_pattern(self):
        _, rows = self.run_on(self.two(), table="columns: [{name: number, kind: identifier, pattern: 'L-#####'}]")
        self.assertEqual(len({row["number"] for row in rows}), len(rows))
        self.assertEqual(rows[0]["number"], "L-00001")

    def test_rare_text_keeps_its_share_as_what_is_declared(self):
        files = []
        for site in (1, 2):
            made = loans(600, site)
            for i, row in enumerate(made):
                row["branch"] = f"kiosk {site} {i}" if i % 4 == 0 else row["branch"]
            files.append(self.write(f"{site}.csv", made, ["branch", "amount"]))
        _, rows = self.run_on(files, table="columns: [{name: branch, kind: category, other: elsewhere}]", rounds=40, rows=2000)
        share = sum(row["branch"] == "elsewhere" for row in rows) / len(rows)
        self.assertAlmostEqual(share, 0.25, delta=0.1)  # 2,000 rows of a short training
        self.assertNotIn(b"kiosk", self.model_bytes())

    def test_copies_of_single_texts_are_named(self):
        real = self.write("real.csv", loans(200, 1))
        copies = self.write("copies.csv", loans(200, 1))
        done = self.genesis("evaluate", "--real", self.dir / real, "--synthetic", self.dir / copies)
        self.assertIn("column 'customer': 100.00% of the synthetic text is that of single real rows", done.stdout)

    # Files as they are.

    def test_semicolons_and_decimal_commas(self):
        def german(row):
            row["amount"] = row["amount"].replace(".", ",")
        columns = ["branch", "amount", "opened"]
        _, rows = self.run_on(self.two(german, columns, delimiter=";"))
        self.assertEqual(list(rows[0]), columns)
        amounts = [float(row["amount"]) for row in rows]
        self.assertGreater(sorted(amounts)[150], 1000)
        self.assertLessEqual({row["branch"] for row in rows}, {"Harbour", "Market", "Station"})

    def test_other_encodings_and_delimiters(self):
        columns = ["branch", "amount"]

        def accent(row):
            row["branch"] = row["branch"].replace("Harbour", "Häfen")
        first = self.two(accent, columns, encoding="utf-16", delimiter="\t")[0]
        made = loans(300, 2)
        for row in made:
            accent(row)
        second = self.write("latin.csv", made, columns, encoding="cp1252", delimiter="|")
        _, rows = self.run_on([first, second])
        self.assertIn("Häfen", {row["branch"] for row in rows})
        self.assertEqual(len({row["branch"] for row in rows}), 3)

    def test_an_index_is_left_out(self):
        files = []
        for site in (1, 2):
            made = [{"": str(i), **row} for i, row in enumerate(loans(200, site))]
            files.append(self.write(f"{site}.csv", made, ["", "branch", "amount"]))
        done, rows = self.run_on(files)
        self.assertEqual(list(rows[0]), ["branch", "amount"])
        self.assertIn("index", done.stderr)

    def test_declared_dialects_of_one_site(self):
        made = loans(200, 2)
        text = "Loans of branch 2\nmade by hand\n" + "branch:rate\n" + "".join(f"{r['branch']}:{r['rate']}\n" for r in made)
        (self.dir / "2.csv").write_text(text)
        first = self.write("1.csv", loans(200, 1), ["branch", "rate"])
        _, rows = self.run_on([first, "2.csv"], participant='csv: {delimiter: ":", skipRows: 2}')
        self.assertEqual(list(rows[0]), ["branch", "rate"])
        (self.dir / "2.csv").write_text(text.replace(":", ";"))
        self.refused([first, "2.csv"], "2.csv", "table.csv.skipRows: 2")

    def test_a_delimiter_that_is_not_known_is_refused_with_the_guess(self):
        files = self.two(columns=["branch", "amount", "opened"], delimiter="^")
        self.refused(files, "one column", 'table.csv.delimiter: "^"')

    def test_numbers_with_currency_percent_and_thousands(self):
        def dress(row):
            row["amount"] = f"${float(row['amount']):,.2f}"
            row["rate"] = f"{float(row['rate']):.1f}%"
        _, rows = self.run_on(self.two(dress, ["amount", "rate", "branch"]))
        self.assertGreater(sorted(float(row["amount"]) for row in rows)[150], 1000)
        self.assertLess(max(float(row["rate"]) for row in rows), 10)

    # Missing values and near misses.

    def test_missing_values_keep_their_share(self):
        r = random.Random(3)

        def forget(row):
            if r.random() < .3:
                row["rate"] = r.choice(["NA", "n/a", "#N/A", "-", ".", "NULL", "?", ""])
        _, rows = self.run_on(self.two(forget, ["rate", "branch"], rows=600), rounds=40, rows=4000)
        share = sum(row["rate"] == "" for row in rows) / len(rows)
        self.assertAlmostEqual(share, 0.3, delta=0.1)  # 4,000 rows of a short training

    def test_a_near_miss_stops_with_line_cell_and_remedy_and_leniency_goes_on(self):
        def spoil(row):
            if row["number"] == "17":
                row["rate"] = "lost"
        files = self.two(spoil, ["rate", "branch"])
        self.refused(files, "1.csv:18: column 'rate'", '"lost" is no number', "table.missingValues")
        self.run_on(files, table="missingValues: [lost]")

        def spoil_both(row):
            if row["number"].endswith("17"):
                row["rate"] = "lost"
        done, _ = self.run_on(self.two(spoil_both, ["rate", "branch"]), "--lenient")
        self.assertIn("read as text", done.stderr)

    def test_a_cell_that_stops_its_site_is_told_to_no_server(self):
        def spoil(row):
            if row["number"] == "17":
                row["rate"] = "secret"
        files = self.two(spoil, ["rate", "branch"])
        self.refused(files, '"secret" is no number')
        self.assertNotIn("secret", (self.dir / "out/logs/aggregator.log").read_text())

    def test_bounds_of_a_device_are_declared(self):
        def bound(row):
            row["rate"] = ">5" if float(row["rate"]) > 5 else row["rate"]
        files = self.two(bound, ["rate", "branch"])
        self.refused(files, '">5" is no number', "censored: true")
        _, rows = self.run_on(files, table="columns: [{name: rate, kind: decimal, censored: true}]")
        self.assertEqual(list(rows[0]), ["rate", "rate_censored", "branch"])
        self.assertLessEqual({row["rate_censored"] for row in rows}, {">", "=", "<"})
        self.assertLessEqual(max(float(row["rate"]) for row in rows), 5)

    def test_validate_shows_what_is_read_and_what_would_leave(self):
        files = self.two()
        spec = self.spec(files)
        done = self.genesis("validate", "-f", spec, "--data")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("site-1: 300 rows", "site-2: 300 rows", "datetime %Y-%m-%d", "3 categories and their counts",
                      "nothing", "the sites agree"):
            self.assertIn(words, done.stdout)
        alone = self.genesis("validate", "-f", spec, "--data", self.dir / files[0])
        self.assertIn("300 rows", alone.stdout)
        self.assertNotIn("the sites agree", alone.stdout)

    # Sites agree.

    def test_order_of_columns_spelling_and_date_formats_differ(self):
        first = loans(300, 1)
        second = loans(300, 2)
        for i, (a, b) in enumerate(zip(first, second)):
            a["active"], b["active"] = ("TRUE", "no") if i % 2 else ("FALSE", "yes")
            year, month, day = b["opened"].split("-")
            b["opened"] = f"{day}.{month}.{year}"
        names = ["branch", "active", "opened", "amount"]
        files = [self.write("1.csv", first, names), self.write("2.csv", second, names[::-1])]
        _, rows = self.run_on(files)
        self.assertEqual(list(rows[0]), names)
        self.assertLessEqual({row["active"] for row in rows}, {"true", "false"})
        self.assertRegex(rows[0]["opened"], r"^\d{4}-\d\d-\d\d$")
        shuffled = self.model_bytes()
        self.run_on([files[0], self.write("2.csv", second, names)])
        self.assertEqual(shuffled, self.model_bytes())

    def test_a_column_that_one_site_has_more_is_named_and_can_be_left_out(self):
        files = [self.write("1.csv", loans(200, 1), ["branch", "amount"]),
                 self.write("2.csv", loans(200, 2), ["branch", "amount", "rate"])]
        self.refused(files, "'rate'", "site-2", "table.ignoreColumns")
        _, rows = self.run_on(files, table="ignoreColumns: [rate]")
        self.assertEqual(list(rows[0]), ["branch", "amount"])

    def test_values_that_look_alike_are_told_and_can_be_made_one(self):
        first, second = loans(200, 1), loans(200, 2)
        for row in second:
            row["branch"] = row["branch"].upper()
        files = [self.write("1.csv", first, ["branch", "amount"]), self.write("2.csv", second, ["branch", "amount"])]
        done, _ = self.run_on(files)
        self.assertIn('"HARBOUR" (site-2) and "Harbour" (site-1) look alike', done.stderr)
        _, rows = self.run_on(files, table="""columns:
- name: branch
  kind: category
  aliases:
  - {value: Harbour, from: [HARBOUR]}
  - {value: Market, from: [MARKET]}
  - {value: Station, from: [STATION]}""")
        self.assertLessEqual({row["branch"] for row in rows}, {"Harbour", "Market", "Station"})


if __name__ == "__main__":
    unittest.main(argv=["tables_test.py", *__import__("sys").argv[3:]])
