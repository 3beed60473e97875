#!/usr/bin/env python3
"""Breaks the differential privacy of a copy of the tree, and checks that a test finds it: sabotage_test.py [NAME ...]

Each sabotage replaces a few lines of a copy of the sources by ones that protect less than they claim to, builds the one
test program that is to notice, and runs the named test: it has to fail, as it has to pass on the copy as it is. So the
tests of the noise are tested themselves. A line that a sabotage replaces has to be there exactly once, so that none is
applied to nothing unnoticed. Part of `make test-full`; with names, only these.
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRIVACY, MIXTURE = "src/common/privacy/", "src/common/mixture/"
AUTOREGRESSIVE, MODEL = "src/common/autoregressive/", "src/common/model/"

SCALE = "mixture: a site's noise is as large as its ledger says, in every stage"
SHARED = "mixture: no two answers of a site, of two runs or of two sites share their noise"
TWICE = "mixture: a question that is asked twice is measured once"
SENSITIVITY = "mixture: one row more changes each table by at most one count of 1"
UNITS = "mixture: of each unit the first rows are counted, and its column is not learned"
DEVIATION = "autoregressive: the noise of a private training has the deviation that was asked for"
CLIPPED = "autoregressive: the sum of clipped rows is that of rows' own gradients, clipped"
ONE_MORE = "autoregressive: one row more changes a clipped sum by no more than the norm"
EXPECTED = "autoregressive: a private training without noise to speak of is a step along the sum"
GAN_DEVIATION = "model: the noise of a private step has the deviation that was asked for"
GAN_CLIPPED = "model: the sum of clipped rows is that of rows' own gradients by autograd, clipped"
GAN_ONE_MORE = "model: one row more moves a private step by no more than its share of the batch"
COINS = "privacy: each row takes part by a coin of its own"
GAUSSIAN = "privacy: noise of training is Gaussian, its variance and tails included"
CHARGED = "privacy: a training is charged before it begins, and its bytes are kept"
AUDIT = "mixture: an audit through the site's own answers is near the claim and not above it"

DRAW = "    NoiseBits bits;\n    return encode(add_noise(counts, DiscreteGaussian(charged.variance), bits));\n"
REPEATABLE = """struct NoiseBitsForTests {
  static void seed(NoiseBits& bits, std::uint64_t state) {
    bits.fixed_ = [state](std::span<std::uint64_t> words) mutable {
      for (auto& word : words) {  // splitmix64
        word = state += 0x9E3779B97F4A7C15U;
        word = (word ^ word >> 30U) * 0xBF58476D1CE4E5B9U;
        word = (word ^ word >> 27U) * 0x94D049BB133111EBU;
        word ^= word >> 31U;
      }
    };
  }
};

"""


@dataclasses.dataclass
class Sabotage:
    name: str
    tests: list  # each of them has to fail
    edits: list  # of (file, text, what takes its place)
    program: str = "test_mixture"


def from_bits(seed):
    """Noise of bits that follow from `seed`, an expression that the site's answer can see."""
    file = PRIVACY + "account.cpp"
    return [
        (file, "namespace genesis::privacy {\nnamespace {\n", "namespace genesis::privacy {\n" + REPEATABLE + "namespace {\n"),
        (file, DRAW, DRAW.replace("bits;\n", f"bits;\n    NoiseBitsForTests::seed(bits, {seed});\n", 1)),
    ]


def draw(line):
    return [(PRIVACY + "account.cpp", DRAW, line)]


