#!/usr/bin/env python3
"""Paillier by the Python package `phe` 1.5: make_paillier.py > paillier.txt. A key of 2,048 bits whose
primes are 2 alpha beta + 1, ciphertexts of phe with factors of the subgroup of order alpha_p alpha_q,
their sum, two rows of words in slots, packed here from their definition, and primes that no key may have."""

import math
import random

from phe import paillier
from phe.util import is_prime

BITS, ALPHA_BITS = 2048, 256
BETA_BITS = BITS // 2 - ALPHA_BITS - 1
WORD_BITS = 33
draws = random.Random(15)


def odd(bits, highest):
    """An odd number of so many bits, of which that many of the highest are set."""
    return draws.getrandbits(bits) | ((1 << highest) - 1) << (bits - highest) | 1


def prime(bits):
    while not is_prime(value := odd(bits, 2)):
        pass
    return value


def factor(draw_alpha=lambda: prime(ALPHA_BITS), draw_beta=lambda: prime(BETA_BITS)):
    """p and alpha, with p = 2 alpha beta + 1."""
    while True:
        alpha, beta = draw_alpha(), draw_beta()
        p = 2 * alpha * beta + 1
        if p >> (BITS // 2 - 2) == 3 and is_prime(p):
            return p, alpha


def out(name, value, size):
    print(name, value.to_bytes(size, "big").hex())


def key_factor():
    beta = prime(BETA_BITS)
    return factor(draw_beta=lambda: beta)


(P, ALPHA_P), (Q, ALPHA_Q) = key_factor(), key_factor()
assert math.gcd(P - 1, Q - 1) == 2
public = paillier.PaillierPublicKey(P * Q)
private = paillier.PaillierPrivateKey(public, P, Q)
n, n_bytes = public.n, public.n.bit_length() // 8


def root():
    """An element of the subgroup modulo n, whose n-th power is a factor rho of ciphertexts."""
    return pow(draws.randrange(1, n), (P - 1) * (Q - 1) // (ALPHA_P * ALPHA_Q), n)


print("#", __doc__.replace("\n", "\n# "))
out("p", P, n_bytes // 2)
out("q", Q, n_bytes // 2)
out("alpha.p", ALPHA_P, ALPHA_BITS // 8)
out("alpha.q", ALPHA_Q, ALPHA_BITS // 8)
out("n", n, n_bytes)
plain = [0, 1, n - 1, n // 3, draws.randrange(n)]
cipher = [public.raw_encrypt(m, r_value=root()) for m in plain]
for i, (m, c) in enumerate(zip(plain, cipher)):
    assert private.raw_decrypt(c) == m
    out(f"plain.{i}", m, n_bytes)
    out(f"cipher.{i}", c, 2 * n_bytes)
product = 1
for c in cipher:
    product = product * c % public.nsquare
out("plain.sum", sum(plain) % n, n_bytes)
out("cipher.sum", product, 2 * n_bytes)

# A ciphertext of the same modulus whose factor is not of the subgroup.
out("cipher.outside", public.raw_encrypt(plain[4], r_value=draws.randrange(1, n)), 2 * n_bytes)

# (1 + m n) rho for a given rho.
rho = pow(root(), n, public.nsquare)
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
    out(f"slots.cipher.{i}",
        public.raw_encrypt(a, r_value=root()) * public.raw_encrypt(b, r_value=root()) % public.nsquare, 2 * n_bytes)

# In the place of q: a prime with the alpha of p, one with the beta of p (what is left need not be prime in either), one
# whose alpha is not prime, and one whose beta has small prime factors alone.
beta_p, beta_q = (P - 1) // (2 * ALPHA_P), (Q - 1) // (2 * ALPHA_Q)
half_alpha = prime(ALPHA_BITS // 2)
small = [prime(32) for _ in range(100)]


def smooth():
    """As long as a beta, of primes of 32 bits and one number of some 36."""
    product = math.prod(draws.sample(small, BETA_BITS // 32))
    return product * (odd(BETA_BITS, 2) // product | 1)


for name, (p, alpha) in (("same_alpha", factor(draw_alpha=lambda: ALPHA_P, draw_beta=lambda: odd(BETA_BITS, 2))),
                         ("same_beta", factor(draw_alpha=lambda: odd(ALPHA_BITS, 1), draw_beta=lambda: beta_p)),
                         ("composite_alpha", factor(draw_alpha=lambda: half_alpha * odd(ALPHA_BITS // 2, 2),
                                                    draw_beta=lambda: beta_q)),
                         ("smooth", factor(draw_alpha=lambda: ALPHA_Q, draw_beta=smooth))):
    out(f"{name}.p", p, n_bytes // 2)
    out(f"{name}.alpha", alpha, ALPHA_BITS // 8)
