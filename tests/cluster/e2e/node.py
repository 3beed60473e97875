"""The test node as the end-to-end tests see it. They run through net-exec, so that its addresses answer."""
import gzip
import hashlib
import json
import os
import pathlib
import subprocess
import time
import unittest

CLUSTER = pathlib.Path(__file__).resolve().parent.parent
SOURCE = CLUSTER.parent.parent
STATE = pathlib.Path(os.environ.get("GENESIS_CLUSTER_STATE", SOURCE / "build/cluster/node"))
WORKER_IMAGE = "localhost/genesis-worker:dev"
AGGREGATOR_IMAGE = "localhost/genesis-aggregator:dev"
OPERATOR_IMAGE = "localhost/genesis-operator:dev"
BOTH_ROLES_IMAGE = "docker.io/library/genesis:latest"


def run(*command, check=True, text_in=None, timeout=120):
    done = subprocess.run([str(part) for part in command], input=text_in, text=True, capture_output=True, timeout=timeout)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done


def kubectl(*command, **options):
    return run("kubectl", "--request-timeout=20s", *command, **options)


def get(kind, name, namespace):
    """The object, or None where there is none. An API server that does not answer counts as none."""
    done = kubectl("get", kind, name, "-n", namespace, "-o", "json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def get_all(kinds, namespace, selector=""):
    done = kubectl("get", kinds, "-n", namespace, "-o", "json", *(["-l", selector] if selector else []))
    return json.loads(done.stdout)["items"]


def apply(*objects):
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
    return kubectl("apply", "--server-side", "-f", "-", text_in=text)


def node_exec(*command, **options):
    return run(CLUSTER / "node-exec", *command, **options)


def component(verb, name):
    return run(CLUSTER / "component", verb, name)


def wait_until(condition, what, seconds=120):
    """Polls until condition() is true and returns its value; `what` may be a function that describes the state."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what() if callable(what) else what}")
        time.sleep(0.2)


def kill_container(namespace, pod):
    """Kills the pod's only container, as the kernel does when memory is short; its kubelet starts it again."""
    status = get("pod", pod, namespace)["status"]["containerStatuses"][0]
    container = status["containerID"].removeprefix("containerd://")
    node_exec("ctr", "-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", container)
    return status["restartCount"]


def claim_folder(namespace, claim):
    """Where the files of a PersistentVolumeClaim are on this machine."""
    volume = get("pvc", claim, namespace)["spec"]["volumeName"]
    path = json.loads(kubectl("get", "pv", volume, "-o", "json").stdout)["spec"]["hostPath"]["path"]
    return STATE / "root" / path.lstrip("/")


def in_image(image, folder, *command, more=()):
    """The command that runs a command of an image on the node, outside of Kubernetes, with `folder` at /work."""
    name = f"test-{os.getpid()}-{time.monotonic_ns()}"
    return [CLUSTER / "node-exec", "ctr", "-n", "k8s.io", "run", "--rm", "--cwd", "/work", *more, "--mount",
            f"type=bind,src={folder},dst=/work,options=rbind:rw", image, name, *command]


def run_in_image(image, folder, *command, timeout=300, check=True, more=()):
    return run(*in_image(image, folder, *command, more=more), timeout=timeout, check=check)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def adult_rows(site, rows):
    with gzip.open(SOURCE / "data/adult" / f"{site}.csv.gz", "rt") as file:
        return "".join(line for line, _ in zip(file, range(rows + 1)))


# What PodSecurity's `restricted` asks of a container and of a pod.
RESTRICTED_CONTAINER = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]}}
RESTRICTED_POD = {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}}


class NodeTest(unittest.TestCase):
    """A test in a namespace of its own, which goes afterwards; what the pods said is printed where it failed."""

    PODS = "restricted"

    def setUp(self):
        self.namespace = f"test-{os.getpid()}-{time.monotonic_ns() % 1000000}"
        apply({"apiVersion": "v1", "kind": "Namespace",
               "metadata": {"name": self.namespace, "labels": {"pod-security.kubernetes.io/enforce": self.PODS}}})
        self.addCleanup(kubectl, "delete", "namespace", self.namespace, "--wait=false", check=False)
        self.addCleanup(self.tell)

    def tell(self):
        if not any(error for _, error in getattr(self._outcome, "errors", [])) and self._outcome.success:
            return
        for command in (["get", "all,ft,pvc"], ["describe", "ft,pods"], ["get", "events", "--sort-by=.lastTimestamp"]):
            print(kubectl(*command, "-n", self.namespace, check=False).stdout[-12000:])
        for pod in json.loads(kubectl("get", "pods", "-n", self.namespace, "-o", "json", check=False).stdout or '{"items":[]}')["items"]:
            name = pod["metadata"]["name"]
            print(f"--- {name}\n" + kubectl("logs", name, "-n", self.namespace, "--tail=30", check=False).stdout)