SABOTAGES = [
    Sabotage("noise x0.8", [SCALE, AUDIT], draw(
        "    NoiseBits bits;\n"
        "    const auto less = NoiseVariance::at_least(0.64 * charged.variance.value());\n"
        "    return encode(add_noise(counts, DiscreteGaussian(*less), bits));\n")),
    Sabotage("no noise", [SCALE, AUDIT], draw(
        "    static_cast<void>(charged);\n"
        "    return encode(std::vector<std::int64_t>(counts.begin(), counts.end()));\n")),
    Sabotage("the encoder's counts are exact", [SCALE], [(
        MIXTURE + "ledger_noise.cpp", "    std::ranges::copy(noisy, counts.begin());\n",
        '    if (query.purpose != "fine") {\n      std::ranges::copy(noisy, counts.begin());\n    }\n')]),
    Sabotage("measured twice, charged once", [TWICE], [(
        PRIVACY + "account.cpp", "  if (kept && (!size || kept->size() == *size)) {\n",
        "  if (kept && size && kept->size() != *size) {\n"), (
        PRIVACY + "account.cpp", "  if (before->released_sha256) {\n", "  if (before->released_sha256 && !kept) {\n"), (
        PRIVACY + "account.cpp", "  if (!kept && kept.error().code != Errc::kNotFound) {\n    return tl::unexpected(kept.error());\n  }\n"
        "  return fix(before->charge, before->cost, draw);\n",
        "  if (!kept && kept.error().code != Errc::kNotFound) {\n    return tl::unexpected(kept.error());\n  }\n"
        "  return draw(before->cost);\n")]),
    Sabotage("one stream for all answers", [SHARED], from_bits("1")),
    Sabotage("the seed follows from the spec", [SHARED], from_bits("request.query_sha256.size() + 16 * request.collection + 7")),
    Sabotage("a row counts twice", [SENSITIVITY], [(
        MIXTURE + "counts.cpp", "      ++counts[unit / width];\n", "      counts[unit / width] += 2;\n")]),
    Sabotage("units keep a hundred rows more", [UNITS], [(
        MIXTURE + "site.cpp", "    if (rows++ < most) {\n", "    if (rows++ < most + 100) {\n")]),
    Sabotage("training without noise", [DEVIATION], [(
        AUTOREGRESSIVE + "trainer.cpp", "    noise.add(deviation, gradient_);\n",
        "    static_cast<void>(noise);\n    static_cast<void>(deviation);\n")], "test_autoregressive"),
    Sabotage("training with noise x0.95", [DEVIATION], [(
        AUTOREGRESSIVE + "trainer.cpp", "    noise.add(deviation, gradient_);\n", "    noise.add(0.95 * deviation, gradient_);\n")],
        "test_autoregressive"),
    Sabotage("rows are not clipped", [CLIPPED, ONE_MORE], [(
        AUTOREGRESSIVE + "clipped_sum.cpp", "    const double scaled = most * kRounding / norm;\n",
        "    const double scaled = 1.0 + 0.0 * most * kRounding;\n")], "test_autoregressive"),
    Sabotage("embeddings have no part in a row's norm", [CLIPPED], [(
        AUTOREGRESSIVE + "clipped_sum.cpp", "  add_row_squares(matrix(std::as_const(known_).data(), rows_, wide), squares_.data());\n", "")],
        "test_autoregressive"),
    Sabotage("a sum over its own number of rows", [EXPECTED], [(
        AUTOREGRESSIVE + "trainer.cpp", "      value *= share;\n",
        "      value *= share * static_cast<float>(config_.batch_size) / static_cast<float>(std::max<std::size_t>(rows.size(), 1));\n")],
        "test_autoregressive"),
    Sabotage("a discriminator's training with noise x0.95", [GAN_DEVIATION], [(
        MODEL + "private_trainer.cpp", "    noise.add(steps.multiplier * steps.max_grad_norm, gradient);\n",
        "    noise.add(0.95 * steps.multiplier * steps.max_grad_norm, gradient);\n")], "test_model"),
    Sabotage("the penalty has no part in a row's norm", [GAN_CLIPPED], [(
        MODEL + "clipped_sum.cpp", "    squares += paired(inputs, gradients);\n",
        "    static_cast<void>(&paired);\n"
        "    squares += inputs.aa * gradients.aa + inputs.bb * gradients.bb + 2.0 * inputs.ab * gradients.ab;\n")], "test_model"),
    Sabotage("generated rows go to rows by their order", [GAN_ONE_MORE], [(
        MODEL + "private_trainer.cpp", "        const std::size_t fake = below(batch, one);\n",
        "        const std::size_t fake = (first + i) % batch;\n")], "test_model"),
    Sabotage("batches of one size", [COINS], [(
        PRIVACY + "gaussian_noise.cpp", "      if (words[i] >> 32U < sampling) {\n",
        "      if ((first + i) * sampling >> 32U != (first + i + 1) * sampling >> 32U) {\n")], "test_privacy"),
    Sabotage("training noise with its tails cut", [GAUSSIAN], [(
        PRIVACY + "gaussian_noise.cpp", "    make_exponentials(radii.data(), exponentials_.data());\n",
        "    make_exponentials(radii.data(), exponentials_.data());\n"
        "    for (float& value : exponentials_) {\n      value = std::min(value, 7.0F);\n    }\n")], "test_privacy"),
    Sabotage("trained twice, charged once", [CHARGED], [(
        PRIVACY + "account.cpp", "  if (kept && (!size || kept->size() == *size)) {\n", "  if (kept && size && kept->size() == *size) {\n"), (
        PRIVACY + "account.cpp", "  if (before->released_sha256) {\n", "  if (before->released_sha256 && size) {\n")], "test_privacy"),
]


