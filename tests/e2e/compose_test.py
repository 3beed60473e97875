#!/usr/bin/env python3
"""Each service of manifests/compose.yaml, its command run as written, without containers.

compose_test.py BIN SOURCE: BIN holds the programs, SOURCE is the repository. What containers would do
is done by substitution: mounted paths become a folder's, the service's host name 127.0.0.1, the port a
free one. Needs PyYAML.
"""

import pathlib
import re
import subprocess
import sys
import unittest

import yaml

BIN = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import programs  # noqa: E402
from programs import DEADLINE, free_port  # noqa: E402

COMPOSE = SOURCE / "manifests" / "compose.yaml"
IMAGES = {"localhost/genesis-aggregator:dev": {"genesis-aggregator"},
          "localhost/genesis-worker:dev": {"genesis", "genesis-federated", "genesis-worker"}}


def interpolate(text, environment):
    """Compose's ${NAME:-default} and ${NAME:?message}."""
    def value(match):
        name, operator, rest = match[1], match[2], match[3]
        found = environment.get(name, "")
        if not found and operator == ":?":
            raise ValueError(f"{name}: {rest}")
        return found or (rest or "")
    return re.sub(r"\$\{([A-Z_]+)(?:(:[-?])([^}]*))?\}", value, text)


class Service:
    """What one service would see in its container, as paths of this machine."""

    def __init__(self, document, name, folder, port):
        self.name, self.folder, self.port = name, folder, port
        self.definition = document["services"][name]
        self.paths = {f"/run/secrets/{secret}": folder / document["secrets"][secret]["file"]
                      for secret in self.definition["secrets"]}
        for volume in self.definition["volumes"]:
            here, there, *_ = volume.split(":")
            self.paths[there] = folder / here

    def argument(self, text):
        flag, equals, value = text.partition("=")
        if value.startswith("/"):
            if value not in self.paths:
                raise AssertionError(f"{self.name}: {text} is not mounted")
            return flag + equals + str(self.paths[value])
        return (text.replace("https://server:8443", f"https://127.0.0.1:{self.port}")
                .replace("--port=8443", f"--port={self.port}").replace("--host=0.0.0.0", "--host=127.0.0.1"))

    def start(self):
        program, = self.definition["entrypoint"]
        if program not in IMAGES[self.definition["image"]]:
            raise AssertionError(f"{self.name}: {program} is not in its image")
        with open(self.folder / f"{self.name}.log", "w") as log:
            return subprocess.Popen([BIN / program, *map(self.argument, self.definition["command"])], stdout=log, stderr=log,
                                    env={"PATH": "", **self.definition["environment"]})


class Compose(programs.OwnFolder):
    ENVIRONMENT = {"FEDERATED_AUTH_TOKEN": "a-token-only-for-this-test", "GENESIS_ROUNDS": "2"}

    def prepare(self):
        """The commands of the file's own head, less the containers."""
        head = COMPOSE.read_text()
        for arguments in re.findall(r"genesis (certs [^&\n]*)", head):
            subprocess.run([BIN / "genesis", *arguments.split()], cwd=self.dir, check=True, stdout=subprocess.DEVNULL, timeout=DEADLINE)
        folders = re.search(r"mkdir -p ([^#\n]*)", head)[1].split()
        for name in folders:
            (self.dir / name).mkdir(parents=True, exist_ok=True)
        for i in (1, 2):
            (self.dir / "data" / f"site-{i}.csv").write_text(programs.small_table(i * 1000, 150 + 10 * i))

    def test_the_services_train_as_written(self):
        self.prepare()
        # The certificate is for the host "server"; here, without containers, for 127.0.0.1.
        for old in ("server.crt", "server.key"):
            (self.dir / "pki" / old).rename(self.dir / "pki" / f"for-compose-{old}")
        subprocess.run([BIN / "genesis", "certs", "server", "--dir", "pki", "127.0.0.1"], cwd=self.dir, check=True,
                       stdout=subprocess.DEVNULL, timeout=DEADLINE)
        document = yaml.safe_load(interpolate(COMPOSE.read_text(), self.ENVIRONMENT))
        port = free_port()
        services = [Service(document, name, self.dir, port) for name in document["services"]]
        self.assertEqual([s.name for s in services], ["server", "site-1", "site-2"])
        environment = services[0].definition["environment"]
        self.assertLessEqual({"GENESIS_METHOD", "GENESIS_ROUNDS", "GENESIS_MIN_CLIENTS", "FEDERATED_AUTH_TOKEN"}, set(environment))
        for service in services:
            service.definition["environment"] = {k: str(v) for k, v in service.definition["environment"].items()}
            self.started.append(service.start())
        for service, process in zip(services, self.started):
            log = self.dir / f"{service.name}.log"
            try:
                self.assertEqual(process.wait(DEADLINE), 0, log.read_text())
            except subprocess.TimeoutExpired:
                self.fail(f"{service.name} does not end:\n" + "\n".join(p.read_text() for p in self.dir.glob("*.log")))
        self.assertGreater((self.dir / "out" / "model.safetensors").stat().st_size, 1000)
        self.assertIn("rounds=2", (self.dir / "server.log").read_text())
        for log in self.dir.glob("*.log"):
            self.assertNotIn(self.ENVIRONMENT["FEDERATED_AUTH_TOKEN"], log.read_text())

    def test_a_forgotten_token_is_said(self):
        with self.assertRaisesRegex(ValueError, "FEDERATED_AUTH_TOKEN"):
            interpolate(COMPOSE.read_text(), {})


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
