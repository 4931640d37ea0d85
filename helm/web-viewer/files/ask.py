"""Ask this pod's node over its internal HTTP, with the join secret: what probes need, which can hold no secret.

``python3 ask.py PORT PATH`` ends with 0 if the answer is 200, else with 1 and the answer's words.
"""

import http.client
import sys
from pathlib import Path

MOUNTED = "/run/secrets/web-viewer/internal-token"
TIMEOUT_S = 4


def main(port: str, path: str, secret_file: str = MOUNTED) -> int:
    """Ask, and say what came of it."""
    secret = Path(secret_file).read_text("utf-8").strip()
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        words = answer.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as exc:
        sys.stderr.write(f"{path} cannot be asked: {type(exc).__name__} {exc}\n")
        return 1
    finally:
        connection.close()
    if answer.status == 200:
        return 0
    sys.stderr.write(f"{path} answers {answer.status}: {words}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
