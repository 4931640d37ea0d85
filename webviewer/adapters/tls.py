"""TLS between nodes: what a listener shows, and whom a caller believes."""

from __future__ import annotations

import ssl
from pathlib import Path

from webviewer.config import TlsSettings
from webviewer.core.errors import ConfigError


def server_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """Return what an internal listener speaks TLS with; None where it speaks plain HTTP.

    Raises
    ------
    ConfigError
        One of certificate and key is missing, cannot be read, or they do not belong together.
    """
    certificate, key = settings.certificate, settings.key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        given, wanted = ("KEY", "CERTIFICATE") if certificate is None else ("CERTIFICATE", "KEY")
        raise ConfigError(f"WEBVIEWER_TLS_{given} is set without WEBVIEWER_TLS_{wanted}: they must be set together.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _check_readable("CERTIFICATE", certificate)
    _check_readable("KEY", key)
    try:
        # Without the password an encrypted key would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as exc:
        raise ConfigError(
            f"WEBVIEWER_TLS_CERTIFICATE {str(certificate)!r} and WEBVIEWER_TLS_KEY {str(key)!r} cannot be used: they "
            "must be the PEM files of a certificate and of its own key without a password."
        ) from exc
    return context


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return what calls to ``https`` nodes are made with; certificate and host name are always verified.

    Only certificates of ``WEBVIEWER_TLS_CA`` are believed; without it those that this machine believes.

    Raises
    ------
    ConfigError
        The CA file cannot be read.
    """
    if settings.ca is None:
        context = ssl.create_default_context()
    else:
        _check_readable("CA", settings.ca)
        try:
            context = ssl.create_default_context(cafile=str(settings.ca))
        except ssl.SSLError as exc:
            raise ConfigError(
                f"WEBVIEWER_TLS_CA {str(settings.ca)!r} cannot be used: must be a PEM file of certificates."
            ) from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _check_readable(name: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as exc:
        raise ConfigError(f"WEBVIEWER_TLS_{name} {str(file)!r} cannot be read: {exc.strerror or exc}.") from exc
