"""Trainings with secure sums in real processes: the bytes of the same fixed-point values in the clear, also where a process is
killed at each stage."""

import pathlib
import signal
import subprocess
import tempfile
import unittest

from method_trainings import spec_of
from programs import DEADLINE, Run, Site, digest

SITES = ("site-1", "site-2", "site-3", "site-4")
STAGES = {"masking": ("keys", "shares", "masked", "confirm", "reveal"), "paillier": ("encrypted", "accept", "decrypt")}


def secure_spec(model, encryption, privacy="", more=""):
    """That of spec_of() for SITES, with sums that are hidden."""
    return (spec_of(model, more).replace("minClients: 2", "minClients: 3")
            .replace("  communication:",
                     f"  privacy: {{secureAggregation: {{encryption: {encryption}{privacy}}}}}\n  communication:"))


class SecureTrainings(unittest.TestCase):
    """What derives from it says where the programs and libkillpoint.so are, the spec, its encryption, and of which collection
    messages are cut."""
    bin: pathlib.Path
    killpoint: pathlib.Path
    spec: str
    encryption: str
    collection = 3

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-secure-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.site = Site(cls.bin, cls.dir / "site", sites=SITES, spec=cls.spec)
        cls.key = []
        if cls.encryption == "paillier":
            subprocess.run([cls.bin / "genesis", "keys", "paillier", "--bits", "2048", "--dir", cls.dir / "keys"], check=True,
                           stdout=subprocess.DEVNULL, timeout=DEADLINE)
            cls.key = ["--paillier-key", cls.dir / "keys" / "paillier.key"]
        cls.expected = cls.simulated("expected")

    @classmethod
    def simulated(cls, name, *more):
        cls.site.genesis("run", "-f", cls.site.spec, "--output-dir", cls.dir / name, "--simulate", "--set", "output.rows=0",
                         *cls.key, *more)
        return digest(cls.dir / name / "model.safetensors")

    def run_of(self, name):
        run = Run(self.site, self.dir / name)
        self.addCleanup(run.end)
        return run

    def start(self, run, name, env=None):
        run.start(name, env, *(self.key if name != "server" else []))

    def start_all(self, run, victim=None, env=None):
        for name in ("server", *SITES):
            self.start(run, name, env if name == victim else None)

    def assert_trained(self, run):
        codes = run.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, run.logs()))
        self.assertEqual(run.model(), self.expected, run.logs())

    def assert_bytes_of_the_clear(self):
        self.assertEqual(self.simulated("clear", "--set", "privacy.secureAggregation.encryption=none"), self.expected)
        run = self.run_of("undisturbed")
        self.start_all(run)
        self.assert_trained(run)
        log = (run.dir / "server.log").read_text()
        self.assertRegex(log, "opened a secure sum over 4 of 4 sites")
        self.assertNotIn("distance", log)

    def message(self, stage):
        return f"PUT /v1/collections/{self.collection}/contributions/site-1?attempt=1&stage={stage}"

    def assert_killed_sites_send_the_same_again(self):
        for stage in STAGES[self.encryption]:
            for point in (f"tls_write:{self.message(stage)} > send@middle", f"tls_write:{self.message(stage)} > tls_read"):
                with self.subTest(point=point):
                    self.assert_goes_on_after_a_kill("site-1", point)

    def assert_a_killed_server_goes_through_the_same_attempt(self):
        for stage in STAGES[self.encryption]:
            with self.subTest(stage=stage):
                self.assert_goes_on_after_a_kill("server", f"tls_read:{self.message(stage)} > tls_write:HTTP/1.1 200")

    def assert_goes_on_after_a_kill(self, victim, point):
        run = self.run_of(f"{victim}-{abs(hash(point))}")
        env = {"LD_PRELOAD": str(self.killpoint), "GENESIS_FAULT_AT": point, "GENESIS_FAULT": "kill"}
        self.start_all(run, victim, env)
        code = run.parts[victim].wait(60)
        self.assertEqual(code, -signal.SIGKILL, f"the point was not met\n{run.logs()}")
        run.parts[victim].stdout.close()
        self.start(run, victim)
        self.assert_trained(run)
