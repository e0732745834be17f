package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// FreePort finds a port for a child that cannot be told to take any. It stays below the range from which systems take the
// local ports of outgoing connections: one of those could have it before the child does.
func FreePort() (int, error) {
	const lowest, highest = 10000, 32767
	var last error
	for range 100 {
		number := lowest + rand.IntN(highest-lowest+1)
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(number)))
		if err != nil {
			last = err
			continue
		}
		return number, listener.Close()
	}
	return 0, fmt.Errorf("find a free port between %d and %d: %w", lowest, highest, last)
}
