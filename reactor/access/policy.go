package access

import (
	"encoding/json"
	"fmt"
)

type statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// policyFor writes down what keys may do: read the files of a place, list them, and, if asked for, write and delete them.
func policyFor(bucket string, g grant) (string, error) {
	arn := "arn:aws:s3:::" + bucket
	files := []string{"s3:GetObject"}
	if g.write {
		files = append(files, "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []statement{
		{Effect: "Allow", Action: files, Resource: []string{arn + "/" + string(g.place) + "/*"}},
		{Effect: "Allow", Action: []string{"s3:GetBucketLocation"}, Resource: []string{arn}},
		{Effect: "Allow", Action: []string{"s3:ListBucket"}, Resource: []string{arn},
			Condition: map[string]map[string][]string{"StringLike": {"s3:prefix": {string(g.place) + "/*"}}}},
	}})
	if err != nil {
		return "", fmt.Errorf("write the policy of keys to %s: %w", g.place, err)
	}
	return string(text), nil
}
