"""A Jupyter kernel that tests type cells into, as a student would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from pathlib import Path


class Session:
    """A kernel in a folder, and what its cells print."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)

    def run(self, text: str) -> tuple[str, list[str]]:
        """Run a cell; return what it printed, and its traceback."""
        printed: list[str] = []
        errors: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            content = message["content"]
            printed.append(content.get("text", "")) if message["msg_type"] == "stream" else None
            errors.extend(content["traceback"]) if message["msg_type"] == "error" else None

        self.client.execute_interactive(text, output_hook=hook, timeout=180)
        return "".join(printed), errors

    def run_until_killed(self, text: str) -> None:
        """Run a cell that kills its own kernel."""
        self.client.execute(text)
        process: Any = getattr(self.manager.provisioner, "process", None)
        process.wait(timeout=180)

    def close(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
