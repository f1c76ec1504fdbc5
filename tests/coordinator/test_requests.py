"""Requests and replies."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.coordinator import protocol, requests
from lava_dispatcher_multinode.multinode.api import Api, Call

WHO = {"client_name": "a", "group_name": "g", "role": "r", "hostname": "h"}
TEXT = st.text(st.characters(exclude_characters="\n\0"), max_size=20)
DATA = st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True), TEXT, max_size=4)


def read(**fields):
    """Return the request of a good member with these fields."""
    return requests.Reader().read(protocol.encode(WHO | fields)[protocol.HEADER :])


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


@given(st.sampled_from([*requests.APIS, "group_data", "aggregate"]), st.sampled_from(KEYS), JSON)
def test_no_value_of_any_key_does_anything_but_wire_errors(kind, key, value):
    """Missing or wrong types never reach the rules."""
    fields = {"request": kind, "messageID": "x", **WHO, key: value}
    with contextlib.suppress(protocol.WireError):
        request = requests.Reader().read(json.dumps(fields).encode())
        assert isinstance(request.head.client, str)
        if request.call is not None:
            assert all(isinstance(text, str) for text in request.call.data.values())


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
        (b"{}", "'request' is missing"),
    ],
)
def test_bodies_that_are_no_request(body, why):
    """Each is told why."""
    with pytest.raises(protocol.WireError, match=why):
        requests.Reader().read(body)


def test_a_refused_request_keeps_its_number():
    """So that a client of many calls knows which one it was."""
    with pytest.raises(protocol.WireError) as caught:
        read(request="lava_send", id=7)
    assert caught.value.id == 7
    for tag in ([7], {}, True, False, "x" * 101, 10**101, float("nan"), float("inf")):
        with pytest.raises(protocol.WireError, match="'id'"):
            read(request="lava_send", id=tag)


def test_a_polling_member_keeps_its_own_time():
    """2013's requests carry a `timeout` that is not for us."""
    request = read(request="lava_sync", messageID="x", timeout=5)
    assert request.call.timeout == float("inf")
    assert read(request="lava_sync", messageID="x", timeout=5, hold=True).call.timeout == 5
    assert read(request="lava_sync", messageID="x", hold=True).call.timeout is None
    huge = read(request="lava_sync", messageID="x", hold=True, timeout=10**400)
    assert huge.call.timeout == float("inf")


def test_values_of_yaml_become_text():
    """LAVA's dispatcher sends numbers as numbers."""
    message = {"port": 80, "up": True, "none": None, "f": 1.5}
    request = read(request="lava_send", messageID="x", message=message)
    assert request.call.data == {"port": "80", "up": "True", "none": "", "f": "1.5"}


@given(DATA, st.sampled_from(Api), st.booleans(), st.none() | st.floats(0, 1e6))
def test_a_call_survives_the_way(data, api, consume, timeout):
    """What a client asks is what the rules see, every byte of it."""
    call = Call(
        api,
        "x<=>%ü",
        data if api is Api.SEND else {},
        "r" if api is Api.WAIT_ALL else None,
        consume and api is Api.WAIT,
        timeout,
    )
    assert read(**requests.held_request(call)).call == call


def test_a_head_is_read_once_for_a_connection():
    """The same object while nothing in it changes; what does is noticed, whatever it is."""
    reader = requests.Reader()
    base = WHO | {"request": "lava_sync", "messageID": "x", "hold": True}

    def head(**fields):
        return reader.read(protocol.encode(base | fields)[protocol.HEADER :]).head

    first = head()
    assert head(messageID="y", id=3, message={"k": "v"}) is first
    for key, value in (("secret", "s"), ("hold", False), ("client_name", "b"), ("timeout", 3)):
        other = head(**{key: value})
        assert other is not first
        assert other != first
        assert head() == first
    with pytest.raises(protocol.WireError, match="'hold'"):
        head(hold="yes")


