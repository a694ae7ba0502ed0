"""What a Uniswap v3 pool is made of: its two tokens, their decimals, its fee, what is priced."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import NamedTuple

import numpy as np

from mmresearch.load.instruments import base_quote
from mmresearch.receipt import Fault, SourceError

SOURCE = "uniswap"
STEP = 1.0001  # price ratio of one tick
TICKS = 887_272  # the highest tick, the lowest is its negative
_MOST_FEE = 0.02
_MOST_DECIMALS = 77  # 2**256 has 78 digits
_KNOWN = {  # Polygon
    "0x45dda9cb7c25131df268515131f647d726f50608": {
        "token0": "USDC",
        "token1": "WETH",
        "decimals0": 6,
        "decimals1": 18,
        "fee": 0.0005,
    }
}
_EXAMPLES = {"token0": "'USDC'", "token1": "'WETH'", "decimals0": "6", "decimals1": "18"}
_EXAMPLES |= {"fee": "0.0005 (the share, of 0.05 %)"}


class Pool(NamedTuple):
    """A pool. `base` is the place (0 or 1) of the token that positions are in."""

    tokens: tuple[str, str]
    decimals: tuple[int, int]
    fee: float
    base: int
    address: str

    @property
    def symbol(self) -> str:
        return f"{self.tokens[self.base]}/{self.tokens[1 - self.base]}"

    @property
    def asset(self) -> str:
        return self.tokens[self.base]

    @property
    def currency(self) -> str:
        return self.tokens[1 - self.base]

    def price(self, ratio: np.ndarray) -> np.ndarray:
        """Currency a unit of the asset, from token1 a token0, both in their smallest units."""
        if self.base == 0:
            return ratio * 10.0 ** (self.decimals[0] - self.decimals[1])
        return 10.0 ** (self.decimals[1] - self.decimals[0]) / ratio


def pool_of(addresses: Sequence[str], given: dict, base: str | None) -> Pool:
    """The one pool of the files, from what the user gave and what is known by its address."""
    if len(addresses) > 1:
        found = f"{len(addresses)} pools: {', '.join(addresses[:3])}"
        _refuse(found, "one pool a call, as tokens and decimals are one pool's")
    address = addresses[0] if addresses else "unnamed"
    facts = _KNOWN.get(address, {}) | {k: v for k, v in given.items() if v is not None}
    lacking = [name for name in _EXAMPLES if name not in facts]
    if lacking:
        asked = ", ".join(f"{name}={_EXAMPLES[name]}" for name in lacking)
        _refuse(f"pool {address}, of which nothing is known", f"of this pool {asked}")
    tokens = (str(facts["token0"]), str(facts["token1"]))
    decimals = tuple(facts[name] for name in ("decimals0", "decimals1"))
    if not all(isinstance(d, Integral) and 0 <= d <= _MOST_DECIMALS for d in decimals):
        _refuse(
            f"decimals {decimals[0]} and {decimals[1]}", f"whole numbers, 0 to {_MOST_DECIMALS}"
        )
    fee = float(facts["fee"])
    if not 0 <= fee <= _MOST_FEE:
        _refuse(f"fee {fee:g}", f"a share of 0 to {_MOST_FEE}, as 0.0005 for 0.05 %")
    return Pool(tokens, decimals, fee, _place(tokens, base), address)


def _place(tokens: tuple[str, str], base: str | None) -> int:
    """Which token is the asset: token1, or token0 where only token1 is a currency."""
    if tokens[0] == tokens[1]:
        _refuse(f"two tokens {tokens[0]}", "two names")
    if base is not None:
        if base not in tokens:
            _refuse(f"base {base}", " or ".join(tokens))
        return tokens.index(base)
    prices_0, prices_1 = (base_quote("/".join(pair)) for pair in (tokens, tokens[::-1]))
    return 0 if prices_0 is not None and prices_1 is None else 1


def _refuse(found: str, expected: str) -> None:
    raise SourceError(SOURCE, [Fault("the pool", None, found, expected)])
