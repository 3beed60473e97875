"""A real Prometheus, which scrapes what a file lists. Standard library only."""

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from programs import free_port


class Prometheus:
    def __init__(self, programs, folder, interval):
        """programs: the folder of prometheus. targets() says what is scraped, each `interval`, such as "15s"."""
        self.targets_file = folder / "targets.json"
        self.targets([])
        timeout = interval if interval.endswith("ms") else "1s"
        config = {"global": {"scrape_interval": interval, "scrape_timeout": timeout}, "scrape_configs": [
            {"job_name": "all", "honor_labels": True,
             "file_sd_configs": [{"files": [str(self.targets_file)], "refresh_interval": "1s"}]}]}
        (folder / "prometheus.yaml").write_text(json.dumps(config))
        self.url = f"http://127.0.0.1:{free_port()}"
        with open(folder / "prometheus.txt", "w") as log:
            self.process = subprocess.Popen(
                [programs / "prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
                 f"--web.listen-address={self.url.removeprefix('http://')}"], stdout=log, stderr=log)

    def targets(self, listed):
        """As file_sd_configs take it; a whole file at a time."""
        text = json.dumps(listed)
        if not self.targets_file.exists() or self.targets_file.read_text() != text:
            self.targets_file.with_suffix(".new").write_text(text)
            os.replace(self.targets_file.with_suffix(".new"), self.targets_file)

    def ask(self, what, **arguments):
        """The result, or [] before it has begun to listen."""
        url = f"{self.url}/api/v1/{what}?" + urllib.parse.urlencode(arguments)
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.loads(answer.read())["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{arguments}: {error.read().decode()}")
        except OSError:
            return []
