package minio

import (
	"slices"
	"testing"

	"github.com/minio/minio-go/v7/pkg/notification"
)

func TestEveryFilterGoesToBothTargets(t *testing.T) {
	seen := map[string]int{}
	for _, rule := range Rules().QueueConfigs {
		seen[prefix(rule)+"|"+suffix(rule)+"|"+rule.Queue]++
		want := created
		if prefix(rule) == "bronze/" {
			want = bronzeEvents
		}
		if !slices.Equal(rule.Events, want) {
			t.Errorf("rule for %s has the events %v", rule.Queue, rule.Events)
		}
	}
	for _, want := range []string{
		"bronze/||arn:minio:sqs::FAST:nats", "bronze/||arn:minio:sqs::SAFE:nats",
		"silver/|.metadata.json|arn:minio:sqs::FAST:nats", "silver/|.metadata.json|arn:minio:sqs::SAFE:nats",
	} {
		if seen[want] != 1 {
			t.Errorf("%d rules for %s, want 1", seen[want], want)
		}
	}
	if len(seen) != 4 {
		t.Errorf("rules: %v", seen)
	}
}

func TestSameRules(t *testing.T) {
	change := func(f func(*notification.Configuration)) notification.Configuration {
		rules := Rules()
		f(&rules)
		return rules
	}
	tests := []struct {
		name  string
		rules notification.Configuration
		want  bool
	}{
		{"the same", Rules(), true},
		{"in another order, with ids", change(func(c *notification.Configuration) {
			slices.Reverse(c.QueueConfigs)
			for i := range c.QueueConfigs {
				c.QueueConfigs[i].ID = "given by the server"
				slices.Reverse(c.QueueConfigs[i].Events)
			}
		}), true},
		{"none", notification.Configuration{}, false},
		{"one hidden", change(func(c *notification.Configuration) { c.QueueConfigs = c.QueueConfigs[1:] }), false},
		{"one more", change(func(c *notification.Configuration) {
			rule := notification.NewConfig(notification.NewArn("minio", "sqs", "", "FAST", "nats"))
			rule.AddEvents(created...)
			rule.AddFilterPrefix("gold/")
			c.AddQueue(rule)
		}), false},
		{"other prefix", change(func(c *notification.Configuration) { c.QueueConfigs[0].Filter.S3Key.FilterRules[0].Value = "bronz/" }), false},
		{"fewer events", change(func(c *notification.Configuration) { c.QueueConfigs[0].Events = created[:1] }), false},
		{"other target", change(func(c *notification.Configuration) { c.QueueConfigs[0].Queue = "arn:minio:sqs::OTHER:nats" }), false},
		{"a topic", change(func(c *notification.Configuration) {
			c.AddTopic(notification.NewConfig(notification.NewArn("aws", "sns", "", "1", "t")))
		}), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sameRules(tt.rules, Rules()); got != tt.want {
				t.Errorf("same is %v, want %v", got, tt.want)
			}
		})
	}
}
