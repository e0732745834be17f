package stream

import "strings"

// GoldConsumer is the name of gold's durable consumer.
const GoldConsumer = "gold"

const silverConsumer = "silver-"

// SilverConsumer returns the name of the durable consumer of a silver table. The table comes without its namespace.
func SilverConsumer(table string) string { return silverConsumer + table }

// CutSilver is the inverse of SilverConsumer; ok is false for other consumers.
func CutSilver(consumer string) (table string, ok bool) {
	return strings.CutPrefix(consumer, silverConsumer)
}
