"""What a submission may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one submission may use. Times are the processor's seconds, of all its processes; by the clock they may take `patience`
    times as long, which is for those that sleep. Memory comes on top of the warm worker's own."""

    cell_seconds: float = 10.0
    total_seconds: float = 60.0
    patience: float = 6.0
    memory_mib: int = 2048
    file_mib: int = 64
    processes: int = 16
    output_characters: int = 100_000
