package main

import (
	"context"
	"errors"
	"time"
)

// own is the project's name beside the peers'.
const own = "millrace"

// metered times some work of a system and adds the times to the report.
func (r *race) metered(system, id, work string, gauge gauge, run func() ([]time.Duration, error)) error {
	stop, err := r.lake.metered(gauge)
	if err != nil {
		return err
	}
	took, err := run()
	cost, failure := stop()
	if err := errors.Join(err, failure); err != nil {
		return err
	}
	r.report.measured(id, work, system, took, cost)
	r.log("measured", "what", work, "system", system, "seconds", round(seconds(took)[0]), "of", len(took), "cpu s", round(cost.CPUSeconds), "peak MB", round(cost.PeakMB))
	return nil
}

// millrace times work that begins with a reactor's start. The reactor is ended afterwards.
func (r *race) millrace(ctx context.Context, id, work string, run func(started time.Time) ([]time.Duration, error)) error {
	err := r.metered(own, id, work, r.lake.ownGauge, func() ([]time.Duration, error) {
		started := time.Now()
		if err := r.lake.startReactor(ctx); err != nil {
			return nil, err
		}
		return run(started)
	})
	return errors.Join(err, r.rest())
}

// rest ends the reactor, so that it takes nothing while another system is measured.
func (r *race) rest() error {
	l := r.lake
	if l.reactor == nil {
		return nil
	}
	err := l.sameProcesses()
	l.warnings()
	l.reactor.Stop()
	l.reactor = nil
	delete(l.pids, "reactor")
	err = errors.Join(err, l.catalog.Close())
	l.catalog = nil
	return err
}

// peer times work that begins with the start of a peer's process. What it takes to end is no part of it.
func (r *race) peer(ctx context.Context, p peer, id, work string, run func(*session) ([]time.Duration, error)) error {
	s, err := r.lake.session(p)
	if err != nil {
		return err
	}
	err = r.metered(p.name, id, work, s.gauge, func() ([]time.Duration, error) { return run(s) })
	return errors.Join(err, s.close())
}

// session runs a peer that is ready before anything is timed.
func (r *race) session(ctx context.Context, p peer, run func(*session) error) error {
	s, err := r.lake.session(p)
	if err != nil {
		return err
	}
	if _, err = s.next(ctx, isReady); err == nil {
		err = run(s)
	}
	return errors.Join(err, s.close())
}

// Cost is what work took: CPU seconds of all processes of a system, the most memory that they had together, and the CPU seconds of
// MinIO, which all systems share.
type Cost struct {
	CPUSeconds      float64 `json:"cpu_s"`
	PeakMB          float64 `json:"peak_rss_mb"`
	MinIOCPUSeconds float64 `json:"minio_cpu_s"`
}

// gauge begins to measure a system's processes; call what it returns at the end.
type gauge func() (func() (cpuSeconds, peakMB float64, err error), error)

// metered measures a system, and MinIO beside it.
func (l *lakehouse) metered(g gauge) (func() (Cost, error), error) {
	minio, err := usageOf(l.pids["minio"])
	if err != nil {
		return nil, err
	}
	stop, err := g()
	if err != nil {
		return nil, err
	}
	return func() (Cost, error) {
		cpu, peak, err := stop()
		after, failure := usageOf(l.pids["minio"])
		return Cost{cpu, peak, after.cpuSeconds - minio.cpuSeconds}, errors.Join(err, failure)
	}, nil
}

// ownGauge measures the reactor and the stack, which has NATS in it. It adds their peaks as if they had come at one time.
// It measures a reactor that starts in between from its start.
func (l *lakehouse) ownGauge() (func() (float64, float64, error), error) {
	before := map[string]usage{}
	for _, name := range []string{"stack", "reactor"} {
		if pid, ok := l.pids[name]; ok {
			u, err := usageOf(pid)
			if err := errors.Join(err, resetPeak(pid)); err != nil {
				return nil, err
			}
			before[name] = u
		}
	}
	return func() (cpu, peak float64, err error) {
		for _, name := range []string{"stack", "reactor"} {
			u, err := usageOf(l.pids[name])
			if err != nil {
				return 0, 0, err
			}
			cpu, peak = cpu+u.cpuSeconds-before[name].cpuSeconds, peak+u.peakBytes/1e6
			l.bench.report.Resources = append(l.bench.report.Resources, Resource{
				Scenario: l.bench.letter, Part: own, Process: name, CPUSeconds: u.cpuSeconds - before[name].cpuSeconds, PeakRSSMB: u.peakBytes / 1e6,
			})
		}
		return cpu, peak, nil
	}, nil
}

// gauge measures the session's processes.
func (s *session) gauge() (func() (float64, float64, error), error) {
	m, err := s.family().meter()
	if err != nil {
		return nil, err
	}
	return m.stop, nil
}
