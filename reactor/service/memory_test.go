package service

import "testing"

// A limit below what is alive lets the collector run all the time.
func TestTheMemoryLimitStaysAboveWhatIsAlive(t *testing.T) {
	for live := uint64(0); live < 4<<30; live += 1 << 20 {
		limit := memoryFor(live)
		if limit < goMemory || uint64(limit) < live+live/3 {
			t.Fatalf("%d bytes are alive, the limit is %d", live, limit)
		}
		if live < 48<<20 && limit != goMemory {
			t.Fatalf("%d bytes are alive, and the limit is raised to %d", live, limit)
		}
	}
}
