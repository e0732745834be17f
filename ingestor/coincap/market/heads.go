package market

import "time"

// head is an asset whose slug, symbol and rough size are those of a real one, so that examples and screens read as they will
// with the real API. Prices are made up: they only begin, at the reference time, near where such an asset might be.
type head struct {
	id, symbol, name string
	price            float64 // at the reference time
	supply           float64
	maxSupply        float64 // 0 is null
	sigma            float64 // own daily volatility
	beta             float64 // share in the market's moves
	was              rename
	tokens           string // chain of a token's contract; empty for a coin
	follows          string // slug of the asset, earlier in the list, that this one is a claim on
}

// rename is the slug and symbol that an asset had before a day.
type rename struct {
	id, symbol string
	until      time.Time
}

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

var heads = []head{
	{id: "bitcoin", symbol: "BTC", name: "Bitcoin", price: 105000, supply: 19.87e6, maxSupply: 21e6, sigma: .010, beta: 1},
	{id: "ethereum", symbol: "ETH", name: "Ethereum", price: 2550, supply: 120.7e6, sigma: .018, beta: 1.2},
	{id: "tether", symbol: "USDT", name: "Tether", price: 1, supply: 153.5e9, sigma: stable, tokens: "ethereum"},
	{id: "xrp", symbol: "XRP", name: "XRP", price: 2.2, supply: 58.7e9, maxSupply: 100e9, sigma: .024, beta: 1.1, was: rename{"ripple", "XRP", date(2020, 1, 1)}},
	{id: "binance-coin", symbol: "BNB", name: "BNB", price: 655, supply: 140.9e6, maxSupply: 200e6, sigma: .014, beta: .9},
	{id: "solana", symbol: "SOL", name: "Solana", price: 155, supply: 524e6, sigma: .026, beta: 1.4},
	{id: "usd-coin", symbol: "USDC", name: "USDC", price: 1, supply: 61e9, sigma: stable, tokens: "ethereum"},
	{id: "dogecoin", symbol: "DOGE", name: "Dogecoin", price: .19, supply: 149.5e9, sigma: .030, beta: 1.4},
	{id: "tron", symbol: "TRX", name: "TRON", price: .27, supply: 94.8e9, sigma: .014, beta: .7},
	{id: "cardano", symbol: "ADA", name: "Cardano", price: .68, supply: 35.3e9, maxSupply: 45e9, sigma: .022, beta: 1.3},
	{id: "steth", symbol: "STETH", name: "Lido Staked ETH", follows: "ethereum", price: 2548, supply: 9.2e6, sigma: .018, beta: 1.2, tokens: "ethereum"},
	{id: "hyperliquid", symbol: "HYPE", name: "Hyperliquid", price: 33, supply: 333.9e6, maxSupply: 1e9, sigma: .040, beta: 1.3},
	{id: "wrapped-bitcoin", symbol: "WBTC", name: "Wrapped Bitcoin", follows: "bitcoin", price: 104900, supply: 128.9e3, sigma: .010, beta: 1, tokens: "ethereum"},
	{id: "sui", symbol: "SUI", name: "Sui", price: 3.2, supply: 3.4e9, maxSupply: 10e9, sigma: .034, beta: 1.5},
	{id: "chainlink", symbol: "LINK", name: "Chainlink", price: 13.9, supply: 657e6, maxSupply: 1e9, sigma: .024, beta: 1.3, tokens: "ethereum"},
	{id: "avalanche", symbol: "AVAX", name: "Avalanche", price: 20.4, supply: 421e6, maxSupply: 715.7e6, sigma: .028, beta: 1.4},
	{id: "stellar", symbol: "XLM", name: "Stellar", price: .265, supply: 31e9, maxSupply: 50e9, sigma: .022, beta: 1.1},
	{id: "unus-sed-leo", symbol: "LEO", name: "UNUS SED LEO", price: 8.7, supply: 923e6, sigma: .010, beta: .2, tokens: "ethereum"},
	{id: "toncoin", symbol: "TON", name: "Toncoin", price: 3.15, supply: 2.5e9, sigma: .024, beta: 1.1},
	{id: "shiba-inu", symbol: "SHIB", name: "Shiba Inu", price: .0000128, supply: 589.2e12, sigma: .030, beta: 1.4, tokens: "ethereum"},
	{id: "bitcoin-cash", symbol: "BCH", name: "Bitcoin Cash", price: 405, supply: 19.88e6, maxSupply: 21e6, sigma: .024, beta: 1.1},
	{id: "litecoin", symbol: "LTC", name: "Litecoin", price: 88, supply: 75.9e6, maxSupply: 84e6, sigma: .022, beta: 1.1},
	{id: "polkadot", symbol: "DOT", name: "Polkadot", price: 4.05, supply: 1.57e9, sigma: .024, beta: 1.3},
	{id: "monero", symbol: "XMR", name: "Monero", price: 335, supply: 18.45e6, sigma: .020, beta: .8},
	{id: "weth", symbol: "WETH", name: "WETH", follows: "ethereum", price: 2549, supply: 2.6e6, sigma: .018, beta: 1.2, tokens: "ethereum"},
	{id: "bitget-token-new", symbol: "BGB", name: "Bitget Token", price: 4.65, supply: 1.2e9, sigma: .022, beta: .9, tokens: "ethereum"},
	{id: "pepe", symbol: "PEPE", name: "Pepe", price: .0000119, supply: 420.69e12, maxSupply: 420.69e12, sigma: .045, beta: 1.6, tokens: "ethereum"},
	{id: "pi", symbol: "PI", name: "Pi", price: .64, supply: 7.3e9, maxSupply: 100e9, sigma: .040, beta: .9},
	{id: "ethena-usde", symbol: "USDe", name: "Ethena USDe", price: 1, supply: 5.9e9, sigma: stable, tokens: "ethereum"},
	{id: "multi-collateral-dai", symbol: "DAI", name: "Dai", price: 1, supply: 5.3e9, sigma: stable, tokens: "ethereum"},
	{id: "uniswap", symbol: "UNI", name: "Uniswap", price: 6.2, supply: 628e6, sigma: .030, beta: 1.3, tokens: "ethereum"},
	{id: "aave", symbol: "AAVE", name: "Aave", price: 250, supply: 15.1e6, maxSupply: 16e6, sigma: .030, beta: 1.4, tokens: "ethereum"},
	{id: "bittensor", symbol: "TAO", name: "Bittensor", price: 380, supply: 8.8e6, maxSupply: 21e6, sigma: .036, beta: 1.4},
	{id: "near-protocol", symbol: "NEAR", name: "NEAR Protocol", price: 2.4, supply: 1.2e9, sigma: .028, beta: 1.4},
	{id: "aptos", symbol: "APT", name: "Aptos", price: 4.7, supply: 640e6, sigma: .028, beta: 1.4},
	{id: "internet-computer", symbol: "ICP", name: "Internet Computer", price: 5.0, supply: 533e6, sigma: .026, beta: 1.3},
	{id: "ethereum-classic", symbol: "ETC", name: "Ethereum Classic", price: 17.2, supply: 152e6, maxSupply: 210.7e6, sigma: .024, beta: 1.2},
	{id: "cronos", symbol: "CRO", name: "Cronos", price: .102, supply: 30.8e9, sigma: .024, beta: 1, was: rename{"crypto-com-coin", "CRO", date(2022, 2, 21)}},
	{id: "polygon-ecosystem-token", symbol: "POL", name: "POL (ex-MATIC)", price: .214, supply: 10.4e9, sigma: .028, beta: 1.3, tokens: "ethereum", was: rename{"polygon", "MATIC", date(2024, 9, 4)}},
	{id: "fantom", symbol: "S", name: "Sonic", price: .39, supply: 3.2e9, sigma: .038, beta: 1.4, was: rename{"fantom", "FTM", date(2025, 1, 13)}},
	{id: "render-token", symbol: "RENDER", name: "Render", price: 3.9, supply: 518e6, sigma: .034, beta: 1.4, tokens: "ethereum"},
}

// stable marks a price that is held near its start.
const stable = 0
