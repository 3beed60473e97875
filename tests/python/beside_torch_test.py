#!/usr/bin/env python3
"""genesis and PyTorch train in one process, whichever is imported first, and neither changes what the other computes.

PyTorch is that of this Python, or else Debian's (python3-torch), which is the LibTorch that genesis is tested against: the
hardest case, as all of its symbols have the same names. Exits with 77 where there is none.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import unittest

SKIPPED = 77
DEBIAN = "/usr/lib/python3/dist-packages"

STEPS = {
    "torch": """
torch.manual_seed(3)
threads = torch.get_num_threads()
network = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
inputs = torch.randn(256, 20)
losses = []
for _ in range(30):
    loss = ((network(inputs) - inputs.sum(dim=1, keepdim=True)) ** 2).mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0], losses
assert torch.get_num_threads() == threads
said.append(["torch", losses[-1]])
""",
    "genesis": """
synthesizer = FederatedSynthesizer(n_rounds=2, local_epochs=1, config=SMALL, verbose=False)
synthesizer.fit([patients(0), patients(1)], discrete_columns=["diagnosis"])
rows = synthesizer.generate(50)
said.append(["genesis", synthesizer.model.sha256, rows.to_csv()])
try:
    FederatedSynthesizer(method="gan")
except genesis.ArgumentError as error:  # a C++ exception on its way to Python
    assert error.field == "method", error
""",
}
IMPORTS = {"torch": "import torch", "genesis": "import genesis; from genesis.federated import FederatedSynthesizer; from tables import SMALL, patients"}


def run(*names):
    """What each computes, in a process that imports all of them in this order and then lets them work in turns, twice."""
    code = "import json\nsaid = []\n" + "\n".join(IMPORTS[name] for name in names) + "\n" + "\n".join(STEPS[name] for name in names) * 2
    code += "\nprint(json.dumps(said))"
    environment = dict(os.environ)
    if importlib.util.find_spec("torch") is None:  # behind all else, so that nothing else of Debian's is imported
        code = f"import sys; sys.path.append({DEBIAN!r})\n" + code
    done = subprocess.run([sys.executable, "-c", code], cwd=pathlib.Path(__file__).parent, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"{names}: {done.returncode}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


class BesideTorch(unittest.TestCase):
    def test_neither_changes_what_the_other_computes(self):
        alone = {"torch": run("torch"), "genesis": run("genesis")}
        for values in alone.values():
            self.assertEqual(values[0], values[1])
        for order in (("torch", "genesis"), ("genesis", "torch")):
            with self.subTest(order):
                together = run(*order)
                self.assertEqual([said[0] for said in together], [*order, *order])
                for name, value, *rows in together:
                    if name == "torch":  # whose last digits depend on what else is loaded, pandas for one
                        self.assertAlmostEqual(value, alone[name][0][1], places=4)
                    else:
                        self.assertEqual([name, value, *rows], alone[name][0])


if __name__ == "__main__":
    if importlib.util.find_spec("torch") is None and not os.path.isdir(f"{DEBIAN}/torch"):
        print("there is no PyTorch: install python3-torch")
        sys.exit(SKIPPED)
    unittest.main()
