package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"millrace/infra/files"
	"millrace/ingestor/coincap"
)

// startSimulator serves recorded responses if they are asked for, and synthetic prices if there is no key for genuine ones.
func (s *stack) startSimulator() error {
	if s.options.Key != "" && s.options.Recorded == "" {
		return nil
	}
	simulator, err := coincap.NewSimulator(coincap.SimulatorConfig{Seed: 1, Recorded: s.options.Recorded})
	if err != nil {
		return fmt.Errorf("start the simulator of CoinCap: %w", err)
	}
	listener, err := s.simulatorListener()
	if err != nil {
		return fmt.Errorf("start the simulator of CoinCap: %w", err)
	}
	server := &http.Server{Handler: simulator, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("the simulator ended: nothing can be ingested", "error", err)
		}
	}()
	s.onStop(func() { _ = server.Close() })
	s.at.Simulator = "http://" + listener.Addr().String() + "/v3"
	return nil
}

// simulatorListener listens on the port of the last start, so that the address that shells and Airflow have stays true. If
// another process has that port now, it takes another one.
func (s *stack) simulatorListener() (net.Listener, error) {
	if text, err := os.ReadFile(s.home.simulatorFile()); err == nil {
		if listener, err := net.Listen("tcp", strings.TrimSpace(string(text))); err == nil {
			return listener, nil
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	if err := files.Replace(s.home.simulatorFile(), []byte(listener.Addr().String()+"\n")); err != nil {
		_ = listener.Close()
		return nil, err
	}
	return listener, nil
}
