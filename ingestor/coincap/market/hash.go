package market

// stream is one reproducible sequence of random numbers, addressed by position: asking for a value never moves anything,
// so every price is a function of (seed, asset, time) and can be asked for in any order, by any number of goroutines.
type stream uint64

// newStream derives a stream from a seed and the text and number that name it.
func newStream(seed uint64, label string, n uint64) stream {
	h := mix(seed ^ 0x9e3779b97f4a7c15)
	for _, c := range []byte(label) {
		h = mix(h ^ uint64(c))
	}
	return stream(mix(h ^ n))
}

// mix is the finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

func (s stream) bits(at uint64) uint64 { return mix(uint64(s) ^ mix(at)) }

// uniform returns a number in [0, 1).
func (s stream) uniform(at uint64) float64 { return float64(s.bits(at)>>11) / (1 << 53) }

// normal is the sum of four 16-bit uniforms, scaled to variance 1 (Irwin and Hall): near enough to a normal variable for
// prices, ten times cheaper than the exact one, and free of the library calls whose last bit differs between processors.
func (s stream) normal(at uint64) float64 {
	b := s.bits(at)
	sum := float64(b&0xffff) + float64(b>>16&0xffff) + float64(b>>32&0xffff) + float64(b>>48)
	const scale = 1.7320508075688772 / 65536 // √3 / 2^16: four uniforms have variance 1/3
	return float64((sum - 2*65535) * scale)
}
