"""SSIMULACRA 2.1 as its source reads (https://github.com/cloudinary/ssimulacra2, BSD-3, notice in
``engine/similarity.py``), in double precision and with all 108 weights: slow, and right by inspection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# fmt: off
WEIGHTS = np.array([
    # X: a line per scale; mean of structure, ringing, lost detail, then their 4-norms.
    0.0, 0.0007376606707406586, 0.0, 0.0, 0.0007793481682867309, 0.0,
    0.0, 0.0004371155730107379, 0.0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
    0.0, 0.0016406437456599754, 0.0, 1.8422455520539298, 11.441172603757666, 0.0,
    0.0007989109436015163, 0.000176816438078653, 0.0, 1.8787594979546387, 10.94906990605142, 0.0,
    0.0007289346991508072, 0.9677937080626833, 0.0, 0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
    0.0004550992113792063, 0.0, 0.0, 0.0013648766163243398, 0.0, 0.0,
    # Y: a line per scale; mean of structure, ringing, lost detail, then their 4-norms.
    0.0, 0.0, 0.0, 7.466890328078848, 0.0, 17.445833984131262,
    0.0006235601634041466, 0.0, 0.0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264,
    225.20515300849274, 0.0, 0.0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985,
    176.39317598450694, 0.0, 0.0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408,
    0.0, 0.0, 0.0, 34.77906344483772, 44.835625328877896, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    # B: a line per scale; mean of structure, ringing, lost detail, then their 4-norms.
    0.0, 0.0008680556573291698, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0005313191874358747, 0.0, 0.00016533814161379112, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0004179171803251336, 0.0017290828234722833, 0.0,
    0.0020827005846636437, 0.0, 0.0, 8.826982764996862, 23.19243343998926, 0.0,
    95.1080498811086, 0.9863978034400682, 0.9834382792465353,
    0.0012286405048278493, 171.2667255897307, 0.9807858872435379,
    0.0, 0.0, 0.0, 0.0005130064588990679, 0.0, 0.00010854057858411537,
]).reshape(3, 6, 2, 3)
# fmt: on
"""By channel, scale, norm (mean, 4-norm) and map (structure, ringing, lost detail)."""
MIX = np.array(
    [
        [0.30, 0.622, 0.078],
        [0.23, 0.692, 0.078],
        [0.24342268924547819, 0.20476744424496821, 0.5518098665095536],
    ]
)
BIAS = 0.0037930732552754493
TAPS = np.array([1, 3, 5]) * np.pi / 10


def _filter(lines: Array) -> Array:
    """The recursive Gaussian of sigma 1.5 along the last axis, step by step as libjxl's gauss_blur.cc does it; zero
    outside."""
    sigma, n = 1.5, 5
    p = np.array([1 / np.tan(TAPS[0] / 2), -1 / np.tan(TAPS[1] / 2), 1 / np.tan(TAPS[2] / 2)])
    r = np.array([p[0] ** 2 / np.sin(TAPS[0]), -(p[1] ** 2) / np.sin(TAPS[1]), p[2] ** 2 / np.sin(TAPS[2])])
    rho = np.exp(-0.5 * sigma**2 * TAPS**2) / n
    recip = 1 / (p[0] * r[1] - r[0] * p[1])
    zeta_15, zeta_35 = (p[1] * r[2] - r[1] * p[2]) * recip, (p[2] * r[0] - r[2] * p[0]) * recip
    gamma = np.array([1, n * n - sigma**2, zeta_15 * rho[0] + zeta_35 * rho[1] + rho[2]])
    beta = np.linalg.solve(np.array([p, r, [zeta_15, zeta_35, 1]]), gamma)
    width = lines.shape[-1]
    padded = np.zeros((*lines.shape[:-1], width + 4 * n))
    padded[..., 2 * n : 2 * n + width] = lines
    out = np.zeros_like(lines)
    before = np.zeros((3, *lines.shape[:-1]))
    last = np.zeros_like(before)
    for at in range(-n + 1, width):
        total = padded[..., at - n - 1 + 2 * n] + padded[..., at + n - 1 + 2 * n]
        now = np.stack(
            [
                -b * np.cos(w * (n + 1)) * total + 2 * np.cos(w) * one - two
                for b, w, one, two in zip(beta, TAPS, last, before, strict=True)
            ]
        )
        before, last = last, now
        if at >= 0:
            out[..., at] = now.sum(axis=0)
    return out


def _blur(planes: Array) -> Array:
    return _filter(_filter(planes).swapaxes(1, 2)).swapaxes(1, 2)


def _linear(rgb: NDArray[np.uint8]) -> Array:
    value = rgb.astype(np.float64).transpose(2, 0, 1) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _xyb(linear: Array) -> Array:
    cones = np.cbrt(np.tensordot(MIX, linear, 1) + BIAS) - np.cbrt(BIAS)
    x, y, b = (cones[0] - cones[1]) / 2, (cones[0] + cones[1]) / 2, cones[2]
    return np.stack([x * 14 + 0.42, y + 0.01, b - y + 0.55])


def _halve(linear: Array) -> Array:
    height, width = linear.shape[1:]
    even = np.pad(linear, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")
    return np.asarray(even.reshape(3, -(-height // 2), 2, -(-width // 2), 2).mean(axis=(2, 4)))


def _norms(errors: Array) -> Array:
    return np.array([errors.mean(axis=(1, 2)), (errors**4).mean(axis=(1, 2)) ** 0.25])


def plain_score(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Both height × width × 3, at least 113 pixels a side."""
    lights = [_linear(one), _linear(other)]
    total = 0.0
    for scale in range(6):
        if scale:
            lights = [_halve(light) for light in lights]
        a, b = (_xyb(light) for light in lights)
        mu_a, mu_b = _blur(a), _blur(b)
        s_aa, s_bb, s_ab = _blur(a * a), _blur(b * b), _blur(a * b)
        upper = (1 - (mu_a - mu_b) ** 2) * (2 * (s_ab - mu_a * mu_b) + 0.0009)
        structure = np.maximum(1 - upper / (s_aa - mu_a**2 + s_bb - mu_b**2 + 0.0009), 0)
        edges = (1 + np.abs(b - mu_b)) / (1 + np.abs(a - mu_a)) - 1
        maps = np.stack([_norms(structure), _norms(np.maximum(edges, 0)), _norms(np.maximum(-edges, 0))])
        total += float((WEIGHTS[:, scale] * maps.transpose(2, 1, 0)).sum())
    total *= 0.9562382616834844
    total = 2.326765642916932 * total - 0.020884521182843837 * total**2 + 6.248496625763138e-05 * total**3
    assert isinstance(total, float)
    return 100 - 10 * total**0.6276336467831387 if total > 0 else 100.0
