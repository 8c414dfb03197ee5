# SPDX-License-Identifier: GPL-3.0-or-later
"""What a test may set about the stand-in itself; the control endpoint changes it while it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """``busy_as``: how a second operation on a busy item is refused. ``http`` (default): with ``busy_status`` at once;
    ``job``: the call is accepted and its job fails. The real form is not recorded (INFER).

    ``signed_links``: the two links of a 202 carry t, c, s, h and work only with them (SEEN 2023; some links of that year
    come without). ``throttle``: ARM's token buckets. ``token_lifetime``: real
    seconds. ``token_told``: the reported lifetime of a token in seconds, if that is to differ; 0 reports the true one.
    """

    page_size: int = 100
    lag: float = 5.0
    busy_as: str = "http"
    busy_status: int = 409
    signed_links: bool = True
    throttle: bool = True
    token_lifetime: float = 3599.0
    token_told: float = 0.0
    #: Service seconds of Retry-After on a 202 (SEEN); told in real seconds, at least one.
    retry_after: float = 30.0
    #: Whether the gallery still offers the process server's image.
    gallery_image: bool = False
    #: vCPUs the region still gives to the subscription.
    cores_left: int = 64
    #: How the set-up of a process server that is deployed ends.
    setup_exit_code: int = 0

    def change(self, values: dict[str, object]) -> None:
        """Set known fields, each to a value of its type. Raises ValueError for an unknown field or a wrong kind."""
        for key, value in values.items():
            if key not in self.__dataclass_fields__:
                raise ValueError(f"{key}: no such setting; known are {', '.join(self.__dataclass_fields__)}.")
            present = getattr(self, key)
            if isinstance(present, bool) != isinstance(value, bool) or not isinstance(value, (type(present), int)):
                raise ValueError(f"{key}={value!r}: give a value like {present!r}.")
            setattr(self, key, type(present)(value))
