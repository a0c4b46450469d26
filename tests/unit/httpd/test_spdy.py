"""SPDY/3.1 frames, byte for byte."""

import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petset.httpd.spdy import (
    DICTIONARY,
    LARGEST_HEADERS,
    Data,
    Decoder,
    Encoder,
    Frame,
    GoAway,
    Open,
    Ping,
    Reset,
    SpdyError,
    Status,
)
from tests.unit.httpd.spdy_client import SpdyClient, control, header_block

HEADERS = {"streamtype": "data", "port": "80", "requestid": "0"}


def decoded(*pieces: bytes) -> list[Frame]:
    decoder = Decoder()
    return [frame for piece in pieces for frame in decoder.feed(piece)]


def test_the_dictionary_is_that_of_the_specification() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_streams_are_opened_with_their_headers() -> None:
    client = SpdyClient()
    first, second = client.open(1, HEADERS), client.open(3, {"Port": "81"}, ends=True)
    assert decoded(first + second) == [Open(1, HEADERS, ends=False), Open(3, {"port": "81"}, ends=True)]


@pytest.mark.parametrize(
    ("sent", "frame"),
    [
        (bytes.fromhex("00000005 00000003") + b"abc", Data(5, b"abc", ends=False)),
        (bytes.fromhex("00000005 01000003") + b"abc", Data(5, b"abc", ends=True)),
        (bytes.fromhex("00000005 01000000"), Data(5, b"", ends=True)),
        (bytes.fromhex("80030003 00000008 00000007 00000005"), Reset(7)),
        (bytes.fromhex("80030006 00000004 00000009"), Ping(9)),
        (bytes.fromhex("80030007 00000008 00000000 00000000"), GoAway()),
    ],
)
def test_every_frame_is_recognized(sent: bytes, frame: Frame) -> None:
    assert decoded(sent) == [frame]


@pytest.mark.parametrize(
    "sent",
    [
        bytes.fromhex("80030004 00000004 00000000"),
        bytes.fromhex("80030009 00000008 00000001 00001000"),
        bytes.fromhex("80030063 00000000"),
    ],
    ids=["settings", "a window", "a type that nobody knows"],
)
def test_what_does_not_matter_here_is_passed_over(sent: bytes) -> None:
    assert decoded(sent + bytes.fromhex("80030006 00000004 00000009")) == [Ping(9)]


def test_headers_that_come_later_are_unpacked_for_the_sake_of_the_next() -> None:
    client = SpdyClient()
    opened = client.open(1, HEADERS)
    later = control(8, (1).to_bytes(4, "big") + client.packed(HEADERS))
    assert decoded(opened + later + client.open(3, HEADERS))[-1] == Open(3, HEADERS, ends=False)


BROKEN = {
    "another version": bytes.fromhex("80020001 00000000"),
    "a stream without headers": bytes.fromhex("80030001 00000004 00000001"),
    "a reset without a reason": bytes.fromhex("80030003 00000004 00000001"),
    "a ping without a number": bytes.fromhex("80030006 00000000"),
    "headers that are not packed": control(1, bytes(10) + b"not zlib"),
    "a control frame without end": bytes.fromhex("80030001 00ffffff"),
    "too many headers": SpdyClient().raw_open(1, bytes(LARGEST_HEADERS + 1)),
    "a count without headers": SpdyClient().raw_open(1, (5).to_bytes(4, "big")),
    "no count": SpdyClient().raw_open(1, b"\0"),
    "half a name": SpdyClient().raw_open(1, header_block({"port": "80"})[:-1]),
    "a great count": SpdyClient().raw_open(1, b"\xff" * 4),
    "a great name": SpdyClient().raw_open(1, (1).to_bytes(4, "big") + b"\xff" * 4),
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_an_error(sent: bytes) -> None:
    with pytest.raises(SpdyError):
        decoded(sent)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.binary(max_size=50), st.booleans()), max_size=8),
    st.lists(st.integers(1, 40), min_size=1, max_size=8),
)
def test_pieces_of_any_size_give_the_same_streams(sent: list[tuple[int, bytes, bool]], sizes: list[int]) -> None:
    client = SpdyClient()
    raw = client.open(1, HEADERS) + b"".join(client.data(2 * n + 1, data, ends=ends) for n, data, ends in sent)
    pieces, at, turn = [], 0, 0
    while at < len(raw):
        pieces.append(raw[at : at + sizes[turn % len(sizes)]])
        at, turn = at + len(pieces[-1]), turn + 1
    assert streams(decoded(*pieces)) == streams(decoded(raw))


def streams(frames: list[Frame]) -> Mapping[int, list[bytes | None]]:
    """What came on each stream; None is its end."""
    found: dict[int, list[bytes | None]] = {}
    for frame in frames:
        if isinstance(frame, Data):
            told = found.setdefault(frame.stream, [b""])
            if isinstance(told[-1], bytes):
                told[-1] += frame.data
            else:
                told.append(frame.data)
            if frame.ends:
                told.append(None)
    return found


@given(st.binary(max_size=200))
def test_garbage_is_an_error_or_nothing(sent: bytes) -> None:
    try:
        frames = decoded(sent)
    except SpdyError:
        return
    assert len(frames) <= len(sent)


@pytest.mark.parametrize(
    ("made", "raw"),
    [
        (Encoder().data(5, b"abc"), "00000005 00000003 616263"),
        (Encoder().data(5, b"", ends=True), "00000005 01000000"),
        (Encoder().reset(7, Status.CANCEL), "80030003 00000008 00000007 00000005"),
        (Encoder().ping(9), "80030006 00000004 00000009"),
        (Encoder().go_away(3), "80030007 00000008 00000003 00000000"),
    ],
)
def test_what_the_server_sends(made: bytes, raw: str) -> None:
    assert made == bytes.fromhex(raw)


def test_streams_are_accepted_one_after_the_other_without_headers() -> None:
    encoder, unpack = Encoder(), zlib.decompressobj(zdict=DICTIONARY)
    for stream in (1, 3, 5):
        frame = encoder.accept(stream)
        assert frame[:4] == bytes.fromhex("80030002")
        assert int.from_bytes(frame[4:8], "big") == len(frame) - 8
        assert frame[8:12] == stream.to_bytes(4, "big")
        assert unpack.decompress(frame[12:]) == bytes(4)
