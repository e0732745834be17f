package access

import (
	"context"
	"fmt"
	"net/http"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sync/singleflight"

	"millrace/infra/settings"
)

// keysKept bounds the memory for keys that may be lent again: some 2 KB each.
const keysKept = 4096

// Keys open a table's folder for a while.
type Keys struct {
	AccessKey    string
	SecretKey    settings.Secret
	SessionToken settings.Secret
	Expires      time.Time
}

// Vendor makes keys for one table's folder by the object storage's STS. They can do no more than the reactor's own keys, by
// which it asks for them.
type Vendor struct {
	// Life is how long keys work, from 15 minutes to a week (default: an hour). Whoever has them keeps them that long, even if his
	// token is taken away.
	Life time.Duration

	s3     settings.S3
	client *http.Client

	asking singleflight.Group
	kept   *lru.Cache[grant, Keys]
}

// grant is what keys are for.
type grant struct {
	write bool
	place Place
}

func (g grant) String() string { return fmt.Sprint(g.write, " ", g.place) }

// NewVendor asks the STS of an object storage, by the keys of the settings.
func NewVendor(s3 settings.S3) (*Vendor, error) {
	if _, err := s3.Client(); err != nil { // it checks the settings
		return nil, err
	}
	transport, err := s3.Transport()
	if err != nil {
		return nil, err
	}
	kept, err := lru.New[grant, Keys](keysKept)
	if err != nil {
		return nil, err
	}
	return &Vendor{Life: time.Hour, s3: s3, client: &http.Client{Transport: transport, Timeout: 10 * time.Second}, kept: kept}, nil
}

// Keys returns keys for the folder of the table at location, such as s3://lakehouse/silver/asset_prices, and for nothing beside
// it: to read and write for a role that may write, to read for every other. The error of a place that no table may have is a
// *PlaceError.
func (v *Vendor) Keys(ctx context.Context, role Role, location string) (Keys, error) {
	place, err := NewPlace(v.s3.Bucket, location)
	if err != nil {
		return Keys{}, err
	}
	g := grant{role.MayWrite(), place}
	if keys, ok := v.remembered(g, time.Now()); ok {
		return keys, nil
	}
	// Whoever asks meanwhile waits for the same call. It goes on when the first asker hangs up, because the others wait for it.
	made := v.asking.DoChan(g.String(), func() (any, error) { return v.ask(context.WithoutCancel(ctx), g) })
	select {
	case <-ctx.Done():
		return Keys{}, context.Cause(ctx)
	case result := <-made:
		if result.Err != nil {
			return Keys{}, result.Err
		}
		return result.Val.(Keys), nil
	}
}

// remembered returns keys that work for a quarter of their life yet: a job that just began is not cut off, and a table that is loaded
// fifty times a second costs one call of STS in three quarters of an hour.
func (v *Vendor) remembered(g grant, now time.Time) (Keys, bool) {
	keys, ok := v.kept.Get(g)
	return keys, ok && keys.Expires.Sub(now) >= v.Life/4
}

// ask makes new keys.
func (v *Vendor) ask(ctx context.Context, g grant) (Keys, error) {
	policy, err := policyFor(v.s3.Bucket, g)
	if err != nil {
		return Keys{}, err
	}
	role := credentials.STSAssumeRole{Client: v.client, STSEndpoint: v.s3.Endpoint, Options: credentials.STSAssumeRoleOptions{
		AccessKey: v.s3.AccessKey, SecretKey: v.s3.SecretKey.Reveal(), Location: v.s3.Region,
		Policy: policy, DurationSeconds: int(v.Life.Seconds()),
	}}
	value, err := role.RetrieveWithCredContext(&credentials.CredContext{Context: ctx, Client: v.client})
	if err != nil {
		return Keys{}, fmt.Errorf("ask the object storage's STS at %s for keys to %s: %w", v.s3.Endpoint, g.place, err)
	}
	keys := Keys{value.AccessKeyID, settings.Secret(value.SecretAccessKey), settings.Secret(value.SessionToken), value.Expiration}
	v.kept.Add(g, keys)
	return keys, nil
}
