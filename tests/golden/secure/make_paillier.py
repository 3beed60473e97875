#!/usr/bin/env python3
"""Paillier by the Python package `phe` 1.5: make_paillier.py > paillier.txt. A key of 2,048 bits of
two safe primes (made once by `openssl prime -generate -safe -bits 1024`), ciphertexts of phe and
their sum, and two rows of words in slots, packed here from their definition."""

import random

from phe import paillier

P = int(
    "eb0c40b8ccae7fbf279ef5f3aa4f9ff54a9238246f08de39f429eab674ef1450ef3d8763f9f2fb6f00c39cd8a71d2ce2c3972a9963f48b8e4e422a5afe5f8d9e"
    "93c0726bb15578fd2853a3cefb2ca2f6ca67db5f8fd3188065cdac338489b3ed03267766c1f968c51e62282e2c78fe248414325c1b0251780de5fd744b611c6b", 16)
Q = int(
    "f860a872dca6a93fa53a88adc08e36daf65128847c254ce8bb3585a34dbd68d8c5d9c6f4ae5d275380ca114d546a718019c13908942fbbc4a92dd31277aada9f"
    "2d1edef5eb82a28e9c81191134fe920866a9db1a9eed5f93a649eff991e2a336beea963040f70db06283b0d8d5c1e4c9fadb1f17f4f05112358e204860410007", 16)
WORD_BITS = 33
draws = random.Random(15)


def out(name, value, size):
    print(name, value.to_bytes(size, "big").hex())


public = paillier.PaillierPublicKey(P * Q)
private = paillier.PaillierPrivateKey(public, P, Q)
n, n_bytes = public.n, public.n.bit_length() // 8
print("#", __doc__.replace("\n", "\n# "))
out("p", P, n_bytes // 2)
out("q", Q, n_bytes // 2)
out("n", n, n_bytes)
plain = [0, 1, n - 1, n // 3, draws.randrange(n)]
cipher = [public.raw_encrypt(m, r_value=draws.randrange(1, n)) for m in plain]
for i, (m, c) in enumerate(zip(plain, cipher)):
    assert private.raw_decrypt(c) == m
    out(f"plain.{i}", m, n_bytes)
    out(f"cipher.{i}", c, 2 * n_bytes)
product = 1
for c in cipher:
    product = product * c % public.nsquare
out("plain.sum", sum(plain) % n, n_bytes)
out("cipher.sum", product, 2 * n_bytes)

# (1 + m n) rho for a given n-th residue.
rho = pow(draws.randrange(1, n), n, public.nsquare)
out("rho", rho, 2 * n_bytes)
out("cipher.rho", (1 + plain[4] * n) * rho % public.nsquare, 2 * n_bytes)

slots = (n.bit_length() - 1) // WORD_BITS
most = 2 ** (WORD_BITS - 1) - 1
values = [[draws.randrange(-most // 4, most // 4) for _ in range(slots + 5)] for _ in range(2)]
values[0][:2], values[1][:2] = [most, -most], [0, 0]


def packed(row):
    for first in range(0, len(row), slots):
        yield sum(v << (WORD_BITS * i) for i, v in enumerate(row[first:first + slots])) % n


for name, row in (("a", values[0]), ("b", values[1]), ("a+b", [a + b for a, b in zip(*values)])):
    print(f"words.{name}", b"".join((v % 2 ** WORD_BITS).to_bytes(8, "big") for v in row).hex())
    for i, m in enumerate(packed(row)):
        out(f"slots.{name}.{i}", m, n_bytes)
for i, (a, b) in enumerate(zip(packed(values[0]), packed(values[1]))):
    out(f"slots.cipher.{i}", public.raw_encrypt(a) * public.raw_encrypt(b) % public.nsquare, 2 * n_bytes)
