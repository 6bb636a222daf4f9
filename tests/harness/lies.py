"""
Messages whose lengths contradict each other, made of an honest answer: LIES[name](message). Each ended a process that reads with
libmongoc 1.23, or could have.
"""

import struct

from recorded import OP_COMPRESSED, OP_MSG, OP_REPLY, compressed

BODY, NOOP = 21, 0  # where an OP_MSG's body begins; the compressor that leaves data as it is
EMPTY = b"\5\0\0\0\0"


def sealed(message, rest, opcode=OP_MSG):
    """A message with the numbers of this one."""
    return struct.pack("<i8si", 16 + len(rest), message[4:12], opcode) + rest


def as_msg(message):
    """An OP_REPLY of one document."""
    return sealed(message, b"\0\0\0\0\0" + message[36:])


def body_of(length):
    """The body claims this many bytes more than it has."""
    def lie(message):
        size = int.from_bytes(message[BODY:BODY + 4], "little") + length
        return message[:BODY] + struct.pack("<I", size & 0xFFFFFFFF) + message[BODY + 4:]
    return lie


def more(section):
    return lambda message: sealed(message, message[16:] + section)


def reply(size, count=1):
    head = struct.pack("<iqii", 8, 0, 0, count)
    return lambda message: sealed(message, head + struct.pack("<i", size) + message[BODY + 4:], OP_REPLY)


def packed(rest, **lies):
    return lambda message: sealed(message, compressed(rest(message), OP_MSG, **lies), OP_COMPRESSED)


def not_packed(message):
    """1 MB, said to be 8 bytes."""
    return sealed(message, struct.pack("<iiB", OP_MSG, 8, NOOP) + b"x" * (1 << 20), OP_COMPRESSED)


LIES = {
    "body beyond the message": body_of(1 << 28),
    "body below zero": body_of(-(1 << 30)),
    "section beyond the message": more(b"\1" + struct.pack("<i", 1 << 28) + b"a\0"),
    "section below zero": more(b"\1" + struct.pack("<i", -(1 << 28)) + b"a\0" + EMPTY),
    "many sections": more((b"\1" + struct.pack("<i", 6) + b"a\0") * 1000),
    "section first": lambda message: sealed(message, b"\0\0\0\0\1" + struct.pack("<i", 11) + b"a\0" + EMPTY + message[20:]),
    "sequence that ends in the middle": more(b"\1" + struct.pack("<i", 10) + b"a\0" + struct.pack("<i", 5)),
    "name without end": more(b"\1" + struct.pack("<i", 8) + b"aaaa"),
    "reply beyond the message": reply(1 << 28),
    "reply below zero": reply(-8),
    "packed body beyond the message": packed(lambda message: body_of(1 << 28)(message)[16:]),
    "packed and smaller than said": packed(lambda message: message[16:], size=1 << 20),
    "not packed and larger than said": not_packed,
}
