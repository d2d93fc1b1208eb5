"""Store finished cells: found by the hash of their content, committed atomically, checked on reading."""

from va_experiments.checkpoints.atomic_files import DiskFull, is_disk_full
from va_experiments.checkpoints.lock import Locked, OutputsMoved, lock_outputs
from va_experiments.checkpoints.manifest import NewerSchema
from va_experiments.checkpoints.partial_states import PartialStates
from va_experiments.checkpoints.store import CorruptCell, Store, Stored

__all__ = [
    "CorruptCell",
    "DiskFull",
    "Locked",
    "NewerSchema",
    "OutputsMoved",
    "PartialStates",
    "Store",
    "Stored",
    "is_disk_full",
    "lock_outputs",
]
