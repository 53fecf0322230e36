"""Decides which links to images a router follows: https, to hosts that the config names."""

import re
from collections.abc import Sequence
from typing import Any

from vllm.exceptions import VLLMValidationError
from yarl import URL

from configs.host_name import HostName, covers

# No character that would have to be escaped: a signed link must be requested as it was written.
_CLEAN = re.compile(r"[!-~]{1,8000}")


def allowed_url(link: Any, hosts: Sequence[HostName], base: URL | None = None) -> URL:
    """Return the URL of a link as the HTTP client will read it.

    The link of a redirect is relative to `base`, the URL that redirects.
    Raises VLLMValidationError for a link that isn't followed.
    """
    try:
        url = _parsed(link, base)
        host, bare = url.raw_host, (url.raw_user, url.raw_password, url.port) == (None, None, 443)
    except ValueError:
        url, host, bare = URL(), None, False
    if url.scheme != "https" or not host:
        raise image_error(
            "An image's link must be https://…, percent-encoded, up to 8000 characters"
        )
    if not bare:
        raise image_error("An image's link may have no user, password or port")
    if not covers(hosts, host):
        raise image_error(
            f"{host[:80]} isn't among the hosts that this server fetches images from "
            "(limits.image_hosts, for the operator to choose)"
        )
    return url


def image_error(reason: str) -> VLLMValidationError:
    """Make the error that gives the reason and tells the client to send the image inline."""
    return VLLMValidationError(
        f"{reason}. Send the image in the request, as data:image/png;base64,…",
        parameter="image_url",
    )


def _parsed(link: Any, base: URL | None) -> URL:
    if not isinstance(link, str) or not _CLEAN.fullmatch(link):
        raise ValueError(link)
    url = URL(link, encoded=True)
    return base.join(url) if base else url
