"""The one error tree of the product.

::

    WebviewerError
    ├── InvalidInput            what was sent breaks a rule
    ├── NotSignedIn             no session, or one that has ended
    ├── PermissionDenied        known, but not allowed
    ├── NotFound
    ├── Conflict                the wish contradicts what is stored
    │   ├── DuplicateObject     another object under a known SOP Instance UID
    │   └── AnotherPatient      another patient under a known Study Instance UID
    ├── LimitExceeded           too much or too often; resets_in_s says when to try again
    │   └── TooLarge            too much by itself: it will not do later either
    ├── TooSlow                 a request did not arrive in time
    ├── Unavailable             a part that is needed does not answer now
    │   └── OutOfResources      disk full
    │       └── DatabaseGone    the database does not answer, or not as it should
    ├── DataError               the object itself is damaged or not supported
    │   ├── DecodeError         pixels
    │   └── GeometryError       space
    ├── RenderError
    │   ├── ShaderError
    │   └── DeviceLost
    ├── ProtocolError           a message breaks the wire contract
    └── ConfigError             a setting is missing or wrong

Each edge (HTTP, DIMSE, WebSocket close) has a total table from these classes to its own words; a test proves it.
"""

from __future__ import annotations

from collections.abc import Mapping


class WebviewerError(Exception):
    """Base of all our errors.

    Parameters
    ----------
    message
        What was wrong, the value, the rule; fit to show to a person. Never a patient's name or ID.
    code
        Stable snake_case word for programs; the class's own word where it is left out.
    details
        JSON-serialisable facts for programs, without identifying data.
    """

    default_code = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details: dict[str, object] = dict(details or {})


class InvalidInput(WebviewerError):
    """What was sent breaks a rule."""

    default_code = "invalid_input"


class NotSignedIn(WebviewerError):
    """There is no session, or it has ended."""

    default_code = "not_signed_in"


class PermissionDenied(WebviewerError):
    """Known, but not allowed."""

    default_code = "permission_denied"


class NotFound(WebviewerError):
    """There is no such thing, or not for this caller."""

    default_code = "not_found"


class Conflict(WebviewerError):
    """The wish contradicts what is stored."""

    default_code = "conflict"


class DuplicateObject(Conflict):
    """Another object is stored already under this SOP Instance UID."""

    default_code = "duplicate_object"


class AnotherPatient(Conflict):
    """Objects of another patient are stored already under this Study Instance UID."""

    default_code = "another_patient"


class LimitExceeded(WebviewerError):
    """Too much or too often; ``resets_in_s`` says after how many seconds to try again."""

    default_code = "limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        resets_in_s: float | None = None,
        code: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.resets_in_s = resets_in_s


class TooLarge(LimitExceeded):
    """Too much by itself: trying again later is of no use."""

    default_code = "too_large"


class TooSlow(WebviewerError):
    """A request did not arrive in time."""

    default_code = "too_slow"


class Unavailable(WebviewerError):
    """A part that is needed does not answer now."""

    default_code = "unavailable"


class OutOfResources(Unavailable):
    """No room on the disk, or the database is gone."""

    default_code = "out_of_resources"


class DatabaseGone(OutOfResources):
    """The database cannot be used now, for another reason than a full disk; to a modality both are out of resources."""

    default_code = "unavailable"


class DataError(WebviewerError):
    """The object itself is damaged or not supported."""

    default_code = "data_error"


class DecodeError(DataError):
    """The pixels cannot be read."""

    default_code = "decode_error"


class GeometryError(DataError):
    """The place in space is missing or contradicts itself."""

    default_code = "geometry_error"


class RenderError(WebviewerError):
    """Drawing failed."""

    default_code = "render_error"


class ShaderError(RenderError):
    """A shader does not compile or link."""

    default_code = "shader_error"


class DeviceLost(RenderError):
    """The graphics device is gone."""

    default_code = "device_lost"


class ProtocolError(WebviewerError):
    """A message breaks the wire contract."""

    default_code = "protocol_error"


class ConfigError(WebviewerError):
    """A setting is missing or wrong: key, value and rule are in the message."""

    default_code = "config_error"
