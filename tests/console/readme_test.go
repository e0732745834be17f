//go:build console

package console

import (
	"bytes"
	"context"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// readme is where the pictures of the README go; elsewhere they are taken as well, and thrown away.
var readme = flag.String("readme", "", "folder that gets the pictures of the README")

// heaviest is what a picture of the README may weigh: people read it on the train, too.
const heaviest = 150 << 10

func TestThePicturesOfTheReadmeAreSmall(t *testing.T) {
	dir := *readme
	if dir == "" {
		dir = t.TempDir()
	}
	c := start(t)
	today := time.Now().UTC()
	c.Ingest(t, "history", "--from", today.AddDate(0, 0, -200).Format(time.DateOnly), "--to", today.AddDate(0, 0, -1).Format(time.DateOnly), "--assets", "bitcoin,ethereum,solana,xrp,dogecoin")
	for range 12 { // what the picture shows is how long one object takes, and not twenty at once
		c.Ingest(t, "snapshot")
	}
	b := open(t)
	b.as(t, look{width: 1200})
	b.do(t, "make the window low", chromedp.EmulateViewport(1200, 600)) // a picture of more would be heavier than small
	for name, path := range map[string]string{"now": "/", "market": "/market/bitcoin"} {
		b.visit(t, c.address+path)
		b.sees(t, map[string]string{"now": "objects, p50", "market": "SYNTHETIC"}[name])
		b.until(t, "charts are drawn", "[...document.querySelectorAll('[data-chart]')].every(e => e.querySelector('canvas'))")
		b.write(t, filepath.Join(dir, name+".png"))
	}
}

// write takes a picture of the window, packs it as well as PNG can, and puts it into a file.
func (b *tab) write(t *testing.T, file string) {
	t.Helper()
	var raw []byte
	b.do(t, "take a picture", func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		shot, err := cdp.Call(ctx, target, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: "png"})
		if err == nil {
			raw = shot.Data
		}
		return none, err
	})
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("the picture for %s: %v", file, err)
	}
	var packed bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&packed, picture); err != nil {
		t.Fatal(err)
	}
	if packed.Len() > heaviest {
		t.Errorf("%s has %d bytes, at most %d are small", file, packed.Len(), heaviest)
	}
	if err := os.WriteFile(file, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
