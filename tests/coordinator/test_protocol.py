"""Framing, requests and replies."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.coordinator import protocol
from lava_dispatcher_multinode.multinode.api import Api, Call, Cause, Outcome, Status

WHO = {"client_name": "a", "group_name": "g", "role": "r", "hostname": "h"}
TEXT = st.text(st.characters(exclude_characters="\n\0"), max_size=20)
DATA = st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True), TEXT, max_size=4)


def read(**fields):
    """Return the request of a valid member with these fields."""
    return protocol.parse_request(protocol.encode_frame(WHO | fields)[protocol.HEADER_BYTES :])


def parse_call(**fields):
    """Return the call in the request of a valid member with these fields."""
    return protocol.parse_call(read(**fields))


@given(st.lists(DATA, max_size=5), st.lists(st.integers(0, 1000), max_size=20))
def test_any_split_gives_the_same_frames(documents, cuts):
    """Frames are independent of the sizes of the pieces."""
    stream = b"".join(map(protocol.encode_frame, documents))
    for ends in (range(len(stream)), [], sorted(cuts)):
        frames, found = protocol.FrameReader(10_000), []
        for start, end in zip([0, *ends], [*ends, len(stream)], strict=True):
            frames.feed(stream[start:end])
            while (body := frames.read_next()) is not None:
                found.append(json.loads(body))
        assert found == documents
        assert not frames.unread


def test_the_length_is_of_bytes_in_eight_digits():
    """The length counts bytes, in eight hexadecimal digits of either case."""
    assert protocol.encode_frame({"a": "ü"}) == b'0000000E{"a":"\\u00fc"}'
    frames = protocol.FrameReader(100)
    frames.feed('0000000a{"a":"ü"}'.encode())
    assert frames.read_next() == '{"a":"ü"}'.encode()
    assert frames.unread == 0


@pytest.mark.parametrize("start", [b"GET / HT", b"\xff", b"-0000001", b"0x000010", b" 0000010"])
def test_what_is_no_header_is_refused_as_soon_as_that_is_clear(start):
    """An invalid header is refused without waiting for the rest of the frame."""
    frames = protocol.FrameReader(100)
    frames.feed(start)
    with pytest.raises(protocol.ProtocolError, match="hexadecimal"):
        frames.read_next()


def test_a_length_beyond_the_bound_is_refused_before_it_arrives():
    """An excessive length is refused before the body arrives."""
    frames = protocol.FrameReader(100)
    frames.feed(b"00000065")
    with pytest.raises(protocol.ProtocolError, match="at most 100"):
        frames.read_next()


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_protocol_errors(data):
    """Arbitrary bytes give frames or a protocol error."""
    frames = protocol.FrameReader(64)
    frames.feed(data)
    with contextlib.suppress(protocol.ProtocolError):
        while (body := frames.read_next()) is not None:
            protocol.parse_call(protocol.parse_request(body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
KEYS = (
    "request",
    "client_name",
    "group_name",
    "role",
    "hostname",
    "messageID",
    "message",
    "waitrole",
    "hold",
    "present",
    "next",
    "timeout",
    "poll_delay",
    "group_size",
    "id",
    "secret",
    "bundle",
    "sub_id",
)


@given(st.sampled_from([*protocol.APIS, "group_data", "aggregate"]), st.sampled_from(KEYS), JSON)
def test_no_value_of_any_key_does_anything_but_protocol_errors(kind, key, value):
    """Missing fields and wrong types never reach the rules."""
    fields = {"request": kind, "messageID": "x", **WHO, key: value}
    with contextlib.suppress(protocol.ProtocolError):
        request = protocol.parse_request(json.dumps(fields).encode())
        assert isinstance(request.client, str)
        call = protocol.parse_call(request)
        if call is not None:
            assert all(isinstance(text, str) for text in call.data.values())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "UTF-8"),
        (b"5", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 100_000, "nested"),
        (b"1" * 5000, "not JSON"),
        (b"", "not JSON"),
        (b"{}", "`request`"),
    ],
)
def test_bodies_that_are_no_request(body, why):
    """The error reply to each invalid body has the reason."""
    with pytest.raises(protocol.ProtocolError, match=why):
        protocol.parse_request(body)


def test_a_refused_request_keeps_its_number():
    """The error reply has the ID, so a client can match it."""
    with pytest.raises(protocol.ProtocolError) as caught:
        parse_call(request="lava_send", id=7)
    assert caught.value.id == 7
    for tag in ([7], {}, True, False, "x" * 101, 10**101, float("nan"), float("inf")):
        body = json.dumps(WHO | {"request": "lava_send", "id": tag}).encode()
        with pytest.raises(protocol.ProtocolError, match="'id'"):
            protocol.parse_request(body)


def test_a_polling_member_keeps_its_own_time():
    """The `timeout` of a polled request is ignored."""
    sync = {"request": "lava_sync", "messageID": "x"}
    assert parse_call(**sync, timeout=5).timeout == float("inf")
    assert parse_call(**sync, timeout=5, hold=True).timeout == 5
    assert parse_call(**sync, hold=True).timeout is None
    assert parse_call(**sync, hold=True, timeout=10**400).timeout == float("inf")


def test_values_of_yaml_become_text():
    """Numbers from LAVA's dispatcher become text."""
    message = {"port": 80, "up": True, "none": None, "f": 1.5}
    call = parse_call(request="lava_send", messageID="x", message=message)
    assert call.data == {"port": "80", "up": "True", "none": "", "f": "1.5"}


