#!/usr/bin/env python3
"""Golden vectors for the event and link encodings, written from docs/rules.md alone: python3 tools/vectors.py

The tests in history/encoding.rs and link.rs hold what this prints.
"""
import base64, hashlib, hmac, struct


def h(key, *parts):
    return hmac.new(key, b"".join(parts), hashlib.sha256).digest()


def hkdf(ikm, salt, info):  # RFC 5869, one block
    prk = h(salt or bytes(32), ikm)
    return h(prk, info, b"\x01")


customer, command, user, account, person = (bytes([n]) * 16 for n in (1, 2, 3, 4, 5))
number, at, kind, channel = 7, 1767225600123, 12, 1
salt, before = bytes([9]) * 32, bytes([8]) * 32
commitment = h(salt, customer, struct.pack(">Q", number), bytes([6]), "Müller".encode())
event = (
    b"meshcustomers/event/1" + customer + struct.pack(">Qq", number, at) + command + struct.pack(">H", kind)
    + bytes([1]) + user + account + bytes([channel]) + person
    + struct.pack(">I", 2) + b"\xab\xcd" + bytes([1]) + bytes([6]) + commitment + before
)
print("commitment", commitment.hex())
print("event hash", hashlib.sha256(event).hexdigest())

host_key = hashlib.sha256(b"a host key for a test vector").digest()
epoch, invitation, nonce, generation = bytes([6]) * 32, bytes([7]) * 16, bytes([5]) * 32, 3
key = hkdf(host_key, epoch, b"meshcustomers/link/1")
address = hashlib.sha256(b"jane@acme.example").digest()
mac = h(key, b"meshcustomers/link/1", bytes([1, 1]), customer, invitation, struct.pack(">I", generation), nonce, address)
token = bytes([1]) + customer + invitation + mac + bytes([1])
print("host key  ", host_key.hex())
print("token     ", base64.urlsafe_b64encode(token).rstrip(b"=").decode())
