package nats

import (
	"fmt"

	"github.com/nats-io/nats-server/v2/server"

	"millrace/infra/settings"
)

// The users of the embedded server.
const (
	UserMinIO   = "minio"   // publishes bucket events, nothing else
	UserReactor = "reactor" // owns the streams
	UserOwner   = "owner"   // the person at the keyboard: everything in the account
)

// Users lists them all.
var Users = []string{UserMinIO, UserReactor, UserOwner}

// Passwords maps each of Users to its password.
type Passwords map[string]settings.Secret

// validate refuses a user without a password: nats-server would let everybody in as that user.
func (p Passwords) validate() error {
	for _, user := range Users {
		if p[user] == "" {
			return fmt.Errorf("nats-server's user %s has no password", user)
		}
	}
	return nil
}

func (p Passwords) users() []*server.User {
	list := make([]*server.User, len(Users))
	for i, name := range Users {
		list[i] = &server.User{Username: name, Password: p[name].Reveal(), Permissions: permissions(name)}
	}
	return list
}

// permissions returns what a user may do; nil, for those who own the streams, is everything.
func permissions(user string) *server.Permissions {
	if user != UserMinIO {
		return nil
	}
	return &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{"lake.raw.>"}},
		// Without it the stream keeps the message but the acknowledgement never comes back: MinIO's queue then sends
		// its first event for ever and none of the rest.
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
	}
}
