"""The made-up market: which assets there are, their price of each day, and the forms in which a number is sent."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal

END = date(2025, 6, 30)
WIDE = Context(prec=60)
# CoinCap has sent 16, 18, 20, 24 and 28 decimals; more are rounded half even.
DECIMALS = (16, 18, 18, 20, 24, 28, 28, 33)
NEAR_ONE = (
    "1",
    "1.0000000000000000",
    "0.9999999999999999",
    "1.0000000000000001",
    "0.9999999999999999999999999999",
    "1.0000000000000000000000000001",
    "0.99999999999999999999999999995",
    "1.00000000000000000000000000005",
    "0.99990000",
    "1.0001",
)


@dataclass(frozen=True)
class Asset:
    """How an asset's price goes, and from which to which part of the time it is there."""

    slug: str
    start: str
    daily: float = 0.03  # deviation of a day's log return
    peg: str = ""  # to the price of an asset before it
    factor: str = "1"
    alive: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    cap: str = "some"  # some, none, tie, zero


ASSETS = (
    Asset("bitcoin", "9000", 0.035),
    Asset("wrapped-bitcoin", "1", peg="bitcoin"),
    Asset("triple-bitcoin", "1", peg="bitcoin", factor="3"),
    Asset("ethereum", "700", 0.045),
    Asset("steth", "1", peg="ethereum", alive=((0.3, 1.0),)),
    Asset("tether", "1", 0.0, cap="tie"),
    Asset("usd-coin", "1", 0.0, cap="tie"),
    Asset("dai", "1", 0.0001, alive=((0.2, 1.0),)),
    Asset("flat", "5000000", 0.0000000001, cap="none"),
    Asset("binance-coin", "20", 0.04),
    Asset("solana", "1.5", 0.05, alive=((0.45, 1.0),)),
    Asset("dogecoin", "0.003", 0.06),
    Asset("shiba-inu", "0.00001", 0.05, alive=((0.5, 1.0),)),
    Asset("pepe", "0.0000000123456789", 0.06, alive=((0.7, 1.0),)),
    Asset("small", "0.0000000004", 0.05),
    Asset("smaller", "0.00000000000000123", 0.02),
    Asset("smallest", "0.00000000000000000002", 0.02),
    Asset("dust", "0.0000000000000000000000000003", 0.5, cap="zero"),
    Asset("terra-luna", "80", 0.05, alive=((0.3, 0.6),)),
    Asset("phoenix", "2", 0.05, alive=((0.0, 0.15), (0.3, 0.35), (0.5, 1.0))),
    Asset("xrp", "0.3", 0.04),
    Asset("dear", "99999", 0.0005, cap="tie", alive=((0.0, 0.9),)),
)


def scaled(value: Decimal, decimals: int) -> Decimal:
    """The value with so many decimals."""
    return value.quantize(Decimal(1).scaleb(-decimals), context=WIDE)


class Market:
    """The made-up market: one price an asset and day, and what is sent of it."""

    def __init__(self, days: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.days = [END - timedelta(days=days - 1 - n) for n in range(days)]
        self.prices = self._prices()

    def _prices(self) -> dict[tuple[str, date], Decimal]:
        prices: dict[tuple[str, date], Decimal] = {}
        for asset in ASSETS:
            price = Decimal(asset.start)
            for n, day in enumerate(self.days):
                part = n / len(self.days)
                if not any(a <= part < b or (b == 1.0 and part >= a) for a, b in asset.alive):
                    continue
                if asset.peg:
                    price = prices[asset.peg, day] * Decimal(asset.factor)
                    if self.random.random() < 0.1:
                        price += Decimal("1e-28") * self.random.choice((-1, 1))
                elif asset.slug in ("tether", "usd-coin"):
                    price = Decimal(self.random.choice(NEAR_ONE))
                elif asset.slug == "dust":
                    price = Decimal(self.random.randint(0, 5)).scaleb(-28)
                elif asset.slug == "flat" and self.random.random() < 0.7:
                    pass
                else:
                    price *= Decimal(2.718281828 ** self.random.gauss(0.0003, asset.daily))
                    price = scaled(price, self.random.choice(DECIMALS))
                prices[asset.slug, day] = price
        return prices

    def shown(self, value: Decimal) -> str:
        """A number as JSON: mostly a string, as CoinCap sends it, sometimes with an exponent or bare."""
        form = self.random.random()
        text = format(value, "f")
        if form < 0.03:
            text = format(value, "e")
        elif form < 0.04:
            text = "+" + text
        elif form < 0.05:
            text += "00" if "." in text else ".00"
        return text if form > 0.98 else f'"{text}"'

    def near(self, slug: str, day: date) -> Decimal:
        """A price of that day, not always the same one."""
        price = self.prices[slug, day]
        if slug in ("tether", "usd-coin"):
            return Decimal(self.random.choice(NEAR_ONE))
        if self.random.random() < 0.4:
            return price
        return scaled(price * Decimal(1 + self.random.uniform(-0.01, 0.01)), self.random.choice(DECIMALS))

    def there(self, day: date) -> list[Asset]:
        """The assets that have a price on a day."""
        return [a for a in ASSETS if (a.slug, day) in self.prices]
