package nats

import (
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// The containers' nats-server must keep what the embedded one keeps: users, permissions, messages on disk before they are acknowledged.
func TestTheContainersServerIsSetUpAsTheEmbeddedOne(t *testing.T) {
	want := passwords()
	for _, user := range Users {
		t.Setenv("MILLRACE_NATS_"+strings.ToUpper(user)+"_PASSWORD", want[user].Reveal())
	}
	conf, err := server.ProcessConfigFile("../images/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !conf.JetStream || !conf.SyncAlways {
		t.Errorf("JetStream is %v, sync always is %v", conf.JetStream, conf.SyncAlways)
	}
	got := map[string]*server.User{}
	for _, user := range conf.Users {
		got[user.Username] = user
	}
	for _, user := range want.users() {
		has := got[user.Username]
		if has == nil || has.Password != user.Password || !reflect.DeepEqual(has.Permissions, user.Permissions) {
			t.Errorf("user %s is %+v, want %+v", user.Username, has, user)
		}
	}
	if len(got) != len(Users) {
		t.Errorf("%d users, want %d", len(got), len(Users))
	}
}
