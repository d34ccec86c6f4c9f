package darwin

import (
	"math"
	"math/bits"
)

// satSub returns a - b, and 0 where that is negative.
func satSub(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}

// satAdd returns a + b, and the largest number where that does not fit.
func satAdd(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return sum
}

// satMul returns a * b, and the largest number where that does not fit.
func satMul(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi != 0 {
		return math.MaxUint64
	}
	return lo
}
