import base64
import textwrap
from urllib.parse import quote

import pytest
from vllm.exceptions import VLLMValidationError

from deployments.front_end.images.data_url import inline_image

BYTES = bytes(range(256))
DATA = base64.b64encode(BYTES).decode()
PLAIN = f"data:image/png;base64,{DATA}"
LINES = "\r\n".join(textwrap.wrap(DATA, 76))


@pytest.mark.parametrize(
    "url",
    [
        PLAIN,
        f"DATA:image/PNG;BASE64,{DATA}",
        f"data:image/png;base64,{LINES}",
        f"data:image/png;base64,\n  {LINES}\n",
        f"data:image/png;charset=utf-8;name=a.png;base64,{DATA}",
        f"data:image/png ; base64,{DATA}",
        f"data:;base64,{DATA}",
        f"data:application/octet-stream;base64,{DATA}",
        f"data:image/png;base64,{quote(DATA, safe='')}",
        f"data:image/png;base64,{DATA.rstrip('=')}",
        f"data:image/png;base64,{base64.urlsafe_b64encode(BYTES).decode()}",
        f"data:image/png,{quote(BYTES)}",
        f"data:,{quote(BYTES)}",
    ],
)
def test_every_form_is_read_as_the_plain_one(url: str) -> None:
    assert inline_image(url) == PLAIN


@pytest.mark.parametrize("url", ["https://a.example/b.png", "data:text/html;base64,AA==", "", None])
def test_what_isnt_there_is_refused(url: object) -> None:
    with pytest.raises(VLLMValidationError, match="Send the image in the request"):
        inline_image(url)


def test_data_that_is_missing_is_named() -> None:
    with pytest.raises(VLLMValidationError, match=r"can't be read .*comma"):
        inline_image("data:image/png;base64")
