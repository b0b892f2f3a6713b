"""A mode that rejects tensors made without saying where, so that code for another device is tested on a machine without one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

FACTORIES = frozenset({
    torch.arange, torch.as_tensor, torch.asarray, torch.complex, torch.empty, torch.empty_strided, torch.eye, torch.full,
    torch.linspace, torch.logspace, torch.normal, torch.ones, torch.rand, torch.randint, torch.randn, torch.randperm, torch.range,
    torch.scalar_tensor, torch.sparse_coo_tensor, torch.tensor, torch.tril_indices, torch.triu_indices, torch.zeros,
    torch.bartlett_window, torch.blackman_window, torch.hamming_window, torch.hann_window, torch.kaiser_window,
})
FROM_TENSORS = frozenset({torch.as_tensor, torch.asarray, torch.normal, torch.complex})  # these stay where their arguments are


class DeviceError(AssertionError):
    """A tensor was made on the default device, whatever that is."""


class ExplicitDevices(TorchFunctionMode):
    """Within `with ExplicitDevices():` a factory call of torch without an explicit `device` raises DeviceError.

    `tensor.new_zeros(...)`, `torch.zeros_like(...)` and the like pass, since they stay on their tensor's device.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: Iterable[type], args: tuple = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        follows = function in FROM_TENSORS and any(isinstance(value, torch.Tensor) for value in args)
        if function in FACTORIES and kwargs.get("device") is None and kwargs.get("out") is None and not follows:
            raise DeviceError(f"torch.{function.__name__} was called without a device")
        return function(*args, **kwargs)
