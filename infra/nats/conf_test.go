package nats

import (
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// The containers' nats-server must keep what the embedded one keeps: users, permissions, messages on disk before they are acknowledged.
func TestTheContainersServerIsSetUpAsTheEmbeddedOne(t *testing.T) {
	configured(t, "../images/nats.conf")
}

// So must each server of a cluster. It knows its name and the other two by its environment.
func TestEachServerOfAClusterIsSetUpAsTheEmbeddedOne(t *testing.T) {
	t.Setenv("MILLRACE_NATS_NAME", "nats-1")
	t.Setenv("MILLRACE_NATS_ROUTE_PASSWORD", "password")
	t.Setenv("MILLRACE_NATS_ROUTES", `["nats-route://route:password@nats-2:6222", "nats-route://route:password@nats-3:6222"]`)
	conf := configured(t, "cluster.conf")
	if conf.ServerName != "nats-1" || conf.Cluster.Name != "millrace" || conf.Cluster.Username != "route" || conf.Cluster.Password != "password" {
		t.Errorf("server %q, cluster %+v", conf.ServerName, conf.Cluster)
	}
	if len(conf.Routes) != 2 || conf.Routes[0].Host != "nats-2:6222" || conf.Routes[1].Host != "nats-3:6222" {
		t.Errorf("its routes are %v", conf.Routes)
	}
}

// configured reads a configuration and compares it with that of the embedded server.
func configured(t *testing.T, file string) *server.Options {
	t.Helper()
	want := passwords()
	for _, user := range Users {
		t.Setenv("MILLRACE_NATS_"+strings.ToUpper(user)+"_PASSWORD", want[user].Reveal())
	}
	conf, err := server.ProcessConfigFile(file)
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
	return conf
}
