#!/usr/bin/env python3
"""Links of the Markdown pages lead somewhere, and the specs in them are valid: docs_test.py SOURCE BIN."""

import pathlib
import re
import subprocess
import sys
import tempfile

SOURCE, BIN = map(pathlib.Path, sys.argv[1:3])
PAGES = [*SOURCE.glob("*.md"), *SOURCE.glob("docs/**/*.md"), *SOURCE.glob("data/*/README.md"), *SOURCE.glob("tests/*/README.md")]
FENCE = re.compile(r"^```.*?^```", re.M | re.S)
CODE = re.compile(FENCE.pattern + r"|`[^`\n]+`", re.M | re.S)
SPEC = re.compile(r"^```yaml\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(text):
    """Of all headings, as forges name them: lower case, without punctuation, spaces as hyphens."""
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def broken_links(page):
    for link in LINK.findall(CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists():
            yield f"{link} leads nowhere"
        elif anchor and anchor not in anchors(target.read_text()):
            yield f"{link}: the page has no such heading"


def invalid_specs(page):
    for text in SPEC.findall(page.read_text()):
        if "kind: FederatedTraining" not in text:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            done = subprocess.run([BIN / "genesis", "validate", "-f", file.name], capture_output=True, text=True, timeout=60)
        yield done.stderr.strip() if done.returncode else None


def not_in_the_index():
    """Pages that docs/README.md does not link, itself or by the README.md of their folder."""
    index = SOURCE / "docs/README.md"
    listed = set()
    for page in [index, *(SOURCE / "docs").glob("*/README.md")]:
        listed |= {(page.parent / link.partition("#")[0]).resolve() for link in LINK.findall(page.read_text())}
    for page in (SOURCE / "docs").rglob("*.md"):
        if page != index and page.resolve() not in listed:
            yield f"docs/README.md: does not list {page.relative_to(SOURCE)}"


found, specs = list(not_in_the_index()), 0
for page in PAGES:
    name = page.relative_to(SOURCE)
    found += [f"{name}: {problem}" for problem in broken_links(page)]
    for problem in invalid_specs(page):
        specs += 1
        found += [f"{name}: {problem}"] if problem else []
print("\n".join(found) or f"{len(PAGES)} pages, {specs} specs")
sys.exit(1 if found or len(PAGES) < 10 or specs < 3 else 0)
