"""A progress bar for commands that move bytes."""

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from deployments.cli.errors import err
from model_shards.files.meter import Meter


class ByteBar(Meter):
    """Shows bytes, bytes per second and time left; bytes that were there already don't count."""

    def __init__(self) -> None:
        super().__init__()
        self._progress = Progress(
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=err,
        )
        self._total_bytes = 0
        self._task = TaskID(0)

    def __enter__(self) -> "ByteBar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def expect(self, total_bytes: int) -> None:
        self._total_bytes = total_bytes
        self._task = self._progress.add_task("", total=total_bytes)

    def moved(self, size_bytes: int) -> None:
        super().moved(size_bytes)
        self._progress.advance(self._task, size_bytes)

    def spared(self, size_bytes: int) -> None:
        super().spared(size_bytes)
        self._progress.update(self._task, total=self._total_bytes - self.spared_bytes)
