package minio

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/signer"

	"millrace/infra/settings"
)

const (
	// adminPath is where MinIO's own interface lies, beside S3 at the same address.
	adminPath = "/minio/admin/v3/"
	// signedFor is the region in each signature. S3 wants the right one; MinIO's own interface takes any.
	signedFor = "us-east-1"
	// answerLimit bounds what is read of an answer: a server that is not MinIO may send anything.
	answerLimit = 1 << 20
)

// Admin calls MinIO's own interface, which takes HTTP requests signed like those of S3. MinIO's client for it (madmin-go) is
// AGPL, which millrace may not link; this is written from what the server answers.
type Admin struct {
	endpoint  string
	accessKey string
	secretKey settings.Secret
	client    *http.Client
}

// NewAdmin calls the MinIO at endpoint, such as http://127.0.0.1:9000, as the user whose keys it gets.
func NewAdmin(endpoint, accessKey string, secretKey settings.Secret, transport http.RoundTripper) *Admin {
	return &Admin{endpoint: endpoint, accessKey: accessKey, secretKey: secretKey, client: &http.Client{Transport: transport}}
}

// Call sends one request and returns the body of its answer. For an answer other than 200 the error wraps an s3.ErrorResponse.
// Some operations take or give bodies that are encrypted with the user's secret key; Call knows nothing of that.
func (a *Admin) Call(ctx context.Context, method, operation string, query url.Values, body []byte) ([]byte, error) {
	address := a.endpoint + adminPath + operation
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("call MinIO's %s: %w", operation, err)
	}
	digest := sha256.Sum256(body)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(digest[:]))
	// MinIO drops the connection after some of its refusals without saying so. One in thirty of the next calls on it failed
	// ("connection reset by peer"), and Go sends no PUT or POST again by itself.
	request.Close = true
	request = signer.SignV4(*request, a.accessKey, a.secretKey.Reveal(), "", signedFor)
	response, err := a.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("call MinIO's %s: %w", operation, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read MinIO's answer to %s: %w", operation, err)
	}
	if response.StatusCode != http.StatusOK {
		said := refusal(response.StatusCode, answer)
		return nil, fmt.Errorf("MinIO refused %s (%s): %w", operation, said.Code, said)
	}
	return answer, nil
}

// refusal reads why MinIO said no. Its own interface answers in JSON; what S3 refuses before that, in XML.
func refusal(status int, answer []byte) s3.ErrorResponse {
	var said s3.ErrorResponse
	if json.Unmarshal(answer, &said) != nil && xml.Unmarshal(answer, &said) != nil || said.Code == "" {
		said = s3.ErrorResponse{Code: http.StatusText(status), Message: fmt.Sprintf("the answer is %.200q", answer)}
	}
	said.StatusCode = status
	return said
}
