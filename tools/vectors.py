#!/usr/bin/env python3
"""Golden vectors for the event and link encodings, written from docs/rules.md alone: python3 tools/vectors.py

The tests in history/encoding.rs, link.rs and keys.rs hold what this prints.
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
event_hash = hashlib.sha256(event).digest()
print("commitment", commitment.hex())
print("event hash", event_hash.hex())

# The first event of a customer, by the operator: zeros where there is nobody, no label, nothing before it.
first = (
    b"meshcustomers/event/1" + customer + struct.pack(">Qq", 1, at) + command + struct.pack(">H", 2)
    + bytes([0]) + bytes(16) + bytes(16) + bytes([0]) + bytes(16)
    + struct.pack(">I", 1) + b"\xee" + bytes([0]) + bytes(32)
)
print("first hash", hashlib.sha256(first).hexdigest())
# One by whoever held a link, with two labels in the order of their slots.
two = [(4, b"jane@acme.example"), (13, b"text")]
labels = b"".join(
    bytes([slot]) + h(salt, customer, struct.pack(">Q", 2), bytes([slot]), text) for slot, text in two
)
holder = (
    b"meshcustomers/event/1" + customer + struct.pack(">Qq", 2, -1) + command + struct.pack(">H", 20)
    + bytes([2]) + bytes(16) + bytes(16) + bytes([0]) + bytes(16)
    + struct.pack(">I", 16) + bytes([7]) * 16 + bytes([2]) + labels + hashlib.sha256(first).digest()
)
print("link holder hash", hashlib.sha256(holder).hexdigest())

# Details: fixed widths, numbers big-endian, ids 16 bytes, roles 32, an option one byte more.
role = b"Employee".ljust(32, b"\0")
print("details invited", (bytes([2]) * 16 + role + struct.pack(">q", at)).hex())
print("details accepted", (bytes([2]) * 16 + bytes([3]) * 16 + role + bytes([2]) + customer).hex())
print("details registered", (
    bytes([2]) + bytes([1]) + customer + bytes([0]) + bytes(16) + struct.pack(">I", 0xFFFFFFFF) + bytes([3]) * 16
    + bytes([1]) + struct.pack(">q", at) + bytes([0]) + bytes(8)
).hex())

host_key = hashlib.sha256(b"a host key for a test vector").digest()
epoch, invitation, nonce, generation = bytes([6]) * 32, bytes([7]) * 16, bytes([5]) * 32, 3
key = hkdf(host_key, epoch, b"meshcustomers/link/1")
address = hashlib.sha256(b"jane@acme.example").digest()
mac = h(key, b"meshcustomers/link/1", bytes([1, 1]), customer, invitation, struct.pack(">I", generation), nonce, address)
token = bytes([1]) + customer + invitation + mac + bytes([1])
print("host key  ", host_key.hex())
seal = h(hkdf(host_key, b"", b"meshcustomers/history/1"), b"meshcustomers/seal/1", event_hash)
print("seal      ", seal.hex())
print("check     ", h(hkdf(host_key, b"", b"meshcustomers/check/1"), b"check").hex())
print("token     ", base64.urlsafe_b64encode(token).rstrip(b"=").decode())
# The other two kinds: a confirmation (2) of a registrant's address, a registration link (3) without one; another ring key.
for name, kind, number, sha in (("confirmation", 2, 1, address), ("registration", 3, 1, bytes(32)), ("ring key 2", 1, 2, address)):
    mac = h(key, b"meshcustomers/link/1", bytes([kind, number]), customer, invitation, struct.pack(">I", generation), nonce, sha)
    token = bytes([number]) + customer + invitation + mac + bytes([kind])
    print(name.ljust(12), base64.urlsafe_b64encode(token).rstrip(b"=").decode())
