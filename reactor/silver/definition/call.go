package definition

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"millrace/reactor/silver"
)

// call takes "name(a, b)" apart; without parentheses there are no arguments. ok is false for what is neither.
func call(text string) (name string, arguments []string, ok bool) {
	name, rest, has := strings.Cut(text, "(")
	if !has {
		return name, nil, true
	}
	inside, ended := strings.CutSuffix(strings.TrimSpace(rest), ")")
	for a := range strings.SplitSeq(inside, ",") {
		arguments = append(arguments, strings.TrimSpace(a))
	}
	return strings.TrimSpace(name), arguments, ended
}

const knownPartitions = "month, day, year, hour, identity(column), bucket(n, column) and none"

// partition reads how a table's files are divided.
func (r *reader) partition(node *yaml.Node) (p silver.Partition) {
	text := r.Text(node)
	name, arguments, ok := call(text)
	switch by := silver.PartitionBy(name); {
	case text == "" || text == "month":
	case ok && len(arguments) == 0 && (by == silver.Day || by == silver.Year || by == silver.Hour || by == silver.Unpartitioned):
		p.By = by
	case ok && by == silver.Identity && len(arguments) == 1:
		p.By, p.Column = by, arguments[0]
	case ok && by == silver.Bucket && len(arguments) == 2:
		n, err := strconv.Atoi(arguments[0])
		if err != nil {
			r.Say(node, "partition is %q: the first value of bucket is how many there are: bucket(16, %s)", text, arguments[1])
		}
		p.By, p.Buckets, p.Column = by, n, arguments[1]
	default:
		r.Say(node, "partition is %q: known are %s%s", text, knownPartitions, hint(name, []string{"month", "day", "year", "hour", "identity", "bucket", "none"}))
	}
	return p
}

const knownWinners = "latest, earliest, greatest(column) and least(column)"

// winner reads which of the rows of a key stays.
func (r *reader) winner(node *yaml.Node) (w silver.Winner) {
	text := r.Text(node)
	name, arguments, ok := call(text)
	switch rule := silver.WinnerRule(name); {
	case text == "" || text == "latest":
	case ok && rule == silver.Earliest && len(arguments) == 0:
		w.Rule = rule
	case ok && (rule == silver.Greatest || rule == silver.Least) && len(arguments) == 1:
		w.Rule, w.Column = rule, arguments[0]
	default:
		r.Say(node, "winner is %q: known are %s%s", text, knownWinners, hint(name, []string{"latest", "earliest", "greatest", "least"}))
	}
	return w
}
