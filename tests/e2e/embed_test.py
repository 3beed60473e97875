#!/usr/bin/env python3
"""What `cmake --install` leaves serves another project: examples/embed is built against it and run.

embed_test.py BUILD SOURCE: BUILD is a built tree, SOURCE the repository. Standard library only.
"""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import programs  # noqa: E402

DEADLINE = 600

SERVER_ALONE = """
#include <genesis/federated_server.hpp>
int main() {
  genesis::ServerOptions options;
  options.spec = "nonsense: true";
  return genesis::FederatedServer::start(options) ? 1 : 0;
}
"""


def run(*command, cwd=None):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=DEADLINE, cwd=cwd)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


class Embed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="genesis-embed-")
        cls.dir = pathlib.Path(cls.folder.name)
        cls.prefix = cls.dir / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def build(self, source, name):
        """The project's program `name`, built against nothing of ours but the prefix."""
        folder = self.dir / f"build-{name}"
        ccache = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        run("cmake", "-S", source, "-B", folder, f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror", *ccache)
        run("cmake", "--build", folder)
        self.assertNotIn(str(SOURCE), (folder / "CMakeFiles" / f"{name}.dir" / "flags.make").read_text().replace(str(source), ""))
        return folder / name

    def test_the_example_trains_and_gives_the_bytes_of_the_programs(self):
        embed = self.build(SOURCE / "examples" / "embed", "embed")
        sites = [self.dir / "site-1.csv", self.dir / "site-2.csv"]
        for i, site in enumerate(sites):
            site.write_text(programs.small_table(i * 1000, 200 + 50 * i))
        printed = run(embed, self.dir / "federation", *sites)
        self.assertEqual(re.findall(r"round (\d) of 3: 2 clients", printed), ["1", "2", "3"])
        self.assertEqual(len(re.findall(r"site-\d trained \d+ steps", printed)), 6)
        self.assertEqual(re.findall(r"checkpoint of round (\d)", printed), ["0", "1", "2", "3"])
        header = sites[0].read_text().splitlines()[0]
        self.assertEqual(len(printed[printed.index(header):].splitlines()), 11)
        model = self.dir / "federation" / "out" / "model.safetensors"
        self.assertIn(hashlib.sha256(model.read_bytes()).hexdigest(), printed)
        self.assertEqual(os.stat(self.dir / "federation" / "pki" / "ca.key").st_mode & 0o77, 0)

        example = (SOURCE / "examples" / "embed" / "main.cpp").read_text()
        spec = self.dir / "training.yaml"
        spec.write_text(re.search(r'R"\((.*?)\)"', example, re.S)[1]
                        + "  participants:\n" + "".join(f"  - {{name: {s.stem}, data: {{path: {s}}}}}\n" for s in sites))
        run(self.prefix / "bin" / "genesis", "run", "-f", spec, "--output-dir", self.dir / "simulated", "--simulate", "--set", "output.rows=0")
        self.assertEqual((self.dir / "simulated" / "model.safetensors").read_bytes(), model.read_bytes())

    def test_a_server_alone_needs_no_libtorch(self):
        source = self.dir / "alone"
        source.mkdir()
        (source / "main.cpp").write_text(SERVER_ALONE)
        (source / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(alone LANGUAGES CXX)\nfind_package(genesis REQUIRED COMPONENTS server)\n"
            "if(TARGET genesis::genesis)\n  message(FATAL_ERROR \"asked for the server alone\")\nendif()\n"
            "add_executable(alone main.cpp)\ntarget_link_libraries(alone PRIVATE genesis::server)\n")
        alone = self.build(source, "alone")
        self.assertNotIn("torch", run("ldd", alone))
        run(alone)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
