package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"millrace/infra/minio"
	"millrace/infra/process"
)

const (
	// reactorReadyWithin is enough for a rebuild of gold after a changed model.
	reactorReadyWithin = 5 * time.Minute
	// reactorGrace lets a commit in flight end. A commit that is killed would be done again at the next start.
	reactorGrace = 20 * time.Second
)

func (s *stack) startReactor(ctx context.Context) error {
	if err := os.RemoveAll(s.home.httpAddrFile()); err != nil {
		return fmt.Errorf("forget the address of an earlier reactor: %w", err)
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{Proxy: nil}}
	reactor, err := process.Start(ctx, process.Spec{
		Name:    "reactor",
		Command: s.reactorCommand,
		Ready: func(ctx context.Context) error {
			addr, err := s.reactorAddr()
			if err != nil {
				return err
			}
			return readyz(ctx, client, addr)
		},
		ReadyWithin: reactorReadyWithin,
		Grace:       reactorGrace,
		LogFile:     s.home.logFile("reactor"),
		PIDFile:     s.home.pidFile("reactor"),
		Log:         slog.Default(),
	})
	if err != nil {
		return err
	}
	s.onStop(reactor.Stop)
	s.at.HTTP, err = s.reactorAddr()
	return err
}

// reactorCommand returns the command of the reactor's next life. A restarted reactor gets the address that it took at its first
// start, so that env files and browsers still find it.
func (s *stack) reactorCommand() (*exec.Cmd, error) {
	env, err := s.home.roleEnvironment(minio.UserReactor)
	if err != nil {
		return nil, err
	}
	addr, err := s.reactorAddr()
	if err != nil {
		addr = s.options.HTTPAddr // none taken yet
	}
	cmd := exec.Command(s.programs.reactor, "run", "--home", string(s.home))
	cmd.Env = append(env, "MILLRACE_HTTP_ADDR="+addr)
	return cmd, nil
}

// reactorAddr returns where the reactor listens: the address of the flag or, if its port is 0, the one that the reactor has
// written into its home.
func (s *stack) reactorAddr() (string, error) {
	if _, number, err := splitAddr(s.options.HTTPAddr); err != nil || number != 0 {
		return s.options.HTTPAddr, err
	}
	text, err := os.ReadFile(s.home.httpAddrFile())
	if err != nil {
		return "", fmt.Errorf("read the address the reactor took: %w", err)
	}
	addr := strings.TrimSpace(string(text))
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return "", fmt.Errorf("read the address the reactor took from %s: %w", s.home.httpAddrFile(), err)
	}
	return addr, nil
}

func readyz(ctx context.Context, client *http.Client, addr string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	why, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if reason, ok := onlyModels(why); ok {
		slog.Warn("a model of gold cannot be computed; everything else runs", "reason", reason)
		return nil
	}
	return fmt.Errorf("the reactor answers %s: %s", response.Status, strings.TrimSpace(string(why)))
}

// onlyModels tells whether a reactor is unready for nothing but models of gold that cannot be computed. The stack is of use
// then, and whoever wrote the model must hear of it now: a start that waited for it would wait in silence.
func onlyModels(body []byte) (reason string, ok bool) {
	var answer struct {
		Parts []struct {
			Name, Reason string
			Ready        bool
		}
	}
	if json.Unmarshal(body, &answer) != nil {
		return "", false
	}
	for _, p := range answer.Parts {
		switch {
		case p.Ready:
		case p.Name == "gold":
			reason = p.Reason
		default:
			return "", false
		}
	}
	return reason, reason != ""
}
