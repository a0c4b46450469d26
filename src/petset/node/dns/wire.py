"""DNS messages on the wire."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import dnslib
from dnslib import CLASS, QTYPE, RCODE, RR, DNSHeader, DNSRecord

from petset.node.dns.records import Answer, Question, Record, Soa, Srv

HEADER_BYTES = 12
PLAIN_UDP_BYTES = 512
LARGEST_UDP_BYTES = 1232  # what passes every link unfragmented (dnsflagday.net/2020)
LARGEST_TCP_BYTES = 65535

# What dnslib raises for bytes that are no message: its own error, and those of what it is made of.
MALFORMED = (dnslib.DNSError, ValueError, LookupError, TypeError, struct.error, RecursionError)


@dataclass(frozen=True, slots=True)
class Query:
    """A message that asks one question, and the message itself."""

    raw: bytes
    message: DNSRecord
    question: Question

    @property
    def udp_bytes(self) -> int:
        """How large an answer over UDP may be."""
        for record in self.message.ar:
            if record.rtype == QTYPE.OPT:
                return max(PLAIN_UDP_BYTES, min(int(record.rclass), LARGEST_UDP_BYTES))
        return PLAIN_UDP_BYTES


def parse_query(raw: bytes) -> Query | bytes | None:
    """The query, or the refusal to send back, or None for what deserves neither: a reply, or less than a header."""
    if len(raw) < HEADER_BYTES or raw[2] & 0x80:
        return None
    try:
        message = DNSRecord.parse(raw)
        if message.header.opcode != 0:
            return refusal(raw, "NOTIMP")
        if len(message.questions) != 1:
            return refusal(raw, "FORMERR")
        asked = message.questions[0]
        name = str(asked.qname).rstrip(".").lower()
        type_ = QTYPE.forward.get(asked.qtype, str(asked.qtype))
    except MALFORMED:
        return refusal(raw, "FORMERR")
    if asked.qclass != CLASS.IN:
        return refusal(raw, "REFUSED")
    return Query(raw, message, Question(name, type_))


def refusal(raw: bytes, rcode: str) -> bytes:
    """An answer that consists of a header with an error, for any bytes that begin with a header."""
    opcode_and_recursion = raw[2] & 0x79
    flags = bytes([0x80 | opcode_and_recursion, 0x80 | RCODE.reverse[rcode]])
    return raw[:2] + flags + bytes(8)


def failure(query: Query, rcode: str) -> bytes:
    """An answer to a well-formed query that consists of an error."""
    reply = _reply(query, authoritative=False)
    reply.header.rcode = RCODE.reverse[rcode]
    return bytes(reply.pack())


def encode(query: Query, answer: Answer, limit: int, extra: Sequence[RR] = ()) -> bytes:
    """The answer's message, at most `limit` bytes long.

    What does not fit is left out: first the additional records, which nobody has to have, then answers, which sets the
    flag by which the client asks again over TCP. As many answers as fit are kept for clients that never do.
    """
    answers = [_record(record, query) for record in answer.answers] + list(extra)
    authority = [_record(record, query) for record in answer.authority]
    additional = [_record(record, query) for record in answer.additional]
    raw = _pack(query, answer.rcode, (answers, authority, additional))
    if len(raw) > limit:
        raw = _pack(query, answer.rcode, (answers, authority, []))
    if len(raw) <= limit:
        return raw
    fitting, too_many = 0, len(answers)
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if len(_pack(query, answer.rcode, (answers[:middle], [], []))) <= limit:
            fitting = middle
        else:
            too_many = middle
    return _pack(query, answer.rcode, (answers[:fitting], [], []), truncated=True)


def _pack(query: Query, rcode: str, sections: tuple[list[RR], list[RR], list[RR]], *, truncated: bool = False) -> bytes:
    reply = _reply(query, authoritative=True)
    reply.header.rcode = RCODE.reverse[rcode]
    reply.header.tc = int(truncated)
    answers, authority, additional = sections
    reply.add_answer(*answers)
    reply.add_auth(*authority)
    reply.add_ar(*additional)
    return bytes(reply.pack())


def _reply(query: Query, *, authoritative: bool) -> DNSRecord:
    asked = query.message.header
    header = DNSHeader(id=asked.id, qr=1, aa=int(authoritative), rd=asked.rd, ra=1)
    reply = DNSRecord(header, q=query.message.q)
    if any(record.rtype == QTYPE.OPT for record in query.message.ar):
        reply.add_ar(dnslib.EDNS0(udp_len=LARGEST_UDP_BYTES))
    return reply


def _record(record: Record, query: Query) -> RR:
    # In the client's own spelling: some check that it comes back (draft-vixie-dnsext-dns0x20).
    owner = query.message.q.qname if record.name == query.question.name else record.name
    return RR(owner, QTYPE.reverse[record.type], ttl=record.ttl, rdata=_data(record))


def _data(record: Record) -> dnslib.RD:
    match record.data:
        case Srv(port=port, target=target, priority=priority, weight=weight):
            return dnslib.SRV(priority, weight, port, target)
        case Soa() as soa:
            times = (soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum)
            return dnslib.SOA(soa.server, soa.mailbox, times)
        case text:
            return getattr(dnslib, record.type)(text)


def ask_for(name: str, type_: str, identifier: int) -> bytes:
    """A query message for a resolver."""
    header = DNSHeader(id=identifier, rd=1)
    question = dnslib.DNSQuestion(name, QTYPE.reverse[type_])
    return bytes(DNSRecord(header, q=question).pack())


def parse_answers(raw: bytes) -> list[RR]:
    """The answer section of a resolver's reply; empty when there is none to be had."""
    try:
        return list(DNSRecord.parse(raw).rr)
    except MALFORMED:
        return []


def answers_query(reply: bytes, query: bytes) -> bool:
    """Whether these bytes are a reply to exactly this query: its number and its question come back."""
    if len(reply) < HEADER_BYTES or not reply[2] & 0x80 or reply[:2] != query[:2]:
        return False
    if reply[4:6] == b"\0\0":  # some resolvers send errors without the question
        return reply[3] & 0x0F != 0
    end = HEADER_BYTES
    while end < len(query) and query[end]:
        end += 1 + query[end]
    question = slice(HEADER_BYTES, end + 5)
    return reply[question].lower() == query[question].lower()
