package delivery_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"millrace/tests/harness"
)

// networkFaults disturbs the lines between reactor, MinIO and broker.
func networkFaults() []fault {
	const down = 5 * time.Second
	during := func(begin, end func(testing.TB, *lab)) func(testing.TB, *lab, *harness.Load, *rand.Rand) string {
		return func(t testing.TB, l *lab, ld *harness.Load, _ *rand.Rand) string {
			begin(t, l)
			time.Sleep(down)
			end(t, l)
			return fmt.Sprintf("for %s", down)
		}
	}
	every := func(do func(testing.TB, *line)) func(testing.TB, *lab) {
		return func(t testing.TB, l *lab) {
			for _, x := range []*line{l.toStore, l.toBroker, l.events} {
				do(t, x)
			}
		}
	}
	return []fault{
		{name: "network cut: reactor from MinIO", sees: "the reactor retries; tables stand still", inject: during(
			func(t testing.TB, l *lab) { l.toStore.cut(t) }, func(t testing.TB, l *lab) { l.toStore.mend(t) })},
		{name: "network cut: reactor from the broker", sees: "tables stand still", inject: during(
			func(t testing.TB, l *lab) { l.toBroker.cut(t) }, func(t testing.TB, l *lab) { l.toBroker.mend(t) })},
		{name: "network cut: MinIO from the broker", sees: "puts go on; their events come up to 3 s after the line is back", inject: during(
			func(t testing.TB, l *lab) { l.events.cut(t) }, func(t testing.TB, l *lab) { l.events.mend(t) })},
		{name: "network cut: everything from everything", sees: "puts past the cut go on; tables stand still", inject: during(
			every(func(t testing.TB, x *line) { x.cut(t) }), every(func(t testing.TB, x *line) { x.mend(t) }))},
		{name: "network frozen: connections stand, nothing comes through", sees: "puts hang where they wait for an event's acknowledgement; tables stand still", inject: during(
			every(func(t testing.TB, x *line) { x.freeze(t) }), every(func(t testing.TB, x *line) { x.clear(t) }))},
		{name: "network slow: 150 ms and 200 KB/s each way", sees: "tables lag by seconds", inject: during(
			every(func(t testing.TB, x *line) { x.slow(t, 150, 200) }), every(func(t testing.TB, x *line) { x.clear(t) }))},
	}
}
