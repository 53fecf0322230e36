from vllm.multimodal.inputs import MultiModalFeatureSpec, PlaceholderRange

from deployments.router.prompt_blocks import prompt_blocks
from tests.deployments.router.fake_shard import request


def blocks(prompt_tokens: int, image: str | None = None, salt: str | None = None) -> list[int]:
    asked = request(prompt_tokens=prompt_tokens)
    asked.cache_salt = salt
    if image is not None:
        place = PlaceholderRange(offset=20, length=4)
        asked.mm_features = [MultiModalFeatureSpec(None, "image", image, place)]
    return [*prompt_blocks(asked, "sha256", 16)]


def test_full_blocks_count_and_go_on_from_each_other() -> None:
    assert len(blocks(15)) == 0
    assert len(blocks(47)) == 2
    assert blocks(64)[:2] == blocks(47)


def test_another_image_is_another_prompt_from_its_block_on() -> None:
    plain, cat, dog = blocks(64), blocks(64, image="cat"), blocks(64, image="dog")
    assert plain[0] == cat[0] == dog[0]
    assert len({*plain[1:], *cat[1:], *dog[1:]}) == 9


def test_a_salt_keeps_prompts_apart() -> None:
    assert not {*blocks(64)} & {*blocks(64, salt="mine")}
