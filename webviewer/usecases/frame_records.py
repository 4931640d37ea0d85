"""The head of each frame in a stream of stored frames, shared by the storage node that writes it and its readers."""

from __future__ import annotations

import struct

FRAME_HEADER = struct.Struct("<QIIQ")  # instance_id, frame_number, status, length in bytes
STATUS_GOOD = 0
STATUS_ERROR = 1
STATUS_REFUSED = 2
"""A sentence for the doctor follows, as JSON: ``{"code", "numbers", "text"}``."""
