package stream

import "strings"

// GoldConsumer is the name of the durable consumer of gold.
const GoldConsumer = "gold"

const silverConsumer = "silver-"

// SilverConsumer is the name of the durable consumer of a table of silver, without its namespace.
func SilverConsumer(table string) string { return silverConsumer + table }

// CutSilver is the inverse of SilverConsumer; ok is false for another consumer.
func CutSilver(consumer string) (table string, ok bool) {
	return strings.CutPrefix(consumer, silverConsumer)
}
