"""Ask this pod's node over its internal HTTP, with the join secret: what probes need, which can hold no secret.

``python3 ask.py PORT PATH`` ends with 0 if the answer is 200, else with 1 and the answer's words.
"""

import sys
import urllib.error
import urllib.request

TOKEN = "/run/secrets/web-viewer/internal-token"
TIMEOUT_S = 4


def main(port: str, path: str, token_file: str = TOKEN) -> int:
    """Ask, and say what came of it."""
    with open(token_file, encoding="utf-8") as file:
        token = file.read().strip()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):
            return 0
    except urllib.error.HTTPError as exc:
        words = exc.read(2000).decode("utf-8", "replace")
        print(f"{path} answers {exc.code}: {words}", file=sys.stderr)
    except OSError as exc:
        print(f"{path} cannot be asked: {exc}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
