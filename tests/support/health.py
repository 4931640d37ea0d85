"""Whether a node that a test has started answers yet."""

from __future__ import annotations

import requests


def answers(port: int, token: str) -> bool:
    """Say whether the node of this port of loopback is ready, as its health tells who has the join secret."""
    try:
        url = f"http://127.0.0.1:{port}/internal/v1/health"
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False
