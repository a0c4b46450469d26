import dnslib
import pytest
from dnslib import QTYPE, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from petset.node.dns.records import Answer, Question, Record, Soa, Srv
from petset.node.dns.wire import Query, answers_query, ask_for, encode, failure, parse_answers, parse_query

NAME = "nginx.default.svc.cluster.local"


def query(name: str = NAME, type_: str = "A", udp: int | None = None) -> Query:
    message = DNSRecord.question(name, type_)
    if udp:
        message.add_ar(dnslib.EDNS0(udp_len=udp))
    parsed = parse_query(bytes(message.pack()))
    assert isinstance(parsed, Query)
    return parsed


def addresses(count: int) -> tuple[Record, ...]:
    return tuple(Record(NAME, "A", 1, f"10.244.{number // 256}.{number % 256}") for number in range(count))


@pytest.mark.parametrize(
    ("record", "text"),
    [
        (Record(NAME, "A", 1, "10.244.0.3"), "10.244.0.3"),
        (Record(NAME, "AAAA", 1, "fd00::3"), "fd00::3"),
        (Record(NAME, "SRV", 1, Srv(80, "web-0.x", 33)), "0 33 80 web-0.x."),
        (Record(NAME, "CNAME", 1, "example.com"), "example.com."),
        (Record(NAME, "PTR", 1, "web-0.x"), "web-0.x."),
        (Record(NAME, "TXT", 1, "1.1.0"), '"1.1.0"'),
        (Record(NAME, "NS", 1, "ns.x"), "ns.x."),
        (Record(NAME, "SOA", 0, Soa("ns.x", "me.x")), "ns.x. me.x. 1 7200 1800 86400 0"),
    ],
)
def test_every_type_of_record_is_encoded(record: Record, text: str) -> None:
    asked = query(type_=record.type)
    reply = DNSRecord.parse(encode(asked, Answer("NOERROR", (record,), (record,), (record,)), 512))
    assert reply.header.id == asked.message.header.id
    assert (reply.header.qr, reply.header.aa, reply.header.ra, reply.header.rcode) == (1, 1, 1, 0)
    for section in (reply.rr, reply.auth, reply.ar):
        assert [str(found.rdata) for found in section] == [text]


def test_the_clients_spelling_comes_back() -> None:
    asked = query("NGinx.Default.svc.cluster.local")
    assert asked.question == Question(NAME, "A")
    reply = DNSRecord.parse(encode(asked, Answer("NOERROR", addresses(1)), 512))
    assert [str(reply.q.qname), str(reply.rr[0].rname)] == ["NGinx.Default.svc.cluster.local."] * 2


@pytest.mark.parametrize(("udp", "limit"), [(None, 512), (100, 512), (800, 800), (4096, 1232), (65535, 1232)])
def test_the_client_says_how_much_it_takes_over_udp(udp: int | None, limit: int) -> None:
    assert query(udp=udp).udp_bytes == limit


@pytest.mark.parametrize(("count", "kept"), [(27, 27), (28, 28), (29, 28), (200, 28)])
def test_what_does_not_fit_is_cut_and_marked(count: int, kept: int) -> None:
    raw = encode(query(), Answer("NOERROR", addresses(count)), 512)
    reply = DNSRecord.parse(raw)
    assert len(raw) <= 512
    assert (len(reply.rr), reply.header.tc) == (kept, int(kept < count))


def test_additional_records_are_left_out_without_a_mark() -> None:
    reply = DNSRecord.parse(encode(query(), Answer("NOERROR", addresses(20), additional=addresses(20)), 512))
    assert (len(reply.rr), len(reply.ar), reply.header.tc) == (20, 0, 0)


def test_over_tcp_a_thousand_addresses_fit() -> None:
    reply = DNSRecord.parse(encode(query(), Answer("NOERROR", addresses(1000)), 65535))
    assert (len(reply.rr), reply.header.tc) == (1000, 0)


