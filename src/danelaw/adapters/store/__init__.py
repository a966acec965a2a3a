"""Where facts are kept."""

from danelaw.adapters.store.memory import MemoryStore

__all__ = ["MemoryStore"]
