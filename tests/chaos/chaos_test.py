#!/usr/bin/env python3
"""SIGKILL of the aggregator and of a worker at named points, and disks that fill up or fail: the
model is the one of an undisturbed training, byte for byte.

chaos_test.py BIN KILLPOINT [unittest arguments]: BIN holds the programs, KILLPOINT is the library
built of killpoint.cpp (which says what a point looks like). POINTS=regex in the environment takes
the points whose names match, STRATEGY=median has the sites' updates aggregated so, METHOD=autoregressive
trains such a model. Standard library only.
"""

import concurrent.futures
import os
import pathlib
import re
import signal
import sys
import tempfile
import unittest

BIN, KILLPOINT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from method_trainings import MODEL  # noqa: E402
from programs import SMALL_SPEC, Run, Site, wait_until  # noqa: E402

STRATEGIES = {"fedavg": "fedavg", "weighted": "weighted", "fedprox": "fedprox, proximalMu: 0.1", "median": "median"}
METHODS = {"ctgan": MODEL, "autoregressive": "{method: autoregressive, embeddingDim: 8, hidden: 32}"}
SPEC = SMALL_SPEC.replace(MODEL, METHODS[os.environ.get("METHOD", "ctgan")]).replace("  communication:", "  aggregation: {strategy: %s}\n  communication:"
                          % STRATEGIES[os.environ.get("STRATEGY", "weighted")])
UPDATE = "tls_read:PUT /v1/collections/3/contributions"

AGGREGATOR_POINTS = {
    "a site asks for the training": "tls_read:GET /v1/training",
    "a site has joined, unanswered": "tls_read:POST /v1/join > tls_write:HTTP/1.1 200",
    "a site has joined, answered": "tls_read:POST /v1/join > send@after",
    "a summary is arriving": "tls_read:PUT /v1/collections/1/contributions",
    "the first summary is counted, unanswered": "tls_read:PUT /v1/collections/1/contributions > tls_write:HTTP/1.1 200",
    "the encoder is fitted, nothing is saved": "open:checkpoints/round-0000000000",
    "the encoder's checkpoint is half written": "write:checkpoints/round-0000000000@middle",
    "the encoder's checkpoint is in place": "rename:checkpoints/round-0000000000@after",
    "the encoder is half sent": "tls_read:GET /v1/collections/2/documents/encoder > send@middle",
    "round 1 is half announced": "rename:checkpoints/round-0000000000 > tls_write:updates > send@middle",
    "parameters are asked for": "tls_read:GET /v1/collections/3/documents/parameters",
    "parameters are half sent": "tls_read:GET /v1/collections/3/documents/parameters > send@middle",
    "parameters are sent": "tls_read:GET /v1/collections/3/documents/parameters > send@after",
    "an update begins to arrive": UPDATE,
    "an update has arrived in part": UPDATE + " > tls_read",
    "an update is folded, unanswered": UPDATE + " > tls_write:HTTP/1.1 200",
    "an update is folded, its answer half sent": UPDATE + " > tls_write:HTTP/1.1 200 > send@middle",
    "an update is folded and answered": UPDATE + " > tls_write:HTTP/1.1 200 > send@after",
    "all updates are folded, nothing is saved": f"{UPDATE} > {UPDATE} > open:round-0000000002",
    "a checkpoint is open and empty": "open:checkpoints/round-0000000002@after",
    "a checkpoint is about to be written": "write:checkpoints/round-0000000002",
    "a checkpoint is half written": "write:checkpoints/round-0000000002@middle",
    "a checkpoint is written, not flushed": "fsync:checkpoints/round-0000000002",
    "a checkpoint is flushed": "fsync:checkpoints/round-0000000002@after",
    "a checkpoint is about to get its name": "rename:checkpoints/round-0000000002",
    "a checkpoint has its name, its folder is not flushed": "rename:checkpoints/round-0000000002@after",
    "a checkpoint is durable": "rename:checkpoints/round-0000000002 > fsync:checkpoints@after",
    "an old checkpoint is about to go": "remove:checkpoints/round-0000000000",
    "an old checkpoint has gone": "remove:checkpoints/round-0000000000@after",
    "round 3 is saved, not announced": "rename:checkpoints/round-0000000002 > tls_write:HTTP/1.1",
    "round 3 is half announced": "rename:checkpoints/round-0000000002 > tls_write:updates > send@middle",
    "the last round is folded, nothing is saved": "open:checkpoints/round-0000000003",
    "the last checkpoint is half written": "write:checkpoints/round-0000000003@middle",
    "the end is about to be announced": "tls_write:finished",
    "the end is announced to one site": "tls_write:finished > send@after",
    "the model is half written": "write:served/model.safetensors@middle",
    "the model is flushed": "fsync:served/model.safetensors@after",
    "the model is about to get its name": "rename:served/model.safetensors",
    "the model has its name": "rename:served/model.safetensors@after",
    "the first checkpoint of a done training has gone": "rename:served/model.safetensors > remove:checkpoints@after",
}