@given(DATA, st.sampled_from(Api), st.booleans(), st.none() | st.floats(0, 1e6))
def test_a_call_survives_the_way(data, api, consume, timeout):
    """A call is unchanged after encoding and parsing."""
    call = Call(
        api,
        "x<=>%ü",
        data if api is Api.SEND else {},
        "r" if api is Api.WAIT_ALL else None,
        consume and api is Api.WAIT,
        timeout,
    )
    assert parse_call(**protocol.held_request(call)) == call


def test_a_call_without_end_survives():
    """An infinite timeout, which JSON cannot express, is preserved."""
    call = Call(Api.WAIT, "x", timeout=float("inf"))
    assert parse_call(**protocol.held_request(call)).timeout > 1e300


def test_data_keeps_its_order():
    """The order of key-value pairs is preserved."""
    for order in ("ab", "ba"):
        fields = {"request": "lava_send", "messageID": "x", "message": dict.fromkeys(order, "1")}
        assert "".join(parse_call(**fields).data) == order


def test_bytes_that_are_not_utf_8_pass_unchanged():
    """Bytes that are invalid UTF-8 pass as lone surrogates in JSON."""
    call = Call(Api.SEND, "x", {"k": "\udcff\x7fü"})
    body = protocol.encode_frame(WHO | protocol.held_request(call))[protocol.HEADER_BYTES :]
    assert body.isascii()
    assert protocol.parse_call(protocol.parse_request(body)).data == call.data


@given(
    st.sampled_from(Status),
    st.lists(st.tuples(TEXT, DATA), max_size=4, unique_by=lambda pair: pair[0]),
    TEXT.filter(bool),
)
def test_an_outcome_survives_the_way(status, data, reason):
    """An outcome is unchanged after encoding and parsing, senders in order."""
    done = status is Status.DONE
    fields = {} if done else {"sentence": reason}
    cause = Cause.SATISFIED if done else Cause.ABORTED
    outcome = Outcome(status, tuple(data) if done else (), cause, fields)
    document = protocol.reply_to_call(outcome, Call(Api.WAIT_ALL, "x"), hold=True)
    frame = protocol.encode_frame(document)
    assert (
        protocol.parse_outcome(protocol.decode_object(frame[protocol.HEADER_BYTES :])) == outcome
    )


def test_replies_as_lava_knows_them():
    """Replies to LAVA's members have exactly the fields of its protocol."""
    done = Outcome(Status.DONE, (("b", {"k": "v"}),))
    assert protocol.reply_to_call(done, Call(Api.SEND, "x"), hold=False) == {"response": "ack"}
    for api in (Api.WAIT, Api.WAIT_ALL):
        answer = protocol.reply_to_call(done, Call(api, "x"), hold=False)
        assert answer == {"response": "ack", "message": {"b": {"k": "v"}}}
    answer = protocol.reply_to_call(done, Call(Api.SYNC, "x"), hold=False)
    assert answer == {"response": "ack", "message": "x"}
    never = protocol.reply_to_call(
        Outcome(Status.NEVER, (), Cause.ABORTED, {"text": "why"}), Call(Api.WAIT, "x"), hold=False
    )
    assert never == {"response": "nack", "reason": "lava-wait x: why"}


def test_a_reply_of_something_else_is_refused():
    """A reply of another kind of server is an error."""
    assert protocol.parse_outcome({"status": "fine"}).status is Status.REFUSED
    assert protocol.parse_outcome({}).status is Status.REFUSED
