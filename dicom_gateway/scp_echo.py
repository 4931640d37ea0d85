"""Verification (PS3.4 A): C-ECHO is answered with Success."""

from __future__ import annotations

from dicom_gateway.command import Command, encode_response
from dicom_gateway.status import Status


def answer_echo(command: Command) -> bytes:
    """Return the command set of the C-ECHO-RSP."""
    return encode_response(command, Status.SUCCESS)
