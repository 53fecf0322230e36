"""Which links to images a router follows: https, to the hosts that the config names."""

import re
from collections.abc import Sequence
from typing import Any

from vllm.exceptions import VLLMValidationError
from yarl import URL

from configs.host_name import HostName, covers

# Nothing that would have to be escaped: a signed link is asked for exactly as it was written.
_CLEAN = re.compile(r"[!-~]{1,8000}")


def checked(link: Any, hosts: Sequence[HostName], base: URL | None = None) -> URL:
    """The link as the HTTP client will read it; one that redirects is relative to its `base`.

    Raises VLLMValidationError for a link that isn't followed.
    """
    try:
        url = _parsed(link, base)
        host, bare = url.raw_host, (url.raw_user, url.raw_password, url.port) == (None, None, 443)
    except ValueError:
        url, host, bare = URL(), None, False
    if url.scheme != "https" or not host:
        raise refused("An image's link must be https://…, percent-encoded, up to 8000 characters")
    if not bare:
        raise refused("An image's link may have no user, password or port")
    if not covers(hosts, host):
        raise refused(
            f"{host[:80]} isn't among the hosts that this server fetches images from "
            "(limits.image_hosts, for the operator to choose)"
        )
    return url


def refused(reason: str) -> VLLMValidationError:
    return VLLMValidationError(
        f"{reason}. Send the image in the request, as data:image/png;base64,…",
        parameter="image_url",
    )


def _parsed(link: Any, base: URL | None) -> URL:
    if not isinstance(link, str) or not _CLEAN.fullmatch(link):
        raise ValueError(link)
    url = URL(link, encoded=True)
    return base.join(url) if base else url
