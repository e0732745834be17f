// Package cli is what the main packages share: flags by kong, one signal handler, logs on stderr, results on stdout, and exit
// codes. A program is a struct of commands; each command has Run(context.Context, *cli.Output) error, and Help() string with
// an example. Main itself adds --output and --log-level, so programs do not embed them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// Exit codes of every program.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitAborted = 130
)

// Logging is the flag that chooses which log records are written.
type Logging struct {
	LogLevel slog.Level `name:"log-level" env:"MILLRACE_LOG_LEVEL" default:"info" placeholder:"debug|info|warn|error" help:"Least level that is logged."`
}

// Noticer is a program or a command, or a group of flags that it embeds, that may have to warn before the command runs. Notice
// returns the warning, or "" for none; it is logged.
type Noticer interface{ Notice() string }

// Adviser is an error that knows what its reader can do. Main prints the advice after the error of a failed command.
type Adviser interface {
	error
	Advice() string
}

// usageError is wrong usage that only a running command can see.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage returns an error that ends the program with exit code 2, as an unknown flag does.
func Usage(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// codedError is a failure with an exit code of its own.
type codedError struct {
	error
	code int
}

func (e codedError) Unwrap() error { return e.error }

// WithCode returns err as a failure that ends the program with that exit code in place of 1. A code of 1 changes nothing.
func WithCode(err error, code int) error { return codedError{err, code} }

// Main parses the command line into app (a pointer to a struct of commands), runs the chosen command and exits.
// Call settings.LoadEnv before it. The first SIGINT or SIGTERM cancels the command's context, the second aborts.
func Main(app any, name, description string, opts ...kong.Option) {
	ctx, stop := withSignals(context.Background(), os.Exit)
	p := program{app: app, name: name, description: description, stdout: os.Stdout, stderr: os.Stderr}
	code := p.run(ctx, os.Args[1:], opts...)
	stop()
	os.Exit(code)
}

// withSignals returns a context that the first SIGINT or SIGTERM cancels; the second one exits. signal.NotifyContext swallows
// the second one, so that a program that hangs in its orderly end could only be killed.
func withSignals(parent context.Context, exit func(int)) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			cancel(fmt.Errorf("stopped by signal: %v", s))
		case <-done:
			return
		}
		select {
		case <-signals:
			exit(exitAborted)
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel(nil) }
}

// program is one program with the streams that it talks to.
type program struct {
	app               any
	name, description string
	stdout, stderr    io.Writer
}

// earlyExit carries the exit code of --help and the like out of kong, which expects its exit function not to return.
type earlyExit int

// run parses args, runs the chosen command and returns the exit code.
func (p program) run(ctx context.Context, args []string, opts ...kong.Option) (code int) {
	defer func() {
		if r := recover(); r != nil {
			early, ok := r.(earlyExit)
			if !ok {
				panic(r)
			}
			code = int(early)
		}
	}()
	var format Format
	var logging Logging
	var hidden struct {
		Describe describeFlag `name:"describe" hidden:"" help:"Print the command line as JSON."`
	}
	parser, err := kong.New(p.app, append([]kong.Option{
		kong.Name(p.name),
		kong.Description(p.description),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { panic(earlyExit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.Embed(&format),
		kong.Embed(&logging),
		kong.PostBuild(explainScripts),
		kong.Embed(&hidden),
		kong.BindTo(ctx, (*context.Context)(nil)),
	}, opts...)...)
	if err != nil {
		// A mistake in the program's own struct, found by its first test.
		panic(fmt.Errorf("command line of %s: %w", p.name, err))
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\nSee %s --help.\n", p.name, err, p.helpOf(err))
		return exitUsage
	}
	slog.SetDefault(newLogger(p.stderr, isTerminal(p.stderr), logging.LogLevel))
	target := commandOf(chosen.Selected())
	notice(p.app, target)
	out := newOutput(p.stdout, p.stderr, format, scriptColumn(target))
	return p.end(chosen.Command(), stopped(ctx, chosen.Run(out)))
}

// stopped is what a command returned; if a signal ended it, the signal, and not what it was about to do just then.
func stopped(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return context.Cause(ctx)
	}
	return err
}

// notice logs what the program's flags and its command have to warn of.
func notice(all ...any) {
	for _, one := range all {
		if n, ok := one.(Noticer); ok {
			if text := n.Notice(); text != "" {
				slog.Warn(text)
			}
		}
	}
}

// end reports a command's failure and returns the exit code.
func (p program) end(command string, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\nSee %s %s --help.\n", p.name, err, p.name, command)
		return exitUsage
	case isTerminal(p.stderr):
		_, _ = fmt.Fprintf(p.stderr, "%s: %v\n", p.name, err)
		if advice := adviceOn(err); advice != "" {
			_, _ = fmt.Fprintf(p.stderr, "%s: %s\n", p.name, advice)
		}
	default:
		log := slog.With("program", p.name, "command", command, "error", err.Error())
		if advice := adviceOn(err); advice != "" {
			log = log.With("advice", advice)
		}
		log.Error("command failed")
	}
	var coded codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitFailed
}

// adviceOn returns what a reader of an error can do, "" if the error does not say.
func adviceOn(err error) string {
	var knows Adviser
	if errors.As(err, &knows) {
		return knows.Advice()
	}
	return ""
}

// helpOf names the command whose help explains a usage error.
func (p program) helpOf(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Command() != "" {
		return p.name + " " + parse.Context.Command()
	}
	return p.name
}

// commandOf returns a pointer to the struct that a node of the command line was made from; nil for no command.
func commandOf(node *kong.Node) any {
	if node == nil || !node.Target.CanAddr() {
		return nil
	}
	return node.Target.Addr().Interface()
}

func newLogger(w io.Writer, terminal bool, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if terminal {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
