"""An authority of certificates for tests, and certificates of nodes that it signs; made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """A certificate authority in a folder; ``ca`` is its own certificate."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self.ca = folder / "ca.pem"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
            *("-subj", "/CN=Authority of the tests", "-keyout", "ca.key", "-out", "ca.pem"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )

    def certificate(self, name: str, *names: str) -> tuple[Path, Path]:
        """Return certificate and key for names such as ``IP:127.0.0.1`` and ``DNS:localhost``."""
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        (self._folder / f"{name}.ext").write_text(f"subjectAltName={','.join(names)}\n")
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
        )
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

    def environment(self, name: str, *names: str) -> dict[str, str]:
        """Return the variables of a node that shows such a certificate and believes this authority."""
        certificate, key = self.certificate(name, *names)
        return {
            "WEBVIEWER_TLS_CERTIFICATE": str(certificate),
            "WEBVIEWER_TLS_KEY": str(key),
            "WEBVIEWER_TLS_CA": str(self.ca),
        }

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self._folder, check=True, capture_output=True)
