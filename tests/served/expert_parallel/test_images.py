import openai
import pytest

from tests.served.expert_parallel.asking import about, chat, picture


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (200, 30), (224, 224), (900, 300)])
def test_images_of_any_size_are_read(client: openai.OpenAI, size: tuple[int, int]) -> None:
    answer = chat(client, messages=about(picture("red", size)))
    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens < 200  # at most 8 by 8 patches and their breaks


def test_what_an_image_shows_matters(client: openai.OpenAI) -> None:
    red, blue = (
        chat(client, messages=about(picture(colour)), logprobs=True).choices[0].logprobs.content
        for colour in ("red", "blue")
    )
    assert [token.logprob for token in red] != [token.logprob for token in blue]


def test_two_images_take_twice_the_tokens_of_one(client: openai.OpenAI) -> None:
    none, one, two = (
        chat(client, messages=about(*[picture("green")] * count)).usage.prompt_tokens
        for count in range(3)
    )
    assert two - one == one - none > 1
