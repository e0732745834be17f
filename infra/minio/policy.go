package minio

import (
	"encoding/json"
	"fmt"
)

// The users of the object store, each with the policy of the same name. The root user stays inside the stack.
const (
	UserOwner    = "owner"    // the person at the keyboard: everything in the bucket
	UserIngestor = "ingestor" // puts data files into bronze, and cannot even read it back
	UserReactor  = "reactor"  // reads everything; owns silver, gold and the tables of other engines
	UserAnalyst  = "analyst"  // reads everything
	UserReporter = "reporter" // reads everything, and puts reports
)

// Users lists them all.
var Users = []string{UserOwner, UserIngestor, UserReactor, UserAnalyst, UserReporter}

type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect   string
	Action   []string
	Resource []string
}

func allow(actions []string, resources ...string) statement {
	arns := make([]string, len(resources))
	for i, resource := range resources {
		arns[i] = "arn:aws:s3:::" + resource
	}
	return statement{Effect: "Allow", Action: actions, Resource: arns}
}

// deny takes out of what other statements allow.
func deny(actions []string, resources ...string) statement {
	s := allow(actions, resources...)
	s.Effect = "Deny"
	return s
}

// importedKeys are those of imported objects: a link makes the reactor read another object of the bucket, and both say when their
// original was stored. That is for the owner, who may read everything.
func importedKeys(bucket string) []string {
	return []string{bucket + "/bronze/*/link=*", bucket + "/bronze/*/at=*"}
}

var (
	readObjects  = []string{"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"}
	writeObjects = []string{"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
	readBucket   = []string{"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation",
		"s3:GetBucketVersioning", "s3:GetBucketNotification"}
)

// bronzeKeys are the keys that the ingestor may put. An object whose key is a folder of others (bronze/coincap/history, for
// want of a slash) hides all of them from MinIO's listings, so the form of a key is held to.
func bronzeKeys(bucket string) []string {
	var keys []string
	for _, ext := range []string{"json", "json.gz", "ndjson", "ndjson.gz", "parquet"} {
		keys = append(keys, bucket+"/bronze/?*/?*/ingest_date=????-??-??/?*."+ext)
	}
	return keys
}

// Policy is the JSON of what user may do in bucket.
func Policy(user, bucket string) ([]byte, error) {
	statements, ok := map[string][]statement{
		UserOwner:    {allow([]string{"s3:*"}, bucket, bucket+"/*")},
		UserIngestor: {allow([]string{"s3:PutObject"}, bronzeKeys(bucket)...), deny([]string{"s3:PutObject"}, importedKeys(bucket)...)},
		UserReactor: {
			allow(readBucket, bucket),
			// Another engine may have made a table anywhere in the bucket, and the catalog answers with its metadata.
			allow(readObjects, bucket+"/*"),
			allow(writeObjects, bucket+"/silver/*", bucket+"/gold/*", bucket+"/tables/*"),
		},
		UserAnalyst:  {allow(readBucket, bucket), allow(readObjects, bucket+"/*")},
		UserReporter: {allow(readBucket, bucket), allow(readObjects, bucket+"/*"), allow([]string{"s3:PutObject"}, bucket+"/reports/*")},
	}[user]
	if !ok {
		return nil, fmt.Errorf("no policy for the S3 user %q", user)
	}
	text, err := json.Marshal(policy{Version: "2012-10-17", Statement: statements})
	if err != nil {
		return nil, fmt.Errorf("write the policy of the S3 user %s: %w", user, err)
	}
	return text, nil
}