STATE = "state/site-1/round-0000000002"

WORKER_POINTS = {
    "it is about to join": "tls_write:POST /v1/join",
    "its join is half sent": "tls_write:POST /v1/join > send@middle",
    "it has joined, the answer is unread": "tls_write:POST /v1/join > send@after",
    "it knows that it has joined": "tls_write:POST /v1/join > tls_read",
    "it is asked for its counts": "tls_read:summaries",
    "it is about to send its counts": "tls_write:PUT /v1/collections/1/contributions",
    "its counts are half sent": "tls_write:PUT /v1/collections/1/contributions > send@middle",
    "its counts are sent, unanswered": "tls_write:PUT /v1/collections/1/contributions > send@after",
    "the encoder has arrived in part": "tls_write:GET /v1/collections/2/documents/encoder > tls_read",
    "it is asked to train": "tls_read:updates > tls_read:updates",
    "it asks for parameters": "tls_write:GET /v1/collections/3/documents/parameters",
    "parameters have arrived in part": "tls_write:GET /v1/collections/3/documents/parameters > tls_read",
    "it has trained, nothing is saved": f"open:{STATE}",
    "its state is open and empty": f"open:{STATE}@after",
    "its state is half written": f"write:{STATE}@middle",
    "its state is written, not flushed": f"fsync:{STATE}",
    "its state is flushed": f"fsync:{STATE}@after",
    "its state is about to get its name": f"rename:{STATE}",
    "its state has its name": f"rename:{STATE}@after",
    "its state is durable": f"rename:{STATE} > fsync:state/site-1@after",
    "its old state has gone": "remove:state/site-1/round-0000000001@after",
    "its update is about to go out": "tls_write:PUT /v1/collections/3/contributions",
    "its update is half sent": "tls_write:PUT /v1/collections/3/contributions > send@middle",
    "its update is sent, unanswered": "tls_write:PUT /v1/collections/3/contributions > send@after",
    "its update is sent and answered": "tls_write:PUT /v1/collections/3/contributions > tls_read",
    "it waits for round 3": "tls_write:PUT /v1/collections/3/contributions > tls_write:GET /v1/task > send@after",
    "it is told of round 3": "tls_write:PUT /v1/collections/3/contributions > tls_read:updates",
}

# Of a training whose updates are longer than a chunk.
CHUNK = "tls_read:PUT /v1/collections/3/contributions/site-1"
KEPT = "write:.uploads/site-1"

AGGREGATOR_CHUNK_POINTS = {
    "an upload begins, nothing is kept": f"{CHUNK} > open:.uploads/site-1",
    "the first chunk has arrived in part": f"{CHUNK} > tls_read",
    "the first chunk is half kept": f"{CHUNK} > {KEPT}@middle",
    "the first chunk is kept, unanswered": f"{CHUNK} > {KEPT}@after",
    "the second chunk is half kept": f"{CHUNK} > {KEPT} > {KEPT}@middle",
    "the second chunk is kept and answered": f"{CHUNK} > {KEPT} > {KEPT} > tls_write:HTTP/1.1 202 > send@after",
    "an upload is whole and folded, its file is there": f"{CHUNK} > remove:.uploads/site-1",
    "it is asked where an upload stands": "tls_read:GET /v1/collections/3/contributions",
}

SENT = "tls_write:PUT /v1/collections/3/contributions"

WORKER_CHUNK_POINTS = {
    "it asks where its upload stands": "tls_write:GET /v1/collections/3/contributions",
    "its first chunk is half sent": f"{SENT} > send@middle",
    "its first chunk is sent, unanswered": f"{SENT} > send@after",
    "its second chunk is about to go out": f"{SENT} > {SENT}",
    "its second chunk is half sent": f"{SENT} > {SENT} > send@middle",
    "its second chunk is answered": f"{SENT} > {SENT} > tls_read:HTTP/1.1 202",
    "its last chunk is sent, unanswered": f"{SENT} > {SENT} > {SENT} > {SENT} > send@after",
    "its last chunk is answered": f"{SENT} > tls_read:HTTP/1.1 200",
    "a part of the parameters has arrived": "tls_write:GET /v1/collections/3/documents/parameters > tls_read > tls_read",
}


def faulty(at, fault="kill"):
    return {"LD_PRELOAD": str(KILLPOINT), "GENESIS_FAULT_AT": at, "GENESIS_FAULT": fault}


