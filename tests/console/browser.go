//go:build console

// Package console tests the reactor's console as people use it: in a real Chromium, on a real stack.
package console

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser finds Debian's Chromium, or another one that is on the PATH.
func browser(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium on the PATH; Debian's package is chromium")
	return ""
}

// tab is a tab of a browser of its own: nothing of another one's cookies is in it.
type tab struct {
	ctx context.Context

	mu       sync.Mutex
	problems []string // what the page's console said, policy violations among it
}

// answerIn bounds every step in a browser.
const answerIn = 40 * time.Second // a page may take 25

func open(t testing.TB) *tab {
	t.Helper()
	b := &tab{}
	ctx, cancel := chromedp.NewContext(context.Background(), chromedp.WithListener(b.heard),
		chromedp.WithAllocatorOptions(chromedp.ExecPath(browser(t)), chromedp.NoSandbox, chromedp.DisableGPU))
	t.Cleanup(cancel)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // starts the browser, which must not end with the time of a step
		t.Fatalf("start the browser: %v", err)
	}
	return b
}

// heard keeps what a page complains of.
func (b *tab) heard(event any) {
	var problem string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			problem = fmt.Sprintf("console.%s: %v", e.Type, e.Args[0].Value)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			problem = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if problem == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, problem)
}

// complaints are what pages complained of since the last call.
func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.problems
	b.problems = nil
	return all
}

// do takes steps, one after the other.
func (b *tab) do(t testing.TB, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, answerIn)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(t, what, err)
	}
}

func (b *tab) fail(t testing.TB, what string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, answerIn) // a page that is on its way answers nothing
	defer cancel()
	page, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	t.Fatalf("%s at %s: %v; the page shows\n%s", what, page, err, text)
}

// ask evaluates an expression in the page; a promise is waited for.
func ask[T any](t testing.TB, b *tab, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, answerIn)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fail(t, "evaluate "+expression[:min(len(expression), 200)], err)
	}
	return value
}

// until waits until an expression is true.
func (b *tab) until(t testing.TB, what, expression string) {
	t.Helper()
	deadline := time.Now().Add(answerIn)
	ctx, cancel := context.WithDeadline(b.ctx, deadline)
	defer cancel()
	for {
		// An evaluation fails while one page makes way for the next.
		value, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && value {
			return
		}
		if time.Now().After(deadline) {
			b.fail(t, "wait until "+what, errors.Join(err, errors.New("it is not so")))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// visit goes to a page and waits until it is there.
func (b *tab) visit(t testing.TB, url string) {
	t.Helper()
	b.do(t, "visit "+url, chromedp.Navigate(url), chromedp.WaitReady(chromedp.CSS("main")))
}

// sees waits until the page shows a text.
func (b *tab) sees(t testing.TB, text string) {
	t.Helper()
	b.until(t, "the page shows "+text, fmt.Sprintf("document.querySelector('main').innerText.includes(%q)", text))
}

// text is what the page shows.
func (b *tab) text(t testing.TB) string {
	t.Helper()
	return ask[string](t, b, "document.querySelector('main').innerText")
}

// submit fills in fields of a form and presses its button. The next page is there afterwards.
func (b *tab) submit(t testing.TB, button string, fields map[string]string) {
	t.Helper()
	for selector, value := range fields {
		b.do(t, "fill in "+selector, chromedp.SetValue(chromedp.CSS(selector), value))
	}
	ask[bool](t, b, "window.before = true")
	b.do(t, "press "+button, chromedp.Click(chromedp.CSS(button)))
	b.until(t, "the next page is there", "window.before === undefined && document.readyState === 'complete'")
}

// look is how a page is looked at.
type look struct {
	width int64
	dark  bool
}

func (l look) String() string {
	if l.dark {
		return fmt.Sprintf("%d-dark", l.width)
	}
	return fmt.Sprintf("%d-light", l.width)
}

// as sets the window and the colours.
func (b *tab) as(t testing.TB, l look) {
	t.Helper()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}}
	b.do(t, "look "+l.String(), chromedp.EmulateViewport(l.width, 900), func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
		return none, err
	})
}

// picture keeps what the page looks like, where somebody asked for it.
func (b *tab) picture(t testing.TB, dir, name string) {
	t.Helper()
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(90))
	if err != nil {
		b.fail(t, "take a picture", err)
	}
	name = strings.Trim(strings.NewReplacer("/", "_", "?", "_", "=", "_", "&", "_", "%", "_").Replace(name), "_")
	if err := os.WriteFile(filepath.Join(dir, name+".jpg"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}
