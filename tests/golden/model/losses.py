"""The losses of one CTGAN step on a tiny net, in numpy and double precision.

Written from the paper (Xu et al. 2019) for tests/unit/model/golden_test.cpp, which holds the printed
numbers; shares no code with the library. The penalty's input gradient is taken by central differences,
which are exact to rounding because the discriminator is piecewise linear. Run: python3 losses.py
"""
import numpy as np

COLUMNS = [(3, None, True), (3, [1, 0, 1], False), (2, None, True), (4, [1, 1, 1, 1], False)]
BATCH, EMBEDDING, GENERATOR, DISCRIMINATOR, PAC = 8, 4, [6, 5], [7, 6], 2
WIDTH = sum(m + (v is not None) for m, v, _ in COLUMNS)
CONDITION = sum(m for m, _, c in COLUMNS if c)

count = 0


def take(*shape):
    """The next tensor: flat value i is 0.4 sin(0.7 i + 0.3)."""
    global count
    n = int(np.prod(shape))
    values = 0.4 * np.sin(0.7 * np.arange(count, count + n) + 0.3)
    count += n
    return values.reshape(shape)


blocks, inputs = [], EMBEDDING + CONDITION
for n in GENERATOR:
    blocks.append((take(n, inputs), take(n), take(n), take(n)))
    take(n), take(n)  # running statistics
    inputs += n
output = take(WIDTH, inputs), take(WIDTH)
layers, inputs = [], PAC * (WIDTH + CONDITION)
for n in DISCRIMINATOR:
    layers.append((take(n, inputs), take(n)))
    inputs = n
score_weight = take(1, inputs), take(1)

fake_condition = np.arange(BATCH) % CONDITION
real_condition = (2 * np.arange(BATCH) + 1) % CONDITION
one_hot = lambda index, n: np.eye(n)[index]

# The generator.
x = np.concatenate([np.cos(0.9 * np.arange(BATCH * EMBEDDING)).reshape(BATCH, EMBEDDING),
                    one_hot(fake_condition, CONDITION)], axis=1)
for weight, bias, gamma, beta in blocks:
    a = x @ weight.T + bias
    a = gamma * (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-5) + beta
    x = np.concatenate([np.maximum(a, 0), x], axis=1)
logits = x @ output[0].T + output[1]
gumbel = -np.log(0.5 + 0.4 * np.sin(1.1 * np.arange(BATCH * WIDTH))).reshape(BATCH, WIDTH)


def softmax(v):
    e = np.exp(v - v.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


parts, at, entropy, condition_at = [], 0, 0.0, 0
for modes, counts, conditional in COLUMNS:
    first = at + (counts is not None)
    span = slice(first, first + modes)
    soft = softmax((logits[:, span] + gumbel[:, span]) / 0.2)
    if counts is not None:
        parts.append(np.tanh(logits[:, at:first]) * (soft @ np.array(counts))[:, None])
    parts.append(soft)
    if conditional:
        log_soft = np.log(softmax(logits[:, span]))
        for r in range(BATCH):
            if condition_at <= fake_condition[r] < condition_at + modes:
                entropy -= log_soft[r, fake_condition[r] - condition_at] / BATCH
        condition_at += modes
    at = first + modes
fake = np.concatenate(parts, axis=1)

# Real rows: the mode of row r in column c is (3 r + c) mod modes, its value cos(r + c).
real = np.zeros((BATCH, WIDTH))
for r in range(BATCH):
    at = 0
    for c, (modes, counts, _) in enumerate(COLUMNS):
        mode = (3 * r + c) % modes
        if counts is not None:
            real[r, at] = np.cos(r + c) if counts[mode] else 0.0
            at += 1
        real[r, at + mode] = 1.0
        at += modes

# The discriminator; dropout flat value i is 0 where i mod 3 = 0, else 2; layers of (real, fake, between).
groups = BATCH // PAC
masks, start = [], 0
for n in DISCRIMINATOR:
    i = np.arange(start, start + 3 * groups * n)
    masks.append(np.where(i % 3 == 0, 0.0, 2.0).reshape(3, groups, n))
    start += 3 * groups * n


def score(h, section):
    for (weight, bias), mask in zip(layers, masks):
        a = h @ weight.T + bias
        h = np.where(a > 0, a, 0.2 * a) * mask[section]
    return (h @ score_weight[0].T + score_weight[1])[:, 0]


grouped = lambda rows, condition: np.concatenate([rows, one_hot(condition, CONDITION)], 1).reshape(groups, -1)
real_in, fake_in = grouped(real, real_condition), grouped(fake, fake_condition)
share = np.array([0.25, 0.5, 0.75, 0.9])[:, None]
between = share * real_in + (1 - share) * fake_in
gradient = np.zeros_like(between)
for j in range(between.shape[1]):
    step = np.zeros_like(between)
    step[:, j] = 1e-6
    gradient[:, j] = (score(between + step, 2) - score(between - step, 2)) / 2e-6
penalty = 10 * ((np.linalg.norm(gradient, axis=1) - 1) ** 2).mean()

print(f"real score    {score(real_in, 0).mean():.7f}")
print(f"fake score    {score(fake_in, 1).mean():.7f}")
print(f"penalty       {penalty:.7f}")
print(f"cross entropy {entropy:.7f}")
print(f"fake[0]       {', '.join(f'{v:.6f}' for v in fake[0])}")
