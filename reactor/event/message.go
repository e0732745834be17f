package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// record is what a message says of one object.
type record struct {
	created, removed           bool // neither: nothing that a table shows has changed
	bucket, key, version, etag string
	size                       int64
	sequencer, time, trace     string
	err                        error // why it cannot be read
}

// message is every form in which a store's events come. S3's is {"Records": […]} (AWS S3 event structure 2). SQS has it as the text of
// a message's body, SNS as the text of a notification, Lambda has those in records of its own, and a client of SQS in a list of messages.
// EventBridge has a form of its own for one event.
type message struct {
	Records  []message
	Messages []message

	EventName string
	EventTime string
	S3        *struct {
		Bucket struct{ Name string }
		Object struct {
			Key       string
			Size      int64
			ETag      string
			VersionID string
			Sequencer string
			// UserMetadata is MinIO's: the put's headers X-Amz-Meta-….
			UserMetadata map[string]string
		}
	}

	Body string // SQS

	Type    string // SNS
	Message string
	SNS     *struct{ Message string }

	Event string // the message by which S3 tries a new rule

	Source     any    // EventBridge's is a text; MinIO's records have an object of that name
	DetailType string `json:"detail-type"`
	Time       string
	Detail     *struct {
		Bucket struct{ Name string }
		Object struct {
			Key       string
			Size      int64
			ETag      string
			VersionID string `json:"version-id"`
			Sequencer string
		}
		DeletionType string `json:"deletion-type"`
	}
}

// layers is how often one message may lie in another: SNS in SQS in Lambda's form.
const layers = 4

// unwrap reads the records of a message, whatever it is wrapped in. With an error it returns those that it found.
func unwrap(body []byte, depth int) ([]record, error) {
	if depth > layers {
		return nil, fmt.Errorf("a message in a message, more than %d deep", layers)
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		var list []message
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, err
		}
		return each(list, depth)
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, err
	}
	return m.records(depth)
}

func each(list []message, depth int) (all []record, err error) {
	if len(list) == 0 {
		return nil, errors.New("no records in it")
	}
	for _, m := range list {
		some, bad := m.records(depth)
		all, err = append(all, some...), errors.Join(err, bad)
	}
	return all, err
}

func (m message) records(depth int) ([]record, error) {
	switch {
	case len(m.Records) > 0:
		return each(m.Records, depth)
	case len(m.Messages) > 0:
		return each(m.Messages, depth)
	case m.S3 != nil:
		return []record{m.ofS3()}, nil
	case m.Detail != nil && m.Source == "aws.s3":
		return []record{m.ofEventBridge()}, nil
	case m.Event == "s3:TestEvent":
		return nil, nil
	case m.Type == "Notification":
		return unwrap([]byte(m.Message), depth+1)
	case m.Type == "SubscriptionConfirmation":
		return nil, errors.New("an SNS topic asks whether its subscription is wanted: confirm it by the SubscribeURL of this message")
	case m.SNS != nil:
		return unwrap([]byte(m.SNS.Message), depth+1)
	case m.Body != "":
		return unwrap([]byte(m.Body), depth+1)
	}
	return nil, errors.New("no records in it")
}

// ofS3 reads a record of S3's own form. MinIO's names of events begin with "s3:", AWS's do not.
func (m message) ofS3() record {
	o, name := m.S3.Object, strings.TrimPrefix(m.EventName, "s3:")
	one := record{
		created: created(name), removed: removed(name), bucket: m.S3.Bucket.Name, version: o.VersionID, etag: o.ETag, size: o.Size,
		sequencer: o.Sequencer, time: m.EventTime,
	}
	// Keys are escaped as in a query: '+' is a space, %2B a plus. PathUnescape would leave the '+'.
	if one.key, one.err = url.QueryUnescape(o.Key); one.err != nil {
		one.err = fmt.Errorf("key: %w", one.err)
	}
	for name, value := range o.UserMetadata {
		if strings.EqualFold(name, "X-Amz-Meta-Traceparent") {
			one.trace = value
		}
	}
	return one
}

// ofEventBridge reads an event of EventBridge. Its keys are not escaped.
func (m message) ofEventBridge() record {
	o := m.Detail.Object
	return record{
		created: m.DetailType == "Object Created", removed: m.DetailType == "Object Deleted" && m.Detail.DeletionType == "Permanently Deleted",
		bucket: m.Detail.Bucket.Name, key: o.Key, version: o.VersionID, etag: o.ETag, size: o.Size, sequencer: o.Sequencer, time: m.Time,
	}
}

// removed tells whether a record says that a version is gone. A delete marker has another event name: it hides an object from readers
// and removes no version.
func removed(name string) bool {
	return name == "ObjectRemoved:Delete" || name == "LifecycleExpiration:Delete"
}

// created tells whether a record announces new bytes. "ObjectCreated:*" also covers MinIO's PutTagging, PutRetention and PutLegalHold,
// which change nothing that a table shows.
func created(name string) bool {
	switch name {
	case "ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload":
		return true
	}
	return false
}
