#!/usr/bin/env python3
"""genesis fetch through a real API server: api-exec fetch_api_test.py BIN SOURCE [unittest arguments].

The API server passes commands on to a kubelet of this file's own: it binds and starts the pods of the command, and runs
the commands with the real genesis-federated on a folder of this machine. It speaks WebSockets of the subprotocol
v4.channel.k8s.io, so the API server must not translate (the feature gate TranslateStreamCloseWebsocketRequests); that is
how every API server does with clients before v5, and the node test covers the other way.
"""

import base64
import datetime
import hashlib
import http.server
import json
import os
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import yaml

BIN, SOURCE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
FETCH = BIN / "genesis-federated"
NAMESPACE, NAME, CLAIM = "lab", "hospitals", "hospitals-model"
DEADLINE = 60


def kubectl(*arguments, text=None, check=True):
    done = subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True, timeout=60)
    if check and done.returncode != 0:
        raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def apply(*objects):
    kubectl("apply", "--server-side", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def pods():
    return json.loads(kubectl("get", "pods", "-n", NAMESPACE, "-o", "json"))["items"]


def until(condition, what):
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {DEADLINE} s: {what}")
        time.sleep(0.05)
    return value


class Kubelet:
    """One node: starts the pods of genesis fetch, and runs commands in them on `folder`."""

    def __init__(self, scratch):
        self.folder = scratch / "claim"
        self.folder.mkdir()
        self.status = {"phase": "Running", "containerStatuses": [
            {"name": "fetch", "image": "w:1", "imageID": "w:1", "ready": True, "restartCount": 0,
             "state": {"running": {"startedAt": "2026-11-27T00:00:00Z"}}}]}
        self.cuts = []          # bytes of stdout after which the next `send` commands lose their connection
        self.stalls = threading.Event()     # sends block while it is set
        self.commands = []
        self.ends = False
        key, certificate = scratch / "kubelet.key", scratch / "kubelet.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", "/CN=fake-node", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        kubelet = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                kubelet.run(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "fake-node"}})
        kubectl("patch", "node", "fake-node", "--subresource=status", "--type=merge", "-p", json.dumps({"status": {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.server.server_port}}}}))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self.start_pods, daemon=True).start()

    def start_pods(self):
        while not self.ends:
            for pod in pods():
                name = pod["metadata"]["name"]
                if "deletionTimestamp" in pod["metadata"]:
                    kubectl("delete", "pod", "-n", NAMESPACE, name, "--grace-period=0", "--force", "--wait=false", check=False)
                elif "nodeName" not in pod["spec"]:
                    kubectl("create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/binding", "-f", "-", check=False,
                            text=json.dumps({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                                             "target": {"apiVersion": "v1", "kind": "Node", "name": "fake-node"}}))
                    kubectl("patch", "pod", "-n", NAMESPACE, name, "--subresource=status", "--type=merge", "-p",
                            json.dumps({"status": self.status}), check=False)
            time.sleep(0.2)

    def run(self, request):
        """GET /exec/NAMESPACE/POD/CONTAINER?command=…"""
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        command = query["command"]
        self.commands.append(command)
        accept = base64.b64encode(hashlib.sha1((request.headers["Sec-WebSocket-Key"] +
                                                "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        request.close_connection = True
        request.wfile.write((f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\n\r\n").encode())

        def message(channel, data):
            size = len(data) + 1
            head = bytes([0x82, size]) if size < 126 else bytes([0x82, 126]) + struct.pack(">H", size)
            request.wfile.write(head + bytes([channel]) + data)

        for channel in (1, 2, 3):
            message(channel, b"")
        room = self.cuts.pop(0) if self.cuts and command[2] == "send" else None
        words = [FETCH, *command[1:], "--folder", str(self.folder)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            while part := process.stdout.read1(32000):
                while command[2] == "send" and self.stalls.is_set():
                    time.sleep(0.05)
                if room is not None and len(part) >= room:
                    message(1, part[:room])
                    request.connection.shutdown(socket.SHUT_RDWR)
                    return
                room = None if room is None else room - len(part)
                message(1, part)
            message(2, process.stderr.read())
            code = process.wait()
            status = {"metadata": {}, "status": "Success"} if code == 0 else {
                "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": f"exit code {code}",
                "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
            message(3, json.dumps(status).encode())
            request.wfile.write(bytes([0x88, 2]) + struct.pack(">H", 1000))
        except OSError:
            pass        # the client has gone
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()


class FetchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="genesis-fetch-")
        scratch = pathlib.Path(cls.scratch.name)
        kubectl("apply", "--server-side", "-f", str(SOURCE / "crds/federatedtrainings.yaml"))
        kubectl("wait", "--for=condition=Established", "crd/federatedtrainings.federated.genesis.dev")
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
                  "name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": NAMESPACE}})
        cls.kubelet = Kubelet(scratch)
        cls.files = {"model.safetensors": os.urandom(3_000_000), "synthetic.csv": b"a,b\n1,2\n"}
        cls.files["model-card.json"] = json.dumps(
            {"modelSha256": hashlib.sha256(cls.files["model.safetensors"]).hexdigest()}).encode()

    @classmethod
    def tearDownClass(cls):
        cls.kubelet.ends = True
        cls.kubelet.server.shutdown()
        cls.scratch.cleanup()

    def setUp(self):
        self.out = pathlib.Path(self.scratch.name) / f"out-{time.monotonic_ns()}"
        self.kubelet.cuts, self.kubelet.commands = [], []
        for name, data in self.files.items():
            (self.kubelet.folder / name).write_bytes(data)
        participant = {"name": "s", "data": {"path": "/d/r.csv", "volume": {"persistentVolumeClaim": {"claimName": "r"}}}}
        apply({"apiVersion": "federated.genesis.dev/v1alpha1", "kind": "FederatedTraining",
               "metadata": {"name": NAME, "namespace": NAMESPACE}, "spec": {"output": {"rows": 1}, "participants": [participant]}},
              {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM, "namespace": NAMESPACE},
               "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
        self.set_status("Succeeded", "Complete", "Generated")

    def set_status(self, phase, kind, reason):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        kubectl("patch", "ft", NAME, "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", json.dumps({"status": {
            "phase": phase, "images": {"worker": "w:1"},
            "conditions": [{"type": kind, "status": "True", "reason": reason, "message": "m", "lastTransitionTime": now}],
            "model": {"path": f"{CLAIM}:/model.safetensors",
                      "sha256": hashlib.sha256(self.files["model.safetensors"]).hexdigest()}}}))

    def command(self, *more, name=NAME):
        return [FETCH, "fetch", name, "-n", NAMESPACE, "-o", self.out, *more]

    def fetch(self, *more, name=NAME):
        return subprocess.run(self.command(*more, name=name), capture_output=True, text=True, timeout=120)

    def refused(self, words, *more, name=NAME):
        done = self.fetch(*more, name=name)
        self.assertEqual(done.returncode, 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        until(lambda: not pods(), "no pod is left")

    def check_files(self):
        for name, data in self.files.items():
            self.assertEqual((self.out / name).read_bytes(), data, name)
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), sorted(self.files))
        until(lambda: not pods(), "no pod is left")

    def test_files_arrive_and_the_pod_goes(self):
        done = self.fetch()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_files()
        self.assertEqual(done.stdout.split(), [str(self.out / name) for name in
                                               ("model.safetensors", "model-card.json", "synthetic.csv")])

    def test_a_cut_connection_goes_on_where_it_was(self):
        self.kubelet.cuts = [1_000_000, 100_000, 0]
        done = self.fetch()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_files()
        offsets = [int(words[-1]) for words in self.kubelet.commands if words[2:4] == ["send", "model.safetensors"]]
        self.assertEqual(len(offsets), 4, offsets)
        self.assertEqual(offsets, sorted(offsets))
        self.assertGreater(offsets[1], 0)

    def test_an_interrupted_one_leaves_no_pod_and_no_half_file(self):
        self.kubelet.stalls.set()
        try:
            process = subprocess.Popen(self.command(), stderr=subprocess.PIPE, text=True)
            until(lambda: any(words[2] == "send" for words in self.kubelet.commands), "a transfer")
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
        finally:
            self.kubelet.stalls.clear()
        self.assertEqual(process.returncode, -signal.SIGINT, said)
        self.assertFalse((self.out / "model.safetensors").exists())
        until(lambda: not pods(), "no pod is left")
        self.assertEqual(self.fetch().returncode, 0)
        self.check_files()

    def test_what_stands_in_the_way_is_named(self):
        self.refused(["training others in namespace lab", "none of that name"], name="others")
        self.set_status("Running", "Training", "RoundsRunning")
        self.refused(["is not finished", "Running"])
        self.set_status("Failed", "Failed", "QuorumImpossible")
        self.refused(["has failed", "QuorumImpossible"])
        self.set_status("Succeeded", "Complete", "Generated")
        (self.kubelet.folder / "model.safetensors").write_bytes(b"another")
        self.refused(["claim hospitals-model", "digest"])
        (self.kubelet.folder / "model.safetensors").unlink()
        self.refused(["claim hospitals-model", "has no model.safetensors"])
        kubectl("patch", "pvc", CLAIM, "-n", NAMESPACE, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
        kubectl("delete", "pvc", CLAIM, "-n", NAMESPACE)
        self.refused(["claim hospitals-model", "is gone"])

    def test_a_user_with_the_role_of_the_chart_may_and_others_are_told_which_verb_is_missing(self):
        role = next(one for one in yaml.safe_load_all((SOURCE / "manifests/user-roles.yaml").read_text())
                    if one["metadata"]["name"].endswith("-fetch"))
        user = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": {"name": "fetch", "namespace": NAMESPACE},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role["metadata"]["name"]},
                "subjects": [{"kind": "ServiceAccount", "name": "analyst", "namespace": NAMESPACE}]}
        apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "analyst", "namespace": NAMESPACE}})
        config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        token = kubectl("create", "token", "analyst", "-n", NAMESPACE).strip()
        config["users"][0]["user"] = {"token": token}
        path = pathlib.Path(self.scratch.name) / "analyst.kubeconfig"
        path.write_text(json.dumps(config))
        for resource in ("federatedtrainings", "persistentvolumeclaims", "pods", "pods/exec"):
            less = dict(role, rules=[rule for rule in role["rules"] if rule["resources"] != [resource]])
            apply(less, user)
            done = self.fetch("--kubeconfig", path)
            self.assertEqual(done.returncode, 1, resource)
            self.assertIn("cannot", done.stderr)
            self.assertIn(f'resource "{resource}"', done.stderr)
            self.assertIn("ClusterRole", done.stderr)
            until(lambda: not pods(), "no pod is left")
        apply(role, user)
        done = self.fetch("--kubeconfig", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check_files()

    def test_a_pod_that_cannot_start_says_why(self):
        running = self.kubelet.status
        self.kubelet.status = {"phase": "Pending", "containerStatuses": [
            {"name": "fetch", "image": "w:1", "imageID": "", "ready": False, "restartCount": 0,
             "state": {"waiting": {"reason": "ErrImageNeverPull", "message": "not present with pull policy of Never"}}}]}
        try:
            self.refused(["does not run", "ErrImageNeverPull: not present"])
        finally:
            self.kubelet.status = running
        # Admission refuses before there is a pod.
        apply({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small", "namespace": NAMESPACE},
               "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]}})
        try:
            until(lambda: self.fetch().returncode == 1, "the API server knows the LimitRange")
            self.refused(["cannot be made", "maximum memory usage per Container is 64Mi"])
        finally:
            kubectl("delete", "limitrange", "small", "-n", NAMESPACE)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