def test_a_big_head_is_not_kept():
    """A connection cannot make us keep half a megabyte."""
    reader = requests.Reader()
    body = protocol.encode(WHO | {"request": "group_data", "junk": "x" * 5000})[protocol.HEADER :]
    assert reader.read(body).head is not reader.read(body).head


#: Members of an object as a hostile, careless or friendly client writes them.
START = '"client_name":"a","group_name":"g","role":"r","request":"lava_sync","hold":true'
MEMBERS = st.sampled_from(
    [
        *(f'"messageID":{text}' for text in ('"x"', '"y.-_9"', '"a b"', '"\\u0078"', "7", '""')),
        *(f'"id":{text}' for text in ("1", "0", "01", "-1", "1.5", '"t"', "null", "9" * 20)),
        *(f'"question":{text}' for text in ('"1-1"', '"q q"', "null", '"' + "q" * 40 + '"')),
        '"message":{"k":"v"}',
        '"message":{"messageID":"z"}',
        '"\\u0069d":3',
        '"junk":{"messageID":"z"}',
        '"junk":"\\"messageID\\":\\"z"',
        '"request":"lava_wait"',
        '"request":"group_data"',
        '"hold":false',
    ]
)
BODIES = st.builds(
    lambda start, members, end: (",".join([start, *members]) + end).encode(),
    st.sampled_from(["{" + START, "{ " + START, '{"id":4,' + START, "{" + START[:40], "["]),
    st.lists(MEMBERS, max_size=4),
    st.sampled_from(["}", "}", "}", "} ", "", "}}", '"}']),
)


def result(reader, body):
    """Return what a request is, or why it is none."""
    try:
        return reader.read(body)
    except protocol.WireError as error:
        return str(error), error.id


@given(st.lists(BODIES, max_size=6))
def test_what_a_connection_has_said_before_changes_nothing(bodies):
    """A request is what its bytes say, however alike the one before was."""
    reader = requests.Reader()
    for body in bodies:
        found, alone = result(reader, body), result(requests.Reader(), body)
        assert found == alone
        assert repr(found) == repr(alone)  # where 1 equals true


def test_what_differs_at_the_end_is_not_read_as_json(monkeypatch):
    """As our own members write it, and others may."""
    reader = requests.Reader()
    call = Call(Api.SYNC, "x", question="1-1")
    bodies = [
        protocol.encode(WHO | requests.held_request(call._replace(id=id_)) | {"id": number})[8:]
        for number, id_ in enumerate("xyz")
    ]
    first = reader.read(bodies[0])
    reader.read(bodies[1])
    monkeypatch.setattr(requests, "decode", None)
    for number, body in enumerate(bodies[2:], 2):
        request = reader.read(body)
        assert request.head is first.head
        assert (request.id, request.question) == (number, "1-1")
        assert request.call == Call(Api.SYNC, "xyz"[number])


def test_a_call_that_many_make_is_one():
    """Until one differs in anything, on whatever connection; with data it is its own."""
    last = requests.LastCall()

    def call(**fields):
        body = protocol.encode(
            WHO | {"request": "lava_sync", "messageID": "x", "hold": True} | fields
        )
        return requests.Reader(last).read(body[protocol.HEADER :]).call

    first = call()
    assert call(client_name="b") is first
    assert call(question="1-1") is first
    for fields in (
        {"messageID": "y"},
        {"message": {"k": "v"}},
        {"timeout": 3},
        {"request": "lava_wait", "next": True},
        {"request": "lava_wait_all", "waitrole": "r"},
    ):
        other = call(**fields)
        assert other != first
        assert (call(**fields) is other) is not bool(other.data)
        assert call() == first


def test_data_keeps_its_order():
    """Though another member has just sent the same in another order."""
    last = requests.LastCall()
    for order in ("ab", "ba", "ab"):
        document = WHO | {
            "request": "lava_send",
            "messageID": "x",
            "message": dict.fromkeys(order, "1"),
        }
        call = requests.Reader(last).read(json.dumps(document).encode()).call
        assert "".join(call.data) == order
