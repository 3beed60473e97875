#!/usr/bin/env python3
"""The pages that people open, in a real browser that reaches nothing but this machine: the page of a training, by the
command and by the aggregator itself, and the report of `genesis evaluate --html`.

browser_test.py BIN SOURCE CHROMIUM: CHROMIUM is the folder in which scripts/judges has unpacked the browser. Standard library
only.
"""

import html.parser
import http.server
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request

from federation_test import BIN, DEADLINE, Programs, genesis
from programs import wait_until

CHROMIUM = pathlib.Path(sys.argv[3]).resolve()
OBSERVER = "genesis-observer"
LOSSES = {"generator", "discriminator"}


class Seen(html.parser.HTMLParser):
    """What is in a page: texts by the id of the element that they are in, and how often each tag is there."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = {}, {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if tag not in ("meta", "link", "br", "img", "input"):
            self.open.append((tag, dict(attributes).get("id")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data


class Browser(Programs):
    def browse(self, url, profile="profile"):
        """The page as it stands after a few seconds of its own time. What the browser complains of fails the test."""
        folders = {str(library.parent) for library in CHROMIUM.rglob("*.so*")}
        done = subprocess.run(
            [CHROMIUM / "usr/lib/chromium/chromium-headless-shell", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             # no name is looked up, and no other machine asked
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking", "--no-first-run",
             f"--user-data-dir={self.dir / profile}", "--enable-logging=stderr", "--virtual-time-budget=4000", "--dump-dom", url],
            capture_output=True, text=True, timeout=DEADLINE,
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(folders)), "HOME": str(self.dir)})
        self.assertEqual(done.returncode, 0, done.stderr)
        complaints = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        self.assertEqual(complaints, [])
        self.assertIn("</html>", done.stdout)
        return Seen(done.stdout)

    def assert_shows_training(self, seen, rounds, clients):
        self.assertEqual(seen.texts["name"], "small")
        self.assertRegex(seen.texts["rounds"], rf"round \d+ of {rounds}")
        for client in clients:
            self.assertIn(client, seen.texts["clients"])
        self.assertEqual(seen.texts.get("contact", ""), "")
        self.assertEqual(seen.tags["polyline"], len(LOSSES))  # a curve for each
        for loss in LOSSES:
            self.assertIn(loss, seen.texts["legend"])


class Report(Browser):
    def test_the_report_of_evaluate_renders(self):
        spec = self.write_spec(self.sites(), Training.SMALL)
        rows = self.run_json(spec, "out", "--simulate")["synthetic"]
        report = self.dir / "report.html"
        done = genesis("evaluate", "--real", self.dir / "site-1.csv", "--synthetic", rows, "--html", report)
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = self.browse(report.as_uri())
        columns = (self.dir / "site-1.csv").read_text().split("\n", 1)[0].split(",")
        self.assertGreaterEqual(seen.tags["svg"], len(columns))
        self.assertGreater(seen.tags["rect"], len(columns))
        self.assertNotIn("script", seen.tags)

    def test_the_browser_would_say_what_is_wrong(self):
        page = self.dir / "wrong.html"
        page.write_text("<!DOCTYPE html><html><script>throw new Error('as it should')</script></html>")
        with self.assertRaisesRegex(AssertionError, "as it should"):
            self.browse(page.as_uri())


class Training(Browser):
    ROUNDS = 20000
    SMALL = "  model: {embeddingDim: 16, generatorDims: [32], discriminatorDims: [32], pac: 1}\n"

    def start(self):
        """A training over TLS that is never over while it is looked at: its server and the URL."""
        spec = self.write_spec(self.sites(), self.SMALL)
        spec.write_text(spec.read_text().replace("count: 3", f"count: {self.ROUNDS}"))
        tls = self.make_pki("site-1", "site-4", OBSERVER)
        _, url = self.start_server("-f", spec, *tls)
        for name in ("site-1", "site-4"):
            threading.Thread(target=self.start_client(url, name).stderr.read, daemon=True).start()
        self.addCleanup(self.end_started)  # before the pipes are closed that threads read
        wait_until(lambda: len(json.loads(self.ask(url, "/v1/rounds"))["rounds"]) >= 3, "three rounds")
        return url

    def ask(self, url, path, name=OBSERVER):
        return self.answer(url, path, name).read().decode()

    def answer(self, url, path, name=OBSERVER):
        context = ssl.create_default_context(cafile=self.dir / "pki/ca.crt")
        if name:
            context.load_cert_chain(self.dir / f"pki/{name}.crt", self.dir / f"pki/{name}.key")
        request = urllib.request.Request(url + path, headers={"Authorization": "Bearer a-token-only-for-this-test"})
        return urllib.request.urlopen(request, timeout=DEADLINE, context=context)

    def forward(self, url, name):
        """The base URL of what hands requests of the browser on with the certificate of `name`, and answers as they are."""
        ask = self.answer

        class Forward(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    answer = ask(url, self.path, name)
                except urllib.error.HTTPError as error:
                    answer = error
                body = answer.read()
                self.send_response(answer.status)
                for field in ("Content-Type", "Content-Security-Policy", "Referrer-Policy", "Cache-Control"):
                    if value := answer.headers.get(field):
                        self.send_header(field, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forward)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    def test_the_aggregator_and_the_command_show_the_training(self):
        url = self.start()
        with self.assertRaises((ssl.SSLError, urllib.error.URLError, ConnectionError)):
            self.ask(url, "/v1/page", name=None)  # who shows no certificate is shown nothing

        seen = self.browse(self.forward(url, OBSERVER) + "/v1/page", "observer")
        self.assert_shows_training(seen, self.ROUNDS, ("site-1", "site-4"))
        # A member sees that the other takes part, its own losses, and no curve.
        seen = self.browse(self.forward(url, "site-1") + "/v1/page", "member")
        self.assertIn("site-4", seen.texts["clients"])
        self.assertEqual(len(re.findall("generator", seen.texts["clients"])), 1)
        self.assertNotIn("polyline", seen.tags)

        # The command shows the same page, with the rounds before it was started.
        began_at = json.loads(self.ask(url, "/v1/status"))["round"]["current"]
        pki = self.dir / "pki"
        status = subprocess.Popen(
            [BIN / "genesis", "federated", "status", "--server", url, "--web", "--ssl-verify", pki / "ca.crt", "--ssl-cert",
             pki / f"{OBSERVER}.crt", "--ssl-key", pki / f"{OBSERVER}.key", "--auth-token-file", self.dir / "token"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.started.append(status)
        self.addCleanup(status.stderr.close)
        self.addCleanup(self.end_started)
        page = next(line.split()[1] for line in status.stderr if line.startswith("page: "))
        threading.Thread(target=status.stderr.read, daemon=True).start()
        numbers = lambda: json.loads(urllib.request.urlopen(page + "rounds", timeout=DEADLINE).read())
        wait_until(lambda: numbers()["status"], "the status")
        self.assertLess(numbers()["rounds"][0]["round"], began_at - 1)  # of a thousand rounds, each second is forgotten
        self.assert_shows_training(self.browse(page, "command"), self.ROUNDS, ("site-1", "site-4"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