def test_edns_is_answered_with_edns() -> None:
    assert [record.rtype for record in DNSRecord.parse(encode(query(udp=1232), Answer("NOERROR"), 512)).ar] == [
        QTYPE.OPT
    ]
    assert DNSRecord.parse(encode(query(), Answer("NOERROR"), 512)).ar == []


def test_an_unknown_type_is_a_question_like_any_other() -> None:
    message = DNSRecord(q=dnslib.DNSQuestion(NAME, 65280))
    parsed = parse_query(bytes(message.pack()))
    assert isinstance(parsed, Query)
    assert parsed.question == Question(NAME, "65280")


def test_absence_and_failure_are_told_apart() -> None:
    assert DNSRecord.parse(encode(query(), Answer("NXDOMAIN"), 512)).header.rcode == 3
    refused = DNSRecord.parse(failure(query(), "SERVFAIL"))
    assert (refused.header.rcode, refused.header.aa, str(refused.q.qname)) == (2, 0, f"{NAME}.")


@pytest.mark.parametrize(
    ("raw", "rcode"),
    [
        (b"\x12\x34\x01\x00\x00\x01" + bytes(6), 1),  # promises a question that is not there
        (b"\x12\x34\x01\x00\x00\x00" + bytes(6), 1),  # asks nothing
        (b"\x12\x34\x01\x00\x00\x02" + bytes(6) + b"\1a\0\0\1\0\1" * 2, 1),  # asks two things
        (b"\x12\x34\x28\x00\x00\x01" + bytes(6) + b"\1a\0\0\1\0\1", 4),  # an update
        (b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\1a\0\0\x10\0\3", 5),  # class CHAOS
        (b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\xc0\x0c\0\1\0\1", 1),  # a name that is its own end
    ],
)
def test_what_cannot_be_answered_is_refused(raw: bytes, rcode: int) -> None:
    refused = parse_query(raw)
    assert isinstance(refused, bytes)
    header = DNSRecord.parse(refused).header
    assert (header.id, header.qr, header.rcode) == (0x1234, 1, rcode)


@pytest.mark.parametrize("raw", [b"", b"\0" * 11, b"\x12\x34\x81\x80" + bytes(8)])
def test_replies_and_scraps_get_no_answer(raw: bytes) -> None:
    assert parse_query(raw) is None


@given(st.binary(max_size=80))
def test_any_bytes_are_a_query_a_refusal_or_nothing(raw: bytes) -> None:
    assert isinstance(parse_query(raw), Query | bytes | None)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_a_damaged_query_is_a_query_a_refusal_or_nothing(position: int, damage: bytes) -> None:
    raw = query(udp=1232).raw
    position %= len(raw)
    damaged = parse_query(raw[:position] + damage + raw[position + len(damage) :])
    assert isinstance(damaged, Query | bytes | None)
    if isinstance(damaged, Query):
        assert encode(damaged, Answer("NOERROR", addresses(1)), 512)


def test_a_reply_belongs_to_its_query() -> None:
    asked = ask_for("example.com", "A", 7)
    good = DNSRecord.parse(asked).reply().pack()
    assert answers_query(good, asked)
    assert answers_query(good.replace(b"example", b"EXAMPLE"), asked)
    assert answers_query(bytes.fromhex("000781820000000000000000"), asked)
    assert not answers_query(asked, asked)
    assert not answers_query(b"\0\x08" + good[2:], asked)
    assert not answers_query(good.replace(b"example", b"attacks"), asked)
    assert not answers_query(b"", asked)


def test_answers_of_a_resolver_are_read() -> None:
    reply = DNSRecord.question("example.com").reply()
    reply.add_answer(*dnslib.RR.fromZone("example.com. 5 A 192.0.2.1"))
    assert [str(record.rdata) for record in parse_answers(reply.pack())] == ["192.0.2.1"]
    assert parse_answers(b"nonsense") == []
