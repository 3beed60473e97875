"""From three sites' CSV files to a report: simulate.py north.csv south.csv west.csv"""

import pathlib
import sys

from genesis.federated import FederatedSynthesizer


def main(paths: list[str]) -> None:
    tables = {pathlib.Path(path).stem: pathlib.Path(path) for path in paths}
    synthesizer = FederatedSynthesizer(method="ctgan", n_rounds=10, aggregation="weighted", seed=1)

    @synthesizer.on_round_complete
    def show(round_num: int, metrics: dict[str, float]) -> None:
        print(f"round {round_num}: generator loss {metrics['generator_loss']:.3f}")

    synthesizer.fit(tables)
    synthesizer.save("model.safetensors")
    synthesizer.generate(1000).to_csv("synthetic.csv", index=False)
    for path in paths:
        print(path, synthesizer.evaluate(path))


if __name__ == "__main__":
    main(sys.argv[1:])
