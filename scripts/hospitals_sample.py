#!/usr/bin/env python3
"""Writes manifests/samples/hospitals.yaml: three invented hospitals, their rows in ConfigMaps, and their training.

The rows are drawn here, of nobody. Hospitals differ in size, age and diagnoses, as sites do.
"""

import pathlib
import random

HERE = pathlib.Path(__file__).resolve().parent.parent
SITES = {"hospital-1": (420, 46, [5, 3, 1, 1]), "hospital-2": (300, 61, [1, 2, 4, 3]),
         "hospital-3": (240, 53, [2, 2, 2, 2])}
DIAGNOSES = ["asthma", "diabetes", "hypertension", "healthy"]
REGIONS = ["north", "south", "coast"]

SPEC = """apiVersion: federated.genesis.dev/v1alpha1
kind: FederatedTraining
metadata:
  name: hospitals
spec:
  seed: 7
  backoffLimit: 6
  model:
    embeddingDim: 32
    generatorDims: [64, 64]
    discriminatorDims: [64, 64]
    pac: 1
  table:
    discreteColumns: [diagnosis, region, smoker]
  rounds:
    count: 300
    minClients: 2
    deadlineSeconds: 120
    startDeadlineSeconds: 600
  local:
    epochs: 5
    batchSize: 100
  aggregation:
    strategy: weighted
  participants:
{participants}  output:
    rows: 1000
"""

PARTICIPANT = """    - name: {name}
      data:
        path: /data/patients.csv
        volume:
          configMap:
            name: {name}-patients
      resources:
        limits: {{cpu: "1", memory: 1Gi}}
        requests: {{cpu: 100m, memory: 256Mi}}
"""


def rows(name, size, age, weights):
    draw = random.Random(name)
    yield "age,region,diagnosis,smoker,glucose,stay"
    for _ in range(size):
        years = min(98, max(18, round(draw.gauss(age, 14))))
        diagnosis = draw.choices(DIAGNOSES, weights)[0]
        smoker = "yes" if draw.random() < (0.45 if diagnosis == "asthma" else 0.2) else "no"
        glucose = draw.gauss(9.1 if diagnosis == "diabetes" else 5.4, 1.0)
        stay = 0 if diagnosis == "healthy" else 1 + int(draw.expovariate(1 / (2 + years / 30)))
        yield f"{years},{draw.choices(REGIONS, [4, 3, 2])[0]},{diagnosis},{smoker},{glucose:.1f},{stay}"


def main():
    documents = []
    for name, shape in SITES.items():
        table = "".join(f"    {row}\n" for row in rows(name, *shape))
        documents.append(f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}-patients\n"
                         f"data:\n  patients.csv: |\n{table}")
    participants = "".join(PARTICIPANT.format(name=name) for name in SITES)
    documents.append(SPEC.replace("{participants}", participants))
    header = ("# Three invented hospitals train one generator: kubectl apply -f manifests/samples/hospitals.yaml\n"
              "# Made by scripts/hospitals_sample.py; the rows are of nobody.\n")
    (HERE / "manifests/samples/hospitals.yaml").write_text(header + "---\n".join(documents))


main()