class Chaos(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-chaos-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.site = Site(BIN, cls.dir / "site", spec=SPEC)
        cls.chunked = Site(BIN, cls.dir / "chunked", spec=SPEC.replace("[64, 64]", "[320, 320]").replace("hidden: 32", "hidden: 320"))
        cls.expected = {site: site.undisturbed_model() for site in (cls.site, cls.chunked)}

    def run_of(self, name, site=None):
        run = Run(site or self.site, self.dir / re.sub(r"\W+", "-", name))
        self.addCleanup(run.end)
        return run

    def start_all(self, run, victim, env, *victims_flags):
        for name in ("server", *run.site.sites):
            run.start(name, env if name == victim else None, *(victims_flags if name == victim else ()))

    def assert_trained(self, run):
        codes = run.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, run.logs()))
        self.assertEqual(run.model(), self.expected[run.site], run.logs())

    def kill_at(self, victim, name, point, site):
        """Seconds that the victim took to be back."""
        run = self.run_of(f"{victim} {name}", site)
        self.start_all(run, victim, faulty(point))
        code = run.parts[victim].wait(60)
        self.assertEqual(code, -signal.SIGKILL, f"the point was not met\n{run.logs()}")
        run.parts[victim].stdout.close()
        run.start(victim)
        self.assert_trained(run)
        return run.restart_seconds

    def kill_at_each(self, victim, points, site=None):
        took = {}
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            cases = {pool.submit(self.kill_at, victim, name, point, site): name
                     for name, point in points.items() if re.search(os.environ.get("POINTS", ""), name)}
            for case in concurrent.futures.as_completed(cases):
                with self.subTest(victim=victim, point=cases[case]):
                    took[cases[case]] = case.result()
        return took

    def test_the_aggregator_is_killed_at_each_point(self):
        took = self.kill_at_each("server", AGGREGATOR_POINTS)
        slowest = max(took, key=took.get)
        print(f"{len(took)} points of the aggregator; serving again after {sorted(took.values())[len(took) // 2]:.2f} s in the "
              f"median, {took[slowest]:.2f} s at most ({slowest})", flush=True)

    def test_a_worker_is_killed_at_each_point(self):
        took = self.kill_at_each("site-1", WORKER_POINTS)
        print(f"{len(took)} points of a worker", flush=True)

    def test_both_are_killed_between_the_chunks_of_an_update(self):
        for victim, points in (("server", AGGREGATOR_CHUNK_POINTS), ("site-1", WORKER_CHUNK_POINTS)):
            took = self.kill_at_each(victim, points, self.chunked)
            print(f"{len(took)} points of {victim} between chunks", flush=True)

    def test_a_disk_that_takes_no_chunk_for_a_while_does_not_end_the_training(self):
        run = self.run_of("uploads ENOSPC", self.chunked)
        self.start_all(run, "server", faulty("write:.uploads/", "ENOSPC"))
        wait_until(lambda: "chunk refused" in run.log("server"), "a chunk that is not kept")
        self.assertIn("No space left", run.log("server"))
        run.parts["server"].kill()
        run.parts["server"].wait(10)
        run.parts["server"].stdout.close()
        run.start("server")
        self.assert_trained(run)

    def test_a_disk_that_fails_under_checkpoints_does_not_end_the_training(self):
        for fault, call in (("ENOSPC", "open"), ("ENOSPC", "write"), ("EIO", "write"), ("EIO", "fsync"), ("EIO", "rename")):
            with self.subTest(fault=fault, call=call):
                run = self.run_of(f"checkpoints {fault} {call}")
                self.start_all(run, "server", faulty(f"{call}:checkpoints/round-", fault))
                self.assert_trained(run)
                self.assertIn("not saved", run.log("server"))

    def test_a_disk_that_fails_under_a_workers_state_does_not_end_the_training(self):
        for fault, call in (("ENOSPC", "write"), ("EIO", "fsync")):
            with self.subTest(fault=fault, call=call):
                run = self.run_of(f"state {fault} {call}")
                self.start_all(run, "site-1", faulty(f"{call}:state/site-1/round-", fault))
                self.assert_trained(run)
                self.assertIn("not saved", run.log("site-1"))

    def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(self):
        """The disk is full from round 2 on; then the server dies."""
        for fault, call in (("ENOSPC", "write"), ("EIO", "fsync"), ("EIO", "rename")):
            with self.subTest(fault=fault, call=call):
                run = self.run_of(f"before {fault} {call}")
                self.start_all(run, "server", faulty(f"{call}:checkpoints/round-0000000002", fault))
                wait_until(lambda: "round=2 not saved" in run.log("server"), "a checkpoint that is not saved")
                run.parts["server"].kill()
                run.parts["server"].wait(10)
                run.parts["server"].stdout.close()
                left = sorted(path.name for path in (run.output / "checkpoints").iterdir())
                self.assertIn("round-0000000001.safetensors", left)
                run.start("server")
                self.assert_trained(run)

    def test_a_model_that_cannot_be_written_is_named_and_not_lost(self):
        for fault, call in (("ENOSPC", "write"), ("EIO", "fsync")):
            with self.subTest(fault=fault, call=call):
                run = self.run_of(f"model {fault} {call}")
                self.start_all(run, "server", faulty(f"{call}:served/model.safetensors", fault))
                self.assertEqual(run.parts["server"].wait(60), 1, run.logs())
                self.assertIn("model.safetensors", run.log("server"))
                self.assertRegex(run.log("server"), "No space left|Input/output error")
                self.assertFalse((run.output / "model.safetensors").exists())
                run.start("server")
                self.assert_trained(run)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
