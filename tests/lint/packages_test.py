#!/usr/bin/env python3
"""What `make dist` makes of a build: Debian packages with their programs, pages and needs, and bills of materials of these and
of the images that are there, which name what their programs load and are SPDX to the letter. As root the packages are
installed, run and removed, in a copy of this machine's root that is gone afterwards: packages_test.py SOURCE BUILD PYSPDXTOOLS.
"""

import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE, BUILD = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
VALIDATOR = sys.argv[3]
PROGRAMS = {"operator": {"genesis-operator"}, "aggregator": {"genesis-aggregator"}, "worker": {"genesis-worker"},
            "cli": {"genesis", "genesis-federated"}}


def said(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def fields(deb):
    return dict(re.findall(r"^ *([\w-]+): (.+)$", said("dpkg-deb", "-f", deb), re.MULTILINE))


def files(deb):
    lines = said("dpkg-deb", "-c", deb).splitlines()
    return {line.split()[5].removeprefix("./") for line in lines if not line.endswith("/")}


def findings(out, version):
    for part, programs in PROGRAMS.items():
        found = list(out.glob(f"genesis-{part}_{version}_*.deb"))
        if len(found) != 1:
            yield f"genesis-{part}: {len(found)} packages"
            continue
        deb, inside = found[0], files(found[0])
        if {name for name in inside if name.startswith("usr/bin/")} != {f"usr/bin/{program}" for program in programs}:
            yield f"{deb.name}: has {sorted(inside)}"
        pages = {"operator": "genesis-operator", "aggregator": "genesis-aggregator", "worker": "genesis-worker", "cli": "genesis-run"}
        if not any(name.startswith(f"usr/share/man/man1/{pages[part]}.1") for name in inside):
            yield f"{deb.name}: has no man page"
        if f"usr/share/doc/genesis-{part}/copyright" not in inside:
            yield f"{deb.name}: has no licence"
        needs = fields(deb).get("Depends", "")
        if ("libtorch" in needs) != (part in ("worker", "cli")) or "libssl3" not in needs:
            yield f"{deb.name}: depends on {needs}"
        if part == "cli":
            for name in ("usr/share/bash-completion/completions/genesis", "usr/share/zsh/vendor-completions/_genesis",
                         "usr/share/fish/vendor_completions.d/genesis.fish"):
                if name not in inside:
                    yield f"{deb.name}: lacks {name}"
            if f"genesis-worker (= {version})" not in needs or f"genesis-aggregator (= {version})" not in needs:
                yield f"{deb.name}: depends on {needs}"
        yield from findings_of_bill(out / f"{deb.name}.spdx.json", f"genesis-{part}", {"libssl3"}, part in ("worker", "cli"))
    said("sha256sum", "--check", "--quiet", "SHA256SUMS", cwd=out)
    listed = {line.split()[1] for line in (out / "SHA256SUMS").read_text().splitlines()}
    if listed != {path.name for path in out.iterdir()} - {"SHA256SUMS"}:
        yield f"SHA256SUMS: lists {sorted(listed)}"


def findings_of_bill(path, name, more, has_torch):
    """name: what it describes; more: what it must list besides what all programs need."""
    bill = json.loads(path.read_text())
    names = {one["name"] for one in bill["packages"]}
    ids = {one["SPDXID"] for one in bill["packages"]} | {"SPDXRef-DOCUMENT"}
    if bill["spdxVersion"] != "SPDX-2.3" or len(ids) != len(bill["packages"]) + 1:
        yield f"{path.name}: is no SPDX 2.3, or two packages have one id"
    if bill["packages"][0]["name"] != name or not {"libc6", "nlohmann-json3-dev"} | more <= names:
        yield f"{path.name}: describes {bill['packages'][0]['name']} and names {sorted(names)}"
    if any("torch" in one for one in names) != has_torch:
        yield f"{path.name}: names LibTorch, or does not, against what is loaded"
    for relation in bill["relationships"]:
        if not {relation["spdxElementId"], relation["relatedSpdxElement"]} <= ids:
            yield f"{path.name}: {relation} names what is not there"
    judged = subprocess.run([VALIDATOR, "--infile", path], capture_output=True, text=True, timeout=120)
    if judged.returncode != 0:
        yield f"{path.name}: {judged.stdout}{judged.stderr}"


def findings_of_images(folder, out):
    """The bill of each image that is built: all that has been written into it, and its archive's digest."""
    for image, has_torch in (("genesis-operator", False), ("genesis-aggregator", False), ("genesis-worker", True)):
        archive, bill = folder / f"{image}.tar", out / f"{image}.tar.spdx.json"
        if not archive.exists():
            continue
        bill.write_text(said(SOURCE / "scripts/sbom", archive))
        yield from findings_of_bill(bill, image, {"libssl3t64", "ca-certificates"}, has_torch)
        described = json.loads(bill.read_text())["packages"][0]
        digest = hashlib.file_digest(open(archive, "rb"), "sha256").hexdigest()
        if described["checksums"] != [{"algorithm": "SHA256", "checksumValue": digest}] or described["primaryPackagePurpose"] != "CONTAINER":
            yield f"{bill.name}: describes {described}"


# In a root whose changes stay in memory: $1 the packages, $2 the version, $3 the programs.
INSTALL = """
set -eu
mount -t tmpfs tmpfs "$1/root"
mkdir "$1/root/changes" "$1/root/work" "$1/root/all"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/root/changes,workdir=$1/root/work" "$1/root/all"
mkdir -p "$1/root/all/packages"
cp "$1"/*.deb "$1/root/all/packages"
mount -t proc proc "$1/root/all/proc"
exec chroot "$1/root/all" /bin/sh -eu -c '
  dpkg -i /packages/*.deb >/dev/null
  for program in $2; do
    found=$("/usr/bin/$program" --version | head -1)
    case $found in *"$1"*) ;; *) echo "$program --version: $found"; exit 1 ;; esac
  done
  bash -c ". /usr/share/bash-completion/completions/genesis && complete -p genesis" >/dev/null
  dpkg --purge genesis-cli genesis-worker genesis-aggregator genesis-operator >/dev/null
  find /usr/bin /usr/share /etc /var/lib/dpkg/info -path "*genesis*" -newer /packages ! -type d
' sh "$2" "$3"
"""


def findings_of_install(out, version):
    (out / "root").mkdir()
    done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", INSTALL, "sh", out, version,
                           " ".join(sorted(set.union(*PROGRAMS.values())))], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        yield f"the packages do not install, run and go: {done.stdout}{done.stderr}"
    elif done.stdout:
        yield f"the packages leave behind: {done.stdout}"


version = re.search(r"^project\(genesis-federated VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text(), re.MULTILINE)[1]
if not (BUILD / "cli/cli.md").exists():
    said(SOURCE / "scripts/cli-reference", BUILD / "bin", BUILD / "cli")
with tempfile.TemporaryDirectory() as folder:
    said(SOURCE / "scripts/dist", BUILD, pathlib.Path(folder) / "dist", "--no-images")
    found = list(findings(pathlib.Path(folder) / "dist", version))
    found += findings_of_images(SOURCE / "build/cluster/images", pathlib.Path(folder))
    images = len(list(pathlib.Path(folder).glob("*.tar.spdx.json")))
    is_root = os.geteuid() == 0
    found += findings_of_install(pathlib.Path(folder) / "dist", version) if is_root else []
print("\n".join(found) or f"four packages and {images} images, each with its bill of materials; packages " +
      ("installed, run and removed" if is_root else "not installed, which needs root"))
sys.exit(1 if found else 0)
