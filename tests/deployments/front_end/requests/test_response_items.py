from openai.types.responses import (
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
)

from deployments.front_end.requests.response_items import in_one_part, message_of


def answer(*parts: ResponseOutputText | ResponseOutputRefusal) -> ResponseOutputMessage:
    return ResponseOutputMessage(
        id="a", content=[*parts], role="assistant", status="completed", type="message"
    )


TEXT = ResponseOutputText(type="output_text", text="I see. ", annotations=[])
REFUSAL = ResponseOutputRefusal(type="refusal", refusal="But no.")


def test_an_earlier_answer_counts_with_all_its_parts() -> None:
    assert message_of(answer(TEXT, REFUSAL)) == {"role": "assistant", "content": "I see. But no."}
    assert message_of(answer()) == {"role": "assistant", "content": ""}


def test_other_items_are_left_as_they_are() -> None:
    item = {"role": "user", "content": "Hi"}
    assert in_one_part(item) is item
