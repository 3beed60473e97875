"""The test cluster itself: a level that lies would make every test above it lie.

usage: cluster_test.py SOURCE [unittest arguments]
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(sys.argv[1]).resolve()
CLUSTER = SOURCE / "tests/cluster"


def eventually(check, seconds=30):
    """Polls until check() is true; fails with its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(0.1)


class Api:
    """A running API server, ended by close()."""

    def __init__(self, folder):
        self.state = folder / "state"
        self.env = dict(os.environ, GENESIS_CLUSTER_KIND="api", GENESIS_CLUSTER_STATE=str(self.state))
        self.env.pop("GENESIS_CLUSTER_API_PORT", None)
        up = self.script("cluster-up")
        assert up.returncode == 0, up.stdout + up.stderr

    def script(self, *command):
        return subprocess.run([CLUSTER / command[0], *command[1:]], env=self.env, text=True, capture_output=True,
                              timeout=900)

    def kubectl(self, *arguments):
        return self.script("net-exec", "kubectl", "--request-timeout=5s", *arguments)

    def close(self):
        return self.script("cluster-down")


class ApiTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="genesis-cluster-")
        self.addCleanup(folder.cleanup)
        self.api = Api(pathlib.Path(folder.name))
        self.addCleanup(self.api.close)

    def test_the_crd_is_served_and_explained(self):
        applied = self.api.kubectl("apply", "-f", str(SOURCE / "crds"))
        self.assertEqual(applied.returncode, 0, applied.stderr)
        # The schema is published a little after the resource itself.
        self.assertTrue(eventually(lambda: "rounds" in self.api.kubectl("explain", "federatedtraining.spec").stdout))

    def test_two_at_once_do_not_see_each_other(self):
        with tempfile.TemporaryDirectory(prefix="genesis-cluster-") as folder:
            other = Api(pathlib.Path(folder))
            try:
                self.assertEqual(self.api.kubectl("create", "namespace", "mine").returncode, 0)
                self.assertNotEqual(other.kubectl("get", "namespace", "mine").returncode, 0)
            finally:
                other.close()
        self.assertEqual(self.api.kubectl("get", "namespace", "mine").returncode, 0)

    def test_a_stopped_server_stays_down_until_it_is_started_and_keeps_what_it_stored(self):
        self.assertEqual(self.api.kubectl("create", "namespace", "kept").returncode, 0)
        self.assertEqual(self.api.script("component", "stop", "kube-apiserver").returncode, 0)
        self.assertNotEqual(self.api.kubectl("get", "namespace", "kept").returncode, 0)
        self.assertEqual(self.api.script("component", "start", "kube-apiserver").returncode, 0)
        self.assertTrue(eventually(lambda: self.api.kubectl("get", "namespace", "kept").returncode == 0))

    def test_the_audit_log_names_who_asked_for_what(self):
        self.api.kubectl("create", "configmap", "seen", "--from-literal=a=b")
        events = [json.loads(line) for line in (self.api.state / "audit.log").read_text().splitlines()]
        self.assertTrue([event for event in events if event["verb"] == "create"
                         and event.get("objectRef", {}).get("resource") == "configmaps"
                         and event["user"]["username"] == "admin"])

    def test_down_ends_every_process_and_removes_the_state(self):
        init = int((self.api.state / "init.pid").read_text().split()[0])
        self.assertEqual(self.api.close().returncode, 0)
        self.assertFalse(os.path.exists(f"/proc/{init}"))
        self.assertFalse(self.api.state.exists())
        running = subprocess.run(["ps", "-eo", "args"], text=True, capture_output=True).stdout
        self.assertNotIn(str(self.api.state), running)


if __name__ == "__main__":
    possible = subprocess.run([CLUSTER / "check", "api"])
    if possible.returncode != 0:
        sys.exit(possible.returncode)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
