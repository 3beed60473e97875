#!/usr/bin/env python3
"""A server that asks for more than a training needs: what the real client sends it, and what it
refuses to. servers_test.py BIN [unittest arguments]. Standard library only; talks to 127.0.0.1."""

import hashlib
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import unittest

BIN = pathlib.Path(sys.argv[1])
ROWS = 300
POLICY = "apiVersion: federated.genesis.dev/v1alpha1\nkind: SitePolicy\nspec:\n"


class Server(http.server.ThreadingHTTPServer):
    """Offers `spec`, then asks for counts on a new plan each time that it is asked for a task."""

    daemon_threads = True

    def __init__(self, table):
        super().__init__(("127.0.0.1", 0), Handler)
        self.table, self.asked, self.joins, self.sent, self.plan = table, 0, [], [], b""
        self.training = json.dumps({
            "apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining", "metadata": {"name": "x"},
            "spec": {"model": {"pac": 1, "generatorDims": [8], "discriminatorDims": [8], "embeddingDim": 4}, "table": table}})

    def next_plan(self):
        """Each has other bins: their counts together tell more than one does."""
        self.asked += 1
        columns = []
        for told in self.joins[-1]["introduction"]["columns"]:
            column = {"name": told["name"], "kind": told["kind"], "precision": 0, "resolution": 0, "significant": 0, "format": "",
                      "minimum": 0.0, "maximum": 0.0, "fewValues": False, "edges": [], "values": [], "mostExact": 0, "categories": told["categories"],
                      "other": told["kind"] in ("category", "boolean"), "otherText": ""}
            if told["extremes"]:
                column.update(minimum=0.0, maximum=100.0 + self.asked)
            columns.append(column)
        self.plan = json.dumps({"columns": columns}).encode()
        return {"task": "contribute", "collection": self.asked, "attempt": 1, "stage": "input", "purpose": "summaries", "round": 0, "parameters": "{}",
                "documents": [{"name": "plan", "sha256": hashlib.sha256(self.plan).hexdigest(), "bytes": len(self.plan)}], "deadline_milliseconds": 60000}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def reply(self, body, status=200):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/v1/training":
            self.reply({"run": "ab", "training": self.server.training})
        elif self.path.startswith("/v1/task"):
            self.reply(self.server.next_plan())
        elif self.path.endswith("/documents/plan"):
            self.reply(self.server.plan)
        else:
            self.reply({"sha256": "", "size": 0, "offset": 0})

    def do_POST(self):
        self.server.joins.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.reply({"run": "ab", "training": self.server.training})

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.sent.append(self.path)
        self.reply({"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "offset": len(body)})


class Servers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="genesis-servers-")
        self.addCleanup(folder.cleanup)
        self.dir = pathlib.Path(folder.name)
        rows = (f"{100000000 + i * 7919},Name{i % 50},{20 + i * 7 % 60}\n" for i in range(ROWS))
        (self.dir / "rows.csv").write_text("ssn,surname,age\n" + "".join(rows))

    def run_client(self, table, *more, policy=None):
        server = self.serve(table)
        if policy:
            (self.dir / "policy.yaml").write_text(POLICY + policy)
            more = (*more, "--policy", self.dir / "policy.yaml")
        return server, self.start_client(server, *more)

    def serve(self, table):
        server = Server(table)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(thread.join)
        self.addCleanup(server.shutdown)
        return server

    def start_client(self, server, *more):
        command = [BIN / "genesis-worker", "--server", f"http://127.0.0.1:{server.server_port}", "--data", self.dir / "rows.csv", "--client-id", "h", *more]
        return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120)

    def test_a_spec_that_makes_identifiers_categories_gets_none_of_them(self):
        text = {"columns": [{"name": "ssn", "kind": "category"}]}
        for table in ({"discreteColumns": ["ssn"]}, text):
            server, done = self.run_client(table)
            self.assertEqual((done.returncode, server.joins), (3, []), done.stderr)
            self.assertIn("column 'ssn': nearly all its values differ", done.stderr)
        server, _ = self.run_client({"discreteColumns": ["ssn"]}, policy="  columns: [{name: ssn, kind: identifier}]\n")
        told = server.joins[0]["introduction"]["columns"][0]
        self.assertEqual((told["kind"], told["categories"]), ("identifier", []), "the policy says so")
        server, done = self.run_client(text, policy="  columns: [{name: ssn, kind: identifier}]\n")
        self.assertEqual((done.returncode, server.joins), (3, []), done.stderr)
        server, done = self.run_client(text, policy="  columns: [{name: ssn, kind: category}]\n")
        told = server.joins[0]["introduction"]["columns"][0]
        self.assertEqual((told["kind"], told["categories"]), ("category", []), "the site says so, and the count still holds")
        server, _ = self.run_client(text, policy="  {columns: [{name: ssn, kind: category}], minCategoryCount: 0}\n")
        self.assertEqual(len(server.joins[0]["introduction"]["columns"][0]["categories"]), ROWS, "the site lets all out")
        server, _ = self.run_client({}, "--discrete-columns", "ssn")
        told = server.joins[0]["introduction"]["columns"][0]
        self.assertEqual((told["kind"], told["categories"]), ("category", []), "a flag sets the kind, not the count")

    def test_columns_that_never_leave_are_in_no_message(self):
        server, _ = self.run_client({}, policy="  neverSend: [ssn, surname]\n")
        self.assertEqual([column["name"] for column in server.joins[0]["introduction"]["columns"]], ["age"])
        self.assertNotIn("surname", json.dumps(server.joins))

    def test_counts_are_answered_once_on_one_plan(self):
        server, done = self.run_client({})
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("the server asks for summaries on another plan", done.stderr)
        self.assertEqual(server.sent, ["/v1/collections/1/contributions/h"])

    def test_counts_are_answered_once_by_all_processes_that_share_a_state(self):
        server = self.serve({})
        for start in range(2):
            done = self.start_client(server, "--state", self.dir / "state")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("the server asks for summaries on another plan", done.stderr)
            self.assertEqual(server.sent, ["/v1/collections/1/contributions/h"], f"start {start}")
        self.assertEqual(server.asked, 3)

    def test_a_dry_run_says_what_would_leave_and_sends_nothing(self):
        server, done = self.run_client({}, "--dry-run", policy="  {neverSend: [surname], minCategoryCount: 0}\n")
        self.assertEqual((done.returncode, server.joins, server.sent), (0, [], []), done.stderr)
        for line in (r"training 'x', spec sha256:[0-9a-f]{64}", f"the number of rows, {ROWS}", r"column 'age', integer: 0 missing cells; smallest and largest value: 20, 79",
                     "stays here: column 'surname'", "in each of 10 rounds: a model update", "WARNING: minCategoryCount is 0"):
            self.assertRegex(done.stdout, line)
        digest = re.search(r"spec (sha256:\S+)", done.stdout)[1]
        server, done = self.run_client({}, "--expect-spec", digest, "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        server, done = self.run_client({"discreteColumns": ["age"]}, "--expect-spec", digest)
        self.assertEqual((done.returncode, server.joins), (3, []), done.stderr)
        self.assertIn("but this site expects " + digest, done.stderr)

    def test_each_start_logs_what_leaves(self):
        _, done = self.run_client({})
        self.assertRegex(done.stderr, r"leaves this site: with the join: column 'surname', category: 0 missing cells; 50 values that 5 rows or more hold: Name0, ")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
