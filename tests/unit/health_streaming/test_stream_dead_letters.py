"""A dead letter has the record as it came, whatever its bytes."""

import base64

import pyarrow as pa
from health_catalog import arrow_schema
from health_events import DEAD_LETTERS
from health_streaming.dead_letters import dead_letters
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.none() | st.binary(max_size=9) | st.text().map(str.encode)))
def test_what_is_no_text_is_in_base64(records: list[bytes | None]) -> None:
    reasons = [f"reason {at}" for at in range(len(records))]
    found = dead_letters("vitals", pa.array(records, pa.binary()), pa.array(reasons, pa.string()))
    assert found.schema == arrow_schema(DEAD_LETTERS)
    for record, said, row in zip(records, reasons, found.to_pylist(), strict=True):
        assert (row["source"], row["reason"]) == ("vitals", said)
        is_text, payload = row["encoding"] == "utf-8", row["payload"]
        assert (payload.encode() if is_text else base64.b64decode(payload, validate=True)) == (record or b"")
        try:
            (record or b"").decode()
        except UnicodeDecodeError:
            assert not is_text
        else:
            assert is_text
