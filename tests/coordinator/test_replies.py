"""Replies."""

from hypothesis import given
from hypothesis import strategies as st

from lava_dispatcher_multinode.coordinator import protocol
from lava_dispatcher_multinode.coordinator import replies as module
from lava_dispatcher_multinode.multinode.api import Api, Call, Cause, Outcome, Status

TEXT = st.text(st.characters(exclude_characters="\n\0"), max_size=20)
DATA = st.dictionaries(st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True), TEXT, max_size=4)


@given(
    st.sampled_from(Status),
    st.lists(st.tuples(TEXT, DATA), max_size=4, unique_by=lambda pair: pair[0]),
    TEXT.filter(bool),
)
def test_an_outcome_survives_the_way(status, data, reason):
    """Data only when done, senders in their order."""
    done = status is Status.DONE
    fields = {} if done else {"sentence": reason}
    cause = Cause.SATISFIED if done else Cause.ABORTED
    outcome = Outcome(status, tuple(data) if done else (), cause, fields)
    document = module.reply(outcome, Call(Api.WAIT_ALL, "x"), hold=True)
    frame = protocol.encode(document)
    assert module.read_outcome(protocol.decode(frame[protocol.HEADER :])) == outcome


def test_replies_as_lava_knows_them():
    """Exactly the fields of its protocol, the string of lava_sync too."""
    done = Outcome(Status.DONE, (("b", {"k": "v"}),))
    assert module.reply(done, Call(Api.SEND, "x"), hold=False) == {"response": "ack"}
    for api in (Api.WAIT, Api.WAIT_ALL):
        answer = module.reply(done, Call(api, "x"), hold=False)
        assert answer == {"response": "ack", "message": {"b": {"k": "v"}}}
    answer = module.reply(done, Call(Api.SYNC, "x"), hold=False)
    assert answer == {"response": "ack", "message": "x"}
    never = module.reply(
        Outcome(Status.NEVER, (), Cause.ABORTED, {"text": "why"}), Call(Api.WAIT, "x"), hold=False
    )
    assert never == {"response": "nack", "reason": "lava-wait x: why"}


def test_a_reply_of_something_else_is_refused():
    """A client that reached the wrong server says so."""
    assert module.read_outcome({"status": "fine"}).status is Status.REFUSED
    assert module.read_outcome({}).status is Status.REFUSED


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Outcome(Status.DONE), Outcome(Status.DONE, (("b", {"k": "v"}),))]),
            st.sampled_from([Call(api, id_) for api in Api for id_ in "xy"]),
            st.sampled_from([None, 1, 't"', 2.5, True]),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_a_frame_that_is_used_again_is_the_right_one(asked):
    """Whatever was replied before."""
    replies = module.Replies()
    for outcome, call, tag, hold in asked:
        document = module.reply(outcome, call, hold=hold)
        document |= {} if tag is None else {"id": tag}
        assert replies.frame(outcome, call, tag, hold=hold) == protocol.encode(document)
