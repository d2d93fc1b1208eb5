"""Detect a CUDA device through its driver, because libraries fall back to the CPU without a message."""

from __future__ import annotations

import ctypes
import importlib.util

from va_experiments.errors import InputError

__all__ = ["cuda_devices", "require_cuda", "require_device"]


def cuda_devices() -> int:
    """Return the number of CUDA devices that the NVIDIA driver reports; 0 without a driver."""
    for library in ("libcuda.so.1", "nvcuda.dll"):
        try:
            driver = ctypes.CDLL(library)
        except OSError:
            continue
        count = ctypes.c_int(0)
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0


def require_cuda(model: str) -> None:
    """Raise `InputError` unless a CUDA device is here."""
    if cuda_devices() == 0:
        raise InputError(
            f"{model}: device is 'cuda', but this machine has no CUDA device; expected a machine with an NVIDIA GPU "
            f"and its driver, or device=cpu"
        )


def require_device(name: str, device: str) -> None:
    """Raise `InputError` if a model that computes with PyTorch cannot use the device."""
    if device == "cpu":
        return
    if importlib.util.find_spec("torch") is None:
        raise InputError(f"{name}: device is 'cuda', which needs PyTorch; install the extra 'gpu', or use device=cpu")
    require_cuda(name)
