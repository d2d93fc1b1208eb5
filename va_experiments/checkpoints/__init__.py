"""The store of finished cells: content-addressed, committed atomically, verified on reading."""

from va_experiments.checkpoints.atomic_files import DiskFull, is_disk_full
from va_experiments.checkpoints.lock import Locked, lock_outputs
from va_experiments.checkpoints.partial_states import StateStore
from va_experiments.checkpoints.store import CorruptCell, NewerSchema, Store, Stored

__all__ = [
    "CorruptCell",
    "DiskFull",
    "Locked",
    "NewerSchema",
    "StateStore",
    "Store",
    "Stored",
    "is_disk_full",
    "lock_outputs",
]
