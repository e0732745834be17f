package minio

import (
	"context"
	"fmt"
	"slices"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/notification"
)

// subjects maps each notification target to the subject it publishes on.
var subjects = map[string]string{"FAST": "lake.raw.fast", "SAFE": "lake.raw.safe"}

// created are the events that bring a new object version. The wildcard s3:ObjectCreated:* would add changes of tags,
// retention and legal hold, which bring no bytes.
var created = []notification.EventType{
	notification.ObjectCreatedPut,
	notification.ObjectCreatedPost,
	notification.ObjectCreatedCopy,
	notification.ObjectCreatedCompleteMultipartUpload,
}

// bronzeEvents are those of bronze: a version that is deleted takes its rows along. A delete marker, which takes nothing
// away, is an event of another name.
var bronzeEvents = append(slices.Clone(created), notification.ObjectRemovedDelete)

// filters select the objects that move the lake: what lands in bronze or leaves it, and the commits of silver's tables.
var filters = []struct {
	prefix, suffix string
	events         []notification.EventType
}{
	{"bronze/", "", bronzeEvents},
	{"silver/", ".metadata.json", created},
}

// Rules is the bucket's whole notification configuration: both filters on both targets.
func Rules() notification.Configuration {
	var rules notification.Configuration
	for _, filter := range filters {
		for _, target := range []string{"FAST", "SAFE"} {
			rule := notification.NewConfig(notification.NewArn("minio", "sqs", "", target, "nats"))
			rule.AddEvents(filter.events...)
			rule.AddFilterPrefix(filter.prefix)
			if filter.suffix != "" {
				rule.AddFilterSuffix(filter.suffix)
			}
			rules.AddQueue(rule)
		}
	}
	return rules
}

// SetRules replaces the bucket's notification configuration. It is called at every boot: MinIO shows no rule whose target
// it does not know, says nothing about it, and sends no event.
func SetRules(ctx context.Context, client *s3.Client, bucket string) error {
	if err := client.SetBucketNotification(ctx, bucket, Rules()); err != nil {
		return fmt.Errorf("set the notification rules of bucket %s: %w", bucket, err)
	}
	got, err := client.GetBucketNotification(ctx, bucket)
	if err != nil {
		return fmt.Errorf("read back the notification rules of bucket %s: %w", bucket, err)
	}
	if !sameRules(got, Rules()) {
		return fmt.Errorf("bucket %s has other notification rules than were set: events would be lost", bucket)
	}
	return nil
}

// KeepRules sets the rules again when they are not what they should be, and tells whether that was so: a rule that somebody
// removes is missed by nobody, and no event comes any more.
func KeepRules(ctx context.Context, client *s3.Client, bucket string) (changed bool, err error) {
	got, err := client.GetBucketNotification(ctx, bucket)
	if err != nil {
		return false, fmt.Errorf("read the notification rules of bucket %s: %w", bucket, err)
	}
	if sameRules(got, Rules()) {
		return false, nil
	}
	return true, SetRules(ctx, client, bucket)
}

// sameRules compares by target, events and filter; ids are the server's own, and order means nothing.
func sameRules(a, b notification.Configuration) bool {
	if len(a.LambdaConfigs)+len(a.TopicConfigs)+len(b.LambdaConfigs)+len(b.TopicConfigs) > 0 {
		return false
	}
	return contains(a, b) && contains(b, a)
}

func contains(all, some notification.Configuration) bool {
	for _, rule := range some.QueueConfigs {
		found := false
		for _, other := range all.QueueConfigs {
			found = found || other.Queue == rule.Queue && other.Equal(rule.Events, prefix(rule), suffix(rule))
		}
		if !found {
			return false
		}
	}
	return true
}

func prefix(rule notification.QueueConfig) string { return filterValue(rule, "prefix") }
func suffix(rule notification.QueueConfig) string { return filterValue(rule, "suffix") }

func filterValue(rule notification.QueueConfig, name string) string {
	if rule.Filter == nil {
		return ""
	}
	for _, f := range rule.Filter.S3Key.FilterRules {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}
