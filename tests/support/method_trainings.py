"""Trainings with programs that have one method, of their own or with noise that a test can know: processes end in the bytes of
an undisturbed simulation, killed at named points or not."""

import pathlib
import signal
import tempfile
import unittest

from programs import SMALL_SPEC, Run, Site

MODEL = "{embeddingDim: 16, generatorDims: [64, 64], discriminatorDims: [64, 64], pac: 1}"


def spec_of(model, more=""):
    """SMALL_SPEC with another model, and more fields of the spec."""
    return SMALL_SPEC.replace(MODEL, model + (f"\n  {more}" if more else ""))


class MethodTrainings(unittest.TestCase):
    """What derives from it says where the programs and libkillpoint.so are, the spec, and each victim's points."""
    bin: pathlib.Path
    killpoint: pathlib.Path
    spec: str
    points: dict

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="genesis-method-")
        cls.addClassCleanup(folder.cleanup)
        cls.dir = pathlib.Path(folder.name)
        cls.site = Site(cls.bin, cls.dir / "site", spec=cls.spec)
        cls.expected = cls.site.undisturbed_model()

    def run_of(self, name):
        run = Run(self.site, self.dir / name)
        self.addCleanup(run.end)
        return run

    def assert_trained(self, run):
        codes = run.finish()
        self.assertEqual(set(codes.values()), {0}, (codes, run.logs()))
        self.assertEqual(run.model(), self.expected, run.logs())

    def trained(self):
        """An undisturbed training through processes."""
        run = self.run_of("undisturbed")
        for name in ("server", *self.site.sites):
            run.start(name)
        self.assert_trained(run)
        return run

    def assert_kills_change_no_byte(self):
        for victim, points in self.points.items():
            for number, point in enumerate(points):
                with self.subTest(victim=victim, point=point):
                    run = self.run_of(f"{victim}-{number}")
                    env = {"LD_PRELOAD": str(self.killpoint), "GENESIS_FAULT_AT": point, "GENESIS_FAULT": "kill"}
                    for name in ("server", *self.site.sites):
                        run.start(name, env if name == victim else None)
                    code = run.parts[victim].wait(60)
                    self.assertEqual(code, -signal.SIGKILL, f"the point was not met\n{run.logs()}")
                    run.parts[victim].stdout.close()
                    run.start(victim)
                    self.assert_trained(run)
