"""Published tables computed again: the published figure beside ours, the difference and its interval, and why.

``python -m va_experiments.replays NAME --data FILE`` (or ``va-experiments replay NAME``).
"""

from va_experiments.replays.registry import REPLAYS, replay_of
from va_experiments.replays.table import Compared, Replay, markdown

__all__ = ["REPLAYS", "Compared", "Replay", "markdown", "replay_of"]
