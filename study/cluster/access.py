"""Who can reach a study's Ray: where its dashboard is, and whether it asks for a token."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

_SECONDS = 5.0
_MOST_BYTES = 10_000


@dataclass(frozen=True)
class Dashboard:
    """Where a study can be watched."""

    address: str
    token: Path | None
    """The file with the token that it asks for, if we made it."""
    cluster: str | None = None
    """The `--address` of the cluster that it belongs to; None: a Ray of our own."""

    def lines(self) -> list[str]:
        """What is said of it, with a warning where whoever reaches it can run code."""
        asks = asks_for_token(self.address)
        if asks:
            how = f"cat {self.token}" if self.token else "ray get-auth-token"
            return [f"dashboard: {self.address} (it asks for a token: {how})"]
        found = [f"dashboard: {self.address}"]
        if self.cluster is None:
            who = "every user of this machine can run code in this study; unset RAY_AUTH_MODE"
        else:
            who = "whoever reaches its ports can run code in this study; start it with RAY_AUTH_MODE=token"
        if asks is False:
            where = "Ray" if self.cluster is None else f"the cluster at --address {self.cluster}"
            found.append(f"warning: {where} asks for no token: {who}.")
        return found


def asks_for_token(dashboard: str) -> bool | None:
    """Whether the Ray of a dashboard, such as `http://127.0.0.1:8265`, asks for a token; None if it does not say."""
    try:
        # No proxy has a way to the inside of a cluster that this machine has not.
        with build_opener(ProxyHandler({})).open(f"{dashboard}/api/authentication_mode", timeout=_SECONDS) as answer:
            mode = json.loads(answer.read(_MOST_BYTES))["authentication_mode"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return bool(mode != "disabled")
