#!/usr/bin/env python3
"""A masked sum of four members, computed by the Python package `cryptography` from the protocol's
definition alone: make_masking.py > masking.txt. Member 2 sends shares and no input. Word i of the
input of member p is (i * 0x9E3779B97F4A7C15 + p) modulo 2^35."""

import hashlib
import random
import struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MEMBERS, THRESHOLD, WORDS, BITS, GONE = 4, 3, 5000, 35, 2
draws = random.Random(14)


def random_bytes(count):
    return bytes(draws.randrange(256) for _ in range(count))


def u16(value):
    return struct.pack("<H", value)


def u32(value):
    return struct.pack("<I", value)


def text(value):
    return u32(len(value)) + value


def sha256(value):
    return hashlib.sha256(value).digest()


def labelled(purpose, context):
    return b"genesis secure sum v1 " + text(purpose) + text(context)


def hkdf(key, info):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(key)


def agree(private, public):
    return private.exchange(X25519PublicKey.from_public_bytes(public))


def raw(public):
    return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def stream(key, count):
    return Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor().update(bytes(count))


def mask(key):
    size = 4 if BITS <= 32 else 8
    return [int.from_bytes(stream(key, WORDS * size)[i * size:(i + 1) * size], "little") for i in range(WORDS)]


def pack(words):
    packed = sum(word << (BITS * i) for i, word in enumerate(words))
    return packed.to_bytes((WORDS * BITS + 7) // 8, "little")


def field_product(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = a << 1, b >> 1
        if a >> 16:
            a ^= 0x1002B
    return product


def split(secret, seed):
    """Shares for the places 1 to MEMBERS, 16 elements of two bytes each."""
    coefficients = [secret] + [stream(seed, 32 * (THRESHOLD - 1))[32 * k:32 * (k + 1)] for k in range(THRESHOLD - 1)]
    elements = [struct.unpack("<16H", c) for c in coefficients]
    shares = []
    for place in range(1, MEMBERS + 1):
        power, share = 1, [0] * 16
        for coefficient in elements:
            share = [s ^ field_product(c, power) for s, c in zip(share, coefficient)]
            power = field_product(power, place)
        shares.append(struct.pack("<16H", *share))
    return shares


class Member:
    def __init__(self, place):
        self.place = place
        self.id = b"site-%d" % place
        self.certificate_key = Ed25519PrivateKey.from_private_bytes(random_bytes(32))
        self.public_key = self.certificate_key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.secrets = [random_bytes(32) for _ in range(4)]
        self.cipher_key, self.mask_key = (X25519PrivateKey.from_private_bytes(s) for s in self.secrets[:2])
        self.seed, self.split_seed = self.secrets[2:]
        self.input = [(i * 0x9E3779B97F4A7C15 + place) % 2 ** BITS for i in range(WORDS)]

    def announce(self, context):
        commitment = sha256(hkdf(self.seed, labelled(b"commitment", context) + u16(self.place)))
        self.public = (raw(self.cipher_key.public_key()), raw(self.mask_key.public_key()), commitment)
        signed = labelled(b"keys", context) + u16(self.place) + b"".join(self.public)
        return b"".join(self.public) + text(self.certificate_key.sign(signed))


def out(name, value):
    print(name, value.hex() or "-")


members = [Member(place) for place in range(MEMBERS)]
task = (b"genesis.sum.v1" + text(b"run") + u32(3) + u32(2) + text(b"tables") + text(b"q" * 32) + text(b"p" * 32)
        + u32(WORDS) + bytes([BITS]) + u16(THRESHOLD) + u16(MEMBERS)
        + b"".join(text(m.id) + text(m.public_key) for m in members))
context = sha256(task)
print("#", __doc__.replace("\n", "\n# "))
out("task", task)
out("context", context)
for m in members:
    out(f"certificate_key.{m.place}", m.certificate_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    out(f"secrets.{m.place}", b"".join(m.secrets))
keys = [m.announce(context) for m in members]
for m in members:
    out(f"keys.{m.place}", keys[m.place])
key_list = u16(MEMBERS) + b"".join(u16(m.place) + keys[m.place] for m in members)

sealed = {}
for m in members:
    m.seed_shares = split(m.seed, hkdf(m.split_seed, labelled(b"seed", b"")))
    m.key_shares = split(m.secrets[1], hkdf(m.split_seed, labelled(b"mask key", b"")))
    for other in members:
        if other is not m:
            purpose = labelled(b"shares", context) + u16(m.place) + u16(other.place)
            key = hkdf(agree(m.cipher_key, other.public[0]), purpose)
            both = m.seed_shares[other.place] + m.key_shares[other.place]
            sealed[m.place, other.place] = AESGCM(key).encrypt(bytes(12), both, purpose)
for m in members:
    out(f"shares.{m.place}", u16(MEMBERS - 1) + b"".join(
        u16(o.place) + sealed[m.place, o.place] for o in members if o is not m))

for m in members:
    words = list(m.input)
    for word, noise in enumerate(mask(hkdf(m.seed, labelled(b"self mask", context) + u16(m.place)))):
        words[word] += noise
    for other in members:
        if other is not m:
            low, high = sorted((m.place, other.place))
            key = hkdf(agree(m.mask_key, other.public[1]), labelled(b"pair mask", context) + u16(low) + u16(high))
            sign = 1 if m.place < other.place else -1
            for word, noise in enumerate(mask(key)):
                words[word] += sign * noise
    out(f"masked_sha256.{m.place}", sha256(pack([word % 2 ** BITS for word in words])))

survivors = [m for m in members if m.place != GONE]
survivor_list = u16(len(survivors)) + b"".join(u16(m.place) for m in survivors)
signed = labelled(b"survivors", context) + text(sha256(key_list)) + survivor_list
for m in survivors:
    out(f"confirmation.{m.place}", m.certificate_key.sign(signed))
for m in survivors:
    out(f"reveal.{m.place}", u16(len(survivors)) + b"".join(u16(o.place) + o.seed_shares[m.place] for o in survivors)
        + u16(1) + u16(GONE) + members[GONE].key_shares[m.place])
out("sum_sha256", sha256(pack([sum(column) % 2 ** BITS for column in zip(*(m.input for m in survivors))])))
