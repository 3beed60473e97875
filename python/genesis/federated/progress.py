"""Progress of a training for people: a bar by tqdm, in a terminal and in a notebook."""

from __future__ import annotations

import types
from typing import Any


class Progress:
    """A bar of rounds; nothing where it is not wanted or tqdm is not there."""

    def __init__(self, total: int, title: str, *, shown: bool) -> None:
        self._bar: Any = None
        if shown:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=total, desc=title, unit="round")

    def round(self, number: int, total: int, metrics: dict[str, float]) -> None:
        if self._bar is None:
            return
        if total and self._bar.total != total:
            self._bar.total = total
        self._bar.set_postfix({name: f"{value:.3g}" for name, value in metrics.items() if name.endswith("loss")}, refresh=False)
        self._bar.update(number - self._bar.n)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
