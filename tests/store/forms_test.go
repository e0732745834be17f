//go:build store

package store_test

import (
	"net/url"
	"strings"
	"time"
)

// forms are the ways by which S3's messages come.
var forms = []func(happened) string{
	s3Form,
	snsForm,
	eventBridgeForm,
	func(h happened) string { return sqsForm(s3Form(h)) },
	func(h happened) string { return sqsForm(snsForm(h)) },
	func(h happened) string { return sqsForm(eventBridgeForm(h)) },
	func(h happened) string {
		return text(map[string]any{"Records": []any{map[string]any{"messageId": "1", "eventSource": "aws:sqs", "body": s3Form(h)}}})
	},
}

func s3Form(h happened) string {
	name, object := "ObjectCreated:Put", map[string]any{"key": strings.ReplaceAll(url.QueryEscape(h.key), "%2F", "/"), "versionId": h.version, "sequencer": "0055AED6DCD90281E5"}
	if h.gone {
		name = "ObjectRemoved:Delete"
	} else {
		object["size"], object["eTag"] = h.size, h.etag
	}
	return text(map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1", "eventTime": now(), "eventName": name,
		"s3": map[string]any{"s3SchemaVersion": "1.0", "bucket": map[string]any{"name": "lakehouse", "arn": "arn:aws:s3:::lakehouse"}, "object": object},
	}}})
}

func snsForm(h happened) string {
	return text(map[string]string{"Type": "Notification", "MessageId": "1", "Subject": "Amazon S3 Notification", "Message": s3Form(h)})
}

func sqsForm(body string) string {
	return text(map[string]string{"MessageId": "1", "ReceiptHandle": "h", "Body": body})
}

func eventBridgeForm(h happened) string {
	kind, detail := "Object Created", map[string]any{"version": "0", "bucket": map[string]string{"name": "lakehouse"}, "reason": "PutObject"}
	object := map[string]any{"key": h.key, "version-id": h.version, "sequencer": "617f08299329d189"}
	if h.gone {
		kind, detail["deletion-type"] = "Object Deleted", "Permanently Deleted"
	} else {
		object["size"], object["etag"] = h.size, h.etag
	}
	detail["object"] = object
	return text(map[string]any{"version": "0", "id": "1", "detail-type": kind, "source": "aws.s3", "time": now(), "detail": detail})
}

// now is the time of an event: after that of its object.
func now() string { return time.Now().UTC().Format(time.RFC3339) }
