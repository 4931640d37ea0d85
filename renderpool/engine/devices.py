"""What a way to draw off screen offers: devices, and contexts that are open on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Device:
    """A graphics device; ``index`` is what ``--device`` names."""

    index: int
    name: str
    software: bool
    handle: Any = None  # of EGL: EGLDeviceEXT; None = Mesa's surfaceless platform


class OpenContext(Protocol):
    """An OpenGL 3.3 core context."""

    def make_current(self) -> None:
        """Make it the context of this thread; raises RenderError."""
        ...

    def release(self) -> None:
        """Leave this thread without a context."""
        ...

    def destroy(self) -> None:
        """Destroy it, in the thread that opened it."""
        ...


class OffScreen(Protocol):
    """A way to draw without a screen: the modules `egl` and `glfw_window`."""

    def list_devices(self) -> list[Device]:
        """Return all devices; at least one."""
        ...

    def open_context(self, device: Device) -> OpenContext:
        """Open a context on a device and make it current in this thread; raises RenderError."""
        ...
