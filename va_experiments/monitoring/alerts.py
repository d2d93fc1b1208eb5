"""Send a message by Apprise (mail, Slack, webhook, ...) when a run fails, ends or makes no progress.

Messages go out from a thread of their own, so that no run waits for a mail server; an address never appears in a log.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from va_experiments.background_queue import BackgroundQueue
from va_experiments.config.schema import AlertConfig
from va_experiments.engine.context import RunContext
from va_experiments.engine.observers import CellSettled, Observer, RunOutcome
from va_experiments.redaction import redacted

__all__ = ["Alerts"]

log = logging.getLogger(__name__)

LOG_ADDRESSES = ("apprise", "urllib3.connectionpool", "urllib3.util.retry")
"""Loggers of the libraries that send: at the level DEBUG, which ``hydra.verbose=true`` sets, they write addresses."""


class Alerts(Observer):
    """The messages of one run.

    Parameters
    ----------
    config : AlertConfig
    run_id : str
        Named in each message.
    now : callable
        The clock, for tests.
    """

    def __init__(self, config: AlertConfig, run_id: str, now: Callable[[], float] = time.monotonic) -> None:
        self._config, self._run_id, self._now = config, run_id, now
        self._queue = BackgroundQueue("alerts", self._send_all)
        self._last_sent: dict[str, float] = {}
        self._held: dict[str, int] = {}
        self._seen: tuple[Any, float] = (None, now())
        self._stalled = False
        self.sent = 0
        self.error = ""

    @property
    def on(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._config.url)

    def start(self) -> None:
        """Begin to send in the background."""
        if self.on:
            self._queue.start()

    def run_started(self, run: RunContext) -> None:
        """Begin to send in the background."""
        self.start()

    def cell_settled(self, cell: CellSettled) -> None:
        """Report a failed cell."""
        if cell.failure:
            self.failed(cell.failure)

    def progress(self, run: RunContext) -> None:
        """Report a run that stands still."""
        if run.counts.stage == "running":
            moving = tuple((key, r.attempt, r.done) for key, r in list(run.channel.running.items()))
            self.watch((run.counts.text, run.counts.fits_done, moving), run.counts.text)

    def run_finished(self, run: RunContext, outcome: RunOutcome) -> None:
        """Report how the run has ended."""
        how = "complete" if outcome.complete else f"incomplete ({outcome.missing} missing)"
        how += f": {outcome.error}" if outcome.error else ""
        self.finished(f"{how}; {run.counts.now.sentence}; outputs in {run.folder}")
        if self.error:
            outcome.problems.append(self.error)

    def run_aborted(self, run: RunContext) -> None:
        """Report that the run has ended by an error."""
        self.finished("ended early by an error; finished cells are kept")

    def failed(self, text: str) -> None:
        """Send that a cell failed; failures that come faster than the rate limit are counted and sent with the next."""
        self._tell("failed", text)

    def finished(self, text: str) -> None:
        """Tell that the run has ended, and how."""
        held = self._held.pop("failed", 0)
        self._tell("finished", text + (f"\n{held} more failures were not sent one by one." if held else ""))

    def watch(self, state: Any, text: str) -> None:
        """Look whether `state`, anything that changes when the run gets on, has stood still for too long."""
        now = self._now()
        if state != self._seen[0]:
            self._seen, self._stalled = (state, now), False
        elif not self._stalled and now - self._seen[1] >= 60 * self._config.stalled_minutes:
            self._stalled = True  # once, until it gets on again
            self._tell("stalled", f"nothing has moved for {self._config.stalled_minutes:g} minutes: {text}")

    def close(self, timeout: float = 15) -> None:
        """Wait until all messages have been sent, within `timeout` seconds."""
        if self._queue.alive:
            self._queue.put("end")
            self._queue.join(timeout)

    def _tell(self, kind: str, text: str) -> None:
        if not self.on or kind not in self._config.events:
            return
        now = self._now()
        if kind != "finished" and now - self._last_sent.get(kind, float("-inf")) < self._config.min_seconds:
            self._held[kind] = self._held.get(kind, 0) + 1
            return
        self._last_sent[kind] = now
        more = self._held.pop(kind, 0)
        self._queue.put(kind, text + (f"\nand {more} more since the last message" if more else ""))

    def _send_all(self) -> None:
        while (message := self._queue.get()) is not None and message[0] != "end":
            try:
                self._send(*message)
            except Exception as error:  # an alert must never take the run down
                self._note(type(error).__name__)

    def _send(self, kind: str, text: str) -> None:
        with _no_addresses_in_the_log():
            self._notify(kind, text)

    def _notify(self, kind: str, text: str) -> None:
        import apprise

        target = apprise.Apprise()
        refused = sum(not target.add(url) for url in self._config.url or ())
        if refused:
            self._note(f"{refused} of the addresses in alert.url cannot be read as Apprise URLs")
        kinds = {"failed": apprise.NotifyType.FAILURE, "stalled": apprise.NotifyType.WARNING}
        sent = len(target) and target.notify(
            title=f"va_experiments {self._run_id}: {kind}",
            body=redacted(text),
            notify_type=kinds.get(kind, apprise.NotifyType.INFO),
        )
        if sent:
            self.sent += 1
        elif len(target):
            self._note("the receiver did not take the message")

    def _note(self, why: str) -> None:
        if not self.error:
            log.warning("an alert could not be sent (%s); check alert.url; results are not affected", why)
        self.error = self.error or f"an alert could not be sent: {why}"


@contextlib.contextmanager
def _no_addresses_in_the_log() -> Iterator[None]:
    """Drop what libraries log while a message is sent: they write whole addresses, with the secrets in them."""

    def nothing(record: logging.LogRecord) -> bool:
        return False

    loggers = [logging.getLogger(name) for name in LOG_ADDRESSES]
    for logger in loggers:
        logger.addFilter(nothing)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(nothing)