class Copy:
    def __init__(self, folder):
        self.source = folder / "source"
        self.build = self.source / "build/release"  # as in ROOT, so that a cache knows the files again
        os.environ["CCACHE_BASEDIR"] = str(folder)
        shutil.copytree(ROOT, self.source, ignore=lambda path, _: ["build", ".git", "data"] if pathlib.Path(path) == ROOT else [])
        (self.source / "data").symlink_to(ROOT / "data")
        command = ["cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"]
        if shutil.which("ccache"):
            command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def make(self, program):
        built = subprocess.run(["cmake", "--build", self.build, "--target", program, "--", f"-j{os.environ.get('JOBS', '2')}"],
                               capture_output=True, text=True)
        if built.returncode != 0:
            raise SystemExit("the build failed:\n" + built.stdout[-4000:] + built.stderr[-1000:])

    def passes(self, program, test):
        """Whether it passes; a test that there is not, or that has no end, is an error."""
        run = subprocess.run([self.build / "bin" / program, test.replace(",", "\\,")], capture_output=True, text=True, timeout=900)
        if "No test cases matched" in run.stdout + run.stderr or "No tests ran" in run.stdout:
            raise SystemExit(f"{program} has no test '{test}'")
        return run.returncode == 0


def apply(source, edits):
    """Writes the edits; gives what the files were."""
    before = {}
    for file, text, instead in edits:
        path = source / file
        now = path.read_text()
        if now.count(text) != 1:
            raise SystemExit(f"{file}: is there {now.count(text)} times, and ought to be once:\n{text}")
        before.setdefault(path, now)
        path.write_text(now.replace(text, instead))
    return before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help="of sabotages; default: all")
    options = parser.parse_args()
    unknown = set(options.names) - {s.name for s in SABOTAGES}
    if unknown:
        parser.error(f"{unknown.pop()} is none; there are: " + "; ".join(s.name for s in SABOTAGES))
    chosen = [s for s in SABOTAGES if not options.names or s.name in options.names]
    missed = []
    with tempfile.TemporaryDirectory(prefix="sabotage-") as folder:
        copy = Copy(pathlib.Path(folder))
        for program in sorted({s.program for s in chosen}):
            copy.make(program)
        for program, test in sorted({(s.program, test) for s in chosen for test in s.tests}):
            if not copy.passes(program, test):
                raise SystemExit(f"'{test}' fails on the sources as they are")
        for sabotage in chosen:
            before = apply(copy.source, sabotage.edits)
            copy.make(sabotage.program)
            for test in sabotage.tests:
                found = not copy.passes(sabotage.program, test)
                print(f"{'found ' if found else 'MISSED'}  {sabotage.name}: {test}", flush=True)
                if not found:
                    missed.append(sabotage.name)
            for path, text in before.items():
                path.write_text(text)
    if missed:
        print("FAILED: " + ", ".join(dict.fromkeys(missed)))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
